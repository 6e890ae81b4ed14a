// SPDX-License-Identifier: Apache-2.0
// STREAM: the nonces of the chunks, and the chunks.
#include "enc_age_stream.h"

#include <string.h>

#include "enc_kdf.h"

#define LAST_AT (ENC_AEAD_NONCE - 1) // of a nonce: 1 in the last chunk's

enum enc_status enc_age_stream_init(struct enc_age_stream *stream,
                                    const struct enc_age_file_key *file_key,
                                    const uint8_t nonce[static ENC_AGE_NONCE])
{
    static const char info[] = "payload";
    ENC_SECRET(enc_age_derived_key, key);

    memset(stream, 0, sizeof(*stream));
    enum enc_status st =
        enc_hkdf_sha256((struct enc_bytes){file_key->bytes, sizeof(file_key->bytes)},
                        (struct enc_bytes){nonce, ENC_AGE_NONCE},
                        (struct enc_bytes){info, strlen(info)}, key.bytes);
    return st == ENC_OK ? enc_aead_init(&stream->aead, key.bytes) : st;
}

// The counter cannot come round: it has 88 bits.
static void count(struct enc_age_stream *stream)
{
    for (size_t i = LAST_AT; i-- > 0;) {
        if (++stream->nonce[i] != 0)
            break;
    }
}

enum enc_status enc_age_stream_seal_begin(struct enc_age_stream *stream, bool is_last)
{
    stream->nonce[LAST_AT] = is_last;
    return enc_aead_seal_begin(&stream->aead, stream->nonce);
}

enum enc_status enc_age_stream_seal_update(struct enc_age_stream *stream, const uint8_t *in,
                                           size_t n, uint8_t *out)
{
    return enc_aead_update(&stream->aead, in, n, out);
}

enum enc_status enc_age_stream_seal_end(struct enc_age_stream *stream,
                                        uint8_t tag[static ENC_AEAD_TAG])
{
    count(stream);
    return enc_aead_seal_end(&stream->aead, tag);
}

enum enc_status enc_age_stream_open(struct enc_age_stream *stream, const uint8_t *chunk, size_t n,
                                    bool is_last, uint8_t *out)
{
    size_t n_plain = n - ENC_AEAD_TAG;

    stream->nonce[LAST_AT] = is_last;
    enum enc_status st = enc_aead_open_begin(&stream->aead, stream->nonce);
    if (st == ENC_OK)
        st = enc_aead_update(&stream->aead, chunk, n_plain, out);
    if (st == ENC_OK)
        st = enc_aead_open_end(&stream->aead, chunk + n_plain);
    if (st == ENC_OK)
        count(stream);
    else
        enc_wipe(out, n_plain); // nobody has vouched for it
    return st;
}

void enc_age_stream_rewind(struct enc_age_stream *stream)
{
    memset(stream->nonce, 0, sizeof(stream->nonce));
}

void enc_age_stream_wipe(struct enc_age_stream *stream)
{
    enc_aead_wipe(&stream->aead);
    enc_wipe(stream, sizeof(*stream));
}
