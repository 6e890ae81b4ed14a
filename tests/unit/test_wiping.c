// SPDX-License-Identifier: Apache-2.0
// Looks for secrets in every block that libcrypto frees, on good ways and on bad ones.
#define OPENSSL_SUPPRESS_DEPRECATED // SHA256_CTX shows the hash state that a key leaves
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_crypto_init.h"
#include "enc_fernet.h"

static const struct enc_fernet_key key = {{"MARKER-sign-0123MARKER-encrypt-4"}};
static const uint8_t iv[16] = "no secret at all";
static const uint8_t plain[4096] = "MARKER-plaintext";

// What must not be left behind: the keys, the plaintext, and the hash states from which a MAC can
// be made without the key.
static uint8_t secrets[5][16];
#define N_SECRETS (sizeof(secrets) / sizeof(secrets[0]))

// In front of every block that libcrypto has. The union keeps the block aligned.
union block {
    struct {
        union block *previous, *next;
        size_t n;
    } head;
    max_align_t align;
};

static union block live = {.head = {&live, &live, 0}}; // a ring
static size_t n_live, n_freed_with_secret;
static long fail_at = -1; // the allocation that fails, counted down; -1: none

static size_t count_secrets(const void *bytes, size_t n)
{
    size_t n_found = 0;

    for (size_t i = 0; i < N_SECRETS; i++)
        n_found += memmem(bytes, n, secrets[i], sizeof(secrets[i])) != NULL;
    return n_found;
}

static void *hook_malloc(size_t n, const char *file, int line)
{
    union block *block;

    (void)file;
    (void)line;
    if (fail_at >= 0 && fail_at-- == 0)
        return NULL;
    block = calloc(1, sizeof(*block) + n);
    if (block == NULL)
        return NULL;
    block->head.n = n;
    block->head.previous = &live;
    block->head.next = live.head.next;
    live.head.next->head.previous = block;
    live.head.next = block;
    n_live++;
    return block + 1;
}

static void hook_free(void *bytes, const char *file, int line)
{
    union block *block;

    (void)file;
    (void)line;
    if (bytes == NULL)
        return;
    block = (union block *)bytes - 1;
    n_freed_with_secret += count_secrets(bytes, block->head.n) > 0;
    block->head.previous->head.next = block->head.next;
    block->head.next->head.previous = block->head.previous;
    n_live--;
    free(block);
}

static void *hook_realloc(void *bytes, size_t n, const char *file, int line)
{
    void *larger;

    if (bytes == NULL)
        return hook_malloc(n, file, line);
    larger = n > 0 ? hook_malloc(n, file, line) : NULL;
    if (larger != NULL) {
        size_t n_old = ((union block *)bytes - 1)->head.n;
        memcpy(larger, bytes, n_old < n ? n_old : n);
    }
    if (larger != NULL || n == 0)
        hook_free(bytes, file, line);
    return larger;
}

static size_t count_live_secrets(void)
{
    size_t n_found = 0;

    for (union block *block = live.head.next; block != &live; block = block->head.next)
        n_found += count_secrets(block + 1, block->head.n);
    return n_found;
}

static void assert_nothing_is_left(size_t n_live_before)
{
    assert_int_equal(n_freed_with_secret, 0);
    assert_int_equal(count_live_secrets(), 0);
    assert_int_equal(n_live, n_live_before);
}

static struct enc_fernet_encryptor encryptor;
static uint8_t out[8192];

static void begin_and_encrypt(void)
{
    size_t n;

    assert_int_equal(enc_fernet_encryptor_init(&encryptor, &key, 0, iv), ENC_OK);
    assert_int_equal(
        enc_encryptor_update(&encryptor.base, plain, sizeof(plain) - 1, out, sizeof(out), &n),
        ENC_OK);
    // Else this test sees nothing at all.
    assert_true(count_live_secrets() > 0);
}

