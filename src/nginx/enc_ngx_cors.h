// SPDX-License-Identifier: Apache-2.0
// Answers that pages of other origins may read (the Fetch standard, 3.2, "CORS protocol").
#ifndef ENC_NGX_CORS_H
#define ENC_NGX_CORS_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
// clang-format on

// Reads `encrypter_cors_origins ORIGIN...;`, `*;` or `off;` into a location's cors_origins. Refuses
// whatever no browser would send as an origin, since it would allow nothing and nobody would know.
char *enc_ngx_cors_set_origins(ngx_conf_t *cf, ngx_command_t *command, void *data);

// Puts the filter in place that adds the headers wherever encrypter_cors_origins is set, to answers
// of every kind. Before enc_ngx_errors_install: filters run last in, first out, and this one is to
// see answers as they leave.
void enc_ngx_cors_install(void);

#endif
