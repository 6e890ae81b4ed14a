// SPDX-License-Identifier: Apache-2.0
// The files of a spool, and what threads do with them.
//
// At most one thread works for a spool at a time, so that the files are written, and read, in
// order. While it writes one buffer the other is filled; while one is used it reads into the other.
// What a thread touches is on the heap, and lives until the thread has finished, whatever becomes
// of the request.
#include "enc_ngx_spool.h"

#include "enc_ngx.h"
#include "enc_ngx_disk.h"
#include "enc_ngx_quota.h"

enum { N_BUFS = 2, BUF_BYTES = 256 * 1024 };

// A file is as large as all that the spool has on disk when the file is begun, within these limits:
// few files for much, and room that comes back soon.
#define FILE_MIN_BYTES ((off_t)16 * 1024 * 1024)
#define FILE_MAX_BYTES ((off_t)1024 * 1024 * 1024)

struct spool_file {
    struct spool_file *next;
    ngx_file_t file; // buffers in nginx's hands point to it
    off_t max_bytes; // begin another one after so many
    off_t n_written; // bytes
    off_t n_handed;  // of them, to nginx
};

struct enc_ngx_spool {
    struct enc_ngx_spool_options options;
    struct spool_file *first; // being read
    struct spool_file *last;  // being written
    u_char *bufs[N_BUFS];
    size_t n_in_buf[N_BUFS];
    size_t first_full; // of the bufs that are full; the next one to write, or to give out
    size_t n_full;
    bool is_reading;    // all is written, and is read now
    bool is_lent;       // the first full buf is with the caller
    size_t n_in_thread; // bytes that a thread reads, or read last; 0: no thread was needed
    bool is_at_work;    // a thread
    bool is_abandoned;  // freed once the thread has finished
    off_t n_readable;
    off_t n_unwritten;
    off_t n_reserved; // in the quota: what the files hold, and what is not written yet
    enum enc_ngx_error error;
    ngx_thread_task_t *task;
};

ngx_int_t enc_ngx_spool_check_path(const char *path, ngx_log_t *log)
{
    ngx_fd_t fd = enc_ngx_disk_open(path);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "encrypter_spool_path \"%s\": cannot make a file without a name (O_TMPFILE); "
                      "use a folder on ext4, XFS, Btrfs or tmpfs",
                      path);
        return NGX_ERROR;
    }
    (void)ngx_close_file(fd);
    return NGX_OK;
}

static void drop_first(struct enc_ngx_spool *spool)
{
    struct spool_file *file = spool->first;

    spool->first = file->next;
    if (spool->last == file)
        spool->last = NULL;
    spool->n_reserved -= file->n_written;
    if (file->file.fd != NGX_INVALID_FILE)
        enc_ngx_disk_close(file->file.fd, file->n_written);
    ngx_free(file);
}

static void destroy(struct enc_ngx_spool *spool)
{
    while (spool->first)
        drop_first(spool);
    if (spool->n_reserved > 0) // for what was never written
        enc_ngx_quota_give(spool->n_reserved);
    for (size_t i = 0; i < N_BUFS; i++)
        ngx_free(spool->bufs[i]);
    ngx_free(spool->task);
    ngx_free(spool);
}

static void fail(struct enc_ngx_spool *spool, ngx_err_t err)
{
    if (err == NGX_ENOSPC || err == EDQUOT)
        spool->error = ENC_NGX_ERROR_INSUFFICIENT_STORAGE;
    else if (err == NGX_EMFILE || err == NGX_ENFILE || err == NGX_ENOMEM)
        spool->error = ENC_NGX_ERROR_OVERLOADED;
    else
        spool->error = ENC_NGX_ERROR_INTERNAL;
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err, "encrypter: %s the spool \"%s\" failed",
                  spool->is_reading ? "reading" : "writing", spool->options.path);
}

static bool begin_file(struct enc_ngx_spool *spool)
{
    struct spool_file *file = ngx_calloc(sizeof(*file), ngx_cycle->log);

    if (!file)
        return false;
    file->file.fd = NGX_INVALID_FILE; // the thread opens it
    file->file.log = ngx_cycle->log;
    ngx_str_set(&file->file.name, "encrypter spool");
    file->max_bytes = ngx_min(ngx_max(spool->n_reserved, FILE_MIN_BYTES), FILE_MAX_BYTES);
    if (spool->last)
        spool->last->next = file;
    else
        spool->first = file;
    spool->last = file;
    return true;
}

