// SPDX-License-Identifier: Apache-2.0
// Fernet tokens, made piece by piece ("Token Format" and "Generating" in the specification).
#include <string.h>

#include "enc_fernet.h"

#define VERSION 0x80
#define BLOCK ENC_KERNEL_BLOCK
#define STATE_BYTES offsetof(struct enc_fernet_encryptor, ciphertext)
#define HEADER_BYTES sizeof(((struct enc_fernet_encryptor *)NULL)->header)

_Static_assert(ENC_FERNET_CHUNK % BLOCK == 0, "a chunk is whole blocks");
_Static_assert(ENC_BASE64_SIZE(2 + HEADER_BYTES + BLOCK + ENC_KERNEL_MAC) <= ENC_FORMAT_OUT_MIN,
               "the least room holds the end of a token");
_Static_assert(ENC_BASE64_SIZE(2 + HEADER_BYTES + BLOCK) <= ENC_FORMAT_OUT_MIN,
               "the least room holds a block");

static struct enc_fernet_encryptor *from_base(struct enc_encryptor *base)
{
    return (struct enc_fernet_encryptor *)base; // its first member
}

static enum enc_status latch(struct enc_fernet_encryptor *encryptor, enum enc_status status)
{
    if (encryptor->status == ENC_OK)
        encryptor->status = status;
    return encryptor->status;
}

static void wipe(struct enc_encryptor *base)
{
    struct enc_fernet_encryptor *encryptor = from_base(base);

    enc_kernel_lane_wipe(&encryptor->lane);
    enc_wipe(encryptor, STATE_BYTES);
    base->ops = &enc_fernet_encryptor_ops;
    encryptor->status = ENC_MISUSE; // of whoever goes on with it
}

enum enc_status enc_fernet_encryptor_init(struct enc_fernet_encryptor *encryptor,
                                          const struct enc_fernet_key *key, uint64_t time,
                                          const uint8_t iv[static 16])
{
    struct enc_kernel_item item = {.op = ENC_KERNEL_HASH,
                                   .lane = &encryptor->lane,
                                   .in = encryptor->header,
                                   .n = HEADER_BYTES};
    enum enc_status status;

    memset(encryptor, 0, STATE_BYTES);
    encryptor->base.ops = &enc_fernet_encryptor_ops;
    encryptor->base64.alphabet = ENC_BASE64_URL;
    encryptor->header[0] = VERSION;
    for (size_t i = 0; i < 8; i++)
        encryptor->header[1 + i] = (uint8_t)(time >> (56 - 8 * i));
    memcpy(encryptor->header + 9, iv, 16);

    status = enc_kernel_lane_init(&encryptor->lane, key->bytes, key->bytes + 16, iv);
    if (status == ENC_OK)
        status = enc_kernel_run_alone(&item);
    if (status != ENC_OK)
        wipe(&encryptor->base);
    return status;
}

static size_t bound(const struct enc_encryptor *base, size_t n)
{
    (void)base;
    // What may have been waiting: base64's carry, the header, a block but for one byte.
    const size_t waiting = 2 + HEADER_BYTES + (BLOCK - 1);

    return n > SIZE_MAX / 2 ? SIZE_MAX : ENC_BASE64_SIZE(n + waiting);
}

static bool total(const struct enc_encryptor *base, uint64_t n, uint64_t *ret_size)
{
    uint64_t raw, size;

    (void)base;
    // PKCS#7 always adds a byte at least: n / 16 + 1 blocks.
    if (__builtin_add_overflow(n / BLOCK * BLOCK, HEADER_BYTES + BLOCK + ENC_KERNEL_MAC, &raw) ||
        __builtin_mul_overflow(raw / 3 + (raw % 3 != 0), 4, &size))
        return false;
    *ret_size = size;
    return true;
}

// The most ciphertext, in whole blocks, whose base64 fits into cap characters together with the
// header and the carry that go before it.
static size_t ciphertext_room(const struct enc_fernet_encryptor *encryptor, size_t cap)
{
    size_t before =
        encryptor->base64.n_carry + (encryptor->header_written ? 0 : sizeof(encryptor->header));
    // Up to two bytes more than whole groups wait in the carry.
    size_t room = (cap / 4 * 3 + 2 - before) / BLOCK * BLOCK;

    return room < ENC_FERNET_CHUNK ? room : ENC_FERNET_CHUNK;
}

// Moves up to n bytes to `partial`, and encrypts it once it is a whole block. In prepare already,
// so that the rest is one item that is read where the caller has it.
static enum enc_status fill_partial(struct enc_fernet_encryptor *encryptor, const uint8_t *in,
                                    size_t n, size_t *ret_taken)
{
    struct enc_kernel_item block = {.op = ENC_KERNEL_ENCRYPT_HASH,
                                    .lane = &encryptor->lane,
                                    .in = encryptor->partial,
                                    .out = encryptor->ciphertext,
                                    .n = BLOCK};

    if (n > BLOCK - encryptor->n_partial)
        n = BLOCK - encryptor->n_partial;
    if (n > 0)
        memcpy(encryptor->partial + encryptor->n_partial, in, n);
    encryptor->n_partial += n;
    *ret_taken = n;
    if (encryptor->n_partial < BLOCK)
        return ENC_OK;
    encryptor->n_partial = 0;
    encryptor->n_ciphertext = BLOCK;
    return enc_kernel_run_alone(&block);
}

