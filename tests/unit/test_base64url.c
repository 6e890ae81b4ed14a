// SPDX-License-Identifier: Apache-2.0
// Tests of the base64url of secrets, against RFC 4648's vectors and a plain encoder made here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_base64url.h"

#define N_MAX 102 // of sixes: a read past the end is past the array
#define N_TEXT ENC_BASE64_SIZE(N_MAX)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// One bit at a time, so that it has nothing in common with the code under test.
static size_t reference(const uint8_t *in, size_t n, char *out)
{
    size_t n_chars = (8 * n + 5) / 6;

    for (size_t i = 0; i < n_chars; i++) {
        unsigned value = 0;
        for (size_t bit = 6 * i; bit < 6 * i + 6; bit++)
            value = 2 * value + (bit < 8 * n ? (unsigned)in[bit / 8] >> (7 - bit % 8) & 1U : 0);
        out[i] = alphabet[value];
    }
    while (n_chars % 4 != 0)
        out[n_chars++] = '=';
    return n_chars;
}

static void fill(uint8_t *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (uint8_t)(seed >> 16);
    }
}

static void the_vectors_of_rfc_4648_encode_and_decode(void **state)
{
    static const struct {
        const char *bytes, *text;
    } vectors[] = {{"", ""},
                   {"f", "Zg=="},
                   {"fo", "Zm8="},
                   {"foo", "Zm9v"},
                   {"foob", "Zm9vYg=="},
                   {"fooba", "Zm9vYmE="},
                   {"foobar", "Zm9vYmFy"},
                   {"\xfb\xff\xbf", "-_-_"}};

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const uint8_t *bytes = (const uint8_t *)vectors[i].bytes;
        size_t n = strlen(vectors[i].bytes), n_text = strlen(vectors[i].text);
        uint8_t decoded[8];
        char text[16];

        memset(text, '!', sizeof(text));
        enc_base64url_encode_ct(bytes, n, text);
        assert_memory_equal(text, vectors[i].text, n_text);
        assert_int_equal(text[n_text], '!');
        assert_int_equal(enc_base64url_decode_ct(vectors[i].text, n_text, decoded, n), 1);
        assert_memory_equal(decoded, bytes, n);
    }
}

static void every_length_round_trips_in_constant_time(void **state)
{
    uint8_t bytes[N_MAX], decoded[N_MAX];
    char expected[N_TEXT], text[N_TEXT];

    (void)state;
    for (unsigned seed = 0; seed < 50; seed++) {
        for (size_t n = 0; n <= N_MAX; n++) {
            fill(bytes, n, seed);
            enc_base64url_encode_ct(bytes, n, text);
            assert_memory_equal(text, expected, reference(bytes, n, expected));
            memset(decoded, 0xa5, sizeof(decoded));
            assert_int_equal(enc_base64url_decode_ct(text, ENC_BASE64_SIZE(n), decoded, n), 1);
            assert_memory_equal(decoded, bytes, n);
        }
    }
}

// Whatever single character stands wherever: it decodes only to what encodes to it again.
static void only_canonical_text_decodes(void **state)
{
    static const uint8_t zeros[4];
    uint8_t bytes[4], decoded[4];
    char text[8], again[8];

    (void)state;
    for (size_t n = 1; n <= 4; n++) {
        size_t n_text = ENC_BASE64_SIZE(n), n_good = 0, n_payload = (8 * n + 5) / 6;

        fill(bytes, n, 7);
        for (size_t at = 0; at < n_text; at++) {
            for (unsigned c = 0; c < 256; c++) {
                enc_base64url_encode_ct(bytes, n, text);
                text[at] = (char)c;
                if (enc_base64url_decode_ct(text, n_text, decoded, n)) {
                    enc_base64url_encode_ct(decoded, n, again);
                    assert_memory_equal(again, text, n_text);
                    n_good++;
                } else {
                    assert_memory_equal(decoded, zeros, n);
                }
            }
        }
        // Every character that counts has its 64 values, but for the bits of the last that must be
        // zero; each '=' has one.
        size_t n_last = (size_t)64 >> (6 * n_payload - 8 * n);
        assert_int_equal(n_good, 64 * (n_payload - 1) + n_last + (n_text - n_payload));
    }
}

static void text_of_another_length_does_not_decode(void **state)
{
    static const uint8_t zeros[32];
    const char text[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAA";
    uint8_t decoded[32];

    (void)state;
    for (size_t n_text = 0; n_text <= 48; n_text++) {
        memset(decoded, 0xa5, sizeof(decoded));
        assert_int_equal(enc_base64url_decode_ct(text, n_text, decoded, 32), n_text == 44);
        assert_memory_equal(decoded, zeros, sizeof(zeros));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_encode_and_decode),
        cmocka_unit_test(every_length_round_trips_in_constant_time),
        cmocka_unit_test(only_canonical_text_decodes),
        cmocka_unit_test(text_of_another_length_does_not_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
