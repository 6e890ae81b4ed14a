// SPDX-License-Identifier: Apache-2.0
// age files, read piece by piece: armor, if there is some, around the header, the nonce, the
// chunks.
//
// A chunk is opened once it is whole and one byte more shows that it is not the last, or once the
// input has ended. Nothing leaves that is not authenticated.
//
// A file can be read again. By then its file key is gone, and the payload's key still there. What
// makes it the same file is a hash of its header, its nonce and the tags of its chunks, which is
// looked at before the last chunk is opened.
#include <string.h>

#include "enc_age.h"
#include "enc_age_type.h"

enum { AT_FIRST_BYTE, AT_HEADER, AT_NONCE, AT_PAYLOAD, AT_END };

_Static_assert(sizeof(((struct enc_age_decryptor *)NULL)->held) >= ENC_AGE_HEADER_MAX,
               "the longest header fits where the chunks go later");

// Bytes on their way in, and plaintext on its way out.
struct flow {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t n_out; // written
};

static void take(struct flow *flow, size_t n)
{
    flow->in += n;
    flow->n_in -= n;
}

static void forget_keys(struct enc_age_decryptor *decryptor)
{
    enc_mac_wipe(&decryptor->seen);
    enc_age_stream_wipe(&decryptor->stream);
    enc_wipe(&decryptor->file_key, sizeof(decryptor->file_key));
}

static enum enc_status latch(struct enc_age_decryptor *decryptor, enum enc_status status)
{
    if (decryptor->status == ENC_OK) {
        decryptor->status = status;
        forget_keys(decryptor);
    }
    return decryptor->status;
}

void enc_age_decryptor_init(struct enc_age_decryptor *decryptor,
                            const struct enc_age_identity *identities, size_t n_identities)
{
    // Not the buffers: what is not written need not be cleared.
    memset(decryptor, 0, offsetof(struct enc_age_decryptor, raw));
    decryptor->state = AT_FIRST_BYTE;
    decryptor->identities = identities;
    decryptor->n_identities = n_identities;
    enc_age_header_reader_init(&decryptor->header, decryptor->held);
}

// Begins the hash with the header: HMAC with a key that everybody knows is one.
static enum enc_status see_header(struct enc_age_decryptor *decryptor)
{
    static const uint8_t key[ENC_MAC_BYTES];
    enum enc_status st = enc_mac_init(&decryptor->seen, key, sizeof(key));

    if (st == ENC_OK)
        st = enc_mac_update(&decryptor->seen, decryptor->held, decryptor->header.n);
    return st;
}

// Ends the hash. The first time it is kept, and any other time it has to be the same.
static enum enc_status see_end(struct enc_age_decryptor *decryptor)
{
    uint8_t hash[ENC_MAC_BYTES];
    enum enc_status st = enc_mac_end(&decryptor->seen, hash);

    if (st != ENC_OK)
        return st;
    if (decryptor->is_again && memcmp(hash, decryptor->hash, sizeof(hash)) != 0)
        return ENC_AGE_PAYLOAD;
    memcpy(decryptor->hash, hash, sizeof(hash));
    return ENC_OK;
}

static enum enc_status open_header(struct enc_age_decryptor *decryptor)
{
    enum enc_status st = enc_age_unwrap(&decryptor->header, decryptor->identities,
                                        decryptor->n_identities, &decryptor->file_key);

    return st == ENC_OK ? enc_age_header_verify(&decryptor->header, &decryptor->file_key) : st;
}

static enum enc_status read_header(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    bool is_whole = false;
    size_t n_taken = 0;
    enum enc_status st =
        enc_age_header_read(&decryptor->header, flow->in, flow->n_in, &n_taken, &is_whole);

    if (st != ENC_OK)
        return st;
    take(flow, n_taken);
    if (!is_whole)
        return ENC_OK;
    decryptor->state = AT_NONCE;
    st = decryptor->is_again ? ENC_OK : open_header(decryptor);
    return st == ENC_OK ? see_header(decryptor) : st;
}

