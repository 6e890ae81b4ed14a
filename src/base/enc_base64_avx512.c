// SPDX-License-Identifier: Apache-2.0
// base64 in steps of 48 bytes or 64 characters: any of 64 characters, and any of 128 values, is one
// look-up in registers. What is left is a step with a mask.
#include "enc_base64_bulk.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

enum { STEP_BYTES = 48, STEP_CHARS = 64, STEP_GROUPS = 16 };

static const char characters[][64] = {
    [ENC_BASE64_STANDARD] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
    [ENC_BASE64_URL] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"},
};

#define FOUR(f, i) f(i), f((i) + 1), f((i) + 2), f((i) + 3)
#define SIXTEEN(f) FOUR(f, 0), FOUR(f, 4), FOUR(f, 8), FOUR(f, 12)

// Where the bytes of a group go, a b c to b a c b, for each of its characters to be six bits in a
// row of a little-endian number: from bit 10, 4, 22 and 16 on.
#define SPREAD(i) 3 * (i) + 1, 3 * (i), 3 * (i) + 2, 3 * (i) + 1
static const uint8_t spread[64] = {SIXTEEN(SPREAD)};
#define SIX_BITS_FROM 0x3036242a1016040a // of two groups

// A group's three bytes in a little-endian number, from the highest down, for sixteen of them.
#define GATHER(i) 4 * (i) + 2, 4 * (i) + 1, 4 * (i)
static const uint8_t gather[64] = {SIXTEEN(GATHER)};

// The first n bits.
static inline __mmask64 first(size_t n)
{
    return ~(__mmask64)0 >> (64 - n);
}

AVX512 static inline __m512i encode_step(__m512i bytes, __m512i order, __m512i alphabet)
{
    const __m512i shifts = _mm512_set1_epi64(SIX_BITS_FROM);
    const __m512i sixes =
        _mm512_multishift_epi64_epi8(shifts, _mm512_permutexvar_epi8(order, bytes));

    return _mm512_permutexvar_epi8(sixes, alphabet); // which looks at six bits alone
}

AVX512 size_t enc_base64_encode_avx512(enum enc_base64_alphabet alphabet, const uint8_t *in,
                                       size_t n, char *out)
{
    const __m512i chars = _mm512_loadu_si512(characters[alphabet]);
    const __m512i order = _mm512_loadu_si512(spread);
    const uint8_t *begin = in;

    for (; n >= STEP_BYTES; in += STEP_BYTES, n -= STEP_BYTES, out += STEP_CHARS) {
        const __m512i bytes = _mm512_maskz_loadu_epi8(first(STEP_BYTES), in);
        _mm512_storeu_si512(out, encode_step(bytes, order, chars));
    }
    if (n >= 3) {
        const size_t n_groups = n / 3;
        const __m512i bytes = _mm512_maskz_loadu_epi8(first(3 * n_groups), in);
        _mm512_mask_storeu_epi8(out, first(4 * n_groups), encode_step(bytes, order, chars));
        in += 3 * n_groups;
    }
    return (size_t)(in - begin);
}

// The values of all 128 ASCII characters. The highest bit is set where there is none.
struct table {
    __m512i low, high;
};

AVX512 static inline struct table table_of(enum enc_base64_alphabet alphabet)
{
    const uint8_t *values = enc_base64_values[alphabet];
    const __m512i mark = _mm512_set1_epi8((char)ENC_BASE64_VALID);
    struct table table = {
        .low = _mm512_xor_si512(_mm512_loadu_si512(values), mark),
        .high = _mm512_xor_si512(_mm512_loadu_si512(values + 64), mark),
    };
    return table;
}

// A byte of *bad has its highest bit set where a character is outside the alphabet.
AVX512 static inline __m512i decode_step(__m512i chars, const struct table *table, __m512i order,
                                         __m512i *bad)
{
    // This looks at seven bits. The eighth must not be set either.
    const __m512i values = _mm512_permutex2var_epi8(table->low, chars, table->high);
    const __m512i twelves = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
    const __m512i groups = _mm512_madd_epi16(twelves, _mm512_set1_epi32(0x00011000));

    *bad = _mm512_or_si512(chars, values);
    return _mm512_permutexvar_epi8(order, groups);
}

AVX512 static inline bool is_any(__m512i bad)
{
    return _mm512_movepi8_mask(bad) != 0;
}

AVX512 size_t enc_base64_decode_avx512(enum enc_base64_alphabet alphabet, const uint8_t *in,
                                       size_t n_chars, uint8_t *out)
{
    const struct table table = table_of(alphabet);
    const __m512i order = _mm512_loadu_si512(gather);
    const uint8_t *begin = in;
    __m512i bad;

    for (; n_chars >= STEP_CHARS; in += STEP_CHARS, n_chars -= STEP_CHARS, out += STEP_BYTES) {
        const __m512i bytes = decode_step(_mm512_loadu_si512(in), &table, order, &bad);
        if (is_any(bad))
            return (size_t)(in - begin);
        _mm512_mask_storeu_epi8(out, first(STEP_BYTES), bytes);
    }
    if (n_chars >= 4) {
        const size_t n_groups = n_chars / 4;
        const __m512i zeros = _mm512_set1_epi8('A');
        const __m512i chars = _mm512_mask_loadu_epi8(zeros, first(4 * n_groups), in);
        const __m512i bytes = decode_step(chars, &table, order, &bad);
        if (is_any(bad))
            return (size_t)(in - begin);
        _mm512_mask_storeu_epi8(out, first(3 * n_groups), bytes);
        in += 4 * n_groups;
    }
    return (size_t)(in - begin);
}
#endif
