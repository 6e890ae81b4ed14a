// SPDX-License-Identifier: Apache-2.0
// POST /generate_key: a key to keep, and for age the recipient to give away.
#include "enc_ngx.h"
#include "enc_ngx_query.h"
#include "enc_random.h"

// The worker's own. Each from the generator for its kind: what is published, and what never is.
static struct enc_random_pool public_pool, secret_pool = {.is_secret = true};

void enc_ngx_seed_forget(void)
{
    enc_random_pool_wipe(&public_pool);
    enc_random_pool_wipe(&secret_pool);
}

enum enc_status enc_ngx_seed_draw(enum enc_job_format format, struct enc_ngx_seed *seed)
{
    size_t n = enc_job_format_seed_bytes(format);
    enum enc_status st = enc_random_pool_draw(&public_pool, seed->bytes, ENC_JOB_SEED_OPEN_BYTES);

    if (st == ENC_OK)
        st = enc_random_pool_draw(&secret_pool, seed->bytes + ENC_JOB_SEED_OPEN_BYTES,
                                  n - ENC_JOB_SEED_OPEN_BYTES);
    return st;
}

// In the request's pool, which is wiped. Keys are plain ASCII without quotes.
static ngx_int_t write_json(ngx_http_request_t *r, enum enc_job_format format,
                            const struct enc_job_key_text *key,
                            const struct enc_job_key_text *recipient, ngx_str_t *ret)
{
    enum { JSON_MAX = 2 * ENC_JOB_KEY_TEXT_MAX + 64 };

    ret->data = ngx_pnalloc(r->pool, JSON_MAX);
    if (!ret->data)
        return NGX_ERROR;
    u_char *last = ret->data + JSON_MAX;
    u_char *end = ngx_slprintf(ret->data, last, "{\"format\": \"%s\", \"key\": \"%*s\"",
                               enc_job_format_name(format), key->n, key->chars);
    if (recipient->n > 0)
        end = ngx_slprintf(end, last, ", \"recipient\": \"%*s\"", recipient->n, recipient->chars);
    end = ngx_slprintf(end, last, "}\n");
    ret->len = (size_t)(end - ret->data);
    return NGX_OK;
}

static ngx_int_t make_key(ngx_http_request_t *r, enum enc_job_format format, ngx_str_t *ret)
{
    ENC_SECRET(enc_ngx_seed, seed);
    ENC_SECRET(enc_job_key_text, key);
    ENC_SECRET(enc_job_key_text, recipient);
    enum enc_status st = enc_ngx_seed_draw(format, &seed);

    if (st == ENC_OK)
        st = enc_job_key_new(format, seed.bytes, &key, &recipient);
    if (st != ENC_OK)
        return enc_ngx_fail(r, enc_ngx_error_of_status(st));
    return write_json(r, format, &key, &recipient, ret);
}

ngx_int_t enc_ngx_key_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    ngx_str_t type = ngx_string("application/json");
    ngx_http_complex_value_t cv = {0};
    struct enc_ngx_query query;
    enum enc_ngx_error error = enc_ngx_query_read(r, ENC_NGX_TAKES_FORMAT, &query);

    (void)name;
    if (error != ENC_NGX_ERROR_NONE)
        return enc_ngx_fail(r, error);
    ngx_int_t rc = make_key(r, query.format, &cv.value);
    if (rc != NGX_OK)
        return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
    if (enc_ngx_add_no_store(r) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
