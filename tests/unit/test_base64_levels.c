// SPDX-License-Identifier: Apache-2.0
// Tests of base64 where it works in wide steps: with each level of the processor's instructions,
// against a plain encoder, the portable level and OpenSSL, and between pages that nobody may touch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base64_reference.h"
#include "cpu_levels.h"
#include "enc_base64.h"

// Several steps of the widest level, and all that can be left over.
#define N_MAX 400
#define N_SPLIT 201
#define N_TEXT ENC_BASE64_SIZE(N_MAX)

static enum enc_cpu_level level; // under test

// OpenSSL knows the standard alphabet alone.
static void to_standard(enum enc_base64_alphabet alphabet, char *text, size_t n)
{
    for (size_t i = 0; i < n && alphabet == ENC_BASE64_URL; i++) {
        if (text[i] == '-')
            text[i] = '+';
        else if (text[i] == '_')
            text[i] = '/';
    }
}

// Encodes with padding to a block of exactly that size, in two pieces, the first of `at` bytes.
static char *encode_split(enum enc_base64_alphabet alphabet, const uint8_t *bytes, size_t n,
                          size_t at)
{
    struct enc_base64_encoder encoder = {.alphabet = alphabet};
    uint8_t *first = exactly(bytes, at), *second = exactly(bytes + at, n - at);
    char *text = exactly(NULL, ENC_BASE64_SIZE(n));
    size_t n_out = enc_base64_update(&encoder, first, at, text);

    assert_int_equal(n_out, at / 3 * 4);
    n_out += enc_base64_update(&encoder, second, n - at, text + n_out);
    assert_int_equal(n_out, n / 3 * 4);
    n_out += enc_base64_finish(&encoder, text + n_out);
    assert_int_equal(n_out, ENC_BASE64_SIZE(n));
    free(first);
    free(second);
    return text;
}

static void check_against_reference(enum enc_base64_alphabet alphabet, const char *text,
                                    const uint8_t *bytes, size_t n)
{
    char *expected = exactly(NULL, ENC_BASE64_BARE_SIZE(n));
    size_t n_expected = base64_reference(alphabet, bytes, n, expected);

    assert_int_equal(n_expected, ENC_BASE64_BARE_SIZE(n));
    assert_memory_equal(text, expected, n_expected);
    free(expected);
}

static void check_against_openssl(enum enc_base64_alphabet alphabet, const char *text,
                                  const uint8_t *bytes, size_t n)
{
    size_t n_text = ENC_BASE64_SIZE(n);
    char *own = exactly(text, n_text), *expected = exactly(NULL, n_text + 1);
    uint8_t *decoded = exactly(NULL, n_text / 4 * 3);

    to_standard(alphabet, own, n_text);
    assert_int_equal(EVP_EncodeBlock((uint8_t *)expected, bytes, (int)n), n_text);
    assert_memory_equal(own, expected, n_text);
    assert_int_equal(EVP_DecodeBlock(decoded, (uint8_t *)own, (int)n_text), n_text / 4 * 3);
    assert_memory_equal(decoded, bytes, n);
    free(own);
    free(expected);
    free(decoded);
}

static void check_length(enum enc_base64_alphabet alphabet, const uint8_t *bytes, size_t n)
{
    size_t n_bare = ENC_BASE64_BARE_SIZE(n);
    char *padded = encode_split(alphabet, bytes, n, n);
    uint8_t *in = exactly(bytes, n), *decoded = exactly(NULL, n);
    char *bare = exactly(NULL, n_bare);

    check_against_reference(alphabet, padded, bytes, n);
    check_against_openssl(alphabet, padded, bytes, n);
    enc_base64_encode_bare(alphabet, in, n, bare);
    assert_memory_equal(bare, padded, n_bare);
    assert_true(enc_base64_decode_bare(alphabet, bare, n_bare, decoded));
    assert_memory_equal(decoded, bytes, n);
    free(padded);
    free(in);
    free(decoded);
    free(bare);
}

static void every_length_is_as_the_reference_and_openssl_say(void **state)
{
    uint8_t bytes[N_MAX];

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        fill(bytes, n, (unsigned)n);
        check_length(ENC_BASE64_STANDARD, bytes, n);
        check_length(ENC_BASE64_URL, bytes, n);
    }
}

static void large_pieces_are_as_the_reference_and_openssl_say(void **state)
{
    static const size_t sizes[] = {4095, 4096, 12288, 65521, 65536, 100003};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *bytes = exactly(NULL, sizes[i]);
        fill(bytes, sizes[i], (unsigned)i);
        check_length(ENC_BASE64_STANDARD, bytes, sizes[i]);
        check_length(ENC_BASE64_URL, bytes, sizes[i]);
        free(bytes);
    }
}

