// SPDX-License-Identifier: Apache-2.0
// What a request's Content-Type says of its body.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "enc_multipart.h"

#define FORM "multipart/form-data; "
#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

// Reads a value that has nothing behind it.
static enum enc_status read_value(const char *value, enum enc_multipart_kind *ret_kind,
                                  struct enc_multipart_boundary *ret_boundary)
{
    const size_t n = strlen(value);
    char *exact = malloc(n > 0 ? n : 1);

    assert_non_null(exact);
    memcpy(exact, value, n);
    enum enc_status st = enc_multipart_content_type(exact, n, ret_kind, ret_boundary);
    free(exact);
    return st;
}

static void expect_boundary(const char *value, const char *expected)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_NOT;
    struct enc_multipart_boundary boundary = {.n = 0};
    enum enc_status st = read_value(value, &kind, &boundary);

    if (st != ENC_OK)
        fail_msg("%s: %s", value, enc_status_name(st));
    assert_int_equal(kind, ENC_MULTIPART_FORM);
    if (boundary.n != strlen(expected) || memcmp(boundary.chars, expected, boundary.n) != 0)
        fail_msg("%s gave %.*s", value, (int)boundary.n, boundary.chars);
}

static void expect_failure(const char *value, enum enc_status expected)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_NOT;
    struct enc_multipart_boundary boundary = {.chars = "untouched", .n = 9};
    enum enc_status st = read_value(value, &kind, &boundary);

    if (st != expected)
        fail_msg("%s: %s", value, enc_status_name(st));
    assert_int_equal(kind, ENC_MULTIPART_NOT);
    assert_int_equal(boundary.n, 9);
}

static void expect_kind(const char *value, enum enc_multipart_kind expected)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_FORM;
    struct enc_multipart_boundary boundary;

    assert_int_equal(read_value(value, &kind, &boundary), ENC_OK);
    if (kind != expected)
        fail_msg("%s is of kind %d", value, (int)kind);
}

static void other_types_are_no_form(void **state)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_FORM;
    struct enc_multipart_boundary boundary;

    (void)state;
    assert_int_equal(enc_multipart_content_type(NULL, 0, &kind, &boundary), ENC_OK);
    assert_int_equal(kind, ENC_MULTIPART_NOT);
    expect_kind("application/octet-stream", ENC_MULTIPART_NOT);
    expect_kind("text/plain; charset=utf-8; boundary=x", ENC_MULTIPART_NOT);
    expect_kind("multipart/mixed; boundary=x", ENC_MULTIPART_NOT);
    expect_kind("multipart/form-data-2; boundary=x", ENC_MULTIPART_NOT);
    expect_kind("multipart/form-dat", ENC_MULTIPART_NOT);
    expect_kind("x multipart/form-data; boundary=x", ENC_MULTIPART_NOT);
    expect_kind("application/x-www-form-urlencoded2", ENC_MULTIPART_NOT);
    expect_kind("   ", ENC_MULTIPART_NOT);
    expect_kind(";;;=\"", ENC_MULTIPART_NOT);
}

static void urlencoded_forms_are_recognised(void **state)
{
    (void)state;
    expect_kind("application/x-www-form-urlencoded", ENC_MULTIPART_URLENCODED);
    expect_kind("Application/X-WWW-Form-URLEncoded; charset=UTF-8", ENC_MULTIPART_URLENCODED);
    expect_kind(" application/x-www-form-urlencoded ;", ENC_MULTIPART_URLENCODED);
}

