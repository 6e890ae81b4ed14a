// SPDX-License-Identifier: Apache-2.0
// One upload in nginx: reads the body unbuffered, drives the job, streams the answer.
//
// The pump goes round until something is lacking: input (the client has not sent it yet), room (the
// client has not read the answer yet, or the disk is behind) or its turn (other connections want
// theirs). Each event of the connection, of the disk and of the upload's timer starts it again.
#include "enc_ngx.h"
#include "enc_ngx_body.h"
#include "enc_ngx_outbox.h"

// Bytes in and out that one upload may move before the others of its worker get their turn.
enum { TURN_BYTES = 256 * 1024 };

// A worker that is leaving drops a request that has no timer; so one that waits for a thread has.
enum { DISK_TIMER_MS = 60 * 1000 };

struct upload {
    ngx_http_request_t *r;
    struct enc_job *job;
    struct enc_ngx_body body;
    struct enc_ngx_outbox outbox;
    struct enc_ngx_answer answer;
    off_t n_answer; // bytes of the whole answer, -1 if not known
    size_t turn_bytes;
    bool is_over;         // nothing is left to do but to wait for the end of the request
    bool is_pushing_back; // reading is stopped, so that the client reads
    off_t sent_before;    // by the connection, when the timer was set for that; -1: it was not
    ngx_event_t timer;    // patience with such a client, or for the disk
};

static struct upload *upload_of(ngx_http_request_t *r)
{
    return enc_ngx_ctx_get(r)->upload;
}

static void stop_timer(ngx_event_t *timer)
{
    if (timer->timer_set)
        ngx_del_timer(timer);
}

// No event of ours may start the pump again.
static void come_to_rest(struct upload *u)
{
    u->is_over = true;
    stop_timer(&u->timer);
}

static void let_go(struct upload *u)
{
    come_to_rest(u);
    enc_ngx_outbox_free(&u->outbox);
    enc_job_free(u->job);
    u->job = NULL;
    enc_ngx_answer_wipe(&u->answer);
}

// Runs after the request is logged, whatever became of it.
static void clean_up(void *data)
{
    let_go(data);
}

static const char *reason_to_cut(const struct upload *u)
{
    enum enc_status st = enc_job_status(u->job);

    if (st != ENC_OK)
        return enc_status_name(st);
    if (enc_ngx_outbox_error(&u->outbox) != ENC_NGX_ERROR_NONE)
        return enc_ngx_error_code(enc_ngx_outbox_error(&u->outbox));
    return "client gone or too slow";
}

// Ends a request that failed with rc, a status of our table or NGX_ERROR. Once the head is sent
// nothing may follow but the cut, so that half a file is not taken for a whole one.
static void give_up(struct upload *u, ngx_int_t rc)
{
    ngx_http_request_t *r = u->r;

    if (r->header_sent) {
        // Not in the request's log, which adds the path, and with it a file's name.
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "encrypter: answer cut: %s",
                      reason_to_cut(u));
        rc = NGX_ERROR;
    } else if (rc == NGX_ERROR && enc_ngx_outbox_error(&u->outbox) != ENC_NGX_ERROR_NONE) {
        rc = enc_ngx_fail(r, enc_ngx_outbox_error(&u->outbox));
    } else if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    // nginx may read for long what is left of a refused upload, so that its client sees why;
    // nothing of ours is needed for that. What was sent may still be on its way.
    if (r->header_sent)
        come_to_rest(u);
    else
        let_go(u);
    // An error page of somebody else's may take its time: the rest of the body is not ours any
    // more.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (r->reading_body)
        r->keepalive = 0;
    ngx_http_finalize_request(r, rc);
}

// Gives the job more of the body, or its end. NGX_AGAIN: the client has not sent it yet.
static ngx_int_t next_input(struct upload *u)
{
    const u_char *in;
    size_t n;
    ngx_int_t rc = enc_ngx_body_next(&u->body, &in, &n);

    if (rc == NGX_OK) {
        u->turn_bytes += n;
        enc_job_input(u->job, in, n);
    } else if (rc == NGX_DONE) {
        u->r->read_event_handler = ngx_http_test_reading;
        enc_job_input_end(u->job);
        rc = NGX_OK;
    }
    return rc;
}

