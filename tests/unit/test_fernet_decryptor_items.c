// SPDX-License-Identifier: Apache-2.0
// Tests of the Fernet decryptor: the work that it describes, and its commit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drive_fernet.h"
#include "with_crypto.h"

#define ROOM 40000

static uint8_t plain[FERNET_PLAIN_MAX], room[ROOM];
static struct fernet_token token;
static struct enc_fernet_decryptor decryptor;

static void begin_pass(int pass, size_t n)
{
    struct fernet_verified verified;

    fernet_make(plain, n, &token);
    assert_int_equal(enc_fernet_decryptor_init(&decryptor, &fernet_key, NULL), ENC_OK);
    if (pass == 1)
        return;
    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, token.n), ENC_OK);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_OK);
}

// The decryptor takes nothing any more, and has forgotten its keys.
static void assert_is_over(void)
{
    static const struct enc_fernet_decryptor clear;
    struct enc_kernel_item item = {.op = ENC_KERNEL_NONE};
    struct fernet_verified verified;
    size_t n = 77;

    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, 1), ENC_MISUSE);
    assert_int_equal(decryptor.base.ops->commit(&decryptor.base, &item, &n), ENC_MISUSE);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_MISUSE);
    assert_int_equal(n, 77);
    assert_memory_equal(&decryptor.key, &clear.key, sizeof(clear.key));
    assert_memory_equal(&decryptor.lane, &clear.lane, sizeof(clear.lane));
    assert_null(decryptor.cbc.cipher);
    decryptor.base.ops->wipe(&decryptor.base);
}

static enum enc_status begin_piece(int pass, const uint8_t *in, size_t n, size_t *ret_taken,
                                   struct enc_kernel_item *item)
{
    const struct enc_decryptor_ops *ops = decryptor.base.ops;

    if (pass == 1)
        return ops->verify(&decryptor.base, in, n, ret_taken, item);
    return ops->open(&decryptor.base, in, n, room, ROOM, ret_taken, item);
}

static enum enc_status begin_token(int pass, struct enc_kernel_item *item)
{
    size_t n_taken;

    return begin_piece(pass, token.chars, token.n, &n_taken, item);
}

static void work_that_nobody_did_is_refused(void **state)
{
    (void)state;
    for (int pass = 1; pass <= 2; pass++) {
        struct enc_kernel_item item;
        size_t n = 77;

        begin_pass(pass, 20000);
        assert_int_equal(begin_token(pass, &item), ENC_OK);
        assert_int_equal(item.op, ENC_KERNEL_HASH);
        memset(room, 0xa5, ROOM);
        assert_int_equal(decryptor.base.ops->commit(&decryptor.base, &item, &n), ENC_MISUSE);
        assert_int_equal(n, 77);
        for (size_t i = 0; i < ROOM; i++)
            assert_int_equal(room[i], 0xa5);
        assert_is_over();
    }
}

static void what_is_begun_has_to_be_committed_first(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int pass = i / 2 + 1;
        struct enc_kernel_item item;
        uint64_t size;
        size_t n;
        bool is_ended;

        begin_pass(pass, 100);
        assert_int_equal(begin_token(pass, &item), ENC_OK);
        if (i % 2 == 0)
            assert_int_equal(begin_token(pass, &item), ENC_MISUSE);
        else if (pass == 1)
            assert_int_equal(decryptor.base.ops->verify_end(&decryptor.base, &size), ENC_MISUSE);
        else
            assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), ENC_MISUSE);
        assert_is_over();
    }
}

static void there_is_nothing_to_commit_before_a_piece(void **state)
{
    (void)state;
    for (int pass = 1; pass <= 2; pass++) {
        struct enc_kernel_item item = {.op = ENC_KERNEL_NONE};
        size_t n;

        begin_pass(pass, 100);
        assert_int_equal(decryptor.base.ops->commit(&decryptor.base, &item, &n), ENC_MISUSE);
        assert_is_over();
    }
}

// Returns how much of a piece was taken.
static size_t put_through(int pass, const uint8_t *in, size_t n, struct enc_kernel_item *item)
{
    size_t n_taken = 0, n_out = 77;

    assert_int_equal(begin_piece(pass, in, n, &n_taken, item), ENC_OK);
    enc_kernel_run(&item, 1);
    assert_int_equal(decryptor.base.ops->commit(&decryptor.base, item, &n_out), ENC_OK);
    assert_int_equal(n_out, pass == 1 ? 0 : item->n);
    return n_taken;
}

// All but the first, behind the header, and the last, before the tail.
static void pieces_of_64_kib_give_items_of_a_whole_chunk(void **state)
{
    const size_t n_piece = 65536;

    (void)state;
    for (int pass = 1; pass <= 2; pass++) {
        size_t n_full = 0, n_others = 0;

        begin_pass(pass, FERNET_PLAIN_MAX);
        for (size_t at = 0; at < token.n;) {
            const size_t n_left = n_piece - at % n_piece;
            struct enc_kernel_item item;

            at += put_through(pass, token.chars + at, n_left < token.n - at ? n_left : token.n - at,
                              &item);
            assert_in_range(item.n, 0, ENC_FERNET_CHUNK);
            n_full += item.n == ENC_FERNET_CHUNK;
            n_others += item.n != ENC_FERNET_CHUNK;
        }
        assert_int_equal(n_full, (token.n - 1) / (ENC_FERNET_CHUNK / 3 * 4) - 1);
        assert_int_equal(n_others, 2);
        decryptor.base.ops->wipe(&decryptor.base);
    }
}

static int set_up(void **state)
{
    fernet_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_that_nobody_did_is_refused),
        cmocka_unit_test(what_is_begun_has_to_be_committed_first),
        cmocka_unit_test(there_is_nothing_to_commit_before_a_piece),
        cmocka_unit_test(pieces_of_64_kib_give_items_of_a_whole_chunk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
