// SPDX-License-Identifier: Apache-2.0
// From a request's head to a job: what its query and its headers come to together.
#include "enc_decrypt_job.h"
#include "enc_encrypt_job.h"
#include "enc_ngx.h"
#include "enc_ngx_body.h"
#include "enc_ngx_query.h"

#define KEY_HEADER "encryption-key"

ngx_table_elt_t *enc_ngx_request_header(ngx_http_request_t *r, const char *lowcase, size_t *ret_n)
{
    ngx_table_elt_t *found = NULL;
    size_t n_name = ngx_strlen(lowcase);

    *ret_n = 0;
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
        ngx_table_elt_t *headers = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (headers[i].hash == 0 || headers[i].key.len != n_name ||
                ngx_memcmp(headers[i].lowcase_key, lowcase, n_name) != 0)
                continue;
            if (!found)
                found = &headers[i];
            ++*ret_n;
        }
    }
    return found;
}

// Whether a proxy says that it passed the request on.
static bool is_forwarded(ngx_http_request_t *r)
{
    size_t n;

    return enc_ngx_request_header(r, "via", &n) || enc_ngx_request_header(r, "forwarded", &n) ||
           enc_ngx_request_header(r, "x-forwarded-for", &n);
}

// A proxy may stop sending once an answer begins. HTTP/1.0 tells the end of an answer of unknown
// size by closing the connection, where a cut looks the same.
bool enc_ngx_request_is_full_duplex(ngx_http_request_t *r, bool size_is_known)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(r, ngx_http_encrypter_module);
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (conf->full_duplex == ENC_NGX_DUPLEX_OFF ||
        (conf->full_duplex == ENC_NGX_DUPLEX_AUTO && is_forwarded(r)))
        return false;
    return r->stream || (r->http_version >= NGX_HTTP_VERSION_11 &&
                         (size_is_known || clcf->chunked_transfer_encoding));
}

void enc_ngx_request_forget_key(ngx_http_request_t *r)
{
    ngx_table_elt_t *header;
    size_t n;

    while ((header = enc_ngx_request_header(r, KEY_HEADER, &n)) != NULL) {
        if (r->stream)
            enc_ngx_wipe_frames_later(r);
        enc_wipe(header->value.data, header->value.len);
        header->value.len = 0;
        header->hash = 0; // not found again; nginx would pass it on as an empty one
    }
}

static enum enc_ngx_error check_headers(ngx_http_request_t *r)
{
    size_t n;

    if (enc_ngx_request_header(r, "content-range", &n))
        return ENC_NGX_ERROR_CONTENT_RANGE;
    const ngx_table_elt_t *encoding = enc_ngx_request_header(r, "content-encoding", &n);
    if (encoding && (n > 1 || encoding->value.len != 8 ||
                     ngx_strncasecmp(encoding->value.data, (u_char *)"identity", 8) != 0))
        return ENC_NGX_ERROR_CONTENT_ENCODING;
    return ENC_NGX_ERROR_NONE;
}

// What goes together: keys and recipients exclude each other, and only age has the latter, and
// armor.
static enum enc_ngx_error check_options(const struct enc_ngx_query *query, size_t n_keys)
{
    bool is_age = query->format == ENC_JOB_AGE;

    if (!is_age && (query->n_recipients > 0 || query->has_armor))
        return ENC_NGX_ERROR_AGE_PARAMETER;
    if (n_keys > 0 && query->n_recipients > 0)
        return ENC_NGX_ERROR_KEY_AND_RECIPIENT;
    if (n_keys > 1)
        return is_age ? ENC_NGX_ERROR_INVALID_IDENTITY : ENC_NGX_ERROR_INVALID_KEY;
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error make_job(ngx_http_request_t *r, struct enc_encrypt_job_options *options,
                                   struct enc_job_key_text *ret_key, struct enc_job **ret_job)
{
    ENC_SECRET(enc_ngx_seed, seed);
    enum enc_status st = enc_ngx_seed_draw(options->format, &seed);

