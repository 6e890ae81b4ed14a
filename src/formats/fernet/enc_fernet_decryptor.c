// SPDX-License-Identifier: Apache-2.0
// Fernet tokens, read piece by piece, twice ("Verifying" in the specification).
//
// Both passes go the same way: text to bytes, then the header, then blocks, and a tail that stays
// back until it is known to be one. Pass 1 puts all of it through the MAC. Pass 2 does too, and
// decrypts.
#include <string.h>

#include "enc_fernet.h"

#define VERSION 0x80
#define BLOCK ENC_CBC_BLOCK
#define MAC ENC_MAC_BYTES
#define TAIL ENC_FERNET_TAIL

enum { PASS_VERIFY, PASS_OPEN, PASS_OPEN_END, PASS_NONE };

_Static_assert(ENC_FORMAT_OUT_MIN >= TAIL - MAC, "the least room holds the plaintext of the tail");
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

// Characters on their way in, and plaintext on its way out. Pass 1 has no `out`.
struct flow {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t cap;
    size_t n_out; // written
};

static void forget_keys(struct enc_fernet_decryptor *decryptor)
{
    enc_mac_wipe(&decryptor->mac);
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

static enum enc_status begin_pass(struct enc_fernet_decryptor *decryptor, int pass)
{
    decryptor->pass = pass;
    decryptor->text = (struct enc_fernet_text){0};
    decryptor->text_is_ended = false;
    decryptor->has_header = false;
    decryptor->n_passed = 0;
    decryptor->raw_at = 0;
    decryptor->n_raw = 0;
    return enc_mac_init(&decryptor->mac, decryptor->key.bytes, 16);
}

enum enc_status enc_fernet_decryptor_init(struct enc_fernet_decryptor *decryptor,
                                          const struct enc_fernet_key *key,
                                          const struct enc_fernet_time_limit *limit)
{
    enum enc_status st;

    // Not the buffer: what is not written need not be cleared.
    memset(decryptor, 0, offsetof(struct enc_fernet_decryptor, raw));
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

// Whether more of the token is needed before anything else can be done.
static bool is_drained(const struct enc_fernet_decryptor *decryptor)
{
    return n_waiting(decryptor) < (decryptor->has_header ? TAIL + BLOCK : ENC_FERNET_HEADER);
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
    return enc_mac_update(&decryptor->mac, header, ENC_FERNET_HEADER);
}

// n bytes of blocks that are not in the tail.
static enum enc_status read_blocks(struct enc_fernet_decryptor *decryptor, size_t n,
                                   struct flow *flow)
{
    const uint8_t *blocks = decryptor->raw + decryptor->raw_at;
    enum enc_status st;

    // A token that has become longer must not have what is in its tail released.
    if (is_opening(decryptor) && n > decryptor->n_verified - decryptor->n_passed)
        return ENC_FERNET_MAC;
    st = enc_mac_update(&decryptor->mac, blocks, n);
    if (st == ENC_OK && is_opening(decryptor)) {
        st = enc_cbc_update(&decryptor->cbc, blocks, n, flow->out + flow->n_out);
        flow->n_out += n;
    }
    decryptor->n_passed += n;
    decryptor->raw_at += n;
    return st;
}

// Reads what is out of base64, as far as the room for plaintext goes.
static enum enc_status read_raw(struct enc_fernet_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st;
    size_t n;

    if (!decryptor->has_header) {
        if (is_drained(decryptor))
            return ENC_OK;
        st = read_header(decryptor);
        if (st != ENC_OK)
            return st;
    }
    if (is_drained(decryptor))
        return ENC_OK;
    n = n_waiting(decryptor) - TAIL;
    if (is_opening(decryptor) && n > flow->cap - flow->n_out)
        n = flow->cap - flow->n_out;
    n = n / BLOCK * BLOCK;
    return n > 0 ? read_blocks(decryptor, n, flow) : ENC_OK;
}

static void make_room(struct enc_fernet_decryptor *decryptor)
{
    if (decryptor->raw_at == 0)
        return;
    decryptor->n_raw = n_waiting(decryptor);
    memmove(decryptor->raw, decryptor->raw + decryptor->raw_at, decryptor->n_raw);
    decryptor->raw_at = 0;
}

// Reads characters until they are used up, or the room for plaintext is. A piece of them is put
// through everything while it is in the cache.
static enum enc_status read_text(struct enc_fernet_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st = read_raw(decryptor, flow);

    while (st == ENC_OK && flow->n_in > 0 && is_drained(decryptor)) {
        size_t n_taken, n;
        make_room(decryptor);
        uint8_t *to = decryptor->raw + decryptor->n_raw;
        st = enc_fernet_text_read(&decryptor->text, flow->in, flow->n_in, to, ENC_FERNET_CHUNK,
                                  &n_taken, &n);
        if (st != ENC_OK)
            return st;
        flow->in += n_taken;
        flow->n_in -= n_taken;
        decryptor->n_raw += n;
        st = read_raw(decryptor, flow);
    }
    return st;
}

// The text is all there: reads the rest of it, as far as the room for plaintext goes.
static enum enc_status read_rest(struct enc_fernet_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st = read_raw(decryptor, flow);
    size_t n;

    if (st != ENC_OK || !is_drained(decryptor) || decryptor->text_is_ended)
        return st;
    decryptor->text_is_ended = true;
    make_room(decryptor);
    st = enc_fernet_text_end(&decryptor->text, decryptor->raw + decryptor->n_raw, &n);
    if (st != ENC_OK)
        return st;
    decryptor->n_raw += n;
    return read_raw(decryptor, flow);
}

enum enc_status enc_fernet_decryptor_verify(struct enc_fernet_decryptor *decryptor,
                                            const uint8_t *in, size_t n)
{
    struct flow flow = {.in = in, .n_in = n};
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (decryptor->pass != PASS_VERIFY)
        return latch(decryptor, ENC_MISUSE);
    st = read_text(decryptor, &flow);
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
    st = enc_mac_update(&decryptor->mac, tail, n - MAC);
    if (st == ENC_OK)
        st = enc_mac_end(&decryptor->mac, expected.bytes);
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

enum enc_status enc_fernet_decryptor_verify_end(struct enc_fernet_decryptor *decryptor,
                                                struct enc_fernet_verified *ret)
{
    struct flow flow = {0};
    enum enc_status st;
    uint64_t time;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (decryptor->pass != PASS_VERIFY)
        return latch(decryptor, ENC_MISUSE);
    st = read_rest(decryptor, &flow);
    if (st == ENC_OK)
        st = check_mac(decryptor);
    time = time_of(decryptor->header);
    // Only now: a time that is not authentic is nobody's.
    if (st == ENC_OK && !is_in_time(decryptor, time))
        st = ENC_FERNET_EXPIRED;
    if (st == ENC_OK)
        st = learn_size(decryptor);
    if (st == ENC_OK)
        st = begin_pass(decryptor, PASS_OPEN);
    if (st != ENC_OK)
        return latch(decryptor, st);
    *ret = (struct enc_fernet_verified){.size = decryptor->size, .time = time};
    return ENC_OK;
}

// Ends a call of pass 2 that was given this room.
static enum enc_status end_call(struct enc_fernet_decryptor *decryptor, enum enc_status st,
                                const struct flow *flow)
{
    if (st == ENC_OK)
        return ENC_OK;
    enc_wipe(flow->out, flow->n_out);
    return latch(decryptor, st);
}

enum enc_status enc_fernet_decryptor_open(struct enc_fernet_decryptor *decryptor, const uint8_t *in,
                                          size_t n, uint8_t *out, size_t cap, size_t *ret_taken,
                                          size_t *ret_n)
{
    struct flow flow = {.in = in, .n_in = n, .out = out, .cap = cap};
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || decryptor->pass != PASS_OPEN)
        return latch(decryptor, ENC_MISUSE);
    st = end_call(decryptor, read_text(decryptor, &flow), &flow);
    if (st != ENC_OK)
        return st;
    *ret_taken = n - flow.n_in;
    *ret_n = flow.n_out;
    return ENC_OK;
}

// Releases the tail, once all that went before it is known to be what it was in pass 1. The MAC
// says that of the length too; it is looked at because what is written depends on it.
static enum enc_status open_tail(struct enc_fernet_decryptor *decryptor, struct flow *flow)
{
    const size_t n_blocks = n_waiting(decryptor) - MAC;
    ENC_SECRET(last_blocks, plain);
    enum enc_status st = check_mac(decryptor);
    size_t n;

    if (st == ENC_OK &&
        (decryptor->n_passed != decryptor->n_verified ||
         memcmp(decryptor->raw + decryptor->n_raw - MAC, decryptor->verified_mac, MAC) != 0))
        st = ENC_FERNET_MAC;
    if (st == ENC_OK)
        st = enc_cbc_update(&decryptor->cbc, decryptor->raw + decryptor->raw_at, n_blocks,
                            plain.bytes);
    if (st != ENC_OK)
        return st;
    n = (size_t)(decryptor->size - decryptor->n_passed);
    memcpy(flow->out + flow->n_out, plain.bytes, n);
    flow->n_out += n;
    return ENC_OK;
}

enum enc_status enc_fernet_decryptor_open_end(struct enc_fernet_decryptor *decryptor, uint8_t *out,
                                              size_t cap, size_t *ret_n, bool *ret_is_ended)
{
    struct flow flow = {.out = out, .cap = cap};
    bool is_ended = false;
    enum enc_status st;

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN ||
        (decryptor->pass != PASS_OPEN && decryptor->pass != PASS_OPEN_END))
        return latch(decryptor, ENC_MISUSE);
    decryptor->pass = PASS_OPEN_END;
    st = read_rest(decryptor, &flow);
    if (st == ENC_OK && decryptor->text_is_ended && is_drained(decryptor) &&
        cap - flow.n_out >= TAIL - MAC) {
        st = open_tail(decryptor, &flow);
        is_ended = true;
    }
    st = end_call(decryptor, st, &flow);
    if (st != ENC_OK)
        return st;
    if (is_ended) {
        decryptor->pass = PASS_NONE;
        forget_keys(decryptor);
    }
    *ret_n = flow.n_out;
    *ret_is_ended = is_ended;
    return ENC_OK;
}

void enc_fernet_decryptor_wipe(struct enc_fernet_decryptor *decryptor)
{
    forget_keys(decryptor);
    enc_wipe(decryptor, sizeof(*decryptor));
    decryptor->status = ENC_MISUSE; // of whoever goes on with it
}
