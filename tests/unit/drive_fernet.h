// SPDX-License-Identifier: Apache-2.0
// Makes Fernet tokens, and takes them through both passes of the decryptor, in any pieces and
// rooms.
#ifndef DRIVE_FERNET_H
#define DRIVE_FERNET_H

#include <stdlib.h>
#include <string.h>

#include "drive_check.h"
#include "enc_fernet.h"

#define FERNET_PLAIN_MAX 140000
#define FERNET_TOKEN_MAX (2 * FERNET_PLAIN_MAX)
#define FERNET_TIME 1700000000
#define FERNET_ROOM_MAX 32768

static const struct enc_fernet_key fernet_key = {{"sign with this..encrypt with it."}};

struct fernet_token {
    uint8_t chars[FERNET_TOKEN_MAX];
    size_t n;
};

// How a token is cut: these sizes in turn, over and over. And the room for what comes out.
struct fernet_pieces {
    size_t sizes[4], n, cap;
};

static const struct fernet_pieces fernet_whole = {{SIZE_MAX}, 1, FERNET_ROOM_MAX};

struct fernet_verified {
    uint64_t size, time;
};

struct fernet_outcome {
    enum enc_status verify, open; // ENC_MISUSE: there was no pass 2
    struct fernet_verified verified;
    uint8_t plain[FERNET_PLAIN_MAX];
    size_t n; // bytes that left
};

static inline void fernet_fill(uint8_t *plain, size_t n)
{
    for (size_t i = 0; i < n; i++)
        plain[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + 5);
}

static inline void fernet_make(const uint8_t *plain, size_t n, struct fernet_token *token)
{
    static const uint8_t iv[16] = {0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};
    static struct enc_fernet_encryptor encryptor;
    size_t n_end;
    bool is_ended;

    DRIVE_CHECK(enc_fernet_encryptor_init(&encryptor, &fernet_key, FERNET_TIME, iv) == ENC_OK);
    DRIVE_CHECK(enc_encryptor_update(&encryptor.base, plain, n, token->chars, FERNET_TOKEN_MAX,
                                     &token->n) == ENC_OK);
    DRIVE_CHECK(encryptor.base.ops->finish(&encryptor.base, token->chars + token->n,
                                           FERNET_TOKEN_MAX - token->n, &n_end,
                                           &is_ended) == ENC_OK);
    token->n += n_end;
}

// Puts another character of the alphabet in the place of this one.
static inline void fernet_alter(struct fernet_token *token, size_t at)
{
    token->chars[at] = token->chars[at] == 'A' ? 'B' : 'A';
}

// The token of these raw bytes, up to the MAC, which is added: of whatever an encryptor would not
// make. n_raw is small.
static inline void fernet_sign(const uint8_t *raw, size_t n_raw, struct fernet_token *token)
{
    struct enc_base64_encoder encoder = {.alphabet = ENC_BASE64_URL};
    uint8_t bytes[ENC_MAC_BYTES];
    struct enc_mac mac;

    DRIVE_CHECK(enc_mac_init(&mac, fernet_key.bytes, 16) == ENC_OK);
    DRIVE_CHECK(enc_mac_update(&mac, raw, n_raw) == ENC_OK);
    DRIVE_CHECK(enc_mac_end(&mac, bytes) == ENC_OK);
    token->n = enc_base64_update(&encoder, raw, n_raw, (char *)token->chars);
    token->n += enc_base64_update(&encoder, bytes, sizeof(bytes), (char *)token->chars + token->n);
    token->n += enc_base64_finish(&encoder, (char *)token->chars + token->n);
}

static inline size_t fernet_next_piece(const struct fernet_pieces *pieces, size_t *i, size_t n_left)
{
    size_t n = pieces->sizes[(*i)++ % pieces->n];

    return n < n_left ? n : n_left;
}

static inline enum enc_status fernet_verify_end(struct enc_fernet_decryptor *decryptor,
                                                struct fernet_verified *ret)
{
    uint64_t size;
    enum enc_status st = decryptor->base.ops->verify_end(&decryptor->base, &size);

    if (st == ENC_OK)
        *ret = (struct fernet_verified){size, enc_fernet_decryptor_time(decryptor)};
    return st;
}

static inline enum enc_status fernet_open_end(struct enc_fernet_decryptor *decryptor, uint8_t *room,
                                              size_t cap, size_t *ret_n, bool *ret_is_ended)
{
    return decryptor->base.ops->open_end(&decryptor->base, room, cap, ret_n, ret_is_ended);
}

