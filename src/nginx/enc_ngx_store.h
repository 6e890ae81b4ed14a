// SPDX-License-Identifier: Apache-2.0
// An encrypted file that is kept until it is verified, and then read again: its first bytes in
// memory, the rest in a spool.
#ifndef ENC_NGX_STORE_H
#define ENC_NGX_STORE_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
// clang-format on

#include <stdbool.h>

#include "enc_ngx_errors.h"
#include "enc_ngx_spool.h"

struct enc_ngx_store_options {
    size_t memory_bytes;                // that are kept in memory
    struct enc_ngx_spool_options spool; // request_max 0: there is none
};

struct enc_ngx_store {
    struct enc_ngx_store_options options;
    ngx_pool_t *pool;
    u_char *memory; // NULL until it is needed
    size_t n_memory;
    bool has_room;               // one was given and not filled yet
    size_t memory_at;            // bytes of it that were given out
    struct enc_ngx_spool *spool; // NULL until it is needed
    bool lacks_spool;            // it was needed, and is switched off
};

void enc_ngx_store_init(struct enc_ngx_store *store, ngx_pool_t *pool,
                        const struct enc_ngx_store_options *options);

// A room to fill, *ret_cap > 0 bytes at *ret_room. Not while there is one. NGX_AGAIN: the disk is
// behind (enc_ngx_store_awaits_disk). NGX_ERROR: enc_ngx_store_error says why, or there is no
// memory.
ngx_int_t enc_ngx_store_room(struct enc_ngx_store *store, u_char **ret_room, size_t *ret_cap);

// The room was filled with n bytes and is a room no more. Harmless without one. NGX_OK or
// NGX_ERROR, as before.
ngx_int_t enc_ngx_store_fill(struct enc_ngx_store *store, size_t n);

// Reads the next *ret_n > 0 bytes, from the first on, once all is filled in and the disk has it;
// they stay until the next call. NGX_OK; NGX_DONE: that was all; NGX_AGAIN: the disk is behind; or
// NGX_ERROR.
ngx_int_t enc_ngx_store_next(struct enc_ngx_store *store, const u_char **ret_in, size_t *ret_n);

// Whether a thread writes or reads for it: enc_ngx_spool_options' on_disk will be called. No thread
// does once all that was filled in is on the disk.
bool enc_ngx_store_awaits_disk(const struct enc_ngx_store *store);

// Why something failed: of the spool's errors, or ENC_NGX_ERROR_NONE.
enum enc_ngx_error enc_ngx_store_error(const struct enc_ngx_store *store);

// Gives the spool back.
void enc_ngx_store_free(struct enc_ngx_store *store);

#endif
