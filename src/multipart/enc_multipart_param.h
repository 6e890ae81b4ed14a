// SPDX-License-Identifier: Apache-2.0
// Internal to this folder: header values of the form `token; name=value; name="value"`.
#ifndef ENC_MULTIPART_PARAM_H
#define ENC_MULTIPART_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

// What is left of a value. CR and LF count as white space: within a header block they can only be a
// fold.
struct enc_multipart_cursor {
    const char *at;
    const char *end;
};

// Slices of the value.
struct enc_multipart_param {
    const char *name;
    size_t n_name;
    const char *value; // of a quoted value what is between the quotes, escapes and folds untouched
    size_t n_value;
    bool is_quoted;
};

enum enc_multipart_param_found {
    ENC_MULTIPART_PARAM,
    ENC_MULTIPART_PARAM_NONE, // the value is at its end
    ENC_MULTIPART_PARAM_MALFORMED,
};

// Reads the token before the first parameter ("form-data", "multipart/form-data"): up to a ';', a
// ',' or white space. May be empty.
void enc_multipart_param_token(struct enc_multipart_cursor *cursor, const char **ret_token,
                               size_t *ret_n);

// Reads the next parameter. An unquoted value ends at a ';', a '"' or white space, so that it may
// hold what RFC 2045 would want quoted. White space is fine around ';' and '=', and so is a ';'
// with nothing behind it. Malformed: no '=', a quote that does not end, anything between a value
// and the next ';'.
enum enc_multipart_param_found enc_multipart_param_next(struct enc_multipart_cursor *cursor,
                                                        struct enc_multipart_param *ret_param);

// Whether two texts of n characters are the same but for the case of ASCII letters; lower has none
// in upper case.
bool enc_multipart_param_equals(const char *text, const char *lower, size_t n);

// Whether the n characters at text are `lower` (a string in lower case), in any ASCII case. Inline,
// since most are told apart by their lengths.
static inline bool enc_multipart_param_is(const char *text, size_t n, const char *lower)
{
    return n == strlen(lower) && enc_multipart_param_equals(text, lower, n);
}

#endif
