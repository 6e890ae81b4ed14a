// SPDX-License-Identifier: Apache-2.0
// Keys from secrets, and one MAC: HKDF (RFC 5869) and HMAC (RFC 2104), both with SHA-256, and
// scrypt (RFC 7914).
#ifndef ENC_KDF_H
#define ENC_KDF_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_KDF_KEY 32 // bytes of every key, and of an HMAC-SHA-256

struct enc_bytes {
    const void *at; // may be NULL if n is 0
    size_t n;
};

// HKDF-SHA-256: extract, then expand to 32 bytes. An empty salt is the one of 32 zeros that RFC
// 5869, section 2.2, puts in its place. ENC_NO_MEMORY, ENC_CRYPTO_FAILED, or ENC_MISUSE for an
// empty secret: key is all zero.
ENC_MUST_USE enum enc_status enc_hkdf_sha256(struct enc_bytes secret, struct enc_bytes salt,
                                             struct enc_bytes info,
                                             uint8_t key[static ENC_KDF_KEY]);

// HMAC-SHA-256 of a message. ENC_NO_MEMORY or ENC_CRYPTO_FAILED: mac is all zero.
ENC_MUST_USE enum enc_status enc_hmac_sha256(const uint8_t key[static ENC_KDF_KEY],
                                             struct enc_bytes message,
                                             uint8_t mac[static ENC_KDF_KEY]);

// scrypt with N = 2^log_n, 1 <= log_n <= 30, r = 8, p = 1. Takes 2^(log_n + 10) bytes of memory
// for as long as it runs (a second for log_n = 18): ENC_NO_MEMORY if there are not. ENC_MISUSE for
// another log_n, or ENC_CRYPTO_FAILED. key is all zero on an error.
ENC_MUST_USE enum enc_status enc_scrypt(struct enc_bytes passphrase, struct enc_bytes salt,
                                        unsigned log_n, uint8_t key[static ENC_KDF_KEY]);

#endif
