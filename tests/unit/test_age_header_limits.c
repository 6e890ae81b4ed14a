// SPDX-License-Identifier: Apache-2.0
// What an age header may grow to: each limit, and one past it. No cut of it changes what is said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age_header.h"

#define V1 "age-encryption.org/v1\n"
#define MAC "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define STANZA_SMALLEST "-> a\n\n"

static uint8_t storage[ENC_AGE_HEADER_MAX];
static char text[2 * ENC_AGE_HEADER_MAX];
static size_t n_text;

static void begin(void)
{
    n_text = 0;
}

static void append(const char *more)
{
    size_t n = strlen(more);

    assert_in_range(n, 0, sizeof(text) - n_text);
    memcpy(text + n_text, more, n);
    n_text += n;
}

static void append_times(char c, size_t n)
{
    assert_in_range(n, 0, sizeof(text) - n_text);
    memset(text + n_text, c, n);
    n_text += n;
}

// Reads the text in pieces. Returns what came of it, and how far it was taken.
static enum enc_status read_text(size_t n_piece, size_t *ret_taken, bool *ret_is_whole)
{
    struct enc_age_header_reader reader;
    enum enc_status st = ENC_OK;

    *ret_taken = 0;
    *ret_is_whole = false;
    enc_age_header_reader_init(&reader, storage);
    for (size_t at = 0; at < n_text && st == ENC_OK && !*ret_is_whole;) {
        size_t n = n_piece < n_text - at ? n_piece : n_text - at, n_taken = 0;
        st = enc_age_header_read(&reader, (const uint8_t *)text + at, n, &n_taken, ret_is_whole);
        at += n;
        *ret_taken += n_taken;
    }
    return st;
}

static void assert_reads(enum enc_status expected)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 7, 64, 4095, 4096, 4097, 65535};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t n_taken;
        bool is_whole;
        assert_int_equal(read_text(pieces[i], &n_taken, &is_whole), expected);
        assert_int_equal(is_whole, expected == ENC_OK);
        if (is_whole)
            assert_int_equal(n_taken, n_text);
    }
}

static void a_line_has_at_most_4096_characters(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        begin();
        append(V1 "-> ");
        append_times('a', ENC_AGE_LINE_MAX - 3 + over);
        append("\n\n" MAC);
        assert_reads(over ? ENC_AGE_HEADER_TOO_LARGE : ENC_OK);
    }
}

static void a_stanza_has_at_most_16_arguments(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        begin();
        append(V1 "->");
        for (size_t i = 0; i < ENC_AGE_ARGS_MAX + over; i++)
            append(" a");
        append("\n\n" MAC);
        assert_reads(over ? ENC_AGE_HEADER_TOO_LARGE : ENC_OK);
    }
}

static void a_header_has_at_most_1024_stanzas(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        begin();
        append(V1);
        for (size_t i = 0; i < ENC_AGE_STANZAS_MAX + over; i++)
            append(STANZA_SMALLEST);
        append(MAC);
        assert_reads(over ? ENC_AGE_HEADER_TOO_LARGE : ENC_OK);
    }
}

// Stanzas of 1000 bytes, and one that fills what is left.
static void make_header_of(size_t n)
{
    begin();
    append(V1);
    while (n - n_text > 2200) {
        append("-> ");
        append_times('b', 1000 - 5);
        append("\n\n");
    }
    append("-> ");
    append_times('c', n - n_text - 2 - (sizeof(MAC) - 1));
    append("\n\n" MAC);
    assert_int_equal(n_text, n);
}

static void a_header_has_at_most_65536_bytes(void **state)
{
    (void)state;
    make_header_of(ENC_AGE_HEADER_MAX - 1);
    assert_reads(ENC_OK);
    make_header_of(ENC_AGE_HEADER_MAX);
    assert_reads(ENC_OK);
    make_header_of(ENC_AGE_HEADER_MAX + 1);
    assert_reads(ENC_AGE_HEADER_TOO_LARGE);
    make_header_of(ENC_AGE_HEADER_MAX + 4000);
    assert_reads(ENC_AGE_HEADER_TOO_LARGE);
}