// Moves input to `held` until it holds n bytes. Whether it does.
static bool hold(struct enc_age_decryptor *decryptor, struct flow *flow, size_t n)
{
    size_t n_take = n - decryptor->n_held;

    if (n_take > flow->n_in)
        n_take = flow->n_in;
    memcpy(decryptor->held + decryptor->n_held, flow->in, n_take);
    decryptor->n_held += n_take;
    take(flow, n_take);
    return decryptor->n_held == n;
}

static enum enc_status read_nonce(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    const uint8_t *nonce = decryptor->held;

    if (!hold(decryptor, flow, ENC_AGE_NONCE))
        return ENC_OK;
    decryptor->n_held = 0;
    decryptor->state = AT_PAYLOAD;
    enum enc_status st = enc_mac_update(&decryptor->seen, nonce, ENC_AGE_NONCE);
    if (st == ENC_OK && !decryptor->is_again)
        st = enc_age_stream_init(&decryptor->stream, &decryptor->file_key, nonce);
    enc_wipe(&decryptor->file_key, sizeof(decryptor->file_key));
    return st;
}

// Opens a chunk of n bytes that is the last one, or not, going by where the input ends. A full one
// may have been sealed as the other kind: then it is as good as any, and what is wrong is only what
// follows it, or that nothing does. So it is released, and the error is the next call's.
static enum enc_status open_chunk(struct enc_age_decryptor *decryptor, const uint8_t *chunk,
                                  size_t n, bool is_last, struct flow *flow)
{
    enum enc_status st = enc_mac_update(&decryptor->seen, chunk + n - ENC_AEAD_TAG, ENC_AEAD_TAG);

    if (st == ENC_OK && is_last)
        st = see_end(decryptor);
    if (st == ENC_OK)
        st = enc_age_stream_open(&decryptor->stream, chunk, n, is_last, flow->out);
    if (st == ENC_TAG_MISMATCH && n == sizeof(decryptor->held)) {
        st = enc_age_stream_open(&decryptor->stream, chunk, n, !is_last, flow->out);
        if (st == ENC_OK)
            latch(decryptor, ENC_AGE_PAYLOAD);
    }
    if (st != ENC_OK)
        return st == ENC_TAG_MISMATCH ? ENC_AGE_PAYLOAD : st;
    decryptor->has_chunks = true;
    flow->n_out = n - ENC_AEAD_TAG;
    return ENC_OK;
}

static enum enc_status read_payload(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    const size_t n_full = sizeof(decryptor->held);
    enum enc_status st;

    if (decryptor->n_held == n_full) {
        st = open_chunk(decryptor, decryptor->held, n_full, false, flow);
        decryptor->n_held = 0;
    } else if (decryptor->n_held == 0 && flow->n_in > n_full) {
        st = open_chunk(decryptor, flow->in, n_full, false, flow);
        take(flow, n_full);
    } else {
        hold(decryptor, flow, n_full);
        st = ENC_OK;
    }
    return st;
}

// Reads bytes of the binary file, until they are used up or a chunk is written.
static enum enc_status read_binary(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st = ENC_OK;

    while (st == ENC_OK && flow->n_in > 0 && flow->n_out == 0) {
        switch (decryptor->state) {
        case AT_HEADER:
            st = read_header(decryptor, flow);
            break;
        case AT_NONCE:
            st = read_nonce(decryptor, flow);
            break;
        case AT_PAYLOAD:
            st = read_payload(decryptor, flow);
            break;
        default:
            return ENC_MISUSE;
        }
    }
    return st;
}

// What is out of its armor already.
static enum enc_status read_raw(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    struct flow inner = {.in = decryptor->raw + decryptor->raw_at,
                         .n_in = decryptor->n_raw - decryptor->raw_at,
                         .out = flow->out};
    enum enc_status st = read_binary(decryptor, &inner);

    decryptor->raw_at = decryptor->n_raw - inner.n_in;
    flow->n_out = inner.n_out;
    return st;
}

static enum enc_status read_armored(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st = read_raw(decryptor, flow);

    while (st == ENC_OK && flow->n_in > 0 && flow->n_out == 0) {
        size_t n_taken = 0;
        st = enc_age_armor_read(&decryptor->armor, flow->in, flow->n_in, decryptor->raw,
                                sizeof(decryptor->raw), &n_taken, &decryptor->n_raw);
        if (st != ENC_OK)
            return st;
        take(flow, n_taken);
        decryptor->raw_at = 0;
        st = read_raw(decryptor, flow);
    }
    return st;
}

