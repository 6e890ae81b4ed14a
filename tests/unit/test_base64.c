// SPDX-License-Identifier: Apache-2.0
// Tests of base64 for bulk data, against RFC 4648's vectors and a plain encoder, with each level of
// the processor's instructions that there is. What the levels add is in test_base64_levels.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base64_reference.h"
#include "cpu_levels.h"
#include "enc_base64.h"

#define N_MAX 102
#define N_TEXT ENC_BASE64_SIZE(N_MAX)

// Feeds pieces of n_piece bytes and expects the reference's text, padded, and no byte more.
static void encode_in_pieces(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                             size_t n_piece)
{
    struct enc_base64_encoder encoder = {.alphabet = alphabet};
    char expected[N_TEXT], out[N_TEXT + 4 + 1];
    size_t n_out = 0, n_expected = base64_reference(alphabet, in, n, expected);

    memset(out, '!', sizeof(out));
    for (size_t i = 0; i < n; i += n_piece) {
        size_t n_now = n - i < n_piece ? n - i : n_piece;
        size_t written = enc_base64_update(&encoder, in + i, n_now, out + n_out);
        assert_true(written <= ENC_BASE64_SIZE(n_now + 2));
        n_out += written;
        assert_int_equal(out[n_out], '!');
    }
    n_out += enc_base64_finish(&encoder, out + n_out);
    assert_int_equal(out[n_out], '!');
    assert_int_equal(n_out, ENC_BASE64_SIZE(n));
    while (n_expected % 4 != 0)
        expected[n_expected++] = '=';
    assert_int_equal(n_out, n_expected);
    assert_memory_equal(out, expected, n_out);
}

// Expects these bytes, or a refusal if there are none.
static void check_decodes(enum enc_base64_alphabet alphabet, const char *text, size_t n_text,
                          const uint8_t *expected)
{
    size_t n = ENC_BASE64_BARE_BYTES(n_text);
    char *in = exactly(text, n_text);
    uint8_t *out = exactly(NULL, n);
    bool is_good = enc_base64_decode_bare(alphabet, in, n_text, out);

    assert_int_equal(is_good, expected != NULL);
    if (is_good)
        assert_memory_equal(out, expected, n);
    free(in);
    free(out);
}

static void the_vectors_of_rfc_4648_encode_and_decode(void **state)
{
    static const struct {
        enum enc_base64_alphabet alphabet;
        const char *bytes, *text;
    } vectors[] = {
        {ENC_BASE64_STANDARD, "", ""},
        {ENC_BASE64_STANDARD, "f", "Zg=="},
        {ENC_BASE64_STANDARD, "fo", "Zm8="},
        {ENC_BASE64_STANDARD, "foo", "Zm9v"},
        {ENC_BASE64_STANDARD, "foob", "Zm9vYg=="},
        {ENC_BASE64_STANDARD, "fooba", "Zm9vYmE="},
        {ENC_BASE64_STANDARD, "foobar", "Zm9vYmFy"},
        {ENC_BASE64_STANDARD, "\xfb\xff\xbf", "+/+/"},
        {ENC_BASE64_URL, "foob", "Zm9vYg=="},
        {ENC_BASE64_URL, "\xfb\xff\xbf", "-_-_"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const uint8_t *bytes = (const uint8_t *)vectors[i].bytes;
        size_t n = strlen(vectors[i].bytes);
        struct enc_base64_encoder encoder = {.alphabet = vectors[i].alphabet};
        char text[16];

        size_t n_out = enc_base64_update(&encoder, bytes, n, text);
        n_out += enc_base64_finish(&encoder, text + n_out);
        assert_int_equal(n_out, strlen(vectors[i].text));
        assert_memory_equal(text, vectors[i].text, n_out);
        check_decodes(vectors[i].alphabet, text, ENC_BASE64_BARE_SIZE(n), bytes);
    }
}

static void an_all_zero_encoder_writes_the_standard_alphabet(void **state)
{
    struct enc_base64_encoder encoder = {0};
    char text[4];

    (void)state;
    assert_int_equal(enc_base64_update(&encoder, (const uint8_t *)"\xfb\xff\xbf", 3, text), 4);
    assert_memory_equal(text, "+/+/", 4);
}

static void any_pieces_give_what_the_whole_gives(void **state)
{
    uint8_t bytes[N_MAX];

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        fill(bytes, n, (unsigned)n);
        for (size_t n_piece = 1; n_piece <= n + 1; n_piece++) {
            encode_in_pieces(ENC_BASE64_STANDARD, bytes, n, n_piece);
            encode_in_pieces(ENC_BASE64_URL, bytes, n, n_piece);
        }
    }
}

