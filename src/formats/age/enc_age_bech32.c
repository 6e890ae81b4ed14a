// SPDX-License-Identifier: Apache-2.0
// Bech32 in constant time: no table is looked up, and no branch taken, by a data character.
#include "enc_age_bech32.h"

#include <string.h>

#define CHECKSUM_CHARS 6

// The characters of the values 0 to 31 (BIP 173, "Bech32"). Only ever read from end to end.
static const char charset[32] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

// All ones if a and b are the same, else zero, for values below 2^31.
static uint32_t equal_ct(uint32_t a, uint32_t b)
{
    return 0U - (((a ^ b) - 1) >> 31);
}

// A small letter, or a digit, in the case of the whole text.
static uint32_t in_case(uint32_t c, bool upper)
{
    const uint32_t small_bit = (c & 0x40) >> 1; // 'a' is 'A' with this bit; no digit has 0x40

    return upper ? c & ~small_bit : c;
}

static bool is_upper(const char *prefix)
{
    for (; *prefix != '\0'; prefix++) {
        if (*prefix >= 'A' && *prefix <= 'Z')
            return true;
    }
    return false;
}

// The character of a value 0 to 31.
static char char_ct(uint32_t value, bool upper)
{
    uint32_t c = 0;

    for (uint32_t i = 0; i < 32; i++)
        c |= equal_ct(i, value) & in_case((uint8_t)charset[i], upper);
    return (char)c;
}

// The value of a character, 0 to 31; all ones if it has none in this case.
static uint32_t value_ct(char character, bool upper)
{
    uint32_t value_plus_1 = 0;

    for (uint32_t i = 0; i < 32; i++)
        value_plus_1 |= equal_ct((uint8_t)character, in_case((uint8_t)charset[i], upper)) & (i + 1);
    return value_plus_1 - 1;
}

// One step of the checksum: the remainder so far, times x, plus a value of five bits, modulo the
// generator (BIP 173, bech32_polymod).
static uint32_t checksum_step(uint32_t checksum, uint32_t value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    const uint32_t top = checksum >> 25;

    checksum = (checksum & 0x1ffffff) << 5 ^ value;
    for (size_t i = 0; i < 5; i++)
        checksum ^= generator[i] & (0U - (top >> i & 1));
    return checksum;
}

// The checksum of a prefix: the upper bits of its small letters, a zero, the lower bits (BIP 173,
// bech32_hrp_expand).
static uint32_t checksum_prefix(const char *prefix)
{
    uint32_t checksum = 1;

    for (const char *c = prefix; *c != '\0'; c++) {
        const bool is_capital = *c >= 'A' && *c <= 'Z';
        checksum = checksum_step(checksum, (uint8_t)(is_capital ? *c + ('a' - 'A') : *c) >> 5);
    }
    checksum = checksum_step(checksum, 0);
    // The lower bits are the same in both cases.
    for (const char *c = prefix; *c != '\0'; c++)
        checksum = checksum_step(checksum, *c & 0x1f);
    return checksum;
}

void enc_age_bech32_encode(const char *prefix, const uint8_t *in, size_t n, char *out)
{
    const bool upper = is_upper(prefix);
    const size_t n_prefix = strlen(prefix), n_data = (n * 8 + 4) / 5;
    uint32_t checksum = checksum_prefix(prefix), bits = 0;
    size_t n_bits = 0, n_in = 0;

    memcpy(out, prefix, n_prefix);
    out += n_prefix;
    *out++ = '1';
    for (size_t i = 0; i < n_data; i++) {
        if (n_bits < 5) {
            // Zeros fill the last character.
            bits = bits << 8 | (n_in < n ? in[n_in++] : 0);
            n_bits += 8;
        }
        n_bits -= 5;
        const uint32_t value = bits >> n_bits & 0x1f;
        checksum = checksum_step(checksum, value);
        *out++ = char_ct(value, upper);
    }
    for (size_t i = 0; i < CHECKSUM_CHARS; i++)
        checksum = checksum_step(checksum, 0);
    checksum ^= 1;
    for (size_t i = 0; i < CHECKSUM_CHARS; i++)
        *out++ = char_ct(checksum >> 5 * (CHECKSUM_CHARS - 1 - i) & 0x1f, upper);
}

// Reads the characters behind the "1". Returns zero if they are right.
static uint32_t decode_data(const char *prefix, const char *text, uint8_t *out, size_t n)
{
    const bool upper = is_upper(prefix);
    const size_t n_data = (n * 8 + 4) / 5;
    uint32_t checksum = checksum_prefix(prefix), bits = 0, bad = 0;
    size_t n_bits = 0;

    for (size_t i = 0; i < n_data + CHECKSUM_CHARS; i++) {
        const uint32_t value = value_ct(text[i], upper);
        bad |= value >> 5;
        checksum = checksum_step(checksum, value & 0x1f);
        if (i >= n_data)
            continue;
        bits = bits << 5 | (value & 0x1f);
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            *out++ = (uint8_t)(bits >> n_bits);
        }
    }
    // What fills the last character is zero (BIP 173, "Segwit address format", for what decodes).
    bad |= bits & ((1U << n_bits) - 1);
    return bad | (checksum ^ 1);
}

bool enc_age_bech32_decode(const char *prefix, const char *text, size_t n_chars, uint8_t *out,
                           size_t n)
{
    const size_t n_prefix = strlen(prefix);
    uint32_t bad;
    uint8_t keep;

    if (n_chars != ENC_AGE_BECH32_SIZE(n_prefix, n) || memcmp(text, prefix, n_prefix) != 0 ||
        text[n_prefix] != '1') {
        if (n > 0)
            memset(out, 0, n);
        return false;
    }
    bad = decode_data(prefix, text + n_prefix + 1, out, n);
    // 0 alone borrows from the upper half.
    keep = (uint8_t)((bad - (uint64_t)1) >> 32);
    for (size_t i = 0; i < n; i++)
        out[i] &= keep;
    return keep != 0;
}
