// SPDX-License-Identifier: Apache-2.0
// Fills in an HTML template.
//
//     {{name}}                 the value of that name: text, escaped, or bytes as base64
//     {{#name}} ... {{/name}}  what is between them, if the value is not empty
//     {{^name}} ... {{/name}}  the same, if it is empty
//
// Sections may lie within sections of other names.
#ifndef ENC_TEMPLATE_H
#define ENC_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct enc_template_value {
    const char *name;
    const void *bytes; // n bytes; NULL if n is 0
    size_t n;
    bool
        as_base64; // else as text, with each of & < > " ' escaped: good between tags, and in quotes
};

struct enc_template {
    const void *text; // n_text bytes
    size_t n_text;
    const struct enc_template_value *values;
    size_t n_values;
};

// The bytes that it comes to. False if the template is none: a placeholder without an end or of no
// value, a section that is not closed or was not opened.
bool enc_template_size(const struct enc_template *template, size_t *ret_n);

// Writes exactly as many bytes to out, of a template of which enc_template_size was true. What is
// secret in the values is in out then, and nowhere else.
void enc_template_write(const struct enc_template *template, uint8_t *out);

#endif
