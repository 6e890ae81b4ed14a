// SPDX-License-Identifier: Apache-2.0
// Parameters of header values, read as leniently as real clients write them.
#include "enc_multipart_param.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct enc_multipart_cursor *cursor)
{
    while (cursor->at < cursor->end && is_space(*cursor->at))
        cursor->at++;
}

static bool next_is(const struct enc_multipart_cursor *cursor, char c)
{
    return cursor->at < cursor->end && *cursor->at == c;
}

// Whether c is white space or a NUL, or among the few characters in `stops`, which are below '>' as
// most of those that values consist of are not.
static inline bool is_stop(char c, const char *stops)
{
    if ((unsigned char)c > '=')
        return false;
    while (*stops != '\0' && *stops != c)
        stops++;
    return *stops == c || is_space(c);
}

// Takes what comes before white space and the characters in `stops`.
static const char *take_until(struct enc_multipart_cursor *cursor, const char *stops, size_t *ret_n)
{
    const char *begin = cursor->at;

    // A NUL is found at the end of stops, and is as good a stop as any.
    while (cursor->at < cursor->end && !is_stop(*cursor->at, stops))
        cursor->at++;
    *ret_n = (size_t)(cursor->at - begin);
    return begin;
}

void enc_multipart_param_token(struct enc_multipart_cursor *cursor, const char **ret_token,
                               size_t *ret_n)
{
    skip_space(cursor);
    *ret_token = take_until(cursor, ";,", ret_n);
}

// Takes what is between two quotes. False if the second is missing.
static bool take_quoted(struct enc_multipart_cursor *cursor, struct enc_multipart_param *param)
{
    const char *begin = ++cursor->at;

    while (!next_is(cursor, '"')) {
        if (cursor->at == cursor->end)
            return false;
        // Only \" and \\ are escapes. In C:\x the backslash stands for itself.
        const bool escapes = cursor->at[0] == '\\' && cursor->end - cursor->at > 1 &&
                             (cursor->at[1] == '"' || cursor->at[1] == '\\');
        cursor->at += escapes ? 2 : 1;
    }
    param->value = begin;
    param->n_value = (size_t)(cursor->at - begin);
    param->is_quoted = true;
    cursor->at++;
    return true;
}

enum enc_multipart_param_found enc_multipart_param_next(struct enc_multipart_cursor *cursor,
                                                        struct enc_multipart_param *ret_param)
{
    struct enc_multipart_param param = {0};

    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at != ';')
        return ENC_MULTIPART_PARAM_MALFORMED;
    while (next_is(cursor, ';')) {
        cursor->at++;
        skip_space(cursor);
    }
    if (cursor->at == cursor->end)
        return ENC_MULTIPART_PARAM_NONE;

    param.name = take_until(cursor, ";=\"", &param.n_name);
    skip_space(cursor);
    if (param.n_name == 0 || !next_is(cursor, '='))
        return ENC_MULTIPART_PARAM_MALFORMED;
    cursor->at++;
    skip_space(cursor);
    if (!next_is(cursor, '"'))
        param.value = take_until(cursor, ";\"", &param.n_value);
    else if (!take_quoted(cursor, &param))
        return ENC_MULTIPART_PARAM_MALFORMED;
    *ret_param = param;
    return ENC_MULTIPART_PARAM;
}

bool enc_multipart_param_is(const char *text, size_t n, const char *lower)
{
    if (n != strlen(lower))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != lower[i])
            return false;
    }
    return true;
}
