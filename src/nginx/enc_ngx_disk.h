// SPDX-License-Identifier: Apache-2.0
// Files without a name, and the threads of nginx's pool that write, read and close them: a slow
// disk holds up no request but its own.
#ifndef ENC_NGX_DISK_H
#define ENC_NGX_DISK_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>
// clang-format on

#include <stdbool.h>

// One thread's work. It is on the heap, within its task, as is what it points to.
struct enc_ngx_disk_work {
    const char *path; // where a write opens the file, if fd is NGX_INVALID_FILE
    ngx_fd_t fd;
    off_t offset;
    u_char *data;
    size_t n;
    ngx_err_t err; // 0: all n bytes are written, or read
};

// Opens a file in that folder that never has a name (O_TMPFILE). NGX_INVALID_FILE: see ngx_errno.
ngx_fd_t enc_ngx_disk_open(const char *path);

// A task with a struct enc_ngx_disk_work as its ctx, on the heap (ngx_free). done gets an event
// with data. NULL: out of memory.
ngx_thread_task_t *enc_ngx_disk_task(ngx_event_handler_pt done, void *data);

// Has a thread write or read all n bytes. Where no thread can be had, does it here and now.
void enc_ngx_disk_write(ngx_thread_task_t *task);
void enc_ngx_disk_read(ngx_thread_task_t *task);

// Reads what of the n bytes is in memory anyway: work->n is how many then, at least one. False:
// none is, or that cannot be told.
bool enc_ngx_disk_read_at_once(struct enc_ngx_disk_work *work);

// Gives a file's disk back, and then its bytes to the quota: a thread's work too, since closing
// frees the blocks of the file.
void enc_ngx_disk_close(ngx_fd_t fd, off_t n_bytes);

#endif