static ngx_int_t start_answer(struct upload *u)
{
    off_t n_answer = u->outbox.is_complete ? enc_ngx_outbox_unsent(&u->outbox) : u->n_answer;

    enc_job_file_name(u->job, &u->answer.file_name);
    u->answer.content_type = enc_job_content_type(u->job);
    return enc_ngx_answer_head(u->r, &u->answer, n_answer);
}

// Whether what there is of the answer goes out now, rather than being held.
static bool answer_is_due(const struct upload *u)
{
    const struct enc_ngx_outbox *outbox = &u->outbox;

    if (u->r->header_sent)
        return true;
    if (outbox->is_complete) // the disk may still fail
        return !enc_ngx_outbox_awaits_disk(outbox);
    off_t n_output = enc_ngx_outbox_unsent(outbox) + (off_t)enc_job_output_used(u->job);
    return !outbox->options.whole && n_output > (off_t)outbox->options.hold_bytes;
}

// Takes the job's output, and sends what can go if the answer has begun or is to begin now.
static ngx_int_t send_output(struct upload *u)
{
    ngx_int_t rc = enc_ngx_outbox_fill(&u->outbox, enc_job_output_used(u->job));

    enc_job_output(u->job, NULL, 0);
    if (rc != NGX_OK || !answer_is_due(u))
        return rc;
    if (!u->r->header_sent) {
        rc = start_answer(u);
        if (rc != NGX_OK)
            return rc;
    }
    off_t n_sent = u->outbox.n_sent;
    rc = enc_ngx_outbox_send(&u->outbox);
    u->turn_bytes += (size_t)(u->outbox.n_sent - n_sent);
    return rc;
}

// For send_output's result where the job adds nothing now: NGX_OK becomes NGX_AGAIN if there is no
// more to send until an event comes.
static ngx_int_t again_unless_more(const struct upload *u, ngx_int_t rc)
{
    bool more = answer_is_due(u) && enc_ngx_outbox_can_go_on(&u->outbox);

    return rc == NGX_OK && !more ? NGX_AGAIN : rc;
}

// Gives the job room for more output. NGX_AGAIN: the client has to read first, or the disk to
// write.
static ngx_int_t next_room(struct upload *u)
{
    u_char *room;
    size_t cap;
    ngx_int_t rc = send_output(u);

    if (rc != NGX_OK && rc != NGX_AGAIN)
        return rc;
    rc = enc_ngx_outbox_room(&u->outbox, &room, &cap);
    if (rc == NGX_OK) {
        // A room that is full, less what a job always wants to see, is one that passes the hold.
        if (!u->r->header_sent && !u->outbox.options.whole)
            cap = ngx_min(cap, u->outbox.options.hold_bytes - (size_t)u->outbox.n_pending +
                                   ENC_JOB_OUT_MIN);
        enc_job_output(u->job, room, cap);
    }
    if (rc != NGX_AGAIN || u->outbox.is_spooling)
        return rc;
    if (!enc_ngx_outbox_is_waiting(&u->outbox)) {
        // No event would ever come. Cannot happen while the hold fits into the buffers.
        ngx_log_error(NGX_LOG_ALERT, u->r->connection->log, 0, "encrypter: no buffer to wait for");
        return NGX_ERROR;
    }
    u->is_pushing_back = true;
    return NGX_AGAIN;
}

static void stop_write_timer(struct upload *u)
{
    ngx_event_t *write = u->r->connection->write;

    if (!write->delayed) // limit_rate's timer is not ours
        stop_timer(write);
}

static void start_write_timer(struct upload *u)
{
    ngx_event_t *write = u->r->connection->write;
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(u->r, ngx_http_core_module);

    if (!write->timer_set && !write->delayed)
        ngx_add_timer(write, clcf->send_timeout);
}

