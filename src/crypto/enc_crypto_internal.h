// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: the algorithms that enc_crypto_init fetched.
#ifndef ENC_CRYPTO_INTERNAL_H
#define ENC_CRYPTO_INTERNAL_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "enc_secret.h"
#include "enc_status.h"

struct enc_crypto_algorithms {
    EVP_CIPHER *aes_128_cbc;
    EVP_CIPHER *chacha20_poly1305;
    EVP_KDF *hkdf;
    EVP_KDF *scrypt;
    // Not used themselves: OpenSSL looks X25519 up by name for each key and exchange, and PBKDF2
    // for each scrypt. That they are here means that there are such, so that only memory can be
    // lacking later, and that the look-up ends in a cache.
    EVP_KEYMGMT *x25519;
    EVP_KEYEXCH *x25519_exchange;
    EVP_KDF *pbkdf2;
    EVP_MAC *hmac;
    // Has its digest, SHA-256, and a public key of zeros. Lanes copy it and set their own key: a
    // digest can be given to an EVP_MAC_CTX by name only, which costs a look-up.
    EVP_MAC_CTX *hmac_sha256;
};

// All NULL before enc_crypto_init and after enc_crypto_free.
extern struct enc_crypto_algorithms enc_crypto_algorithms;

// Returns the status of a call that failed. The caller gets that alone: what OpenSSL has queued
// must not surface in somebody else's report, such as nginx's of TLS.
static inline enum enc_status enc_crypto_failed(enum enc_status status)
{
    ERR_clear_error();
    return status;
}

// The same for a key of n bytes: one that is not there must not be one that could be used.
static inline enum enc_status enc_crypto_no_key(uint8_t *key, size_t n, enum enc_status status)
{
    enc_wipe(key, n);
    return enc_crypto_failed(status);
}

// OSSL_PARAM has one kind of pointer for what is read and what is written. This is read.
static inline OSSL_PARAM enc_crypto_octets(const char *name, const void *bytes, size_t n)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, n);
}

// Wipes the 4 KiB of stack below the caller's frame, where OpenSSL's functions had theirs, or the
// kernel's own: some leave secrets there. X25519 goes 1.2 KiB deep, ChaCha20 for AVX2 less, a run
// of the kernel 2 KiB (enc_kernel_native.c sees to the one that is deeper). What remains is looked
// at by tests/unit/test_wiping_age.c and test_wiping_kernel.c.
void enc_crypto_wipe_stack(void);

#endif
