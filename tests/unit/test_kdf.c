// SPDX-License-Identifier: Apache-2.0
// Tests of enc_kdf, against vectors of RFC 5869 and RFC 7914, and what Python makes.
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_kdf.h"
#include "hex.h"
#include "with_crypto.h"

static const uint8_t zeros[ENC_KDF_KEY];

static struct enc_bytes bytes(const void *at, size_t n)
{
    return (struct enc_bytes){at, n};
}

static struct enc_bytes text(const char *string)
{
    return bytes(string, strlen(string));
}

static struct enc_bytes nothing(void)
{
    return bytes(NULL, 0);
}

static void count_up(uint8_t *out, size_t n, unsigned from)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(from + i);
}

// RFC 5869, A.1.
static void hkdf_has_the_first_vector_of_the_standard(void **state)
{
    uint8_t secret[22], salt[13], info[10], key[ENC_KDF_KEY];

    (void)state;
    memset(secret, 0x0b, sizeof(secret));
    count_up(salt, sizeof(salt), 0);
    count_up(info, sizeof(info), 0xf0);
    assert_int_equal(enc_hkdf_sha256(bytes(secret, sizeof(secret)), bytes(salt, sizeof(salt)),
                                     bytes(info, sizeof(info)), key),
                     ENC_OK);
    assert_hex(key, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
               sizeof(key));
}

// RFC 5869, A.2. Its salt is longer than a block of SHA-256.
static void hkdf_has_the_vector_of_long_inputs(void **state)
{
    uint8_t secret[80], salt[80], info[80], key[ENC_KDF_KEY];

    (void)state;
    count_up(secret, sizeof(secret), 0);
    count_up(salt, sizeof(salt), 0x60);
    count_up(info, sizeof(info), 0xb0);
    assert_int_equal(enc_hkdf_sha256(bytes(secret, sizeof(secret)), bytes(salt, sizeof(salt)),
                                     bytes(info, sizeof(info)), key),
                     ENC_OK);
    assert_hex(key, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
               sizeof(key));
}

// RFC 5869, A.3; and 2.2, for the salt that takes the place of an empty one.
static void hkdf_takes_no_salt_and_no_info(void **state)
{
    uint8_t secret[22], key[ENC_KDF_KEY];
    const struct enc_bytes empties[] = {nothing(), text(""), bytes(zeros, sizeof(zeros))};

    (void)state;
    memset(secret, 0x0b, sizeof(secret));
    for (size_t i = 0; i < 3; i++) {
        memset(key, 0xa5, sizeof(key));
        assert_int_equal(enc_hkdf_sha256(bytes(secret, sizeof(secret)), empties[i], nothing(), key),
                         ENC_OK);
        assert_hex(key, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
                   sizeof(key));
    }
}

static void each_input_of_hkdf_counts(void **state)
{
    uint8_t keys[4][ENC_KDF_KEY];

    (void)state;
    assert_int_equal(enc_hkdf_sha256(text("a"), text("b"), text("c"), keys[0]), ENC_OK);
    assert_int_equal(enc_hkdf_sha256(text("A"), text("b"), text("c"), keys[1]), ENC_OK);
    assert_int_equal(enc_hkdf_sha256(text("a"), text("B"), text("c"), keys[2]), ENC_OK);
    assert_int_equal(enc_hkdf_sha256(text("a"), text("b"), text("C"), keys[3]), ENC_OK);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], ENC_KDF_KEY);
}

static void hkdf_of_nothing_is_refused(void **state)
{
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    memset(key, 0xa5, sizeof(key));
    assert_int_equal(enc_hkdf_sha256(nothing(), text("b"), text("c"), key), ENC_MISUSE);
    for (size_t i = 0; i < sizeof(key); i++)
        assert_int_equal(key[i], 0);
}

// From Python's hmac module.
static void hmac_is_as_elsewhere(void **state)
{
    static const uint8_t long_message[200];
    uint8_t key[ENC_KDF_KEY], mac[ENC_KDF_KEY];

    (void)state;
    count_up(key, sizeof(key), 0);
    assert_int_equal(enc_hmac_sha256(key, nothing(), mac), ENC_OK);
    assert_hex(mac, "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb",
               sizeof(mac));
    assert_int_equal(enc_hmac_sha256(key, text("Hi There"), mac), ENC_OK);
    assert_hex(mac, "278639ec02309d3afded1b273f1349ba63b9089c12476d716bee3ecc94673e9e",
               sizeof(mac));
    assert_int_equal(enc_hmac_sha256(key, bytes(long_message, sizeof(long_message)), mac), ENC_OK);
    assert_hex(mac, "4a0d6b4a26615d5b9d66993734f71676838693efebf8bfe9d2d1526d836ad9b4",
               sizeof(mac));
}

