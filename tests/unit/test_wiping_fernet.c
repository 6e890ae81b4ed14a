// SPDX-License-Identifier: Apache-2.0
// Looks for secrets in every block that libcrypto frees while a Fernet token is decrypted, on good
// ways and on bad ones; and lets each allocation fail in turn.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "freed_blocks.h" // before OpenSSL's headers

#include <openssl/err.h>

#include "drive_fernet.h"
#include "enc_cpu.h"
#include "with_crypto.h"

#define N_PLAIN 3000

static uint8_t plain[N_PLAIN];
static struct fernet_token token, bad;
static struct fernet_outcome outcome;
static struct enc_fernet_decryptor decryptor;
static struct fernet_verified verified;

static void begin_and_verify(const struct fernet_token *verified_token)
{
    assert_int_equal(enc_fernet_decryptor_init(&decryptor, &fernet_key, NULL), ENC_OK);
    // Else this test sees nothing at all.
    assert_true(count_live_secrets() + count_secrets(&decryptor.lane, sizeof(decryptor.lane)) > 0);
    assert_int_equal(
        enc_decryptor_verify(&decryptor.base, verified_token->chars, verified_token->n), ENC_OK);
}

static size_t count_in_decryptor(void)
{
    return count_secrets(&decryptor, sizeof(decryptor));
}

static void a_decrypted_token_leaves_no_secret(void **state)
{
    static uint8_t room[2 * N_PLAIN];
    size_t n_before = n_live, n_taken, n;
    bool is_ended;

    (void)state;
    begin_and_verify(&token);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_OK);
    assert_true(count_in_decryptor() > 0);
    assert_int_equal(
        enc_decryptor_open(&decryptor.base, token.chars, token.n, room, sizeof(room), &n_taken, &n),
        ENC_OK);
    assert_true(count_live_secrets() > 0);
    assert_int_equal(fernet_open_end(&decryptor, room, sizeof(room), &n, &is_ended), ENC_OK);
    assert_true(is_ended);
    assert_nothing_is_left(n_before);
    assert_int_equal(count_in_decryptor(), 0);
}

static void a_token_of_another_key_leaves_no_secret(void **state)
{
    size_t n_before = n_live;

    (void)state;
    begin_and_verify(&bad);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_FERNET_MAC);
    assert_nothing_is_left(n_before);
    assert_int_equal(count_in_decryptor(), 0);
}

static void an_abandoned_token_leaves_no_secret(void **state)
{
    size_t n_before = n_live;

    (void)state;
    begin_and_verify(&token);
    decryptor.base.ops->wipe(&decryptor.base);
    assert_nothing_is_left(n_before);

    begin_and_verify(&token);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_OK);
    decryptor.base.ops->wipe(&decryptor.base);
    assert_nothing_is_left(n_before);
    assert_int_equal(count_in_decryptor(), 0);
}

static void a_token_that_changes_leaves_no_secret(void **state)
{
    size_t n_before = n_live;

    (void)state;
    fernet_decrypt_twice(&fernet_key, NULL, &token, &bad, &fernet_whole, &outcome);
    assert_int_equal(outcome.open, ENC_FERNET_MAC);
    assert_nothing_is_left(n_before);
}

static enum enc_status decrypt(void)
{
    static uint8_t room[2 * N_PLAIN];
    size_t n_taken, n = 0, n_end = 0;
    bool is_ended;
    enum enc_status st = enc_fernet_decryptor_init(&decryptor, &fernet_key, NULL);

    if (st == ENC_OK)
        st = enc_decryptor_verify(&decryptor.base, token.chars, token.n);
    if (st == ENC_OK)
        st = fernet_verify_end(&decryptor, &verified);
    if (st == ENC_OK)
        st = enc_decryptor_open(&decryptor.base, token.chars, token.n, room, sizeof(room), &n_taken,
                                &n);
    if (st == ENC_OK)
        st = fernet_open_end(&decryptor, room + n, sizeof(room) - n, &n_end, &is_ended);
    decryptor.base.ops->wipe(&decryptor.base);
    if (st == ENC_OK) {
        assert_int_equal(n + n_end, N_PLAIN);
        assert_memory_equal(room, plain, N_PLAIN);
    }
    return st;
}

static void any_allocation_may_fail(void **state)
{
    size_t n_failed = 0, n_before;

    (void)state;
    OPENSSL_thread_stop(); // its list of errors, made with the first
    n_before = n_live;
    for (long i = 0;; i++) {
        n_lacking = 0;
        fail_at = i;
        enum enc_status st = decrypt();
        fail_at = -1;
        ERR_clear_error();
        OPENSSL_thread_stop();
        assert_nothing_is_left(n_before);
        if (n_lacking == 0) {
            assert_int_equal(st, ENC_OK);
            break;
        }
        assert_true(st == ENC_OK || st == ENC_NO_MEMORY || st == ENC_CRYPTO_FAILED);
        n_failed += st != ENC_OK;
    }
    assert_true(n_failed > 3); // two ciphers
}

static int set_up(void **state)
{
    if (set_up_crypto(state) != 0)
        return -1;
    for (size_t i = 0; i < N_PLAIN; i++)
        plain[i] = (uint8_t)(i * i + (i >> 8) * 11);
    fernet_make(plain, N_PLAIN, &token);
    bad = token;
    fernet_alter(&bad, 2000);
    watch_secret(fernet_key.bytes);
    watch_secret(fernet_key.bytes + 16);
    watch_hmac_states(fernet_key.bytes, 16);
    watch_secret(plain + 1000);
    watch_secret(plain + N_PLAIN / 16 * 16 - 16);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decrypted_token_leaves_no_secret),
        cmocka_unit_test(a_token_of_another_key_leaves_no_secret),
        cmocka_unit_test(an_abandoned_token_leaves_no_secret),
        cmocka_unit_test(a_token_that_changes_leaves_no_secret),
        cmocka_unit_test(any_allocation_may_fail),
    };

    enc_cpu_use(ENC_CPU_PORTABLE); // lanes of libcrypto's
    if (!hook_allocations())
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
