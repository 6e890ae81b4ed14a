// SPDX-License-Identifier: Apache-2.0
// Tests of the Fernet decryptor: what its caller may not do, and a token that is another one when
// it comes again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cpu_levels.h"
#include "drive_fernet.h"
#include "with_crypto.h"

#define ROOM 40000

static uint8_t plain[FERNET_PLAIN_MAX], room[ROOM];
static struct fernet_token token, other;
static struct fernet_outcome outcome;
static struct enc_fernet_decryptor decryptor;

static void begin(size_t n)
{
    fernet_make(plain, n, &token);
    assert_int_equal(enc_fernet_decryptor_init(&decryptor, &fernet_key, NULL), ENC_OK);
}

static void begin_pass_2(size_t n)
{
    struct fernet_verified verified;

    begin(n);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, token.n), ENC_OK);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_OK);
    assert_int_equal(verified.size, n);
}

// `token` in pass 1 and `other` in pass 2: what leaves before the byte of the token that differs is
// the plaintext, what leaves behind it is less than all of it, and the end is an error.
static void assert_change_is_found(size_t n, size_t at, const struct fernet_pieces *pieces)
{
    // Of the plaintext in front of the block that the character is in.
    const size_t at_raw = at / 4 * 3, n_good = at_raw < 25 ? 0 : (at_raw - 25) / 16 * 16;

    fernet_decrypt_twice(&fernet_key, NULL, &token, &other, pieces, &outcome);
    assert_int_equal(outcome.verify, ENC_OK);
    assert_true(outcome.open == ENC_FERNET_MAC || outcome.open == ENC_FERNET_TOKEN);
    assert_true(outcome.n == 0 || outcome.n < n);
    assert_memory_equal(outcome.plain, plain, outcome.n < n_good ? outcome.n : n_good);
}

static void a_token_changed_between_the_passes_is_found(void **state)
{
    static const struct fernet_pieces pieces[] = {{{SIZE_MAX}, 1, ENC_FORMAT_OUT_MIN},
                                                  {{1}, 1, ENC_FORMAT_OUT_MIN}};

    (void)state;
    for (size_t n = 0; n <= 320; n = n < 50 ? n + 1 : n * 2) {
        fernet_make(plain, n, &token);
        for (size_t at = 0; at < token.n; at++) {
            other = token;
            fernet_alter(&other, at);
            assert_change_is_found(n, at, &pieces[at % 2]);
            other.chars[at] = '\n';
            assert_change_is_found(n, at, &pieces[at % 2]);
        }
    }
}

static void a_large_token_changed_between_the_passes_is_found(void **state)
{
    const size_t n = 65536;

    (void)state;
    fernet_make(plain, n, &token);
    for (size_t at = 0; at < token.n; at += 331) {
        other = token;
        fernet_alter(&other, at);
        assert_change_is_found(n, at, &fernet_whole);
        assert_int_equal(outcome.open, at < 2 || at > 33 ? ENC_FERNET_MAC : outcome.open);
    }
}

static void a_token_cut_off_between_the_passes_is_found(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 100; n++) {
        fernet_make(plain, n, &token);
        other = token;
        while (other.n-- > 0)
            assert_change_is_found(n, other.n, &fernet_whole);
    }
}

// Good tokens, both: only that the second is not the first is wrong.
static void another_token_in_pass_2_is_found(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 100; n++) {
        for (size_t n_other = 0; n_other <= 100; n_other++) {
            if (n_other == n)
                continue;
            fernet_make(plain, n, &token);
            fernet_make(plain, n_other, &other);
            fernet_decrypt_twice(&fernet_key, NULL, &token, &other, &fernet_whole, &outcome);
            assert_int_equal(outcome.verify, ENC_OK);
            assert_int_equal(outcome.open, ENC_FERNET_MAC);
            assert_true(outcome.n == 0 || outcome.n < n);
        }
    }
}

static void a_token_that_grew_between_the_passes_releases_no_more(void **state)
{
    const struct fernet_pieces pieces = {{1000}, 1, ENC_FORMAT_OUT_MIN};

    (void)state;
    for (size_t n = 0; n <= 100; n += 10) {
        fernet_make(plain, n, &token);
        fernet_make(plain, 100000, &other);
        fernet_decrypt_twice(&fernet_key, NULL, &token, &other, &pieces, &outcome);
        assert_int_equal(outcome.open, ENC_FERNET_MAC);
        assert_true(outcome.n == 0 || outcome.n < n);
    }
}

