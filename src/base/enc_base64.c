// SPDX-License-Identifier: Apache-2.0
// base64 by tables: two characters of one look-up to encode, one of one to decode. What is long
// goes through the wide steps of the processor's level first.
#include "enc_base64.h"

#include <string.h>

#include "enc_base64_bulk.h"
#include "enc_cpu.h"

// Twelve bits to two characters: half the look-ups of a table of 64, and its 8 KiB stay in cache.
// Written out by the preprocessor, so that it is constant and nobody has to initialise it.
#define PAIR(a, b)                                                                                 \
    {                                                                                              \
        a, b                                                                                       \
    }
#define ROW(a, y, z)                                                                               \
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
        PAIR(a, '8'), PAIR(a, '9'), PAIR(a, y), PAIR(a, z)
#define TABLE(y, z)                                                                                \
    {                                                                                              \
        ROW('A', y, z), ROW('B', y, z), ROW('C', y, z), ROW('D', y, z), ROW('E', y, z),            \
            ROW('F', y, z), ROW('G', y, z), ROW('H', y, z), ROW('I', y, z), ROW('J', y, z),        \
            ROW('K', y, z), ROW('L', y, z), ROW('M', y, z), ROW('N', y, z), ROW('O', y, z),        \
            ROW('P', y, z), ROW('Q', y, z), ROW('R', y, z), ROW('S', y, z), ROW('T', y, z),        \
            ROW('U', y, z), ROW('V', y, z), ROW('W', y, z), ROW('X', y, z), ROW('Y', y, z),        \
            ROW('Z', y, z), ROW('a', y, z), ROW('b', y, z), ROW('c', y, z), ROW('d', y, z),        \
            ROW('e', y, z), ROW('f', y, z), ROW('g', y, z), ROW('h', y, z), ROW('i', y, z),        \
            ROW('j', y, z), ROW('k', y, z), ROW('l', y, z), ROW('m', y, z), ROW('n', y, z),        \
            ROW('o', y, z), ROW('p', y, z), ROW('q', y, z), ROW('r', y, z), ROW('s', y, z),        \
            ROW('t', y, z), ROW('u', y, z), ROW('v', y, z), ROW('w', y, z), ROW('x', y, z),        \
            ROW('y', y, z), ROW('z', y, z), ROW('0', y, z), ROW('1', y, z), ROW('2', y, z),        \
            ROW('3', y, z), ROW('4', y, z), ROW('5', y, z), ROW('6', y, z), ROW('7', y, z),        \
            ROW('8', y, z), ROW('9', y, z), ROW(y, y, z), ROW(z, y, z),                            \
    }

static const char pairs[][4096][2] = {
    [ENC_BASE64_STANDARD] = TABLE('+', '/'),
    [ENC_BASE64_URL] = TABLE('-', '_'),
};
#undef TABLE
#undef ROW
#undef PAIR

#define VALID ENC_BASE64_VALID
#define VALUES(y, z)                                                                               \
    {                                                                                              \
        ['A'] = VALID | 0, ['B'] = VALID | 1, ['C'] = VALID | 2, ['D'] = VALID | 3,                \
        ['E'] = VALID | 4, ['F'] = VALID | 5, ['G'] = VALID | 6, ['H'] = VALID | 7,                \
        ['I'] = VALID | 8, ['J'] = VALID | 9, ['K'] = VALID | 10, ['L'] = VALID | 11,              \
        ['M'] = VALID | 12, ['N'] = VALID | 13, ['O'] = VALID | 14, ['P'] = VALID | 15,            \
        ['Q'] = VALID | 16, ['R'] = VALID | 17, ['S'] = VALID | 18, ['T'] = VALID | 19,            \
        ['U'] = VALID | 20, ['V'] = VALID | 21, ['W'] = VALID | 22, ['X'] = VALID | 23,            \
        ['Y'] = VALID | 24, ['Z'] = VALID | 25, ['a'] = VALID | 26, ['b'] = VALID | 27,            \
        ['c'] = VALID | 28, ['d'] = VALID | 29, ['e'] = VALID | 30, ['f'] = VALID | 31,            \
        ['g'] = VALID | 32, ['h'] = VALID | 33, ['i'] = VALID | 34, ['j'] = VALID | 35,            \
        ['k'] = VALID | 36, ['l'] = VALID | 37, ['m'] = VALID | 38, ['n'] = VALID | 39,            \
        ['o'] = VALID | 40, ['p'] = VALID | 41, ['q'] = VALID | 42, ['r'] = VALID | 43,            \
        ['s'] = VALID | 44, ['t'] = VALID | 45, ['u'] = VALID | 46, ['v'] = VALID | 47,            \
        ['w'] = VALID | 48, ['x'] = VALID | 49, ['y'] = VALID | 50, ['z'] = VALID | 51,            \
        ['0'] = VALID | 52, ['1'] = VALID | 53, ['2'] = VALID | 54, ['3'] = VALID | 55,            \
        ['4'] = VALID | 56, ['5'] = VALID | 57, ['6'] = VALID | 58, ['7'] = VALID | 59,            \
        ['8'] = VALID | 60, ['9'] = VALID | 61, [y] = VALID | 62, [z] = VALID | 63,                \
    }

