// SPDX-License-Identifier: Apache-2.0
// age files, made piece by piece: the header, the payload's nonce, the chunks; in armor or not.
//
// Whether a chunk is the last goes into its nonce. Where the file's size is known, so is that, and
// the bytes are sealed as they come. Else a full chunk waits for one byte more, or for the end;
// where the caller has that byte at hand, it is sealed from there.
#include <string.h>

#include "enc_age.h"
#include "enc_age_type.h"

_Static_assert(ENC_FORMAT_OUT_MIN >= 2 * ENC_AGE_ARMOR_END_CHARS, "the least room ends an armor");

static struct enc_age_encryptor *from_base(struct enc_encryptor *base)
{
    return (struct enc_age_encryptor *)base; // its first member
}

static enum enc_status latch(struct enc_age_encryptor *encryptor, enum enc_status status)
{
    if (encryptor->status == ENC_OK)
        encryptor->status = status;
    return encryptor->status;
}

static void wipe(struct enc_encryptor *base)
{
    struct enc_age_encryptor *encryptor = from_base(base);
    const struct enc_encryptor_ops *ops = base->ops;

    enc_age_stream_wipe(&encryptor->stream);
    enc_wipe(encryptor, sizeof(*encryptor));
    base->ops = ops;
    encryptor->status = ENC_MISUSE; // of whoever goes on with it
}

// The header, with a stanza for each recipient, and the nonce behind it.
static enum enc_status write_head(struct enc_age_encryptor *encryptor,
                                  const struct enc_age_encryptor_options *options)
{
    const struct enc_age_seed *seed = options->seed;
    struct enc_age_header_writer writer;

    enc_age_header_begin(&writer, encryptor->head, sizeof(encryptor->head) - ENC_AGE_NONCE);
    for (size_t i = 0; i < options->n_recipients; i++) {
        const struct enc_age_recipient *recipient = &options->recipients[i];
        if (recipient->type->is_alone && options->n_recipients > 1)
            return ENC_MISUSE;
        enum enc_status st =
            recipient->type->wrap(&seed->file_key, recipient, seed->stanzas[i], &writer);
        if (st != ENC_OK)
            return st;
    }
    enum enc_status st = enc_age_header_sign(&writer, &seed->file_key);
    if (st != ENC_OK)
        return st;
    memcpy(encryptor->head + writer.n, seed->nonce, ENC_AGE_NONCE);
    encryptor->n_head = writer.n + ENC_AGE_NONCE;
    return ENC_OK;
}

enum enc_status enc_age_encryptor_init(struct enc_age_encryptor *encryptor,
                                       const struct enc_age_encryptor_options *options)
{
    // Not the buffers: what is not written need not be cleared.
    memset(encryptor, 0, offsetof(struct enc_age_encryptor, head));
    encryptor->base.ops = options->armor ? &enc_age_armored_encryptor_ops : &enc_age_encryptor_ops;
    encryptor->size_is_known = options->size_is_known;
    encryptor->n_left = options->size_is_known ? options->size : 0;

    enum enc_status st = ENC_MISUSE;
    if (options->n_recipients > 0 && options->n_recipients <= ENC_AGE_RECIPIENTS_MAX)
        st = write_head(encryptor, options);
    if (st == ENC_OK)
        st =
            enc_age_stream_init(&encryptor->stream, &options->seed->file_key, options->seed->nonce);
    if (st != ENC_OK)
        wipe(&encryptor->base);
    return st;
}

// Where a piece of work takes its bytes from, and where they go.
struct flow {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t n_out; // room that is left
};

static void take(struct flow *flow, size_t n)
{
    if (n == 0) // there may be no input at all
        return;
    flow->in += n;
    flow->n_in -= n;
}

