// SPDX-License-Identifier: Apache-2.0
// The files of a spool, and the threads that write them.
//
// At most one thread works for a spool at a time, so that the files are written in order. While
// it writes one buffer the other is filled. What a thread touches is on the heap, and lives until
// the thread has finished, whatever becomes of the request.
#include "enc_ngx_spool.h"

#include <fcntl.h>

#include "enc_ngx.h"
#include "enc_ngx_quota.h"

enum { N_BUFS = 2, BUF_BYTES = 64 * 1024 + ENC_JOB_OUT_MIN };

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

// One thread's work, within its task.
struct write_work {
    const char *path; // where to open the file, if fd is NGX_INVALID_FILE
    ngx_fd_t fd;
    off_t offset;
    const u_char *data;
    size_t n;
    ngx_err_t err; // 0: all is written
};

struct enc_ngx_spool {
    struct enc_ngx_spool_options options;
    struct spool_file *first; // being read
    struct spool_file *last;  // being written
    u_char *bufs[N_BUFS];
    size_t n_in_buf[N_BUFS];
    size_t first_full; // of the bufs that are full; the next thread's
    size_t n_full;
    bool is_writing;
    bool is_abandoned; // freed once the thread has finished
    off_t n_readable;
    off_t n_unwritten;
    off_t n_reserved; // in the quota: what the files hold, and what is not written yet
    enum enc_ngx_error error;
    ngx_thread_task_t *task; // with a struct write_work
};

// Closing frees the blocks of the file, which may take long: a thread's work too.
struct close_work {
    ngx_fd_t fd;
    off_t n_bytes;
};

static ngx_fd_t open_nameless(const char *path)
{
    return open(path, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
}

ngx_int_t enc_ngx_spool_check_path(const char *path, ngx_log_t *log)
{
    ngx_fd_t fd = open_nameless(path);

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

// A task with n bytes of work in it, on the heap; done gets an event with data, or with the task
// where that is NULL. NULL: out of memory.
static ngx_thread_task_t *make_task(size_t n, void (*work)(void *, ngx_log_t *),
                                    ngx_event_handler_pt done, void *data)
{
    ngx_thread_task_t *task = ngx_calloc(sizeof(*task) + n, ngx_cycle->log);

    if (!task)
        return NULL;
    task->ctx = task + 1;
    task->handler = work;
    task->event.handler = done;
    task->event.data = data ? data : task;
    task->event.log = ngx_cycle->log;
    return task;
}

// Has a thread do the task. Where none can be had, does it here and now.
static void run_task(ngx_thread_task_t *task)
{
    ngx_str_t name = ngx_string("default");
    ngx_thread_pool_t *pool = ngx_thread_pool_get((ngx_cycle_t *)(uintptr_t)ngx_cycle, &name);

    if (pool && ngx_thread_task_post(pool, task) == NGX_OK)
        return;
    task->handler(task->ctx, ngx_cycle->log);
    ngx_post_event(&task->event, &ngx_posted_events);
}

static void close_in_thread(void *data, ngx_log_t *log)
{
    struct close_work *work = data;

    if (ngx_close_file(work->fd) == NGX_FILE_ERROR)
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "encrypter: closing a spool file failed");
}

static void on_closed(ngx_event_t *event)
{
    ngx_thread_task_t *task = event->data;
    struct close_work *work = task->ctx;

    enc_ngx_quota_give(work->n_bytes);
    ngx_free(task);
}

// Gives a file's disk back, and then its bytes to the quota.
static void close_file(ngx_fd_t fd, off_t n_bytes)
{
    struct close_work work = {.fd = fd, .n_bytes = n_bytes};
    ngx_thread_task_t *task = make_task(sizeof(work), close_in_thread, on_closed, NULL);

    if (task) {
        ngx_memcpy(task->ctx, &work, sizeof(work));
        run_task(task);
    } else {
        close_in_thread(&work, ngx_cycle->log);
        enc_ngx_quota_give(n_bytes);
    }
}

static void drop_first(struct enc_ngx_spool *spool)
{
    struct spool_file *file = spool->first;

    spool->first = file->next;
    if (spool->last == file)
        spool->last = NULL;
    spool->n_reserved -= file->n_written;
    if (file->file.fd != NGX_INVALID_FILE)
        close_file(file->file.fd, file->n_written);
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
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err, "encrypter: writing the spool \"%s\" failed",
                  spool->options.path);
}

