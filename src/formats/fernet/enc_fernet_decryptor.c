// SPDX-License-Identifier: Apache-2.0
// Fernet tokens, read piece by piece, twice ("Verifying" in the specification).
//
// Both passes go the same way: text to bytes, then the header, then blocks, and a tail that stays
// back until it is known to be one. All of it goes through the MAC: header and tail at once, the
// blocks between them by an item for the kernel. In pass 2 its commit decrypts them.
#include <string.h>

#include "enc_fernet.h"

#define VERSION 0x80
#define BLOCK ENC_CBC_BLOCK
#define MAC ENC_MAC_BYTES
#define TAIL ENC_FERNET_TAIL

enum { PASS_VERIFY, PASS_OPEN, PASS_NONE };

_Static_assert(ENC_FORMAT_OUT_MIN >= BLOCK + TAIL - MAC,
               "the least room holds the plaintext of the tail, and of a block before it");
_Static_assert(TAIL + BLOCK >= ENC_FERNET_HEADER, "a header fits in front of a whole piece");
_Static_assert(ENC_FERNET_CHUNK >= ENC_FERNET_TEXT_OUT_MIN, "there is room for text");

// Secret: an HMAC that was computed. With it anybody could make a good token of a bad one.
struct expected_mac {
    uint8_t bytes[MAC];
};
ENC_SECRET_TYPE(expected_mac);

// Secret: the plaintext of the tail, padding included.
struct last_blocks {
    uint8_t bytes[TAIL - MAC];
};
ENC_SECRET_TYPE(last_blocks);

static struct enc_fernet_decryptor *from_base(struct enc_decryptor *base)
{
    return (struct enc_fernet_decryptor *)base; // its first member
}

static void forget_keys(struct enc_fernet_decryptor *decryptor)
{
    enc_kernel_lane_wipe(&decryptor->lane);
    enc_cbc_wipe(&decryptor->cbc);
    enc_wipe(&decryptor->key, sizeof(decryptor->key));
}

static enum enc_status latch(struct enc_fernet_decryptor *decryptor, enum enc_status status)
{
    if (decryptor->status == ENC_OK) {
        decryptor->status = status;
        forget_keys(decryptor);
    }
    return decryptor->status;
}

// Puts n bytes through the MAC, for which an item of their own is not worth the while.
static enum enc_status hash_few(struct enc_fernet_decryptor *decryptor, const uint8_t *bytes,
                                size_t n)
{
    struct enc_kernel_item item = {
        .op = ENC_KERNEL_HASH, .lane = &decryptor->lane, .in = bytes, .n = n};

    return enc_kernel_run_alone(&item);
}

static enum enc_status begin_pass(struct enc_fernet_decryptor *decryptor, int pass)
{
    static const uint8_t no_iv[ENC_KERNEL_BLOCK]; // the lane does not encrypt

    decryptor->pass = pass;
    decryptor->text = (struct enc_fernet_text){0};
    decryptor->has_header = false;
    decryptor->n_passed = 0;
    decryptor->raw_at = 0;
    decryptor->n_raw = 0;
    return enc_kernel_lane_init(&decryptor->lane, decryptor->key.bytes, decryptor->key.bytes + 16,
                                no_iv);
}

enum enc_status enc_fernet_decryptor_init(struct enc_fernet_decryptor *decryptor,
                                          const struct enc_fernet_key *key,
                                          const struct enc_fernet_time_limit *limit)
{
    enum enc_status st;

    // Not the buffer: what is not written need not be cleared.
    memset(decryptor, 0, offsetof(struct enc_fernet_decryptor, raw));
    decryptor->base.ops = &enc_fernet_decryptor_ops;
    decryptor->key = *key;
    decryptor->has_limit = limit != NULL;
    if (limit != NULL)
        decryptor->limit = *limit;
    st = begin_pass(decryptor, PASS_VERIFY);
    return st == ENC_OK ? ENC_OK : latch(decryptor, st);
}

static bool is_opening(const struct enc_fernet_decryptor *decryptor)
{
    return decryptor->pass != PASS_VERIFY;
}

static size_t n_waiting(const struct enc_fernet_decryptor *decryptor)
{
    return decryptor->n_raw - decryptor->raw_at;
}

static enum enc_status read_header(struct enc_fernet_decryptor *decryptor)
{
    const uint8_t *header = decryptor->raw;
    enum enc_status st;

