// SPDX-License-Identifier: Apache-2.0
// Looks for the secrets of what age is made of in every block that libcrypto frees, in those that
// it keeps, and on the stack; on good ways, and with each allocation failing in turn.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "freed_blocks.h" // before OpenSSL's headers

#include <openssl/err.h>
#include <openssl/evp.h>

#include "enc_aead.h"
#include "enc_kdf.h"
#include "enc_x25519.h"
#include "stack_secrets.h"
#include "with_crypto.h"

#define N_KEY 32
#define N_SCRYPT_BLOCKS 1024 // 128 * r * p (RFC 7914, 6)

static const uint8_t aead_key[N_KEY + 1] = "MARKER-aead-key-0123456789abcdef";
static const uint8_t hkdf_secret[N_KEY + 1] = "MARKER-hkdf-input-123456789abcde";
static const uint8_t hmac_key[N_KEY + 1] = "MARKER-hmac-key-zyxwvutsrqponmlk";
static const uint8_t x25519_secret[N_KEY + 1] = "MARKER-x25519-secret-0123456789a";
static const uint8_t passphrase[N_KEY + 1] = "MARKER-passphrase-0123456789abcd";
// Long enough for the code that does many blocks at a time.
static const uint8_t message[2048] = "MARKER-plaintext";
static const uint8_t salt[N_KEY + 1] = "a salt, which is no secret at al";
static const uint8_t info[] = "what it is for";
static const uint8_t nonce[ENC_AEAD_NONCE + 1] = "not a secret";
static const uint8_t peer[N_KEY] = {5};
static const uint8_t low_order[N_KEY] = {1};

// Each writes 32 bytes, zeros if it fails.
static enum enc_status run_hkdf(uint8_t *out)
{
    return enc_hkdf_sha256((struct enc_bytes){hkdf_secret, N_KEY}, (struct enc_bytes){salt, N_KEY},
                           (struct enc_bytes){info, sizeof(info)}, out);
}

static enum enc_status run_hmac(uint8_t *out)
{
    return enc_hmac_sha256(hmac_key, (struct enc_bytes){info, sizeof(info)}, out);
}

static enum enc_status run_scrypt(uint8_t *out)
{
    return enc_scrypt((struct enc_bytes){passphrase, N_KEY}, (struct enc_bytes){salt, N_KEY}, 2,
                      out);
}

static enum enc_status run_x25519_public(uint8_t *out)
{
    return enc_x25519_public(x25519_secret, out);
}

static enum enc_status run_x25519_shared(uint8_t *out)
{
    return enc_x25519_shared(x25519_secret, peer, out);
}

static enum enc_status run_x25519_low_order(uint8_t *out)
{
    return enc_x25519_shared(x25519_secret, low_order, out);
}

// Seals a message and opens it again; its tag is what comes out, twice.
static enum enc_status go_through_aead(uint8_t *out, int is_altered)
{
    static uint8_t sealed[sizeof(message)];
    uint8_t tag[ENC_AEAD_TAG];
    enum enc_status status;
    struct enc_aead aead;

    memset(out, 0, N_KEY);
    status = enc_aead_init(&aead, aead_key);
    if (status != ENC_OK)
        return aead.cipher == NULL ? status : ENC_MISUSE; // it must be as wiped
    status = enc_aead_seal_begin(&aead, nonce);
    if (status == ENC_OK)
        status = enc_aead_update(&aead, message, sizeof(message), sealed);
    if (status == ENC_OK)
        status = enc_aead_seal_end(&aead, tag);
    if (status == ENC_OK)
        status = enc_aead_open_begin(&aead, nonce);
    sealed[0] ^= (uint8_t)is_altered;
    if (status == ENC_OK)
        status = enc_aead_update(&aead, sealed, sizeof(message), sealed);
    if (status == ENC_OK)
        status = enc_aead_open_end(&aead, tag);
    enc_aead_wipe(&aead);
    if (status == ENC_OK) {
        memcpy(out, tag, sizeof(tag));
        memcpy(out + sizeof(tag), tag, sizeof(tag));
    }
    return status;
}

static enum enc_status run_aead(uint8_t *out)
{
    return go_through_aead(out, 0);
}

static enum enc_status run_aead_altered(uint8_t *out)
{
    return go_through_aead(out, 1);
}

static const struct operation {
    const char *label;
    enum enc_status (*run)(uint8_t *out);
    enum enc_status expected;
} operations[] = {
    {"scrypt", run_scrypt, ENC_OK},
    {"hkdf", run_hkdf, ENC_OK},
    {"hmac", run_hmac, ENC_OK},
    {"x25519_public", run_x25519_public, ENC_OK},
    {"x25519_shared", run_x25519_shared, ENC_OK},
    {"x25519_shared, low order", run_x25519_low_order, ENC_LOW_ORDER_POINT},
    {"aead", run_aead, ENC_OK},
    {"aead, altered", run_aead_altered, ENC_TAG_MISMATCH},
};

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const uint8_t zeros[N_KEY];

