// SPDX-License-Identifier: Apache-2.0
#include "enc_cpu.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

static enum enc_cpu_level highest_level = ENC_CPU_N_LEVELS; // not known yet
static enum enc_cpu_level level_in_use = ENC_CPU_N_LEVELS;  // none is chosen yet

#ifdef __x86_64__
// CPUID's leaves 1 and 7 (Intel SDM, volume 2, "CPUID"; AMD APM, volume 3, appendix E).
enum {
    LEAF_1_ECX = bit_AES | bit_SSE4_1 | bit_SSSE3 | bit_OSXSAVE | bit_AVX,
    LEAF_7_EBX = bit_AVX2 | bit_SHA,
    LEAF_7_EBX_512 = bit_AVX512F | bit_AVX512BW,
    LEAF_7_ECX_512 = bit_AVX512VBMI | bit_VAES,
};
#define LEAF_7_EBX_VL (1U << 31) // AVX-512 VL, beyond what an enum of int holds

// XCR0: what the operating system saves (Intel SDM, volume 1, 13.3).
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static unsigned saved_by_system(void)
{
    unsigned low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int has(unsigned bits, unsigned wanted)
{
    return (bits & wanted) == wanted;
}

static enum enc_cpu_level ask(void)
{
    unsigned eax, ebx, ecx, edx;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has(ecx, LEAF_1_ECX) ||
        !has(saved_by_system(), XCR0_AVX) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
        !has(ebx, LEAF_7_EBX))
        return ENC_CPU_PORTABLE;
    if (!has(ebx, LEAF_7_EBX_512 | LEAF_7_EBX_VL) || !has(ecx, LEAF_7_ECX_512) ||
        !has(saved_by_system(), XCR0_AVX512))
        return ENC_CPU_AVX2;
    return ENC_CPU_AVX512;
}
#else
static enum enc_cpu_level ask(void)
{
    return ENC_CPU_PORTABLE;
}
#endif

// Asked once: in a virtual machine each CPUID may cost ten microseconds.
enum enc_cpu_level enc_cpu_detect(void)
{
    if (highest_level == ENC_CPU_N_LEVELS)
        highest_level = ask();
    return highest_level;
}

void enc_cpu_use(enum enc_cpu_level level)
{
    enum enc_cpu_level highest = enc_cpu_detect();

    level_in_use = level < highest ? level : highest;
}

enum enc_cpu_level enc_cpu_level(void)
{
    if (level_in_use == ENC_CPU_N_LEVELS)
        level_in_use = enc_cpu_detect();
    return level_in_use;
}

const char *enc_cpu_level_name(enum enc_cpu_level level)
{
    static const char *const names[ENC_CPU_N_LEVELS] = {"portable", "avx2", "avx512"};

    return names[level];
}
