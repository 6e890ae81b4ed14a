// SPDX-License-Identifier: Apache-2.0
// The streaming parser: whole, byte by byte, and split at every point.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "enc_multipart.h"
#include "multipart_bodies.h"

#define PART CRLF "--b" CRLF DISPOSITION "name=file" CRLF CRLF
#define FIRST_PART "--b" CRLF DISPOSITION "name=file" CRLF CRLF

// What a parser said, as text, with the data in one piece however it came.
struct log {
    char text[1 << 18];
    size_t n;
    size_t n_events; // NEEDS_INPUT left out
    size_t n_held;   // bytes of data that came from the parser's delimiter
};

static struct enc_multipart_parser parser;
static struct log whole_log, split_log;

static void log_bytes(struct log *log, const void *bytes, size_t n)
{
    assert_true(n <= sizeof(log->text) - log->n);
    memcpy(log->text + log->n, bytes, n);
    log->n += n;
}

static void log_text(struct log *log, const char *text)
{
    log_bytes(log, text, strlen(text));
}

static void log_part(struct log *log)
{
    log_text(log, parser.part.is_file_field ? "[file" : "[field");
    if (parser.part.has_filename) {
        log_text(log, " ");
        log_bytes(log, parser.part.filename, parser.part.n_filename);
    }
    log_text(log, "]");
}

static void begin(struct log *log, const char *boundary)
{
    struct enc_multipart_boundary b = {.n = strlen(boundary)};

    memcpy(b.chars, boundary, b.n);
    enc_multipart_init(&parser, &b);
    log->n = log->n_events = log->n_held = 0;
}

// Logs events until the parser needs input, is done or has failed. in is what it was given last.
static enum enc_status drain(struct log *log, const uint8_t *in, size_t n_in)
{
    for (;;) {
        enum enc_multipart_event event;
        const uint8_t *data;
        size_t n;
        enum enc_status st = enc_multipart_next(&parser, &event, &data, &n);
        if (st != ENC_OK)
            return st;
        log->n_events += event != ENC_MULTIPART_NEEDS_INPUT;
        switch (event) {
        case ENC_MULTIPART_NEEDS_INPUT:
            return ENC_OK;
        case ENC_MULTIPART_PART_BEGIN:
            log_part(log);
            break;
        case ENC_MULTIPART_DATA:
            assert_true(n > 0);
            if (data >= parser.delimiter && data < parser.delimiter + sizeof(parser.delimiter))
                log->n_held += n;
            else
                assert_true(data >= in && data + n <= in + n_in);
            log_bytes(log, data, n);
            break;
        case ENC_MULTIPART_PART_END:
            log_text(log, "[end]");
            break;
        case ENC_MULTIPART_END:
            log_text(log, "[done]");
            return ENC_OK;
        }
    }
}

// In memory of its own, gone afterwards: a sanitizer sees what is read too far or too late.
static enum enc_status feed(struct log *log, const void *bytes, size_t n)
{
    uint8_t *piece = malloc(n > 0 ? n : 1);

    assert_non_null(piece);
    memcpy(piece, bytes, n);
    enc_multipart_input(&parser, piece, n);
    enum enc_status st = drain(log, piece, n);
    free(piece);
    return st;
}

static enum enc_status finish(struct log *log, enum enc_status st)
{
    if (st == ENC_OK) {
        enc_multipart_input_end(&parser);
        st = drain(log, NULL, 0);
    }
    if (st != ENC_OK) {
        log_text(log, "[");
        log_text(log, enc_status_name(st));
        log_text(log, "]");
    }
    return st;
}

// Parses a body in three pieces.
static enum enc_status parse_cut(struct log *log, const char *boundary, const char *body, size_t n,
                                 size_t cut, size_t cut2)
{
    begin(log, boundary);
    enum enc_status st = feed(log, body, cut);
    if (st == ENC_OK && cut2 > cut)
        st = feed(log, body + cut, cut2 - cut);
    if (st == ENC_OK && n > cut2)
        st = feed(log, body + cut2, n - cut2);
    return finish(log, st);
}