static void write_in_thread(void *data, ngx_log_t *log)
{
    struct write_work *work = data;

    (void)log;
    work->err = 0;
    if (work->fd == NGX_INVALID_FILE)
        work->fd = open_nameless(work->path);
    if (work->fd == NGX_INVALID_FILE) {
        work->err = ngx_errno;
        return;
    }
    while (work->n > 0) {
        ssize_t n = pwrite(work->fd, work->data, work->n, work->offset);
        if (n == -1 && ngx_errno == NGX_EINTR)
            continue;
        if (n <= 0) {
            work->err = n == -1 ? ngx_errno : NGX_ENOSPC;
            return;
        }
        work->data += n;
        work->n -= (size_t)n;
        work->offset += n;
    }
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

// Has a thread write the next full buffer, if there is one and no thread is at work.
static void write_next(struct enc_ngx_spool *spool)
{
    if (spool->is_writing || spool->n_full == 0 || spool->error != ENC_NGX_ERROR_NONE)
        return;
    if (!spool->last || spool->last->n_written >= spool->last->max_bytes) {
        if (!begin_file(spool)) {
            fail(spool, NGX_ENOMEM);
            return;
        }
    }
    struct write_work *work = spool->task->ctx;
    work->path = spool->options.path;
    work->fd = spool->last->file.fd;
    work->offset = spool->last->n_written;
    work->data = spool->bufs[spool->first_full];
    work->n = spool->n_in_buf[spool->first_full];
    spool->is_writing = true;
    run_task(spool->task);
}

static void take_result(struct enc_ngx_spool *spool)
{
    const struct write_work *work = spool->task->ctx;
    off_t n = (off_t)spool->n_in_buf[spool->first_full];

    spool->is_writing = false;
    spool->last->file.fd = work->fd;
    if (work->err) {
        fail(spool, work->err);
        return;
    }
    spool->last->n_written += n;
    spool->n_readable += n;
    spool->n_unwritten -= n;
    spool->first_full = (spool->first_full + 1) % N_BUFS;
    spool->n_full--;
}

static void on_written(ngx_event_t *event)
{
    struct enc_ngx_spool *spool = event->data;

    take_result(spool);
    if (spool->is_abandoned) {
        destroy(spool);
        return;
    }
    write_next(spool);
    spool->options.on_written(spool->options.data);
}

struct enc_ngx_spool *enc_ngx_spool_new(const struct enc_ngx_spool_options *options)
{
    struct enc_ngx_spool *spool = ngx_calloc(sizeof(*spool), ngx_cycle->log);

    if (!spool)
        return NULL;
    spool->options = *options;
    spool->error = ENC_NGX_ERROR_NONE;
    spool->task = make_task(sizeof(struct write_work), write_in_thread, on_written, spool);
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
    *ret_room = spool->bufs[(spool->first_full + spool->n_full) % N_BUFS];
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
    spool->n_in_buf[(spool->first_full + spool->n_full) % N_BUFS] = n;
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

off_t enc_ngx_spool_readable(const struct enc_ngx_spool *spool)
{
    return spool->n_readable;
}

off_t enc_ngx_spool_unwritten(const struct enc_ngx_spool *spool)
{
    return spool->n_unwritten;
}

enum enc_ngx_error enc_ngx_spool_error(const struct enc_ngx_spool *spool)
{
    return spool->error;
}

void enc_ngx_spool_free(struct enc_ngx_spool *spool)
{
    if (!spool)
        return;
    if (spool->is_writing)
        spool->is_abandoned = true;
    else
        destroy(spool);
}
