// SPDX-License-Identifier: Apache-2.0
// Tests of Bech32 as age uses it: known keys, the facts of BIP 173, and everything that is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age_bech32.h"

#define N_MAX 100
#define TEXT_MAX ENC_AGE_BECH32_SIZE(16, N_MAX)
#define CHARSET "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

#define IDENTITY "AGE-SECRET-KEY-"
#define IDENTITY_OF_42 "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT_OF_42 "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static bool is_all(const uint8_t *bytes, size_t n, uint8_t byte)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != byte)
            return false;
    }
    return true;
}

// Decodes n bytes from memory of exactly the text's size: a sanitizer sees what is read past it.
// What does not decode leaves zeros.
static bool decode(const char *prefix, const char *text, size_t n_chars, uint8_t *out, size_t n)
{
    char *copy = malloc(n_chars > 0 ? n_chars : 1);
    bool is_good;

    assert_non_null(copy);
    memcpy(copy, text, n_chars);
    memset(out, 0xa5, n);
    is_good = enc_age_bech32_decode(prefix, copy, n_chars, out, n);
    if (!is_good)
        assert_true(is_all(out, n, 0));
    free(copy);
    return is_good;
}

static bool decodes(const char *prefix, const char *text, size_t n)
{
    uint8_t out[N_MAX];

    return decode(prefix, text, strlen(text), out, n);
}

static void fill(uint8_t *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (uint8_t)(seed >> 16);
    }
}

// BIP 173's checksum as its reference code computes it, over values of five bits; 1 for Bech32,
// 0x2bc830a3 for Bech32m (BIP 350).
static uint32_t reference_polymod(const uint8_t *values, size_t n)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    uint32_t checksum = 1;

    for (size_t i = 0; i < n; i++) {
        uint32_t top = checksum >> 25;
        checksum = (checksum & 0x1ffffff) << 5 ^ values[i];
        for (unsigned bit = 0; bit < 5; bit++) {
            if (top & 1U << bit)
                checksum ^= generator[bit];
        }
    }
    return checksum;
}

// Text with any values of five bits behind a prefix of small letters, and a checksum that comes out
// as `constant`.
static void reference_text(const char *prefix, const uint8_t *values, size_t n, uint32_t constant,
                           char *out)
{
    uint8_t all[TEXT_MAX + 32];
    size_t n_all = 0, n_prefix = strlen(prefix);
    uint32_t checksum;

    for (size_t i = 0; i < n_prefix; i++)
        all[n_all++] = (uint8_t)prefix[i] >> 5;
    all[n_all++] = 0;
    for (size_t i = 0; i < n_prefix; i++)
        all[n_all++] = (uint8_t)prefix[i] & 31;
    memcpy(all + n_all, values, n);
    n_all += n;
    memset(all + n_all, 0, 6);
    checksum = reference_polymod(all, n_all + 6) ^ constant;

    memcpy(out, prefix, n_prefix);
    out += n_prefix;
    *out++ = '1';
    for (size_t i = 0; i < n; i++)
        *out++ = CHARSET[values[i]];
    for (size_t i = 0; i < 6; i++)
        *out++ = CHARSET[checksum >> 5 * (5 - i) & 31];
    *out = '\0';
}

static void the_identity_of_a_known_key_encodes_and_decodes(void **state)
{
    char text[sizeof(IDENTITY_OF_42)];
    uint8_t key[32], out[32];

    (void)state;
    assert_int_equal(ENC_AGE_BECH32_SIZE(strlen(IDENTITY), 32), strlen(IDENTITY_OF_42));
    memset(key, 0x42, sizeof(key));
    memset(text, '!', sizeof(text));
    enc_age_bech32_encode(IDENTITY, key, sizeof(key), text);
    assert_memory_equal(text, IDENTITY_OF_42, strlen(IDENTITY_OF_42));
    assert_int_equal(text[strlen(IDENTITY_OF_42)], '!');
    assert_true(decode(IDENTITY, IDENTITY_OF_42, strlen(IDENTITY_OF_42), out, sizeof(out)));
    assert_memory_equal(out, key, sizeof(key));
}

