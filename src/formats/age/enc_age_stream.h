// SPDX-License-Identifier: Apache-2.0
// The payload of an age file (age-encryption.org/v1, "Payload"): STREAM, chunks that are sealed one
// by one under a counter, the last of them marked.
#ifndef ENC_AGE_STREAM_H
#define ENC_AGE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_aead.h"
#include "enc_age_header.h"
#include "enc_status.h"

#define ENC_AGE_NONCE 16    // bytes before the first chunk
#define ENC_AGE_CHUNK 65536 // bytes of plaintext in each chunk but the last

// The payload of one file, in one direction. Secret: wiped by enc_age_stream_wipe. An all-zero one
// may be wiped too.
struct enc_age_stream {
    struct enc_aead aead;
    uint8_t nonce[ENC_AEAD_NONCE]; // of the next chunk: counter, big-endian, then 1 for the last
};

// Derives the payload's key. ENC_NO_MEMORY or ENC_CRYPTO_FAILED: the stream is as wiped.
ENC_MUST_USE enum enc_status enc_age_stream_init(struct enc_age_stream *stream,
                                                 const struct enc_age_file_key *file_key,
                                                 const uint8_t nonce[static ENC_AGE_NONCE]);

// Seals the next chunk, in pieces: begin, update for all of its bytes in order (to out, which may
// be in itself), end. Whoever calls sees to the sizes: ENC_AGE_CHUNK bytes, or 1 to that in the
// last one, or none if that is the first too.
ENC_MUST_USE enum enc_status enc_age_stream_seal_begin(struct enc_age_stream *stream, bool is_last);
ENC_MUST_USE enum enc_status enc_age_stream_seal_update(struct enc_age_stream *stream,
                                                        const uint8_t *in, size_t n, uint8_t *out);
ENC_MUST_USE enum enc_status enc_age_stream_seal_end(struct enc_age_stream *stream,
                                                     uint8_t tag[static ENC_AEAD_TAG]);

// Opens the next chunk, n >= ENC_AEAD_TAG bytes with its tag, to out, n - ENC_AEAD_TAG bytes, which
// may not overlap it. ENC_TAG_MISMATCH: it is not that chunk, or it is the other kind; out is all
// zero, and the same chunk can be tried again.
ENC_MUST_USE enum enc_status enc_age_stream_open(struct enc_age_stream *stream,
                                                 const uint8_t *chunk, size_t n, bool is_last,
                                                 uint8_t *out);

// The next chunk is the first again. Only of a payload that is opened: a chunk must not be sealed
// twice.
void enc_age_stream_rewind(struct enc_age_stream *stream);

// Forgets the key and gives back the memory. A wiped one may be wiped again.
void enc_age_stream_wipe(struct enc_age_stream *stream);

#endif
