// SPDX-License-Identifier: Apache-2.0
// Tests of enc_cpu, against what the kernel says of the processor.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enc_cpu.h"

// Whether the flags of /proc/cpuinfo have all of these words, each with a space on either side.
static bool kernel_names(const char *const words[], size_t n)
{
    static char flags[16384];
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool is_found = false;

    assert_non_null(file);
    while (!is_found && fgets(flags, sizeof(flags), file))
        is_found = strncmp(flags, "flags", 5) == 0;
    fclose(file);
    if (!is_found) // another architecture
        return false;
    flags[strcspn(flags, "\n")] = ' ';
    for (size_t i = 0; i < n; i++) {
        if (!strstr(flags, words[i]))
            return false;
    }
    return true;
}

static void the_level_is_what_the_kernel_says(void **state)
{
    static const char *const avx2[] = {" ssse3 ", " sse4_1 ", " aes ", " avx2 ", " sha_ni "};
    static const char *const avx512[] = {" avx512f ", " avx512bw ", " avx512vl ", " avx512vbmi ",
                                         " vaes "};
    enum enc_cpu_level expected = ENC_CPU_PORTABLE;

    (void)state;
    if (kernel_names(avx2, sizeof(avx2) / sizeof(avx2[0])))
        expected = kernel_names(avx512, sizeof(avx512) / sizeof(avx512[0])) ? ENC_CPU_AVX512
                                                                            : ENC_CPU_AVX2;
    assert_int_equal(enc_cpu_detect(), expected);
}

static void all_there_is_is_used_unless_another_is_chosen(void **state)
{
    (void)state;
    assert_int_equal(enc_cpu_level(), enc_cpu_detect());
}

static void no_level_is_used_that_is_not_there(void **state)
{
    (void)state;
    for (unsigned level = 0; level < ENC_CPU_N_LEVELS; level++) {
        enc_cpu_use((enum enc_cpu_level)level);
        assert_true(enc_cpu_level() <= level);
        assert_true(enc_cpu_level() <= enc_cpu_detect());
        assert_true(enc_cpu_level() == level || enc_cpu_level() == enc_cpu_detect());
    }
    enc_cpu_use(ENC_CPU_PORTABLE);
    assert_int_equal(enc_cpu_level(), ENC_CPU_PORTABLE);
}

static void every_level_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(enc_cpu_level_name(ENC_CPU_PORTABLE), "portable");
    assert_string_equal(enc_cpu_level_name(ENC_CPU_AVX2), "avx2");
    assert_string_equal(enc_cpu_level_name(ENC_CPU_AVX512), "avx512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_there_is_is_used_unless_another_is_chosen),
        cmocka_unit_test(the_level_is_what_the_kernel_says),
        cmocka_unit_test(no_level_is_used_that_is_not_there),
        cmocka_unit_test(every_level_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
