// SPDX-License-Identifier: Apache-2.0
// The pump goes round until something is lacking: input (the client has not sent it yet, or the
// disk is behind), room (the client has not read the answer yet, or the disk is behind) or its turn
// (other connections want theirs). Each event of the connection, of the disk and of the pump's
// timer starts it again.
#include "enc_ngx_pump.h"

// Bytes in and out that one request may move before the others of its worker get their turn.
enum { TURN_BYTES = 256 * 1024 };

// A worker that is leaving drops a request that has no timer; so one that waits for a thread has.
enum { DISK_TIMER_MS = 60 * 1000 };

static struct enc_ngx_pump *pump_of(ngx_http_request_t *r)
{
    return enc_ngx_ctx_get(r)->pump;
}

static void stop_timer(ngx_event_t *timer)
{
    if (timer->timer_set)
        ngx_del_timer(timer);
}

// No event of ours may start the pump again.
static void come_to_rest(struct enc_ngx_pump *pump)
{
    pump->is_over = true;
    stop_timer(&pump->timer);
    enc_ngx_batch_remove(&pump->work);
}

static void let_go(struct enc_ngx_pump *pump)
{
    come_to_rest(pump);
    enc_ngx_outbox_free(&pump->outbox);
    enc_ngx_store_free(&pump->store);
    enc_ngx_page_free(&pump->page, pump->r);
    enc_job_free(pump->job);
    pump->job = NULL;
    enc_ngx_answer_wipe(&pump->answer);
}

// Runs after the request is logged, whatever became of it.
static void clean_up(void *data)
{
    let_go(data);
}

// Why a disk failed, or ENC_NGX_ERROR_NONE.
static enum enc_ngx_error disk_error(const struct enc_ngx_pump *pump)
{
    enum enc_ngx_error error = enc_ngx_outbox_error(&pump->outbox);

    return error != ENC_NGX_ERROR_NONE ? error : enc_ngx_store_error(&pump->store);
}

static const char *reason_to_cut(const struct enc_ngx_pump *pump)
{
    enum enc_status st = enc_job_status(pump->job);

    if (st != ENC_OK)
        return enc_status_name(st);
    if (disk_error(pump) != ENC_NGX_ERROR_NONE)
        return enc_ngx_error_code(disk_error(pump));
    return "client gone or too slow";
}

// Ends a request that failed with rc, a status of our table or NGX_ERROR. Once the head is sent
// nothing may follow but the cut, so that half a file is not taken for a whole one.
static void give_up(struct enc_ngx_pump *pump, ngx_int_t rc)
{
    ngx_http_request_t *r = pump->r;

    if (r->header_sent) {
        // Not in the request's log, which adds the path, and with it a file's name.
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "encrypter: answer cut: %s",
                      reason_to_cut(pump));
        rc = NGX_ERROR;
    } else if (rc == NGX_ERROR && disk_error(pump) != ENC_NGX_ERROR_NONE) {
        rc = enc_ngx_fail(r, disk_error(pump));
    } else if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    // nginx may read for long what is left of a refused upload, so that its client sees why;
    // nothing of ours is needed for that. What was sent may still be on its way.
    if (r->header_sent)
        come_to_rest(pump);
    else
        let_go(pump);
    // An error page of somebody else's may take its time: the rest of the body is not ours any
    // more.
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (r->reading_body)
        r->keepalive = 0;
    ngx_http_finalize_request(r, rc);
}

static void stop_write_timer(struct enc_ngx_pump *pump)
{
    ngx_event_t *write = pump->r->connection->write;

    if (!write->delayed) // limit_rate's timer is not ours
        stop_timer(write);
}

static void start_write_timer(struct enc_ngx_pump *pump)
{
    ngx_event_t *write = pump->r->connection->write;
    const ngx_http_core_loc_conf_t *clcf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_core_module);

    if (!write->timer_set && !write->delayed)
        ngx_add_timer(write, clcf->send_timeout);
}

static void set_timer(struct enc_ngx_pump *pump, ngx_msec_t ms)
{
    stop_timer(&pump->timer); // or nginx might keep the old time where it differs little
    ngx_add_timer(&pump->timer, ms);
}

