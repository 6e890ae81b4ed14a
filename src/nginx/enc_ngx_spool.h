// SPDX-License-Identifier: Apache-2.0
// Ciphertext on disk, first in, first out: for a client that sends before it reads, and for one
// whose file has to be verified before it is decrypted.
//
// The files have no name from the start (O_TMPFILE), so that not even a killed worker leaves one.
// Nothing in them is ever overwritten, since sendfile() hands their pages to the socket as they
// are. The room of what was read comes back by closing a file that is used up; the spool is a row
// of files for that reason.
//
// What was written leaves in one of two ways: with _next and _consumed, by sendfile(), while more
// is written behind it; or with _read, once all is written.
#ifndef ENC_NGX_SPOOL_H
#define ENC_NGX_SPOOL_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

#include "enc_ngx_errors.h"

struct enc_ngx_spool_options {
    const char *path;        // the folder; outlives the spool
    off_t request_max;       // bytes of disk for this spool
    off_t service_max;       // for those of all workers together
    void (*on_disk)(void *); // called from the event loop whenever a thread has finished
    void *data;              // for on_disk
};

struct enc_ngx_spool;

// Checks, as the master, that the folder's file system has files without a name. NGX_OK, or
// NGX_ERROR with a line in the log.
ngx_int_t enc_ngx_spool_check_path(const char *path, ngx_log_t *log);

// An empty spool on the heap; no file yet. NULL: out of memory.
struct enc_ngx_spool *enc_ngx_spool_new(const struct enc_ngx_spool_options *options);

// A buffer to fill, *ret_cap bytes at *ret_room. NGX_AGAIN: the disk is behind, on_disk will be
// called. NGX_ERROR: the spool failed. Not while there is a room.
ngx_int_t enc_ngx_spool_room(struct enc_ngx_spool *spool, u_char **ret_room, size_t *ret_cap);

// The room was filled with n bytes, which may be 0, and is a room no more. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_spool_fill(struct enc_ngx_spool *spool, size_t n);

// Makes *b the next piece of the spool that is on disk and was not handed out yet, of at most max
// bytes. False if there is none. It can be sent until enc_ngx_spool_consumed or _free.
bool enc_ngx_spool_next(struct enc_ngx_spool *spool, off_t max, ngx_buf_t *b);

// All that was handed out is with the kernel: closes the files that are used up.
void enc_ngx_spool_consumed(struct enc_ngx_spool *spool);

// Reads the next *ret_n > 0 bytes, once nothing is unwritten; they stay until the next call.
// NGX_OK; NGX_DONE: that was all; NGX_AGAIN: the disk is behind, on_disk will be called; NGX_ERROR.
ngx_int_t enc_ngx_spool_read(struct enc_ngx_spool *spool, const u_char **ret_in, size_t *ret_n);

// Bytes that were filled in but not handed out: on disk, and not there yet.
off_t enc_ngx_spool_readable(const struct enc_ngx_spool *spool);
off_t enc_ngx_spool_unwritten(const struct enc_ngx_spool *spool);

// Whether a thread writes or reads for it: on_disk will be called.
bool enc_ngx_spool_is_at_work(const struct enc_ngx_spool *spool);

// Why it failed: ENC_NGX_ERROR_INSUFFICIENT_STORAGE at a cap or with a full disk, _OVERLOADED
// without a descriptor, _INTERNAL. ENC_NGX_ERROR_NONE: it did not. Latches.
enum enc_ngx_error enc_ngx_spool_error(const struct enc_ngx_spool *spool);

// Gives everything back, once a thread that is at work for it has finished. on_disk is not
// called again. Nothing that was handed out may be sent any more. NULL is fine.
void enc_ngx_spool_free(struct enc_ngx_spool *spool);

#endif