static void any_split_gives_what_the_whole_gives(void **state)
{
    uint8_t bytes[N_MAX];
    char expected[N_TEXT], out[N_TEXT + 4];

    (void)state;
    fill(bytes, N_MAX, 5);
    for (size_t n = 0; n <= N_MAX; n++) {
        size_t n_expected = base64_reference(ENC_BASE64_STANDARD, bytes, n, expected);
        for (size_t at = 0; at <= n; at++) {
            struct enc_base64_encoder encoder = {0};
            uint8_t *first = exactly(bytes, at), *second = exactly(bytes + at, n - at);
            size_t n_out = enc_base64_update(&encoder, first, at, out);
            n_out += enc_base64_update(&encoder, second, n - at, out + n_out);
            n_out += enc_base64_finish(&encoder, out + n_out);
            assert_int_equal(n_out, ENC_BASE64_SIZE(n));
            assert_memory_equal(out, expected, n_expected);
            free(first);
            free(second);
        }
    }
}

static void a_finished_encoder_is_fresh_and_keeps_its_alphabet(void **state)
{
    static const uint8_t bytes[] = {0xfb, 0xff, 0xbf, 0xfb, 0xff};
    struct enc_base64_encoder encoder = {.alphabet = ENC_BASE64_URL};
    char text[8];

    (void)state;
    for (size_t n = 1; n <= sizeof(bytes); n++) {
        size_t n_out = enc_base64_update(&encoder, bytes, n, text);
        n_out += enc_base64_finish(&encoder, text + n_out);
        assert_memory_equal(text, "-_-_-_8=", ENC_BASE64_BARE_SIZE(n) / 4 * 4);
        assert_int_equal(enc_base64_finish(&encoder, text), 0);
    }
}

static void every_pair_of_characters_is_in_the_tables(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4096; bits++) {
        uint8_t bytes[24];
        for (size_t i = 0; i + 3 <= sizeof(bytes); i += 3) {
            bytes[i] = (uint8_t)(bits >> 4);
            bytes[i + 1] = (uint8_t)(bits << 4 | bits >> 8);
            bytes[i + 2] = (uint8_t)bits;
        }
        for (unsigned alphabet = 0; alphabet < 2; alphabet++) {
            encode_in_pieces((enum enc_base64_alphabet)alphabet, bytes, 3, 3);
            encode_in_pieces((enum enc_base64_alphabet)alphabet, bytes, 24, 24);
        }
    }
}

static void every_length_round_trips_without_padding(void **state)
{
    uint8_t bytes[N_MAX];
    char expected[N_TEXT];

    (void)state;
    for (unsigned seed = 0; seed < 50; seed++) {
        enum enc_base64_alphabet alphabet = (enum enc_base64_alphabet)(seed % 2);
        for (size_t n = 0; n <= N_MAX; n++) {
            size_t n_text = ENC_BASE64_BARE_SIZE(n);
            char *text = exactly(NULL, n_text);

            fill(bytes, n, seed);
            enc_base64_encode_bare(alphabet, bytes, n, text);
            assert_int_equal(n_text, base64_reference(alphabet, bytes, n, expected));
            assert_memory_equal(text, expected, n_text);
            assert_int_equal(ENC_BASE64_BARE_BYTES(n_text), n);
            check_decodes(alphabet, text, n_text, bytes);
            free(text);
        }
    }
}