// The pump's own timer: how long a client that is pushed back may read nothing.
static void time_patience(struct enc_ngx_pump *pump)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_encrypter_module);
    off_t n_sent = pump->r->connection->sent;

    if (pump->is_pushing_back && pump->outbox.options.spool.request_max > 0) {
        if (n_sent != pump->sent_before)
            set_timer(pump, conf->spool_patience);
        pump->sent_before = n_sent;
        return;
    }
    pump->sent_before = -1;
    if (enc_ngx_outbox_awaits_disk(&pump->outbox) || enc_ngx_store_awaits_disk(&pump->store))
        set_timer(pump, DISK_TIMER_MS);
    else
        stop_timer(&pump->timer);
}

// Waits for an event, with nginx's own timeout where it is the client's turn to read. It may first
// send its whole upload where there is a spool for the answer; then what it sends is timed. A timer
// that runs goes on: only reading stops it, and not what the client sends meanwhile.
static ngx_int_t await(struct enc_ngx_pump *pump)
{
    ngx_connection_t *c = pump->r->connection;
    const ngx_http_core_loc_conf_t *clcf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_core_module);
    bool is_waiting = enc_ngx_outbox_is_waiting(&pump->outbox);

    pump->turn_bytes = 0;
    time_patience(pump);
    if (is_waiting && !(pump->outbox.is_spooling && pump->r->reading_body))
        start_write_timer(pump);
    else
        stop_write_timer(pump);
    return is_waiting ? ngx_handle_write_event(c->write, clcf->send_lowat) : NGX_OK;
}

// Lets the others have their turn: our write event comes up again in the next one. The timer keeps
// a worker that is leaving from dropping the request meanwhile.
static void yield(struct enc_ngx_pump *pump)
{
    pump->turn_bytes = 0;
    start_write_timer(pump);
    ngx_post_event(pump->r->connection->write, &ngx_posted_next_events);
}

static ngx_int_t finish(struct enc_ngx_pump *pump)
{
    ngx_int_t rc_of_end = NGX_OK;
    ngx_int_t rc = enc_ngx_flow_finish(pump, &rc_of_end);

    if (rc == NGX_DONE) {
        come_to_rest(pump);
        ngx_http_finalize_request(pump->r, rc_of_end);
    }
    return rc;
}

// The job says what is wrong.
static ngx_int_t fail(struct enc_ngx_pump *pump)
{
    enum enc_status st = enc_job_status(pump->job);

    if (st == ENC_FILE_CHANGED)
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "encrypter: the spool does not read as it was written: look at its disk");
    return enc_ngx_fail(pump->r, enc_ngx_error_of_status(st));
}

// One move of the pump. NGX_OK: go on; NGX_AGAIN: wait for an event; NGX_BUSY: the batch goes on
// with it; NGX_DONE: the request is over.
static ngx_int_t move(struct enc_ngx_pump *pump)
{
    ngx_int_t rc = NGX_OK;

    pump->is_pushing_back = false;
    switch (enc_job_step(pump->job)) {
    case ENC_JOB_HAS_WORK:
        pump->work.job = pump->job;
        enc_ngx_batch_add(&pump->work);
        return NGX_BUSY;
    case ENC_JOB_NEEDS_INPUT:
        rc = enc_ngx_flow_input(pump);
        break;
    case ENC_JOB_NEEDS_OUTPUT:
        rc = enc_ngx_flow_room(pump);
        // While nothing is read the client cannot be late with its body.
        if (rc == NGX_AGAIN)
            stop_timer(pump->r->connection->read);
        break;
    case ENC_JOB_VERIFIED:
        rc = enc_ngx_flow_open(pump);
        break;
    case ENC_JOB_DONE:
        rc = finish(pump);
        break;
    case ENC_JOB_FAILED:
        rc = fail(pump);
        break;
    }
    if (rc != NGX_OK && rc != NGX_AGAIN && rc != NGX_DONE) {
        give_up(pump, rc);
        return NGX_DONE;
    }
    return rc;
}

