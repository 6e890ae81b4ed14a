// SPDX-License-Identifier: Apache-2.0
// What the Accept header of a request asks for (RFC 9110, 12.5.1).
#include "enc_ngx.h"

static bool is_space(u_char c)
{
    return c == ' ' || c == '\t';
}

static ngx_str_t trimmed(const u_char *from, const u_char *to)
{
    while (from < to && is_space(*from))
        from++;
    while (from < to && is_space(to[-1]))
        to--;
    return (ngx_str_t){(size_t)(to - from), (u_char *)(uintptr_t)from};
}

// Takes what is before the next separator off the text, without spaces around it.
static ngx_str_t take(ngx_str_t *text, u_char separator)
{
    u_char *end = text->data + text->len;
    u_char *at = memchr(text->data, separator, text->len);
    ngx_str_t taken = trimmed(text->data, at ? at : end);

    text->data = at ? at + 1 : end;
    text->len = (size_t)(end - text->data);
    return taken;
}

static bool is(const ngx_str_t *text, const char *expected)
{
    return text->len == ngx_strlen(expected) &&
           ngx_strncasecmp(text->data, (u_char *)(uintptr_t)expected, text->len) == 0;
}

// The weight among a media range's parameters, in thousandths. 1000 without one, 0 for nonsense.
static ngx_int_t read_weight(ngx_str_t parameters)
{
    while (parameters.len > 0) {
        ngx_str_t parameter = take(&parameters, ';');
        if (parameter.len < 2 || ngx_strncasecmp(parameter.data, (u_char *)"q=", 2) != 0)
            continue;
        ngx_int_t weight = ngx_atofp(parameter.data + 2, parameter.len - 2, 3);
        return weight == NGX_ERROR ? 0 : weight;
    }
    return 1000;
}

// The weight that a media type has where it is named, 0 where it is not.
static ngx_int_t weight_of(ngx_str_t accept, const char *type)
{
    while (accept.len > 0) {
        ngx_str_t range = take(&accept, ',');
        ngx_str_t name = take(&range, ';');
        if (is(&name, type))
            return read_weight(range);
    }
    return 0;
}

bool enc_ngx_accept_prefers_html(const ngx_http_request_t *r)
{
    const ngx_table_elt_t *accept = r->headers_in.accept;
    ngx_int_t weight = accept ? weight_of(accept->value, "text/html") : 0;

    return weight > 0 && weight >= weight_of(accept->value, "text/plain");
}
