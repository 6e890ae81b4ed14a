// SPDX-License-Identifier: Apache-2.0
// Random bytes from OpenSSL's two generators (RAND(7)), and a stock of what they gave.
#include "enc_random.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "enc_secret.h"

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

static enum enc_status draw(const struct enc_random_pool *pool, uint8_t *out, size_t n)
{
    return pool->is_secret ? enc_random_secret(out, n) : enc_random_public(out, n);
}

static enum enc_status fill(struct enc_random_pool *pool)
{
    enum enc_status st = draw(pool, pool->bytes, sizeof(pool->bytes));

    pool->n_left = st == ENC_OK ? sizeof(pool->bytes) : 0;
    return st;
}

enum enc_status enc_random_pool_draw(struct enc_random_pool *pool, uint8_t *out, size_t n)
{
    if (n > sizeof(pool->bytes)) // it is worth a call of its own
        return draw(pool, out, n);
    // What is left of an old filling is overwritten.
    if (n > pool->n_left && fill(pool) != ENC_OK) {
        memset(out, 0, n);
        return ENC_NO_RANDOM;
    }
    if (n == 0)
        return ENC_OK;
    pool->n_left -= n;
    memcpy(out, pool->bytes + pool->n_left, n);
    enc_wipe(pool->bytes + pool->n_left, n);
    return ENC_OK;
}

void enc_random_pool_wipe(struct enc_random_pool *pool)
{
    enc_wipe(pool->bytes, sizeof(pool->bytes));
    pool->n_left = 0;
}
