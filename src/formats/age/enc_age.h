// SPDX-License-Identifier: Apache-2.0
// age files (age-encryption.org/v1; C2SP, age.md): keys, the streaming encryptor and the streaming
// decryptor.
#ifndef ENC_AGE_H
#define ENC_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_age_armor.h"
#include "enc_age_header.h"
#include "enc_age_stream.h"
#include "enc_mac.h"
#include "enc_secret.h"
#include "enc_status.h"
#include "format.h"

#define ENC_AGE_RECIPIENTS_MAX 20
#define ENC_AGE_KEY_BYTES_MAX 256 // of an identity or a recipient of any type
#define ENC_AGE_PASSPHRASE_MAX ENC_AGE_KEY_BYTES_MAX

// The default cap on scrypt's work factor: 2^18, 256 MiB of memory and about a second.
#define ENC_AGE_WORK_FACTOR_MAX 18

struct enc_age_type;

// Secret: what decrypts. Made by the functions below alone.
struct enc_age_identity {
    const struct enc_age_type *type;
    uint8_t bytes[ENC_AGE_KEY_BYTES_MAX]; // n_bytes of them, as the type has it
    size_t n_bytes;
    unsigned work_factor_max; // of a passphrase: log2 of the most that is accepted
};
ENC_SECRET_TYPE(enc_age_identity);

// To whom a file is encrypted. Secret too, since it may be a passphrase.
struct enc_age_recipient {
    const struct enc_age_type *type;
    uint8_t bytes[ENC_AGE_KEY_BYTES_MAX];
    size_t n_bytes;
    unsigned work_factor; // of a passphrase: log2
};
ENC_SECRET_TYPE(enc_age_recipient);

#define ENC_AGE_KEY_CHARS_MAX 80

#define ENC_AGE_IDENTITY_PREFIX "AGE-SECRET-KEY-" // Bech32's human-readable part

// Secret: an identity or a recipient as text, with a NUL.
struct enc_age_key_text {
    char chars[ENC_AGE_KEY_CHARS_MAX];
    size_t n_chars;
};
ENC_SECRET_TYPE(enc_age_key_text);

// Read AGE-SECRET-KEY-1... and age1... ENC_INVALID_IDENTITY and ENC_INVALID_RECIPIENT, or
// ENC_NO_MEMORY and ENC_CRYPTO_FAILED: *ret is untouched.
ENC_MUST_USE enum enc_status enc_age_identity_parse(const char *text, size_t n_chars,
                                                    struct enc_age_identity *ret_identity);
ENC_MUST_USE enum enc_status enc_age_recipient_parse(const char *text, size_t n_chars,
                                                     struct enc_age_recipient *ret_recipient);

// Whether files can be encrypted to a recipient: ENC_INVALID_RECIPIENT for a point of low order,
// which enc_age_recipient_parse takes. Costs as much as a stanza. Or a resource.
ENC_MUST_USE enum enc_status enc_age_recipient_try(const struct enc_age_recipient *recipient);

// The X25519 identity of 32 random bytes.
ENC_MUST_USE enum enc_status enc_age_x25519_identity(const uint8_t secret[static 32],
                                                     struct enc_age_identity *ret_identity);

// Of keys that have a text, so not of passphrases: the recipient that belongs to an identity, and
// the texts.
void enc_age_identity_recipient(const struct enc_age_identity *identity,
                                struct enc_age_recipient *ret_recipient);
void enc_age_identity_text(const struct enc_age_identity *identity,
                           struct enc_age_key_text *ret_text);
void enc_age_recipient_text(const struct enc_age_recipient *recipient,
                            struct enc_age_key_text *ret_text);

// A passphrase of 1 to ENC_AGE_PASSPHRASE_MAX bytes, as identity and as recipient; work factors are
// log2, from 1 to 30. A cap of 0 is ENC_AGE_WORK_FACTOR_MAX. ENC_TOO_LARGE, or ENC_MISUSE for an
// empty passphrase or another work factor.
ENC_MUST_USE enum enc_status enc_age_passphrase_identity(const char *passphrase, size_t n,
                                                         unsigned work_factor_max,
                                                         struct enc_age_identity *ret_identity);
ENC_MUST_USE enum enc_status enc_age_passphrase_recipient(const char *passphrase, size_t n,
                                                          unsigned work_factor,
                                                          struct enc_age_recipient *ret_recipient);

#define ENC_AGE_STANZA_SEED 32 // bytes of randomness for one stanza

// Secret: the randomness of one file. Never used twice.
struct enc_age_seed {
    uint8_t nonce[ENC_AGE_NONCE]; // of the payload: becomes public
    struct enc_age_file_key file_key;
    uint8_t stanzas[ENC_AGE_RECIPIENTS_MAX][ENC_AGE_STANZA_SEED]; // as many as there are recipients
};
ENC_SECRET_TYPE(enc_age_seed);

struct enc_age_encryptor_options {
    const struct enc_age_recipient *recipients;
    size_t n_recipients; // 1 to ENC_AGE_RECIPIENTS_MAX; a passphrase must be the only one
    const struct enc_age_seed *seed;
    bool armor;
    bool size_is_known; // then nothing of the file is copied on its way
    uint64_t size;      // of the file, in bytes; to give more or less is ENC_MISUSE
};

// Room for the longest header that an encryptor writes, and the nonce behind it.
#define ENC_AGE_HEAD_MAX (128 + ENC_AGE_RECIPIENTS_MAX * 128)

