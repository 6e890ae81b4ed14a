// SPDX-License-Identifier: Apache-2.0
// Fernet tokens (github.com/fernet/spec, Spec.md): keys and the streaming encryptor.
#ifndef ENC_FERNET_H
#define ENC_FERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_base64.h"
#include "enc_kernel.h"
#include "enc_secret.h"
#include "enc_status.h"
#include "format.h"

#define ENC_FERNET_KEY_CHARS 44 // of padded base64url ("Key Format")

// Secret. The first 16 bytes sign, the last 16 encrypt ("Key Format").
struct enc_fernet_key {
    uint8_t bytes[32];
};
ENC_SECRET_TYPE(enc_fernet_key);

// Secret: a key as text, with a NUL.
struct enc_fernet_key_text {
    char chars[ENC_FERNET_KEY_CHARS + 1];
};
ENC_SECRET_TYPE(enc_fernet_key_text);

// Both in constant time. parse: ENC_INVALID_KEY unless text is exactly 44 characters of padded,
// canonical base64url; *ret_key is untouched then.
void enc_fernet_key_format(const struct enc_fernet_key *key, struct enc_fernet_key_text *ret_text);
ENC_MUST_USE enum enc_status enc_fernet_key_parse(const char *text, size_t n_chars,
                                                  struct enc_fernet_key *ret_key);

// Plaintext that goes through the kernel in one item: whole blocks, and small enough to stay in
// cache.
#define ENC_FERNET_CHUNK 12288

// The state of one token. Secret. The caller owns the storage.
struct enc_fernet_encryptor {
    struct enc_encryptor base;
    struct enc_kernel_lane lane;
    struct enc_base64_encoder base64;
    uint8_t header[25];                // version, time, IV
    uint8_t partial[ENC_KERNEL_BLOCK]; // plaintext that does not fill a block yet
    size_t n_partial;
    uint8_t ciphertext[ENC_FERNET_CHUNK]; // on its way to base64; the MAC at the end too
    size_t n_ciphertext;                  // of it, already encrypted by prepare
    uint8_t *out;                         // where commit writes; NULL but between the two
    bool header_written;
    enum enc_status status; // latched
};

// Begins a token. time is in seconds since 1970; iv is random and never used twice with a key. Both
// are arguments so that every token can be made again. key is copied. ENC_NO_MEMORY or
// ENC_CRYPTO_FAILED: the encryptor is as wiped. finish wipes it too.
ENC_MUST_USE enum enc_status enc_fernet_encryptor_init(struct enc_fernet_encryptor *encryptor,
                                                       const struct enc_fernet_key *key,
                                                       uint64_t time, const uint8_t iv[static 16]);

extern const struct enc_encryptor_ops enc_fernet_encryptor_ops;

#endif