    if (!is_opening(decryptor)) {
        memcpy(decryptor->header, header, ENC_FERNET_HEADER);
    } else {
        if (memcmp(decryptor->header, header, ENC_FERNET_HEADER) != 0)
            return ENC_FERNET_MAC;
        st = enc_cbc_init(&decryptor->cbc, decryptor->key.bytes + 16,
                          header + ENC_FERNET_HEADER - BLOCK);
        if (st != ENC_OK)
            return st;
    }
    decryptor->has_header = true;
    decryptor->raw_at = ENC_FERNET_HEADER;
    return hash_few(decryptor, header, ENC_FERNET_HEADER);
}

// Reads what is out of base64: describes the hashing of all blocks that are not in the tail.
static enum enc_status read_raw(struct enc_fernet_decryptor *decryptor,
                                struct enc_kernel_item *item)
{
    // An item that nobody runs must not pass for one that went well.
    *item = (struct enc_kernel_item){.status = ENC_MISUSE};
    if (!decryptor->has_header) {
        if (n_waiting(decryptor) < ENC_FERNET_HEADER)
            return ENC_OK;
        enum enc_status st = read_header(decryptor);
        if (st != ENC_OK)
            return st;
    }
    if (n_waiting(decryptor) < TAIL + BLOCK)
        return ENC_OK;
    item->op = ENC_KERNEL_HASH;
    item->lane = &decryptor->lane;
    item->in = decryptor->raw + decryptor->raw_at;
    item->n = (n_waiting(decryptor) - TAIL) / BLOCK * BLOCK;
    // A token that has become longer must not have what is in its tail released.
    if (is_opening(decryptor) && item->n > decryptor->n_verified - decryptor->n_passed)
        return ENC_FERNET_MAC;
    return ENC_OK;
}

// Uses the blocks that were hashed, while they are in the cache: writes their plaintext in pass 2.
static enum enc_status use_blocks(struct enc_fernet_decryptor *decryptor,
                                  const struct enc_kernel_item *item, uint8_t *out, size_t *ret_n)
{
    enum enc_status st = item->op == ENC_KERNEL_NONE ? ENC_OK : item->status;

    *ret_n = 0;
    if (st == ENC_OK && item->n > 0 && is_opening(decryptor)) {
        st = enc_cbc_update(&decryptor->cbc, item->in, item->n, out);
        *ret_n = item->n;
    }
    decryptor->n_passed += item->n;
    decryptor->raw_at += item->n;
    return st;
}

// What waits is no more than a tail and less than a block.
static void make_room(struct enc_fernet_decryptor *decryptor)
{
    if (decryptor->raw_at == 0)
        return;
    decryptor->n_raw = n_waiting(decryptor);
    memmove(decryptor->raw, decryptor->raw + decryptor->raw_at, decryptor->n_raw);
    decryptor->raw_at = 0;
}

// Begins a piece: characters, as many as give an item at most, whose blocks go to a room of cap
// bytes.
static enum enc_status begin_piece(struct enc_fernet_decryptor *decryptor, const uint8_t *in,
                                   size_t n, uint8_t *out, size_t cap, size_t *ret_taken,
                                   struct enc_kernel_item *item)
{
    // What waits adds less than a block to the whole ones.
    const size_t room = cap < ENC_FERNET_CHUNK ? cap / BLOCK * BLOCK : ENC_FERNET_CHUNK;
    size_t n_taken = 0, n_read = 0;
    enum enc_status st = ENC_OK;

    make_room(decryptor);
    if (n > 0)
        st = enc_fernet_text_read(&decryptor->text, in, n, decryptor->raw + decryptor->n_raw, room,
                                  &n_taken, &n_read);
    if (st != ENC_OK)
        return st;
    decryptor->n_raw += n_read;
    st = read_raw(decryptor, item);
    if (st != ENC_OK)
        return st;
    decryptor->is_begun = true;
    decryptor->out = out;
    *ret_taken = n_taken;
    return ENC_OK;
}

// The text is all there: reads the rest of it, at most a block before the tail.
static enum enc_status read_rest(struct enc_fernet_decryptor *decryptor, uint8_t *out,
                                 size_t *ret_n)
{
    struct enc_kernel_item item;
    enum enc_status st;
    size_t n;

    make_room(decryptor);
    st = enc_fernet_text_end(&decryptor->text, decryptor->raw + decryptor->n_raw, &n);
    if (st != ENC_OK)
        return st;
    decryptor->n_raw += n;
    st = read_raw(decryptor, &item);
    if (st == ENC_OK && item.op != ENC_KERNEL_NONE)
        st = enc_kernel_run_alone(&item);
    return st == ENC_OK ? use_blocks(decryptor, &item, out, ret_n) : st;
}