static void another_mac_alone_is_found(void **state)
{
    (void)state;
    fernet_make(plain, 6, &token); // without padding of base64
    other = token;
    fernet_alter(&other, other.n - 10);
    fernet_decrypt_twice(&fernet_key, NULL, &token, &other, &fernet_whole, &outcome);
    assert_int_equal(outcome.open, ENC_FERNET_MAC);
    assert_int_equal(outcome.n, 0);
}

static void a_line_end_may_come_and_go(void **state)
{
    (void)state;
    fernet_make(plain, 50, &token);
    other = token;
    other.chars[other.n++] = '\n';
    fernet_decrypt_twice(&fernet_key, NULL, &token, &other, &fernet_whole, &outcome);
    assert_int_equal(outcome.open, ENC_OK);
    fernet_decrypt_twice(&fernet_key, NULL, &other, &token, &fernet_whole, &outcome);
    assert_int_equal(outcome.open, ENC_OK);
    assert_memory_equal(outcome.plain, plain, 50);
}

// The plaintext that a failing call has decrypted is not left where it was put.
static void a_call_that_fails_leaves_nothing_in_its_room(void **state)
{
    static const uint8_t zeros[256];
    size_t n_taken, n;

    (void)state;
    begin_pass_2(30000);
    memset(room, 0xa5, ROOM);
    token.chars[20000] = '!'; // in the second piece
    assert_int_equal(
        enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
        ENC_FERNET_TOKEN);
    assert_memory_equal(room, zeros, sizeof(zeros));
    for (size_t i = 0; i < ROOM; i++)
        assert_true(room[i] == 0 || room[i] == 0xa5);
    decryptor.base.ops->wipe(&decryptor.base);
}

// Every call returns this, and no output is touched.
static void assert_latched(enum enc_status status)
{
    static const struct enc_kernel_lane no_lane;
    struct fernet_verified verified = {77, 77};
    size_t n_taken = 77, n = 77;
    bool is_ended = false;

    memset(room, 0xa5, ROOM);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, 1), status);
        assert_int_equal(fernet_verify_end(&decryptor, &verified), status);
        assert_int_equal(
            enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
            status);
        assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), status);
    }
    assert_int_equal(verified.size + verified.time + n_taken + n, 4 * 77);
    assert_false(is_ended);
    for (size_t i = 0; i < ROOM; i++)
        assert_int_equal(room[i], 0xa5);
    assert_memory_equal(&decryptor.lane, &no_lane, sizeof(no_lane));
    assert_null(decryptor.cbc.cipher);
    decryptor.base.ops->wipe(&decryptor.base);
}

static void errors_latch(void **state)
{
    struct fernet_verified verified;
    size_t n_taken, n;

    (void)state;
    begin(100);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, (const uint8_t *)"gAAA!AAAAAAA", 12),
                     ENC_FERNET_TOKEN);
    assert_latched(ENC_FERNET_TOKEN);

    begin(100);
    fernet_alter(&token, 60);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, token.n), ENC_OK);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_FERNET_MAC);
    assert_latched(ENC_FERNET_MAC);

    begin_pass_2(100);
    fernet_alter(&token, 5); // of the time
    assert_int_equal(
        enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
        ENC_FERNET_MAC);
    assert_latched(ENC_FERNET_MAC);
}

static void pass_2_needs_pass_1(void **state)
{
    size_t n_taken, n;
    bool is_ended;

    (void)state;
    begin(100);
    assert_int_equal(
        enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
        ENC_MISUSE);
    assert_latched(ENC_MISUSE);

    begin(100);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, token.n), ENC_OK);
    assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
}

static void pass_1_comes_once(void **state)
{
    struct fernet_verified verified;

    (void)state;
    begin_pass_2(100);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, token.chars, token.n), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
    begin_pass_2(100);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
}

static void too_little_room_is_refused(void **state)
{
    size_t n_taken, n;
    bool is_ended;

    (void)state;
    begin_pass_2(100);
    assert_int_equal(enc_decryptor_open(&decryptor.base, token.chars, token.n, room,
                                        ENC_FORMAT_OUT_MIN - 1, &n_taken, &n),
                     ENC_MISUSE);
    assert_latched(ENC_MISUSE);
    begin_pass_2(100);
    assert_int_equal(fernet_open_end(&decryptor, room, ENC_FORMAT_OUT_MIN - 1, &n, &is_ended),
                     ENC_MISUSE);
    assert_latched(ENC_MISUSE);
}

