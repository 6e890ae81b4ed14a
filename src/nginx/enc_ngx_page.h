// SPDX-License-Identifier: Apache-2.0
// The answer to a form without scripts (answer=page): an HTML page with the encrypted file and its
// key in it, or with what is wrong.
//
// A page is not streamed. The encrypted file is gathered in one block of memory, which is enough
// for the largest that there can be; then the page is made in another, with its exact length.
// Nothing of either gets to a disk. Since they are large, a worker has only so many at a time.
#ifndef ENC_NGX_PAGE_H
#define ENC_NGX_PAGE_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

#include "enc_ngx_answer.h"
#include "enc_ngx_errors.h"

// Bytes of a file for a page, and of the form around it, with all other parts. Chromium opens no
// address over 2 MiB: that is what bounds the file, once encrypted, and in base64 again.
#define ENC_NGX_PAGE_FILE_MAX (1024 * 1024)
#define ENC_NGX_PAGE_FORM_MAX (64 * 1024)

// Bytes of a worker's memory for the blocks of all its pages. A page is made whatever there is
// then, so it can be a third more.
#define ENC_NGX_PAGES_MAX (128 * 1024 * 1024)

struct enc_ngx_page {
    bool is_wanted;
    bool has_recipients;
    size_t cap;       // of the block
    u_char *file;     // the block: NULL until it is asked for
    size_t n_counted; // bytes of its blocks, among those of the worker
};

// Whether a request's errors are to be pages too: it posts to /encrypt_file and asks for one.
bool enc_ngx_page_is_wanted(ngx_http_request_t *r);

// The room for the encrypted file, all of it, *ret_cap bytes at *ret_room; there is no second one.
// NGX_OK, NGX_ERROR, or what enc_ngx_fail returns where the worker has too many pages.
ngx_int_t enc_ngx_page_room(struct enc_ngx_page *page, ngx_http_request_t *r, u_char **ret_room,
                            size_t *ret_cap);

// The room was filled with n bytes, and that is the file. Sends a 200 with the page, and wipes the
// key. NGX_OK, NGX_AGAIN (nginx goes on by itself) or NGX_ERROR.
ngx_int_t enc_ngx_page_send(struct enc_ngx_page *page, ngx_http_request_t *r,
                            struct enc_ngx_answer *answer, size_t n);

// Gives back the block for the file, and what was counted. Before the request's pool goes; often.
void enc_ngx_page_free(struct enc_ngx_page *page, ngx_http_request_t *r);

struct enc_ngx_refusal {
    enum enc_ngx_error error;
    ngx_uint_t status;
    const char *code;
    const char *sentence;
};

// Makes the page that says what is wrong, and adds a page's headers. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_page_refuse(ngx_http_request_t *r, const struct enc_ngx_refusal *refusal,
                              ngx_str_t *ret_body);

// The Content-Type of either. Static.
ngx_str_t enc_ngx_page_content_type(void);

#endif
