// SPDX-License-Identifier: Apache-2.0
// From a request's head to a job: the query parameters and the headers that matter.
#include "enc_ngx.h"
#include "enc_random.h"

#define KEY_HEADER "encryption-key"

struct seed {
    uint8_t bytes[ENC_JOB_SEED_BYTES];
};
ENC_SECRET_TYPE(seed);

// The request's header of that lower-case name, NULL if there is none. *ret_n counts how often it
// came.
static ngx_table_elt_t *find_header(ngx_http_request_t *r, const char *lowcase, size_t *ret_n)
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

    return find_header(r, "via", &n) || find_header(r, "forwarded", &n) ||
           find_header(r, "x-forwarded-for", &n);
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

    while ((header = find_header(r, KEY_HEADER, &n)) != NULL) {
        if (r->stream)
            enc_ngx_wipe_frames_later(r);
        enc_wipe(header->value.data, header->value.len);
        header->value.len = 0;
        header->hash = 0; // not found again; nginx would pass it on as an empty one
    }
}

// Percent-decodes n bytes in place into a new string. False if a '%' is not followed by two hex
// digits.
static bool decode(ngx_pool_t *pool, const u_char *text, size_t n, ngx_str_t *ret)
{
    u_char *out = ngx_pnalloc(pool, n + 1);

    if (!out)
        return false;
    ret->data = out;
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        ngx_int_t value = i + 2 < n ? ngx_hextoi((u_char *)(uintptr_t)text + i + 1, 2) : NGX_ERROR;
        if (value == NGX_ERROR)
            return false;
        *out++ = (u_char)value;
        i += 2;
    }
    ret->len = (size_t)(out - ret->data);
    return true;
}

struct parameters {
    bool has_format;
    enum enc_job_format format;
};

static enum enc_ngx_error read_parameter(const ngx_str_t *name, const ngx_str_t *value,
                                         struct parameters *parameters)
{
    if (name->len != 6 || ngx_memcmp(name->data, "format", 6) != 0)
        return ENC_NGX_ERROR_UNKNOWN_PARAMETER;
    if (parameters->has_format)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    parameters->has_format = true;
    if (!enc_job_format_parse((const char *)value->data, value->len, &parameters->format))
        return ENC_NGX_ERROR_UNKNOWN_FORMAT;
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error read_query(ngx_http_request_t *r, struct parameters *parameters)
{
    const u_char *p = r->args.data;
    const u_char *end = p + r->args.len;

    while (p < end) {
        const u_char *next = memchr(p, '&', (size_t)(end - p));
        if (!next)
            next = end;
        if (next > p) {
            const u_char *equals = memchr(p, '=', (size_t)(next - p));
            const u_char *value_at = equals ? equals + 1 : next;
            ngx_str_t name, value;

            if (!decode(r->pool, p, (size_t)((equals ? equals : next) - p), &name) ||
                !decode(r->pool, value_at, (size_t)(next - value_at), &value))
                return ENC_NGX_ERROR_MALFORMED_PARAMETER;
            enum enc_ngx_error error = read_parameter(&name, &value, parameters);
            if (error != ENC_NGX_ERROR_NONE)
                return error;
        }
        p = next + (next < end);
    }
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error check_headers(ngx_http_request_t *r)
{
    size_t n;

    if (find_header(r, "content-range", &n))
        return ENC_NGX_ERROR_CONTENT_RANGE;
    const ngx_table_elt_t *encoding = find_header(r, "content-encoding", &n);
    if (encoding && (n > 1 || encoding->value.len != 8 ||
                     ngx_strncasecmp(encoding->value.data, (u_char *)"identity", 8) != 0))
        return ENC_NGX_ERROR_CONTENT_ENCODING;
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error make_job(ngx_http_request_t *r, struct enc_encrypt_job_options *options,
                                   struct enc_job_key_text *ret_key,
                                   struct enc_encrypt_job **ret_job)
{
    ENC_SECRET(seed, seed);
    size_t n_keys;
    const ngx_table_elt_t *key = find_header(r, KEY_HEADER, &n_keys);

    if (n_keys > 1)
        return ENC_NGX_ERROR_INVALID_KEY;
    if (key) {
        options->key = (const char *)key->value.data;
        options->n_key = key->value.len;
    }
    // The IV is published, the key never is: each from the generator for its kind.
    enum enc_status st = enc_random_public(seed.bytes, ENC_JOB_SEED_IV_BYTES);
    if (st == ENC_OK)
        st = enc_random_secret(seed.bytes + ENC_JOB_SEED_IV_BYTES,
                               sizeof(seed.bytes) - ENC_JOB_SEED_IV_BYTES);
    if (st == ENC_OK) {
        options->seed = seed.bytes;
        st = enc_encrypt_job_new(options, ret_key, ret_job);
    }
    return st == ENC_OK ? ENC_NGX_ERROR_NONE : enc_ngx_error_of_status(st);
}

enum enc_ngx_error enc_ngx_request_job(ngx_http_request_t *r, const ngx_str_t *name,
                                       enum enc_job_format *ret_format,
                                       struct enc_job_key_text *ret_key,
                                       struct enc_encrypt_job **ret_job)
{
    struct parameters parameters = {.format = ENC_JOB_FERNET};
    const ngx_table_elt_t *type = r->headers_in.content_type;
    struct enc_encrypt_job_options options = {
        .is_form = r->method == NGX_HTTP_POST,
        .content_type = type ? (const char *)type->value.data : NULL,
        .n_content_type = type ? type->value.len : 0,
        .name = (const char *)name->data,
        .n_name = name->len,
        .time = (uint64_t)ngx_time(),
    };
    enum enc_ngx_error error = check_headers(r);

    if (error == ENC_NGX_ERROR_NONE)
        error = read_query(r, &parameters);
    if (error == ENC_NGX_ERROR_NONE) {
        options.format = *ret_format = parameters.format;
        error = make_job(r, &options, ret_key, ret_job);
    }
    return error;
}
