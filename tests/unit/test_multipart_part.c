// SPDX-License-Identifier: Apache-2.0
// What a part's headers say: whether it is the file, and what the client calls it.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "enc_multipart.h"

#define CRLF "\r\n"
#define FORM "Content-Disposition: form-data; "
#define NAMED FORM "name=\"file\"; "

// Parses a block that has nothing behind it.
static enum enc_status parse_n(const char *block, size_t n, struct enc_multipart_part *ret_part)
{
    char *exact = malloc(n > 0 ? n : 1);

    assert_non_null(exact);
    memcpy(exact, block, n);
    enum enc_status st = enc_multipart_part_parse(exact, n, ret_part);
    free(exact);
    return st;
}

// expected is the file name, or NULL for none.
static void expect_part(const char *block, bool is_file_field, const char *expected)
{
    struct enc_multipart_part part;
    enum enc_status st = parse_n(block, strlen(block), &part);

    if (st != ENC_OK)
        fail_msg("%s: %s", block, enc_status_name(st));
    if (part.is_file_field != is_file_field)
        fail_msg("%s: is_file_field is %d", block, part.is_file_field);
    if (part.has_filename != (expected != NULL))
        fail_msg("%s: has_filename is %d", block, part.has_filename);
    if (expected == NULL)
        expected = "";
    if (part.n_filename != strlen(expected) ||
        memcmp(part.filename, expected, part.n_filename) != 0)
        fail_msg("%s: the name is %.*s", block, (int)part.n_filename, part.filename);
}

static void expect_malformed_n(const char *block, size_t n)
{
    struct enc_multipart_part part = {.n_filename = 12345};

    if (parse_n(block, n, &part) != ENC_PART_HEADERS_MALFORMED)
        fail_msg("accepted: %s", block);
    assert_int_equal(part.n_filename, 12345);
}

static void expect_malformed(const char *block)
{
    expect_malformed_n(block, strlen(block));
}

static void the_file_is_the_part_named_exactly_file(void **state)
{
    (void)state;
    expect_part(FORM "name=\"file\"" CRLF, true, NULL);
    expect_part(FORM "name=file" CRLF, true, NULL);
    expect_part(FORM "name=\"File\"" CRLF, false, NULL);
    expect_part(FORM "name=\"file2\"" CRLF, false, NULL);
    expect_part(FORM "name=\"fil\"" CRLF, false, NULL);
    expect_part(FORM "name=\"file \"" CRLF, false, NULL);
    expect_part(FORM "name=\"file%22\"" CRLF, false, NULL);
    expect_part(FORM "name=\"\"" CRLF, false, NULL);
    expect_part(FORM "name=" CRLF, false, NULL);
    expect_part(FORM "name=\"a\"; filename=\"file\"" CRLF, false, "file");
}

static void a_file_name_may_be_missing_or_empty(void **state)
{
    (void)state;
    expect_part(NAMED CRLF, true, NULL);
    expect_part(NAMED "filename=\"\"" CRLF, true, "");
    expect_part(NAMED "filename=" CRLF, true, "");
    expect_part(NAMED "filename*=UTF-8''" CRLF, true, "");
}

static void escapes_are_decoded_as_clients_write_them(void **state)
{
    (void)state;
    expect_part(NAMED "filename=\"a\\\"b\\\\c.txt\"" CRLF, true, "a\"b\\c.txt");
    expect_part(NAMED "filename=\"C:\\x\\y.txt\"" CRLF, true, "C:\\x\\y.txt");
    expect_part(NAMED "filename=\"a%22b%0D%0Ac\"" CRLF, true, "a\"b\r\nc");
    // Browsers leave a '%' of the name alone, so nothing else may be decoded.
    expect_part(NAMED "filename=\"100%41%0d%2522.txt\"" CRLF, true, "100%41%0d%2522.txt");
    expect_part(NAMED "filename=\"%2\"" CRLF, true, "%2");
    expect_part(NAMED "filename=\"\\\\%22\\\"\"" CRLF, true, "\\\"\"");
    expect_part(NAMED "filename=\"a\\\\\"" CRLF, true, "a\\");
    expect_part(NAMED "filename=a%22b\\c.txt" CRLF, true, "a%22b\\c.txt");
    expect_part(NAMED "filename=\"a;b=c, d'e.txt\"" CRLF, true, "a;b=c, d'e.txt");
    expect_part(NAMED "filename=\"\xff\xfe\x80\"" CRLF, true, "\xff\xfe\x80");
    expect_part(NAMED "filename=\"a\tb\"" CRLF, true, "a\tb");
    expect_part(NAMED "filename=\"../../etc/passwd\"" CRLF, true, "../../etc/passwd");
}