// Whatever single character stands wherever: it decodes only to what encodes to it again.
static void check_only_canonical_text_decodes(enum enc_base64_alphabet alphabet, size_t n)
{
    uint8_t bytes[30], decoded[30];
    char text[40], again[40];
    size_t n_text = ENC_BASE64_BARE_SIZE(n), n_good = 0;

    fill(bytes, n, 7);
    for (size_t at = 0; at < n_text; at++) {
        for (unsigned c = 0; c < 256; c++) {
            enc_base64_encode_bare(alphabet, bytes, n, text);
            text[at] = (char)c;
            if (!enc_base64_decode_bare(alphabet, text, n_text, decoded))
                continue;
            enc_base64_encode_bare(alphabet, decoded, n, again);
            assert_memory_equal(again, text, n_text);
            n_good++;
        }
    }
    // Every character has its 64 values, but for the bits of the last that must be zero.
    assert_int_equal(n_good, 64 * (n_text - 1) + ((size_t)64 >> (6 * n_text - 8 * n)));
}

static void only_canonical_text_decodes(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 30; n++) {
        check_only_canonical_text_decodes(ENC_BASE64_STANDARD, n);
        check_only_canonical_text_decodes(ENC_BASE64_URL, n);
    }
}

static void a_single_character_behind_the_last_group_does_not_decode(void **state)
{
    const char *text = "AAAAAAAAAAAAAAAAAAAAA";

    (void)state;
    for (size_t n = 1; n <= 21; n += 4)
        check_decodes(ENC_BASE64_STANDARD, text, n, NULL);
}

static void padding_and_white_space_do_not_decode(void **state)
{
    static const char *const texts[] = {
        "Zg==",     "Zm8=",     "====",     "=",        "Zm9vYg==",   "Zm9vYg=",
        "Zm9v\n",   " Zm9",     "Zm9v\r\n", "Zm9vYmE=", "Zm 9v",      "Zm9vYmFyZg==",
        "Zm9vYmF=", "Zg==Zm9v", "Zm9v Zm9", "Zm9v=m9v", "Zm9vZm9v\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_decodes(ENC_BASE64_STANDARD, texts[i], strlen(texts[i]), NULL);
        check_decodes(ENC_BASE64_URL, texts[i], strlen(texts[i]), NULL);
    }
}

static void the_alphabets_do_not_mix(void **state)
{
    const uint8_t bytes[] = {0xfb, 0xff, 0xbf};

    (void)state;
    check_decodes(ENC_BASE64_STANDARD, "+/+/", 4, bytes);
    check_decodes(ENC_BASE64_URL, "-_-_", 4, bytes);
    for (const char *text = "-_+/"; *text != '\0'; text++) {
        char group[] = {'A', 'A', 'A', *text};
        bool is_url = *text == '-' || *text == '_';
        uint8_t out[3];
        assert_int_equal(enc_base64_decode_bare(ENC_BASE64_STANDARD, group, 4, out), !is_url);
        assert_int_equal(enc_base64_decode_bare(ENC_BASE64_URL, group, 4, out), is_url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_encode_and_decode),
        cmocka_unit_test(an_all_zero_encoder_writes_the_standard_alphabet),
        cmocka_unit_test(any_pieces_give_what_the_whole_gives),
        cmocka_unit_test(any_split_gives_what_the_whole_gives),
        cmocka_unit_test(a_finished_encoder_is_fresh_and_keeps_its_alphabet),
        cmocka_unit_test(every_pair_of_characters_is_in_the_tables),
        cmocka_unit_test(every_length_round_trips_without_padding),
        cmocka_unit_test(only_canonical_text_decodes),
        cmocka_unit_test(a_single_character_behind_the_last_group_does_not_decode),
        cmocka_unit_test(padding_and_white_space_do_not_decode),
        cmocka_unit_test(the_alphabets_do_not_mix),
    };
    int n_failed = 0;

    for (unsigned level = 0; level < ENC_CPU_N_LEVELS; level++) {
        if (use_level(level))
            n_failed += cmocka_run_group_tests_name(enc_cpu_level_name(level), tests, NULL, NULL);
    }
    use_highest_level();
    return n_failed;
}
