// SPDX-License-Identifier: Apache-2.0
// /encrypt_file: body -> job -> outbox, or a page.
#include "enc_encrypt_job.h"
#include "enc_ngx_pump.h"

static void set_up_outbox(struct enc_ngx_pump *pump)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_encrypter_module);
    off_t n_body = enc_ngx_body_declared(pump->r);
    uint64_t n_bound = 0; // the file is the body, or a part of it
    bool bounded = n_body >= 0 && enc_encrypt_job_total(pump->job, (uint64_t)n_body, &n_bound) &&
                   n_bound <= NGX_MAX_OFF_T_VALUE;

    pump->n_answer = bounded && !enc_job_is_form(pump->job) ? (off_t)n_bound : -1;
    struct enc_ngx_outbox_options options = {
        .hold_bytes = conf->hold_bytes,
        .room_min = enc_job_room_min(pump->job),
        .n_expected = bounded ? (off_t)n_bound : -1,
        .whole = !enc_ngx_request_is_full_duplex(pump->r, pump->n_answer >= 0),
    };
    enc_ngx_pump_spool_options(pump, &options.spool);
    enc_ngx_outbox_init(&pump->outbox, pump->r, &options);
}

// All that there can be of the file has room in the page.
static enum enc_ngx_error set_up_page(struct enc_ngx_pump *pump)
{
    const struct enc_ngx_outbox_options no_options = {.room_min = 0}; // it stays empty
    off_t n_body = enc_ngx_body_declared(pump->r);
    uint64_t n_file_max = ENC_NGX_PAGE_FILE_MAX;
    uint64_t n_bound;

    if (!enc_job_is_form(pump->job))
        return ENC_NGX_ERROR_PAGE_WITHOUT_FORM;
    if (n_body > ENC_NGX_PAGE_FILE_MAX + ENC_NGX_PAGE_FORM_MAX)
        return ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE;
    if (n_body >= 0)
        n_file_max = ngx_min(n_file_max, (uint64_t)n_body);
    if (!enc_encrypt_job_total(pump->job, n_file_max, &n_bound))
        return ENC_NGX_ERROR_INTERNAL;
    pump->page.cap = (size_t)n_bound + enc_job_room_min(pump->job);
    pump->flow = ENC_NGX_FLOW_PAGE;
    enc_ngx_outbox_init(&pump->outbox, pump->r, &no_options);
    return ENC_NGX_ERROR_NONE;
}

ngx_int_t enc_ngx_encrypt_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    struct enc_ngx_pump *pump = enc_ngx_pump_new(r);

    if (!pump)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    enum enc_ngx_error error =
        enc_ngx_request_encryption(r, name, &pump->page, &pump->answer.key, &pump->job);
    if (error == ENC_NGX_ERROR_NONE && pump->page.is_wanted) {
        error = set_up_page(pump);
    } else if (error == ENC_NGX_ERROR_NONE) {
        pump->flow = ENC_NGX_FLOW_ONE_PASS;
        set_up_outbox(pump);
    }
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_pump_refuse(pump, error);
    return enc_ngx_pump_start(pump);
}