static enum enc_status parse(struct log *log, const char *boundary, const char *body, size_t n)
{
    return parse_cut(log, boundary, body, n, n, n);
}

static enum enc_status parse_bytes(struct log *log, const char *boundary, const char *body,
                                   size_t n)
{
    enum enc_status st = ENC_OK;

    begin(log, boundary);
    for (size_t i = 0; i < n && st == ENC_OK; i++)
        st = feed(log, body + i, 1);
    return finish(log, st);
}

static void expect_split_log_is_whole(const char *what, size_t cut, size_t cut2)
{
    if (split_log.n != whole_log.n || memcmp(split_log.text, whole_log.text, whole_log.n) != 0)
        fail_msg("%s, cut at %zu and %zu:\n%.*s\nwhole:\n%.*s", what, cut, cut2, (int)split_log.n,
                 split_log.text, (int)whole_log.n, whole_log.text);
}

// Leaves what the whole body gives in whole_log.
static void expect_any_split_is_the_same(const char *boundary, const char *body, size_t n,
                                         size_t n_pairs_max)
{
    (void)!parse(&whole_log, boundary, body, n);
    (void)!parse_bytes(&split_log, boundary, body, n);
    expect_split_log_is_whole("byte by byte", 0, 0);
    for (size_t cut = 0; cut <= n; cut++) {
        const size_t last = n <= n_pairs_max ? n : cut;
        for (size_t cut2 = cut; cut2 <= last; cut2++) {
            (void)!parse_cut(&split_log, boundary, body, n, cut, cut2);
            expect_split_log_is_whole(body, cut, cut2);
        }
    }
}

static void expect_log(const char *what, const struct log *log, const char *expected)
{
    if (log->n != strlen(expected) || memcmp(log->text, expected, log->n) != 0)
        fail_msg("%s gave\n%.*s\nand not\n%s", what, (int)log->n, log->text, expected);
}

static void what_clients_send_is_read_the_same_however_it_is_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MULTIPART_BODIES; i++) {
        const struct multipart_body *b = &multipart_bodies[i];
        expect_any_split_is_the_same(b->boundary, b->body, strlen(b->body), 260);
        expect_log(b->client, &whole_log, b->expected);
    }
}

static void look_alikes_of_a_boundary_are_data(void **state)
{
    static const char *const look_alikes[] = {
        "\r",
        "\n",
        "\r\n",
        "\r\n-",
        "\r\n--",
        "\r\n--c",
        "\r\n--b-",
        "\r\n--b-\r",
        "\r\n--b--x",
        "\r\n--bb",
        "\r\n--b\r",
        "\r\n--b\r\r\n--b\r",
        "\r\n--b \r",
        "\r\n--b \r\r\n--b\t\r",
        "\r\n--b\n",
        "\r\n--b--\n",
        "\r\n--b---",
        "\r\n--b- -",
        "\r\n--b --",
        "\r\n--b-x\r\n",
        "\r\r\n--B",
        "\r\n\r\n--b\r\r",
        "\n--b--\r\n",
        "--b-",
        "--bx",
        "--b--\r",
        "-",
        "--b \r",
        "\r\n--b--\r\r\n--b--\rx",
        "\r\n--b-- \t-",
    };
    char body[256], expected[256];

    (void)state;
    for (size_t i = 0; i < sizeof(look_alikes) / sizeof(look_alikes[0]); i++) {
        snprintf(body, sizeof(body), FIRST_PART "%s" CRLF "--b--", look_alikes[i]);
        snprintf(expected, sizeof(expected), "[file]%s[end][done]", look_alikes[i]);
        expect_any_split_is_the_same("b", body, strlen(body), SIZE_MAX);
        expect_log("look-alike at the start", &whole_log, expected);

        snprintf(body, sizeof(body), FIRST_PART "abc%sdef" CRLF "--b--", look_alikes[i]);
        snprintf(expected, sizeof(expected), "[file]abc%sdef[end][done]", look_alikes[i]);
        expect_any_split_is_the_same("b", body, strlen(body), SIZE_MAX);
        expect_log("look-alike in the middle", &whole_log, expected);

        snprintf(body, sizeof(body), "%s" PART CRLF "--b--", look_alikes[i]);
        expect_any_split_is_the_same("b", body, strlen(body), SIZE_MAX);
        expect_log("look-alike in the preamble", &whole_log, "[file][end][done]");
    }
}

