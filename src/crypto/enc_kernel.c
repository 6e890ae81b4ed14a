// SPDX-License-Identifier: Apache-2.0
// The Fernet kernel over OpenSSL's EVP, one item after the other.
#include "enc_kernel.h"

#include <limits.h>
#include <openssl/evp.h>

#include "enc_crypto_internal.h"

enum enc_status enc_kernel_lane_init(struct enc_kernel_lane *lane,
                                     const uint8_t sign_key[static 16],
                                     const uint8_t encrypt_key[static 16],
                                     const uint8_t iv[static ENC_KERNEL_BLOCK])
{
    const struct enc_crypto_algorithms *algorithms = &enc_crypto_algorithms;

    *lane = (struct enc_kernel_lane){0};
    if (algorithms->hmac_sha256 == NULL)
        return ENC_CRYPTO_FAILED;

    lane->cipher = EVP_CIPHER_CTX_new();
    lane->mac = EVP_MAC_CTX_dup(algorithms->hmac_sha256);
    // The algorithms are there and the sizes are right, so that only memory can be lacking.
    if (lane->cipher == NULL || lane->mac == NULL ||
        !EVP_EncryptInit_ex2(lane->cipher, algorithms->aes_128_cbc, encrypt_key, iv, NULL) ||
        !EVP_CIPHER_CTX_set_padding(lane->cipher, 0) ||
        !EVP_MAC_init(lane->mac, sign_key, 16, NULL)) {
        enc_kernel_lane_wipe(lane);
        return enc_crypto_failed(ENC_NO_MEMORY);
    }
    return ENC_OK;
}

static enum enc_status encrypt(const struct enc_kernel_item *item)
{
    int n_out;

    // EVP counts in int; and without padding it would hold back a piece of a block.
    if (item->n > INT_MAX || item->n % ENC_KERNEL_BLOCK != 0)
        return ENC_MISUSE;
    if (item->n == 0)
        return ENC_OK;
    if (!EVP_EncryptUpdate(item->lane->cipher, item->out, &n_out, item->in, (int)item->n) ||
        n_out != (int)item->n)
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

static enum enc_status hash(const struct enc_kernel_item *item, const uint8_t *bytes)
{
    if (item->n > 0 && !EVP_MAC_update(item->lane->mac, bytes, item->n))
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

static enum enc_status run_item(const struct enc_kernel_item *item)
{
    enum enc_status status;

    if (item->op == ENC_KERNEL_NONE)
        return ENC_OK;
    if (item->lane->cipher == NULL || item->lane->mac == NULL)
        return ENC_MISUSE;
    if (item->op == ENC_KERNEL_HASH)
        return hash(item, item->in);
    status = encrypt(item);
    return status == ENC_OK ? hash(item, item->out) : status;
}

void enc_kernel_run(struct enc_kernel_item *items[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i]->status = run_item(items[i]);
}

enum enc_status enc_kernel_lane_mac(struct enc_kernel_lane *lane,
                                    uint8_t mac[static ENC_KERNEL_MAC])
{
    size_t n_out;
    int ok;

    if (lane->mac == NULL)
        return ENC_MISUSE;
    ok = EVP_MAC_final(lane->mac, mac, &n_out, ENC_KERNEL_MAC) && n_out == ENC_KERNEL_MAC;
    // Its keys have no more use.
    enc_kernel_lane_wipe(lane);
    return ok ? ENC_OK : enc_crypto_failed(ENC_CRYPTO_FAILED);
}

// OpenSSL's manual promises that EVP_CIPHER_CTX_free clears what it frees, and is silent on
// EVP_MAC_CTX_free. In OpenSSL 3 both end in the provider's freectx, which uses
// OPENSSL_clear_free for the AES key schedule, for the copy of the HMAC key, and for each of the
// SHA-256 states that the key went into. tests/unit/test_wiping.c looks into the freed blocks, so
// that a libcrypto that leaves something there does not pass.
void enc_kernel_lane_wipe(struct enc_kernel_lane *lane)
{
    EVP_MAC_CTX_free(lane->mac);
    EVP_CIPHER_CTX_free(lane->cipher);
    *lane = (struct enc_kernel_lane){0};
}
