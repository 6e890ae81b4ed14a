// SPDX-License-Identifier: Apache-2.0
// What a request's Content-Type says of its body (RFC 9110, 8.3.1; RFC 2046, 5.1.1).
#include <stdint.h>

#include "enc_multipart.h"
#include "enc_multipart_param.h"

// The bchars of RFC 2046, 5.1.1, and '*', which much-copied clients write though it is none.
static const bool is_boundary_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['\''] = true, ['('] = true,
    [')'] = true,         ['*'] = true,         ['+'] = true,         ['_'] = true,  [','] = true,
    ['-'] = true,         ['.'] = true,         ['/'] = true,         [':'] = true,  ['='] = true,
    ['?'] = true,         [' '] = true,
};

// Unescapes and checks a boundary.
static enum enc_status read_boundary(const struct enc_multipart_param *param,
                                     struct enc_multipart_boundary *ret_boundary)
{
    struct enc_multipart_boundary boundary = {.n = 0};

    for (size_t i = 0; i < param->n_value; i++) {
        // In a quoted string a backslash only says that the next character stands for itself.
        if (param->is_quoted && param->value[i] == '\\' && i + 1 < param->n_value)
            i++;
        if (!is_boundary_char[(uint8_t)param->value[i]] || boundary.n == ENC_MULTIPART_BOUNDARY_MAX)
            return ENC_BOUNDARY_INVALID;
        boundary.chars[boundary.n++] = param->value[i];
    }
    if (boundary.n == 0)
        return ENC_BOUNDARY_MISSING;
    if (boundary.chars[boundary.n - 1] == ' ')
        return ENC_BOUNDARY_INVALID;
    *ret_boundary = boundary;
    return ENC_OK;
}

// Finds the one boundary among the parameters.
static enum enc_status find_boundary(struct enc_multipart_cursor *cursor,
                                     struct enc_multipart_boundary *ret_boundary)
{
    bool found = false;

    for (;;) {
        struct enc_multipart_param param;
        switch (enc_multipart_param_next(cursor, &param)) {
        case ENC_MULTIPART_PARAM_NONE:
            return found ? ENC_OK : ENC_BOUNDARY_MISSING;
        case ENC_MULTIPART_PARAM_MALFORMED:
            return ENC_BOUNDARY_INVALID;
        case ENC_MULTIPART_PARAM:
            break;
        }
        if (!enc_multipart_param_is(param.name, param.n_name, "boundary"))
            continue;
        // Two would let the sender and us see different bodies.
        if (found)
            return ENC_BOUNDARY_INVALID;
        enum enc_status st = read_boundary(&param, ret_boundary);
        if (st != ENC_OK)
            return st;
        found = true;
    }
}

enum enc_status enc_multipart_content_type(const char *value, size_t n,
                                           enum enc_multipart_kind *ret_kind,
                                           struct enc_multipart_boundary *ret_boundary)
{
    if (n == 0) {
        *ret_kind = ENC_MULTIPART_NOT;
        return ENC_OK;
    }

    struct enc_multipart_cursor cursor = {value, value + n};
    const char *type;
    size_t n_type;
    enc_multipart_param_token(&cursor, &type, &n_type);
    if (enc_multipart_param_is(type, n_type, "application/x-www-form-urlencoded")) {
        *ret_kind = ENC_MULTIPART_URLENCODED;
        return ENC_OK;
    }
    if (!enc_multipart_param_is(type, n_type, "multipart/form-data")) {
        *ret_kind = ENC_MULTIPART_NOT;
        return ENC_OK;
    }
    struct enc_multipart_boundary boundary;
    enum enc_status st = find_boundary(&cursor, &boundary);
    if (st != ENC_OK)
        return st;
    *ret_kind = ENC_MULTIPART_FORM;
    *ret_boundary = boundary;
    return ENC_OK;
}
