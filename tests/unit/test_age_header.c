// SPDX-License-Identifier: Apache-2.0
// The grammar of an age header: each rule, kept and broken, and read in every cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age_header.h"

// clang-format off
#define C8 "AAAAAAAA"
#define C40 C8 C8 C8 C8 C8
#define C43 C40 "AAA"
#define C63 C40 C8 C8 "AAAAAAA"
#define C64 C40 C8 C8 C8
#define V1 "age-encryption.org/v1\n"
#define STANZA "-> X25519 SVrzdFfkPxf0LPHOUGB1gNb9E5Vr8EUDa9kxk04iQ0o\n" C43 "\n"
#define MAC "--- " C43 "\n"
// clang-format on

struct header_case {
    const char *label;
    const char *text; // n bytes: a header, or something close to one
    size_t n;
    size_t n_after; // bytes of it that are behind the header
    enum enc_status status;
};

#define BAD(label, text)                                                                           \
    {                                                                                              \
        label, text, sizeof(text) - 1, 0, ENC_AGE_HEADER                                           \
    }
#define GOOD_AND(label, text, after)                                                               \
    {                                                                                              \
        label, text after, sizeof(text after) - 1, sizeof(after) - 1, ENC_OK                       \
    }
#define GOOD(label, text) GOOD_AND(label, text, "")

