// SPDX-License-Identifier: Apache-2.0
// One upload in nginx: reads the body unbuffered, drives the job, streams the answer.
//
// The pump goes round until something is lacking: input (the client has not sent it yet), a buffer
// (the client has not read the answer yet) or its turn (other connections want theirs). Each read
// or write event of the connection starts it again.
#include "enc_ngx.h"
#include "enc_ngx_outbox.h"

// Input that one upload may work on before the others of its worker get their turn.
enum { TURN_BYTES = 1024 * 1024 };

struct upload {
    ngx_http_request_t *r;
    struct enc_encrypt_job *job;
    struct enc_ngx_outbox outbox;
    struct enc_ngx_answer answer;
    size_t hold_bytes;
    off_t n_answer;     // bytes of the whole answer, -1 if not known
    ngx_buf_t *reading; // what the job works on
    size_t turn_bytes;
};

static struct upload *upload_of(ngx_http_request_t *r)
{
    return enc_ngx_ctx_get(r)->upload;
}

// Runs after the request is logged, whatever became of it.
static void clean_up(void *data)
{
    struct upload *u = data;

    enc_encrypt_job_free(u->job);
    u->job = NULL;
    enc_ngx_answer_wipe(&u->answer);
}

// Ends a request that failed with rc, a status of our table or NGX_ERROR. Once the head is sent
// nothing may follow but the cut, so that half a file is not taken for a whole one.
static void give_up(struct upload *u, ngx_int_t rc)
{
    ngx_http_request_t *r = u->r;

    enum enc_status st = enc_encrypt_job_status(u->job);

    if (r->header_sent) {
        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0, "encrypter: answer cut: %s",
                      st == ENC_OK ? "client gone or too slow" : enc_status_name(st));
        rc = NGX_ERROR;
    } else if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    // An error page of somebody else's may take its time: the rest of the body is not ours any
    // more.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (r->reading_body)
        r->keepalive = 0;
    ngx_http_finalize_request(r, rc);
}

// The next buffer of the body that nginx has, NULL if it has none.
static ngx_buf_t *take_body_buf(ngx_http_request_t *r)
{
    ngx_http_request_body_t *rb = r->request_body;

    while (rb->bufs) {
        ngx_chain_t *cl = rb->bufs;
        ngx_buf_t *b = cl->buf;

        rb->bufs = cl->next;
        ngx_free_chain(r->pool, cl);
        if (b->pos < b->last)
            return b;
    }
    return NULL;
}

// Gives the job more of the body, or its end. NGX_AGAIN: the client has not sent it yet.
static ngx_int_t next_input(struct upload *u)
{
    ngx_http_request_t *r = u->r;

    if (u->reading) {
        u->reading->pos = u->reading->last; // nginx may read into it again
        u->reading = NULL;
    }
    for (;;) {
        ngx_buf_t *b = take_body_buf(r);
        if (b) {
            size_t n = (size_t)(b->last - b->pos);
            u->reading = b;
            u->turn_bytes += n;
            enc_encrypt_job_input(u->job, b->pos, n);
            return NGX_OK;
        }
        if (!r->reading_body) {
            r->read_event_handler = ngx_http_test_reading;
            enc_encrypt_job_input_end(u->job);
            return NGX_OK;
        }
        ngx_int_t rc = ngx_http_read_unbuffered_request_body(r);
        if (rc >= NGX_HTTP_SPECIAL_RESPONSE || rc == NGX_ERROR)
            return rc;
        if (rc == NGX_AGAIN && !r->request_body->bufs)
            return NGX_AGAIN;
    }
}

// An answer whose end would be told by closing the connection could be cut without anybody's
// noticing.
static bool can_mark_end(const ngx_http_request_t *r, off_t n_answer)
{
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return n_answer >= 0 ||
           (r->http_version >= NGX_HTTP_VERSION_11 && clcf->chunked_transfer_encoding);
}

static ngx_int_t start_answer(struct upload *u, bool last)
{
    off_t n_answer = last ? u->outbox.n_pending : u->n_answer;

    if (!can_mark_end(u->r, n_answer))
        return enc_ngx_fail(u->r, ENC_NGX_ERROR_HTTP_1_0);
    enc_encrypt_job_file_name(u->job, &u->answer.file_name);
    return enc_ngx_answer_head(u->r, &u->answer, n_answer);
}