// X25519 of 32 times 0x42 and the base point.
static void the_recipient_of_a_known_key_decodes_and_encodes(void **state)
{
    static const uint8_t key[32] = {0x13, 0x2c, 0x44, 0x2b, 0xe0, 0x10, 0xfb, 0xd5,
                                    0x7e, 0x72, 0x60, 0x33, 0x28, 0xaa, 0x76, 0xe7,
                                    0x1f, 0xcc, 0xc1, 0x50, 0x3a, 0xae, 0x21, 0x93,
                                    0x27, 0xd1, 0x4d, 0x9c, 0x99, 0x93, 0xf4, 0x72};
    char text[sizeof(RECIPIENT_OF_42)];
    uint8_t out[32];

    (void)state;
    assert_true(decode("age", RECIPIENT_OF_42, strlen(RECIPIENT_OF_42), out, sizeof(out)));
    assert_memory_equal(out, key, sizeof(key));
    enc_age_bech32_encode("age", key, sizeof(key), text);
    assert_memory_equal(text, RECIPIENT_OF_42, strlen(RECIPIENT_OF_42));
}

// "Test vectors": valid Bech32 whose data is whole bytes, or none.
static void the_strings_of_bip_173_decode_and_encode(void **state)
{
    static const struct {
        const char *prefix, *text;
        size_t n;
    } strings[] = {
        {"A", "A12UEL5L", 0},
        {"a", "a12uel5l", 0},
        {"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio",
         "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5"
         "tgs",
         0},
        {"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", 20},
        {"?", "?1ezyfcl", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        uint8_t bytes[20];
        char text[128];
        assert_true(decode(strings[i].prefix, strings[i].text, strlen(strings[i].text), bytes,
                           strings[i].n));
        enc_age_bech32_encode(strings[i].prefix, bytes, strings[i].n, text);
        assert_memory_equal(text, strings[i].text, strlen(strings[i].text));
    }
}

// But for those whose fault is a prefix that age does not use.
static void the_invalid_strings_of_bip_173_do_not_decode(void **state)
{
    (void)state;
    assert_false(decodes("pzry", "pzry9x0s0muk", 0)); // no separator
    assert_false(decodes("", "1pzry9x0s0muk", 0));    // no prefix
    assert_false(decodes("x", "x1b4n0q5v", 0));       // a character that has no value
    assert_false(decodes("li", "li1dgmt3", 0));       // a checksum too short
    assert_false(decodes("de", "de1lg7wt\xff", 0));   // a character outside ASCII in it
    assert_false(decodes("A", "A1G7SGD8", 0));        // the checksum of the prefix in capitals
}

static void every_length_round_trips_in_both_cases(void **state)
{
    uint8_t bytes[N_MAX], out[N_MAX];
    char text[TEXT_MAX + 1];

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        for (unsigned upper = 0; upper < 2; upper++) {
            const char *prefix = upper ? "AGE-SECRET-KEY-" : "age";
            size_t n_text = ENC_AGE_BECH32_SIZE(strlen(prefix), n);

            fill(bytes, n, (unsigned)n);
            memset(text, '!', sizeof(text));
            enc_age_bech32_encode(prefix, bytes, n, text);
            assert_int_equal(text[n_text], '!');
            assert_null(memchr(text, '!', n_text));
            assert_true(decode(prefix, text, n_text, out, n));
            assert_memory_equal(out, bytes, n);
        }
    }
}

static void what_the_reference_writes_is_what_is_written(void **state)
{
    uint8_t values[8 * N_MAX / 5 + 1];
    char text[TEXT_MAX], expected[TEXT_MAX];

    (void)state;
    for (size_t n = 0; n <= N_MAX; n += 5) { // whole characters
        uint8_t bytes[N_MAX];
        fill(bytes, n, 99);
        for (size_t i = 0; i < 8 * n / 5; i++) {
            values[i] = 0;
            for (size_t bit = 5 * i; bit < 5 * i + 5; bit++)
                values[i] = (uint8_t)(2 * values[i] + (bytes[bit / 8] >> (7 - bit % 8) & 1));
        }
        reference_text("age", values, 8 * n / 5, 1, expected);
        enc_age_bech32_encode("age", bytes, n, text);
        assert_memory_equal(text, expected, strlen(expected));
    }
}

// BIP 173: the checksum finds every error of up to four characters, in up to 89.
static void every_single_character_error_is_found(void **state)
{
    char text[sizeof(IDENTITY_OF_42)];

    (void)state;
    for (size_t at = 0; at < strlen(IDENTITY_OF_42); at++) {
        for (unsigned c = 0; c < 256; c++) {
            uint8_t out[32];
            memcpy(text, IDENTITY_OF_42, sizeof(text));
            text[at] = (char)c;
            assert_int_equal(decode(IDENTITY, text, strlen(IDENTITY_OF_42), out, sizeof(out)),
                             text[at] == IDENTITY_OF_42[at]);
        }
    }
}