static void after_its_end_a_token_takes_nothing(void **state)
{
    size_t n_taken, n;
    bool is_ended;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin_pass_2(100);
        assert_int_equal(
            enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
            ENC_OK);
        assert_int_equal(n_taken, token.n);
        assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), ENC_OK);
        assert_true(is_ended);
        if (i == 0)
            assert_int_equal(
                enc_decryptor_open(&decryptor.base, token.chars, token.n, room, ROOM, &n_taken, &n),
                ENC_MISUSE);
        else
            assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), ENC_MISUSE);
        assert_latched(ENC_MISUSE);
    }
}

static void with_the_least_room_text_waits_and_the_end_takes_one_call(void **state)
{
    size_t at = 0, n_taken, n;
    bool is_ended = false;

    (void)state;
    begin_pass_2(5000);
    while (at < token.n) {
        assert_int_equal(enc_decryptor_open(&decryptor.base, token.chars + at, token.n - at, room,
                                            ENC_FORMAT_OUT_MIN, &n_taken, &n),
                         ENC_OK);
        assert_in_range(n_taken, 1, 2 * ENC_FORMAT_OUT_MIN);
        at += n_taken;
    }
    assert_int_equal(fernet_open_end(&decryptor, room, ENC_FORMAT_OUT_MIN, &n, &is_ended), ENC_OK);
    assert_true(is_ended);
}

static void no_text_at_all_takes_no_pointer(void **state)
{
    struct fernet_verified verified;
    size_t n_taken, n;
    bool is_ended;

    (void)state;
    begin(100);
    assert_int_equal(enc_decryptor_verify(&decryptor.base, NULL, 0), ENC_OK);
    assert_int_equal(fernet_verify_end(&decryptor, &verified), ENC_FERNET_TOKEN);
    decryptor.base.ops->wipe(&decryptor.base);

    begin_pass_2(100);
    assert_int_equal(enc_decryptor_open(&decryptor.base, NULL, 0, room, ROOM, &n_taken, &n),
                     ENC_OK);
    assert_int_equal(n_taken + n, 0);
    assert_int_equal(fernet_open_end(&decryptor, room, ROOM, &n, &is_ended), ENC_FERNET_TOKEN);
    assert_latched(ENC_FERNET_TOKEN);
}

static void a_wiped_decryptor_is_refused(void **state)
{
    (void)state;
    begin_pass_2(100);
    decryptor.base.ops->wipe(&decryptor.base);
    decryptor.base.ops->wipe(&decryptor.base);
    assert_latched(ENC_MISUSE);
}

static void it_needs_the_algorithms(void **state)
{
    (void)state;
    fernet_make(plain, 100, &token);
    enc_cpu_use(ENC_CPU_PORTABLE); // a lane of libcrypto's
    enc_crypto_free();
    assert_int_equal(enc_fernet_decryptor_init(&decryptor, &fernet_key, NULL), ENC_CRYPTO_FAILED);
    assert_latched(ENC_CRYPTO_FAILED);
    use_highest_level();
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

static int set_up(void **state)
{
    fernet_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_changed_between_the_passes_is_found),
        cmocka_unit_test(a_large_token_changed_between_the_passes_is_found),
        cmocka_unit_test(a_token_cut_off_between_the_passes_is_found),
        cmocka_unit_test(another_token_in_pass_2_is_found),
        cmocka_unit_test(a_token_that_grew_between_the_passes_releases_no_more),
        cmocka_unit_test(another_mac_alone_is_found),
        cmocka_unit_test(a_line_end_may_come_and_go),
        cmocka_unit_test(a_call_that_fails_leaves_nothing_in_its_room),
        cmocka_unit_test(errors_latch),
        cmocka_unit_test(pass_2_needs_pass_1),
        cmocka_unit_test(pass_1_comes_once),
        cmocka_unit_test(too_little_room_is_refused),
        cmocka_unit_test(after_its_end_a_token_takes_nothing),
        cmocka_unit_test(with_the_least_room_text_waits_and_the_end_takes_one_call),
        cmocka_unit_test(no_text_at_all_takes_no_pointer),
        cmocka_unit_test(a_wiped_decryptor_is_refused),
        cmocka_unit_test(it_needs_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
