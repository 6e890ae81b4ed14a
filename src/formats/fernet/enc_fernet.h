// SPDX-License-Identifier: Apache-2.0
// Fernet tokens (github.com/fernet/spec, Spec.md): keys, the streaming encryptor, and the
// decryptor, which streams too, but needs the token twice.
#ifndef ENC_FERNET_H
#define ENC_FERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_base64.h"
#include "enc_cbc.h"
#include "enc_fernet_text.h"
#include "enc_kernel.h"
#include "enc_mac.h"
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

#define ENC_FERNET_HEADER 25 // bytes: version, time, IV

// The state of one token. Secret. The caller owns the storage.
struct enc_fernet_encryptor {
    struct enc_encryptor base;
    struct enc_kernel_lane lane;
    struct enc_base64_encoder base64;
    uint8_t header[ENC_FERNET_HEADER];
    uint8_t partial[ENC_KERNEL_BLOCK]; // plaintext that does not fill a block yet
    size_t n_partial;
    size_t n_ciphertext; // of `ciphertext`, already encrypted by prepare
    uint8_t *out;        // where commit writes; NULL but between the two
    bool header_written;
    enum enc_status status; // latched
    // On its way to base64; the MAC at the end too. The last member: it need be neither clear nor
    // wiped, since it never holds but what is in the token.
    uint8_t ciphertext[ENC_FERNET_CHUNK];
};

// Begins a token. time is in seconds since 1970; iv is random and never used twice with a key. Both
// are arguments so that every token can be made again. key is copied. ENC_NO_MEMORY or
// ENC_CRYPTO_FAILED: the encryptor is as wiped. finish wipes it too.
ENC_MUST_USE enum enc_status enc_fernet_encryptor_init(struct enc_fernet_encryptor *encryptor,
                                                       const struct enc_fernet_key *key,
                                                       uint64_t time, const uint8_t iv[static 16]);

extern const struct enc_encryptor_ops enc_fernet_encryptor_ops;

// Where a time to live is given, a token from more seconds in the future than this is refused: its
// maker's clock may be ahead ("Verifying").
#define ENC_FERNET_SKEW 60

// How old a token may be ("Verifying").
struct enc_fernet_time_limit {
    uint64_t now; // seconds since 1970
    uint64_t ttl; // seconds that a token lives
};

// What may be the end of a token: the last two blocks, and the MAC. Two, because the last one may
// be all padding, and some of the plaintext has to stay back until the MAC of pass 2 is verified.
#define ENC_FERNET_TAIL (2 * ENC_CBC_BLOCK + ENC_MAC_BYTES)

// The state of one token that is decrypted. Secret. The caller owns the storage, which need not be
// clear.
struct enc_fernet_decryptor {
    struct enc_decryptor base;
    enum enc_status status; // latched
    int pass;               // of enc_fernet_decryptor.c
    struct enc_fernet_key key;
    bool has_limit;
    struct enc_fernet_time_limit limit;
    struct enc_fernet_text text;
    struct enc_kernel_lane lane; // hashes alone
    struct enc_cbc cbc;
    bool is_begun;                       // a piece, which commit will end
    uint8_t *out;                        // where commit writes
    bool has_header;                     // of the token in this pass
    uint8_t header[ENC_FERNET_HEADER];   // of pass 1
    uint8_t verified_mac[ENC_MAC_BYTES]; // of pass 1
    uint64_t n_passed;                   // bytes of ciphertext that this pass went through
    uint64_t n_verified;                 // those of pass 1, its tail left out
    uint64_t size;                       // of the plaintext
    size_t raw_at;                       // bytes of `raw` that are used up
    size_t n_raw;                        // bytes of `raw`
    uint8_t raw[ENC_FERNET_TAIL + ENC_CBC_BLOCK + ENC_FERNET_CHUNK]; // out of base64
};

// A token is decrypted in two passes, since its MAC is at its end: pass 1, verify and verify_end,
// goes through all of it and releases nothing. Pass 2, open and open_end, gets the same token again
// and decrypts what is known to be authentic. In both, the kernel hashes, up to ENC_FERNET_CHUNK
// bytes in one item; commit decrypts.
//
// Errors latch, in either pass: every later call returns the first. Outputs are untouched then, but
// for what is said of out.

// Begins pass 1. The key and the limit are copied; limit is NULL if a token may be of any time.
// ENC_NO_MEMORY or ENC_CRYPTO_FAILED: they latch, as all others do.
ENC_MUST_USE enum enc_status enc_fernet_decryptor_init(struct enc_fernet_decryptor *decryptor,
                                                       const struct enc_fernet_key *key,
                                                       const struct enc_fernet_time_limit *limit);

// What these do, beyond what format.h says:
//
// verify: ENC_FERNET_TOKEN as soon as the text is seen to be no base64; ENC_CRYPTO_FAILED;
// ENC_MISUSE. commit: those of the kernel, so ENC_MISUSE for work that nobody did.
//
// verify_end says whether the token is good, and begins pass 2. The first of these that applies:
//   ENC_FERNET_TOKEN    the text, the version or the length is none of a token. One line end, LF or
//                       CR LF, may be behind it
//   ENC_FERNET_MAC      another key, or not what was encrypted: by the same work, in time that does
//                       not depend on where it differs
//   ENC_FERNET_EXPIRED  older than the time to live, or from the future
//   ENC_FERNET_PADDING  its maker has the key, but does not pad as PKCS#7 says
// or a resource, ENC_CRYPTO_FAILED, ENC_MISUSE.
//
// open: the last bytes of the plaintext stay here until open_end, and a character at least is taken
// while there are some. The token has to be that of pass 1. If it has changed since where the
// caller keeps it, that is ENC_FERNET_TOKEN or ENC_FERNET_MAC: at once if its text, its header or
// its length shows it, else at the end. CBC being what it is, what was written before the change is
// the plaintext, and of what was written behind it nothing is known. But it is always less than
// verify_end's size, so that whoever announced that many bytes can still cut them off. What a call
// that fails has written is wiped.
//
// open_end ends at its first call. Then the token was that of pass 1, and all of the plaintext is
// there. The same errors.
//
// wipe: after an _init, at any time, more than once.
extern const struct enc_decryptor_ops enc_fernet_decryptor_ops;

// When the token was encrypted, in seconds since 1970: once verify_end says that it is good.
uint64_t enc_fernet_decryptor_time(const struct enc_fernet_decryptor *decryptor);

#endif