static const struct header_case cases[] = {
    GOOD("one stanza", V1 STANZA MAC),
    GOOD("two stanzas", V1 STANZA STANZA MAC),
    GOOD("the lowest and the highest argument characters", V1 "-> ! ~ !~\n\n" MAC),
    GOOD("an argument of marks", V1 "-> -> --- ->\n\n" MAC),
    GOOD("a body of 63 characters", V1 "-> a\n" C43 C8 C8 "AAA\n" MAC),
    GOOD("a body of 64 characters and an empty line", V1 "-> a\n" C64 "\n\n" MAC),
    GOOD("a body of two full lines and a short one", V1 "-> a\n" C64 "\n" C64 "\nAA\n" MAC),
    GOOD("an empty body", V1 "-> a\n\n" MAC),
    GOOD("both characters beside letters and digits", V1 "-> a\n+/09\n" MAC),
    GOOD_AND("a line feed behind it", V1 STANZA MAC, "\n"),
    GOOD_AND("a nonce behind it", V1 STANZA MAC, "\x01\xff\r\n0123456789ab"),
    GOOD_AND("another header behind it", V1 STANZA MAC, V1 STANZA MAC),

    BAD("no version", STANZA MAC),
    BAD("an empty version line", "\n" STANZA MAC),
    BAD("another version", "age-encryption.org/v2\n" STANZA MAC),
    BAD("a longer version", "age-encryption.org/v11\n" STANZA MAC),
    BAD("a shorter version", "age-encryption.org/v\n" STANZA MAC),
    BAD("another name", "age-encryption.com/v1\n" STANZA MAC),
    BAD("another case", "Age-encryption.org/v1\n" STANZA MAC),
    BAD("a space behind the version", "age-encryption.org/v1 \n" STANZA MAC),
    BAD("a space before the version", " " V1 STANZA MAC),
    BAD("a line feed before the version", "\n" V1 STANZA MAC),
    BAD("the version twice", V1 V1 STANZA MAC),
    BAD("a NUL for the version's line feed", "age-encryption.org/v1\0" STANZA MAC),
    BAD("CR LF behind the version", "age-encryption.org/v1\r\n" STANZA MAC),
    BAD("CR for LF behind the version", "age-encryption.org/v1\r" STANZA MAC),

    BAD("no stanza", V1 MAC),
    BAD("an empty line before a stanza", V1 "\n" STANZA MAC),
    BAD("an empty line behind a stanza", V1 STANZA "\n" MAC),
    BAD("no space behind the mark", V1 "->a\n\n" MAC),
    BAD("no argument", V1 "->\n\n" MAC),
    BAD("an empty argument", V1 "-> \n\n" MAC),
    BAD("an empty argument in front", V1 "->  a\n\n" MAC),
    BAD("an empty argument in the middle", V1 "-> a  b\n\n" MAC),
    BAD("an empty argument at the end", V1 "-> a \n\n" MAC),
    BAD("a tab between arguments", V1 "-> a\tb\n\n" MAC),
    BAD("a tab behind the mark", V1 "->\ta\n\n" MAC),
    BAD("a NUL in an argument", V1 "-> a\0b\n\n" MAC),
    BAD("DEL in an argument", V1 "-> a\x7f\n\n" MAC),
    BAD("UTF-8 in an argument", V1 "-> \xc3\xa9\n\n" MAC),
    BAD("0x80 in an argument", V1 "-> \x80\n\n" MAC),
    BAD("0xff in an argument", V1 "-> a\xff\n\n" MAC),
    BAD("0x1f in an argument", V1 "-> \x1f\n\n" MAC),
    BAD("CR LF behind the arguments", V1 "-> a\r\n\n" MAC),
    BAD("half a mark", V1 "-a\n\n" MAC),
    BAD("another mark", V1 "-= a\n\n" MAC),
    BAD("a space before the mark", V1 " -> a\n\n" MAC),

    BAD("a body line of 65 characters", V1 "-> a\n" C64 "A\n" MAC),
    BAD("a body line of 68 characters", V1 "-> a\n" C64 "AAAA\n" MAC),
    BAD("a body line of 66 characters and a short one", V1 "-> a\n" C64 "AA\n\n" MAC),
    BAD("a body line of 68 characters and a short one", V1 "-> a\n" C64 "AAAA\nAA\n" MAC),
    BAD("a full line with no short one behind it", V1 "-> a\n" C64 "\n" MAC),
    BAD("a full line before a stanza", V1 "-> a\n" C64 "\n" STANZA MAC),
    BAD("a short line that is followed by more", V1 "-> a\nAAAA\nAAAA\n" MAC),
    BAD("no body", V1 "-> a\n" MAC),
    BAD("no body before a stanza", V1 "-> a\n-> b\n\n" MAC),
    BAD("padding in a body", V1 "-> a\nAA==\n" MAC),
    BAD("one '=' in a body", V1 "-> a\nAAA=\n" MAC),
    BAD("a body of 4k + 1 characters", V1 "-> a\nAAAAA\n" MAC),
    BAD("unused bits in a body of 4k + 2", V1 "-> a\nAB\n" MAC),
    BAD("unused bits in a body of 4k + 3", V1 "-> a\nAAB\n" MAC),
    BAD("base64url in a body", V1 "-> a\n-_AA\n" MAC),
    BAD("a space in a body", V1 "-> a\nAA AA\n" MAC),
    BAD("a space behind a body", V1 "-> a\nAAAA \n" MAC),
    BAD("a tab before a body", V1 "-> a\n\tAAA\n" MAC),
    BAD("CR LF behind a body", V1 "-> a\nAAAA\r\n" MAC),
    BAD("CR LF behind a full line", V1 "-> a\n" C64 "\r\n\n" MAC),
    BAD("CR LF as an empty body", V1 "-> a\n\r\n" MAC),
    BAD("a NUL in a body", V1 "-> a\nAA\0A\n" MAC),
    BAD("0xff in a body", V1 "-> a\nAA\xff"
                             "A\n" MAC),

    BAD("a MAC of 42 characters", V1 STANZA "--- " C40 "AA\n"),
    BAD("a MAC of 44 characters", V1 STANZA "--- " C43 "A\n"),
    BAD("a MAC with padding", V1 STANZA "--- " C43 "=\n"),
    BAD("a MAC with unused bits", V1 STANZA "--- " C40 "AAB\n"),
    BAD("a MAC of base64url", V1 STANZA "--- -_A" C40 "\n"),
    BAD("an empty MAC", V1 STANZA "--- \n"),
    BAD("no space and no MAC", V1 STANZA "---\n"),
    BAD("no space before the MAC", V1 STANZA "---" C43 "\n"),
    BAD("two spaces before the MAC", V1 STANZA "---  " C43 "\n"),
    BAD("a tab before the MAC", V1 STANZA "---\t" C43 "\n"),
    BAD("a space behind the MAC", V1 STANZA "--- " C43 " \n"),
    BAD("CR LF behind the MAC", V1 STANZA "--- " C43 "\r\n"),
    BAD("four dashes", V1 STANZA "---- " C43 "\n"),
    BAD("two dashes", V1 STANZA "-- " C43 "\n"),
    BAD("an argument behind the MAC", V1 STANZA "--- " C43 " a\n"),
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static uint8_t storage[ENC_AGE_HEADER_MAX];

struct outcome {
    enum enc_status status;
    size_t n_taken;
    bool is_whole;
    struct enc_age_header_reader reader;
};

// Gives one piece, of exactly its size, until it is taken or an end is reached.
static void read_piece(struct outcome *outcome, const char *bytes, size_t n)
{
    uint8_t *piece = malloc(n > 0 ? n : 1);
    size_t n_taken = 0;

    assert_non_null(piece);
    memcpy(piece, bytes, n);
    outcome->status = enc_age_header_read(&outcome->reader, piece, n, &n_taken, &outcome->is_whole);
    if (outcome->status == ENC_OK) {
        assert_in_range(n_taken, outcome->is_whole ? 0 : n, n);
        outcome->n_taken += n_taken;
    }
    free(piece);
}

// The first piece has n_first bytes, the others n_piece.
static void read_in_pieces(struct outcome *outcome, const char *bytes, size_t n, size_t n_first,
                           size_t n_piece)
{
    *outcome = (struct outcome){.n_taken = 0};
    memset(storage, 0xa5, sizeof(storage));
    enc_age_header_reader_init(&outcome->reader, storage);
    for (size_t at = 0; at < n && outcome->status == ENC_OK && !outcome->is_whole;) {
        size_t n_now = at == 0 ? n_first : n_piece;
        n_now = n_now < n - at ? n_now : n - at;
        read_piece(outcome, bytes + at, n_now);
        at += n_now;
    }
}

static void check_case(const struct header_case *c, size_t n_first, size_t n_piece)
{
    struct outcome outcome;

    read_in_pieces(&outcome, c->text, c->n, n_first, n_piece);
    if (outcome.status != c->status)
        fail_msg("%s, in pieces of %zu and %zu: %s", c->label, n_first, n_piece,
                 enc_status_name(outcome.status));
    if (c->status != ENC_OK)
        return;
    assert_true(outcome.is_whole);
    assert_int_equal(outcome.n_taken, c->n - c->n_after);
    assert_int_equal(outcome.reader.n, outcome.n_taken);
    assert_memory_equal(storage, c->text, outcome.n_taken);
    assert_int_equal(outcome.reader.n_signed, outcome.n_taken - 45);
}

static void each_rule_holds_whole_byte_by_byte_and_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        check_case(&cases[i], SIZE_MAX, SIZE_MAX);
        check_case(&cases[i], 1, 1);
        for (size_t split = 1; split < cases[i].n; split++)
            check_case(&cases[i], split, SIZE_MAX);
    }
}

