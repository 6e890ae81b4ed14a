// SPDX-License-Identifier: Apache-2.0
// X25519 (RFC 7748, section 5).
#ifndef ENC_X25519_H
#define ENC_X25519_H

#include <stdint.h>

#include "enc_status.h"

#define ENC_X25519_BYTES 32 // of a secret key, a public key, a shared secret

// The public key of a secret one: X25519(secret, base point). Any 32 bytes are a secret key.
// ENC_NO_MEMORY or ENC_CRYPTO_FAILED: public_key is all zero.
ENC_MUST_USE enum enc_status enc_x25519_public(const uint8_t secret[static ENC_X25519_BYTES],
                                               uint8_t public_key[static ENC_X25519_BYTES]);

// The secret that the owners of both key pairs share. ENC_LOW_ORDER_POINT: the public key is one
// of the few with which it is always zero (RFC 7748, section 6.1); or as above. shared is all zero
// then.
ENC_MUST_USE enum enc_status enc_x25519_shared(const uint8_t secret[static ENC_X25519_BYTES],
                                               const uint8_t public_key[static ENC_X25519_BYTES],
                                               uint8_t shared[static ENC_X25519_BYTES]);

#endif
