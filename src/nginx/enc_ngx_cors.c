// SPDX-License-Identifier: Apache-2.0
// The origins that may read answers, and the header filter that tells browsers so.
//
// A filter, since a page has to be able to read every answer, nginx's own errors too. It goes by
// the configuration of the server where a request failed before nginx had found its location.
#include "enc_ngx_cors.h"

#include <arpa/inet.h>
#include <string.h>

#include "enc_ngx.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define EXPOSED "Encryption-Key, Encryption-Format, Content-Disposition"
#define REQUEST_HEADERS "Encryption-Key, Content-Type"
#define PREFLIGHT_SECONDS "7200" // what a preflight is good for; no longer in Chromium anyway

static ngx_http_output_header_filter_pt next_header_filter;

static bool is_ipv6(const char *text)
{
    struct in6_addr address;
    char canonical[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, text, &address) != 1)
        return false;
    inet_ntop(AF_INET6, &address, canonical, sizeof(canonical));
    // With a dot it is an IPv4 address within, which browsers write in hexadecimal.
    return strchr(canonical, '.') ? !strchr(text, '.') : strcmp(text, canonical) == 0;
}

// Browsers take a name for an IPv4 address if its last label is a number (the URL standard, 3.5),
// and write that as four decimals.
static bool is_name_or_ipv4(const char *text)
{
    const char *last_dot = strrchr(text, '.');
    const char *last = last_dot ? last_dot + 1 : text;
    struct in_addr address;

    if (text[0] == '.' || strstr(text, "..") || text[strspn(text, LOWER DIGITS "-._")] != '\0')
        return false;
    return *last == '\0' || last[strspn(last, DIGITS)] != '\0' ||
           inet_pton(AF_INET, text, &address) == 1;
}

static bool is_host(const char *host, size_t n)
{
    char text[256] = "";

    if (n == 0 || n >= sizeof(text))
        return false;
    if (host[0] != '[') {
        memcpy(text, host, n);
        return is_name_or_ipv4(text);
    }
    if (n < 3 || host[n - 1] != ']')
        return false;
    memcpy(text, host + 1, n - 2);
    return is_ipv6(text);
}

static bool is_scheme(const char *scheme, size_t n)
{
    return n > 0 && strspn(scheme, LOWER) > 0 && strspn(scheme, LOWER DIGITS "+-.") == n;
}

static const char *fault_of_port(const char *origin, const char *port)
{
    size_t n = strlen(port);
    ngx_int_t number = ngx_atoi((u_char *)(uintptr_t)port, n);

    if (n > 5 || port[0] == '0' || number < 1 || number > 65535)
        return "its port is no number from 1 to 65535";
    if ((number == 80 && strncmp(origin, "http:", 5) == 0) ||
        (number == 443 && strncmp(origin, "https:", 6) == 0))
        return "it names the default port of its scheme, which browsers leave out";
    return NULL;
}

// Why no browser would send that as an origin (RFC 6454, 6.2: the ASCII serialization), or why it
// must not be allowed. NULL: it is fine.
static const char *fault_of_origin(const char *origin)
{
    const char *separator = strstr(origin, "://");

    if (strcmp(origin, "null") == 0)
        return "it is what every page says that has no origin, whoever made it";
    if (strcmp(origin, "off") == 0 || strcmp(origin, "*") == 0)
        return "off and * stand alone";
    if (strchr(origin, '*'))
        return "there are no patterns: name each origin, or allow any by * alone";
    if (strpbrk(origin, UPPER))
        return "it is not in lower case";
    if (!separator || !is_scheme(origin, (size_t)(separator - origin)))
        return "it does not begin with a scheme, as https://a.example does";

    const char *host = separator + 3;
    bool has_brackets = host[0] == '[';
    size_t n_host = strcspn(host, has_brackets ? "]" : ":/?#");
    if (has_brackets && host[n_host] == ']')
        n_host++;
    const char *rest = host + n_host;
    if (strpbrk(rest, "/?#"))
        return "it has a path, or a slash at its end";
    if (!is_host(host, n_host) || (*rest != '\0' && *rest != ':'))
        return "its host is not as browsers write it: a name in ASCII (xn--... for others), or an "
               "address in its shortest form";
    return *rest == ':' ? fault_of_port(origin, rest + 1) : NULL;
}

