// SPDX-License-Identifier: Apache-2.0
// Tests of enc_status.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_status.h"

static void every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = ENC_OK; i <= ENC_MISUSE; i++) {
        const char *name = enc_status_name((enum enc_status)i);

        assert_string_not_equal(name, "unknown");
        for (int j = ENC_OK; j < i; j++)
            assert_string_not_equal(name, enc_status_name((enum enc_status)j));
    }
}

static void every_status_has_its_class(void **state)
{
    (void)state;
    assert_int_equal(enc_status_class(ENC_OK), ENC_CLASS_OK);
    for (int i = ENC_BOUNDARY_MISSING; i <= ENC_OTHER_FORMATS_OPTION; i++)
        assert_int_equal(enc_status_class((enum enc_status)i), ENC_CLASS_INPUT);
    for (int i = ENC_TAG_MISMATCH; i <= ENC_FERNET_PADDING; i++)
        assert_int_equal(enc_status_class((enum enc_status)i), ENC_CLASS_AUTHENTICATION);
    for (int i = ENC_TOO_LARGE; i <= ENC_AGE_WORK_FACTOR; i++)
        assert_int_equal(enc_status_class((enum enc_status)i), ENC_CLASS_LIMIT);
    assert_int_equal(enc_status_class(ENC_NO_MEMORY), ENC_CLASS_RESOURCE);
    assert_int_equal(enc_status_class(ENC_NO_RANDOM), ENC_CLASS_RESOURCE);
    assert_int_equal(enc_status_class(ENC_FILE_CHANGED), ENC_CLASS_RESOURCE);
    assert_int_equal(enc_status_class(ENC_CRYPTO_FAILED), ENC_CLASS_BUG);
    assert_int_equal(enc_status_class(ENC_MISUSE), ENC_CLASS_BUG);
}

// The classes follow each other as in the enum: none lies between two of them.
static void the_classes_leave_no_status_out(void **state)
{
    (void)state;
    assert_int_equal(ENC_BOUNDARY_MISSING, ENC_OK + 1);
    assert_int_equal(ENC_TAG_MISMATCH, ENC_OTHER_FORMATS_OPTION + 1);
    assert_int_equal(ENC_TOO_LARGE, ENC_FERNET_PADDING + 1);
    assert_int_equal(ENC_NO_MEMORY, ENC_AGE_WORK_FACTOR + 1);
}

static void a_number_that_is_no_status_is_a_bug(void **state)
{
    (void)state;
    assert_string_equal(enc_status_name((enum enc_status)(ENC_MISUSE + 1)), "unknown");
    assert_int_equal(enc_status_class((enum enc_status)(ENC_MISUSE + 1)), ENC_CLASS_BUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(every_status_has_its_class),
        cmocka_unit_test(the_classes_leave_no_status_out),
        cmocka_unit_test(a_number_that_is_no_status_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
