// SPDX-License-Identifier: Apache-2.0
// The body of a request as it arrives, unbuffered: it never goes through a file.
#ifndef ENC_NGX_BODY_H
#define ENC_NGX_BODY_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

struct enc_ngx_body {
    ngx_http_request_t *r;
    ngx_buf_t *reading; // what was given out last
    off_t n_given;      // bytes so far
};

// Begins to read the request's body, and calls `ready` when some of it may be there. NGX_DONE, or a
// status to end the request with.
ngx_int_t enc_ngx_body_begin(struct enc_ngx_body *body, ngx_http_client_body_handler_pt ready);

// The bytes of the whole body where they are declared, else -1.
off_t enc_ngx_body_declared(const ngx_http_request_t *r);

// The next *ret_n > 0 bytes of the body; they stay until the next call, which takes them for used
// up. NGX_OK; NGX_DONE: that was all; NGX_AGAIN: the client has not sent more yet; or a status or
// NGX_ERROR to end the request with.
ngx_int_t enc_ngx_body_next(struct enc_ngx_body *body, const u_char **ret, size_t *ret_n);

#endif