static enum enc_status verify(struct enc_decryptor *base, const uint8_t *in, size_t n,
                              size_t *ret_taken, struct enc_kernel_item *item)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (decryptor->pass != PASS_VERIFY || decryptor->is_begun)
        return latch(decryptor, ENC_MISUSE);
    st = begin_piece(decryptor, in, n, NULL, SIZE_MAX, ret_taken, item);
    return st == ENC_OK ? ENC_OK : latch(decryptor, st);
}

// Ends the MAC with the blocks of the tail, one if the token has no other, else two. The version is
// looked at here, so that a token with one bit of it wrong takes as long as with any other.
static enum enc_status check_mac(struct enc_fernet_decryptor *decryptor)
{
    const uint8_t *tail = decryptor->raw + decryptor->raw_at;
    const size_t n = n_waiting(decryptor);
    ENC_SECRET(expected_mac, expected);
    enum enc_status st;

    if (!decryptor->has_header || decryptor->header[0] != VERSION ||
        (n != TAIL && n != TAIL - BLOCK))
        return ENC_FERNET_TOKEN;
    st = hash_few(decryptor, tail, n - MAC);
    if (st == ENC_OK)
        st = enc_kernel_lane_mac(&decryptor->lane, expected.bytes);
    if (st == ENC_OK && !enc_equal_ct(expected.bytes, tail + n - MAC, MAC))
        st = ENC_FERNET_MAC;
    return st;
}

static bool is_in_time(const struct enc_fernet_decryptor *decryptor, uint64_t time)
{
    const struct enc_fernet_time_limit *limit = &decryptor->limit;

    if (!decryptor->has_limit)
        return true;
    if (time > limit->now)
        return time - limit->now <= ENC_FERNET_SKEW;
    return limit->now - time <= limit->ttl;
}

static uint64_t time_of(const uint8_t header[static ENC_FERNET_HEADER])
{
    uint64_t time = 0;

    for (size_t i = 1; i <= 8; i++)
        time = time << 8 | header[i];
    return time;
}

// How many bytes of a last block are padding (RFC 5652, 6.3): 1 to 16 of that value. 0 if they are
// no such. Only ever asked of what is authentic, so that its time tells nobody anything.
static size_t padding_of(const uint8_t block[static BLOCK])
{
    const size_t n_padding = block[BLOCK - 1];

    if (n_padding > BLOCK)
        return 0;
    for (size_t i = BLOCK - n_padding; i < BLOCK; i++) {
        if (block[i] != n_padding)
            return 0;
    }
    return n_padding;
}

// Decrypts the last block, and so learns how large the plaintext is.
static enum enc_status learn_size(struct enc_fernet_decryptor *decryptor)
{
    const size_t n = n_waiting(decryptor) - MAC;
    const uint8_t *last = decryptor->raw + decryptor->raw_at + n - BLOCK;
    // CBC: the one block of a token is behind the IV, any other behind a block.
    const uint8_t *before =
        n > BLOCK ? last - BLOCK : decryptor->header + ENC_FERNET_HEADER - BLOCK;
    ENC_SECRET(last_blocks, plain);
    size_t n_padding;
    enum enc_status st = enc_cbc_init(&decryptor->cbc, decryptor->key.bytes + 16, before);

    if (st == ENC_OK)
        st = enc_cbc_update(&decryptor->cbc, last, BLOCK, plain.bytes);
    enc_cbc_wipe(&decryptor->cbc);
    if (st != ENC_OK)
        return st;
    n_padding = padding_of(plain.bytes);
    if (n_padding == 0)
        return ENC_FERNET_PADDING;
    decryptor->n_verified = decryptor->n_passed;
    decryptor->size = decryptor->n_passed + n - n_padding;
    memcpy(decryptor->verified_mac, decryptor->raw + decryptor->n_raw - MAC, MAC);
    return ENC_OK;
}

