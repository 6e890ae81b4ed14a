// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 as a stream, over OpenSSL's EVP_MAC.
#include "enc_mac.h"

#include <openssl/evp.h>

#include "enc_crypto_internal.h"

enum enc_status enc_mac_init(struct enc_mac *mac, const uint8_t *key, size_t n_key)
{
    *mac = (struct enc_mac){0};
    if (enc_crypto_algorithms.hmac_sha256 == NULL)
        return ENC_CRYPTO_FAILED;

    mac->context = EVP_MAC_CTX_dup(enc_crypto_algorithms.hmac_sha256);
    if (mac->context == NULL || !EVP_MAC_init(mac->context, key, n_key, NULL)) {
        enc_mac_wipe(mac);
        return enc_crypto_failed(ENC_NO_MEMORY);
    }
    return ENC_OK;
}

enum enc_status enc_mac_update(struct enc_mac *mac, const uint8_t *in, size_t n)
{
    if (mac->context == NULL)
        return ENC_MISUSE;
    if (n > 0 && !EVP_MAC_update(mac->context, in, n))
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

enum enc_status enc_mac_end(struct enc_mac *mac, uint8_t bytes[static ENC_MAC_BYTES])
{
    size_t n_out;
    int ok;

    if (mac->context == NULL)
        return ENC_MISUSE;
    ok = EVP_MAC_final(mac->context, bytes, &n_out, ENC_MAC_BYTES) && n_out == ENC_MAC_BYTES;
    enc_mac_wipe(mac);
    // It allocates, and nothing else of it can fail.
    return ok ? ENC_OK : enc_crypto_failed(ENC_NO_MEMORY);
}

// OpenSSL's manual is silent on whether EVP_MAC_CTX_free clears what it frees. In OpenSSL 3 it ends
// in the provider's freectx, which uses OPENSSL_clear_free for the copy of the HMAC key, and for
// each of the SHA-256 states that the key went into. tests/unit/test_wiping.c looks into the freed
// blocks, so that a libcrypto that leaves something there does not pass.
void enc_mac_wipe(struct enc_mac *mac)
{
    EVP_MAC_CTX_free(mac->context);
    *mac = (struct enc_mac){0};
}
