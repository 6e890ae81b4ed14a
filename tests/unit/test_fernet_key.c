// SPDX-License-Identifier: Apache-2.0
// Tests of Fernet keys as text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_fernet.h"

static const struct enc_fernet_key key = {{"sign with this..encrypt with it."}};

static void keys_go_to_text_and_back(void **state)
{
    struct enc_fernet_key_text text;
    struct enc_fernet_key parsed;

    (void)state;
    memset(&text, 0xa5, sizeof(text));
    enc_fernet_key_format(&key, &text);
    assert_string_equal(text.chars, "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4=");
    assert_int_equal(enc_fernet_key_parse(text.chars, strlen(text.chars), &parsed), ENC_OK);
    assert_memory_equal(&parsed, &key, sizeof(key));
}

static void a_text_that_is_no_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4",   // no padding
        "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4==", // too much
        "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC5=",  // a bit that belongs to no byte
        "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4=\n",
        " 2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4=",
        "+2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdC4=", // the other alphabet
        "c2lnbiB3aXRoIHRoaXMu/mVuY3J5cHQgd2l0aCBpdC4=",
        "c2lnbiB3aXRoIHRoaXMuLmVuY3J5cHQgd2l0aCBpdCA0", // 33 bytes
    };
    struct enc_fernet_key parsed = key;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(enc_fernet_key_parse(texts[i], strlen(texts[i]), &parsed),
                         ENC_INVALID_KEY);
    assert_memory_equal(&parsed, &key, sizeof(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_go_to_text_and_back),
        cmocka_unit_test(a_text_that_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
