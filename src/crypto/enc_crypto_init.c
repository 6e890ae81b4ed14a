// SPDX-License-Identifier: Apache-2.0
// The algorithms, fetched once (crypto(7), "Explicit fetching").
#include "enc_crypto_init.h"

#include <openssl/core_names.h>
#include <stddef.h>

#include "enc_crypto_internal.h"

struct enc_crypto_algorithms enc_crypto_algorithms;

static int fetch(struct enc_crypto_algorithms *algorithms)
{
    static const unsigned char zeros[16];
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    algorithms->aes_128_cbc = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    algorithms->chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    algorithms->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    algorithms->scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    algorithms->x25519 = EVP_KEYMGMT_fetch(NULL, "X25519", NULL);
    algorithms->x25519_exchange = EVP_KEYEXCH_fetch(NULL, "X25519", NULL);
    algorithms->pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
    algorithms->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (algorithms->aes_128_cbc == NULL || algorithms->chacha20_poly1305 == NULL ||
        algorithms->hkdf == NULL || algorithms->scrypt == NULL || algorithms->x25519 == NULL ||
        algorithms->x25519_exchange == NULL || algorithms->pbkdf2 == NULL ||
        algorithms->hmac == NULL)
        return 0;

    algorithms->hmac_sha256 = EVP_MAC_CTX_new(algorithms->hmac);
    if (algorithms->hmac_sha256 == NULL)
        return 0;
    // With a key, because EVP_MAC_CTX_dup of OpenSSL 3.0 refuses a context that has none.
    return EVP_MAC_init(algorithms->hmac_sha256, zeros, sizeof(zeros), params);
}

enum enc_status enc_crypto_init(void)
{
    if (enc_crypto_algorithms.hmac_sha256 != NULL)
        return ENC_OK;
    if (!fetch(&enc_crypto_algorithms)) {
        enc_crypto_free();
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    }
    return ENC_OK;
}

void enc_crypto_free(void)
{
    EVP_MAC_CTX_free(enc_crypto_algorithms.hmac_sha256);
    EVP_MAC_free(enc_crypto_algorithms.hmac);
    EVP_KDF_free(enc_crypto_algorithms.pbkdf2);
    EVP_KEYEXCH_free(enc_crypto_algorithms.x25519_exchange);
    EVP_KEYMGMT_free(enc_crypto_algorithms.x25519);
    EVP_KDF_free(enc_crypto_algorithms.scrypt);
    EVP_KDF_free(enc_crypto_algorithms.hkdf);
    EVP_CIPHER_free(enc_crypto_algorithms.chacha20_poly1305);
    EVP_CIPHER_free(enc_crypto_algorithms.aes_128_cbc);
    enc_crypto_algorithms = (struct enc_crypto_algorithms){0};
}
