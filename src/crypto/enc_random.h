// SPDX-License-Identifier: Apache-2.0
// Random bytes from OpenSSL's generators, which reseed after a fork.
#ifndef ENC_RANDOM_H
#define ENC_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

// Fills out with n bytes that will be seen by others (nonces, IVs). ENC_NO_RANDOM: out is all zero.
ENC_MUST_USE enum enc_status enc_random_public(uint8_t *out, size_t n);

// The same for secrets: from a generator of its own, none of whose output is ever published.
ENC_MUST_USE enum enc_status enc_random_secret(uint8_t *out, size_t n);

#define ENC_RANDOM_POOL_BYTES 4096

// Random bytes in stock, since a generator takes longer to be asked than to give a few more. Secret
// throughout. All zero is an empty one, of public bytes. Each byte is handed out once, and is zero
// in the pool from then on. A process that forks must wipe it in one of the two.
struct enc_random_pool {
    bool is_secret; // which generator fills it; it never gets bytes of both
    size_t n_left;  // the first ones of:
    uint8_t bytes[ENC_RANDOM_POOL_BYTES];
};

// Fills out with n bytes from the pool, which is filled when it has too few. ENC_NO_RANDOM: out is
// all zero, and so is the pool.
ENC_MUST_USE enum enc_status enc_random_pool_draw(struct enc_random_pool *pool, uint8_t *out,
                                                  size_t n);

// Empties it: it may be drawn from again.
void enc_random_pool_wipe(struct enc_random_pool *pool);

#endif
