// SPDX-License-Identifier: Apache-2.0
// Parameters of header values, read as leniently as real clients write them.
#include "enc_multipart_param.h"

#include <stdint.h>

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

// Characters at which a name or a value may end.
enum { SPACE_OR_NUL = 1, SEMICOLON = 2, COMMA = 4, EQUALS = 8, QUOTE = 16 };

static const uint8_t stops[256] = {
    ['\0'] = SPACE_OR_NUL, [' '] = SPACE_OR_NUL,  ['\t'] = SPACE_OR_NUL,
    ['\r'] = SPACE_OR_NUL, ['\n'] = SPACE_OR_NUL, [';'] = SEMICOLON,
    [','] = COMMA,         ['='] = EQUALS,        ['"'] = QUOTE,
};

// Takes what comes before white space, a NUL, and the given stops.
static const char *take_until(struct enc_multipart_cursor *cursor, uint8_t mask, size_t *ret_n)
{
    const char *begin = cursor->at;

    mask |= SPACE_OR_NUL;
    while (cursor->at < cursor->end && (stops[(uint8_t)*cursor->at] & mask) == 0)
        cursor->at++;
    *ret_n = (size_t)(cursor->at - begin);
    return begin;
}

void enc_multipart_param_token(struct enc_multipart_cursor *cursor, const char **ret_token,
                               size_t *ret_n)
{
    skip_space(cursor);
    *ret_token = take_until(cursor, SEMICOLON | COMMA, ret_n);
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

    param.name = take_until(cursor, SEMICOLON | EQUALS | QUOTE, &param.n_name);
    skip_space(cursor);
    if (param.n_name == 0 || !next_is(cursor, '='))
        return ENC_MULTIPART_PARAM_MALFORMED;
    cursor->at++;
    skip_space(cursor);
    if (!next_is(cursor, '"'))
        param.value = take_until(cursor, SEMICOLON | QUOTE, &param.n_value);
    else if (!take_quoted(cursor, &param))
        return ENC_MULTIPART_PARAM_MALFORMED;
    *ret_param = param;
    return ENC_MULTIPART_PARAM;
}

bool enc_multipart_param_equals(const char *text, const char *lower, size_t n)
{
    if (memcmp(text, lower, n) == 0) // as most clients write it
        return true;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != lower[i])
            return false;
    }
    return true;
}
