// SPDX-License-Identifier: Apache-2.0
// /encrypt_file: body -> job -> outbox.
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

ngx_int_t enc_ngx_encrypt_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    struct enc_ngx_pump *pump = enc_ngx_pump_new(r);

    if (!pump)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    enum enc_ngx_error error = enc_ngx_request_encryption(r, name, &pump->answer.key, &pump->job);
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_fail(r, error);
    pump->flow = ENC_NGX_FLOW_ONE_PASS;
    set_up_outbox(pump);
    return enc_ngx_pump_start(pump);
}
