// SPDX-License-Identifier: Apache-2.0
// A plain encoder of base64 to compare with, and what its tests are fed from.
#ifndef BASE64_REFERENCE_H
#define BASE64_REFERENCE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drive_check.h"
#include "enc_base64.h"

static const char *const base64_alphabets[] = {
    [ENC_BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [ENC_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

// One bit at a time, so that it has nothing in common with the code under test. Without padding.
static inline size_t base64_reference(enum enc_base64_alphabet alphabet, const uint8_t *in,
                                      size_t n, char *out)
{
    size_t n_chars = (8 * n + 5) / 6;

    for (size_t i = 0; i < n_chars; i++) {
        unsigned value = 0;
        for (size_t bit = 6 * i; bit < 6 * i + 6; bit++)
            value = 2 * value + (bit < 8 * n ? (unsigned)in[bit / 8] >> (7 - bit % 8) & 1U : 0);
        out[i] = base64_alphabets[alphabet][value];
    }
    return n_chars;
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

    DRIVE_CHECK(copy != NULL);
    if (n > 0 && bytes != NULL)
        memcpy(copy, bytes, n);
    return copy;
}

#endif