static void the_hook_sees_a_secret_that_is_freed(void **state)
{
    uint8_t *bytes = OPENSSL_malloc(100);

    (void)state;
    memcpy(bytes + 50, key.bytes, 16);
    OPENSSL_free(bytes);
    assert_int_equal(n_freed_with_secret, 1);
    for (size_t i = 0; i < N_SECRETS; i++) {
        bytes = OPENSSL_malloc(16);
        memcpy(bytes, secrets[i], 16);
        bytes = OPENSSL_realloc(bytes, 1000);
        OPENSSL_cleanse(bytes, 1000);
        OPENSSL_free(bytes);
    }
    assert_int_equal(n_freed_with_secret, 1 + N_SECRETS);
    n_freed_with_secret = 0;
}

static void a_finished_token_leaves_no_secret(void **state)
{
    size_t n, n_before = n_live;
    bool is_ended;

    (void)state;
    begin_and_encrypt();
    assert_int_equal(encryptor.base.ops->finish(&encryptor.base, out, sizeof(out), &n, &is_ended),
                     ENC_OK);
    assert_nothing_is_left(n_before);
}

static void an_abandoned_token_leaves_no_secret(void **state)
{
    size_t n_before = n_live;

    (void)state;
    begin_and_encrypt();
    encryptor.base.ops->wipe(&encryptor.base);
    assert_nothing_is_left(n_before);
}

static void a_failed_token_leaves_no_secret(void **state)
{
    size_t n, n_before = n_live;
    bool is_ended;
    struct enc_kernel_item item, *items[] = {&item};

    (void)state;
    begin_and_encrypt();
    assert_int_equal(
        encryptor.base.ops->prepare(&encryptor.base, plain, 1000, out, sizeof(out), &n, &item),
        ENC_OK);
    item.n--; // the kernel refuses what is not whole blocks
    enc_kernel_run(items, 1);
    assert_int_equal(encryptor.base.ops->commit(&encryptor.base, &item, &n), ENC_MISUSE);
    assert_int_equal(encryptor.base.ops->finish(&encryptor.base, out, sizeof(out), &n, &is_ended),
                     ENC_MISUSE);
    encryptor.base.ops->wipe(&encryptor.base);
    assert_nothing_is_left(n_before);
}

static void a_beginning_without_memory_leaves_no_secret(void **state)
{
    enum enc_status status = ENC_NO_MEMORY;
    size_t n_before = n_live;
    long n_failed = 0;

    (void)state;
    for (; status != ENC_OK; n_failed++) {
        fail_at = n_failed;
        status = enc_fernet_encryptor_init(&encryptor, &key, 0, iv);
        fail_at = -1;
        assert_true(status == ENC_OK || status == ENC_NO_MEMORY);
        if (status != ENC_OK)
            assert_nothing_is_left(n_before);
    }
    assert_true(n_failed > 5);
    encryptor.base.ops->wipe(&encryptor.base);
    assert_nothing_is_left(n_before);
    // And what all lanes share has not suffered.
    a_finished_token_leaves_no_secret(state);
}

static void set_up_secrets(void)
{
    static const uint8_t pads[2] = {0x36, 0x5c}; // RFC 2104, 2

    memcpy(secrets[0], key.bytes, 16);
    memcpy(secrets[1], key.bytes + 16, 16);
    memcpy(secrets[2], plain, 16);
    for (size_t i = 0; i < 2; i++) {
        uint8_t padded[64] = {0};
        SHA256_CTX hash;

        memcpy(padded, key.bytes, 16);
        for (size_t j = 0; j < sizeof(padded); j++)
            padded[j] ^= pads[i];
        SHA256_Init(&hash);
        SHA256_Update(&hash, padded, sizeof(padded));
        memcpy(secrets[3 + i], hash.h, 16);
    }
}

static int set_up(void **state)
{
    (void)state;
    set_up_secrets();
    return enc_crypto_init() == ENC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    enc_crypto_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hook_sees_a_secret_that_is_freed),
        cmocka_unit_test(a_finished_token_leaves_no_secret),
        cmocka_unit_test(an_abandoned_token_leaves_no_secret),
        cmocka_unit_test(a_failed_token_leaves_no_secret),
        cmocka_unit_test(a_beginning_without_memory_leaves_no_secret),
    };

    if (!CRYPTO_set_mem_functions(hook_malloc, hook_realloc, hook_free))
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