// What is wrong is refused with the line feed of its line, not at the end of the header.
static void a_line_that_is_wrong_is_refused_as_soon_as_it_is_complete(void **state)
{
    static const char *const lines[] = {"age-encryption.org/v2\n", V1 "->\n", V1 "-> a\n=\n",
                                        V1 MAC};
    struct outcome outcome;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        size_t n = strlen(lines[i]);
        read_in_pieces(&outcome, lines[i], n - 1, 1, 1);
        assert_int_equal(outcome.status, ENC_OK);
        read_piece(&outcome, "\n", 1);
        assert_int_equal(outcome.status, ENC_AGE_HEADER);
    }
}

static void a_header_that_is_cut_off_is_not_whole(void **state)
{
    static const char text[] = V1 STANZA "-> a\n" C64 "\n\n" MAC;
    struct outcome outcome;

    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        read_in_pieces(&outcome, text, n, n, SIZE_MAX);
        assert_int_equal(outcome.status, ENC_OK);
        assert_false(outcome.is_whole);
        assert_int_equal(outcome.n_taken, n);
    }
}

static void no_bytes_at_all_are_fine_at_any_time(void **state)
{
    static const char text[] = V1 STANZA MAC;
    struct outcome outcome;

    (void)state;
    read_in_pieces(&outcome, text, 0, 0, 0);
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        read_piece(&outcome, "", 0);
        assert_int_equal(outcome.status, ENC_OK);
        assert_false(outcome.is_whole);
        read_piece(&outcome, text + at, 1);
    }
    read_piece(&outcome, "", 0);
    assert_true(outcome.is_whole);
}

static void behind_its_end_a_header_takes_nothing(void **state)
{
    static const char text[] = V1 STANZA MAC;
    struct outcome outcome;

    (void)state;
    read_in_pieces(&outcome, text, sizeof(text) - 1, SIZE_MAX, SIZE_MAX);
    assert_true(outcome.is_whole);
    outcome.is_whole = false;
    read_piece(&outcome, V1, sizeof(V1) - 1);
    assert_int_equal(outcome.status, ENC_OK);
    assert_true(outcome.is_whole);
    assert_int_equal(outcome.n_taken, sizeof(text) - 1);
}

static void the_mac_is_that_of_the_last_line(void **state)
{
    static const char text[] = V1 STANZA "--- //////////////////////////////////////////8\n";
    struct outcome outcome;

    (void)state;
    read_in_pieces(&outcome, text, sizeof(text) - 1, 1, 1);
    assert_true(outcome.is_whole);
    for (size_t i = 0; i < ENC_AGE_MAC; i++)
        assert_int_equal(outcome.reader.mac[i], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_holds_whole_byte_by_byte_and_in_every_split),
        cmocka_unit_test(a_line_that_is_wrong_is_refused_as_soon_as_it_is_complete),
        cmocka_unit_test(a_header_that_is_cut_off_is_not_whole),
        cmocka_unit_test(no_bytes_at_all_are_fine_at_any_time),
        cmocka_unit_test(behind_its_end_a_header_takes_nothing),
        cmocka_unit_test(the_mac_is_that_of_the_last_line),
    };
    return cmocka_run_group_tests_name("age_header", tests, NULL, NULL);
}
