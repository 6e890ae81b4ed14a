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
    const EVP_CIPHER *algorithm = enc_crypto_algorithms.aes_128_cbc;

    *lane = (struct enc_kernel_lane){0};
    if (algorithm == NULL)
        return ENC_CRYPTO_FAILED;

    enum enc_status status = enc_mac_init(&lane->mac, sign_key, 16);
    if (status != ENC_OK)
        return status;
    lane->cipher = EVP_CIPHER_CTX_new();
    // The algorithm is there and the sizes are right, so that only memory can be lacking.
    if (lane->cipher == NULL ||
        !EVP_EncryptInit_ex2(lane->cipher, algorithm, encrypt_key, iv, NULL) ||
        !EVP_CIPHER_CTX_set_padding(lane->cipher, 0)) {
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

static enum enc_status run_item(const struct enc_kernel_item *item)
{
    enum enc_status status;

    if (item->op == ENC_KERNEL_NONE)
        return ENC_OK;
    if (item->lane->cipher == NULL)
        return ENC_MISUSE;
    if (item->op == ENC_KERNEL_HASH)
        return enc_mac_update(&item->lane->mac, item->in, item->n);
    status = encrypt(item);
    return status == ENC_OK ? enc_mac_update(&item->lane->mac, item->out, item->n) : status;
}

void enc_kernel_run(struct enc_kernel_item *items[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i]->status = run_item(items[i]);
}

enum enc_status enc_kernel_lane_mac(struct enc_kernel_lane *lane,
                                    uint8_t mac[static ENC_KERNEL_MAC])
{
    enum enc_status status = enc_mac_end(&lane->mac, mac);

    // Its keys have no more use.
    enc_kernel_lane_wipe(lane);
    return status;
}

// EVP_CIPHER_CTX_free clears what it frees (EVP_EncryptInit(3)); tests/unit/test_wiping.c looks.
void enc_kernel_lane_wipe(struct enc_kernel_lane *lane)
{
    enc_mac_wipe(&lane->mac);
    EVP_CIPHER_CTX_free(lane->cipher);
    *lane = (struct enc_kernel_lane){0};
}