static void any_split_gives_what_the_whole_gives(void **state)
{
    uint8_t bytes[N_SPLIT];

    (void)state;
    fill(bytes, N_SPLIT, 5);
    for (size_t n = 0; n <= N_SPLIT; n++) {
        for (size_t at = 0; at <= n; at++) {
            enum enc_base64_alphabet alphabet = (enum enc_base64_alphabet)(at % 2);
            char *text = encode_split(alphabet, bytes, n, at);
            check_against_reference(alphabet, text, bytes, n);
            free(text);
        }
    }
}

// Every value of six bits in every place of a step: what is wrong in one row of a table shows.
static void every_value_stands_in_every_place(void **state)
{
    char text[256], again[256];
    uint8_t bytes[192];

    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        for (unsigned alphabet = 0; alphabet < 2; alphabet++) {
            for (size_t i = 0; i < sizeof(text); i++)
                text[i] = base64_alphabets[alphabet][(i + shift) % 64];
            assert_true(enc_base64_decode_bare((enum enc_base64_alphabet)alphabet, text,
                                               sizeof(text), bytes));
            base64_reference((enum enc_base64_alphabet)alphabet, bytes, sizeof(bytes), again);
            assert_memory_equal(again, text, sizeof(text));
            enc_base64_encode_bare((enum enc_base64_alphabet)alphabet, bytes, sizeof(bytes), again);
            assert_memory_equal(again, text, sizeof(text));
        }
    }
}

static bool is_in_alphabet(enum enc_base64_alphabet alphabet, int c)
{
    return memchr(base64_alphabets[alphabet], c, 64) != NULL;
}

// Whether a text decodes, with the level under test. What it decodes to must encode to it again.
static bool decodes(enum enc_base64_alphabet alphabet, const char *text, size_t n_text)
{
    size_t n = ENC_BASE64_BARE_BYTES(n_text);
    char *in = exactly(text, n_text);
    uint8_t *out = exactly(NULL, n);
    bool is_good = enc_base64_decode_bare(alphabet, in, n_text, out);

    if (is_good)
        check_against_reference(alphabet, text, out, n);
    free(in);
    free(out);
    return is_good;
}

// Which of 256 characters are good in one place of a text.
static void verdicts(enum enc_base64_alphabet alphabet, char *text, size_t n_text, size_t at,
                     bool is_good[static 256])
{
    char before = text[at];

    for (int c = 0; c < 256; c++) {
        text[at] = (char)c;
        is_good[c] = decodes(alphabet, text, n_text);
    }
    text[at] = before;
}

// The last character of part of a group has unused bits, so that only the portable level says.
static void check_place(enum enc_base64_alphabet alphabet, char *text, size_t n_text, size_t at)
{
    bool is_good[256], is_good_portably[256];

    verdicts(alphabet, text, n_text, at, is_good);
    for (int c = 0; c < 256 && (at + 1 < n_text || n_text % 4 == 0); c++)
        assert_int_equal(is_good[c], is_in_alphabet(alphabet, c));
    enc_cpu_use(ENC_CPU_PORTABLE);
    verdicts(alphabet, text, n_text, at, is_good_portably);
    enc_cpu_use(level);
    assert_memory_equal(is_good, is_good_portably, sizeof(is_good));
}

static void every_wrong_character_is_found_in_every_place(void **state)
{
    // One step of the widest level; one and some more; two and less than the narrowest one.
    static const size_t sizes[] = {64, 106, 143};
    uint8_t bytes[N_MAX];
    char text[N_TEXT];

    (void)state;
    fill(bytes, sizeof(bytes), 11);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (unsigned alphabet = 0; alphabet < 2; alphabet++) {
            size_t n_text = base64_reference((enum enc_base64_alphabet)alphabet, bytes,
                                             ENC_BASE64_BARE_BYTES(sizes[i]), text);
            assert_int_equal(n_text, sizes[i]);
            for (size_t at = 0; at < n_text; at++)
                check_place((enum enc_base64_alphabet)alphabet, text, n_text, at);
        }
    }
}

// Of the last character 16 values are good where a byte ends the text, 4 of them in half a group.
static void unused_bits_are_zero_behind_wide_steps(void **state)
{
    char text[N_TEXT];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t n_text = 2; n_text <= N_TEXT; n_text++) {
        static const unsigned good_values[] = {64, 0, 4, 16};
        unsigned n_good = 0;
        for (unsigned value = 0; value < 64; value++) {
            text[n_text - 1] = base64_alphabets[ENC_BASE64_URL][value];
            n_good += decodes(ENC_BASE64_URL, text, n_text);
        }
        assert_int_equal(n_good, good_values[n_text % 4]);
        text[n_text - 1] = 'x';
    }
}