const uint8_t enc_base64_values[2][256] = {
    [ENC_BASE64_STANDARD] = VALUES('+', '/'),
    [ENC_BASE64_URL] = VALUES('-', '_'),
};
#undef VALUES

static inline void encode_group(const char (*table)[2], const uint8_t in[static 3],
                                char out[static 4])
{
    uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

    memcpy(out, table[bits >> 12], 2);
    memcpy(out + 2, table[bits & 0xfff], 2);
}

// Two groups at once, from one load of eight bytes: the caller knows that two more bytes follow.
static inline void encode_two_groups(const char (*table)[2], const uint8_t in[static 8],
                                     char out[static 8])
{
    uint64_t bits;

    memcpy(&bits, in, sizeof(bits));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap64(bits);
#endif
    memcpy(out, table[bits >> 52], 2);
    memcpy(out + 2, table[bits >> 40 & 0xfff], 2);
    memcpy(out + 4, table[bits >> 28 & 0xfff], 2);
    memcpy(out + 6, table[bits >> 16 & 0xfff], 2);
}

static size_t update_portably(struct enc_base64_encoder *encoder, const uint8_t *in, size_t n,
                              char *out)
{
    const char(*table)[2] = pairs[encoder->alphabet];
    const char *begin = out;

    while (encoder->n_carry > 0 && n > 0) {
        encoder->carry[encoder->n_carry++] = *in++;
        n--;
        if (encoder->n_carry == 3) {
            encode_group(table, encoder->carry, out);
            encoder->n_carry = 0;
            out += 4;
        }
    }
    for (; n >= 8; in += 6, n -= 6, out += 8)
        encode_two_groups(table, in, out);
    for (; n >= 3; in += 3, n -= 3, out += 4)
        encode_group(table, in, out);
    for (; n > 0; n--)
        encoder->carry[encoder->n_carry++] = *in++;
    return (size_t)(out - begin);
}

// Less than a line of age's armor is not worth the call: in bytes, and in characters.
enum { WIDE_BYTES = 48, WIDE_CHARS = 64 };

// Returns how many of the n bytes it encoded: whole groups, as enc_base64_bulk.h says.
static size_t encode_wide(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n, char *out)
{
    switch (enc_cpu_level()) {
#ifdef __x86_64__
    case ENC_CPU_AVX512:
        return enc_base64_encode_avx512(alphabet, in, n, out);
    case ENC_CPU_AVX2:
        return enc_base64_encode_avx2(alphabet, in, n, out);
#endif
    default:
        (void)alphabet, (void)in, (void)n, (void)out;
        return 0;
    }
}

// Apart, so that what it keeps over calls costs small pieces nothing.
__attribute__((noinline)) static size_t update_widely(struct enc_base64_encoder *encoder,
                                                      const uint8_t *in, size_t n, char *out)
{
    const size_t n_first = encoder->n_carry > 0 ? 3u - encoder->n_carry : 0;
    size_t n_out = n_first > 0 ? update_portably(encoder, in, n_first, out) : 0;
    const size_t n_wide = encode_wide(encoder->alphabet, in + n_first, n - n_first, out + n_out);

    in += n_first + n_wide;
    n -= n_first + n_wide;
    n_out += n_wide / 3 * 4;
    return n > 0 ? n_out + update_portably(encoder, in, n, out + n_out) : n_out;
}

size_t enc_base64_update(struct enc_base64_encoder *encoder, const uint8_t *in, size_t n, char *out)
{
    return n < WIDE_BYTES ? update_portably(encoder, in, n, out)
                          : update_widely(encoder, in, n, out);
}

