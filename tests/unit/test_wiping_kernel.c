// SPDX-License-Identifier: Apache-2.0
// Looks for keys, hash states and plaintext that the kernel leaves on the stack and in its lanes,
// at each level of the processor, with few lanes and with many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "freed_blocks.h" // before OpenSSL's headers

#include "cpu_levels.h"
#include "enc_kernel.h"
#include "stack_secrets.h"
#include "with_crypto.h"

#define N_LANES 16
#define N_BYTES 2048

static const uint8_t sign_key[17] = "MARKER-sign-0123";
static const uint8_t encrypt_key[17] = "MARKER-encrypt-4";
static const uint8_t iv[ENC_KERNEL_BLOCK + 1] = "no secret at all";
static const uint8_t plain[N_BYTES] = "MARKER-plaintext";

static struct enc_kernel_lane lanes[N_LANES];
static size_t n_lanes;
static size_t n_bytes; // of each item, N_BYTES at most

// The lanes have all the same secrets.
static void run_lanes(void)
{
    static uint8_t out[N_LANES][N_BYTES], mac[ENC_KERNEL_MAC];
    struct enc_kernel_item items[N_LANES], *pointers[N_LANES];

    for (size_t i = 0; i < n_lanes; i++) {
        (void)!enc_kernel_lane_init(&lanes[i], sign_key, encrypt_key, iv);
        items[i] = (struct enc_kernel_item){
            ENC_KERNEL_ENCRYPT_HASH, &lanes[i], plain, out[i], n_bytes, ENC_OK};
        pointers[i] = &items[i];
    }
    enc_kernel_run(pointers, n_lanes);
    for (size_t i = 0; i < n_lanes; i++) {
        items[i].op = ENC_KERNEL_HASH;
        items[i].n = n_bytes - 1;
    }
    enc_kernel_run(pointers, n_lanes);
    for (size_t i = 1; i < n_lanes; i++)
        (void)!enc_kernel_lane_mac(&lanes[i], mac);
}

static void leave_a_secret(void)
{
    uint8_t local[1024];

    memcpy(local, sign_key, sizeof(sign_key));
    __asm__ volatile("" : : "r"(local) : "memory"); // read by somebody, for all the compiler knows
}

// As SHA-NI's registers have a hash state, which is how it goes to the stack.
static void watch_registers(const uint32_t h[8])
{
    watch_secret((const uint32_t[]){h[5], h[4], h[1], h[0]});
    watch_secret((const uint32_t[]){h[7], h[6], h[3], h[2]});
}

static void watch_state_after_run(void)
{
    n_lanes = 1;
    run_lanes();
    if (lanes[0].kind == ENC_KERNEL_NATIVE) {
        watch_registers(lanes[0].native.hash);
        watch_registers(lanes[0].native.outer);
    }
    enc_kernel_lane_wipe(&lanes[0]);
}

// The frames of a run are the deepest of all, and each step writes over what the one before left.
static void the_stack_keeps_no_secret_of_one_step_or_of_many(void **state)
{
    static const size_t sizes[] = {80, 144, N_BYTES};
    const size_t n_before = n_secrets;

    (void)state;
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__)
    skip(); // frames are larger than those that are shipped
#endif
    assert_true(count_secrets_on_stack_after(leave_a_secret) > 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        n_bytes = sizes[i];
        watch_state_after_run();
        for (n_lanes = 1; n_lanes <= N_LANES; n_lanes++) {
            assert_int_equal(count_secrets_on_stack_after(run_lanes), 0);
            enc_kernel_lane_wipe(&lanes[0]);
        }
        n_secrets = n_before;
    }
}

static void a_lane_keeps_no_secret_once_it_is_ended_or_wiped(void **state)
{
    (void)state;
    n_lanes = 3;
    n_bytes = N_BYTES;
    run_lanes();
    if (lanes[0].kind == ENC_KERNEL_NATIVE) // else no test
        assert_true(count_secrets(&lanes[0], sizeof(lanes[0])) > 0);
    enc_kernel_lane_wipe(&lanes[0]);
    assert_int_equal(count_secrets(lanes, sizeof(lanes)), 0);
}

// The schedule of a key lets the key be computed, from any of its rounds: those of a lane that is
// in use, but for the first, which is the key.
static void watch_round_keys(void)
{
    (void)!enc_kernel_lane_init(&lanes[0], sign_key, encrypt_key, iv);
    if (lanes[0].kind == ENC_KERNEL_NATIVE) {
        for (size_t i = 1; i <= 10; i++)
            watch_secret(lanes[0].native.round_keys[i]);
    }
    enc_kernel_lane_wipe(&lanes[0]);
}

// The hash state of a key, before anything else is hashed.
static void watch_keyed_state(void)
{
    (void)!enc_kernel_lane_init(&lanes[0], sign_key, encrypt_key, iv);
    if (lanes[0].kind == ENC_KERNEL_NATIVE)
        watch_registers(lanes[0].native.hash);
    enc_kernel_lane_wipe(&lanes[0]);
}

static int set_up(void **state)
{
    int failed = set_up_crypto(state);

    n_secrets = 0;
    watch_secret(sign_key);
    watch_secret(encrypt_key);
    watch_secret(plain);
    watch_hmac_states(sign_key, 16);
    watch_round_keys();
    watch_keyed_state();
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stack_keeps_no_secret_of_one_step_or_of_many),
        cmocka_unit_test(a_lane_keeps_no_secret_once_it_is_ended_or_wiped),
    };
    int n_failed = 0;

    for (unsigned level = ENC_CPU_AVX2; level < ENC_CPU_N_LEVELS; level++) {
        if (use_level(level))
            n_failed += cmocka_run_group_tests_name(enc_cpu_level_name(enc_cpu_level()), tests,
                                                    set_up, tear_down_crypto);
    }
    return n_failed;
}