// A body counts too, though no line of it is long.
static void a_body_of_a_mebibyte_is_too_large(void **state)
{
    (void)state;
    begin();
    append(V1 "-> a\n");
    while (n_text < sizeof(text) - 65) {
        append_times('A', 64);
        append("\n");
    }
    assert_reads(ENC_AGE_HEADER_TOO_LARGE);
}

static void ten_thousand_stanzas_are_refused_at_the_1025th(void **state)
{
    struct enc_age_header_reader reader;
    enum enc_status st = ENC_OK;
    size_t n_taken, n_read = 0;
    bool is_whole;

    (void)state;
    begin();
    append(V1);
    for (size_t i = 0; i < 10000; i++)
        append(STANZA_SMALLEST);
    append(MAC);
    assert_reads(ENC_AGE_HEADER_TOO_LARGE);

    enc_age_header_reader_init(&reader, storage);
    for (; n_read < n_text && st == ENC_OK; n_read++)
        st = enc_age_header_read(&reader, (uint8_t *)text + n_read, 1, &n_taken, &is_whole);
    assert_int_equal(st, ENC_AGE_HEADER_TOO_LARGE);
    assert_int_equal(n_read, strlen(V1) + ENC_AGE_STANZAS_MAX * strlen(STANZA_SMALLEST) + 5);
}

// Bytes without an end, as many as somebody cares to send: refused within a line's length of them.
static void an_endless_line_is_refused_after_4096_characters(void **state)
{
    static const char *const begins[] = {"",          "age-encryption.org/v1", V1, V1 "-> ",
                                         V1 "-> a\n", V1 "-> a\nAAAA\n--- "};

    (void)state;
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        const char *line = strrchr(begins[i], '\n');
        size_t n_line = strlen(line ? line + 1 : begins[i]), n_taken;
        bool is_whole;
        begin();
        append(begins[i]);
        append_times('A', ENC_AGE_LINE_MAX - n_line);
        assert_int_equal(read_text(1, &n_taken, &is_whole), ENC_OK);
        append("A");
        assert_reads(ENC_AGE_HEADER_TOO_LARGE);
    }
}

static void a_gibibyte_of_a_line_is_not_waited_for(void **state)
{
    static uint8_t piece[65536];
    struct enc_age_header_reader reader;
    enum enc_status st = ENC_OK;
    uint64_t n_given = 0;
    size_t n_taken;
    bool is_whole;

    (void)state;
    memset(piece, 'A', sizeof(piece));
    for (size_t n = 1; n <= sizeof(piece); n *= 4) {
        enc_age_header_reader_init(&reader, storage);
        st = ENC_OK;
        for (n_given = 0; n_given < (uint64_t)1 << 30 && st == ENC_OK; n_given += n)
            st = enc_age_header_read(&reader, piece, n, &n_taken, &is_whole);
        assert_int_equal(st, ENC_AGE_HEADER_TOO_LARGE);
        assert_in_range(n_given, 1, ENC_AGE_LINE_MAX + n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_at_most_4096_characters),
        cmocka_unit_test(a_stanza_has_at_most_16_arguments),
        cmocka_unit_test(a_header_has_at_most_1024_stanzas),
        cmocka_unit_test(a_header_has_at_most_65536_bytes),
        cmocka_unit_test(a_body_of_a_mebibyte_is_too_large),
        cmocka_unit_test(ten_thousand_stanzas_are_refused_at_the_1025th),
        cmocka_unit_test(an_endless_line_is_refused_after_4096_characters),
        cmocka_unit_test(a_gibibyte_of_a_line_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("age_header_limits", tests, NULL, NULL);
}