// Whether a boundary "b" is at text[p], read as the grammar says it; *ret_closing if it is the
// last.
static bool plain_boundary_at(const char *text, size_t n, size_t p, bool *ret_closing)
{
    if (n - p < 5 || memcmp(text + p, "\r\n--b", 5) != 0)
        return false;
    p += 5;
    *ret_closing = n - p >= 2 && memcmp(text + p, "--", 2) == 0;
    p += *ret_closing ? 2 : 0;
    while (p < n && (text[p] == ' ' || text[p] == '\t'))
        p++;
    return (*ret_closing && p == n) || (n - p >= 2 && memcmp(text + p, "\r\n", 2) == 0);
}

static void random_data_ends_where_a_plain_reading_says(void **state)
{
    static const char alphabet[] = "\r\r\n\n---bb x";
    static const char head[] = FIRST_PART;
    const size_t n_head = sizeof(head) - 1;
    char body[256];
    unsigned seen[2] = {0, 0};
    uint32_t seed = 1;

    (void)state;
    memcpy(body, head, n_head);
    for (unsigned round = 0; round < 60000; round++) {
        size_t n = n_head;
        for (size_t left = round % 24; left > 0; left--) {
            seed = seed * 1664525 + 1013904223;
            // Often a whole delimiter, or the random letters alone would hardly ever make one.
            if (seed >> 29 == 0)
                n += (size_t)sprintf(body + n, "\r\n--b");
            else
                body[n++] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        n += (size_t)sprintf(body + n, "\r\n--b--");

        // The CRLF before the data counts as the delimiter's, if one follows.
        size_t p = n_head - 2;
        bool closing = false;
        while (!plain_boundary_at(body, n, p, &closing))
            p++;
        const size_t n_data = p < n_head ? 0 : p - n_head;
        seen[closing]++;
        (void)!parse(&whole_log, "b", body, n);
        begin(&split_log, "b");
        log_text(&split_log, "[file]");
        log_bytes(&split_log, body + n_head, n_data);
        log_text(&split_log, closing ? "[end][done]" : "[end]");
        if (!closing && whole_log.n > split_log.n)
            whole_log.n = split_log.n;
        expect_split_log_is_whole("plain reading", round, n);
        (void)!parse(&whole_log, "b", body, n);
        (void)!parse_bytes(&split_log, "b", body, n);
        expect_split_log_is_whole("byte by byte", round, n);
    }
    assert_true(seen[0] > 1000 && seen[1] > 1000);
}

static void a_body_that_stops_anywhere_before_its_end_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MULTIPART_BODIES; i++) {
        const struct multipart_body *b = &multipart_bodies[i];
        if (strstr(b->expected, "[done]") == NULL)
            continue;
        // The closing boundary is the first "--boundary--" on a line of its own.
        char closing[80];
        const size_t n_closing = (size_t)sprintf(closing, "--%s--", b->boundary);
        const size_t n = (size_t)(strstr(b->body, closing) - b->body) + n_closing;
        for (size_t cut = 0; cut < n; cut++) {
            assert_int_equal(parse(&whole_log, b->boundary, b->body, cut), ENC_TRUNCATED_BODY);
            assert_int_equal(parse_bytes(&split_log, b->boundary, b->body, cut),
                             ENC_TRUNCATED_BODY);
            expect_split_log_is_whole(b->client, cut, cut);
        }
        assert_int_equal(parse(&whole_log, b->boundary, b->body, n), ENC_OK);
    }
}

