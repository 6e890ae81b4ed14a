// SPDX-License-Identifier: Apache-2.0
// For tests that run with each level of the processor's instructions that there is.
#ifndef CPU_LEVELS_H
#define CPU_LEVELS_H

#include <stdbool.h>

#include "enc_cpu.h"

// Uses a level. False if this processor does not have it.
static inline bool use_level(unsigned level)
{
    enc_cpu_use((enum enc_cpu_level)level);
    return enc_cpu_level() == level;
}

// Uses the highest level that there is, as if none had been chosen.
static inline void use_highest_level(void)
{
    enc_cpu_use(enc_cpu_detect());
}

#endif