static struct enc_ngx_disk_work *work_of(const struct enc_ngx_spool *spool)
{
    return spool->task->ctx;
}

// Has a thread write the next full buffer, if there is one and no thread is at work.
static void write_next(struct enc_ngx_spool *spool)
{
    if (spool->is_at_work || spool->n_full == 0 || spool->error != ENC_NGX_ERROR_NONE)
        return;
    if (!spool->last || spool->last->n_written >= spool->last->max_bytes) {
        if (!begin_file(spool)) {
            fail(spool, NGX_ENOMEM);
            return;
        }
    }
    *work_of(spool) = (struct enc_ngx_disk_work){
        .path = spool->options.path,
        .fd = spool->last->file.fd,
        .offset = spool->last->n_written,
        .data = spool->bufs[spool->first_full],
        .n = spool->n_in_buf[spool->first_full],
    };
    spool->is_at_work = true;
    enc_ngx_disk_write(spool->task);
}

static void drop_first_full(struct enc_ngx_spool *spool)
{
    spool->first_full = (spool->first_full + 1) % N_BUFS;
    spool->n_full--;
}

static void on_written(struct enc_ngx_spool *spool)
{
    off_t n = (off_t)spool->n_in_buf[spool->first_full];

    if (work_of(spool)->err) {
        fail(spool, work_of(spool)->err);
        return;
    }
    spool->last->n_written += n;
    spool->n_readable += n;
    spool->n_unwritten -= n;
    drop_first_full(spool);
    write_next(spool);
}

// The buffer that is to be filled next, while not all are full.
static size_t next_buf(const struct enc_ngx_spool *spool)
{
    return (spool->first_full + spool->n_full) % N_BUFS;
}

// n bytes were read into the next buffer.
static void take_read(struct enc_ngx_spool *spool, size_t n)
{
    struct spool_file *file = spool->first;

    spool->n_in_buf[next_buf(spool)] = n;
    spool->n_full++;
    spool->n_readable -= (off_t)n;
    file->n_handed += (off_t)n;
    if (file->n_handed == file->n_written)
        drop_first(spool);
}

// Reads what comes next into a free buffer, if there are both: at once, or else by a thread.
static void read_next(struct enc_ngx_spool *spool)
{
    const struct spool_file *file = spool->first;

    if (!file || spool->is_at_work || spool->n_full == N_BUFS || spool->error != ENC_NGX_ERROR_NONE)
        return;
    *work_of(spool) = (struct enc_ngx_disk_work){
        .fd = file->file.fd,
        .offset = file->n_handed,
        .data = spool->bufs[next_buf(spool)],
        .n = (size_t)ngx_min(file->n_written - file->n_handed, BUF_BYTES),
    };
    if (enc_ngx_disk_read_at_once(work_of(spool))) {
        spool->n_in_thread = 0;
        take_read(spool, work_of(spool)->n);
        return;
    }
    spool->n_in_thread = work_of(spool)->n;
    spool->is_at_work = true;
    enc_ngx_disk_read(spool->task);
}

static void on_read(struct enc_ngx_spool *spool)
{
    if (work_of(spool)->err) {
        fail(spool, work_of(spool)->err);
        return;
    }
    take_read(spool, spool->n_in_thread);
    read_next(spool); // while that is used
}

static void on_finished(ngx_event_t *event)
{
    struct enc_ngx_spool *spool = event->data;

    spool->is_at_work = false;
    if (!spool->is_reading)
        spool->last->file.fd = work_of(spool)->fd;
    if (spool->is_abandoned) {
        destroy(spool);
        return;
    }
    if (spool->is_reading)
        on_read(spool);
    else
        on_written(spool);
    spool->options.on_disk(spool->options.data);
}

struct enc_ngx_spool *enc_ngx_spool_new(const struct enc_ngx_spool_options *options)
{
    struct enc_ngx_spool *spool = ngx_calloc(sizeof(*spool), ngx_cycle->log);