static void put(struct flow *flow, size_t n)
{
    flow->out += n;
    flow->n_out -= n;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void put_head(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    size_t n = least(encryptor->n_head - encryptor->head_at, flow->n_out);

    if (n == 0)
        return;
    memcpy(flow->out, encryptor->head + encryptor->head_at, n);
    encryptor->head_at += n;
    put(flow, n);
}

static void keep(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    if (flow->n_in == 0)
        return;
    memcpy(encryptor->plain + encryptor->n_plain, flow->in, flow->n_in);
    encryptor->n_plain += flow->n_in;
    take(flow, flow->n_in);
}

static enum enc_status open_chunk(struct enc_age_encryptor *encryptor, size_t n, bool is_last)
{
    encryptor->chunk_is_open = true;
    encryptor->chunk_is_last = is_last;
    encryptor->n_chunk = n;
    encryptor->chunk_at = 0;
    return enc_age_stream_seal_begin(&encryptor->stream, is_last);
}

static enum enc_status close_chunk(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    enum enc_status st = enc_age_stream_seal_end(&encryptor->stream, flow->out);

    put(flow, ENC_AEAD_TAG);
    encryptor->chunk_is_open = false;
    encryptor->is_sealed = encryptor->chunk_is_last;
    encryptor->n_plain = 0;
    return st;
}

// Opens the next chunk as soon as it can be known whether it is the last.
static enum enc_status next_chunk(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    if (encryptor->size_is_known) {
        size_t n = (size_t)(encryptor->n_left < ENC_AGE_CHUNK ? encryptor->n_left : ENC_AGE_CHUNK);
        if (flow->n_in == 0)
            return ENC_OK;
        if (n == 0) // more than was announced, which was nothing
            return ENC_MISUSE;
        encryptor->n_left -= n;
        return open_chunk(encryptor, n, encryptor->n_left == 0);
    }
    if (flow->n_in > ENC_AGE_CHUNK - encryptor->n_plain)
        return open_chunk(encryptor, ENC_AGE_CHUNK, false);
    keep(encryptor, flow);
    return ENC_OK;
}

// Seals up to n bytes of the open chunk, as many as there is room for.
static enum enc_status seal(struct enc_age_encryptor *encryptor, const uint8_t *bytes, size_t n,
                            struct flow *flow, size_t *ret_n)
{
    if (n > flow->n_out)
        n = flow->n_out - flow->n_out % ENC_AEAD_BLOCK;
    enum enc_status st = enc_age_stream_seal_update(&encryptor->stream, bytes, n, flow->out);
    encryptor->chunk_at += n;
    put(flow, n);
    *ret_n = n;
    return st;
}

// Whether all of the open chunk is sealed but for its tag.
static bool chunk_is_full(const struct enc_age_encryptor *encryptor)
{
    return encryptor->chunk_is_open && encryptor->chunk_at == encryptor->n_chunk;
}

// Goes on with the open chunk: first with what was kept of it, then with the input itself. The last
// tag is left for the end, so that nothing unfinished has it.
static enum enc_status seal_chunk(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    enum enc_status st = ENC_OK;
    size_t n;

    if (encryptor->chunk_at < encryptor->n_plain)
        st = seal(encryptor, encryptor->plain + encryptor->chunk_at,
                  encryptor->n_plain - encryptor->chunk_at, flow, &n);
    if (st == ENC_OK && encryptor->chunk_at >= encryptor->n_plain) {
        n = least(encryptor->n_chunk - encryptor->chunk_at, flow->n_in);
        st = seal(encryptor, flow->in, n, flow, &n);
        take(flow, n);
    }
    if (st == ENC_OK && chunk_is_full(encryptor) && flow->n_out >= ENC_AEAD_TAG &&
        (!encryptor->chunk_is_last || encryptor->is_finishing))
        st = close_chunk(encryptor, flow);
    return st;
}

// Takes input and writes what it yields, until either is used up.
static enum enc_status encrypt(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    if (chunk_is_full(encryptor) && encryptor->chunk_is_last && flow->n_in > 0)
        return ENC_MISUSE; // more than was announced
    put_head(encryptor, flow);
    while (encryptor->head_at == encryptor->n_head) {
        enum enc_status st = encryptor->chunk_is_open ? ENC_OK : next_chunk(encryptor, flow);
        if (st != ENC_OK || !encryptor->chunk_is_open)
            return st;
        st = seal_chunk(encryptor, flow);
        if (st != ENC_OK || encryptor->chunk_is_open)
            return st;
    }
    return ENC_OK;
}

// Whether bytes of the file were announced, by its size or by a chunk that is not the last, and did
// not come.
static bool lacks_input(const struct enc_age_encryptor *encryptor)
{
    if (encryptor->chunk_is_open)
        return !encryptor->chunk_is_last || (encryptor->chunk_at >= encryptor->n_plain &&
                                             encryptor->chunk_at < encryptor->n_chunk);
    return encryptor->n_left > 0;
}

// Writes what is left: the last chunk, empty only if all is.
static enum enc_status encrypt_end(struct enc_age_encryptor *encryptor, struct flow *flow)
{
    enum enc_status st = ENC_OK;

    if (lacks_input(encryptor))
        return ENC_MISUSE;
    encryptor->is_finishing = true;
    put_head(encryptor, flow);
    if (encryptor->head_at < encryptor->n_head || encryptor->is_sealed)
        return ENC_OK;
    if (!encryptor->chunk_is_open)
        st = open_chunk(encryptor, encryptor->n_plain, true);
    return st == ENC_OK ? seal_chunk(encryptor, flow) : st;
}

typedef enum enc_status work(struct enc_age_encryptor *encryptor, struct flow *flow);

// By way of a block that stays in the cache.
static enum enc_status run_armored(struct enc_age_encryptor *encryptor, work *what,
                                   struct flow *flow)
{
    size_t n_room = least(enc_age_armor_room(flow->n_out), sizeof(encryptor->block));
    struct flow inner = {flow->in, flow->n_in, encryptor->block, n_room};
    enum enc_status st = what(encryptor, &inner);

    if (st != ENC_OK)
        return st;
    take(flow, flow->n_in - inner.n_in);
    put(flow,
        enc_age_armor_write(&encryptor->armor, encryptor->block, n_room - inner.n_out, flow->out));
    return ENC_OK;
}

static bool is_armored(const struct enc_age_encryptor *encryptor)
{
    return encryptor->base.ops == &enc_age_armored_encryptor_ops;
}

static enum enc_status run(struct enc_age_encryptor *encryptor, work *what, struct flow *flow)
{
    return is_armored(encryptor) ? run_armored(encryptor, what, flow) : what(encryptor, flow);
}

static enum enc_status prepare(struct enc_encryptor *base, const uint8_t *in, size_t n,
                               uint8_t *out, size_t cap, size_t *ret_taken,
                               struct enc_kernel_item *item)
{
    struct enc_age_encryptor *encryptor = from_base(base);
    struct flow flow = {in, n, out, cap};

    if (encryptor->status != ENC_OK)
        return encryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || encryptor->is_prepared || encryptor->is_finishing)
        return latch(encryptor, ENC_MISUSE);
    enum enc_status st = run(encryptor, encrypt, &flow);
    if (st != ENC_OK)
        return latch(encryptor, st);
    encryptor->is_prepared = true;
    encryptor->n_prepared = cap - flow.n_out;
    // The cipher is as fast alone as in company: nothing is left for the kernel.
    *item = (struct enc_kernel_item){.op = ENC_KERNEL_NONE};
    *ret_taken = n - flow.n_in;
    return ENC_OK;
}

