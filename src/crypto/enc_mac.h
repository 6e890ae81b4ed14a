// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of a message that comes in pieces.
//
// Not a lane of enc_kernel.h: that has an HMAC too, but always with an encryption beside it, whose
// key schedule a reader would set up and keep for nothing. And not enc_hmac_sha256 (enc_kdf.h), to
// which the message is one piece.
#ifndef ENC_MAC_H
#define ENC_MAC_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_MAC_KEY 16   // bytes: what Fernet signs with
#define ENC_MAC_BYTES 32 // of the HMAC

// One message. Secret: wiped by enc_mac_wipe. An all-zero one may be wiped too.
struct enc_mac {
    void *context; // EVP_MAC_CTX
};

// Begins a message. The key is copied. ENC_NO_MEMORY or ENC_CRYPTO_FAILED: mac is as wiped.
ENC_MUST_USE enum enc_status enc_mac_init(struct enc_mac *mac,
                                          const uint8_t key[static ENC_MAC_KEY]);

// The next n bytes of the message.
ENC_MUST_USE enum enc_status enc_mac_update(struct enc_mac *mac, const uint8_t *in, size_t n);

// Ends the message: writes its HMAC. mac is as wiped then. What is compared with it is compared in
// constant time (enc_equal_ct).
ENC_MUST_USE enum enc_status enc_mac_end(struct enc_mac *mac, uint8_t bytes[static ENC_MAC_BYTES]);

// Forgets the key and gives back the memory. A wiped one may be wiped again.
void enc_mac_wipe(struct enc_mac *mac);

#endif
