// SPDX-License-Identifier: Apache-2.0
// HKDF and scrypt over OpenSSL's EVP_KDF; HMAC in one piece.
#include "enc_kdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "enc_crypto_internal.h"
#include "enc_mac.h"
#include "enc_secret.h"

#define SCRYPT_LOG_N_MAX 30

static enum enc_status no_key(uint8_t key[static ENC_KDF_KEY], enum enc_status status)
{
    return enc_crypto_no_key(key, ENC_KDF_KEY, status);
}

static OSSL_PARAM octets(const char *name, struct enc_bytes bytes)
{
    return enc_crypto_octets(name, bytes.at, bytes.n);
}

static enum enc_status derive(EVP_KDF *algorithm, const OSSL_PARAM params[],
                              uint8_t key[static ENC_KDF_KEY])
{
    EVP_KDF_CTX *context;
    int ok;

    if (algorithm == NULL)
        return no_key(key, ENC_CRYPTO_FAILED);
    context = EVP_KDF_CTX_new(algorithm);
    ok = context != NULL && EVP_KDF_derive(context, key, ENC_KDF_KEY, params) == 1;
    EVP_KDF_CTX_free(context);
    // The algorithm is there and the parameters are right, so that only memory can be lacking.
    return ok ? ENC_OK : no_key(key, ENC_NO_MEMORY);
}

enum enc_status enc_hkdf_sha256(struct enc_bytes secret, struct enc_bytes salt,
                                struct enc_bytes info, uint8_t key[static ENC_KDF_KEY])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[5], *next = params;

    *next++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    *next++ = octets(OSSL_KDF_PARAM_KEY, secret);
    // OpenSSL 3.0 refuses an empty one.
    if (salt.n > 0)
        *next++ = octets(OSSL_KDF_PARAM_SALT, salt);
    if (info.n > 0)
        *next++ = octets(OSSL_KDF_PARAM_INFO, info);
    *next = OSSL_PARAM_construct_end();
    if (secret.n == 0)
        return no_key(key, ENC_MISUSE);
    return derive(enc_crypto_algorithms.hkdf, params, key);
}

enum enc_status enc_hmac_sha256(const uint8_t key[static ENC_KDF_KEY], struct enc_bytes message,
                                uint8_t mac[static ENC_KDF_KEY])
{
    struct enc_mac hmac;
    enum enc_status status = enc_mac_init(&hmac, key, ENC_KDF_KEY);

    if (status == ENC_OK)
        status = enc_mac_update(&hmac, message.at, message.n);
    if (status == ENC_OK)
        status = enc_mac_end(&hmac, mac);
    enc_mac_wipe(&hmac);
    return status == ENC_OK ? ENC_OK : no_key(mac, status);
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

    if (n < 2)
        return no_key(key, ENC_MISUSE);
    return derive(enc_crypto_algorithms.scrypt, params, key);
}
