// SPDX-License-Identifier: Apache-2.0
// Tests of enc_random.
#define OPENSSL_SUPPRESS_DEPRECATED // RAND_set_rand_method is the way to a generator that fails
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enc_random.h"

typedef enum enc_status random_function(uint8_t *out, size_t n);

static random_function *const functions[] = {enc_random_public, enc_random_secret};

#define N_DRAWS 10000
#define DRAW 16

static int compare_draws(const void *a, const void *b)
{
    return memcmp(a, b, DRAW);
}

static void no_draw_comes_twice(void **state)
{
    uint8_t(*draws)[DRAW] = malloc(2 * N_DRAWS * sizeof(*draws));

    (void)state;
    assert_non_null(draws);
    for (size_t i = 0; i < 2 * N_DRAWS; i++)
        assert_int_equal(functions[i % 2](draws[i], DRAW), ENC_OK);
    qsort(draws, 2 * N_DRAWS, DRAW, compare_draws);
    for (size_t i = 1; i < 2 * N_DRAWS; i++)
        assert_memory_not_equal(draws[i - 1], draws[i], DRAW);
    free(draws);
}

static void exactly_the_bytes_asked_for_are_filled(void **state)
{
    uint8_t bytes[102];

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        uint8_t seen[100] = {0};

        // In 64 draws every byte is other than its mark, but for a chance of 2^-512 each.
        for (int draw = 0; draw < 64; draw++) {
            memset(bytes, 0xa5, sizeof(bytes));
            assert_int_equal(functions[f](bytes + 1, 100), ENC_OK);
            assert_int_equal(bytes[0], 0xa5);
            assert_int_equal(bytes[101], 0xa5);
            for (size_t i = 0; i < 100; i++)
                seen[i] |= bytes[1 + i] ^ 0xa5;
        }
        for (size_t i = 0; i < 100; i++)
            assert_int_not_equal(seen[i], 0);
    }
}

static void a_draw_of_nothing_is_fine(void **state)
{
    (void)state;
    assert_int_equal(enc_random_public(NULL, 0), ENC_OK);
    assert_int_equal(enc_random_secret(NULL, 0), ENC_OK);
}

static void a_draw_may_be_larger_than_one_request_of_a_generator(void **state)
{
    const size_t n = 1 << 20;
    uint8_t *bytes = calloc(1, n);
    static const uint8_t zeros[32];

    (void)state;
    assert_non_null(bytes);
    assert_int_equal(enc_random_secret(bytes, n), ENC_OK);
    for (size_t i = 0; i < n; i += sizeof(zeros))
        assert_memory_not_equal(bytes + i, zeros, sizeof(zeros));
    free(bytes);
}

// A worker forked from a process that has drawn already must not repeat its siblings.
static void a_fork_draws_other_bytes(void **state)
{
    uint8_t ours[32], theirs[32];
    int ends[2], exit_status;
    pid_t child;

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        assert_int_equal(functions[f](ours, sizeof(ours)), ENC_OK);
        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int ok = functions[f](theirs, sizeof(theirs)) == ENC_OK &&
                     write(ends[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs);
            _exit(ok ? 0 : 1);
        }
        assert_int_equal(functions[f](ours, sizeof(ours)), ENC_OK);
        assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
        assert_int_equal(waitpid(child, &exit_status, 0), child);
        assert_int_equal(exit_status, 0);
        assert_memory_not_equal(ours, theirs, sizeof(ours));
        close(ends[0]);
        close(ends[1]);
    }
}

static int give_half_and_fail(unsigned char *out, int n)
{
    memset(out, 0x77, (size_t)n / 2);
    return 0;
}

static void without_a_generator_the_bytes_are_zeros(void **state)
{
    static const RAND_METHOD broken = {.bytes = give_half_and_fail};
    static const uint8_t zeros[32];
    uint8_t bytes[32];

    (void)state;
    assert_true(RAND_set_rand_method(&broken));
    for (size_t f = 0; f < 2; f++) {
        memset(bytes, 0xa5, sizeof(bytes));
        assert_int_equal(functions[f](bytes, sizeof(bytes)), ENC_NO_RANDOM);
        assert_memory_equal(bytes, zeros, sizeof(bytes));
    }
    assert_true(RAND_set_rand_method(NULL));
}

static void assert_zeros(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], 0);
}

