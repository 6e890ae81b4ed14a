// SPDX-License-Identifier: Apache-2.0
// Wiping and comparing secrets.
#include "enc_secret.h"

#include <stdint.h>
#include <string.h>

void enc_wipe(void *secret, size_t n)
{
    if (n > 0)
        explicit_bzero(secret, n);
}

int enc_equal_ct(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    // volatile: a compiler must not stop at the first difference.
    volatile uint8_t difference = 0;

    for (size_t i = 0; i < n; i++)
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    return 1 & (int)(((uint32_t)difference - 1) >> 31);
}