static void case_white_space_and_other_headers_do_not_matter(void **state)
{
    (void)state;
    expect_part("content-disposition:FORM-DATA;NAME=\"file\";FileName=\"a\"" CRLF, true, "a");
    expect_part("CONTENT-DISPOSITION:  form-data  ;\tname = \"file\" ; filename\t=\ta ; " CRLF,
                true, "a");
    expect_part("Content-Type: text/plain" CRLF NAMED "filename=a" CRLF "X-Y:" CRLF, true, "a");
    expect_part("Content-Dispositio: x" CRLF FORM "x=y; filename=a; name=file;" CRLF, true, "a");
    expect_part("X: \x80\xff" CRLF NAMED CRLF, true, NULL);
}

static void folded_lines_are_one_line(void **state)
{
    (void)state;
    expect_part("Content-Disposition:" CRLF " form-data;" CRLF "\tname=\"file\";" CRLF
                "  filename=\"a.txt\"" CRLF,
                true, "a.txt");
    expect_part("X: y" CRLF " z" CRLF NAMED "filename" CRLF " =" CRLF " a" CRLF, true, "a");
    // The white space behind the fold is the name's, the line end is not.
    expect_part(NAMED "filename=\"a" CRLF " b\"" CRLF, true, "a b");
    expect_malformed(" " NAMED CRLF);
    // A part of the line before it, and so no header of its own.
    expect_malformed("X: y" CRLF " " NAMED CRLF);
}

static void an_extended_file_name_wins_if_it_is_good(void **state)
{
    (void)state;
    expect_part(NAMED "filename*=utf-8''na%C3%AFve%20%25.txt" CRLF, true, "na\xc3\xafve %.txt");
    expect_part(NAMED "filename=b; filename*=UTF-8'en'%e2%82%ac" CRLF, true, "\xe2\x82\xac");
    expect_part(NAMED "filename*=UTF-8''%E2%82%AC; filename=b" CRLF, true, "\xe2\x82\xac");
    expect_part(NAMED "filename*=iso-8859-1''%A3%FFa.txt" CRLF, true,
                "\xc2\xa3\xc3\xbf"
                "a.txt");
    expect_part(NAMED "filename*=\"UTF-8''a%20b\"" CRLF, true, "a b");
    expect_part(NAMED "filename*=UTF-8''a'b(1).txt" CRLF, true, "a'b(1).txt");
    expect_part(NAMED "filename*=UTF-8''%F0%9F%94%91" CRLF, true, "\xf0\x9f\x94\x91");
}

static void an_extended_file_name_that_is_none_is_passed_over(void **state)
{
    static const char *const bad[] = {
        "",
        "UTF-8",
        "UTF-8'",
        "UTF-8'en",
        "a.txt",
        "''a",
        "koi8-r''a",
        "UTF-8''%",
        "UTF-8''%4",
        "UTF-8''%4g",
        "UTF-8''%zz",
        "UTF-8''%80",
        "UTF-8''%C3",
        "UTF-8''%C3a",
        "UTF-8''%C0%80",
        "UTF-8''\xc3\xa9",
        "UTF-8''%ED%A0%80",
        "UTF-8''%E0%80%80",
        "UTF-8''%F4%90%80%80",
        "UTF-8''%F0%80%80%80",
        "UTF-8''%F5%80%80%80",
        "UTF-8''%FF",
        "UTF-8''a\\b",
    };
    char block[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(block, sizeof(block), NAMED "filename*=%s; filename=b.txt" CRLF, bad[i]);
        expect_part(block, true, "b.txt");
        snprintf(block, sizeof(block), NAMED "filename*=%s" CRLF, bad[i]);
        expect_part(block, true, NULL);
    }
}

static void an_extended_name_stands_in_for_a_missing_one(void **state)
{
    (void)state;
    expect_part(FORM "name*=utf-8''%C3%A9" CRLF, false, NULL);
    expect_part(FORM "name*=utf-8''fil%65" CRLF, true, NULL);
    expect_part(FORM "name*=utf-8''file; name=x" CRLF, false, NULL);
    expect_part(FORM "name*=utf-8''x; name=file" CRLF, true, NULL);
    expect_part(FORM "name*=file" CRLF, false, NULL);
}

// Parses a part whose file name is `unit` n times and then "end.txt".
static struct enc_multipart_part parse_long(const char *parameter, const char *unit, size_t n,
                                            const char *close)
{
    static char block[8192];
    struct enc_multipart_part part;
    size_t at = (size_t)sprintf(block, NAMED "%s", parameter);

    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(block + at, "%s", unit);
    at += (size_t)sprintf(block + at, "end.txt%s" CRLF, close);
    assert_int_equal(parse_n(block, at, &part), ENC_OK);
    return part;
}

static void a_long_file_name_keeps_its_end(void **state)
{
    (void)state;
    const size_t max = ENC_MULTIPART_NAME_MAX;
    for (size_t n = max - 8; n < 4 * max; n++) {
        const struct enc_multipart_part part = parse_long("filename=\"", "x", n, "\"");
        assert_int_equal(part.n_filename, n + 7 < max ? n + 7 : max);
        assert_memory_equal(part.filename + part.n_filename - 8, "xend.txt", 8);
        assert_int_equal(part.filename[0], 'x');
    }
    const struct enc_multipart_part part = parse_long("filename*=iso-8859-1''", "%E9", 2000, "");
    assert_int_equal(part.n_filename, max);
    assert_memory_equal(part.filename + max - 9,
                        "\xc3\xa9"
                        "end.txt",
                        9);
}

