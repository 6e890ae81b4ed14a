// SPDX-License-Identifier: Apache-2.0
// Armored text in pieces, and a reader that is driven through it; for the tests of armor.
#ifndef DRIVE_ARMOR_H
#define DRIVE_ARMOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age_armor.h"

#define TEXT_MAX 4096
#define BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define END "-----END AGE ENCRYPTED FILE-----"
#define LINE "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"
#define LINE_BYTES "0123456789abcdef0123456789abcdef0123456789abcdef"

struct text {
    char chars[TEXT_MAX];
    size_t n;
};

static inline void add(struct text *text, const char *chars, size_t n)
{
    assert_true(n <= TEXT_MAX - text->n);
    memcpy(text->chars + text->n, chars, n);
    text->n += n;
}

static inline void add_string(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

static inline void fill(uint8_t *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (uint8_t)(seed >> 16);
    }
}

// Memory of exactly this size, so that a sanitizer sees what is read or written past it.
static inline void *exactly(const void *bytes, size_t n)
{
    void *copy = malloc(n > 0 ? n : 1);

    assert_non_null(copy);
    if (n > 0 && bytes != NULL)
        memcpy(copy, bytes, n);
    return copy;
}

// The armor of n bytes: one bit at a time, and 64 characters a line.
static inline void reference(const uint8_t *in, size_t n, const char *line_end, struct text *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t n_chars = (n + 2) / 3 * 4;

    text->n = 0;
    add_string(text, BEGIN);
    add_string(text, line_end);
    for (size_t i = 0; i < n_chars; i++) {
        unsigned value = 0;
        for (size_t bit = 6 * i; bit < 6 * i + 6; bit++)
            value = 2 * value + (bit < 8 * n ? (unsigned)in[bit / 8] >> (7 - bit % 8) & 1U : 0);
        add(text, 6 * i < 8 * n ? &alphabet[value] : "=", 1);
        if (i % 64 == 63 || i + 1 == n_chars)
            add_string(text, line_end);
    }
    add_string(text, END);
    add_string(text, line_end);
}

// What a reader makes of a text.
struct result {
    enum enc_status status;
    uint8_t bytes[TEXT_MAX];
    size_t n;
};

static inline enum enc_status read_piece(struct enc_age_armor_reader *reader, const char *chars,
                                         size_t n, size_t cap, struct result *result)
{
    uint8_t *in = exactly(chars, n), *out = exactly(NULL, cap);
    enum enc_status status = ENC_OK;

    for (size_t at = 0; at < n && status == ENC_OK;) {
        size_t n_taken = SIZE_MAX, n_out = SIZE_MAX;
        status = enc_age_armor_read(reader, in + at, n - at, out, cap, &n_taken, &n_out);
        if (status != ENC_OK) {
            assert_true(n_taken == SIZE_MAX && n_out == SIZE_MAX);
            continue;
        }
        assert_true(n_taken > 0 && n_taken <= n - at && n_out <= cap);
        // It does not stop early, but for want of room or before a fault.
        assert_true(n_taken == n - at || n_out > cap - ENC_AGE_ARMOR_LINE_BYTES ||
                    reader->status != ENC_OK);
        memcpy(result->bytes + result->n, out, n_out);
        result->n += n_out;
        at += n_taken;
    }
    free(in);
    free(out);
    return status;
}

// Gives the first n_first characters at once, then pieces of n_piece; rooms are of cap bytes.
static inline void read_in_pieces(const struct text *text, size_t n_first, size_t n_piece,
                                  size_t cap, struct result *result)
{
    struct enc_age_armor_reader reader = {0};
    enum enc_status status = ENC_OK;

    result->n = 0;
    for (size_t at = 0, n_now = n_first; at < text->n && status == ENC_OK;
         at += n_now, n_now = n_piece) {
        n_now = n_now < text->n - at ? n_now : text->n - at;
        status = read_piece(&reader, text->chars + at, n_now, cap, result);
    }
    result->status = enc_age_armor_read_end(&reader);
    assert_true(status == ENC_OK || status == result->status);
}

static inline void expect(const struct text *text, size_t n_first, size_t n_piece, size_t cap,
                          enum enc_status status, const uint8_t *bytes, size_t n)
{
    struct result result;

    read_in_pieces(text, n_first, n_piece, cap, &result);
    if (result.status != status || result.n != n)
        print_error("%.*s\n(%zu, then %zu; room %zu)\n", (int)text->n, text->chars, n_first,
                    n_piece, cap);
    assert_int_equal(result.status, status);
    assert_int_equal(result.n, n);
    assert_memory_equal(result.bytes, bytes, n);
}

// However it comes: whole, byte by byte, and split at each point.
static inline void expect_any_way(const struct text *text, enum enc_status status,
                                  const void *bytes, size_t n)
{
    static const size_t caps[] = {48, 49, 95, 96, 1000};

    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        expect(text, text->n, 1, caps[i], status, bytes, n);
        expect(text, 1, 1, caps[i], status, bytes, n);
    }
    for (size_t at = 1; at < text->n; at++)
        expect(text, at, text->n, at % 2 ? 48 : 1000, status, bytes, n);
}

#endif
