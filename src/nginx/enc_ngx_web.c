// SPDX-License-Identifier: Apache-2.0
// Sends the files of web/: from memory, compressed when the module was built, and not at all to who
// has them already (their ETags are hashes).
#include "enc_ngx_web.h"

#include "enc_ngx.h"

// The file in the page that answers a form is a link to `data:`, for which no source is needed.
#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "            \
    "require-trusted-types-for 'script'; trusted-types 'none'"

const struct enc_ngx_web_file *enc_ngx_web_find(const char *name, size_t n_name)
{
    for (const struct enc_ngx_web_file *file = enc_ngx_web_files; file->name; file++) {
        if (ngx_strlen(file->name) == n_name && ngx_memcmp(file->name, name, n_name) == 0)
            return file;
    }
    return NULL;
}

ngx_int_t enc_ngx_web_add_page_headers(ngx_http_request_t *r)
{
    if (enc_ngx_add_header(r, "Content-Security-Policy", PAGE_POLICY) != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_add_header(r, "Referrer-Policy", "no-referrer");
}

static ngx_int_t add_etag(ngx_http_request_t *r, const char *etag)
{
    ngx_table_elt_t *header = enc_ngx_push_header(r, "ETag", etag, ngx_strlen(etag));

    r->headers_out.etag = header;
    return header ? NGX_OK : NGX_ERROR;
}

static ngx_int_t add_encoding(ngx_http_request_t *r)
{
    ngx_table_elt_t *header = enc_ngx_push_header(r, "Content-Encoding", "gzip", 4);

    r->headers_out.content_encoding = header;
    return header ? NGX_OK : NGX_ERROR;
}

static bool takes_gzip(ngx_http_request_t *r)
{
    r->gzip_tested = 0;
    bool takes = ngx_http_gzip_ok(r) == NGX_OK;

    r->gzip_ok = 0; // for nginx's own filter, which would compress it now
    return takes;
}

// The file may be kept, but has to be asked for again: an answer of 304 is all that this costs.
static ngx_int_t send_file(ngx_http_request_t *r, const struct enc_ngx_web_file *file,
                           const char *vary)
{
    bool packed = takes_gzip(r);
    const struct enc_ngx_web_variant *variant = packed ? &file->gzip : &file->plain;
    ngx_str_t type = file->content_type;
    ngx_http_complex_value_t cv = {0};

    r->disable_not_modified = 0;
    if (add_etag(r, variant->etag) != NGX_OK || (packed && add_encoding(r) != NGX_OK) ||
        enc_ngx_add_header(r, "Cache-Control", "no-cache") != NGX_OK ||
        enc_ngx_add_header(r, "X-Content-Type-Options", "nosniff") != NGX_OK ||
        enc_ngx_add_header(r, "Vary", vary) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    cv.value.data = (u_char *)(uintptr_t)variant->bytes;
    cv.value.len = variant->n_bytes;
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}

ngx_int_t enc_ngx_web_root_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    static const char vary[] = "Accept, Accept-Encoding";

    (void)name;
    if (!enc_ngx_accept_prefers_html(r)) {
        if (enc_ngx_add_header(r, "Vary", vary) != NGX_OK)
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        return enc_ngx_answer_text(r, "This service is running!");
    }
    if (enc_ngx_web_add_page_headers(r) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return send_file(r, enc_ngx_web_find("index.html", 10), vary);
}

ngx_int_t enc_ngx_web_page_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    static const char folder[] = "page/";
    char path[64];

    if (name->len > sizeof(path) - (sizeof(folder) - 1))
        return NGX_HTTP_NOT_FOUND;
    ngx_memcpy(path, folder, sizeof(folder) - 1);
    ngx_memcpy(path + sizeof(folder) - 1, name->data, name->len);
    const struct enc_ngx_web_file *file = enc_ngx_web_find(path, sizeof(folder) - 1 + name->len);
    return file ? send_file(r, file, "Accept-Encoding") : NGX_HTTP_NOT_FOUND;
}

ngx_int_t enc_ngx_web_openapi_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    (void)name;
    return send_file(r, enc_ngx_web_find("openapi.json", 12), "Accept-Encoding");
}