static void set_timer(struct upload *u, ngx_msec_t ms)
{
    stop_timer(&u->timer); // or nginx might keep the old time where it differs little
    ngx_add_timer(&u->timer, ms);
}

// The upload's own timer: how long a client that is pushed back may read nothing.
static void time_patience(struct upload *u)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(u->r, ngx_http_encrypter_module);
    off_t n_sent = u->r->connection->sent;

    if (u->is_pushing_back && conf->spool_request_max > 0) {
        if (n_sent != u->sent_before)
            set_timer(u, conf->spool_patience);
        u->sent_before = n_sent;
        return;
    }
    u->sent_before = -1;
    if (enc_ngx_outbox_awaits_disk(&u->outbox))
        set_timer(u, DISK_TIMER_MS);
    else
        stop_timer(&u->timer);
}

// Waits for an event, with nginx's own timeout where it is the client's turn to read. It may first
// send its whole upload where there is a spool for the answer; then what it sends is timed. A timer
// that runs goes on: only reading stops it, and not what the client sends meanwhile.
static ngx_int_t await(struct upload *u)
{
    ngx_connection_t *c = u->r->connection;
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(u->r, ngx_http_core_module);
    bool is_waiting = enc_ngx_outbox_is_waiting(&u->outbox);

    u->turn_bytes = 0;
    time_patience(u);
    if (is_waiting && !(u->outbox.is_spooling && u->r->reading_body))
        start_write_timer(u);
    else
        stop_write_timer(u);
    return is_waiting ? ngx_handle_write_event(c->write, clcf->send_lowat) : NGX_OK;
}

// Lets the others have their turn: our write event comes up again in the next one. The timer keeps
// a worker that is leaving from dropping the request meanwhile.
static void yield(struct upload *u)
{
    u->turn_bytes = 0;
    start_write_timer(u);
    ngx_post_event(u->r->connection->write, &ngx_posted_next_events);
}

// Sends the rest. NGX_OK: there is more; NGX_AGAIN: the client has to read, or the disk to write;
// NGX_DONE: nginx has it all.
static ngx_int_t finish(struct upload *u)
{
    enc_ngx_outbox_complete(&u->outbox);
    ngx_int_t rc = send_output(u);
    if (!u->outbox.is_ended || (rc != NGX_OK && rc != NGX_AGAIN))
        return again_unless_more(u, rc);
    come_to_rest(u);
    ngx_http_finalize_request(u->r, rc);
    return NGX_DONE;
}

// One move of the pump. NGX_OK: go on; NGX_AGAIN: wait for an event; NGX_DONE: the request is
// over.
static ngx_int_t move(struct upload *u)
{
    ngx_int_t rc = NGX_OK;

    u->is_pushing_back = false;
    switch (enc_job_step(u->job)) {
    case ENC_JOB_HAS_WORK:
        enc_jobs_run(&u->job, 1);
        return NGX_OK;
    case ENC_JOB_NEEDS_INPUT:
        rc = next_input(u);
        if (rc == NGX_AGAIN && answer_is_due(u)) {
            // Nothing more for now, and the client may be waiting for what there is. What is held
            // stays in its room, which small pieces then fill up.
            rc = again_unless_more(u, send_output(u));
        }
        break;
    case ENC_JOB_NEEDS_OUTPUT:
        rc = next_room(u);
        // While nothing is read the client cannot be late with its body.
        if (rc == NGX_AGAIN)
            stop_timer(u->r->connection->read);
        break;
    case ENC_JOB_VERIFIED: // not reached yet
        return NGX_ERROR;
    case ENC_JOB_DONE:
        rc = finish(u);
        break;
    case ENC_JOB_FAILED:
        rc = enc_ngx_fail(u->r, enc_ngx_error_of_status(enc_job_status(u->job)));
        break;
    }
    if (rc != NGX_OK && rc != NGX_AGAIN && rc != NGX_DONE) {
        give_up(u, rc);
        return NGX_DONE;
    }
    return rc;
}