static void the_end_comes_only_once_the_input_has_ended(void **state)
{
    (void)state;
    begin(&whole_log, "b");
    assert_int_equal(feed(&whole_log, FIRST_PART "x" CRLF "--b--", strlen(FIRST_PART) + 8), ENC_OK);
    expect_log("before CRLF", &whole_log, "[file]x");
    assert_int_equal(feed(&whole_log, CRLF "more", 6), ENC_OK);
    expect_log("before the end", &whole_log, "[file]x[end]");
    enc_multipart_input_end(&parser);
    assert_int_equal(drain(&whole_log, NULL, 0), ENC_OK);
    assert_int_equal(drain(&whole_log, NULL, 0), ENC_OK);
    expect_log("twice", &whole_log, "[file]x[end][done][done]");
}

static void errors_latch(void **state)
{
    static const char good[] = FIRST_PART "x" CRLF "--b--";

    (void)state;
    begin(&whole_log, "b");
    assert_int_equal(feed(&whole_log, "--b\r\n\r\n", 7), ENC_PART_HEADERS_MALFORMED);
    assert_int_equal(feed(&whole_log, good, sizeof(good) - 1), ENC_PART_HEADERS_MALFORMED);
    enc_multipart_input_end(&parser);
    assert_int_equal(drain(&whole_log, NULL, 0), ENC_PART_HEADERS_MALFORMED);
    assert_int_equal(whole_log.n, 0);
}

static void white_space_behind_a_boundary_has_a_limit(void **state)
{
    char body[512];
    const int max = ENC_MULTIPART_PADDING_MAX;

    (void)state;
    sprintf(body, "--b%*s" CRLF DISPOSITION "name=file" CRLF CRLF "x" CRLF "--b--%*s", max, "", max,
            "");
    expect_any_split_is_the_same("b", body, strlen(body), 0);
    expect_log("the most", &whole_log, "[file]x[end][done]");

    sprintf(body, FIRST_PART "x" CRLF "--b%*s" CRLF "--b--%*s" CRLF "--b--", max + 1, "", max + 1,
            "");
    expect_any_split_is_the_same("b", body, strlen(body), 0);
    char expected[512];
    sprintf(expected, "[file]x" CRLF "--b%*s" CRLF "--b--%*s[end][done]", max + 1, "", max + 1, "");
    expect_log("more", &whole_log, expected);
}

// A body whose one part has a header block of n bytes, with its empty line.
static size_t body_with_headers_of(char *body, size_t n)
{
    static const char head[] = "--b" CRLF, last[] = CRLF DISPOSITION "name=file" CRLF CRLF;
    const size_t n_filler = n - (sizeof(last) - 1);
    size_t at = 0;

    memcpy(body, head, sizeof(head) - 1);
    at += sizeof(head) - 1;
    memset(body + at, 'x', n_filler);
    memcpy(body + at, "X:", 2);
    at += n_filler;
    at += (size_t)sprintf(body + at, "%s%s", last, "data" CRLF "--b--");
    return at;
}

static void part_headers_have_a_limit(void **state)
{
    static char body[ENC_MULTIPART_HEADERS_MAX + 100];
    size_t n = body_with_headers_of(body, ENC_MULTIPART_HEADERS_MAX);

    (void)state;
    expect_any_split_is_the_same("b", body, n, 0);
    expect_log("the most", &whole_log, "[file]data[end][done]");

    n = body_with_headers_of(body, ENC_MULTIPART_HEADERS_MAX + 1);
    expect_any_split_is_the_same("b", body, n, 0);
    expect_log("more", &whole_log, "[part_headers_too_large]");
}

static void parts_have_a_limit(void **state)
{
    static char body[(ENC_MULTIPART_PARTS_MAX + 1) * sizeof(PART) + 32];

    (void)state;
    for (unsigned more = 0; more <= 1; more++) {
        size_t n = 0;
        for (unsigned i = 0; i < ENC_MULTIPART_PARTS_MAX + more; i++)
            n += (size_t)sprintf(body + n, PART);
        n += (size_t)sprintf(body + n, CRLF "--b--");
        const enum enc_status expected = more ? ENC_TOO_MANY_PARTS : ENC_OK;
        assert_int_equal(parse(&whole_log, "b", body, n), expected);
        assert_int_equal(parse_bytes(&split_log, "b", body, n), expected);
        expect_split_log_is_whole("parts", more, 0);
        assert_int_equal(whole_log.n_events, 2 * ENC_MULTIPART_PARTS_MAX + !more);
    }
}

