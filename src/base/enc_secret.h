// SPDX-License-Identifier: Apache-2.0
// Secrets on the stack that wipe themselves.
#ifndef ENC_SECRET_H
#define ENC_SECRET_H

#include <stddef.h>

// Overwrites n bytes with zeros in a way that the compiler may not leave out.
void enc_wipe(void *secret, size_t n);

// 1 if the n bytes are the same, else 0. Time depends on n alone.
int enc_equal_ct(const void *a, const void *b, size_t n);

// Makes a type's wiping known to ENC_SECRET: place it once after the definition of `struct name`.
#define ENC_SECRET_TYPE(name)                                                                      \
    static inline void name##_wipe_on_exit(struct name *secret)                                    \
    {                                                                                              \
        enc_wipe(secret, sizeof(*secret));                                                         \
    }                                                                                              \
    _Static_assert(sizeof(struct name) > 0, "a secret has a size")

// Declares a variable of a secret type: zero at first, wiped on every way out of its block.
#define ENC_SECRET(name, variable)                                                                 \
    __attribute__((cleanup(name##_wipe_on_exit))) struct name variable = {0}

#endif
