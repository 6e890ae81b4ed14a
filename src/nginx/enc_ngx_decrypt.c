// SPDX-License-Identifier: Apache-2.0
// /decrypt_file: body -> job -> store, and once all is verified: store -> job -> outbox. Plaintext
// is in the outbox alone, which has no spool.
#include "enc_decrypt_job.h"
#include "enc_ngx_pump.h"

static void set_up_store(struct enc_ngx_pump *pump)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_encrypter_module);
    off_t n_body = enc_ngx_body_declared(pump->r);
    struct enc_ngx_store_options options = {.memory_bytes = conf->hold_bytes};

    if (n_body >= 0 && n_body < (off_t)options.memory_bytes)
        options.memory_bytes = (size_t)n_body;
    enc_ngx_pump_spool_options(pump, &options.spool);
    enc_ngx_store_init(&pump->store, pump->r->pool, &options);
}

static void set_up_outbox(struct enc_ngx_pump *pump)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(pump->r, ngx_http_encrypter_module);
    struct enc_ngx_outbox_options options = {
        .hold_bytes = conf->hold_bytes,
        .room_min = enc_job_room_min(pump->job),
        .n_expected = -1,
    };

    pump->n_answer = -1;
    enc_ngx_outbox_init(&pump->outbox, pump->r, &options);
}

ngx_int_t enc_ngx_decrypt_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    struct enc_ngx_pump *pump = enc_ngx_pump_new(r);

    if (!pump)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    enum enc_ngx_error error = enc_ngx_request_decryption(r, name, &pump->job);
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_fail(r, error);
    pump->flow =
        enc_decrypt_job_has_one_pass(pump->job) ? ENC_NGX_FLOW_ONE_PASS : ENC_NGX_FLOW_VERIFY;
    if (pump->flow == ENC_NGX_FLOW_VERIFY)
        set_up_store(pump);
    set_up_outbox(pump);
    pump->answer.is_plaintext = true;
    return enc_ngx_pump_start(pump);
}
