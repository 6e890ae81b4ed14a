// SPDX-License-Identifier: Apache-2.0
// Tests of enc_cbc, against SP 800-38A's vector and what the kernel encrypts.
#include <limits.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_cbc.h"
#include "enc_kernel.h"
#include "hex.h"
#include "with_crypto.h"

#define N_MAX (64 * ENC_CBC_BLOCK)
#define N_VECTOR 64

static const uint8_t key[ENC_CBC_KEY] = "sixteen of a key";
static const uint8_t iv[ENC_CBC_BLOCK] = "sixteen of an IV";

static uint8_t plain[N_MAX], encrypted[N_MAX], out[N_MAX + 1];

// SP 800-38A, F.2.1 and F.2.2.
static void the_nist_vector_comes_out(void **state)
{
    static const char plaintext[] =
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    uint8_t vector_key[ENC_CBC_KEY], vector_iv[ENC_CBC_BLOCK], ciphertext[N_VECTOR];
    struct enc_cbc cbc;

    (void)state;
    unhex("2b7e151628aed2a6abf7158809cf4f3c", vector_key, sizeof(vector_key));
    unhex("000102030405060708090a0b0c0d0e0f", vector_iv, sizeof(vector_iv));
    unhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
          "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
          ciphertext, N_VECTOR);
    // In two pieces, cut at each block.
    for (size_t n = 0; n <= N_VECTOR; n += ENC_CBC_BLOCK) {
        assert_int_equal(enc_cbc_init(&cbc, vector_key, vector_iv), ENC_OK);
        assert_int_equal(enc_cbc_update(&cbc, ciphertext, n, out), ENC_OK);
        assert_int_equal(enc_cbc_update(&cbc, ciphertext + n, N_VECTOR - n, out + n), ENC_OK);
        assert_hex(out, plaintext, N_VECTOR);
        enc_cbc_wipe(&cbc);
    }
}

static void what_the_kernel_encrypts_comes_back(void **state)
{
    struct enc_cbc cbc;

    (void)state;
    for (size_t n = 0; n <= N_MAX; n += ENC_CBC_BLOCK) {
        memset(out, '!', sizeof(out));
        assert_int_equal(enc_cbc_init(&cbc, key, iv), ENC_OK);
        assert_int_equal(enc_cbc_update(&cbc, encrypted, n, out), ENC_OK);
        enc_cbc_wipe(&cbc);
        assert_memory_equal(out, plain, n);
        assert_int_equal(out[n], '!');
    }
}

static void it_may_decrypt_in_place(void **state)
{
    struct enc_cbc cbc;

    (void)state;
    memcpy(out, encrypted, N_MAX);
    assert_int_equal(enc_cbc_init(&cbc, key, iv), ENC_OK);
    assert_int_equal(enc_cbc_update(&cbc, out, N_MAX, out), ENC_OK);
    assert_memory_equal(out, plain, N_MAX);
    enc_cbc_wipe(&cbc);
}

static void a_piece_of_a_block_is_refused_and_changes_nothing(void **state)
{
    struct enc_cbc cbc;

    (void)state;
    assert_int_equal(enc_cbc_init(&cbc, key, iv), ENC_OK);
    memset(out, '!', sizeof(out));
    for (size_t n = 1; n < 40; n++) {
        if (n % ENC_CBC_BLOCK != 0)
            assert_int_equal(enc_cbc_update(&cbc, encrypted, n, out), ENC_MISUSE);
    }
    assert_int_equal(enc_cbc_update(&cbc, encrypted, (size_t)INT_MAX + 1, out), ENC_MISUSE);
    assert_int_equal(out[0], '!');
    assert_int_equal(enc_cbc_update(&cbc, encrypted, N_MAX, out), ENC_OK);
    assert_memory_equal(out, plain, N_MAX);
    enc_cbc_wipe(&cbc);
}

static void a_wiped_one_takes_nothing(void **state)
{
    struct enc_cbc cbc = {0};

    (void)state;
    enc_cbc_wipe(&cbc);
    assert_int_equal(enc_cbc_update(&cbc, encrypted, N_MAX, out), ENC_MISUSE);
    assert_int_equal(enc_cbc_init(&cbc, key, iv), ENC_OK);
    enc_cbc_wipe(&cbc);
    enc_cbc_wipe(&cbc);
    assert_int_equal(enc_cbc_update(&cbc, encrypted, N_MAX, out), ENC_MISUSE);
}

static void it_needs_the_algorithms(void **state)
{
    struct enc_cbc cbc;

    (void)state;
    enc_crypto_free();
    memset(&cbc, 0xa5, sizeof(cbc));
    assert_int_equal(enc_cbc_init(&cbc, key, iv), ENC_CRYPTO_FAILED);
    assert_null(cbc.cipher);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    it_may_decrypt_in_place(state);
}

static int set_up(void **state)
{
    struct enc_kernel_lane lane;
    struct enc_kernel_item item = {
        .op = ENC_KERNEL_ENCRYPT_HASH, .lane = &lane, .in = plain, .out = encrypted, .n = N_MAX};
    struct enc_kernel_item *items[] = {&item};

    for (size_t i = 0; i < N_MAX; i++)
        plain[i] = (uint8_t)(i * i + 3 * i);
    if (set_up_crypto(state) != 0 || enc_kernel_lane_init(&lane, key, key, iv) != ENC_OK)
        return -1;
    enc_kernel_run(items, 1);
    enc_kernel_lane_wipe(&lane);
    return item.status == ENC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nist_vector_comes_out),
        cmocka_unit_test(what_the_kernel_encrypts_comes_back),
        cmocka_unit_test(it_may_decrypt_in_place),
        cmocka_unit_test(a_piece_of_a_block_is_refused_and_changes_nothing),
        cmocka_unit_test(a_wiped_one_takes_nothing),
        cmocka_unit_test(it_needs_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
