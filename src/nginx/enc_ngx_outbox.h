// SPDX-License-Identifier: Apache-2.0
// An answer on its way out: filled by a job, held back at first, then streamed to the client, by
// way of a disk where the client does not read and what there is may be on one: ciphertext.
//
// In memory a fixed number of buffers goes round: room (being filled) -> pending (full, with us) ->
// busy (with nginx) -> free. When all are busy the client is slower to read than to write: the
// caller stops reading from it, and if that does not help it has the outbox spool. Then all that is
// filled in goes to the spool, behind what is in memory, until the client has read both: from then
// on memory is enough again.
#ifndef ENC_NGX_OUTBOX_H
#define ENC_NGX_OUTBOX_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

#include "enc_ngx_errors.h"
#include "enc_ngx_spool.h"

struct enc_ngx_outbox_options {
    size_t hold_bytes; // how much must fit before the first send
    size_t room_min;   // the least room that the job takes
    off_t n_expected;  // the size of the answer where there is a bound for it, or -1; a small one
                       // gets small buffers
    bool whole;        // nothing is sent before the answer is whole: spools by itself
    struct enc_ngx_spool_options spool; // request_max 0: never spools
};

struct enc_ngx_outbox {
    ngx_http_request_t *r;
    struct enc_ngx_outbox_options options;
    size_t buf_bytes;
    ngx_uint_t n_bufs; // made so far
    ngx_uint_t max_bufs;
    ngx_chain_t *room;
    ngx_chain_t *pending;
    ngx_chain_t **pending_end;
    off_t n_pending; // bytes
    ngx_chain_t *busy;
    ngx_chain_t *free;
    struct enc_ngx_spool *spool; // NULL until it is needed
    bool is_spooling;            // what is filled in goes to the spool
    bool has_spool_room;
    ngx_buf_t piece;  // of the spool, with nginx
    off_t n_sent;     // bytes given to nginx
    bool is_complete; // nothing more will be filled in
    bool is_ended;    // nginx has the end of the answer
    bool lacks_spool; // it was needed, and is switched off
};

void enc_ngx_outbox_init(struct enc_ngx_outbox *outbox, ngx_http_request_t *r,
                         const struct enc_ngx_outbox_options *options);

// The answer will have n bytes. Before the first room.
void enc_ngx_outbox_expect(struct enc_ngx_outbox *outbox, off_t n);

// A room to fill, *ret_cap bytes at *ret_room. Not while there is one. NGX_AGAIN: the client has to
// read first, or the disk to write (enc_ngx_outbox_awaits_disk). NGX_ERROR: enc_ngx_outbox_error
// says why, or there is no memory.
ngx_int_t enc_ngx_outbox_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap);

// The room was filled with n bytes and is a room no more. Harmless without one. NGX_OK or
// NGX_ERROR, as before.
ngx_int_t enc_ngx_outbox_fill(struct enc_ngx_outbox *outbox, size_t n);

// From now on goes by way of the disk. False where that is switched off.
bool enc_ngx_outbox_spool(struct enc_ngx_outbox *outbox);

// Gives nginx what it can have now, at most 256 KiB from the disk; the header is sent before.
// NGX_OK (there may be more), NGX_AGAIN (the client has to read first) or NGX_ERROR.
ngx_int_t enc_ngx_outbox_send(struct enc_ngx_outbox *outbox);

// Goes on with what nginx could not send before. The same results.
ngx_int_t enc_ngx_outbox_resume(struct enc_ngx_outbox *outbox);

// All is filled in: enc_ngx_outbox_send ends the answer with the last of it.
void enc_ngx_outbox_complete(struct enc_ngx_outbox *outbox);

// Bytes that are filled in and not given to nginx.
off_t enc_ngx_outbox_unsent(const struct enc_ngx_outbox *outbox);

// Whether nginx still has some of the answer.
bool enc_ngx_outbox_is_waiting(const struct enc_ngx_outbox *outbox);

// Whether enc_ngx_outbox_send has something to give, and nginx nothing left over.
bool enc_ngx_outbox_can_go_on(const struct enc_ngx_outbox *outbox);

// Why something failed: of the spool's errors, or ENC_NGX_ERROR_NONE.
enum enc_ngx_error enc_ngx_outbox_error(const struct enc_ngx_outbox *outbox);

// Whether a thread still writes for it: enc_ngx_spool_options' on_disk will be called.
bool enc_ngx_outbox_awaits_disk(const struct enc_ngx_outbox *outbox);

// Gives the spool back. Nothing may be sent any more.
void enc_ngx_outbox_free(struct enc_ngx_outbox *outbox);

#endif
