// SPDX-License-Identifier: Apache-2.0
// base64url for keys: no table, no branch on a character.
#include "enc_base64url.h"

#include <string.h>

// The character of a value 0 to 63. Each line adds the step to the next range of the alphabet where
// the value lies beyond the last: the subtraction then borrows into the upper bits.
static char char_ct(uint32_t value)
{
    uint32_t c = value + 'A';

    c += ((25 - value) >> 8) & ('a' - 'Z' - 1);
    c -= ((51 - value) >> 8) & ('z' + 1 - '0');
    c -= ((61 - value) >> 8) & ('9' + 1 - '-');
    c += ((62 - value) >> 8) & ('_' - '-' - 1);
    return (char)c;
}

// All ones if first <= c <= last, else zero, for values below 2^31.
static uint32_t in_range_ct(uint32_t c, uint32_t first, uint32_t last)
{
    return 0U - (((first - 1 - c) & (c - last - 1)) >> 31);
}

// The value of a character, 0 to 63; all ones if it is not in the alphabet.
static uint32_t value_ct(char character)
{
    uint32_t c = (uint8_t)character;
    uint32_t value_plus_1 = 0;

    value_plus_1 |= in_range_ct(c, 'A', 'Z') & (c - 'A' + 1);
    value_plus_1 |= in_range_ct(c, 'a', 'z') & (c - 'a' + 26 + 1);
    value_plus_1 |= in_range_ct(c, '0', '9') & (c - '0' + 52 + 1);
    value_plus_1 |= in_range_ct(c, '-', '-') & (62 + 1);
    value_plus_1 |= in_range_ct(c, '_', '_') & (63 + 1);
    return value_plus_1 - 1;
}

void enc_base64url_encode_ct(const uint8_t *in, size_t n, char *out)
{
    for (size_t i = 0; i < n; i += 3, out += 4) {
        size_t n_group = n - i < 3 ? n - i : 3;
        uint32_t bits = 0;

        for (size_t j = 0; j < n_group; j++)
            bits |= (uint32_t)in[i + j] << (16 - 8 * j);
        for (size_t j = 0; j < 4; j++)
            out[j] = j <= n_group ? char_ct(bits >> (18 - 6 * j) & 0x3f) : '=';
    }
}

// Decodes one group to its n_group bytes, 1 to 3. Returns zero if it is canonical: padded with '='
// (RFC 4648, 3.2) and with no bit set that does not belong to a byte (RFC 4648, 3.5).
static uint32_t decode_group_ct(const char in[static 4], uint8_t *out, size_t n_group)
{
    uint32_t bits = 0, bad = 0;

    for (size_t j = 0; j < 4; j++) {
        if (j <= n_group) {
            uint32_t value = value_ct(in[j]);
            bad |= value >> 6;
            bits |= (value & 0x3f) << (18 - 6 * j);
        } else {
            bad |= (uint32_t)(uint8_t)in[j] ^ '=';
        }
    }
    for (size_t j = 0; j < n_group; j++)
        out[j] = (uint8_t)(bits >> (16 - 8 * j));
    return bad | (bits & (0xffffffU >> (8 * n_group)));
}

int enc_base64url_decode_ct(const char *in, size_t n_chars, uint8_t *out, size_t n)
{
    uint32_t bad = 0;
    uint8_t keep;

    if (n_chars != ENC_BASE64_SIZE(n)) {
        memset(out, 0, n);
        return 0;
    }
    for (size_t i = 0; i < n; i += 3, in += 4)
        bad |= decode_group_ct(in, out + i, n - i < 3 ? n - i : 3);
    // bad is below 2^26, so that 0 alone borrows.
    keep = (uint8_t)(0U - ((bad - 1) >> 31));
    for (size_t i = 0; i < n; i++)
        out[i] &= keep;
    return keep & 1;
}