static void pump(struct upload *u)
{
    // HTTP/2 tells it once that a client is gone, and that may be while we wait for the disk.
    if (u->r->connection->error) {
        give_up(u, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }
    for (;;) {
        ngx_int_t rc = move(u);
        if (rc == NGX_DONE)
            return;
        if (rc == NGX_AGAIN) {
            if (await(u) != NGX_OK)
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
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        give_up(u, NGX_ERROR);
        return;
    }
    pump(u);
}

// For events that are not the connection's own. The request may be gone afterwards.
static void run(struct upload *u, void (*what)(struct upload *))
{
    ngx_connection_t *c = u->r->connection;

    if (u->is_over)
        return;
    ngx_http_set_log_request(c->log, u->r);
    what(u);
    ngx_http_run_posted_requests(c);
}

static void go_on_after_disk(struct upload *u)
{
    if (enc_ngx_outbox_error(&u->outbox) == ENC_NGX_ERROR_NONE)
        pump(u);
    else
        give_up(u, NGX_ERROR);
}

static void on_disk(void *data)
{
    run(data, go_on_after_disk);
}

static void go_on_after_timer(struct upload *u)
{
    bool has_stalled = u->is_pushing_back && u->r->connection->sent == u->sent_before;

    u->sent_before = -1;
    if (has_stalled && !enc_ngx_outbox_spool(&u->outbox))
        give_up(u, NGX_ERROR);
    else
        pump(u);
}

static void on_timer(ngx_event_t *timer)
{
    run(timer->data, go_on_after_timer);
}

// nginx has begun to read the body.
static void on_body_begun(ngx_http_request_t *r)
{
    r->read_event_handler = on_body;
    r->write_event_handler = on_write;
    pump(upload_of(r));
}

static void set_up_outbox(struct upload *u)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(u->r, ngx_http_encrypter_module);
    const struct enc_ngx_main_conf *main_conf =
        ngx_http_get_module_main_conf(u->r, ngx_http_encrypter_module);
    off_t n_body = enc_ngx_body_declared(u->r);
    uint64_t n_bound = 0; // the file is the body, or a part of it
    bool bounded = n_body >= 0 && enc_encrypt_job_total(u->job, (uint64_t)n_body, &n_bound) &&
                   n_bound <= NGX_MAX_OFF_T_VALUE;

    u->n_answer = bounded && !enc_job_is_form(u->job) ? (off_t)n_bound : -1;
    struct enc_ngx_outbox_options options = {
        .hold_bytes = conf->hold_bytes,
        .n_expected = bounded ? (off_t)n_bound : -1,
        .whole = !enc_ngx_request_is_full_duplex(u->r, u->n_answer >= 0),
        .spool = {.path = (const char *)main_conf->spool_path->name.data,
                  .request_max = conf->spool_request_max,
                  .service_max = main_conf->spool_max,
                  .on_written = on_disk,
                  .data = u},
    };
    enc_ngx_outbox_init(&u->outbox, u->r, &options);
}

static struct upload *make_upload(ngx_http_request_t *r)
{
    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(struct upload));

    if (!ctx || !cleanup)
        return NULL;
    struct upload *u = ctx->upload = cleanup->data;
    ngx_memzero(u, sizeof(*u));
    u->r = u->body.r = r;
    u->sent_before = -1;
    u->timer.data = u;
    u->timer.handler = on_timer;
    u->timer.log = r->connection->log;
    cleanup->handler = clean_up;
    return u;
}

ngx_int_t enc_ngx_encrypt_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    if (r != r->main || r->request_body || r->discard_body || r->err_status) {
        // What is left of the body, if anything, must not pass for the file.
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "encrypter: another module took the body (mirror, subrequest, error_page)");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    struct upload *u = make_upload(r);
    if (!u)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    enum enc_ngx_error error =
        enc_ngx_request_job(r, name, &u->answer.format, &u->answer.key, &u->job);
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_fail(r, error);
    set_up_outbox(u);
    return enc_ngx_body_begin(&u->body, on_body_begun);
}