#define ENC_AGE_BLOCK 12288 // bytes of the binary file that are put into armor at a time

// The state of one file. Secret. The caller owns the storage, of which only what is used is
// written: no need to clear it first.
struct enc_age_encryptor {
    struct enc_encryptor base;
    enum enc_status status; // latched
    struct enc_age_stream stream;
    struct enc_age_armor_writer armor;
    size_t n_head;  // bytes of `head`
    size_t head_at; // bytes of it that are written
    bool size_is_known;
    uint64_t n_left;    // bytes of the file behind the current chunk, if so
    size_t n_plain;     // bytes of `plain`
    size_t n_chunk;     // bytes of the open chunk
    size_t chunk_at;    // bytes of it that are sealed
    bool chunk_is_open; // it is known how large it is, and whether it is the last
    bool chunk_is_last;
    bool is_sealed;    // the last chunk is a chunk no more: only armor is left
    bool is_finishing; // no input may come any more
    bool is_prepared;  // from prepare to commit
    size_t n_prepared; // bytes that prepare wrote
    uint8_t head[ENC_AGE_HEAD_MAX];
    uint8_t plain[ENC_AGE_CHUNK]; // of the current chunk, where the size is not known
    uint8_t block[ENC_AGE_BLOCK]; // of the binary file, on its way to armor
};

// Begins a file: wraps its key for each recipient. Everything is copied. ENC_NO_MEMORY,
// ENC_CRYPTO_FAILED, ENC_MISUSE, or ENC_INVALID_RECIPIENT for a point of low order: the encryptor
// is as wiped. A passphrase takes its time and memory here.
ENC_MUST_USE enum enc_status
enc_age_encryptor_init(struct enc_age_encryptor *encryptor,
                       const struct enc_age_encryptor_options *options);

extern const struct enc_encryptor_ops enc_age_encryptor_ops;
extern const struct enc_encryptor_ops enc_age_armored_encryptor_ops;

// The state of one file that is decrypted. Secret. The caller owns the storage, which need not be
// clear.
struct enc_age_decryptor {
    enum enc_status status; // latched
    int state;              // of enc_age_decryptor.c
    bool is_armored;
    const struct enc_age_identity *identities;
    size_t n_identities;
    struct enc_age_armor_reader armor;
    struct enc_age_header_reader header; // in `held`
    struct enc_age_file_key file_key;    // from the header to the nonce
    struct enc_age_stream stream;
    bool is_again;               // the file was read before
    struct enc_mac seen;         // of what makes it the same file
    uint8_t hash[ENC_MAC_BYTES]; // the same, of the first time
    bool has_chunks;             // one was opened
    size_t n_held;               // bytes of `held`: the nonce, then each chunk
    size_t n_raw;                // bytes of `raw`
    size_t raw_at;               // bytes of it that are used up
    uint8_t raw[4096];           // out of armor
    uint8_t held[ENC_AGE_CHUNK + ENC_AEAD_TAG];
};

// Begins a file, binary or armored: its first byte shows which. The identities are tried in their
// order; they stay alive until the decryptor is wiped.
void enc_age_decryptor_init(struct enc_age_decryptor *decryptor,
                            const struct enc_age_identity *identities, size_t n_identities);

// Takes some of the n bytes at in, and writes at most one chunk of plaintext to out, cap >=
// ENC_AGE_CHUNK bytes, which may not overlap in. Call it until all is taken. What is written is
// authenticated, and never taken back; but whether the file is whole, only _finish tells. Beyond
// what is written, out may be overwritten.
//
// ENC_AGE_ARMOR, ENC_AGE_HEADER, ENC_AGE_HEADER_TOO_LARGE, ENC_AGE_WORK_FACTOR, ENC_AGE_NO_MATCH,
// ENC_AGE_NEEDS_PASSPHRASE, ENC_AGE_HEADER_MAC, ENC_AGE_PAYLOAD, a resource, ENC_MISUSE: nothing
// was written by this call, and every later one returns the same.
ENC_MUST_USE enum enc_status enc_age_decryptor_update(struct enc_age_decryptor *decryptor,
                                                      const uint8_t *in, size_t n, uint8_t *out,
                                                      size_t cap, size_t *ret_taken, size_t *ret_n);

// The input has ended: writes what is left, at most one chunk a call, over and over until
// *ret_is_ended: then the file was whole, and is all there. The same errors.
ENC_MUST_USE enum enc_status enc_age_decryptor_finish(struct enc_age_decryptor *decryptor,
                                                      uint8_t *out, size_t cap, size_t *ret_n,
                                                      bool *ret_is_ended);

// Whether the file's key is found: no identity is used any more.
bool enc_age_decryptor_has_key(const struct enc_age_decryptor *decryptor);

// Begins a file that has ended a second time, from its first byte, to be given with _update and
// _finish. It has to be the same one: what has changed in it since is ENC_AGE_PAYLOAD or another
// error of those above, before the last chunk is written. Of two files with the same payload key,
// the same header and the same tags it does not tell one from the other; to make such takes the
// key. No identity is tried again. ENC_MISUSE if it has not ended, or was begun again before.
ENC_MUST_USE enum enc_status enc_age_decryptor_rewind(struct enc_age_decryptor *decryptor);

// Forgets everything secret and gives back memory. After an _init, at any time, more than once.
void enc_age_decryptor_wipe(struct enc_age_decryptor *decryptor);

#endif