static void boundaries_of_real_clients_are_read(void **state)
{
    (void)state;
    expect_boundary(FORM "boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                    "----WebKitFormBoundary7MA4YWxkTrZu0gW");
    expect_boundary(FORM "boundary=---------------------------9051914041544843365972754266",
                    "---------------------------9051914041544843365972754266");
    expect_boundary(FORM "boundary=2f1c8b0a9d3e4f5061728394a5b6c7d8",
                    "2f1c8b0a9d3e4f5061728394a5b6c7d8");
    expect_boundary(FORM "boundary=\"5ad1c9b3-7f0e-4c2a-9d1b-0e8f7a6b5c4d\"",
                    "5ad1c9b3-7f0e-4c2a-9d1b-0e8f7a6b5c4d");
    expect_boundary(FORM "boundary=\"----=_Part_1_807283631.1580000000000\"",
                    "----=_Part_1_807283631.1580000000000");
    // RFC 2045 wants these quoted; clients forget it.
    expect_boundary(FORM "boundary=----=_Part_1_8.15", "----=_Part_1_8.15");
    expect_boundary(FORM "boundary='()+_,-./:=?", "'()+_,-./:=?");
}

static void case_white_space_and_other_parameters_do_not_matter(void **state)
{
    (void)state;
    expect_boundary("MultiPart/Form-Data; BOUNDARY=aB", "aB");
    expect_boundary("multipart/form-data;boundary=x", "x");
    expect_boundary(" multipart/form-data\t; \tboundary = x ", "x");
    expect_boundary(FORM "charset=utf-8; boundary=x", "x");
    expect_boundary(FORM "boundary=x; charset=\"a;b=c \\\" boundary=y\"", "x");
    expect_boundary(FORM "boundary=x;", "x");
    expect_boundary(FORM "; ; boundary=\"x\" ; ", "x");
    expect_boundary(FORM "xboundary=y; boundary=x; boundaryx=z", "x");
}

static void quoted_boundaries_are_unescaped(void **state)
{
    (void)state;
    expect_boundary(FORM "boundary=\"a b\"", "a b");
    expect_boundary(FORM "boundary=\"a\\:\\b\"", "a:b");
    // Within quotes a ';' ends nothing; but no boundary may hold one.
    expect_failure(FORM "boundary=\"a;b\"; x=y", ENC_BOUNDARY_INVALID);
}

static void a_boundary_has_1_to_70_characters(void **state)
{
    (void)state;
    expect_boundary(FORM "boundary=x", "x");
    expect_boundary(FORM "boundary=*****", "*****");
    expect_boundary(FORM "boundary=" SEVENTY, SEVENTY);
    expect_boundary(FORM "boundary=\"" SEVENTY "\"", SEVENTY);
    expect_failure(FORM "boundary=" SEVENTY "x", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"" SEVENTY "x\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=", ENC_BOUNDARY_MISSING);
    expect_failure(FORM "boundary=; charset=utf-8", ENC_BOUNDARY_MISSING);
    expect_failure(FORM "boundary=\"\"", ENC_BOUNDARY_MISSING);
    expect_failure("multipart/form-data", ENC_BOUNDARY_MISSING);
    expect_failure("multipart/form-data;", ENC_BOUNDARY_MISSING);
    expect_failure(FORM "charset=utf-8", ENC_BOUNDARY_MISSING);
}

static void a_boundary_is_of_the_characters_of_the_rfc(void **state)
{
    (void)state;
    expect_failure(FORM "boundary=\"x \"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\" \"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\ty\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\r\ny\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\\\"y\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\\\\y\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\xc3\xa9", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=a@b", ENC_BOUNDARY_INVALID);
}

static void what_is_ambiguous_is_invalid(void **state)
{
    (void)state;
    expect_failure(FORM "boundary=x; boundary=x", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=x; Boundary=\"y\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=x y", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\"y", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary=\"x\\\"", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "boundary", ENC_BOUNDARY_INVALID);
    expect_failure(FORM "=x", ENC_BOUNDARY_INVALID);
    expect_failure("multipart/form-data boundary=x", ENC_BOUNDARY_INVALID);
    expect_failure("multipart/form-data, boundary=x", ENC_BOUNDARY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_types_are_no_form),
        cmocka_unit_test(urlencoded_forms_are_recognised),
        cmocka_unit_test(boundaries_of_real_clients_are_read),
        cmocka_unit_test(case_white_space_and_other_parameters_do_not_matter),
        cmocka_unit_test(quoted_boundaries_are_unescaped),
        cmocka_unit_test(a_boundary_has_1_to_70_characters),
        cmocka_unit_test(a_boundary_is_of_the_characters_of_the_rfc),
        cmocka_unit_test(what_is_ambiguous_is_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
