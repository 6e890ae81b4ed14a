// SPDX-License-Identifier: Apache-2.0
#include "enc_kernel_evp.h"

#include <limits.h>
#include <openssl/evp.h>

#include "enc_crypto_internal.h"

enum enc_status enc_kernel_evp_init(struct enc_kernel_evp *lane, const uint8_t sign_key[static 16],
                                    const uint8_t encrypt_key[static 16],
                                    const uint8_t iv[static ENC_KERNEL_BLOCK])
{
    const EVP_CIPHER *algorithm = enc_crypto_algorithms.aes_128_cbc;

    *lane = (struct enc_kernel_evp){0};
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
        enc_kernel_evp_wipe(lane);
        return enc_crypto_failed(ENC_NO_MEMORY);
    }
    return ENC_OK;
}

static enum enc_status encrypt(const struct enc_kernel_item *item)
{
    int n_out;

    if (item->n > INT_MAX) // EVP counts in int
        return ENC_MISUSE;
    if (item->n == 0)
        return ENC_OK;
    if (!EVP_EncryptUpdate(item->lane->evp.cipher, item->out, &n_out, item->in, (int)item->n) ||
        n_out != (int)item->n)
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

enum enc_status enc_kernel_evp_run(const struct enc_kernel_item *item)
{
    struct enc_mac *mac = &item->lane->evp.mac;
    enum enc_status status;

    if (item->op == ENC_KERNEL_HASH)
        return enc_mac_update(mac, item->in, item->n);
    status = encrypt(item);
    return status == ENC_OK ? enc_mac_update(mac, item->out, item->n) : status;
}

enum enc_status enc_kernel_evp_mac(struct enc_kernel_evp *lane, uint8_t mac[static ENC_KERNEL_MAC])
{
    return enc_mac_end(&lane->mac, mac);
}

// EVP_CIPHER_CTX_free clears what it frees (EVP_EncryptInit(3)); tests/unit/test_wiping.c looks.
void enc_kernel_evp_wipe(struct enc_kernel_evp *lane)
{
    enc_mac_wipe(&lane->mac);
    EVP_CIPHER_CTX_free(lane->cipher);
    *lane = (struct enc_kernel_evp){0};
}
