// SPDX-License-Identifier: Apache-2.0
// X25519 over OpenSSL's EVP_PKEY.
#include "enc_x25519.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>

#include "enc_crypto_internal.h"
#include "enc_secret.h"

static enum enc_status no_key(uint8_t key[static ENC_X25519_BYTES], enum enc_status status)
{
    return enc_crypto_no_key(key, ENC_X25519_BYTES, status);
}

// Either half may be NULL. Any 32 bytes are a key, of both kinds: what fails is an allocation.
// OpenSSL takes the halves as they are, and computes a public one that is missing.
static EVP_PKEY *new_key(const uint8_t *secret, const uint8_t *public_key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[3], *next = params;

    if (secret != NULL)
        *next++ = enc_crypto_octets(OSSL_PKEY_PARAM_PRIV_KEY, secret, ENC_X25519_BYTES);
    if (public_key != NULL)
        *next++ = enc_crypto_octets(OSSL_PKEY_PARAM_PUB_KEY, public_key, ENC_X25519_BYTES);
    *next = OSSL_PARAM_construct_end();
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) !=
            1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}

enum enc_status enc_x25519_public(const uint8_t secret[static ENC_X25519_BYTES],
                                  uint8_t public_key[static ENC_X25519_BYTES])
{
    size_t n = ENC_X25519_BYTES;
    EVP_PKEY *ours;
    int ok;

    if (enc_crypto_algorithms.x25519 == NULL)
        return no_key(public_key, ENC_CRYPTO_FAILED);
    ours = new_key(secret, NULL);
    ok = ours != NULL && EVP_PKEY_get_raw_public_key(ours, public_key, &n) == 1 &&
         n == ENC_X25519_BYTES;
    EVP_PKEY_free(ours);
    return ok ? ENC_OK : no_key(public_key, ENC_NO_MEMORY);
}

// OpenSSL refuses a shared secret of zeros with an error of its provider's own. There is no other
// reason for this one here, as the keys are there and of the right size.
static int is_low_order(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PROV &&
           ERR_GET_REASON(error) == PROV_R_FAILED_DURING_DERIVATION;
}

static enum enc_status derive(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *shared)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
    enum enc_status status = ENC_NO_MEMORY;
    size_t n = ENC_X25519_BYTES;

    // The peer is not validated (0): every 32 bytes are a valid one.
    if (context != NULL && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_derive_set_peer_ex(context, theirs, 0) == 1) {
        // What somebody else has queued is not about this.
        ERR_clear_error();
        if (EVP_PKEY_derive(context, shared, &n) == 1)
            status = n == ENC_X25519_BYTES ? ENC_OK : ENC_CRYPTO_FAILED;
        else if (is_low_order())
            status = ENC_LOW_ORDER_POINT;
    }
    EVP_PKEY_CTX_free(context);
    return status;
}

enum enc_status enc_x25519_shared(const uint8_t secret[static ENC_X25519_BYTES],
                                  const uint8_t public_key[static ENC_X25519_BYTES],
                                  uint8_t shared[static ENC_X25519_BYTES])
{
    enum enc_status status = ENC_NO_MEMORY;
    EVP_PKEY *ours, *theirs;

    if (enc_crypto_algorithms.x25519 == NULL)
        return no_key(shared, ENC_CRYPTO_FAILED);
    // The exchange does not read our public half. Theirs takes its place, for without any OpenSSL
    // would compute it, which costs as much as the exchange.
    ours = new_key(secret, public_key);
    theirs = new_key(NULL, public_key);
    if (ours != NULL && theirs != NULL)
        status = derive(ours, theirs, shared);
    // The shared secret is left as a field element, with what was computed on the way there.
    enc_crypto_wipe_stack();
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    return status == ENC_OK ? ENC_OK : no_key(shared, status);
}
