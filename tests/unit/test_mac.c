// SPDX-License-Identifier: Apache-2.0
// Tests of enc_mac, against RFC 4231's vector and OpenSSL's HMAC at once.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_mac.h"
#include "hex.h"
#include "with_crypto.h"

static uint8_t message[200];

// RFC 4231, 4.3. A key that is shorter than a block of SHA-256 is filled up with zeros (RFC 2104,
// 2), so that the four bytes of this one may have zeros behind them.
static void the_vector_of_a_short_key_comes_out(void **state)
{
    static const char text[] = "what do ya want for nothing?";
    const uint8_t key[16] = "Jefe";
    uint8_t bytes[ENC_MAC_BYTES];
    struct enc_mac mac;

    (void)state;
    assert_int_equal(enc_mac_init(&mac, key, sizeof(key)), ENC_OK);
    assert_int_equal(enc_mac_update(&mac, (const uint8_t *)text, strlen(text)), ENC_OK);
    assert_int_equal(enc_mac_end(&mac, bytes), ENC_OK);
    assert_hex(bytes, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
               sizeof(bytes));
}

static void a_split_anywhere_changes_nothing(void **state)
{
    const uint8_t key[16] = "sixteen of a key";
    uint8_t bytes[ENC_MAC_BYTES], expected[ENC_MAC_BYTES];
    struct enc_mac mac;

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 7);
    HMAC(EVP_sha256(), key, sizeof(key), message, sizeof(message), expected, NULL);
    for (size_t at = 0; at <= sizeof(message); at++) {
        assert_int_equal(enc_mac_init(&mac, key, sizeof(key)), ENC_OK);
        assert_int_equal(enc_mac_update(&mac, message, at), ENC_OK);
        assert_int_equal(enc_mac_update(&mac, message + at, sizeof(message) - at), ENC_OK);
        assert_int_equal(enc_mac_end(&mac, bytes), ENC_OK);
        assert_memory_equal(bytes, expected, sizeof(bytes));
    }
}

static void no_update_at_all_is_an_empty_message(void **state)
{
    const uint8_t key[16] = {0};
    uint8_t bytes[ENC_MAC_BYTES];
    struct enc_mac mac;

    (void)state;
    assert_int_equal(enc_mac_init(&mac, key, sizeof(key)), ENC_OK);
    assert_int_equal(enc_mac_update(&mac, NULL, 0), ENC_OK);
    assert_int_equal(enc_mac_end(&mac, bytes), ENC_OK);
    // HMAC-SHA-256 of nothing, under nothing.
    assert_hex(bytes, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
               sizeof(bytes));
}

static void after_its_end_it_takes_nothing(void **state)
{
    const uint8_t key[16] = {0};
    uint8_t bytes[ENC_MAC_BYTES];
    struct enc_mac mac = {0};

    (void)state;
    enc_mac_wipe(&mac);
    assert_int_equal(enc_mac_end(&mac, bytes), ENC_MISUSE);
    assert_int_equal(enc_mac_init(&mac, key, sizeof(key)), ENC_OK);
    assert_int_equal(enc_mac_end(&mac, bytes), ENC_OK);
    assert_null(mac.context);
    assert_int_equal(enc_mac_update(&mac, message, 1), ENC_MISUSE);
    assert_int_equal(enc_mac_end(&mac, bytes), ENC_MISUSE);
    enc_mac_wipe(&mac);
}

static void it_needs_the_algorithms(void **state)
{
    const uint8_t key[16] = {0};
    struct enc_mac mac;

    (void)state;
    enc_crypto_free();
    memset(&mac, 0xa5, sizeof(mac));
    assert_int_equal(enc_mac_init(&mac, key, sizeof(key)), ENC_CRYPTO_FAILED);
    assert_null(mac.context);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    the_vector_of_a_short_key_comes_out(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_a_short_key_comes_out),
        cmocka_unit_test(a_split_anywhere_changes_nothing),
        cmocka_unit_test(no_update_at_all_is_an_empty_message),
        cmocka_unit_test(after_its_end_it_takes_nothing),
        cmocka_unit_test(it_needs_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, tear_down_crypto);
}