static void turn(struct enc_ngx_pump *pump)
{
    if (pump->work.is_in) // in a moment
        return;
    // HTTP/2 tells it once that a client is gone, and that may be while we wait for the disk.
    if (pump->r->connection->error) {
        give_up(pump, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }
    for (;;) {
        ngx_int_t rc = move(pump);
        if (rc == NGX_DONE || rc == NGX_BUSY)
            return;
        if (rc == NGX_AGAIN) {
            if (await(pump) != NGX_OK)
                give_up(pump, NGX_ERROR);
            return;
        }
        if (pump->turn_bytes >= TURN_BYTES) {
            yield(pump);
            return;
        }
    }
}

static void on_body(ngx_http_request_t *r)
{
    struct enc_ngx_pump *pump = pump_of(r);

    if (r->connection->read->timedout) {
        r->connection->timedout = 1;
        give_up(pump, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    turn(pump);
}

static void on_write(ngx_http_request_t *r)
{
    struct enc_ngx_pump *pump = pump_of(r);

    if (r->connection->write->timedout) {
        r->connection->timedout = 1;
        give_up(pump, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }
    stop_write_timer(pump);
    ngx_int_t rc = enc_ngx_outbox_resume(&pump->outbox);
    if (rc != NGX_OK && rc != NGX_AGAIN) {
        give_up(pump, NGX_ERROR);
        return;
    }
    turn(pump);
}

// For events that are not the connection's own. The request may be gone afterwards.
static void run(struct enc_ngx_pump *pump, void (*what)(struct enc_ngx_pump *))
{
    ngx_connection_t *c = pump->r->connection;

    if (pump->is_over)
        return;
    ngx_http_set_log_request(c->log, pump->r);
    what(pump);
    ngx_http_run_posted_requests(c);
}

static void go_on_after_disk(struct enc_ngx_pump *pump)
{
    if (disk_error(pump) == ENC_NGX_ERROR_NONE)
        turn(pump);
    else
        give_up(pump, NGX_ERROR);
}

static void on_disk(void *data)
{
    run(data, go_on_after_disk);
}

static void go_on_after_timer(struct enc_ngx_pump *pump)
{
    bool has_stalled = pump->is_pushing_back && pump->r->connection->sent == pump->sent_before;

    pump->sent_before = -1;
    if (has_stalled && !enc_ngx_outbox_spool(&pump->outbox))
        give_up(pump, NGX_ERROR);
    else
        turn(pump);
}

static void on_work(void *data)
{
    run(data, turn);
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
    turn(pump_of(r));
}

static struct enc_ngx_pump *make_pump(ngx_http_request_t *r)
{
    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(struct enc_ngx_pump));

    if (!ctx || !cleanup)
        return NULL;
    struct enc_ngx_pump *pump = ctx->pump = cleanup->data;
    ngx_memzero(pump, sizeof(*pump));
    pump->r = pump->body.r = r;
    pump->sent_before = -1;
    pump->work.data = pump;
    pump->work.go_on = on_work;
    pump->timer.data = pump;
    pump->timer.handler = on_timer;
    pump->timer.log = r->connection->log;
    cleanup->handler = clean_up;
    return pump;
}

struct enc_ngx_pump *enc_ngx_pump_new(ngx_http_request_t *r)
{
    if (r != r->main || r->request_body || r->discard_body || r->err_status) {
        // What is left of the body, if anything, must not pass for the file.
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "encrypter: another module took the body (mirror, subrequest, error_page)");
        return NULL;
    }
    return make_pump(r);
}

void enc_ngx_pump_spool_options(struct enc_ngx_pump *pump,
                                struct enc_ngx_spool_options *ret_options)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_encrypter_module);
    const struct enc_ngx_main_conf *main_conf =
        ngx_http_get_module_main_conf(pump->r, ngx_http_encrypter_module);

    *ret_options = (struct enc_ngx_spool_options){
        .path = (const char *)main_conf->spool_path->name.data,
        .request_max = conf->spool_request_max,
        .service_max = main_conf->spool_max,
        .on_disk = on_disk,
        .data = pump,
    };
}

ngx_int_t enc_ngx_pump_refuse(struct enc_ngx_pump *pump, enum enc_ngx_error error)
{
    // nginx may read for long what is left of the upload.
    let_go(pump);
    return enc_ngx_fail(pump->r, error);
}

ngx_int_t enc_ngx_pump_start(struct enc_ngx_pump *pump)
{
    return enc_ngx_body_begin(&pump->body, on_body_begun);
}