static enum enc_status verify_end(struct enc_decryptor *base, uint64_t *ret_size)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);
    enum enc_status st;
    size_t n;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (decryptor->pass != PASS_VERIFY || decryptor->is_begun)
        return latch(decryptor, ENC_MISUSE);
    st = read_rest(decryptor, NULL, &n);
    if (st == ENC_OK)
        st = check_mac(decryptor);
    // Only now: a time that is not authentic is nobody's.
    if (st == ENC_OK && !is_in_time(decryptor, time_of(decryptor->header)))
        st = ENC_FERNET_EXPIRED;
    if (st == ENC_OK)
        st = learn_size(decryptor);
    if (st == ENC_OK)
        st = begin_pass(decryptor, PASS_OPEN);
    if (st != ENC_OK)
        return latch(decryptor, st);
    *ret_size = decryptor->size;
    return ENC_OK;
}

uint64_t enc_fernet_decryptor_time(const struct enc_fernet_decryptor *decryptor)
{
    return time_of(decryptor->header);
}

static enum enc_status open_some(struct enc_decryptor *base, const uint8_t *in, size_t n,
                                 uint8_t *out, size_t cap, size_t *ret_taken,
                                 struct enc_kernel_item *item)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || decryptor->pass != PASS_OPEN || decryptor->is_begun)
        return latch(decryptor, ENC_MISUSE);
    st = begin_piece(decryptor, in, n, out, cap, ret_taken, item);
    return st == ENC_OK ? ENC_OK : latch(decryptor, st);
}

// Ends a call that wrote n bytes.
static enum enc_status end_call(struct enc_fernet_decryptor *decryptor, enum enc_status st,
                                uint8_t *out, size_t n, size_t *ret_n)
{
    if (st != ENC_OK) {
        if (n > 0)
            enc_wipe(out, n);
        return latch(decryptor, st);
    }
    *ret_n = n;
    return ENC_OK;
}

static enum enc_status commit(struct enc_decryptor *base, const struct enc_kernel_item *item,
                              size_t *ret_n)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);
    enum enc_status st;
    size_t n;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (!decryptor->is_begun)
        return latch(decryptor, ENC_MISUSE);
    decryptor->is_begun = false;
    st = use_blocks(decryptor, item, decryptor->out, &n);
    return end_call(decryptor, st, decryptor->out, n, ret_n);
}

// Releases the tail, once all that went before it is known to be what it was in pass 1. The MAC
// says that of the length too; it is looked at because what is written depends on it.
static enum enc_status open_tail(struct enc_fernet_decryptor *decryptor, uint8_t *out,
                                 size_t *ret_n)
{
    ENC_SECRET(last_blocks, plain);
    enum enc_status st = check_mac(decryptor);
    size_t n;

    if (st == ENC_OK &&
        (decryptor->n_passed != decryptor->n_verified ||
         memcmp(decryptor->raw + decryptor->n_raw - MAC, decryptor->verified_mac, MAC) != 0))
        st = ENC_FERNET_MAC;
    if (st == ENC_OK)
        st = enc_cbc_update(&decryptor->cbc, decryptor->raw + decryptor->raw_at,
                            n_waiting(decryptor) - MAC, plain.bytes);
    if (st != ENC_OK)
        return st;
    n = (size_t)(decryptor->size - decryptor->n_passed);
    memcpy(out, plain.bytes, n);
    *ret_n = n;
    return ENC_OK;
}

static enum enc_status open_end(struct enc_decryptor *base, uint8_t *out, size_t cap, size_t *ret_n,
                                bool *ret_is_ended)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);
    size_t n_blocks = 0, n_tail = 0;
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || decryptor->pass != PASS_OPEN || decryptor->is_begun)
        return latch(decryptor, ENC_MISUSE);
    st = read_rest(decryptor, out, &n_blocks);
    if (st == ENC_OK)
        st = open_tail(decryptor, out + n_blocks, &n_tail);
    st = end_call(decryptor, st, out, n_blocks + n_tail, ret_n);
    if (st != ENC_OK)
        return st;
    decryptor->pass = PASS_NONE;
    forget_keys(decryptor);
    *ret_is_ended = true;
    return ENC_OK;
}

static void wipe(struct enc_decryptor *base)
{
    struct enc_fernet_decryptor *decryptor = from_base(base);

    forget_keys(decryptor);
    enc_wipe(decryptor, sizeof(*decryptor));
    base->ops = &enc_fernet_decryptor_ops;
    decryptor->status = ENC_MISUSE; // of whoever goes on with it
}

const struct enc_decryptor_ops enc_fernet_decryptor_ops = {
    .out_min = ENC_FORMAT_OUT_MIN,
    .verify = verify,
    .verify_end = verify_end,
    .open = open_some,
    .commit = commit,
    .open_end = open_end,
    .wipe = wipe,
};