static void the_longest_boundary_works(void **state)
{
    char boundary[ENC_MULTIPART_BOUNDARY_MAX + 1], body[512];

    (void)state;
    memset(boundary, 'q', sizeof(boundary) - 1);
    boundary[sizeof(boundary) - 1] = '\0';
    sprintf(body, "--%s" CRLF DISPOSITION "name=file" CRLF CRLF "%s" CRLF "--%.69s" CRLF "--%s--",
            boundary, boundary, boundary, boundary);
    expect_any_split_is_the_same(boundary, body, strlen(body), 0);
    char expected[512];
    sprintf(expected, "[file]%s" CRLF "--%.69s[end][done]", boundary, boundary);
    expect_log("70 characters", &whole_log, expected);
}

// Repeats unit in a part of about 64 KiB; returns the events that it takes.
static size_t events_of_repeated(const char *unit, size_t *ret_n_held)
{
    static char body[1 << 17];
    size_t n = (size_t)sprintf(body, FIRST_PART);

    while (n < 1 << 16)
        n += (size_t)sprintf(body + n, "%s", unit);
    n += (size_t)sprintf(body + n, CRLF "--b--");
    assert_int_equal(parse(&whole_log, "b", body, n), ENC_OK);
    assert_int_equal(whole_log.n,
                     n - strlen(FIRST_PART) - strlen(CRLF "--b--") + strlen("[file][end][done]"));
    *ret_n_held = whole_log.n_held;
    return whole_log.n_events;
}

static void data_is_a_slice_of_the_input_whatever_it_resembles(void **state)
{
    size_t n_held;

    (void)state;
    // What does not hold a whole delimiter is one slice, and nothing is held back.
    static const char *const harmless[] = {"x",      "\r",        "\r\n", "\r\n-",
                                           "\r\n--", "\r\r\n--a", "--b"};
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        // The data's beginning may be looked at as a candidate: the empty line went before it.
        const size_t n_events = events_of_repeated(harmless[i], &n_held);
        assert_true(n_events <= 3 + 2);
        assert_true(n_held <= strlen("--b--"));
    }
    // What does costs two events a piece: the data before it and the candidate.
    size_t n_events = events_of_repeated("x\r\n--bx", &n_held);
    assert_true(n_events <= 2 * 65536 / 7 + 8);
    n_events = events_of_repeated("\r\n--b\r", &n_held);
    assert_true(n_events <= 65536 / 6 * 2 + 8);
}

static void a_wiped_parser_has_nothing_of_the_body(void **state)
{
    const char *body = "--b" CRLF DISPOSITION "name=x; filename=MARKER" CRLF CRLF PART "--MARKER";

    (void)state;
    assert_int_equal(parse(&whole_log, "b", body, strlen(body)), ENC_TRUNCATED_BODY);
    assert_non_null(memmem(&parser, sizeof(parser), "MARKER", 6));
    enc_multipart_wipe(&parser);
    assert_null(memmem(&parser, sizeof(parser), "MARKER", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_send_is_read_the_same_however_it_is_split),
        cmocka_unit_test(look_alikes_of_a_boundary_are_data),
        cmocka_unit_test(random_data_ends_where_a_plain_reading_says),
        cmocka_unit_test(a_body_that_stops_anywhere_before_its_end_is_truncated),
        cmocka_unit_test(the_end_comes_only_once_the_input_has_ended),
        cmocka_unit_test(errors_latch),
        cmocka_unit_test(white_space_behind_a_boundary_has_a_limit),
        cmocka_unit_test(part_headers_have_a_limit),
        cmocka_unit_test(parts_have_a_limit),
        cmocka_unit_test(the_longest_boundary_works),
        cmocka_unit_test(data_is_a_slice_of_the_input_whatever_it_resembles),
        cmocka_unit_test(a_wiped_parser_has_nothing_of_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
