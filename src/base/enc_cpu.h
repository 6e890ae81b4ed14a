// SPDX-License-Identifier: Apache-2.0
// Which instructions of the processor are used. Three levels, each with all of those below it: code
// that has an implementation for one asks enc_cpu_level, and has a portable twin.
#ifndef ENC_CPU_H
#define ENC_CPU_H

enum enc_cpu_level {
    ENC_CPU_PORTABLE, // those that the compiler takes for granted
    ENC_CPU_AVX2,     // AVX2, AES-NI, SHA-NI: AMD since Zen, Intel since Ice Lake
    ENC_CPU_AVX512,   // AVX-512 F, BW, VL, VBMI, and VAES: AMD since Zen 4, Intel since Ice Lake
    ENC_CPU_N_LEVELS, // none
};

// The highest level that this processor and its operating system have.
enum enc_cpu_level enc_cpu_detect(void);

// From now on uses a level, or the highest that there is if that is lower. Not thread-safe: before
// the work begins, or between two pieces of it. What a level has begun another cannot go on with.
void enc_cpu_use(enum enc_cpu_level level);

// The level in use: the highest that there is, unless enc_cpu_use chose another.
enum enc_cpu_level enc_cpu_level(void);

// "portable", "avx2" or "avx512". Static.
const char *enc_cpu_level_name(enum enc_cpu_level level);

#endif
