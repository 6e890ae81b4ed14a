// SPDX-License-Identifier: Apache-2.0
// What goes into a job, and where that which comes out of it goes.
#include "enc_decrypt_job.h"
#include "enc_ngx_pump.h"

static void describe_answer(struct enc_ngx_pump *pump)
{
    enc_job_file_name(pump->job, &pump->answer.file_name);
    pump->answer.format = enc_job_format_of(pump->job);
    pump->answer.content_type = enc_job_content_type(pump->job);
}

static ngx_int_t start_answer(struct enc_ngx_pump *pump)
{
    off_t n_answer =
        pump->outbox.is_complete ? enc_ngx_outbox_unsent(&pump->outbox) : pump->n_answer;

    describe_answer(pump);
    return enc_ngx_answer_head(pump->r, &pump->answer, n_answer);
}

// Whether what there is of the answer goes out now, rather than being held.
static bool answer_is_due(const struct enc_ngx_pump *pump)
{
    const struct enc_ngx_outbox *outbox = &pump->outbox;

    if (pump->r->header_sent)
        return true;
    if (outbox->is_complete) // the disk may still fail
        return !enc_ngx_outbox_awaits_disk(outbox);
    off_t n_output = enc_ngx_outbox_unsent(outbox) + (off_t)enc_job_output_used(pump->job);
    return !outbox->options.whole && n_output > (off_t)outbox->options.hold_bytes;
}

// Takes the job's output, and sends what can go if the answer has begun or is to begin now.
static ngx_int_t send_output(struct enc_ngx_pump *pump)
{
    size_t n = enc_job_output_used(pump->job);
    ngx_int_t rc = enc_ngx_outbox_fill(&pump->outbox, n);

    enc_job_output(pump->job, NULL, 0);
    if (rc != NGX_OK || !answer_is_due(pump)) {
        pump->turn_bytes += n;
        return rc;
    }
    if (!pump->r->header_sent) {
        rc = start_answer(pump);
        if (rc != NGX_OK)
            return rc;
    }
    off_t n_sent = pump->outbox.n_sent;
    rc = enc_ngx_outbox_send(&pump->outbox);
    pump->turn_bytes += (size_t)(pump->outbox.n_sent - n_sent);
    return rc;
}

// For send_output's result where the job adds nothing now: NGX_OK becomes NGX_AGAIN if there is no
// more to send until an event comes.
static ngx_int_t again_unless_more(const struct enc_ngx_pump *pump, ngx_int_t rc)
{
    bool more = answer_is_due(pump) && enc_ngx_outbox_can_go_on(&pump->outbox);

    return rc == NGX_OK && !more ? NGX_AGAIN : rc;
}

// Of a page: other parts than the file count too.
static bool is_over_limit(const struct enc_ngx_pump *pump)
{
    return pump->flow == ENC_NGX_FLOW_PAGE &&
           pump->body.n_given > ENC_NGX_PAGE_FILE_MAX + ENC_NGX_PAGE_FORM_MAX;
}

ngx_int_t enc_ngx_flow_input(struct enc_ngx_pump *pump)
{
    const u_char *in;
    size_t n;
    ngx_int_t rc = pump->flow == ENC_NGX_FLOW_OPEN ? enc_ngx_store_next(&pump->store, &in, &n)
                                                   : enc_ngx_body_next(&pump->body, &in, &n);

    if (rc == NGX_OK && is_over_limit(pump))
        return enc_ngx_fail(pump->r, ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE);
    if (rc == NGX_OK) {
        pump->turn_bytes += n;
        enc_job_input(pump->job, in, n);
    } else if (rc == NGX_DONE) {
        pump->r->read_event_handler = ngx_http_test_reading;
        enc_job_input_end(pump->job);
        rc = NGX_OK;
    } else if (rc == NGX_AGAIN && pump->flow == ENC_NGX_FLOW_ONE_PASS && answer_is_due(pump)) {
        // Nothing more for now, and the client may be waiting for what there is. What is held
        // stays in its room, which small pieces then fill up.
        rc = again_unless_more(pump, send_output(pump));
    }
    return rc;
}

// The job's output goes into the store.
static ngx_int_t keep_output(struct enc_ngx_pump *pump)
{
    ngx_int_t rc = enc_ngx_store_fill(&pump->store, enc_job_output_used(pump->job));

    enc_job_output(pump->job, NULL, 0);
    return rc;
}

