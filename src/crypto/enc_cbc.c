// SPDX-License-Identifier: Apache-2.0
// AES-128-CBC decryption over OpenSSL's EVP.
#include "enc_cbc.h"

#include <limits.h>
#include <openssl/evp.h>

#include "enc_crypto_internal.h"

enum enc_status enc_cbc_init(struct enc_cbc *cbc, const uint8_t key[static ENC_CBC_KEY],
                             const uint8_t iv[static ENC_CBC_BLOCK])
{
    const EVP_CIPHER *algorithm = enc_crypto_algorithms.aes_128_cbc;

    *cbc = (struct enc_cbc){0};
    if (algorithm == NULL)
        return ENC_CRYPTO_FAILED;

    cbc->cipher = EVP_CIPHER_CTX_new();
    // The algorithm is there and the sizes are right, so that only memory can be lacking.
    if (cbc->cipher == NULL || !EVP_DecryptInit_ex2(cbc->cipher, algorithm, key, iv, NULL) ||
        !EVP_CIPHER_CTX_set_padding(cbc->cipher, 0)) {
        enc_cbc_wipe(cbc);
        return enc_crypto_failed(ENC_NO_MEMORY);
    }
    return ENC_OK;
}

enum enc_status enc_cbc_update(struct enc_cbc *cbc, const uint8_t *in, size_t n, uint8_t *out)
{
    int n_out;

    // EVP counts in int; and without padding it would hold back a piece of a block.
    if (cbc->cipher == NULL || n > INT_MAX || n % ENC_CBC_BLOCK != 0)
        return ENC_MISUSE;
    if (n == 0)
        return ENC_OK;
    if (!EVP_DecryptUpdate(cbc->cipher, out, &n_out, in, (int)n) || n_out != (int)n)
        return enc_crypto_failed(ENC_CRYPTO_FAILED);
    return ENC_OK;
}

// EVP_CIPHER_CTX_free clears what it frees (EVP_EncryptInit(3)); the tests look.
void enc_cbc_wipe(struct enc_cbc *cbc)
{
    EVP_CIPHER_CTX_free(cbc->cipher);
    *cbc = (struct enc_cbc){0};
}
