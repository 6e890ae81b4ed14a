// SPDX-License-Identifier: Apache-2.0
// How an input is cut into pieces.
#ifndef PIECES_H
#define PIECES_H

#include <stddef.h>
#include <stdint.h>

// The size of the next piece of n bytes that are left. *split chooses: 0 is the whole, 1 is byte by
// byte, others are pieces of up to 1, 4, 65, 140 or 4096 bytes.
static inline size_t next_size(uint32_t *split, size_t n)
{
    static const size_t most[] = {1, 4, 65, 140, 4096};
    size_t size = n;

    if (*split > 1) {
        *split = (*split * 1664525 + 1013904223) | 2;
        size = 1 + (*split >> 8) % most[(*split >> 28) % (sizeof(most) / sizeof(most[0]))];
    } else if (*split == 1) {
        size = 1;
    }
    return size < n ? size : n;
}

#endif