// Whether what there is of the answer goes out now, rather than being held.
static bool answer_is_due(const struct upload *u)
{
    off_t n_output = u->outbox.n_pending + (off_t)enc_encrypt_job_output_used(u->job);

    return u->r->header_sent || n_output > (off_t)u->hold_bytes;
}

// Takes the job's output, and sends all that there is if the answer has begun or is to begin now.
static ngx_int_t send_output(struct upload *u, bool last)
{
    bool due = last || answer_is_due(u);

    enc_ngx_outbox_fill(&u->outbox, enc_encrypt_job_output_used(u->job));
    enc_encrypt_job_output(u->job, NULL, 0);
    if (!due)
        return NGX_OK;
    if (!u->r->header_sent) {
        ngx_int_t rc = start_answer(u, last);
        if (rc != NGX_OK)
            return rc;
    }
    ngx_int_t rc = enc_ngx_outbox_send(&u->outbox, last);
    enc_ngx_answer_head_sent(&u->answer);
    return rc;
}

// Gives the job room for more output. NGX_AGAIN: the client has to read first.
static ngx_int_t next_room(struct upload *u)
{
    u_char *room;
    size_t cap;
    ngx_int_t rc = send_output(u, false);

    if (rc != NGX_OK && rc != NGX_AGAIN)
        return rc;
    rc = enc_ngx_outbox_room(&u->outbox, &room, &cap);
    if (rc == NGX_OK) {
        // A room that is full, less what a job always wants to see, is one that passes the hold.
        if (!u->r->header_sent)
            cap = ngx_min(cap, u->hold_bytes - (size_t)u->outbox.n_pending + ENC_JOB_OUT_MIN);
        enc_encrypt_job_output(u->job, room, cap);
    }
    if (rc == NGX_AGAIN && !enc_ngx_outbox_is_waiting(&u->outbox)) {
        // No event would ever come. Cannot happen while the hold fits into the buffers.
        ngx_log_error(NGX_LOG_ALERT, u->r->connection->log, 0, "encrypter: no buffer to wait for");
        return NGX_ERROR;
    }
    return rc;
}

static void stop_write_timer(struct upload *u)
{
    ngx_event_t *write = u->r->connection->write;

    if (write->timer_set && !write->delayed) // limit_rate's timer is not ours
        ngx_del_timer(write);
}

static void start_write_timer(struct upload *u)
{
    ngx_event_t *write = u->r->connection->write;
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(u->r, ngx_http_core_module);

    if (!write->timer_set && !write->delayed)
        ngx_add_timer(write, clcf->send_timeout);
}

// Waits for the client to read what nginx has of the answer, with nginx's own timeout. A timer that
// runs goes on: only reading stops it, and not what the client sends meanwhile.
static ngx_int_t await_write(struct upload *u)
{
    ngx_connection_t *c = u->r->connection;
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(u->r, ngx_http_core_module);

    if (!enc_ngx_outbox_is_waiting(&u->outbox)) {
        stop_write_timer(u);
        return NGX_OK;
    }
    start_write_timer(u);
    return ngx_handle_write_event(c->write, clcf->send_lowat);
}

// Lets the others have their turn: our write event comes up again in the next one. The timer keeps
// a worker that is leaving from dropping the request meanwhile.
static void yield(struct upload *u)
{
    u->turn_bytes = 0;
    start_write_timer(u);
    ngx_post_event(u->r->connection->write, &ngx_posted_next_events);
}

static void finish(struct upload *u)
{
    ngx_http_request_t *r = u->r;
    ngx_int_t rc = send_output(u, true);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        give_up(u, rc);
        return;
    }
    ngx_http_finalize_request(r, rc);
}