static enum enc_status prepare(struct enc_encryptor *base, const uint8_t *in, size_t n,
                               uint8_t *out, size_t cap, size_t *ret_taken,
                               struct enc_kernel_item *item)
{
    struct enc_fernet_encryptor *encryptor = from_base(base);
    size_t taken = 0, n_bulk, n_take;
    enum enc_status status;

    if (encryptor->status != ENC_OK)
        return encryptor->status;
    // `out` is set from prepare to commit.
    if (cap < ENC_FORMAT_OUT_MIN || encryptor->out != NULL)
        return latch(encryptor, ENC_MISUSE);

    n_take = ciphertext_room(encryptor, cap) - encryptor->n_partial;
    if (n_take > n)
        n_take = n;
    if (encryptor->n_partial > 0) {
        status = fill_partial(encryptor, in, n_take, &taken);
        if (status != ENC_OK)
            return latch(encryptor, status);
    }
    n_bulk = (n_take - taken) / BLOCK * BLOCK;
    // An item that nobody runs must not pass for one that went well.
    *item = (struct enc_kernel_item){.status = ENC_MISUSE};
    if (n_bulk > 0) {
        item->op = ENC_KERNEL_ENCRYPT_HASH;
        item->lane = &encryptor->lane;
        item->in = in + taken;
        item->out = encryptor->ciphertext + encryptor->n_ciphertext;
        item->n = n_bulk;
        taken += n_bulk;
    }
    if (taken < n_take) {
        encryptor->n_partial = n_take - taken;
        memcpy(encryptor->partial, in + taken, encryptor->n_partial);
    }
    encryptor->out = out;
    *ret_taken = n_take;
    return ENC_OK;
}

// Appends n bytes of the token to the *n_out characters at out; the header before the first.
static void write_base64(struct enc_fernet_encryptor *encryptor, const uint8_t *bytes, size_t n,
                         uint8_t *out, size_t *n_out)
{
    if (!encryptor->header_written) {
        encryptor->header_written = true;
        *n_out += enc_base64_update(&encryptor->base64, encryptor->header, HEADER_BYTES,
                                    (char *)out + *n_out);
    }
    *n_out += enc_base64_update(&encryptor->base64, bytes, n, (char *)out + *n_out);
}

static enum enc_status commit(struct enc_encryptor *base, const struct enc_kernel_item *item,
                              size_t *ret_n)
{
    struct enc_fernet_encryptor *encryptor = from_base(base);
    size_t n_out = 0;

    if (encryptor->status != ENC_OK)
        return encryptor->status;
    if (encryptor->out == NULL)
        return latch(encryptor, ENC_MISUSE);
    if (item->op != ENC_KERNEL_NONE && item->status != ENC_OK)
        return latch(encryptor, item->status);

    write_base64(encryptor, encryptor->ciphertext, encryptor->n_ciphertext + item->n,
                 encryptor->out, &n_out);
    encryptor->n_ciphertext = 0;
    encryptor->out = NULL;
    *ret_n = n_out;
    return ENC_OK;
}

// Encrypts the last block, padded as PKCS#7 says (RFC 5652, 6.3), and makes the MAC behind it.
static enum enc_status encrypt_end(struct enc_fernet_encryptor *encryptor)
{
    const size_t n_padding = BLOCK - encryptor->n_partial;
    enum enc_status status;
    size_t n_taken;
    uint8_t padding[BLOCK];

    memset(padding, (int)n_padding, sizeof(padding));
    status = fill_partial(encryptor, padding, n_padding, &n_taken);
    if (status != ENC_OK)
        return status;
    return enc_kernel_lane_mac(&encryptor->lane, encryptor->ciphertext + BLOCK);
}

static enum enc_status finish(struct enc_encryptor *base, uint8_t *out, size_t cap, size_t *ret_n,
                              bool *ret_is_ended)
{
    struct enc_fernet_encryptor *encryptor = from_base(base);
    enum enc_status status;
    size_t n_out = 0;

    if (encryptor->status != ENC_OK)
        return encryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || encryptor->out != NULL)
        return latch(encryptor, ENC_MISUSE);
    status = encrypt_end(encryptor);
    if (status != ENC_OK)
        return latch(encryptor, status);

    write_base64(encryptor, encryptor->ciphertext, BLOCK + ENC_KERNEL_MAC, out, &n_out);
    n_out += enc_base64_finish(&encryptor->base64, (char *)out + n_out);
    wipe(base); // a token has one end
    *ret_n = n_out;
    *ret_is_ended = true;
    return ENC_OK;
}

const struct enc_encryptor_ops enc_fernet_encryptor_ops = {
    .content_type = "text/plain; charset=utf-8",
    .bound = bound,
    .total = total,
    .prepare = prepare,
    .commit = commit,
    .finish = finish,
    .wipe = wipe,
};