// Runs with an allocation failing. Returns 0 once there are not as many.
static int run_with_failure(const struct operation *operation, long at)
{
    uint8_t out[N_KEY];
    enum enc_status status;
    int has_failed;

    memset(out, 0xa5, sizeof(out));
    n_lacking = 0;
    fail_at = at;
    status = operation->run(out);
    fail_at = -1;
    has_failed = n_lacking > 0;

    // Where it is OpenSSL's list of errors that finds no memory, the outcome may be the expected
    // one: but never another than these two.
    if (status != operation->expected && !(has_failed && status == ENC_NO_MEMORY))
        fail_msg("%s, allocation %ld: %s", operation->label, at, enc_status_name(status));
    if ((memcmp(out, zeros, sizeof(out)) == 0) != (status != ENC_OK))
        fail_msg("%s, allocation %ld: a wrong output", operation->label, at);
    if (ERR_peek_error() != 0)
        fail_msg("%s, allocation %ld: an error is left", operation->label, at);
    return has_failed;
}

static void assert_no_secret_is_freed(const struct operation *operation, long at)
{
    if (n_freed_with_secret != 0)
        fail_msg("%s, allocation %ld: %zu blocks freed with a secret", operation->label, at,
                 n_freed_with_secret);
}

static void assert_no_secret_is_kept(const struct operation *operation)
{
    if (count_live_secrets() != 0)
        fail_msg("%s: %zu secrets are kept", operation->label, count_live_secrets());
}

// The first test: what libcrypto does once in a process, it does while memory is lacking.
static void memory_may_be_lacking_from_the_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        for (long at = 0; run_with_failure(&operations[i], at); at++)
            assert_no_secret_is_freed(&operations[i], at);
        assert_no_secret_is_freed(&operations[i], -1); // without a failure
        assert_no_secret_is_kept(&operations[i]);
    }
}

// Returns 0 once there are not as many.
static int fail_one(const struct operation *operation, long at)
{
    size_t n_before;
    int has_failed;

    OPENSSL_thread_stop(); // OpenSSL's list of errors, made with the first
    n_before = n_live;
    has_failed = run_with_failure(operation, at);
    OPENSSL_thread_stop();
    assert_no_secret_is_freed(operation, at);
    if (n_live != n_before)
        fail_msg("%s, allocation %ld: %zu blocks instead of %zu", operation->label, at, n_live,
                 n_before);
    return has_failed;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        long at = 0;
        while (fail_one(&operations[i], at))
            at++;
        // The hook is in the way: each has at least a context to make.
        assert_true(at > 0);
        assert_no_secret_is_kept(&operations[i]);
    }
}

static void the_hook_sees_each_secret(void **state)
{
    (void)state;
    assert_in_range(n_secrets, 20, SECRETS_MAX);
    for (size_t i = 0; i < n_secrets; i++) {
        uint8_t *bytes = OPENSSL_zalloc(100);
        memcpy(bytes + i, secrets[i], SECRET_BYTES);
        assert_int_equal(count_live_secrets(), 1);
        OPENSSL_free(bytes);
        assert_int_equal(n_freed_with_secret, i + 1);
    }
    n_freed_with_secret = 0;
}

static void a_key_in_use_is_seen_and_then_gone(void **state)
{
    uint8_t out[sizeof(message)];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, aead_key), ENC_OK);
    assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_update(&aead, message, sizeof(message), out), ENC_OK);
    assert_true(count_live_secrets() > 0);
    enc_aead_wipe(&aead); // an abandoned message
    assert_int_equal(count_live_secrets(), 0);
    assert_int_equal(n_freed_with_secret, 0);
}

static void scrypt_asks_for_all_the_memory_that_it_may_need(void **state)
{
    uint8_t out[N_KEY];

    (void)state;
    memset(out, 0xa5, sizeof(out));
    n_refused = (size_t)1 << 30;
    n_largest = 0;
    assert_int_equal(
        enc_scrypt((struct enc_bytes){passphrase, N_KEY}, (struct enc_bytes){salt, N_KEY}, 30, out),
        ENC_NO_MEMORY);
    n_refused = SIZE_MAX;
    assert_in_range(n_largest, (size_t)1 << 40, ((size_t)1 << 40) + 4096);
    assert_memory_equal(out, zeros, sizeof(out));
    assert_int_equal(n_freed_with_secret, 0);
    assert_int_equal(count_live_secrets(), 0);
}

