// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 over OpenSSL's EVP.
#include "enc_aead.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "enc_crypto_internal.h"

enum { IDLE, SEALING, OPENING };

enum enc_status enc_aead_init(struct enc_aead *aead, const uint8_t key[static ENC_AEAD_KEY])
{
    const EVP_CIPHER *algorithm = enc_crypto_algorithms.chacha20_poly1305;

    *aead = (struct enc_aead){0};
    if (algorithm == NULL)
        return ENC_CRYPTO_FAILED;

    aead->cipher = EVP_CIPHER_CTX_new();
    // The algorithm is there and the size is right, so that only memory can be lacking.
    if (aead->cipher == NULL || !EVP_CipherInit_ex2(aead->cipher, algorithm, key, NULL, 1, NULL)) {
        enc_aead_wipe(aead);
        return enc_crypto_failed(ENC_NO_MEMORY);
    }
    return ENC_OK;
}

static enum enc_status begin(struct enc_aead *aead, const uint8_t *nonce, int state)
{
    if (aead->cipher == NULL)
        return ENC_MISUSE;
    // No key: it stays the one that enc_aead_init gave. The nonce starts a new message.
    aead->state = IDLE;
    if (!EVP_CipherInit_ex2(aead->cipher, NULL, NULL, nonce, state == SEALING, NULL))
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    aead->state = (uint8_t)state;
    return ENC_OK;
}

enum enc_status enc_aead_seal_begin(struct enc_aead *aead,
                                    const uint8_t nonce[static ENC_AEAD_NONCE])
{
    return begin(aead, nonce, SEALING);
}

enum enc_status enc_aead_open_begin(struct enc_aead *aead,
                                    const uint8_t nonce[static ENC_AEAD_NONCE])
{
    return begin(aead, nonce, OPENING);
}

enum enc_status enc_aead_update(struct enc_aead *aead, const uint8_t *in, size_t n, uint8_t *out)
{
    int n_out;

    // EVP counts in int.
    if (aead->state == IDLE || n > INT_MAX)
        return ENC_MISUSE;
    if (n == 0)
        return ENC_OK;
    int ok = EVP_CipherUpdate(aead->cipher, out, &n_out, in, (int)n) && n_out == (int)n;
    // ChaCha20 for AVX2 spreads the key out there, each word eight times.
    enc_crypto_wipe_stack();
    if (!ok) {
        aead->state = IDLE;
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    }
    return ENC_OK;
}

enum enc_status enc_aead_seal_end(struct enc_aead *aead, uint8_t tag[static ENC_AEAD_TAG])
{
    uint8_t none[ENC_AEAD_TAG]; // a stream cipher holds nothing back
    int n_out;

    if (aead->state != SEALING)
        return ENC_MISUSE;
    aead->state = IDLE;
    if (!EVP_CipherFinal_ex(aead->cipher, none, &n_out) ||
        !EVP_CIPHER_CTX_ctrl(aead->cipher, EVP_CTRL_AEAD_GET_TAG, ENC_AEAD_TAG, tag))
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

enum enc_status enc_aead_open_end(struct enc_aead *aead, const uint8_t tag[static ENC_AEAD_TAG])
{
    uint8_t none[ENC_AEAD_TAG], expected[ENC_AEAD_TAG];
    int n_out;

    if (aead->state != OPENING)
        return ENC_MISUSE;
    aead->state = IDLE;
    // EVP_CIPHER_CTX_ctrl takes what it only reads as a void pointer.
    memcpy(expected, tag, sizeof(expected));
    if (!EVP_CIPHER_CTX_ctrl(aead->cipher, EVP_CTRL_AEAD_SET_TAG, ENC_AEAD_TAG, expected))
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    // Allocates nothing: a tag that differs, compared in constant time, is all that can fail.
    if (!EVP_CipherFinal_ex(aead->cipher, none, &n_out))
        return enc_crypto_failed(ENC_TAG_MISMATCH);
    return ENC_OK;
}

// EVP_CIPHER_CTX_free clears what it frees (EVP_EncryptInit(3)); the tests look.
void enc_aead_wipe(struct enc_aead *aead)
{
    EVP_CIPHER_CTX_free(aead->cipher);
    *aead = (struct enc_aead){0};
}
