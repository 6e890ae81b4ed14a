// SPDX-License-Identifier: Apache-2.0
// base64 in steps of 24 bytes or 32 characters. A look-up has sixteen rows: so characters are their
// values plus an offset, which depends on the range that they are in. The method is W. Muła's and
// D. Lemire's ("Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018), for both
// alphabets.
#include "enc_base64_bulk.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum { STEP_BYTES = 24, STEP_CHARS = 32 };

// Sixteen rows in either half of a register.
AVX2 static inline __m256i twice(const void *rows)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(rows));
}

// By range: a-z, each digit, the two last characters, A-Z.
#define OFFSETS(y, z)                                                                              \
    {                                                                                              \
        'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,  \
            '0' - 52, '0' - 52, (y)-62, (z)-63, 'A'                                                \
    }
static const int8_t offsets[][16] = {
    [ENC_BASE64_STANDARD] = OFFSETS('+', '/'),
    [ENC_BASE64_URL] = OFFSETS('-', '_'),
};

// 12 bytes in the low half, 12 from byte 4 on in the high one, to six bits in each byte.
AVX2 static inline __m256i split_in_sixes(__m256i bytes)
{
    // a b c to b a c b: then each six bits lie in one number of 16 bits.
    const __m256i order = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 5, 4,
                                           6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14);
    const __m256i spread = _mm256_shuffle_epi8(bytes, order);
    // Products are shifts that differ: right by 10 and 6, left by 4 and 8.
    const __m256i odd = _mm256_mulhi_epu16(_mm256_and_si256(spread, _mm256_set1_epi32(0x0fc0fc00)),
                                           _mm256_set1_epi32(0x04000040));
    const __m256i even = _mm256_mullo_epi16(_mm256_and_si256(spread, _mm256_set1_epi32(0x003f03f0)),
                                            _mm256_set1_epi32(0x01000010));

    return _mm256_or_si256(odd, even);
}

AVX2 static inline __m256i to_characters(__m256i sixes, __m256i offset_of)
{
    // 0 for a-z, 1 to 12 for what is behind it, and then 13 for A-Z.
    const __m256i behind = _mm256_subs_epu8(sixes, _mm256_set1_epi8(51));
    const __m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), sixes);
    const __m256i row = _mm256_or_si256(behind, _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));

    return _mm256_add_epi8(sixes, _mm256_shuffle_epi8(offset_of, row));
}

AVX2 size_t enc_base64_encode_avx2(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                                   char *out)
{
    const __m256i offset_of = twice(offsets[alphabet]);
    const uint8_t *begin = in;

    for (; n >= STEP_BYTES; in += STEP_BYTES, n -= STEP_BYTES, out += STEP_CHARS) {
        // They overlap, so that nothing is read behind the 24 bytes.
        const __m128i low = _mm_loadu_si128((const void *)in);
        const __m128i high = _mm_loadu_si128((const void *)(in + 8));
        const __m256i sixes = split_in_sixes(_mm256_set_m128i(high, low));
        _mm256_storeu_si256((void *)out, to_characters(sixes, offset_of));
    }
    return (size_t)(in - begin);
}

// How characters of an alphabet become values. A character is a row, its high four bits, and a
// column, its low ones. Each kind of row has a bit, and each column the bits of the rows in which
// it has no character of the alphabet. So a character is in it if the two have no bit in common.
struct decoding {
    int8_t rows[16], columns[16];
    int8_t offsets[16]; // by row; what differs from the others of its row has another: row ^ 8
    int8_t other;       // that character
};

// The kinds of rows: 2, 3, 4 and 6, 5, 7, and the others.
enum { ROW_2 = 1, ROW_3 = 2, ROW_46 = 4, ROW_5 = 8, ROW_7 = 16, NO_ROW = 32 };

#define ROWS                                                                                       \
    {                                                                                              \
        NO_ROW, NO_ROW, ROW_2, ROW_3, ROW_46, ROW_5, ROW_46, ROW_7, NO_ROW, NO_ROW, NO_ROW,        \
            NO_ROW, NO_ROW, NO_ROW, NO_ROW, NO_ROW                                                 \
    }