static enum enc_status commit(struct enc_encryptor *base, const struct enc_kernel_item *item,
                              size_t *ret_n)
{
    struct enc_age_encryptor *encryptor = from_base(base);

    (void)item;
    if (encryptor->status != ENC_OK)
        return encryptor->status;
    if (!encryptor->is_prepared)
        return latch(encryptor, ENC_MISUSE);
    encryptor->is_prepared = false;
    *ret_n = encryptor->n_prepared;
    return ENC_OK;
}

static enum enc_status finish(struct enc_encryptor *base, uint8_t *out, size_t cap, size_t *ret_n,
                              bool *ret_is_ended)
{
    struct enc_age_encryptor *encryptor = from_base(base);
    struct flow flow = {NULL, 0, out, cap};

    if (encryptor->status != ENC_OK)
        return encryptor->status;
    if (cap < ENC_FORMAT_OUT_MIN || encryptor->is_prepared)
        return latch(encryptor, ENC_MISUSE);
    enum enc_status st = run(encryptor, encrypt_end, &flow);
    if (st != ENC_OK)
        return latch(encryptor, st);
    bool is_ended = encryptor->is_sealed;
    if (is_ended && is_armored(encryptor)) {
        is_ended = flow.n_out >= ENC_AGE_ARMOR_END_CHARS;
        if (is_ended)
            put(&flow, enc_age_armor_write_end(&encryptor->armor, flow.out));
    }
    if (is_ended)
        wipe(base); // a file has one end
    *ret_n = cap - flow.n_out;
    *ret_is_ended = is_ended;
    return ENC_OK;
}

static size_t bound(const struct enc_encryptor *base, size_t n)
{
    const struct enc_age_encryptor *encryptor = (const struct enc_age_encryptor *)base;
    size_t n_in = encryptor->n_plain + n;
    size_t n_before = encryptor->chunk_is_open ? encryptor->chunk_at : 0;
    size_t n_tags = (n_before + n_in) / ENC_AGE_CHUNK + 1;

    if (n > SIZE_MAX / 2)
        return SIZE_MAX;
    size_t n_binary = encryptor->n_head - encryptor->head_at + n_in + n_tags * ENC_AEAD_TAG;
    return is_armored(encryptor) ? enc_age_armor_bound(n_binary) : n_binary;
}

static bool total(const struct enc_encryptor *base, uint64_t n, uint64_t *ret_size)
{
    const struct enc_age_encryptor *encryptor = (const struct enc_age_encryptor *)base;
    uint64_t n_chunks = n / ENC_AGE_CHUNK + (n % ENC_AGE_CHUNK != 0 || n == 0);
    uint64_t size;

    if (__builtin_add_overflow(n, encryptor->n_head + n_chunks * ENC_AEAD_TAG, &size))
        return false;
    if (is_armored(encryptor))
        return enc_age_armor_size(size, ret_size);
    *ret_size = size;
    return true;
}

const struct enc_encryptor_ops enc_age_encryptor_ops = {
    .content_type = "application/octet-stream",
    .bound = bound,
    .total = total,
    .prepare = prepare,
    .commit = commit,
    .finish = finish,
    .wipe = wipe,
};

const struct enc_encryptor_ops enc_age_armored_encryptor_ops = {
    .content_type = "text/plain; charset=utf-8",
    .bound = bound,
    .total = total,
    .prepare = prepare,
    .commit = commit,
    .finish = finish,
    .wipe = wipe,
};
