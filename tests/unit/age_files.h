// SPDX-License-Identifier: Apache-2.0
// Makes age files, and opens them in pieces of any sizes; for the tests and the fuzzers.
#ifndef AGE_FILES_H
#define AGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drive_check.h"
#include "enc_age.h"

// Bytes on the heap.
struct age_bytes {
    uint8_t *at;
    size_t n;
    size_t cap;
};

static inline void age_append(struct age_bytes *bytes, const void *more, size_t n)
{
    if (n > bytes->cap - bytes->n) {
        bytes->cap = 2 * (bytes->n + n);
        DRIVE_CHECK((bytes->at = realloc(bytes->at, bytes->cap)));
    }
    if (n > 0)
        memcpy(bytes->at + bytes->n, more, n);
    bytes->n += n;
}

static inline void age_free(struct age_bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct age_bytes){0};
}

// Bytes of every value, none like those a chunk before.
static inline void age_fill(uint8_t *plain, size_t n)
{
    for (size_t i = 0; i < n; i++)
        plain[i] = (uint8_t)(i * 2654435761u >> 13);
}

// The seed of that number; no two bytes of one have much in common.
static inline void age_make_seed(struct enc_age_seed *seed, unsigned number)
{
    age_fill((uint8_t *)seed, sizeof(*seed));
    for (size_t i = 0; i < sizeof(*seed); i++)
        ((uint8_t *)seed)[i] ^= (uint8_t)(number + 31 * i);
}

static inline struct enc_age_identity age_identity(uint8_t number)
{
    struct enc_age_identity identity;
    uint8_t secret[32];

    memset(secret, number, sizeof(secret));
    DRIVE_CHECK(enc_age_x25519_identity(secret, &identity) == ENC_OK);
    return identity;
}

static inline struct enc_age_recipient age_recipient(uint8_t number)
{
    struct enc_age_identity identity = age_identity(number);
    struct enc_age_recipient recipient;

    enc_age_identity_recipient(&identity, &recipient);
    return recipient;
}

// A file of n bytes of plaintext, made at once. It is added to what *file holds.
static inline void age_seal(const struct enc_age_encryptor_options *options, const uint8_t *plain,
                            size_t n, struct age_bytes *file)
{
    struct enc_age_encryptor *encryptor = malloc(sizeof(*encryptor));
    size_t n_out;
    bool is_ended = false;

    DRIVE_CHECK(encryptor);
    DRIVE_CHECK(enc_age_encryptor_init(encryptor, options) == ENC_OK);
    const struct enc_encryptor_ops *ops = encryptor->base.ops;
    size_t cap = ops->bound(&encryptor->base, n) + ENC_FORMAT_OUT_MIN;
    uint8_t *out = malloc(cap);
    DRIVE_CHECK(out);
    DRIVE_CHECK(enc_encryptor_update(&encryptor->base, plain, n, out, cap, &n_out) == ENC_OK);
    age_append(file, out, n_out);
    while (!is_ended) {
        DRIVE_CHECK(ops->finish(&encryptor->base, out, cap, &n_out, &is_ended) == ENC_OK);
        age_append(file, out, n_out);
    }
    ops->wipe(&encryptor->base);
    free(out);
    free(encryptor);
}

#define AGE_PIECES_MAX 8

// The sizes of the pieces that a file is given in, used in turn, over and over.
struct age_pieces {
    size_t sizes[AGE_PIECES_MAX];
    size_t n;
};

static const struct age_pieces age_whole = {.sizes = {SIZE_MAX}, .n = 1};
static const struct age_pieces age_bytewise = {.sizes = {1}, .n = 1};

// A file being opened, and what came of it.
struct age_opened {
    enum enc_status status; // ENC_OK: it is whole
    struct age_bytes plain; // released

    struct enc_age_decryptor *decryptor;
    uint8_t *room; // of exactly ENC_AGE_CHUNK bytes
};

#define AGE_UNTOUCHED 0x5a

static inline void age_release(struct age_opened *opened, size_t n)
{
    DRIVE_CHECK(n <= ENC_AGE_CHUNK);
    if (n == 0)
        return;
    age_append(&opened->plain, opened->room, n);
    memset(opened->room, AGE_UNTOUCHED, ENC_AGE_CHUNK);
}