char *enc_ngx_cors_set_origins(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
    struct enc_ngx_loc_conf *conf = data;
    const ngx_str_t *words = cf->args->elts;
    ngx_uint_t n = cf->args->nelts - 1;

    if (conf->cors_origins != NGX_CONF_UNSET_PTR)
        return "is duplicate";
    conf->cors_origins = NULL;
    if (n == 1 && ngx_strcmp(words[1].data, "off") == 0)
        return NGX_CONF_OK;
    conf->cors_origins = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
    if (!conf->cors_origins)
        return NGX_CONF_ERROR;
    for (ngx_uint_t i = 1; i <= n; i++) {
        bool is_any = n == 1 && ngx_strcmp(words[1].data, "*") == 0;
        const char *fault = is_any ? NULL : fault_of_origin((const char *)words[i].data);
        if (fault) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V: the origin \"%V\" is not taken: %s",
                               &command->name, &words[i], fault);
            return NGX_CONF_ERROR;
        }
        *(ngx_str_t *)ngx_array_push(conf->cors_origins) = words[i]; // cannot fail: it has room
    }
    return NGX_CONF_OK;
}

static bool allows_any(const ngx_array_t *origins)
{
    const ngx_str_t *origin = origins->elts;

    return origin->len == 1 && origin->data[0] == '*';
}

// What Access-Control-Allow-Origin is to say: the configuration's own text, never the client's.
// NULL: this request's origin is not allowed, or it has none.
static const ngx_str_t *find_allowed(ngx_http_request_t *r, const ngx_array_t *origins)
{
    const ngx_str_t *allowed = origins->elts;
    size_t n;

    if (allows_any(origins))
        return allowed;
    const ngx_table_elt_t *origin = enc_ngx_request_header(r, "origin", &n);
    if (n != 1)
        return NULL;
    for (ngx_uint_t i = 0; i < origins->nelts; i++) {
        if (allowed[i].len == origin->value.len &&
            ngx_memcmp(allowed[i].data, origin->value.data, allowed[i].len) == 0)
            return &allowed[i];
    }
    return NULL;
}

// A good answer to a browser that asks whether it may send the request that it has in mind.
static bool is_granted_preflight(ngx_http_request_t *r)
{
    size_t n;

    return r->method == NGX_HTTP_OPTIONS && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE &&
           enc_ngx_request_header(r, "origin", &n) &&
           enc_ngx_request_header(r, "access-control-request-method", &n);
}

// What a server behind this one says of it. Two answers to the same question are none to a browser,
// and this one is in charge where it is configured.
static void drop_headers_from_elsewhere(ngx_http_request_t *r)
{
    static const char prefix[] = "Access-Control-";

    for (ngx_list_part_t *part = &r->headers_out.headers.part; part; part = part->next) {
        ngx_table_elt_t *headers = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (headers[i].key.len >= sizeof(prefix) - 1 &&
                ngx_strncasecmp(headers[i].key.data, (u_char *)prefix, sizeof(prefix) - 1) == 0)
                headers[i].hash = 0;
        }
    }
}

static ngx_int_t add_preflight_headers(ngx_http_request_t *r)
{
    if (enc_ngx_add_header(r, "Access-Control-Allow-Methods", enc_ngx_route_allow(&r->uri)) !=
            NGX_OK ||
        enc_ngx_add_header(r, "Access-Control-Allow-Headers", REQUEST_HEADERS) != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_add_header(r, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
}

static ngx_int_t add_cors_headers(ngx_http_request_t *r, const ngx_array_t *origins)
{
    const ngx_str_t *allowed = find_allowed(r, origins);

    // A list makes the answer depend on the request's Origin, even where there is none: a cache
    // must not give a page what it kept for somebody else. `*` is the same for everybody (the Fetch
    // standard, 3.2.5, "CORS protocol and HTTP caches").
    if (!allows_any(origins) && enc_ngx_add_header(r, "Vary", "Origin") != NGX_OK)
        return NGX_ERROR;
    if (!allowed)
        return NGX_OK;
    if (!enc_ngx_push_header(r, "Access-Control-Allow-Origin", (const char *)allowed->data,
                             allowed->len) ||
        enc_ngx_add_header(r, "Access-Control-Expose-Headers", EXPOSED) != NGX_OK)
        return NGX_ERROR;
    return is_granted_preflight(r) ? add_preflight_headers(r) : NGX_OK;
}

static ngx_int_t cors_header_filter(ngx_http_request_t *r)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(r, ngx_http_encrypter_module);

    if (!conf->cors_origins || r != r->main)
        return next_header_filter(r);
    drop_headers_from_elsewhere(r);
    if (add_cors_headers(r, conf->cors_origins) != NGX_OK)
        return NGX_ERROR;
    return next_header_filter(r);
}

void enc_ngx_cors_install(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = cors_header_filter;
}
