// SPDX-License-Identifier: Apache-2.0
// Names of random bytes, and what no name may have in it.
#ifndef RANDOM_NAMES_H
#define RANDOM_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A generator of its own (xorshift64), so that a failure can be repeated.
static uint64_t random_state = 0x9E3779B97F4A7C15u;

static inline uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % bound;
}

// Bytes that are often the beginning, the middle or the end of what has a rule of its own.
static inline size_t random_name(char *name, size_t max)
{
    static const char *const pieces[] = {
        "/",    "\\",       ".",      "..",        " ",      "\"",       "%",        "\r\n",
        "\xC3", "\xE2\x80", "\u202E", "\302\205",  "\u2066", "é",        "日",       "😀",
        ";",    "aaaa",     "aaaa",   "aaaaaaaaa", ".txt",   "\xED\xA0", "\xF4\x90", "",
    };
    size_t n_max = random_below((uint32_t)max + 1);
    size_t n = 0;
    bool is_raw = random_below(3) == 0;
    while (n < n_max) {
        const char *piece = pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))];
        size_t n_piece = strlen(piece);
        if (is_raw || n_piece == 0 || n_piece > n_max - n) {
            name[n++] = (char)random_below(256);
        } else {
            memcpy(name + n, piece, n_piece);
            n += n_piece;
        }
    }
    return n;
}

// The length of the valid UTF-8 sequence at s, by the table of RFC 3629, section 4; else 0. Told in
// another way than in the code under test.
static inline size_t utf8_length(const uint8_t *s)
{
    static const struct {
        uint8_t first, last, second_first, second_last;
        size_t length;
    } table[] = {
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (s[0] < table[i].first || s[0] > table[i].last)
            continue;
        if (table[i].length > 1 && (s[1] < table[i].second_first || s[1] > table[i].second_last))
            return 0;
        for (size_t k = 2; k < table[i].length; k++) {
            if (s[k] < 0x80 || s[k] > 0xBF)
                return 0;
        }
        return table[i].length;
    }
    return 0;
}

static inline bool is_harmful(const uint8_t *s)
{
    static const char *const harmful[] = {
        "\u061C", "\u200E", "\u200F", "\u2028", "\u2029", "\u202A", "\u202B", "\u202C",
        "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069", "\uFEFF",
    };
    if (s[0] < 0x20 || s[0] == 0x7F || s[0] == '/' || s[0] == '\\')
        return true;
    if (s[0] == 0xC2 && s[1] < 0xA0)
        return true;
    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
        if (strncmp((const char *)s, harmful[i], strlen(harmful[i])) == 0)
            return true;
    }
    return false;
}

#endif
