// SPDX-License-Identifier: Apache-2.0
// The formats by name, their keys as text, and the randomness that they take.
#ifndef ENC_JOB_FORMAT_H
#define ENC_JOB_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_secret.h"
#include "enc_status.h"

// The table in enc_job_format.c maps them to what they do.
enum enc_job_format {
    ENC_JOB_FERNET,
    ENC_JOB_AGE,
#ifdef ENC_BENCHMARK
    ENC_JOB_NULL_4_3,
    ENC_JOB_NULL_1_1,
#endif
    ENC_JOB_N_FORMATS, // none
};

// The format of that name, n bytes. False if there is none.
bool enc_job_format_parse(const char *name, size_t n, enum enc_job_format *ret_format);
const char *enc_job_format_name(enum enc_job_format format);

#define ENC_JOB_RECIPIENTS_MAX 20 // of one file

#define ENC_JOB_SEED_BYTES 704     // of randomness that a job asks for, or a key; at the most
#define ENC_JOB_SEED_OPEN_BYTES 16 // of them, the first ones, that become public

// How many of the seed's bytes a format reads, from ENC_JOB_SEED_OPEN_BYTES to ENC_JOB_SEED_BYTES:
// no others have to be random.
size_t enc_job_format_seed_bytes(enum enc_job_format format);

#define ENC_JOB_KEY_TEXT_MAX 128 // characters of a key as text, with a NUL

// Secret: a key as text.
struct enc_job_key_text {
    char chars[ENC_JOB_KEY_TEXT_MAX];
    size_t n;
};
ENC_SECRET_TYPE(enc_job_key_text);

// Makes a key of a format from a seed of random bytes, and the recipient that belongs to it
// (ret_recipient->n is 0 where the format has none). A resource: both are untouched.
ENC_MUST_USE enum enc_status enc_job_key_new(enum enc_job_format format, const uint8_t *seed,
                                             struct enc_job_key_text *ret_key,
                                             struct enc_job_key_text *ret_recipient);

// A piece of text of the caller's.
struct enc_job_text {
    const char *chars;
    size_t n;
};

// Of recipients that a job refused: the number, from 1, of the first that is none by its text, or
// else of the first that nothing can be encrypted to. 0: all are good.
size_t enc_job_faulty_recipient(const struct enc_job_text recipients[], size_t n);

#endif