// Armor, and the white space that may go before it, begin with what no version line does.
static void look_at_first_byte(struct enc_age_decryptor *decryptor, uint8_t first)
{
    decryptor->is_armored = first == ENC_AGE_ARMOR_BEGIN[0] || enc_age_armor_is_space(first);
    decryptor->state = AT_HEADER;
}

bool enc_age_decryptor_has_key(const struct enc_age_decryptor *decryptor)
{
    return decryptor->is_again || decryptor->state > AT_HEADER;
}

enum enc_status enc_age_decryptor_update(struct enc_age_decryptor *decryptor, const uint8_t *in,
                                         size_t n, uint8_t *out, size_t cap, size_t *ret_taken,
                                         size_t *ret_n)
{
    struct flow flow = {in, n, out, 0};

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_AGE_CHUNK || decryptor->state == AT_END)
        return latch(decryptor, ENC_MISUSE);
    if (decryptor->state == AT_FIRST_BYTE && n > 0)
        look_at_first_byte(decryptor, in[0]);
    enum enc_status st =
        decryptor->is_armored ? read_armored(decryptor, &flow) : read_binary(decryptor, &flow);
    if (st != ENC_OK)
        return latch(decryptor, st);
    *ret_taken = n - flow.n_in;
    *ret_n = flow.n_out;
    return ENC_OK;
}

// Opens the last chunk. It may be full, and it may be empty only if the whole payload is.
static enum enc_status open_last(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    const size_t n = decryptor->n_held;

    if (n < ENC_AEAD_TAG || (n == ENC_AEAD_TAG && decryptor->has_chunks))
        return ENC_AGE_PAYLOAD;
    return open_chunk(decryptor, decryptor->held, n, true, flow);
}

static enum enc_status end(struct enc_age_decryptor *decryptor, struct flow *flow)
{
    enum enc_status st = ENC_OK;

    if (decryptor->is_armored)
        st = enc_age_armor_read_end(&decryptor->armor);
    if (st != ENC_OK)
        return st;
    // A nonce that is cut short counts as a header that is.
    return decryptor->state == AT_PAYLOAD ? open_last(decryptor, flow) : ENC_AGE_HEADER;
}

enum enc_status enc_age_decryptor_finish(struct enc_age_decryptor *decryptor, uint8_t *out,
                                         size_t cap, size_t *ret_n, bool *ret_is_ended)
{
    struct flow flow = {.out = out};

    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (cap < ENC_AGE_CHUNK || decryptor->state == AT_END)
        return latch(decryptor, ENC_MISUSE);
    enum enc_status st = read_raw(decryptor, &flow);
    bool is_ended = flow.n_out == 0;
    if (st == ENC_OK && is_ended)
        st = end(decryptor, &flow);
    if (st != ENC_OK)
        return latch(decryptor, st);
    is_ended = is_ended && decryptor->status == ENC_OK;
    if (is_ended) {
        decryptor->state = AT_END;
        if (decryptor->is_again)
            forget_keys(decryptor);
    }
    *ret_n = flow.n_out;
    *ret_is_ended = is_ended;
    return ENC_OK;
}

enum enc_status enc_age_decryptor_rewind(struct enc_age_decryptor *decryptor)
{
    if (decryptor->status != ENC_OK)
        return decryptor->status;
    if (decryptor->state != AT_END || decryptor->is_again)
        return latch(decryptor, ENC_MISUSE);
    decryptor->state = AT_FIRST_BYTE;
    decryptor->is_again = true;
    decryptor->armor = (struct enc_age_armor_reader){0};
    enc_age_header_reader_init(&decryptor->header, decryptor->held);
    enc_age_stream_rewind(&decryptor->stream);
    decryptor->has_chunks = false;
    decryptor->n_held = 0;
    decryptor->n_raw = 0;
    decryptor->raw_at = 0;
    return ENC_OK;
}

void enc_age_decryptor_wipe(struct enc_age_decryptor *decryptor)
{
    forget_keys(decryptor);
    enc_wipe(decryptor, sizeof(*decryptor));
    decryptor->status = ENC_MISUSE; // of whoever goes on with it
}
