// SPDX-License-Identifier: Apache-2.0
// Ciphertext on its way out: filled by a job, held back at first, then streamed to the client.
//
// A fixed number of buffers goes round: room (being filled) -> pending (full, with us) -> busy
// (with nginx) -> free. When all are busy the client is slower to read than to write, and the
// caller stops reading from it.
#ifndef ENC_NGX_OUTBOX_H
#define ENC_NGX_OUTBOX_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

struct enc_ngx_outbox {
    ngx_http_request_t *r;
    size_t buf_bytes;
    ngx_uint_t n_bufs; // made so far
    ngx_uint_t max_bufs;
    ngx_chain_t *room;
    ngx_chain_t *pending;
    ngx_chain_t **pending_end;
    off_t n_pending; // bytes
    ngx_chain_t *busy;
    ngx_chain_t *free;
};

// hold_bytes: how much must fit before the first send. n_expected: the size of the answer where
// there is a bound for it, or -1; a small one gets small buffers.
void enc_ngx_outbox_init(struct enc_ngx_outbox *outbox, ngx_http_request_t *r, size_t hold_bytes,
                         off_t n_expected);

// A room to fill, *ret_cap bytes at *ret_room. NGX_AGAIN: every buffer is with the client.
// NGX_ERROR: no memory. Not while there is one.
ngx_int_t enc_ngx_outbox_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap);

// The room was filled with n bytes and is a room no more. Harmless without one.
void enc_ngx_outbox_fill(struct enc_ngx_outbox *outbox, size_t n);

// Gives nginx what is pending; `last` ends the answer. The header is sent before. NGX_OK, NGX_AGAIN
// (some of it waits for the client) or NGX_ERROR.
ngx_int_t enc_ngx_outbox_send(struct enc_ngx_outbox *outbox, bool last);

// Goes on with what nginx could not send before. The same results.
ngx_int_t enc_ngx_outbox_resume(struct enc_ngx_outbox *outbox);

// Whether nginx still has some of the answer.
bool enc_ngx_outbox_is_waiting(const struct enc_ngx_outbox *outbox);

#endif