static void the_end_of_a_long_name_is_not_the_name(void **state)
{
    static char block[8192];

    (void)state;
    sprintf(block, FORM "name=\"%*sfile\"" CRLF, 3000, "");
    expect_part(block, false, NULL);
}

static void blocks_that_are_none_are_malformed(void **state)
{
    (void)state;
    expect_malformed("");
    expect_malformed(CRLF);
    expect_malformed("Content-Type: text/plain" CRLF);
    expect_malformed("no colon" CRLF NAMED CRLF);
    expect_malformed(NAMED CRLF "no colon" CRLF);
    expect_malformed(NAMED CRLF ": no name" CRLF);
    expect_malformed(NAMED CRLF "a b: c" CRLF);
    expect_malformed("Content-Disposition : form-data; name=file" CRLF);
    expect_malformed(NAMED CRLF "--b--" CRLF);
    expect_malformed(NAMED);
    expect_malformed(NAMED "\r");
    expect_malformed(NAMED "\n");
    expect_malformed(NAMED "\n X: y" CRLF);
    expect_malformed(NAMED CRLF CRLF "X: y" CRLF);
    expect_malformed(NAMED CRLF NAMED CRLF);
    expect_malformed(FORM "name=file" CRLF FORM "filename=a" CRLF);
}

static void of_control_characters_only_line_ends_and_nul_are_malformed(void **state)
{
    char block[] = NAMED "filename=\"aXb\"" CRLF;
    char *x = strchr(block, 'X');

    (void)state;
    for (int c = 0; c < 256; c++) {
        *x = (char)c;
        if (c == '\r' || c == '\n' || c == '\0' || c == '"') {
            expect_malformed_n(block, sizeof(block) - 1);
        } else {
            struct enc_multipart_part part;
            assert_int_equal(parse_n(block, sizeof(block) - 1, &part), ENC_OK);
            assert_int_equal(part.n_filename, 3);
            assert_int_equal(part.filename[1], (char)c);
        }
    }
}

static void dispositions_that_are_none_are_malformed(void **state)
{
    (void)state;
    expect_malformed("Content-Disposition:" CRLF);
    expect_malformed("Content-Disposition: attachment; name=file" CRLF);
    expect_malformed("Content-Disposition: form-data-2; name=file" CRLF);
    expect_malformed("Content-Disposition: form-data, name=file" CRLF);
    expect_malformed("Content-Disposition: form-data name=file" CRLF);
    expect_malformed("Content-Disposition: form-data" CRLF);
    expect_malformed(FORM "filename=a.txt" CRLF);
    expect_malformed(FORM "name" CRLF);
    expect_malformed(FORM "=file" CRLF);
    expect_malformed(FORM "name=\"file" CRLF);
    expect_malformed(FORM "name=\"file\\\"" CRLF);
    expect_malformed(FORM "name=\"file\" x" CRLF);
    expect_malformed(FORM "name=\"file\"filename=a" CRLF);
    expect_malformed(FORM "name=fi le" CRLF);
    expect_malformed(FORM "name=fi\"le" CRLF);
    expect_malformed(FORM "\"name\"=file" CRLF);
}

static void a_parameter_given_twice_is_malformed(void **state)
{
    (void)state;
    expect_malformed(FORM "name=file; name=file" CRLF);
    expect_malformed(FORM "name=file; NAME=\"x\"" CRLF);
    expect_malformed(FORM "name=; name=file" CRLF);
    expect_malformed(NAMED "filename=a; filename=b" CRLF);
    expect_malformed(NAMED "filename*=UTF-8''a; filename*=UTF-8''b" CRLF);
    expect_part(NAMED "x=1; x=2" CRLF, true, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_the_part_named_exactly_file),
        cmocka_unit_test(a_file_name_may_be_missing_or_empty),
        cmocka_unit_test(escapes_are_decoded_as_clients_write_them),
        cmocka_unit_test(case_white_space_and_other_headers_do_not_matter),
        cmocka_unit_test(folded_lines_are_one_line),
        cmocka_unit_test(an_extended_file_name_wins_if_it_is_good),
        cmocka_unit_test(an_extended_file_name_that_is_none_is_passed_over),
        cmocka_unit_test(an_extended_name_stands_in_for_a_missing_one),
        cmocka_unit_test(a_long_file_name_keeps_its_end),
        cmocka_unit_test(the_end_of_a_long_name_is_not_the_name),
        cmocka_unit_test(blocks_that_are_none_are_malformed),
        cmocka_unit_test(of_control_characters_only_line_ends_and_nul_are_malformed),
        cmocka_unit_test(dispositions_that_are_none_are_malformed),
        cmocka_unit_test(a_parameter_given_twice_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