size_t enc_base64_finish(struct enc_base64_encoder *encoder, char out[static 4])
{
    size_t n = encoder->n_carry;

    if (n == 0)
        return 0;
    memset(encoder->carry + n, 0, sizeof(encoder->carry) - n);
    encode_group(pairs[encoder->alphabet], encoder->carry, out);
    memset(out + n + 1, '=', 3 - n);
    encoder->n_carry = 0;
    return 4;
}

void enc_base64_encode_bare(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                            char *out)
{
    struct enc_base64_encoder encoder = {.alphabet = alphabet};
    char last[4];

    out += enc_base64_update(&encoder, in, n, out);
    if (encoder.n_carry > 0) {
        const size_t n_last = encoder.n_carry + 1u;
        enc_base64_finish(&encoder, last);
        memcpy(out, last, n_last);
    }
}

// Looks up four characters: in the order of memory, the three bytes that they are, and a zero.
// *valid stays VALID as long as all are in the alphabet.
static inline uint32_t decode_group(const uint8_t table[static 256], const uint8_t in[static 4],
                                    uint8_t *valid)
{
    // The marks of the characters 2 to 4, which lie on bits of those before.
    const uint32_t marks = VALID << 12 | VALID << 6 | VALID;
    const uint8_t a = table[in[0]], b = table[in[1]], c = table[in[2]], d = table[in[3]];
    uint32_t bits = ((uint32_t)a << 18 ^ (uint32_t)b << 12 ^ (uint32_t)c << 6 ^ d) ^ marks;

    *valid &= a & b & c & d;
    bits <<= 8;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bits = __builtin_bswap32(bits);
#endif
    return bits;
}

// The 1 to 3 characters behind the last whole group.
static bool decode_rest(const uint8_t table[static 256], const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t group[4] = {'A', 'A', 'A', 'A'}; // zeros in either alphabet
    uint8_t bytes[4], valid = VALID;
    uint32_t bits;

    memcpy(group, in, n);
    bits = decode_group(table, group, &valid);
    memcpy(bytes, &bits, sizeof(bytes));
    memcpy(out, bytes, n - 1);
    // One character is no byte, and what lies behind the last byte is zero (RFC 4648, 3.5).
    return n > 1 && valid != 0 && bytes[n - 1] == 0;
}

static bool decode_portably(const uint8_t table[static 256], const uint8_t *in, size_t n_chars,
                            uint8_t *out)
{
    uint8_t valid = VALID;
    uint32_t bits;

    // Three bytes by one store of four, whose last the next group writes over.
    for (; n_chars >= 8; in += 4, n_chars -= 4, out += 3) {
        bits = decode_group(table, in, &valid);
        memcpy(out, &bits, 4);
    }
    if (n_chars >= 4) {
        bits = decode_group(table, in, &valid);
        memcpy(out, &bits, 3);
        in += 4;
        n_chars -= 4;
        out += 3;
    }
    return valid != 0 && (n_chars == 0 || decode_rest(table, in, n_chars, out));
}

// Returns how many of the characters it decoded: whole groups, as enc_base64_bulk.h says.
static size_t decode_wide(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n_chars,
                          uint8_t *out)
{
    switch (enc_cpu_level()) {
#ifdef __x86_64__
    case ENC_CPU_AVX512:
        return enc_base64_decode_avx512(alphabet, in, n_chars, out);
    case ENC_CPU_AVX2:
        return enc_base64_decode_avx2(alphabet, in, n_chars, out);
#endif
    default:
        (void)alphabet, (void)in, (void)n_chars, (void)out;
        return 0;
    }
}

__attribute__((noinline)) static bool decode_widely(enum enc_base64_alphabet alphabet,
                                                    const uint8_t *in, size_t n_chars, uint8_t *out)
{
    const size_t n_wide = decode_wide(alphabet, in, n_chars, out);

    return decode_portably(enc_base64_values[alphabet], in + n_wide, n_chars - n_wide,
                           out + n_wide / 4 * 3);
}

bool enc_base64_decode_bare(enum enc_base64_alphabet alphabet, const char *in, size_t n_chars,
                            uint8_t *out)
{
    const uint8_t *chars = (const uint8_t *)in;

    return n_chars < WIDE_CHARS ? decode_portably(enc_base64_values[alphabet], chars, n_chars, out)
                                : decode_widely(alphabet, chars, n_chars, out);
}