static void padding_and_white_space_do_not_decode_anywhere(void **state)
{
    static const char *const strangers[] = {"=", "==", "===", "\n", "\r\n", " ", "\t", "====", ""};
    char text[N_TEXT];

    (void)state;
    for (size_t n_text = 0; n_text <= 150; n_text++) {
        for (size_t i = 0; strangers[i][0] != '\0'; i++) {
            size_t n = strlen(strangers[i]);
            for (size_t at = 0; at <= n_text; at++) {
                memset(text, 'A', n_text + n);
                memcpy(text + at, strangers[i], n);
                assert_false(decodes(ENC_BASE64_STANDARD, text, n_text + n));
            }
        }
    }
}

static void wide_steps_find_several_wrong_characters_too(void **state)
{
    char text[256];

    (void)state;
    for (int c = 0; c < 256; c++) {
        memset(text, c, sizeof(text));
        for (unsigned alphabet = 0; alphabet < 2; alphabet++)
            assert_int_equal(decodes((enum enc_base64_alphabet)alphabet, text, sizeof(text)),
                             is_in_alphabet((enum enc_base64_alphabet)alphabet, c));
    }
}

// A page with one on either side that nobody may touch. Sanitizers do not look into instructions.
#define PAGE ((size_t)4096)

static uint8_t *fenced_page(void)
{
    uint8_t *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
    return pages + PAGE;
}

// Whether all of a page but n bytes from `at` on is as it was filled.
static void check_rest(const uint8_t *page, const uint8_t *at, size_t n)
{
    for (const uint8_t *byte = page; byte < page + PAGE; byte++) {
        if (byte < at || byte >= at + n)
            assert_int_equal(*byte, '!');
    }
}

// At the beginnings of two pages, or at their ends.
static void check_between_fences(uint8_t *bytes_page, uint8_t *text_page, size_t n, bool at_end)
{
    size_t n_text = ENC_BASE64_BARE_SIZE(n);
    uint8_t *bytes = at_end ? bytes_page + PAGE - n : bytes_page;
    uint8_t *text = at_end ? text_page + PAGE - n_text : text_page;

    memset(text_page, '!', PAGE);
    fill(bytes, n, (unsigned)n);
    enc_base64_encode_bare(ENC_BASE64_URL, bytes, n, (char *)text);
    check_against_reference(ENC_BASE64_URL, (char *)text, bytes, n);
    check_rest(text_page, text, n_text);
    memset(bytes_page, '!', PAGE);
    assert_true(enc_base64_decode_bare(ENC_BASE64_URL, (char *)text, n_text, bytes));
    check_against_reference(ENC_BASE64_URL, (char *)text, bytes, n);
    check_rest(bytes_page, bytes, n);
    // What does not decode, too.
    memset(bytes_page, '!', PAGE);
    if (n > 0)
        text[n_text / 2] = '=';
    assert_int_equal(enc_base64_decode_bare(ENC_BASE64_URL, (char *)text, n_text, bytes), n == 0);
    check_rest(bytes_page, bytes, n);
}

static void nothing_around_is_read_or_written(void **state)
{
    uint8_t *bytes_page = fenced_page(), *text_page = fenced_page();

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        check_between_fences(bytes_page, text_page, n, true);
        check_between_fences(bytes_page, text_page, n, false);
    }
    munmap(bytes_page - PAGE, 3 * PAGE);
    munmap(text_page - PAGE, 3 * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_around_is_read_or_written),
        cmocka_unit_test(every_length_is_as_the_reference_and_openssl_say),
        cmocka_unit_test(large_pieces_are_as_the_reference_and_openssl_say),
        cmocka_unit_test(any_split_gives_what_the_whole_gives),
        cmocka_unit_test(every_value_stands_in_every_place),
        cmocka_unit_test(every_wrong_character_is_found_in_every_place),
        cmocka_unit_test(unused_bits_are_zero_behind_wide_steps),
        cmocka_unit_test(padding_and_white_space_do_not_decode_anywhere),
        cmocka_unit_test(wide_steps_find_several_wrong_characters_too),
    };
    int n_failed = 0;

    for (unsigned i = 0; i < ENC_CPU_N_LEVELS; i++) {
        level = (enum enc_cpu_level)i;
        if (use_level(level))
            n_failed += cmocka_run_group_tests_name(enc_cpu_level_name(level), tests, NULL, NULL);
    }
    use_highest_level();
    return n_failed;
}
