// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 (RFC 8439, section 2.8) without additional data: messages sealed and opened in
// pieces, many with one key.
#ifndef ENC_AEAD_H
#define ENC_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_AEAD_KEY 32   // bytes
#define ENC_AEAD_NONCE 12 // bytes; never used twice with a key
#define ENC_AEAD_TAG 16   // bytes

#define ENC_AEAD_BLOCK 64 // bytes: pieces of whole blocks are the fastest

// One key, and the message that is under way with it. Secret: wiped by enc_aead_wipe. An all-zero
// one may be wiped too.
struct enc_aead {
    void *cipher;  // EVP_CIPHER_CTX
    uint8_t state; // private: whether a message is under way, and of which kind
};

// Takes a key, which is copied. ENC_NO_MEMORY or ENC_CRYPTO_FAILED: aead is as wiped.
ENC_MUST_USE enum enc_status enc_aead_init(struct enc_aead *aead,
                                           const uint8_t key[static ENC_AEAD_KEY]);

// Begins a message that is encrypted, or decrypted; one that was under way is dropped.
ENC_MUST_USE enum enc_status enc_aead_seal_begin(struct enc_aead *aead,
                                                 const uint8_t nonce[static ENC_AEAD_NONCE]);
ENC_MUST_USE enum enc_status enc_aead_open_begin(struct enc_aead *aead,
                                                 const uint8_t nonce[static ENC_AEAD_NONCE]);

// The next n bytes of the message, at most INT_MAX: from in to out, which may be the same but may
// not overlap otherwise. What comes out of an opening is not authenticated before
// enc_aead_open_end: the caller neither uses nor passes it on until then, and wipes it if that
// fails.
ENC_MUST_USE enum enc_status enc_aead_update(struct enc_aead *aead, const uint8_t *in, size_t n,
                                             uint8_t *out);

// Ends a message that is sealed: writes its tag.
ENC_MUST_USE enum enc_status enc_aead_seal_end(struct enc_aead *aead,
                                               uint8_t tag[static ENC_AEAD_TAG]);

// Ends a message that is opened. ENC_TAG_MISMATCH: it is not what was sealed with this key and
// nonce.
ENC_MUST_USE enum enc_status enc_aead_open_end(struct enc_aead *aead,
                                               const uint8_t tag[static ENC_AEAD_TAG]);

// Forgets the key and gives back the memory. A wiped one may be wiped again.
void enc_aead_wipe(struct enc_aead *aead);

#endif
