// SPDX-License-Identifier: Apache-2.0
// Test vectors as their standards print them.
#ifndef HEX_H
#define HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// The bytes that pairs of digits name; a test fails if there are not n. Include cmocka.h before.
static inline void unhex(const char *digits, uint8_t *bytes, size_t n)
{
    assert_int_equal(strlen(digits), 2 * n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sscanf(digits + 2 * i, "%2hhx", bytes + i), 1);
}

// Expects n bytes to be those that the digits name, at most 256.
static inline void assert_hex(const void *bytes, const char *digits, size_t n)
{
    uint8_t expected[256];

    assert_in_range(n, 1, sizeof(expected));
    unhex(digits, expected, n);
    assert_memory_equal(bytes, expected, n);
}

#endif
