// SPDX-License-Identifier: Apache-2.0
// Tests of enc_x25519, against the vectors of RFC 7748.
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_x25519.h"
#include "hex.h"
#include "with_crypto.h"

#define N ENC_X25519_BYTES

static const uint8_t zeros[N];

// RFC 7748, 5.2.
static void the_function_has_the_vectors_of_the_standard(void **state)
{
    static const struct {
        const char *scalar, *u, *out;
    } vectors[] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    };
    uint8_t scalar[N], u[N], out[N];

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unhex(vectors[i].scalar, scalar, N);
        unhex(vectors[i].u, u, N);
        assert_int_equal(enc_x25519_shared(scalar, u, out), ENC_OK);
        assert_hex(out, vectors[i].out, N);
    }
}

// RFC 7748, 5.2: each result is the next scalar, and each scalar the next u.
static void iterated_a_thousand_times_it_has_the_vector_of_the_standard(void **state)
{
    uint8_t scalar[N] = {9}, u[N] = {9}, out[N];

    (void)state;
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(enc_x25519_shared(scalar, u, out), ENC_OK);
        memcpy(u, scalar, N);
        memcpy(scalar, out, N);
        if (i == 1)
            assert_hex(out, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", N);
    }
    assert_hex(out, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", N);
}

// RFC 7748, 6.1.
static void two_owners_of_keys_share_a_secret(void **state)
{
    uint8_t alice[N], bob[N], public_key[N], shared[N];

    (void)state;
    unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", alice, N);
    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob, N);

    assert_int_equal(enc_x25519_public(alice, public_key), ENC_OK);
    assert_hex(public_key, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", N);
    assert_int_equal(enc_x25519_shared(bob, public_key, shared), ENC_OK);
    assert_hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", N);

    assert_int_equal(enc_x25519_public(bob, public_key), ENC_OK);
    assert_hex(public_key, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", N);
    assert_int_equal(enc_x25519_shared(alice, public_key, shared), ENC_OK);
    assert_hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", N);
}

static void a_public_key_is_the_secret_times_the_base_point(void **state)
{
    static const uint8_t base[N] = {9};
    uint8_t secret[N], public_key[N], shared[N];

    (void)state;
    for (size_t i = 0; i < 256; i++) {
        memset(secret, (int)i, N); // all zeros and all ones too
        assert_int_equal(enc_x25519_public(secret, public_key), ENC_OK);
        assert_int_equal(enc_x25519_shared(secret, base, shared), ENC_OK);
        assert_memory_equal(public_key, shared, N);
    }
}

// The points of order 1, 2, 4 and 8, on the curve and on its twist: u = 0, 1, -1 and two more, and
// those of them that 255 bits can also write as u + p, with p = 2^255 - 19.
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1
};

static void a_point_of_low_order_is_refused(void **state)
{
    uint8_t point[N], secret[N], shared[N];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(low_order) / sizeof(low_order[0]); i++) {
        unhex(low_order[i / 2], point, N);
        if (i % 2)
            point[N - 1] |= 0x80; // not a bit of u
        for (int j = 0; j < 4; j++) {
            memset(secret, 0x55 * j, N);
            memset(shared, 0xa5, N);
            assert_int_equal(enc_x25519_shared(secret, point, shared), ENC_LOW_ORDER_POINT);
            assert_memory_equal(shared, zeros, N);
            assert_int_equal(ERR_peek_error(), 0);
        }
    }
}

static void other_points_that_are_not_canonical_are_taken(void **state)
{
    uint8_t point[N], canonical[N] = {0}, shared[N], expected[N];
    static const uint8_t secret[N] = "a secret that is no secret";

    (void)state;
    for (uint8_t u = 2; u < 19; u++) {
        memset(point, 0xff, N); // u + p
        point[0] = (uint8_t)(0xed + u);
        point[N - 1] = 0x7f;
        canonical[0] = u;
        assert_int_equal(enc_x25519_shared(secret, point, shared), ENC_OK);
        assert_int_equal(enc_x25519_shared(secret, canonical, expected), ENC_OK);
        assert_memory_equal(shared, expected, N);
    }
}

// RFC 7748, 5: "implementations [...] MUST mask the most significant bit in the final byte".
static void the_top_bit_of_a_public_key_is_ignored(void **state)
{
    uint8_t secret[N], public_key[N], shared[N], expected[N];

    (void)state;
    for (int i = 1; i < 20; i++) {
        memset(secret, i, N);
        memset(public_key, 7 * i, N);
        public_key[N - 1] &= 0x7f;
        assert_int_equal(enc_x25519_shared(secret, public_key, expected), ENC_OK);
        public_key[N - 1] |= 0x80;
        assert_int_equal(enc_x25519_shared(secret, public_key, shared), ENC_OK);
        assert_memory_equal(shared, expected, N);
    }
}

// RFC 7748, 5: decodeScalar25519.
static void five_bits_of_a_secret_are_not_its_own(void **state)
{
    uint8_t secret[N], public_key[N], expected[N];

    (void)state;
    memset(secret, 0x6a, N); // bits 0, 2 and 255 clear, 1 and 254 set
    assert_int_equal(enc_x25519_public(secret, expected), ENC_OK);
    secret[0] ^= 7;
    secret[N - 1] ^= 0xc0;
    assert_int_equal(enc_x25519_public(secret, public_key), ENC_OK);
    assert_memory_equal(public_key, expected, N);
    secret[0] ^= 8;
    assert_int_equal(enc_x25519_public(secret, public_key), ENC_OK);
    assert_memory_not_equal(public_key, expected, N);
}

static void keys_need_the_algorithms(void **state)
{
    uint8_t secret[N] = {9}, out[N];

    (void)state;
    enc_crypto_free();
    memset(out, 0xa5, N);
    assert_int_equal(enc_x25519_public(secret, out), ENC_CRYPTO_FAILED);
    assert_memory_equal(out, zeros, N);
    memset(out, 0xa5, N);
    assert_int_equal(enc_x25519_shared(secret, secret, out), ENC_CRYPTO_FAILED);
    assert_memory_equal(out, zeros, N);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    assert_int_equal(enc_x25519_shared(secret, secret, out), ENC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_function_has_the_vectors_of_the_standard),
        cmocka_unit_test(iterated_a_thousand_times_it_has_the_vector_of_the_standard),
        cmocka_unit_test(two_owners_of_keys_share_a_secret),
        cmocka_unit_test(a_public_key_is_the_secret_times_the_base_point),
        cmocka_unit_test(a_point_of_low_order_is_refused),
        cmocka_unit_test(other_points_that_are_not_canonical_are_taken),
        cmocka_unit_test(the_top_bit_of_a_public_key_is_ignored),
        cmocka_unit_test(five_bits_of_a_secret_are_not_its_own),
        cmocka_unit_test(keys_need_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, tear_down_crypto);
}