    options->seed = seed.bytes;
    if (st == ENC_OK)
        st = enc_encrypt_job_new(options, ret_key, ret_job);
    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    if (st == ENC_INVALID_RECIPIENT && ctx)
        ctx->error_number = enc_job_faulty_recipient(options->recipients, options->n_recipients);
    return st == ENC_OK ? ENC_NGX_ERROR_NONE : enc_ngx_error_of_status(st);
}

enum enc_ngx_error enc_ngx_request_encryption(ngx_http_request_t *r, const ngx_str_t *name,
                                              struct enc_ngx_page *ret_page,
                                              struct enc_job_key_text *ret_key,
                                              struct enc_job **ret_job)
{
    enum {
        TAKES = ENC_NGX_TAKES_FORMAT | ENC_NGX_TAKES_ARMOR | ENC_NGX_TAKES_RECIPIENT |
                ENC_NGX_TAKES_ANSWER
    };
    struct enc_ngx_query query;
    size_t n_keys;
    const ngx_table_elt_t *key = enc_ngx_request_header(r, KEY_HEADER, &n_keys);
    const ngx_table_elt_t *type = r->headers_in.content_type;
    off_t n_body = enc_ngx_body_declared(r);
    enum enc_ngx_error error = check_headers(r);

    if (error == ENC_NGX_ERROR_NONE)
        error = enc_ngx_query_read(r, TAKES, &query);
    if (error == ENC_NGX_ERROR_NONE)
        error = check_options(&query, n_keys);
    if (error != ENC_NGX_ERROR_NONE)
        return error;

    ret_page->is_wanted = query.answer_page;
    ret_page->has_recipients = query.n_recipients > 0;
    struct enc_encrypt_job_options options = {
        .format = query.format,
        .is_form = r->method == NGX_HTTP_POST,
        .content_type = type ? (const char *)type->value.data : NULL,
        .n_content_type = type ? type->value.len : 0,
        .name = (const char *)name->data,
        .n_name = name->len,
        .key = key ? (const char *)key->value.data : NULL,
        .n_key = key ? key->value.len : 0,
        .recipients = query.recipients,
        .n_recipients = query.n_recipients,
        .armor = query.armor,
        .body_is_declared = n_body >= 0,
        .n_body = (uint64_t)n_body,
        .n_file_max = query.answer_page ? ENC_NGX_PAGE_FILE_MAX : 0,
        .time = (uint64_t)ngx_time(),
    };
    return make_job(r, &options, ret_key, ret_job);
}

static enum enc_ngx_error error_of_decryption(enum enc_status st)
{
    switch (st) {
    case ENC_OK:
        return ENC_NGX_ERROR_NONE;
    case ENC_INVALID_KEY:
    case ENC_INVALID_IDENTITY:
        return ENC_NGX_ERROR_NO_KEY_OF_ANY_FORMAT;
    default:
        return enc_ngx_error_of_status(st);
    }
}

enum enc_ngx_error enc_ngx_request_decryption(ngx_http_request_t *r, const ngx_str_t *name,
                                              struct enc_job **ret_job)
{
    struct enc_ngx_query query;
    size_t n_keys;
    const ngx_table_elt_t *key = enc_ngx_request_header(r, KEY_HEADER, &n_keys);
    const ngx_table_elt_t *type = r->headers_in.content_type;
    enum enc_ngx_error error = check_headers(r);

    if (error == ENC_NGX_ERROR_NONE)
        error = enc_ngx_query_read(r, ENC_NGX_TAKES_TTL | ENC_NGX_TAKES_RELEASE, &query);
    if (error == ENC_NGX_ERROR_NONE && n_keys == 0)
        error = ENC_NGX_ERROR_MISSING_KEY;
    if (error == ENC_NGX_ERROR_NONE && n_keys > 1)
        error = ENC_NGX_ERROR_NO_KEY_OF_ANY_FORMAT;
    if (error != ENC_NGX_ERROR_NONE)
        return error;

    struct enc_decrypt_job_options options = {
        .is_form = r->method == NGX_HTTP_POST,
        .content_type = type ? (const char *)type->value.data : NULL,
        .n_content_type = type ? type->value.len : 0,
        .name = (const char *)name->data,
        .n_name = name->len,
        .key = (const char *)key->value.data,
        .n_key = key->value.len,
        .has_ttl = query.has_ttl,
        .ttl = query.ttl,
        .time = (uint64_t)ngx_time(),
        .release_chunks = query.release_chunks,
        .must_be_whole = !enc_ngx_request_is_full_duplex(r, false),
    };
    return error_of_decryption(enc_decrypt_job_new(&options, ret_job));
}
