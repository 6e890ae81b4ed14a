// SPDX-License-Identifier: Apache-2.0
// The table of query parameters.
#include "enc_ngx_query.h"

#include "enc_ngx.h"

typedef enum enc_ngx_error parameter_reader(const ngx_str_t *value, struct enc_ngx_query *query);

static bool is(const ngx_str_t *text, const char *expected)
{
    return text->len == ngx_strlen(expected) && ngx_memcmp(text->data, expected, text->len) == 0;
}

static enum enc_ngx_error read_format(const ngx_str_t *value, struct enc_ngx_query *query)
{
    if (query->has_format)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    query->has_format = true;
    if (!enc_job_format_parse((const char *)value->data, value->len, &query->format))
        return ENC_NGX_ERROR_UNKNOWN_FORMAT;
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error read_armor(const ngx_str_t *value, struct enc_ngx_query *query)
{
    if (query->has_armor)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    query->has_armor = true;
    query->armor = is(value, "true");
    return query->armor || is(value, "false") ? ENC_NGX_ERROR_NONE : ENC_NGX_ERROR_INVALID_ARMOR;
}

static enum enc_ngx_error read_recipient(const ngx_str_t *value, struct enc_ngx_query *query)
{
    if (query->n_recipients == ENC_JOB_RECIPIENTS_MAX)
        return ENC_NGX_ERROR_TOO_MANY_RECIPIENTS;
    query->recipients[query->n_recipients++] =
        (struct enc_job_text){(const char *)value->data, value->len};
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error read_ttl(const ngx_str_t *value, struct enc_ngx_query *query)
{
    off_t seconds = ngx_atoof(value->data, value->len);

    if (query->has_ttl)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    if (seconds == NGX_ERROR)
        return ENC_NGX_ERROR_INVALID_TTL;
    query->has_ttl = true;
    query->ttl = (uint64_t)seconds;
    return ENC_NGX_ERROR_NONE;
}

static enum enc_ngx_error read_release(const ngx_str_t *value, struct enc_ngx_query *query)
{
    if (query->release_chunks)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    query->release_chunks = is(value, "verified-chunks");
    return query->release_chunks ? ENC_NGX_ERROR_NONE : ENC_NGX_ERROR_INVALID_RELEASE;
}

static enum enc_ngx_error read_answer(const ngx_str_t *value, struct enc_ngx_query *query)
{
    if (query->answer_page)
        return ENC_NGX_ERROR_REPEATED_PARAMETER;
    query->answer_page = is(value, "page");
    return query->answer_page ? ENC_NGX_ERROR_NONE : ENC_NGX_ERROR_INVALID_ANSWER;
}

static const struct {
    const char *name;
    unsigned takes;
    parameter_reader *read;
} parameters[] = {
    {"format", ENC_NGX_TAKES_FORMAT, read_format},
    {"armor", ENC_NGX_TAKES_ARMOR, read_armor},
    {"recipient", ENC_NGX_TAKES_RECIPIENT, read_recipient},
    {"ttl", ENC_NGX_TAKES_TTL, read_ttl},
    {"release", ENC_NGX_TAKES_RELEASE, read_release},
    {"answer", ENC_NGX_TAKES_ANSWER, read_answer},
};

static parameter_reader *find_reader(const ngx_str_t *name, unsigned takes)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if ((parameters[i].takes & takes) && is(name, parameters[i].name))
            return parameters[i].read;
    }
    return NULL;
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

// Takes the next NAME=VALUE off a query. False if it has no more.
static bool take_pair(ngx_str_t *query, ngx_str_t *ret_pair)
{
    while (query->len > 0) {
        u_char *end = query->data + query->len;
        u_char *at = memchr(query->data, '&', query->len);

        ret_pair->data = query->data;
        ret_pair->len = (size_t)((at ? at : end) - query->data);
        query->data = at ? at + 1 : end;
        query->len = (size_t)(end - query->data);
        if (ret_pair->len > 0)
            return true;
    }
    return false;
}

// False if it is malformed.
static bool decode_pair(ngx_pool_t *pool, const ngx_str_t *pair, ngx_str_t *ret_name,
                        ngx_str_t *ret_value)
{
    const u_char *equals = memchr(pair->data, '=', pair->len);
    size_t n_name = equals ? (size_t)(equals - pair->data) : pair->len;
    size_t value_at = equals ? n_name + 1 : pair->len;

    return decode(pool, pair->data, n_name, ret_name) &&
           decode(pool, pair->data + value_at, pair->len - value_at, ret_value);
}

static enum enc_ngx_error read_pair(ngx_http_request_t *r, const ngx_str_t *pair, unsigned takes,
                                    struct enc_ngx_query *query)
{
    ngx_str_t name, value;

    if (!decode_pair(r->pool, pair, &name, &value))
        return ENC_NGX_ERROR_MALFORMED_PARAMETER;
    parameter_reader *read = find_reader(&name, takes);
    return read ? read(&value, query) : ENC_NGX_ERROR_UNKNOWN_PARAMETER;
}

enum enc_ngx_error enc_ngx_query_read(ngx_http_request_t *r, unsigned takes,
                                      struct enc_ngx_query *ret_query)
{
    enum enc_ngx_error error = ENC_NGX_ERROR_NONE;
    ngx_str_t left = r->args;
    ngx_str_t pair;

    *ret_query = (struct enc_ngx_query){.format = ENC_JOB_FERNET};
    while (error == ENC_NGX_ERROR_NONE && take_pair(&left, &pair))
        error = read_pair(r, &pair, takes, ret_query);
    return error;
}

bool enc_ngx_query_asks_for_page(ngx_http_request_t *r)
{
    ngx_str_t left = r->args;
    ngx_str_t pair, name, value;

    while (take_pair(&left, &pair)) {
        if (decode_pair(r->pool, &pair, &name, &value) && is(&name, "answer") && is(&value, "page"))
            return true;
    }
    return false;
}