static inline enum enc_status fernet_verify(struct enc_fernet_decryptor *decryptor,
                                            const struct fernet_token *token,
                                            const struct fernet_pieces *pieces,
                                            struct fernet_verified *ret)
{
    enum enc_status st = ENC_OK;
    size_t i = 0;

    for (size_t at = 0; st == ENC_OK && at < token->n;) {
        size_t n = fernet_next_piece(pieces, &i, token->n - at);
        st = enc_decryptor_verify(&decryptor->base, token->chars + at, n);
        at += n;
    }
    return st == ENC_OK ? fernet_verify_end(decryptor, ret) : st;
}

// What a call wrote into this room is released; behind the room nothing was written.
static inline void fernet_release(const uint8_t *room, size_t cap, size_t n,
                                  struct fernet_outcome *outcome)
{
    DRIVE_CHECK(n <= cap && room[cap] == 0xa5);
    DRIVE_CHECK(n <= FERNET_PLAIN_MAX - outcome->n);
    memcpy(outcome->plain + outcome->n, room, n);
    outcome->n += n;
}

static inline enum enc_status fernet_open_piece(struct enc_fernet_decryptor *decryptor,
                                                const uint8_t *in, size_t n, uint8_t *room,
                                                size_t cap, struct fernet_outcome *outcome)
{
    while (n > 0) {
        size_t n_taken, n_out;
        enum enc_status st =
            enc_decryptor_open(&decryptor->base, in, n, room, cap, &n_taken, &n_out);
        if (st != ENC_OK)
            return st;
        DRIVE_CHECK(n_taken <= n && (n_taken > 0 || n_out > 0));
        fernet_release(room, cap, n_out, outcome);
        in += n_taken;
        n -= n_taken;
    }
    return ENC_OK;
}

static inline enum enc_status fernet_open(struct enc_fernet_decryptor *decryptor,
                                          const struct fernet_token *token,
                                          const struct fernet_pieces *pieces,
                                          struct fernet_outcome *outcome)
{
    static uint8_t room[FERNET_ROOM_MAX + 1];
    const size_t cap = pieces->cap;
    size_t i = 0, n = 0;
    bool is_ended = false;

    DRIVE_CHECK(cap < sizeof(room));
    room[cap] = 0xa5;
    for (size_t at = 0; at < token->n; at += n) {
        n = fernet_next_piece(pieces, &i, token->n - at);
        enum enc_status st = fernet_open_piece(decryptor, token->chars + at, n, room, cap, outcome);
        if (st != ENC_OK)
            return st;
    }
    // So much may be announced, and still be cut off.
    DRIVE_CHECK(outcome->n < outcome->verified.size || outcome->n == 0);
    while (!is_ended) {
        enum enc_status st = fernet_open_end(decryptor, room, cap, &n, &is_ended);
        if (st != ENC_OK)
            return st;
        fernet_release(room, cap, n, outcome);
    }
    return ENC_OK;
}

// Both passes; pass 2 may be given another token than pass 1.
static inline void
fernet_decrypt_twice(const struct enc_fernet_key *key, const struct enc_fernet_time_limit *limit,
                     const struct fernet_token *first, const struct fernet_token *second,
                     const struct fernet_pieces *pieces, struct fernet_outcome *outcome)
{
    static struct enc_fernet_decryptor decryptor;

    // What was in its storage does not matter.
    memset(&decryptor, 0xa5, sizeof(decryptor));
    outcome->n = 0;
    outcome->verified = (struct fernet_verified){0};
    outcome->open = ENC_MISUSE;
    DRIVE_CHECK(enc_fernet_decryptor_init(&decryptor, key, limit) == ENC_OK);
    outcome->verify = fernet_verify(&decryptor, first, pieces, &outcome->verified);
    if (outcome->verify == ENC_OK)
        outcome->open = fernet_open(&decryptor, second, pieces, outcome);
    if (outcome->verify == ENC_OK && outcome->open == ENC_OK)
        DRIVE_CHECK(outcome->n == outcome->verified.size);
    decryptor.base.ops->wipe(&decryptor.base);
}

static inline void fernet_decrypt(const struct fernet_token *token,
                                  const struct fernet_pieces *pieces,
                                  struct fernet_outcome *outcome)
{
    fernet_decrypt_twice(&fernet_key, NULL, token, token, pieces, outcome);
}

#endif
