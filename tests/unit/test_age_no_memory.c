// SPDX-License-Identifier: Apache-2.0
// Each allocation of libcrypto's fails in turn while an age file is made, and while one is opened:
// nothing wrong comes out, nothing is leaked, and no secret is in what is freed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "freed_blocks.h" // before OpenSSL's headers

#include <openssl/err.h>

#include "age_kinds.h"
#include "age_reference.h"
#include "enc_crypto_init.h"

#define N_PLAIN 3000

static struct enc_age_seed seed;
static uint8_t plain[N_PLAIN];
static struct age_bytes good_files[AGE_N_KINDS];
static struct enc_age_identity identities[AGE_N_KINDS];
static struct enc_age_encryptor_options options[AGE_N_KINDS];

static enum enc_status encrypt(size_t kind, struct age_bytes *ret_file)
{
    static struct enc_age_encryptor encryptor;
    static uint8_t out[4 * N_PLAIN];
    size_t n = 0, n_end = 0;
    bool is_ended = true;
    enum enc_status st = enc_age_encryptor_init(&encryptor, &options[kind]);

    if (st == ENC_OK)
        st = enc_encryptor_update(&encryptor.base, plain, N_PLAIN, out, sizeof(out), &n);
    if (st == ENC_OK)
        st = encryptor.base.ops->finish(&encryptor.base, out + n, sizeof(out) - n, &n_end,
                                        &is_ended);
    assert_true(is_ended);
    encryptor.base.ops->wipe(&encryptor.base);
    if (st == ENC_OK)
        age_append(ret_file, out, n + n_end);
    return st;
}

// A file that comes out is the right one.
static enum enc_status check_encrypt(size_t kind)
{
    struct age_bytes file = {0};
    enum enc_status st = encrypt(kind, &file);

    if (st == ENC_OK) {
        assert_int_equal(file.n, good_files[kind].n);
        assert_memory_equal(file.at, good_files[kind].at, file.n);
    }
    age_free(&file);
    return st;
}

static enum enc_status check_decrypt(size_t kind)
{
    struct age_opened opened;

    age_open(&identities[kind], 1, good_files[kind].at, good_files[kind].n, &age_whole, &opened);
    assert_int_equal(opened.plain.n, opened.status == ENC_OK ? N_PLAIN : 0);
    if (opened.status == ENC_OK)
        assert_memory_equal(opened.plain.at, plain, N_PLAIN);
    age_free(&opened.plain);
    return opened.status;
}

static void fail_in_turn(enum enc_status (*check)(size_t kind))
{
    // One recipient; two, in armor; a passphrase.
    for (size_t k = 0; k < AGE_N_KINDS; k += 3) {
        OPENSSL_thread_stop(); // its list of errors, made with the first
        size_t n_failed = 0, n_before = n_live;
        for (long i = 0;; i++) {
            n_lacking = 0;
            fail_at = i;
            enum enc_status st = check(k);
            fail_at = -1;
            ERR_clear_error();
            OPENSSL_thread_stop();
            if (n_freed_with_secret > 0 || count_live_secrets() > 0 || n_live != n_before)
                fail_msg("%s, allocation %ld: %zu freed with a secret, %zu live secrets, %zu live",
                         age_kinds[k].label, i, n_freed_with_secret, count_live_secrets(),
                         n_live - n_before);
            if (n_lacking == 0) {
                assert_int_equal(st, ENC_OK);
                break;
            }
            if (st != ENC_OK && st != ENC_NO_MEMORY && st != ENC_CRYPTO_FAILED)
                fail_msg("%s, allocation %ld: %s", age_kinds[k].label, i, enc_status_name(st));
            n_failed += st != ENC_OK;
        }
        assert_true(n_failed > 2); // a key exchange or scrypt, HKDF, the cipher
    }
}

static void any_allocation_of_an_encryption_may_fail(void **state)
{
    (void)state;
    fail_in_turn(check_encrypt);
}

static void any_allocation_of_a_decryption_may_fail(void **state)
{
    (void)state;
    fail_in_turn(check_decrypt);
}

// Else this test sees nothing.
static void a_file_key_in_use_is_seen(void **state)
{
    struct enc_age_stream stream;

    (void)state;
    assert_int_equal(enc_age_stream_init(&stream, &seed.file_key, seed.nonce), ENC_OK);
    assert_true(count_live_secrets() > 0);
    enc_age_stream_wipe(&stream);
    assert_int_equal(count_live_secrets(), 0);
    assert_int_equal(n_freed_with_secret, 0);
}

static int set_up(void **state)
{
    (void)state;
    uint8_t payload_key[32];

    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
    age_reference_key(&seed, payload_key);
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        options[k] = age_options_of(&age_kinds[k], &seed);
        identities[k] = age_identity_of(&age_kinds[k]);
        age_seal(&options[k], plain, N_PLAIN, &good_files[k]);
        check_decrypt(k); // what is looked up once
    }
    OPENSSL_thread_stop();
    watch_secret(seed.file_key.bytes);
    watch_secret(payload_key);
    watch_secret(payload_key + SECRET_BYTES);
    for (size_t i = 0; i < 2; i++) {
        // The first half may be a salt.
        watch_secret(seed.stanzas[i] + SECRET_BYTES);
        watch_secret(identities[2 * i].bytes);
    }
    watch_secret(plain + 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++)
        age_free(&good_files[k]);
    enc_crypto_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_key_in_use_is_seen),
        cmocka_unit_test(any_allocation_of_an_encryption_may_fail),
        cmocka_unit_test(any_allocation_of_a_decryption_may_fail),
    };

    if (!hook_allocations() || enc_crypto_init() != ENC_OK)
        return 1;
    return cmocka_run_group_tests_name("age_no_memory", tests, set_up, tear_down);
}