// One piece, in a block of its own, so that a sanitizer sees what is read out of turn.
static inline enum enc_status age_open_piece(struct age_opened *opened, const uint8_t *bytes,
                                             size_t n)
{
    uint8_t *piece = malloc(n);
    enum enc_status st = ENC_OK;

    DRIVE_CHECK(piece);
    memcpy(piece, bytes, n);
    for (size_t at = 0; at < n && st == ENC_OK;) {
        size_t n_taken = SIZE_MAX, n_out = SIZE_MAX;
        st = enc_age_decryptor_update(opened->decryptor, piece + at, n - at, opened->room,
                                      ENC_AGE_CHUNK, &n_taken, &n_out);
        if (st != ENC_OK) {
            DRIVE_CHECK(n_taken == SIZE_MAX && n_out == SIZE_MAX);
            break;
        }
        DRIVE_CHECK(n_taken <= n - at && (n_taken > 0 || n_out > 0));
        age_release(opened, n_out);
        at += n_taken;
    }
    free(piece);
    return st;
}

static inline enum enc_status age_open_end(struct age_opened *opened)
{
    bool is_ended = false;

    while (!is_ended) {
        size_t n_out = SIZE_MAX;
        enum enc_status st = enc_age_decryptor_finish(opened->decryptor, opened->room,
                                                      ENC_AGE_CHUNK, &n_out, &is_ended);
        if (st != ENC_OK) {
            DRIVE_CHECK(n_out == SIZE_MAX && !is_ended);
            return st;
        }
        DRIVE_CHECK(n_out > 0 || is_ended);
        age_release(opened, n_out);
    }
    return ENC_OK;
}

// What has ended stays so; nothing that is not authenticated was left to the caller, and no key in
// the decryptor, but for the payload's where the file can be read again.
static inline void age_check_ended(struct age_opened *opened)
{
    static const struct enc_age_file_key no_key;
    const enum enc_status expected = opened->status == ENC_OK ? ENC_MISUSE : opened->status;
    size_t n_taken = 77, n_out = 77;
    bool is_ended = false;

    DRIVE_CHECK((opened->decryptor->stream.aead.cipher != NULL) == (opened->status == ENC_OK));
    DRIVE_CHECK(memcmp(&opened->decryptor->file_key, &no_key, sizeof(no_key)) == 0);
    for (int i = 0; i < 2; i++) {
        DRIVE_CHECK(enc_age_decryptor_update(opened->decryptor, (const uint8_t *)"a", 1,
                                             opened->room, ENC_AGE_CHUNK, &n_taken,
                                             &n_out) == expected);
        DRIVE_CHECK(enc_age_decryptor_finish(opened->decryptor, opened->room, ENC_AGE_CHUNK, &n_out,
                                             &is_ended) == expected);
    }
    DRIVE_CHECK(n_taken == 77 && n_out == 77 && !is_ended);
    DRIVE_CHECK(opened->decryptor->stream.aead.cipher == NULL);
    for (size_t i = 0; i < ENC_AGE_CHUNK; i++)
        DRIVE_CHECK(opened->room[i] == AGE_UNTOUCHED || opened->room[i] == 0);
}

// Opens a file. The caller frees ret_opened->plain.
static inline void age_open(const struct enc_age_identity *identities, size_t n_identities,
                            const uint8_t *file, size_t n, const struct age_pieces *pieces,
                            struct age_opened *ret_opened)
{
    *ret_opened = (struct age_opened){.decryptor = malloc(sizeof(struct enc_age_decryptor)),
                                      .room = malloc(ENC_AGE_CHUNK)};
    DRIVE_CHECK(ret_opened->decryptor && ret_opened->room);
    memset(ret_opened->decryptor, 0xa5, sizeof(struct enc_age_decryptor));
    memset(ret_opened->room, AGE_UNTOUCHED, ENC_AGE_CHUNK);
    enc_age_decryptor_init(ret_opened->decryptor, identities, n_identities);

    enum enc_status st = ENC_OK;
    for (size_t at = 0, i = 0; at < n && st == ENC_OK; i++) {
        size_t n_piece = pieces->sizes[i % pieces->n];
        n_piece = n_piece < n - at ? n_piece : n - at;
        st = age_open_piece(ret_opened, file + at, n_piece);
        at += n_piece;
    }
    ret_opened->status = st == ENC_OK ? age_open_end(ret_opened) : st;
    age_check_ended(ret_opened);
    enc_age_decryptor_wipe(ret_opened->decryptor);
    free(ret_opened->decryptor);
    free(ret_opened->room);
    ret_opened->decryptor = NULL;
    ret_opened->room = NULL;
}

// The same bytes released, and the same end.
static inline bool age_is_same(const struct age_opened *a, const struct age_opened *b)
{
    return a->status == b->status && a->plain.n == b->plain.n &&
           (a->plain.n == 0 || memcmp(a->plain.at, b->plain.at, a->plain.n) == 0);
}

#endif