    if (!spool)
        return NULL;
    spool->options = *options;
    spool->error = ENC_NGX_ERROR_NONE;
    spool->task = enc_ngx_disk_task(on_finished, spool);
    bool complete = spool->task != NULL;
    for (size_t i = 0; i < N_BUFS; i++) {
        spool->bufs[i] = ngx_alloc(BUF_BYTES, ngx_cycle->log);
        complete = complete && spool->bufs[i];
    }
    if (!complete) {
        destroy(spool);
        return NULL;
    }
    return spool;
}

ngx_int_t enc_ngx_spool_room(struct enc_ngx_spool *spool, u_char **ret_room, size_t *ret_cap)
{
    if (spool->error != ENC_NGX_ERROR_NONE)
        return NGX_ERROR;
    if (spool->n_full == N_BUFS)
        return NGX_AGAIN;
    *ret_room = spool->bufs[next_buf(spool)];
    *ret_cap = BUF_BYTES;
    return NGX_OK;
}

// Counts n more bytes against both caps.
static bool reserve(struct enc_ngx_spool *spool, off_t n)
{
    if (n > spool->options.request_max - spool->n_reserved ||
        !enc_ngx_quota_take(n, spool->options.service_max))
        return false;
    spool->n_reserved += n;
    return true;
}

ngx_int_t enc_ngx_spool_fill(struct enc_ngx_spool *spool, size_t n)
{
    if (spool->error != ENC_NGX_ERROR_NONE)
        return NGX_ERROR;
    if (n == 0)
        return NGX_OK;
    if (!reserve(spool, (off_t)n)) {
        spool->error = ENC_NGX_ERROR_INSUFFICIENT_STORAGE;
        return NGX_ERROR;
    }
    spool->n_in_buf[next_buf(spool)] = n;
    spool->n_full++;
    spool->n_unwritten += (off_t)n;
    write_next(spool);
    return spool->error == ENC_NGX_ERROR_NONE ? NGX_OK : NGX_ERROR;
}

bool enc_ngx_spool_next(struct enc_ngx_spool *spool, off_t max, ngx_buf_t *b)
{
    struct spool_file *file = spool->first;

    while (file && file->n_handed == file->n_written)
        file = file->next;
    if (!file)
        return false;
    off_t n = ngx_min(max, file->n_written - file->n_handed);
    ngx_memzero(b, sizeof(*b));
    b->in_file = 1;
    b->file = &file->file;
    b->file_pos = file->n_handed;
    b->file_last = file->n_handed + n;
    file->n_handed += n;
    spool->n_readable -= n;
    return true;
}

void enc_ngx_spool_consumed(struct enc_ngx_spool *spool)
{
    // The last one goes only if nothing is to come into it.
    while (spool->first && spool->first->n_handed == spool->first->n_written &&
           (spool->first != spool->last || spool->n_unwritten == 0))
        drop_first(spool);
}

ngx_int_t enc_ngx_spool_read(struct enc_ngx_spool *spool, const u_char **ret_in, size_t *ret_n)
{
    spool->is_reading = true;
    if (spool->is_lent) {
        spool->is_lent = false;
        drop_first_full(spool);
    }
    if (spool->n_full == 0 || spool->n_in_thread > 0)
        read_next(spool);
    if (spool->error != ENC_NGX_ERROR_NONE)
        return NGX_ERROR;
    if (spool->n_full == 0)
        return spool->is_at_work ? NGX_AGAIN : NGX_DONE;
    spool->is_lent = true;
    *ret_in = spool->bufs[spool->first_full];
    *ret_n = spool->n_in_buf[spool->first_full];
    return NGX_OK;
}

off_t enc_ngx_spool_readable(const struct enc_ngx_spool *spool)
{
    return spool->n_readable;
}

off_t enc_ngx_spool_unwritten(const struct enc_ngx_spool *spool)
{
    return spool->n_unwritten;
}

bool enc_ngx_spool_is_at_work(const struct enc_ngx_spool *spool)
{
    return spool->is_at_work;
}

enum enc_ngx_error enc_ngx_spool_error(const struct enc_ngx_spool *spool)
{
    return spool->error;
}

void enc_ngx_spool_free(struct enc_ngx_spool *spool)
{
    if (!spool)
        return;
    if (spool->is_at_work)
        spool->is_abandoned = true;
    else
        destroy(spool);
}
