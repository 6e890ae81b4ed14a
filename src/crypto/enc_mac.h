// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of a message that comes in pieces.
// The kernel's lanes and enc_hmac_sha256 are made of it.
#ifndef ENC_MAC_H
#define ENC_MAC_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_MAC_BYTES 32 // of the HMAC

// One message. Secret: wiped by enc_mac_wipe. An all-zero one may be wiped too.
struct enc_mac {
    void *context; // EVP_MAC_CTX
};

// Begins a message, with a key of n_key > 0 bytes, which is copied. ENC_NO_MEMORY or
// ENC_CRYPTO_FAILED: mac is as wiped.
ENC_MUST_USE enum enc_status enc_mac_init(struct enc_mac *mac, const uint8_t *key, size_t n_key);

// The next n bytes of the message.
ENC_MUST_USE enum enc_status enc_mac_update(struct enc_mac *mac, const uint8_t *in, size_t n);

// Ends the message: writes its HMAC, or ENC_NO_MEMORY. mac is as wiped then. What is compared with
// the HMAC is compared in constant time (enc_equal_ct).
ENC_MUST_USE enum enc_status enc_mac_end(struct enc_mac *mac, uint8_t bytes[static ENC_MAC_BYTES]);

// Forgets the key and gives back the memory. A wiped one may be wiped again.
void enc_mac_wipe(struct enc_mac *mac);

#endif
