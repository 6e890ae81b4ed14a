// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: the algorithms that enc_crypto_init fetched.
#ifndef ENC_CRYPTO_INTERNAL_H
#define ENC_CRYPTO_INTERNAL_H

#include <openssl/evp.h>

struct enc_crypto_algorithms {
    EVP_CIPHER *aes_128_cbc;
    EVP_MAC *hmac;
    // Has its digest, SHA-256, and a public key of zeros. Lanes copy it and set their own key: a
    // digest can be given to an EVP_MAC_CTX by name only, which costs a look-up.
    EVP_MAC_CTX *hmac_sha256;
};

// All NULL before enc_crypto_init and after enc_crypto_free.
extern struct enc_crypto_algorithms enc_crypto_algorithms;

#endif
