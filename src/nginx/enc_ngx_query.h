// SPDX-License-Identifier: Apache-2.0
// The query parameters of a request.
#ifndef ENC_NGX_QUERY_H
#define ENC_NGX_QUERY_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

#include "enc_job.h"
#include "enc_ngx_errors.h"

enum {
    ENC_NGX_TAKES_FORMAT = 1,
    ENC_NGX_TAKES_ARMOR = 2,
    ENC_NGX_TAKES_RECIPIENT = 4,
    ENC_NGX_TAKES_TTL = 8,
    ENC_NGX_TAKES_RELEASE = 16,
    ENC_NGX_TAKES_ANSWER = 32,
};

struct enc_ngx_query {
    bool has_format;
    enum enc_job_format format; // fernet if not given
    bool has_armor;
    bool armor;
    struct enc_job_text recipients[ENC_JOB_RECIPIENTS_MAX]; // live as long as the request
    size_t n_recipients;
    bool has_ttl;
    uint64_t ttl;        // seconds
    bool release_chunks; // before the file is verified as a whole
    bool answer_page;    // the answer to a form is a page with the file and the key in it
};

// Reads the query of a request to a route that takes some parameters (ENC_NGX_TAKES_*). Whether a
// recipient is one, the job says.
enum enc_ngx_error enc_ngx_query_read(ngx_http_request_t *r, unsigned takes,
                                      struct enc_ngx_query *ret_query);

// Whether a query asks for a page (answer=page), whatever else is in it.
bool enc_ngx_query_asks_for_page(ngx_http_request_t *r);

#endif
