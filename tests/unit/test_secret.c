// SPDX-License-Identifier: Apache-2.0
// Tests of enc_secret.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_secret.h"

#define MARK 0xa5

// A secret that says when it was wiped, and what it then held.
struct probe {
    uint8_t bytes[40];
};
static int n_wiped;
static uint8_t left_behind;

static void probe_wipe_on_exit(struct probe *secret)
{
    enc_wipe(secret, sizeof(*secret));
    for (size_t i = 0; i < sizeof(secret->bytes); i++)
        left_behind |= secret->bytes[i];
    n_wiped++;
}

static int leave_early_with_a_secret(int early)
{
    ENC_SECRET(probe, secret);

    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        assert_int_equal(secret.bytes[i], 0);
    memset(secret.bytes, MARK, sizeof(secret.bytes));
    if (early)
        return 1;
    return 2;
}

static void a_wipe_clears_its_bytes_and_no_other(void **state)
{
    uint8_t bytes[66];

    (void)state;
    for (size_t n = 0; n <= 64; n++) {
        memset(bytes, MARK, sizeof(bytes));
        enc_wipe(bytes + 1, n);
        for (size_t i = 0; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], i >= 1 && i < 1 + n ? 0 : MARK);
    }
    enc_wipe(NULL, 0);
}

static void bytes_are_equal_only_if_every_bit_is(void **state)
{
    uint8_t a[33], b[33];

    (void)state;
    memset(a, MARK, sizeof(a));
    memset(b, MARK, sizeof(b));
    assert_int_equal(enc_equal_ct(a, b, sizeof(a)), 1);
    assert_int_equal(enc_equal_ct(a, b, 0), 1);
    for (size_t i = 0; i < 8 * sizeof(a); i++) {
        b[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(enc_equal_ct(a, b, sizeof(a)), 0);
        assert_int_equal(enc_equal_ct(a, b, i / 8), 1);
        b[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void a_secret_begins_as_zeros_and_is_wiped_on_every_way_out(void **state)
{
    (void)state;
    n_wiped = 0;
    left_behind = 0;
    assert_int_equal(leave_early_with_a_secret(1), 1);
    assert_int_equal(n_wiped, 1);
    assert_int_equal(leave_early_with_a_secret(0), 2);
    assert_int_equal(n_wiped, 2);
    assert_int_equal(left_behind, 0);
}

struct typed_probe {
    uint8_t bytes[32];
};
ENC_SECRET_TYPE(typed_probe);

static void a_secret_type_wipes_the_whole_struct(void **state)
{
    struct typed_probe secret;
    static const struct typed_probe zeros;

    (void)state;
    memset(&secret, MARK, sizeof(secret));
    typed_probe_wipe_on_exit(&secret);
    assert_memory_equal(&secret, &zeros, sizeof(zeros));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wipe_clears_its_bytes_and_no_other),
        cmocka_unit_test(bytes_are_equal_only_if_every_bit_is),
        cmocka_unit_test(a_secret_begins_as_zeros_and_is_wiped_on_every_way_out),
        cmocka_unit_test(a_secret_type_wipes_the_whole_struct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
