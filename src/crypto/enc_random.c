// SPDX-License-Identifier: Apache-2.0
// Random bytes from OpenSSL's two generators (RAND(7)).
#include "enc_random.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

// 0 asks for any security strength that the generators have; it is at least 128 bits.
#define ANY_STRENGTH 0

static enum enc_status outcome(int ok, uint8_t *out, size_t n)
{
    if (ok == 1)
        return ENC_OK;
    // A caller who forgot to look must not send a half-random secret.
    if (n > 0)
        memset(out, 0, n);
    ERR_clear_error();
    return ENC_NO_RANDOM;
}

enum enc_status enc_random_public(uint8_t *out, size_t n)
{
    return outcome(n == 0 ? 1 : RAND_bytes_ex(NULL, out, n, ANY_STRENGTH), out, n);
}

enum enc_status enc_random_secret(uint8_t *out, size_t n)
{
    return outcome(n == 0 ? 1 : RAND_priv_bytes_ex(NULL, out, n, ANY_STRENGTH), out, n);
}
