// SPDX-License-Identifier: Apache-2.0
// The table of paths: what each one takes, and who answers.
#include "enc_ngx.h"
#include "enc_ngx_web.h"

typedef ngx_int_t route_handler(ngx_http_request_t *r, const ngx_str_t *name);

static ngx_int_t answer_health(ngx_http_request_t *r, const ngx_str_t *name);

struct route {
    const char *path; // one that ends with '/' has a file's name behind it, which may be empty
    const char *name; // in the log
    ngx_uint_t methods;
    const char *allow; // the same methods, and OPTIONS
    route_handler *handler;
};

static const struct route routes[] = {
    {"/", "root", NGX_HTTP_GET | NGX_HTTP_HEAD, "GET, HEAD, OPTIONS", enc_ngx_web_root_handler},
    {"/healthz", "healthz", NGX_HTTP_GET | NGX_HTTP_HEAD, "GET, HEAD, OPTIONS", answer_health},
    {"/info", "info", NGX_HTTP_GET | NGX_HTTP_HEAD, "GET, HEAD, OPTIONS", enc_ngx_info_handler},
    {"/openapi.json", "openapi", NGX_HTTP_GET | NGX_HTTP_HEAD, "GET, HEAD, OPTIONS",
     enc_ngx_web_openapi_handler},
    {"/page/", "page", NGX_HTTP_GET | NGX_HTTP_HEAD, "GET, HEAD, OPTIONS",
     enc_ngx_web_page_handler},
    {"/encrypt_file", "encrypt_file", NGX_HTTP_POST | NGX_HTTP_PUT, "POST, PUT, OPTIONS",
     enc_ngx_encrypt_handler},
    {"/encrypt_file/", "encrypt_file", NGX_HTTP_PUT, "PUT, OPTIONS", enc_ngx_encrypt_handler},
    {"/decrypt_file", "decrypt_file", NGX_HTTP_POST | NGX_HTTP_PUT, "POST, PUT, OPTIONS",
     enc_ngx_decrypt_handler},
    {"/decrypt_file/", "decrypt_file", NGX_HTTP_PUT, "PUT, OPTIONS", enc_ngx_decrypt_handler},
    {"/generate_key", "generate_key", NGX_HTTP_POST, "POST, OPTIONS", enc_ngx_key_handler},
};

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct route *find_route(const ngx_str_t *uri, ngx_str_t *ret_name)
{
    for (size_t i = 0; i < N_ROUTES; i++) {
        size_t n = ngx_strlen(routes[i].path);
        bool has_name = n > 1 && routes[i].path[n - 1] == '/';

        if (uri->len < n || ngx_memcmp(uri->data, routes[i].path, n) != 0)
            continue;
        if (uri->len > n && !has_name)
            continue;
        ret_name->data = uri->data + n;
        ret_name->len = uri->len - n;
        return &routes[i];
    }
    return NULL;
}

const char *enc_ngx_route_name(const ngx_str_t *uri)
{
    ngx_str_t name;
    const struct route *route = find_route(uri, &name);
    return route ? route->name : "-";
}

const char *enc_ngx_route_allow(const ngx_str_t *uri)
{
    ngx_str_t name;
    const struct route *route = find_route(uri, &name);
    return route ? route->allow : "GET, HEAD, POST, PUT, OPTIONS";
}

static ngx_int_t answer_options(ngx_http_request_t *r, const struct route *route)
{
    if (enc_ngx_add_header(r, "Allow", route->allow) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return NGX_HTTP_NO_CONTENT;
}

static ngx_int_t answer(ngx_http_request_t *r)
{
    ngx_str_t name;
    const struct route *route = find_route(&r->uri, &name);

    if (!route)
        return NGX_HTTP_NOT_FOUND;
    bool is_options = r->method == NGX_HTTP_OPTIONS;
    if (!is_options && !(r->method & route->methods))
        return NGX_HTTP_NOT_ALLOWED;
    if (is_options || !(route->methods & NGX_HTTP_PUT)) {
        // nginx would come to this body too late, and may find it malformed: when the answer has
        // its headers.
        ngx_int_t rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK)
            return rc;
    }
    if (is_options)
        return answer_options(r, route);
    return route->handler(r, &name);
}

ngx_int_t enc_ngx_route_handler(ngx_http_request_t *r)
{
    enc_ngx_log_route_only(r);
    // No answer is a later version of another, whatever the client has; and none is compressed:
    // some are secret, and the others do not get smaller. (What is of the page says otherwise.)
    r->disable_not_modified = 1;
    r->gzip_tested = 1;
    r->gzip_ok = 0;
    ngx_int_t rc = answer(r);

    enc_ngx_request_forget_key(r);
    return rc;
}

static ngx_int_t answer_health(ngx_http_request_t *r, const ngx_str_t *name)
{
    (void)name;
    return enc_ngx_answer_text(r, "ok\n");
}
