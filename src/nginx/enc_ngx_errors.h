// SPDX-License-Identifier: Apache-2.0
// Every error that a client can see, and the filter that says it in JSON.
#ifndef ENC_NGX_ERRORS_H
#define ENC_NGX_ERRORS_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include "enc_status.h"

// One row each in the table of enc_ngx_errors.c: HTTP status, code, sentence.
enum enc_ngx_error {
    ENC_NGX_ERROR_NONE,
    // Of the body, by enc_status.
    ENC_NGX_ERROR_BOUNDARY_MISSING,
    ENC_NGX_ERROR_BOUNDARY_INVALID,
    ENC_NGX_ERROR_PART_HEADERS_MALFORMED,
    ENC_NGX_ERROR_PART_HEADERS_TOO_LARGE,
    ENC_NGX_ERROR_TOO_MANY_PARTS,
    ENC_NGX_ERROR_MISSING_FILE,
    ENC_NGX_ERROR_TOO_MANY_FILES,
    ENC_NGX_ERROR_TRUNCATED_FORM,
    ENC_NGX_ERROR_TRUNCATED_BODY,
    ENC_NGX_ERROR_URLENCODED,
    ENC_NGX_ERROR_INVALID_KEY,
    ENC_NGX_ERROR_INVALID_IDENTITY,
    ENC_NGX_ERROR_INVALID_RECIPIENT,
    ENC_NGX_ERROR_OTHER_FORMATS_KEY,
    ENC_NGX_ERROR_OTHER_FORMATS_OPTION,
    ENC_NGX_ERROR_UNRECOGNIZED_FORMAT,
    ENC_NGX_ERROR_DECRYPTION_FAILED,
    ENC_NGX_ERROR_TOKEN_EXPIRED,
    ENC_NGX_ERROR_PASSPHRASE,
    // Of the rest of the request.
    ENC_NGX_ERROR_CONTENT_RANGE,
    ENC_NGX_ERROR_CONTENT_ENCODING,
    ENC_NGX_ERROR_UNKNOWN_PARAMETER,
    ENC_NGX_ERROR_REPEATED_PARAMETER,
    ENC_NGX_ERROR_MALFORMED_PARAMETER,
    ENC_NGX_ERROR_UNKNOWN_FORMAT,
    ENC_NGX_ERROR_INVALID_ARMOR,
    ENC_NGX_ERROR_TOO_MANY_RECIPIENTS,
    ENC_NGX_ERROR_AGE_PARAMETER,
    ENC_NGX_ERROR_KEY_AND_RECIPIENT,
    ENC_NGX_ERROR_MISSING_KEY,
    ENC_NGX_ERROR_NO_KEY_OF_ANY_FORMAT,
    ENC_NGX_ERROR_INVALID_TTL,
    ENC_NGX_ERROR_INVALID_RELEASE,
    ENC_NGX_ERROR_INVALID_ANSWER,
    ENC_NGX_ERROR_PAGE_WITHOUT_FORM,
    ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE,
    // nginx's own, by HTTP status.
    ENC_NGX_ERROR_BAD_REQUEST,
    ENC_NGX_ERROR_CLEAR_TEXT,
    ENC_NGX_ERROR_UNAUTHORIZED,
    ENC_NGX_ERROR_FORBIDDEN,
    ENC_NGX_ERROR_NOT_FOUND,
    ENC_NGX_ERROR_METHOD_NOT_ALLOWED,
    ENC_NGX_ERROR_PAYLOAD_TOO_LARGE,
    ENC_NGX_ERROR_URI_TOO_LONG,
    ENC_NGX_ERROR_RATE_LIMITED,
    ENC_NGX_ERROR_HEADERS_TOO_LARGE,
    ENC_NGX_ERROR_OTHER_CLIENT,
    ENC_NGX_ERROR_INTERNAL,
    ENC_NGX_ERROR_NOT_IMPLEMENTED,
    ENC_NGX_ERROR_OVERLOADED,
    ENC_NGX_ERROR_HTTP_VERSION,
    ENC_NGX_ERROR_INSUFFICIENT_STORAGE,
};

enum enc_ngx_error enc_ngx_error_of_status(enum enc_status status);

// Its code in the contract, such as "internal_error". Static.
const char *enc_ngx_error_code(enum enc_ngx_error error);

// Remembers why the request fails and returns the HTTP status to finalize it with.
ngx_int_t enc_ngx_fail(ngx_http_request_t *r, enum enc_ngx_error error);

// Puts the filters in place that turn nginx's error pages into JSON where encrypter_json_errors is
// on.
void enc_ngx_errors_install(void);

#endif
