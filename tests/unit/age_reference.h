// SPDX-License-Identifier: Apache-2.0
// What age files have to be, made at once and with OpenSSL alone: payloads and armor.
#ifndef AGE_REFERENCE_H
#define AGE_REFERENCE_H

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "age_files.h"

// HKDF-SHA-256 with the info "payload".
static inline void age_reference_key(const struct enc_age_seed *seed, uint8_t key[static 32])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)seed->file_key.bytes, 16),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)seed->nonce, 16),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char[]){"payload"}, 7),
        OSSL_PARAM_construct_end(),
    };

    DRIVE_CHECK(EVP_KDF_derive(context, key, 32, parameters) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static inline void age_reference_chunk(const uint8_t key[static 32], uint64_t number, bool is_last,
                                       const uint8_t *plain, size_t n, struct age_bytes *file)
{
    static uint8_t sealed[ENC_AGE_CHUNK + ENC_AEAD_TAG];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[12] = {0};
    int n_out;

    for (int i = 0; i < 8; i++)
        nonce[10 - i] = (uint8_t)(number >> 8 * i);
    nonce[11] = is_last;
    DRIVE_CHECK(EVP_EncryptInit_ex2(context, EVP_chacha20_poly1305(), key, nonce, NULL));
    DRIVE_CHECK(EVP_EncryptUpdate(context, sealed, &n_out, plain, (int)n) && n_out == (int)n);
    DRIVE_CHECK(EVP_EncryptFinal_ex(context, sealed + n, &n_out) && n_out == 0);
    DRIVE_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed + n));
    EVP_CIPHER_CTX_free(context);
    age_append(file, sealed, n + ENC_AEAD_TAG);
}

// The nonce and the chunks of n bytes of plaintext. They are added to what *file holds.
static inline void age_reference_payload(const struct enc_age_seed *seed, const uint8_t *plain,
                                         size_t n, struct age_bytes *file)
{
    uint64_t number = 0;
    uint8_t key[32];

    age_reference_key(seed, key);
    age_append(file, seed->nonce, sizeof(seed->nonce));
    for (; n > ENC_AGE_CHUNK; plain += ENC_AGE_CHUNK, n -= ENC_AGE_CHUNK)
        age_reference_chunk(key, number++, false, plain, ENC_AGE_CHUNK, file);
    age_reference_chunk(key, number, true, plain, n, file);
}

// Puts a file into armor.
static inline void age_reference_armor(struct age_bytes *file)
{
    struct age_bytes text = {0};
    uint8_t line[65];

    age_append(&text, "-----BEGIN AGE ENCRYPTED FILE-----\n", 35);
    for (size_t at = 0; at < file->n; at += 48) {
        size_t n = file->n - at < 48 ? file->n - at : 48;
        size_t n_chars = (size_t)EVP_EncodeBlock(line, file->at + at, (int)n);
        age_append(&text, line, n_chars);
        age_append(&text, "\n", 1);
    }
    age_append(&text, "-----END AGE ENCRYPTED FILE-----\n", 33);
    age_free(file);
    *file = text;
}

#endif
