// SPDX-License-Identifier: Apache-2.0
// Fetches OpenSSL's algorithms once a process, so that no request pays for the look-up.
#ifndef ENC_CRYPTO_INIT_H
#define ENC_CRYPTO_INIT_H

#include "enc_status.h"

// Call once in each process before anything else of this folder; again is harmless. Not
// thread-safe. ENC_CRYPTO_FAILED if libcrypto lacks one of what is fetched: AES-128-CBC,
// ChaCha20-Poly1305, HKDF, HMAC, SHA-256, PBKDF2, scrypt, X25519.
ENC_MUST_USE enum enc_status enc_crypto_init(void);

// Gives back what enc_crypto_init took. No lane, enc_aead, enc_cbc or enc_mac may be
// alive.
void enc_crypto_free(void);

#endif
