// SPDX-License-Identifier: Apache-2.0
// HKDF and HMAC over OpenSSL's EVP_MAC, scrypt over its EVP_KDF.
#include "enc_kdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "enc_crypto_internal.h"
#include "enc_secret.h"

#define SCRYPT_LOG_N_MAX 30

struct prk { // RFC 5869, 2.2
    uint8_t bytes[ENC_KDF_KEY];
};

ENC_SECRET_TYPE(prk);

// A key that is not there must not be one that could be used.
static enum enc_status no_key(uint8_t key[static ENC_KDF_KEY], enum enc_status status)
{
    enc_wipe(key, ENC_KDF_KEY);
    return enc_crypto_failed(status);
}

// HMAC of a message in two pieces. The key is not empty.
static enum enc_status hmac(struct enc_bytes key, struct enc_bytes first, struct enc_bytes second,
                            uint8_t mac[static ENC_KDF_KEY])
{
    EVP_MAC_CTX *context;
    size_t n_out;
    int ok;

    if (enc_crypto_algorithms.hmac_sha256 == NULL)
        return no_key(mac, ENC_CRYPTO_FAILED);
    context = EVP_MAC_CTX_dup(enc_crypto_algorithms.hmac_sha256);
    ok = context != NULL && EVP_MAC_init(context, key.at, key.n, NULL) &&
         (first.n == 0 || EVP_MAC_update(context, first.at, first.n)) &&
         (second.n == 0 || EVP_MAC_update(context, second.at, second.n)) &&
         EVP_MAC_final(context, mac, &n_out, ENC_KDF_KEY) && n_out == ENC_KDF_KEY;
    EVP_MAC_CTX_free(context);
    // The algorithm is there and takes all sizes, so that only memory can be lacking.
    return ok ? ENC_OK : no_key(mac, ENC_NO_MEMORY);
}

// Of HMACs, because OpenSSL 3.0's own HKDF looks HMAC and SHA-256 up by name in every call.
enum enc_status enc_hkdf_sha256(struct enc_bytes secret, struct enc_bytes salt,
                                struct enc_bytes info, uint8_t key[static ENC_KDF_KEY])
{
    static const uint8_t zeros[ENC_KDF_KEY], one[] = {1};
    const struct enc_bytes nothing = {NULL, 0};
    enum enc_status status;
    ENC_SECRET(prk, prk);

    if (salt.n == 0)
        salt = (struct enc_bytes){zeros, sizeof(zeros)};
    status = hmac(salt, secret, nothing, prk.bytes);
    if (status != ENC_OK)
        return no_key(key, status);
    // RFC 5869, 2.3, of which 32 bytes are T(1).
    return hmac((struct enc_bytes){prk.bytes, sizeof(prk.bytes)}, info,
                (struct enc_bytes){one, sizeof(one)}, key);
}

enum enc_status enc_hmac_sha256(const uint8_t key[static ENC_KDF_KEY], struct enc_bytes message,
                                uint8_t mac[static ENC_KDF_KEY])
{
    const struct enc_bytes nothing = {NULL, 0};

    return hmac((struct enc_bytes){key, ENC_KDF_KEY}, message, nothing, mac);
}

static OSSL_PARAM octets(const char *name, struct enc_bytes bytes)
{
    // OSSL_PARAM has one kind of pointer for what is read and what is written. This is read.
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes.at, bytes.n);
}

enum enc_status enc_scrypt(struct enc_bytes passphrase, struct enc_bytes salt, unsigned log_n,
                           uint8_t key[static ENC_KDF_KEY])
{
    uint64_t n = log_n <= SCRYPT_LOG_N_MAX ? UINT64_C(1) << log_n : 0;
    uint64_t any_memory = UINT64_MAX;
    uint32_t r = 8, p = 1;
    OSSL_PARAM params[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, passphrase),
        octets(OSSL_KDF_PARAM_SALT, salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &any_memory),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *context;
    int ok;

    if (n < 2)
        return no_key(key, ENC_MISUSE);
    if (enc_crypto_algorithms.scrypt == NULL)
        return no_key(key, ENC_CRYPTO_FAILED);
    context = EVP_KDF_CTX_new(enc_crypto_algorithms.scrypt);
    ok = context != NULL && EVP_KDF_derive(context, key, ENC_KDF_KEY, params) == 1;
    EVP_KDF_CTX_free(context);
    return ok ? ENC_OK : no_key(key, ENC_NO_MEMORY);
}
