// SPDX-License-Identifier: Apache-2.0
// What every type of stanza does. Each has one file, and a row in the table of enc_age_types.c.
#ifndef ENC_AGE_TYPE_H
#define ENC_AGE_TYPE_H

#include "enc_age.h"

struct enc_age_type {
    const char *name;         // the first argument of its stanzas
    bool is_alone;            // its stanza has to be the only one of its header
    enum enc_status mismatch; // what a file of this type is to somebody without a fitting identity

    // Its keys as text; all five are NULL where they have none. ENC_INVALID_IDENTITY and
    // ENC_INVALID_RECIPIENT: not of this type; or a resource. *ret is untouched then.
    enum enc_status (*parse_identity)(const char *text, size_t n_chars,
                                      struct enc_age_identity *ret_identity);
    enum enc_status (*parse_recipient)(const char *text, size_t n_chars,
                                       struct enc_age_recipient *ret_recipient);
    void (*write_identity)(const struct enc_age_identity *identity,
                           struct enc_age_key_text *ret_text);
    void (*write_recipient)(const struct enc_age_recipient *recipient,
                            struct enc_age_key_text *ret_text);
    void (*recipient_of)(const struct enc_age_identity *identity,
                         struct enc_age_recipient *ret_recipient);

    // Whether a stanza of this type is well-formed. ENC_AGE_HEADER: it is not, and nor is its
    // header.
    enum enc_status (*check)(const struct enc_age_stanza *stanza);

    // Unwraps the file key, of a stanza that is well-formed, with an identity of this type.
    // ENC_TAG_MISMATCH: it is not for this identity; ENC_AGE_HEADER, ENC_AGE_WORK_FACTOR or a
    // resource end the search.
    enum enc_status (*unwrap)(const struct enc_age_stanza *stanza,
                              const struct enc_age_identity *identity,
                              struct enc_age_file_key *ret_file_key);

    // Wraps the file key for a recipient of this type: adds a stanza to a header.
    // ENC_INVALID_RECIPIENT or a resource.
    enum enc_status (*wrap)(const struct enc_age_file_key *file_key,
                            const struct enc_age_recipient *recipient,
                            const uint8_t seed[static ENC_AGE_STANZA_SEED],
                            struct enc_age_header_writer *writer);
};

// Finds the file key in a header that is whole: checks every stanza, then tries the identities in
// their order. ENC_AGE_HEADER, ENC_AGE_NO_MATCH, ENC_AGE_NEEDS_PASSPHRASE, ENC_AGE_WORK_FACTOR or a
// resource.
ENC_MUST_USE enum enc_status enc_age_unwrap(const struct enc_age_header_reader *header,
                                            const struct enc_age_identity *identities,
                                            size_t n_identities,
                                            struct enc_age_file_key *ret_file_key);

#endif
