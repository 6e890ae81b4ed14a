// SPDX-License-Identifier: Apache-2.0
// base64url: a fast encoder for ciphertext, and slow ones for keys.
#include "enc_base64url.h"

#include <string.h>

// Twelve bits to two characters: half the look-ups of a table of 64, and its 8 KiB stay in cache.
// Written out by the preprocessor, so that it is constant and nobody has to initialise it.
#define PAIR(a, b)                                                                                 \
    {                                                                                              \
        a, b                                                                                       \
    }
#define ROW(a)                                                                                     \
    PAIR(a, 'A'), PAIR(a, 'B'), PAIR(a, 'C'), PAIR(a, 'D'), PAIR(a, 'E'), PAIR(a, 'F'),            \
        PAIR(a, 'G'), PAIR(a, 'H'), PAIR(a, 'I'), PAIR(a, 'J'), PAIR(a, 'K'), PAIR(a, 'L'),        \
        PAIR(a, 'M'), PAIR(a, 'N'), PAIR(a, 'O'), PAIR(a, 'P'), PAIR(a, 'Q'), PAIR(a, 'R'),        \
        PAIR(a, 'S'), PAIR(a, 'T'), PAIR(a, 'U'), PAIR(a, 'V'), PAIR(a, 'W'), PAIR(a, 'X'),        \
        PAIR(a, 'Y'), PAIR(a, 'Z'), PAIR(a, 'a'), PAIR(a, 'b'), PAIR(a, 'c'), PAIR(a, 'd'),        \
        PAIR(a, 'e'), PAIR(a, 'f'), PAIR(a, 'g'), PAIR(a, 'h'), PAIR(a, 'i'), PAIR(a, 'j'),        \
        PAIR(a, 'k'), PAIR(a, 'l'), PAIR(a, 'm'), PAIR(a, 'n'), PAIR(a, 'o'), PAIR(a, 'p'),        \
        PAIR(a, 'q'), PAIR(a, 'r'), PAIR(a, 's'), PAIR(a, 't'), PAIR(a, 'u'), PAIR(a, 'v'),        \
        PAIR(a, 'w'), PAIR(a, 'x'), PAIR(a, 'y'), PAIR(a, 'z'), PAIR(a, '0'), PAIR(a, '1'),        \
        PAIR(a, '2'), PAIR(a, '3'), PAIR(a, '4'), PAIR(a, '5'), PAIR(a, '6'), PAIR(a, '7'),        \
        PAIR(a, '8'), PAIR(a, '9'), PAIR(a, '-'), PAIR(a, '_')

static const char pairs[4096][2] = {
    ROW('A'), ROW('B'), ROW('C'), ROW('D'), ROW('E'), ROW('F'), ROW('G'), ROW('H'),
    ROW('I'), ROW('J'), ROW('K'), ROW('L'), ROW('M'), ROW('N'), ROW('O'), ROW('P'),
    ROW('Q'), ROW('R'), ROW('S'), ROW('T'), ROW('U'), ROW('V'), ROW('W'), ROW('X'),
    ROW('Y'), ROW('Z'), ROW('a'), ROW('b'), ROW('c'), ROW('d'), ROW('e'), ROW('f'),
    ROW('g'), ROW('h'), ROW('i'), ROW('j'), ROW('k'), ROW('l'), ROW('m'), ROW('n'),
    ROW('o'), ROW('p'), ROW('q'), ROW('r'), ROW('s'), ROW('t'), ROW('u'), ROW('v'),
    ROW('w'), ROW('x'), ROW('y'), ROW('z'), ROW('0'), ROW('1'), ROW('2'), ROW('3'),
    ROW('4'), ROW('5'), ROW('6'), ROW('7'), ROW('8'), ROW('9'), ROW('-'), ROW('_'),
};
#undef ROW
#undef PAIR

static inline void encode_group(const uint8_t in[static 3], char out[static 4])
{
    uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

    memcpy(out, pairs[bits >> 12], 2);
    memcpy(out + 2, pairs[bits & 0xfff], 2);
}

// Two groups at once, from one load of eight bytes: the caller knows that two more bytes follow.
static inline void encode_two_groups(const uint8_t in[static 8], char out[static 8])
{
    uint64_t bits;

    memcpy(&bits, in, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(out, pairs[bits >> 52], 2);
    memcpy(out + 2, pairs[bits >> 40 & 0xfff], 2);
    memcpy(out + 4, pairs[bits >> 28 & 0xfff], 2);
    memcpy(out + 6, pairs[bits >> 16 & 0xfff], 2);
}

size_t enc_base64url_update(struct enc_base64url_encoder *encoder, const uint8_t *in, size_t n,
                            char *out)
{
    const char *begin = out;

    while (encoder->n_carry > 0 && n > 0) {
        encoder->carry[encoder->n_carry++] = *in++;
        n--;
        if (encoder->n_carry == 3) {
            encode_group(encoder->carry, out);
            encoder->n_carry = 0;
            out += 4;
        }
    }
    for (; n >= 8; in += 6, n -= 6, out += 8)
        encode_two_groups(in, out);
    for (; n >= 3; in += 3, n -= 3, out += 4)
        encode_group(in, out);
    for (; n > 0; n--)
        encoder->carry[encoder->n_carry++] = *in++;
    return (size_t)(out - begin);
}

size_t enc_base64url_finish(struct enc_base64url_encoder *encoder, char out[static 4])
{
    size_t n = encoder->n_carry;

    if (n == 0)
        return 0;
    memset(encoder->carry + n, 0, sizeof(encoder->carry) - n);
    encode_group(encoder->carry, out);
    memset(out + n + 1, '=', 3 - n);
    encoder->n_carry = 0;
    return 4;
}

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

    if (n_chars != ENC_BASE64URL_SIZE(n)) {
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