// RFC 7914, 12: the first half of its 64 bytes, which is a block of the PBKDF2 that ends scrypt.
static void scrypt_has_the_vector_of_the_standard(void **state)
{
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    assert_int_equal(enc_scrypt(text("pleaseletmein"), text("SodiumChloride"), 14, key), ENC_OK);
    assert_hex(key, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
               sizeof(key));
}

// From a scrypt that was written down from RFC 7914 in Python.
static void scrypt_takes_small_factors_and_empty_inputs(void **state)
{
    static const struct {
        unsigned log_n;
        const char *passphrase, *salt, *key;
    } vectors[] = {
        {1, "", "", "ec57b472d742138d12501bc49372377b3b96d6a2ff9f6a53e769a63c429a1792"},
        {1, "pleaseletmein", "SodiumChloride",
         "07dee375c33da838af03c6fb6902b8759cb0253c116194e066f58f75a0b12238"},
        {5, "password", "NaCl", "0795cb53efaa1473426af6fc3cb87f1544acc4276f971d9d72cebfebbe9a92b8"},
        {10, "", "salt", "8356b146b42af574e460300b44136b284c796d7e73d81b1e5069b265f9da1439"},
        {10,
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaa"
         "aaaaaaaa",
         "", "141de221255b0497a57bc40301a927c32ccadefb8711565ed97d590e463ffee9"},
    };
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_int_equal(
            enc_scrypt(text(vectors[i].passphrase), text(vectors[i].salt), vectors[i].log_n, key),
            ENC_OK);
        assert_hex(key, vectors[i].key, sizeof(key));
    }
    assert_int_equal(enc_scrypt(nothing(), nothing(), 1, key), ENC_OK);
    assert_hex(key, vectors[0].key, sizeof(key));
}

// OpenSSL's own limit is 32 MiB.
static void scrypt_takes_as_much_memory_as_it_needs(void **state)
{
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    // RFC 7914, 12, with N = 16384 is 16 MiB; this is 64 MiB.
    assert_int_equal(enc_scrypt(text("pleaseletmein"), text("SodiumChloride"), 16, key), ENC_OK);
    assert_memory_not_equal(key, zeros, sizeof(key));
}

static void scrypt_refuses_other_factors(void **state)
{
    static const unsigned factors[] = {0, 31, 32, 63, 64, 65, 0x80000001, UINT32_MAX};
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        memset(key, 0xa5, sizeof(key));
        assert_int_equal(enc_scrypt(text("a"), text("b"), factors[i], key), ENC_MISUSE);
        assert_memory_equal(key, zeros, sizeof(key));
    }
}

static void keys_need_the_algorithms(void **state)
{
    uint8_t key[ENC_KDF_KEY];

    (void)state;
    enc_crypto_free();
    memset(key, 0xa5, sizeof(key));
    assert_int_equal(enc_hkdf_sha256(text("a"), text("b"), text("c"), key), ENC_CRYPTO_FAILED);
    assert_memory_equal(key, zeros, sizeof(key));
    memset(key, 0xa5, sizeof(key));
    assert_int_equal(enc_hmac_sha256(zeros, text("a"), key), ENC_CRYPTO_FAILED);
    assert_memory_equal(key, zeros, sizeof(key));
    memset(key, 0xa5, sizeof(key));
    assert_int_equal(enc_scrypt(text("a"), text("b"), 1, key), ENC_CRYPTO_FAILED);
    assert_memory_equal(key, zeros, sizeof(key));
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    hkdf_has_the_first_vector_of_the_standard(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hkdf_has_the_first_vector_of_the_standard),
        cmocka_unit_test(hkdf_has_the_vector_of_long_inputs),
        cmocka_unit_test(hkdf_takes_no_salt_and_no_info),
        cmocka_unit_test(each_input_of_hkdf_counts),
        cmocka_unit_test(hkdf_of_nothing_is_refused),
        cmocka_unit_test(hmac_is_as_elsewhere),
        cmocka_unit_test(scrypt_has_the_vector_of_the_standard),
        cmocka_unit_test(scrypt_takes_small_factors_and_empty_inputs),
        cmocka_unit_test(scrypt_takes_as_much_memory_as_it_needs),
        cmocka_unit_test(scrypt_refuses_other_factors),
        cmocka_unit_test(keys_need_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, tear_down_crypto);
}
