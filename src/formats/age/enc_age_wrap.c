// SPDX-License-Identifier: Apache-2.0
// The file key, sealed and opened.
#include "enc_age_wrap.h"

static const uint8_t nonce[ENC_AEAD_NONCE];

static enum enc_status seal(struct enc_aead *aead, const struct enc_age_file_key *file_key,
                            uint8_t body[static ENC_AGE_WRAPPED])
{
    enum enc_status st = enc_aead_seal_begin(aead, nonce);

    if (st == ENC_OK)
        st = enc_aead_update(aead, file_key->bytes, sizeof(file_key->bytes), body);
    return st == ENC_OK ? enc_aead_seal_end(aead, body + sizeof(file_key->bytes)) : st;
}

static enum enc_status open(struct enc_aead *aead, const uint8_t body[static ENC_AGE_WRAPPED],
                            struct enc_age_file_key *ret_file_key)
{
    ENC_SECRET(enc_age_file_key, file_key);
    enum enc_status st = enc_aead_open_begin(aead, nonce);

    if (st == ENC_OK)
        st = enc_aead_update(aead, body, sizeof(file_key.bytes), file_key.bytes);
    if (st == ENC_OK)
        st = enc_aead_open_end(aead, body + sizeof(file_key.bytes));
    if (st == ENC_OK)
        *ret_file_key = file_key;
    return st;
}

enum enc_status enc_age_wrap_seal(const struct enc_age_file_key *file_key,
                                  const struct enc_age_derived_key *wrap_key,
                                  const struct enc_age_slice args[], size_t n_args,
                                  struct enc_age_header_writer *writer)
{
    uint8_t body[ENC_AGE_WRAPPED];
    struct enc_aead aead;
    enum enc_status st = enc_aead_init(&aead, wrap_key->bytes);

    if (st == ENC_OK)
        st = seal(&aead, file_key, body);
    enc_aead_wipe(&aead);
    if (st == ENC_OK)
        enc_age_header_add(writer, args, n_args, body, sizeof(body));
    return st;
}

enum enc_status enc_age_wrap_open(const struct enc_age_stanza *stanza,
                                  const struct enc_age_derived_key *wrap_key,
                                  struct enc_age_file_key *ret_file_key)
{
    uint8_t body[ENC_AGE_WRAPPED];
    struct enc_aead aead;

    if (!enc_age_stanza_body(stanza, body, sizeof(body)))
        return ENC_AGE_HEADER;
    enum enc_status st = enc_aead_init(&aead, wrap_key->bytes);
    if (st == ENC_OK)
        st = open(&aead, body, ret_file_key);
    enc_aead_wipe(&aead);
    return st;
}
