// SPDX-License-Identifier: Apache-2.0
// The files of web/, which are part of the module: the page, its templates, and the contract.
#ifndef ENC_NGX_WEB_H
#define ENC_NGX_WEB_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

// One way in which a file can be sent.
struct enc_ngx_web_variant {
    const u_char *bytes;
    size_t n_bytes;
    const char *etag; // strong, in its quotes
};

struct enc_ngx_web_file {
    const char *name; // its path below web/
    ngx_str_t content_type;
    struct enc_ngx_web_variant plain;
    struct enc_ngx_web_variant gzip;
};

// scripts/embed-files writes it when the module is built. Ends with a row without a name.
extern const struct enc_ngx_web_file enc_ngx_web_files[];

// The file of that name. NULL: there is none.
const struct enc_ngx_web_file *enc_ngx_web_find(const char *name, size_t n_name);

// Adds the headers of every page: what it may load and be used for (Content-Security-Policy: its
// own scripts, styles and images, and nobody frames it), and that it tells nobody where its reader
// came from. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_web_add_page_headers(ngx_http_request_t *r);

// Content handlers. `/`: the page for who accepts HTML, a line of text for everybody else.
ngx_int_t enc_ngx_web_root_handler(ngx_http_request_t *r, const ngx_str_t *name);

// `/page/NAME`: what the page loads.
ngx_int_t enc_ngx_web_page_handler(ngx_http_request_t *r, const ngx_str_t *name);

// `/openapi.json`: the contract.
ngx_int_t enc_ngx_web_openapi_handler(ngx_http_request_t *r, const ngx_str_t *name);

#endif