// Beyond several fillings, in draws of many sizes.
static void no_byte_of_a_pool_is_handed_out_twice(void **state)
{
    static const size_t sizes[] = {16, 48, 688, 32, 4096, 1, 17, 700};
    struct enc_random_pool pools[2] = {{0}, {.is_secret = true}};
    uint8_t drawn[4096], before[4096];

    (void)state;
    for (size_t i = 0; i < 64; i++) {
        struct enc_random_pool *pool = &pools[i % 2];
        size_t n = sizes[i / 2 % 8], n_before = pool->n_left;

        memcpy(before, pool->bytes, sizeof(before));
        assert_int_equal(enc_random_pool_draw(pool, drawn, n), ENC_OK);
        if (n <= n_before) // from the end of what there was
            assert_memory_equal(drawn, before + n_before - n, n);
        assert_int_equal(pool->n_left, (n <= n_before ? n_before : sizeof(pool->bytes)) - n);
        assert_zeros(pool->bytes + pool->n_left, sizeof(pool->bytes) - pool->n_left);
        // Two bytes are the same by chance, 16 are not.
        for (size_t at = 0; n >= 16 && at + 16 <= pool->n_left; at += 16)
            assert_memory_not_equal(pool->bytes + at, drawn, 16);
    }
}

static void a_pool_fills_exactly_what_is_asked_for(void **state)
{
    static struct enc_random_pool pool;
    static uint8_t bytes[sizeof(pool.bytes) + 3];

    (void)state;
    for (size_t n = 0; n <= sizeof(pool.bytes) + 1; n++) {
        memset(bytes, 0xa5, sizeof(bytes));
        assert_int_equal(enc_random_pool_draw(&pool, bytes + 1, n), ENC_OK);
        assert_int_equal(bytes[0], 0xa5);
        assert_int_equal(bytes[1 + n], 0xa5);
        for (size_t i = 0; i + 16 <= n; i += 16) {
            static const uint8_t marks[16] = {0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5,
                                              0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5};
            assert_memory_not_equal(bytes + 1 + i, marks, 16);
        }
    }
    assert_int_equal(enc_random_pool_draw(&pool, NULL, 0), ENC_OK);
}

static unsigned n_calls;

static int count_and_fill(unsigned char *out, int n)
{
    n_calls++;
    memset(out, 0x11, (size_t)n);
    return 1;
}

static void a_pool_asks_its_generator_once_a_filling(void **state)
{
    static const RAND_METHOD counting = {.bytes = count_and_fill};
    struct enc_random_pool pool = {0};
    uint8_t bytes[sizeof(pool.bytes) / 64];

    (void)state;
    n_calls = 0;
    assert_true(RAND_set_rand_method(&counting));
    for (size_t i = 0; i < 3 * 64; i++)
        assert_int_equal(enc_random_pool_draw(&pool, bytes, sizeof(bytes)), ENC_OK);
    assert_true(RAND_set_rand_method(NULL));
    assert_int_equal(n_calls, 3);
}

static void without_a_generator_a_pool_hands_out_nothing(void **state)
{
    static const RAND_METHOD broken = {.bytes = give_half_and_fail};
    struct enc_random_pool pool = {.is_secret = true};
    uint8_t bytes[2 * sizeof(pool.bytes)];

    (void)state;
    assert_int_equal(enc_random_pool_draw(&pool, bytes, sizeof(pool.bytes) - 32), ENC_OK);
    assert_true(RAND_set_rand_method(&broken));
    assert_int_equal(enc_random_pool_draw(&pool, bytes, 32), ENC_OK); // it was there before
    for (size_t n = 1; n <= sizeof(bytes); n *= 2) {
        memset(bytes, 0xa5, sizeof(bytes));
        assert_int_equal(enc_random_pool_draw(&pool, bytes, n), ENC_NO_RANDOM);
        assert_zeros(bytes, n);
        assert_int_equal(pool.n_left, 0);
        assert_zeros(pool.bytes, sizeof(pool.bytes));
    }
    assert_true(RAND_set_rand_method(NULL));
    assert_int_equal(enc_random_pool_draw(&pool, bytes, 32), ENC_OK);
}

static void a_wiped_pool_is_empty(void **state)
{
    struct enc_random_pool pool = {.is_secret = true};
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(enc_random_pool_draw(&pool, bytes, sizeof(bytes)), ENC_OK);
    enc_random_pool_wipe(&pool);
    assert_int_equal(pool.n_left, 0);
    assert_true(pool.is_secret);
    assert_zeros(pool.bytes, sizeof(pool.bytes));
    assert_int_equal(enc_random_pool_draw(&pool, bytes, sizeof(bytes)), ENC_OK);
    assert_int_equal(pool.n_left, sizeof(pool.bytes) - sizeof(bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_draw_comes_twice),
        cmocka_unit_test(exactly_the_bytes_asked_for_are_filled),
        cmocka_unit_test(a_draw_of_nothing_is_fine),
        cmocka_unit_test(a_draw_may_be_larger_than_one_request_of_a_generator),
        cmocka_unit_test(a_fork_draws_other_bytes),
        cmocka_unit_test(without_a_generator_the_bytes_are_zeros),
        cmocka_unit_test(no_byte_of_a_pool_is_handed_out_twice),
        cmocka_unit_test(a_pool_fills_exactly_what_is_asked_for),
        cmocka_unit_test(a_pool_asks_its_generator_once_a_filling),
        cmocka_unit_test(without_a_generator_a_pool_hands_out_nothing),
        cmocka_unit_test(a_wiped_pool_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
