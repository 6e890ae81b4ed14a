// SPDX-License-Identifier: Apache-2.0
// Looks for secrets in every block that libcrypto frees, on good ways and on bad ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_cpu.h"
#include "enc_fernet.h"
#include "freed_blocks.h"
#include "with_crypto.h"

static const struct enc_fernet_key key = {{"MARKER-sign-0123MARKER-encrypt-4"}};
static const uint8_t iv[16] = "no secret at all";
static const uint8_t plain[4096] = "MARKER-plaintext";

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
    for (size_t i = 0; i < n_secrets; i++) {
        bytes = OPENSSL_malloc(16);
        memcpy(bytes, secrets[i], 16);
        bytes = OPENSSL_realloc(bytes, 1000);
        OPENSSL_cleanse(bytes, 1000);
        OPENSSL_free(bytes);
    }
    assert_int_equal(n_freed_with_secret, 1 + n_secrets);
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

static int set_up(void **state)
{
    watch_secret(key.bytes);
    watch_secret(key.bytes + 16);
    watch_secret(plain);
    watch_hmac_states(key.bytes, 16);
    return set_up_crypto(state);
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

    enc_cpu_use(ENC_CPU_PORTABLE); // lanes of libcrypto's
    if (!hook_allocations())
        return 1;
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
