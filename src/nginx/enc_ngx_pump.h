// SPDX-License-Identifier: Apache-2.0
// One request that encrypts or decrypts a file, from the first byte of its body to the last of the
// answer.
//
// What goes into the job and what comes out of it (enc_ngx_flow.c):
//
//     one pass:    body -> job -> outbox
//     page:        body -> job -> page
//     two passes:  body -> job -> store, and once the file is verified: store -> job -> outbox
//
// When it goes, and when it waits (enc_ngx_pump.c).
#ifndef ENC_NGX_PUMP_H
#define ENC_NGX_PUMP_H

#include "enc_ngx.h"
#include "enc_ngx_batch.h"
#include "enc_ngx_body.h"
#include "enc_ngx_outbox.h"
#include "enc_ngx_page.h"
#include "enc_ngx_store.h"

// Which way the bytes take.
enum enc_ngx_flow {
    ENC_NGX_FLOW_ONE_PASS,
    ENC_NGX_FLOW_PAGE,
    ENC_NGX_FLOW_VERIFY,
    ENC_NGX_FLOW_OPEN,
};

struct enc_ngx_pump {
    ngx_http_request_t *r;
    struct enc_job *job;
    struct enc_ngx_batch_place work; // of the job, with that of others
    enum enc_ngx_flow flow;
    struct enc_ngx_body body;
    struct enc_ngx_store store; // of two passes
    struct enc_ngx_page page;   // takes the outbox's place
    struct enc_ngx_outbox outbox;
    struct enc_ngx_answer answer;
    off_t n_answer; // bytes of the whole answer, -1 if not known
    size_t turn_bytes;
    bool is_over;         // nothing is left to do but to wait for the end of the request
    bool is_pushing_back; // reading is stopped, so that the client reads
    off_t sent_before;    // by the connection, when the timer was set for that; -1: it was not
    ngx_event_t timer;    // patience with such a client, or for the disk
};

// The pump of a request that has its body still, in the request's pool. NULL, with a line in the
// log: there can be none.
struct enc_ngx_pump *enc_ngx_pump_new(ngx_http_request_t *r);

// The spool that the configuration allows, which wakes the pump.
void enc_ngx_pump_spool_options(struct enc_ngx_pump *pump,
                                struct enc_ngx_spool_options *ret_options);

// Begins to read the body, once the pump has its job and what its flow takes. What a content
// handler returns.
ngx_int_t enc_ngx_pump_start(struct enc_ngx_pump *pump);

// Ends a request before its body is read: gives back what was made for it, and returns what
// enc_ngx_fail does.
ngx_int_t enc_ngx_pump_refuse(struct enc_ngx_pump *pump, enum enc_ngx_error error);

// enc_ngx_flow.c: one move each. NGX_OK: go on; NGX_AGAIN: wait for an event; a status or NGX_ERROR
// to end the request with.

// Gives the job more of its input, or the end of it. NGX_AGAIN: the client has not sent it yet, or
// the disk is behind.
ngx_int_t enc_ngx_flow_input(struct enc_ngx_pump *pump);

// Gives the job room for more output. NGX_AGAIN: the client has to read first, or the disk to
// write.
ngx_int_t enc_ngx_flow_room(struct enc_ngx_pump *pump);

// The file is verified: begins the second pass. NGX_AGAIN: the disk is behind.
ngx_int_t enc_ngx_flow_open(struct enc_ngx_pump *pump);

// The job is done: sends the rest. NGX_DONE, with *ret_rc to finalize the request with: nginx has
// it all.
ngx_int_t enc_ngx_flow_finish(struct enc_ngx_pump *pump, ngx_int_t *ret_rc);

#endif
