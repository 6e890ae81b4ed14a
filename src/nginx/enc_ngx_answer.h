// SPDX-License-Identifier: Apache-2.0
// The head of a good answer, and the key in it: shown once, then wiped wherever we or nginx put it.
#ifndef ENC_NGX_ANSWER_H
#define ENC_NGX_ANSWER_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include "enc_file_name.h"
#include "enc_job_format.h"

struct enc_ngx_answer {
    enum enc_job_format format;
    const char *content_type; // static
    bool is_plaintext;        // so that it must not get to a proxy's disk either
    struct enc_file_name file_name;
    struct enc_job_key_text key; // secret; n is 0 where the client brought its own
    ngx_table_elt_t *key_header; // points to key
};

// Adds a response header of n_value bytes and returns it, NULL without memory. name and value live
// as long as the request.
ngx_table_elt_t *enc_ngx_push_header(ngx_http_request_t *r, const char *name, const char *value,
                                     size_t n_value);

// The same for a value with a NUL. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_add_header(ngx_http_request_t *r, const char *name, const char *value);

// Adds the headers of what must be kept nowhere and taken for nothing else: Cache-Control: no-store
// and X-Content-Type-Options: nosniff. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_add_no_store(ngx_http_request_t *r);

// Answers with a line of text, which is static. What a content handler returns.
ngx_int_t enc_ngx_answer_text(ngx_http_request_t *r, const char *text);

// Sends the head of a 200. n_bytes: of the body, or -1 if unknown (chunked then). NGX_OK or
// NGX_ERROR; the head goes out with the first of the body.
ngx_int_t enc_ngx_answer_head(ngx_http_request_t *r, struct enc_ngx_answer *answer, off_t n_bytes);

// Wipes the key, sent or not; what nginx wrote of it goes with the request's pool. Harmless twice.
void enc_ngx_answer_wipe(struct enc_ngx_answer *answer);

#endif