static ngx_int_t store_room(struct enc_ngx_pump *pump)
{
    u_char *room;
    size_t cap;
    ngx_int_t rc = keep_output(pump);

    if (rc == NGX_OK)
        rc = enc_ngx_store_room(&pump->store, &room, &cap);
    if (rc == NGX_OK)
        enc_job_output(pump->job, room, cap);
    return rc;
}

static ngx_int_t outbox_room(struct enc_ngx_pump *pump)
{
    u_char *room;
    size_t cap;
    ngx_int_t rc = send_output(pump);

    if (rc != NGX_OK && rc != NGX_AGAIN)
        return rc;
    rc = enc_ngx_outbox_room(&pump->outbox, &room, &cap);
    if (rc == NGX_OK) {
        // A room that is full, less what a job always wants to see, is one that passes the hold.
        if (!pump->r->header_sent && !pump->outbox.options.whole)
            cap = ngx_min(cap, pump->outbox.options.hold_bytes - (size_t)pump->outbox.n_pending +
                                   enc_job_room_min(pump->job));
        enc_job_output(pump->job, room, cap);
    }
    if (rc != NGX_AGAIN || pump->outbox.is_spooling)
        return rc;
    if (!enc_ngx_outbox_is_waiting(&pump->outbox)) {
        // No event would ever come. Cannot happen while the hold fits into the buffers.
        ngx_log_error(NGX_LOG_ALERT, pump->r->connection->log, 0,
                      "encrypter: no buffer to wait for");
        return NGX_ERROR;
    }
    pump->is_pushing_back = true;
    return NGX_AGAIN;
}

static ngx_int_t page_room(struct enc_ngx_pump *pump)
{
    u_char *room;
    size_t cap;
    ngx_int_t rc = enc_ngx_page_room(&pump->page, pump->r, &room, &cap);

    if (rc == NGX_OK)
        enc_job_output(pump->job, room, cap);
    return rc;
}

ngx_int_t enc_ngx_flow_room(struct enc_ngx_pump *pump)
{
    switch (pump->flow) {
    case ENC_NGX_FLOW_VERIFY:
        return store_room(pump);
    case ENC_NGX_FLOW_PAGE:
        return page_room(pump);
    case ENC_NGX_FLOW_ONE_PASS:
    case ENC_NGX_FLOW_OPEN:
        break;
    }
    return outbox_room(pump);
}

ngx_int_t enc_ngx_flow_open(struct enc_ngx_pump *pump)
{
    ngx_int_t rc = keep_output(pump);

    if (rc != NGX_OK)
        return rc;
    if (enc_ngx_store_error(&pump->store) != ENC_NGX_ERROR_NONE)
        return NGX_ERROR;
    if (enc_ngx_store_awaits_disk(&pump->store))
        return NGX_AGAIN;
    pump->flow = ENC_NGX_FLOW_OPEN;
    pump->n_answer = (off_t)enc_decrypt_job_size(pump->job);
    enc_ngx_outbox_expect(&pump->outbox, pump->n_answer);
    enc_decrypt_job_open(pump->job);
    return NGX_OK;
}

static ngx_int_t finish_page(struct enc_ngx_pump *pump, ngx_int_t *ret_rc)
{
    size_t n = enc_job_output_used(pump->job);

    enc_job_output(pump->job, NULL, 0);
    describe_answer(pump);
    *ret_rc = enc_ngx_page_send(&pump->page, pump->r, &pump->answer, n);
    return *ret_rc == NGX_OK || *ret_rc == NGX_AGAIN ? NGX_DONE : NGX_ERROR;
}

ngx_int_t enc_ngx_flow_finish(struct enc_ngx_pump *pump, ngx_int_t *ret_rc)
{
    if (pump->flow == ENC_NGX_FLOW_PAGE)
        return finish_page(pump, ret_rc);
    enc_ngx_outbox_complete(&pump->outbox);
    ngx_int_t rc = send_output(pump);

    if (!pump->outbox.is_ended || (rc != NGX_OK && rc != NGX_AGAIN))
        return again_unless_more(pump, rc);
    *ret_rc = rc;
    return NGX_DONE;
}
