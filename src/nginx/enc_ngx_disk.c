// SPDX-License-Identifier: Apache-2.0
#include "enc_ngx_disk.h"

#include <fcntl.h>
#include <sys/uio.h>

#include "enc_ngx_quota.h"

struct close_work {
    ngx_fd_t fd;
    off_t n_bytes;
};

ngx_fd_t enc_ngx_disk_open(const char *path)
{
    return open(path, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
}

// A task with n bytes of work in it. done gets an event with data, or with the task where that is
// NULL.
static ngx_thread_task_t *make_task(size_t n, ngx_event_handler_pt done, void *data)
{
    ngx_thread_task_t *task = ngx_calloc(sizeof(*task) + n, ngx_cycle->log);

    if (!task)
        return NULL;
    task->ctx = task + 1;
    task->event.handler = done;
    task->event.data = data ? data : task;
    task->event.log = ngx_cycle->log;
    return task;
}

static void run(ngx_thread_task_t *task, void (*work)(void *, ngx_log_t *))
{
    ngx_str_t name = ngx_string("default");
    ngx_thread_pool_t *pool = ngx_thread_pool_get((ngx_cycle_t *)(uintptr_t)ngx_cycle, &name);

    task->handler = work;
    if (pool && ngx_thread_task_post(pool, task) == NGX_OK)
        return;
    work(task->ctx, ngx_cycle->log);
    ngx_post_event(&task->event, &ngx_posted_events);
}

ngx_thread_task_t *enc_ngx_disk_task(ngx_event_handler_pt done, void *data)
{
    return make_task(sizeof(struct enc_ngx_disk_work), done, data);
}

// Counts n bytes that were moved, or looks why none were. False: that was all.
static bool go_on(struct enc_ngx_disk_work *work, ssize_t n, ngx_err_t err_of_none)
{
    if (n == -1 && ngx_errno == NGX_EINTR)
        return true;
    if (n <= 0) {
        work->err = n == -1 ? ngx_errno : err_of_none;
        return false;
    }
    work->data += n;
    work->n -= (size_t)n;
    work->offset += n;
    return work->n > 0;
}

static void write_in_thread(void *data, ngx_log_t *log)
{
    struct enc_ngx_disk_work *work = data;

    (void)log;
    work->err = 0;
    if (work->fd == NGX_INVALID_FILE)
        work->fd = enc_ngx_disk_open(work->path);
    if (work->fd == NGX_INVALID_FILE) {
        work->err = ngx_errno;
        return;
    }
    while (go_on(work, pwrite(work->fd, work->data, work->n, work->offset), NGX_ENOSPC))
        ;
}

static void read_in_thread(void *data, ngx_log_t *log)
{
    struct enc_ngx_disk_work *work = data;

    (void)log;
    work->err = 0;
    while (go_on(work, pread(work->fd, work->data, work->n, work->offset), EIO))
        ;
}

void enc_ngx_disk_write(ngx_thread_task_t *task)
{
    run(task, write_in_thread);
}

void enc_ngx_disk_read(ngx_thread_task_t *task)
{
    run(task, read_in_thread);
}

bool enc_ngx_disk_read_at_once(struct enc_ngx_disk_work *work)
{
    struct iovec piece = {work->data, work->n};
    ssize_t n = preadv2(work->fd, &piece, 1, work->offset, RWF_NOWAIT);

    if (n <= 0)
        return false;
    work->n = (size_t)n;
    return true;
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

void enc_ngx_disk_close(ngx_fd_t fd, off_t n_bytes)
{
    struct close_work work = {.fd = fd, .n_bytes = n_bytes};
    ngx_thread_task_t *task = make_task(sizeof(work), on_closed, NULL);

    if (task) {
        ngx_memcpy(task->ctx, &work, sizeof(work));
        run(task, close_in_thread);
    } else {
        close_in_thread(&work, ngx_cycle->log);
        enc_ngx_quota_give(n_bytes);
    }
}
