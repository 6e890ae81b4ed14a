// SPDX-License-Identifier: Apache-2.0
// The header of an age file (age-encryption.org/v1, "Header"), read and written: a version line,
// stanzas, a MAC.
#ifndef ENC_AGE_HEADER_H
#define ENC_AGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_secret.h"
#include "enc_status.h"

// What a header can grow to. An age file with more is refused: ENC_AGE_HEADER_TOO_LARGE.
#define ENC_AGE_HEADER_MAX 65536 // bytes of all of it
#define ENC_AGE_LINE_MAX 4096    // characters of a line
#define ENC_AGE_STANZAS_MAX 128
#define ENC_AGE_ARGS_MAX 16 // arguments of a stanza, its type included

#define ENC_AGE_VERSION_LINE "age-encryption.org/v1" // the first, without its LF

#define ENC_AGE_MAC 32 // bytes

// Secret: what a header wraps.
struct enc_age_file_key {
    uint8_t bytes[16];
};
ENC_SECRET_TYPE(enc_age_file_key);

// Secret: a key that is derived from another secret: of the MAC, of the payload, of a stanza.
struct enc_age_derived_key {
    uint8_t bytes[32];
};
ENC_SECRET_TYPE(enc_age_derived_key);

// A piece of a header's text.
struct enc_age_slice {
    const char *at;
    size_t n;
};

// One recipient stanza. It points into its header.
struct enc_age_stanza {
    struct enc_age_slice args[ENC_AGE_ARGS_MAX]; // the first is the type
    size_t n_args;                               // at least one
    struct enc_age_slice body;                   // lines of base64 with their ends
    size_t n_body;                               // bytes that it decodes to
};

// Reads a header into storage of the caller's.
struct enc_age_header_reader {
    uint8_t *bytes; // ENC_AGE_HEADER_MAX of them
    size_t n;       // read so far
    size_t line_at; // of the current line
    int state;      // of enc_age_header_read.c
    size_t n_stanzas;
    size_t n_signed; // bytes that the MAC covers
    uint8_t mac[ENC_AGE_MAC];
};

void enc_age_header_reader_init(struct enc_age_header_reader *reader,
                                uint8_t bytes[static ENC_AGE_HEADER_MAX]);

// Takes some of the n bytes at in: all of them, or those up to the end of the header, whose syntax
// is right then (*ret_is_whole). ENC_AGE_HEADER or ENC_AGE_HEADER_TOO_LARGE: it is none, and
// nothing but _init may follow.
ENC_MUST_USE enum enc_status enc_age_header_read(struct enc_age_header_reader *reader,
                                                 const uint8_t *in, size_t n, size_t *ret_taken,
                                                 bool *ret_is_whole);

// Of a header that is whole: the stanza at *at, which is moved behind it; *at is 0 for the first.
// False if there is none left.
bool enc_age_header_next(const struct enc_age_header_reader *reader, size_t *at,
                         struct enc_age_stanza *ret_stanza);

// Decodes the body of a stanza to n bytes. False if it has another length.
bool enc_age_stanza_body(const struct enc_age_stanza *stanza, uint8_t *out, size_t n);

// Whether a header that is whole was made with this file key. ENC_AGE_HEADER_MAC: it was altered;
// or a resource.
ENC_MUST_USE enum enc_status enc_age_header_verify(const struct enc_age_header_reader *reader,
                                                   const struct enc_age_file_key *file_key);

// Writes a header into a buffer of the caller's. What does not fit latches ENC_MISUSE, which the
// last call returns. It is on the caller that arguments are such, and that there is a stanza.
struct enc_age_header_writer {
    uint8_t *out;
    size_t cap;
    size_t n; // bytes written
    enum enc_status status;
};

void enc_age_header_begin(struct enc_age_header_writer *writer, uint8_t *out, size_t cap);
void enc_age_header_add(struct enc_age_header_writer *writer, const struct enc_age_slice args[],
                        size_t n_args, const uint8_t *body, size_t n_body);

// The end of a header, with the MAC that belongs to a file key, or with any.
ENC_MUST_USE enum enc_status enc_age_header_sign(struct enc_age_header_writer *writer,
                                                 const struct enc_age_file_key *file_key);
ENC_MUST_USE enum enc_status enc_age_header_end(struct enc_age_header_writer *writer,
                                                const uint8_t mac[static ENC_AGE_MAC]);

#endif
