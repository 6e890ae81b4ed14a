// SPDX-License-Identifier: Apache-2.0
// The table of stanza types, and what goes through it: keys as text, and the search for a header's
// file key.
#include <string.h>

#include "enc_age_type.h"

// One file each.
extern const struct enc_age_type enc_age_x25519_type;
extern const struct enc_age_type enc_age_scrypt_type;

static const struct enc_age_type *const types[] = {
    &enc_age_x25519_type,
    &enc_age_scrypt_type,
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

enum enc_status enc_age_identity_parse(const char *text, size_t n_chars,
                                       struct enc_age_identity *ret_identity)
{
    enum enc_status st = ENC_INVALID_IDENTITY;

    for (size_t i = 0; i < N_TYPES && st == ENC_INVALID_IDENTITY; i++) {
        if (types[i]->parse_identity)
            st = types[i]->parse_identity(text, n_chars, ret_identity);
    }
    return st;
}

enum enc_status enc_age_recipient_parse(const char *text, size_t n_chars,
                                        struct enc_age_recipient *ret_recipient)
{
    enum enc_status st = ENC_INVALID_RECIPIENT;

    for (size_t i = 0; i < N_TYPES && st == ENC_INVALID_RECIPIENT; i++) {
        if (types[i]->parse_recipient)
            st = types[i]->parse_recipient(text, n_chars, ret_recipient);
    }
    return st;
}

enum enc_status enc_age_recipient_try(const struct enc_age_recipient *recipient)
{
    static const struct enc_age_file_key no_key;
    static const uint8_t no_seed[ENC_AGE_STANZA_SEED];
    uint8_t header[ENC_AGE_HEAD_MAX];
    struct enc_age_header_writer writer;

    enc_age_header_begin(&writer, header, sizeof(header));
    return recipient->type->wrap(&no_key, recipient, no_seed, &writer);
}

void enc_age_identity_recipient(const struct enc_age_identity *identity,
                                struct enc_age_recipient *ret_recipient)
{
    identity->type->recipient_of(identity, ret_recipient);
}

void enc_age_identity_text(const struct enc_age_identity *identity,
                           struct enc_age_key_text *ret_text)
{
    identity->type->write_identity(identity, ret_text);
}

void enc_age_recipient_text(const struct enc_age_recipient *recipient,
                            struct enc_age_key_text *ret_text)
{
    recipient->type->write_recipient(recipient, ret_text);
}

// The type of a stanza, NULL for one that is not known here. Those are skipped ("Recipient
// stanza").
static const struct enc_age_type *type_of(const struct enc_age_stanza *stanza)
{
    struct enc_age_slice name = stanza->args[0];

    for (size_t i = 0; i < N_TYPES; i++) {
        if (name.n == strlen(types[i]->name) && memcmp(name.at, types[i]->name, name.n) == 0)
            return types[i];
    }
    return NULL;
}

// Checks each stanza. *ret_mismatch is what the file is to somebody with no fitting identity.
static enum enc_status check_stanzas(const struct enc_age_header_reader *header,
                                     enum enc_status *ret_mismatch)
{
    struct enc_age_stanza stanza;

    *ret_mismatch = ENC_AGE_NO_MATCH;
    for (size_t at = 0; enc_age_header_next(header, &at, &stanza);) {
        const struct enc_age_type *type = type_of(&stanza);
        if (!type)
            continue;
        enum enc_status st = type->check(&stanza);
        if (st != ENC_OK)
            return st;
        if (type->is_alone && header->n_stanzas > 1)
            return ENC_AGE_HEADER;
        *ret_mismatch = type->mismatch;
    }
    return ENC_OK;
}

// Tries one identity on each stanza of its type. ENC_AGE_NO_MATCH: there is none. ENC_TAG_MISMATCH:
// none is for it.
static enum enc_status unwrap_any(const struct enc_age_header_reader *header,
                                  const struct enc_age_identity *identity,
                                  struct enc_age_file_key *ret_file_key)
{
    enum enc_status st = ENC_AGE_NO_MATCH;
    struct enc_age_stanza stanza;

    for (size_t at = 0; enc_age_header_next(header, &at, &stanza);) {
        if (type_of(&stanza) != identity->type)
            continue;
        st = identity->type->unwrap(&stanza, identity, ret_file_key);
        if (st != ENC_TAG_MISMATCH)
            break;
    }
    return st;
}

enum enc_status enc_age_unwrap(const struct enc_age_header_reader *header,
                               const struct enc_age_identity *identities, size_t n_identities,
                               struct enc_age_file_key *ret_file_key)
{
    enum enc_status mismatch;
    enum enc_status st = check_stanzas(header, &mismatch);

    if (st != ENC_OK)
        return st;
    for (size_t i = 0; i < n_identities; i++) {
        st = unwrap_any(header, &identities[i], ret_file_key);
        if (st == ENC_TAG_MISMATCH)
            mismatch = ENC_AGE_NO_MATCH; // a passphrase that was tried is a wrong one
        else if (st != ENC_AGE_NO_MATCH)
            return st;
    }
    return mismatch;
}