static void every_error_of_two_neighbours_is_found(void **state)
{
    const size_t n_text = strlen(RECIPIENT_OF_42);

    (void)state;
    for (size_t at = 4; at + 1 < n_text; at++) {
        for (unsigned pair = 0; pair < 32 * 32; pair++) {
            char text[sizeof(RECIPIENT_OF_42)];
            uint8_t out[32];
            memcpy(text, RECIPIENT_OF_42, sizeof(text));
            text[at] = CHARSET[pair / 32];
            text[at + 1] = CHARSET[pair % 32];
            assert_int_equal(decode("age", text, n_text, out, sizeof(out)),
                             strcmp(text, RECIPIENT_OF_42) == 0);
        }
    }
}

static void text_in_the_other_or_in_mixed_case_does_not_decode(void **state)
{
    char text[sizeof(IDENTITY_OF_42)];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        char c = IDENTITY_OF_42[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    assert_true(decodes("age-secret-key-", text, 32));
    assert_false(decodes(IDENTITY, text, 32));
    memcpy(text, IDENTITY, strlen(IDENTITY)); // the rest in small letters
    assert_false(decodes(IDENTITY, text, 32));
    assert_false(decodes("age-secret-key-", IDENTITY_OF_42, 32));
}

static void another_prefix_does_not_decode(void **state)
{
    (void)state;
    assert_true(decodes("age", RECIPIENT_OF_42, 32));
    assert_false(decodes("agf", RECIPIENT_OF_42, 32));
    assert_false(decodes("ag", RECIPIENT_OF_42, 32));
    assert_false(decodes("age1", RECIPIENT_OF_42, 32));
    assert_false(decodes("age1pq", RECIPIENT_OF_42, 32));
    assert_false(decodes("", RECIPIENT_OF_42, 32));
}

static void another_length_does_not_decode(void **state)
{
    const char text[] = RECIPIENT_OF_42 "qqqq";
    uint8_t out[N_MAX];

    (void)state;
    for (size_t n_text = 0; n_text < sizeof(text); n_text++)
        assert_int_equal(decode("age", text, n_text, out, 32), n_text == strlen(RECIPIENT_OF_42));
    for (size_t n = 0; n <= N_MAX; n++)
        assert_int_equal(decodes("age", RECIPIENT_OF_42, n), n == 32);
}

static void the_checksum_of_bech32m_does_not_decode(void **state)
{
    uint8_t values[52] = {1, 2, 3};
    char text[TEXT_MAX];

    (void)state;
    reference_text("age", values, sizeof(values), 1, text);
    assert_true(decodes("age", text, 32));
    reference_text("age", values, sizeof(values), 0x2bc830a3, text);
    assert_false(decodes("age", text, 32));
}

// Lengths whose last character has 1 to 4 bits too many: each of them set, under a right checksum.
static void unused_bits_that_are_not_zero_do_not_decode(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        size_t n_values = (8 * n + 4) / 5, n_unused = 5 * n_values - 8 * n;
        for (uint8_t last = 0; last < 32; last++) {
            uint8_t values[8] = {0};
            char text[32];
            values[n_values - 1] = last;
            reference_text("age", values, n_values, 1, text);
            assert_int_equal(decodes("age", text, n), last % (1U << n_unused) == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_identity_of_a_known_key_encodes_and_decodes),
        cmocka_unit_test(the_recipient_of_a_known_key_decodes_and_encodes),
        cmocka_unit_test(the_strings_of_bip_173_decode_and_encode),
        cmocka_unit_test(the_invalid_strings_of_bip_173_do_not_decode),
        cmocka_unit_test(every_length_round_trips_in_both_cases),
        cmocka_unit_test(what_the_reference_writes_is_what_is_written),
        cmocka_unit_test(every_single_character_error_is_found),
        cmocka_unit_test(every_error_of_two_neighbours_is_found),
        cmocka_unit_test(text_in_the_other_or_in_mixed_case_does_not_decode),
        cmocka_unit_test(another_prefix_does_not_decode),
        cmocka_unit_test(another_length_does_not_decode),
        cmocka_unit_test(the_checksum_of_bech32m_does_not_decode),
        cmocka_unit_test(unused_bits_that_are_not_zero_do_not_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