static enum enc_status leave_a_secret(uint8_t *out)
{
    uint8_t local[1024]; // its beginning is so deep that what comes later misses it

    memcpy(local, aead_key, N_KEY);
    __asm__ volatile("" : : "r"(local) : "memory"); // read by somebody, for all the compiler knows
    out[0] = local[0];
    return ENC_OK;
}

static enum enc_status (*run_there)(uint8_t *out);

static void run_it_there(void)
{
    uint8_t out[N_KEY];

    (void)!run_there(out);
    memset(out, 0, sizeof(out));
    __asm__ volatile("" : : "r"(out) : "memory"); // what comes out may be one
}

static size_t count_secrets_on_stack_of(enum enc_status (*run)(uint8_t *out))
{
    run_there = run;
    return count_secrets_on_stack_after(run_it_there);
}

static void the_stack_keeps_no_secret(void **state)
{
    (void)state;
    assert_true(count_secrets_on_stack_of(leave_a_secret) > 0);
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        size_t n_found = count_secrets_on_stack_of(operations[i].run);
        if (n_found != 0)
            fail_msg("%s: %zu secrets on the stack", operations[i].label, n_found);
    }
}

// Two pieces, neither with the bits that X25519 clamps; a key is rarely copied in less.
static void watch_key(const uint8_t *key)
{
    watch_secret(key + 1);
    watch_secret(key + N_KEY - 1 - SECRET_BYTES);
}

// As vector code has it: a word in each lane.
static void watch_words(const uint8_t *key)
{
    uint8_t lanes[SECRET_BYTES];

    for (size_t i = 0; i < N_KEY; i += 4) {
        for (size_t j = 0; j < sizeof(lanes); j += 4)
            memcpy(lanes + j, key + i, 4);
        watch_secret(lanes);
    }
}

static void watch_inputs(void)
{
    watch_key(aead_key);
    watch_words(aead_key);
    watch_secret(message);
    watch_key(hkdf_secret);
    watch_key(hmac_key);
    watch_hmac_states(hmac_key, N_KEY);
    watch_key(x25519_secret);
    watch_key(passphrase);
    watch_hmac_states(passphrase, N_KEY);
}

// RFC 8439, 2.6: the key of Poly1305 is the beginning of the cipher's first block. Its first half
// is clamped, its second used as it is.
static void make_poly1305_key(uint8_t *key)
{
    uint8_t counter_and_nonce[16] = {0};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n_out;

    memcpy(counter_and_nonce + 4, nonce, ENC_AEAD_NONCE);
    assert_true(EVP_EncryptInit_ex2(context, EVP_chacha20(), aead_key, counter_and_nonce, NULL));
    assert_true(EVP_EncryptUpdate(context, key, &n_out, zeros, N_KEY));
    EVP_CIPHER_CTX_free(context);
}

static int watch_what_is_made(void **state)
{
    uint8_t key[N_KEY], blocks[N_SCRYPT_BLOCKS];

    (void)state;
    make_poly1305_key(key);
    watch_secret(key + SECRET_BYTES);
    // RFC 5869, 2.2: the PRK.
    assert_int_equal(enc_hmac_sha256(salt, (struct enc_bytes){hkdf_secret, N_KEY}, key), ENC_OK);
    watch_key(key);
    watch_hmac_states(key, N_KEY);
    assert_int_equal(run_hkdf(key), ENC_OK);
    watch_key(key);
    // RFC 7914, 6: what is mixed.
    assert_true(PKCS5_PBKDF2_HMAC((const char *)passphrase, N_KEY, salt, N_KEY, 1, EVP_sha256(),
                                  sizeof(blocks), blocks));
    watch_secret(blocks);
    watch_secret(blocks + sizeof(blocks) - SECRET_BYTES);
    assert_int_equal(run_scrypt(key), ENC_OK);
    watch_key(key);
    assert_int_equal(run_x25519_shared(key), ENC_OK);
    watch_key(key);
    n_freed_with_secret = 0; // of what was computed here
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_be_lacking_from_the_start),
        cmocka_unit_test_setup(the_hook_sees_each_secret, watch_what_is_made),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_key_in_use_is_seen_and_then_gone),
        cmocka_unit_test(scrypt_asks_for_all_the_memory_that_it_may_need),
        cmocka_unit_test(the_stack_keeps_no_secret),
    };

    if (!hook_allocations() || enc_crypto_init() != ENC_OK)
        return 1;
    watch_inputs();
    return cmocka_run_group_tests(tests, NULL, tear_down_crypto);
}