// Digits are row 3 up to column 9. Letters are rows 4 and 6 from column 1 on, 5 and 7 up to column
// 10. So the last five columns have no more than rows 4 and 6, but for what b, d and f add to
// theirs.
#define COLUMN_0 (NO_ROW | ROW_2 | ROW_46)
#define COLUMN_DIGIT (NO_ROW | ROW_2)
#define COLUMN_A (NO_ROW | ROW_2 | ROW_3)
#define COLUMN_46 (NO_ROW | ROW_2 | ROW_3 | ROW_5 | ROW_7)
#define COLUMNS(b, d, f)                                                                           \
    {                                                                                              \
        COLUMN_0, COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_DIGIT,            \
            COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_DIGIT, COLUMN_A, COLUMN_46 & ~(b),    \
            COLUMN_46, COLUMN_46 & ~(d), COLUMN_46, COLUMN_46 & ~(f)                               \
    }

static const struct decoding decodings[] = {
    [ENC_BASE64_STANDARD] =
        {
            .rows = ROWS,
            .columns = COLUMNS(ROW_2, 0, ROW_2), // + and /
            .offsets = {[2] = 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', [10] = 63 - '/'},
            .other = '/',
        },
    [ENC_BASE64_URL] =
        {
            .rows = ROWS,
            .columns = COLUMNS(0, ROW_2, ROW_5), // - and _
            .offsets = {[2] = 62 - '-', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', [13] = 63 - '_'},
            .other = '_',
        },
};

// A decoding in registers.
struct table {
    __m256i rows, columns, offsets, other;
};

AVX2 static inline struct table table_of(const struct decoding *decoding)
{
    struct table table = {
        .rows = twice(decoding->rows),
        .columns = twice(decoding->columns),
        .offsets = twice(decoding->offsets),
        .other = _mm256_set1_epi8(decoding->other),
    };
    return table;
}

// A byte of *bad is not zero where a character is outside the alphabet.
AVX2 static inline __m256i to_values(__m256i chars, const struct table *table, __m256i *bad)
{
    const __m256i low_four = _mm256_set1_epi8(0x0f);
    const __m256i row = _mm256_and_si256(_mm256_srli_epi32(chars, 4), low_four);
    const __m256i column = _mm256_and_si256(chars, low_four);
    const __m256i is_other = _mm256_cmpeq_epi8(chars, table->other);
    const __m256i range = _mm256_xor_si256(row, _mm256_and_si256(is_other, _mm256_set1_epi8(8)));

    *bad = _mm256_and_si256(_mm256_shuffle_epi8(table->rows, row),
                            _mm256_shuffle_epi8(table->columns, column));
    return _mm256_add_epi8(chars, _mm256_shuffle_epi8(table->offsets, range));
}

// Four values to three bytes, in a row in the first 24.
AVX2 static inline __m256i pack(__m256i values)
{
    const __m256i twelves = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    const __m256i groups = _mm256_madd_epi16(twelves, _mm256_set1_epi32(0x00011000));
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));

    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, order),
                                       _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

AVX2 size_t enc_base64_decode_avx2(enum enc_base64_alphabet alphabet, const uint8_t *in,
                                   size_t n_chars, uint8_t *out)
{
    const struct table table = table_of(&decodings[alphabet]);
    const uint8_t *begin = in;

    for (; n_chars >= STEP_CHARS; in += STEP_CHARS, n_chars -= STEP_CHARS, out += STEP_BYTES) {
        __m256i bad;
        const __m256i values = to_values(_mm256_loadu_si256((const void *)in), &table, &bad);
        if (!_mm256_testz_si256(bad, bad))
            break;
        const __m256i bytes = pack(values);
        _mm_storeu_si128((void *)out, _mm256_castsi256_si128(bytes));
        _mm_storel_epi64((void *)(out + 16), _mm256_extracti128_si256(bytes, 1));
    }
    return (size_t)(in - begin);
}
#endif
