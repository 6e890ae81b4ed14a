// SPDX-License-Identifier: Apache-2.0
// What the module's files share. The way of a request: route -> request -> encrypt or decrypt ->
// pump -> answer.
#ifndef ENC_NGX_H
#define ENC_NGX_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

#include <stdbool.h>

#include "enc_job.h"
#include "enc_ngx_answer.h"
#include "enc_ngx_errors.h"
#include "enc_ngx_page.h"

extern ngx_module_t ngx_http_encrypter_module;

enum enc_ngx_duplex { ENC_NGX_DUPLEX_OFF, ENC_NGX_DUPLEX_ON, ENC_NGX_DUPLEX_AUTO };

struct enc_ngx_main_conf {
    ngx_path_t *spool_path;  // encrypter_spool_path
    off_t spool_max;         // encrypter_spool_max, bytes
    ngx_uint_t instructions; // encrypter_instructions, an enc_cpu_level
};

struct enc_ngx_loc_conf {
    ngx_flag_t enable;         // encrypter
    ngx_flag_t json_errors;    // encrypter_json_errors
    size_t hold_bytes;         // encrypter_hold
    off_t spool_request_max;   // encrypter_spool_request_max, bytes; 0: no spool
    ngx_msec_t spool_patience; // encrypter_spool_patience
    ngx_uint_t full_duplex;    // encrypter_full_duplex, an enc_ngx_duplex
    ngx_array_t *cors_origins; // encrypter_cors_origins, of ngx_str_t; NULL: off
};

// A request's context. nginx zeroes it on an internal redirect.
struct enc_ngx_ctx {
    enum enc_ngx_error error; // what we found wrong, for the error filter
    ngx_uint_t error_number;  // of the recipient that is at fault, from 1; 0: none
    ngx_str_t error_body;     // JSON that takes the place of nginx's page
    bool error_body_sent;
    struct enc_ngx_pump *pump;
};

// The request's context, made at need. NULL: out of memory.
struct enc_ngx_ctx *enc_ngx_ctx_get(ngx_http_request_t *r);

// enc_ngx_route.c

// Content handler of a location with `encrypter on`.
ngx_int_t enc_ngx_route_handler(ngx_http_request_t *r);

// The name of the route that a path belongs to, for the log; "-" if none. Static.
const char *enc_ngx_route_name(const ngx_str_t *uri);

// The value of an Allow header for a path: what its route takes, or what any does. Static.
const char *enc_ngx_route_allow(const ngx_str_t *uri);

// enc_ngx_accept.c

// Whether the request's Accept header names HTML, and no text/plain that it likes more: browsers.
bool enc_ngx_accept_prefers_html(const ngx_http_request_t *r);

// enc_ngx_request.c

// Check what can be checked before the body, and make the request's job. On an error,
// ENC_NGX_ERROR_*. The key that the job made is in *ret_key, and what the request says of a page in
// *ret_page.
enum enc_ngx_error enc_ngx_request_encryption(ngx_http_request_t *r, const ngx_str_t *name,
                                              struct enc_ngx_page *ret_page,
                                              struct enc_job_key_text *ret_key,
                                              struct enc_job **ret_job);
enum enc_ngx_error enc_ngx_request_decryption(ngx_http_request_t *r, const ngx_str_t *name,
                                              struct enc_job **ret_job);

// The request's header of that lower-case name, NULL if there is none. *ret_n counts how often it
// came.
ngx_table_elt_t *enc_ngx_request_header(ngx_http_request_t *r, const char *lowcase, size_t *ret_n);

// Wipes the client's own key from nginx's memory, so that no log variable finds it either.
void enc_ngx_request_forget_key(ngx_http_request_t *r);

// Whether the client reads while it sends, and sees where an answer ends whose size is known, or is
// not: then the answer may begin before the request has ended.
bool enc_ngx_request_is_full_duplex(ngx_http_request_t *r, bool size_is_known);

// enc_ngx_key.c

// Secret: the randomness for one job, or one key.
struct enc_ngx_seed {
    uint8_t bytes[ENC_JOB_SEED_BYTES];
};
ENC_SECRET_TYPE(enc_ngx_seed);

// Draws as much of it as the format reads. ENC_NO_RANDOM.
ENC_MUST_USE enum enc_status enc_ngx_seed_draw(enum enc_job_format format,
                                               struct enc_ngx_seed *seed);

// Wipes what this process has in stock for that: when a worker begins, since no two may draw the
// same, and when it ends.
void enc_ngx_seed_forget(void);

// Content handler of /generate_key.
ngx_int_t enc_ngx_key_handler(ngx_http_request_t *r, const ngx_str_t *name);

// enc_ngx_info.c

// Content handler of /info: who this is, and the limits that are in force here.
ngx_int_t enc_ngx_info_handler(ngx_http_request_t *r, const ngx_str_t *name);

// enc_ngx_log.c

// Has nginx's messages about requests to servers with encrypter_json_errors name the route alone.
// NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_log_install(ngx_conf_t *cf);

// The same for one request, from now on.
void enc_ngx_log_route_only(ngx_http_request_t *r);

// enc_ngx_wipe.c

// Has nginx's memory of every request wiped at its end, and of every connection. NGX_OK or
// NGX_ERROR.
ngx_int_t enc_ngx_wipe_install(ngx_conf_t *cf);

// Wipes what the worker last read of HTTP/2, once it is done with that.
void enc_ngx_wipe_frames_later(ngx_http_request_t *r);

// enc_ngx_encrypt.c, enc_ngx_decrypt.c

// Content handlers of /encrypt_file and /decrypt_file. name: the file's, from the path; may be
// empty.
ngx_int_t enc_ngx_encrypt_handler(ngx_http_request_t *r, const ngx_str_t *name);
ngx_int_t enc_ngx_decrypt_handler(ngx_http_request_t *r, const ngx_str_t *name);

#endif
