// SPDX-License-Identifier: Apache-2.0
// How a stanza holds the file key: sealed with ChaCha20-Poly1305 under a key that is used for
// nothing else, and so with a nonce of zeros.
#ifndef ENC_AGE_WRAP_H
#define ENC_AGE_WRAP_H

#include "enc_aead.h"
#include "enc_age_header.h"
#include "enc_status.h"

#define ENC_AGE_WRAPPED (sizeof(struct enc_age_file_key) + ENC_AEAD_TAG) // bytes of such a body

// Adds a stanza with the file key in its body. A resource.
ENC_MUST_USE enum enc_status enc_age_wrap_seal(const struct enc_age_file_key *file_key,
                                               const struct enc_age_derived_key *wrap_key,
                                               const struct enc_age_slice args[], size_t n_args,
                                               struct enc_age_header_writer *writer);

// Opens the body of a stanza. ENC_AGE_HEADER: it has another length, and is not tried (that would
// show which of several keys fits; "partitioning oracle"). ENC_TAG_MISMATCH, or a resource.
ENC_MUST_USE enum enc_status enc_age_wrap_open(const struct enc_age_stanza *stanza,
                                               const struct enc_age_derived_key *wrap_key,
                                               struct enc_age_file_key *ret_file_key);

#endif