// One move of the pump. NGX_OK: go on; NGX_AGAIN: wait for the client; NGX_DONE: the request is
// over.
static ngx_int_t move(struct upload *u)
{
    ngx_int_t rc = NGX_OK;

    switch (enc_encrypt_job_step(u->job)) {
    case ENC_JOB_HAS_WORK:
        enc_encrypt_jobs_run(&u->job, 1);
        return NGX_OK;
    case ENC_JOB_NEEDS_INPUT:
        rc = next_input(u);
        if (rc == NGX_AGAIN && answer_is_due(u)) {
            // Nothing more for now, and the client may be waiting for what there is. What is held
            // stays in its room, which small pieces then fill up.
            ngx_int_t sent = send_output(u, false);
            if (sent != NGX_OK && sent != NGX_AGAIN)
                rc = sent;
        }
        break;
    case ENC_JOB_NEEDS_OUTPUT:
        rc = next_room(u);
        // While nothing is read the client cannot be late with its body.
        if (rc == NGX_AGAIN && u->r->connection->read->timer_set)
            ngx_del_timer(u->r->connection->read);
        break;
    case ENC_JOB_DONE:
        finish(u);
        return NGX_DONE;
    case ENC_JOB_FAILED:
        rc = enc_ngx_fail(u->r, enc_ngx_error_of_status(enc_encrypt_job_status(u->job)));
        break;
    }
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        give_up(u, rc);
        return NGX_DONE;
    }
    return rc;
}

static void pump(struct upload *u)
{
    for (;;) {
        ngx_int_t rc = move(u);
        if (rc == NGX_DONE)
            return;
        if (rc == NGX_AGAIN) {
            u->turn_bytes = 0;
            if (await_write(u) != NGX_OK)
                give_up(u, NGX_ERROR);
            return;
        }
        if (u->turn_bytes >= TURN_BYTES) {
            yield(u);
            return;
        }
    }
}

static void on_body(ngx_http_request_t *r)
{
    struct upload *u = upload_of(r);

    if (r->connection->read->timedout) {
        r->connection->timedout = 1;
        give_up(u, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    pump(u);
}

static void on_write(ngx_http_request_t *r)
{
    struct upload *u = upload_of(r);

    if (r->connection->write->timedout) {
        r->connection->timedout = 1;
        give_up(u, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    stop_write_timer(u);
    ngx_int_t rc = enc_ngx_outbox_resume(&u->outbox);
    enc_ngx_answer_head_sent(&u->answer);
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        give_up(u, NGX_ERROR);
        return;
    }
    pump(u);
}

// nginx has begun to read the body.
static void on_body_begun(ngx_http_request_t *r)
{
    r->read_event_handler = on_body;
    r->write_event_handler = on_write;
    pump(upload_of(r));
}

// The bytes of the body where they are declared, else -1.
static off_t declared_bytes(const ngx_http_request_t *r)
{
    return r->headers_in.chunked ? -1 : ngx_max(r->headers_in.content_length_n, 0);
}

static void size_answer(struct upload *u)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(u->r, ngx_http_encrypter_module);
    off_t n_body = declared_bytes(u->r);
    uint64_t n_bound = 0; // the file is the body, or a part of it
    bool bounded = n_body >= 0 &&
                   enc_job_format_total(u->answer.format, (uint64_t)n_body, &n_bound) &&
                   n_bound <= NGX_MAX_OFF_T_VALUE;

    u->hold_bytes = conf->hold_bytes;
    u->n_answer = bounded && !enc_encrypt_job_is_form(u->job) ? (off_t)n_bound : -1;
    enc_ngx_outbox_init(&u->outbox, u->r, conf->hold_bytes, bounded ? (off_t)n_bound : -1);
}

ngx_int_t enc_ngx_encrypt_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    if (r != r->main || r->request_body || r->discard_body || r->err_status) {
        // What is left of the body, if anything, must not pass for the file.
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "encrypter: another module took the body (mirror, subrequest, error_page)");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(struct upload));
    if (!ctx || !cleanup)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    struct upload *u = cleanup->data;
    ngx_memzero(u, sizeof(*u));
    u->r = r;
    cleanup->handler = clean_up;
    ctx->upload = u;

    enum enc_ngx_error error =
        enc_ngx_request_job(r, name, &u->answer.format, &u->answer.key, &u->job);
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_fail(r, error);
    size_answer(u);

    r->request_body_no_buffering = 1;
    ngx_int_t rc = ngx_http_read_client_request_body(r, on_body_begun);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}
