// SPDX-License-Identifier: Apache-2.0
// Random bytes from OpenSSL's generators, which reseed after a fork.
#ifndef ENC_RANDOM_H
#define ENC_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

// Fills out with n bytes that will be seen by others (nonces, IVs). ENC_NO_RANDOM: out is all zero.
ENC_MUST_USE enum enc_status enc_random_public(uint8_t *out, size_t n);

// The same for secrets: from a generator of its own, none of whose output is ever published.
ENC_MUST_USE enum enc_status enc_random_secret(uint8_t *out, size_t n);

#endif
