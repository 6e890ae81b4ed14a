// SPDX-License-Identifier: Apache-2.0
// A job that encrypts: from the bytes of a request's body to the bytes of an encrypted file. How it
// is driven is in enc_job.h.
#ifndef ENC_ENCRYPT_JOB_H
#define ENC_ENCRYPT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_job.h"
#include "enc_job_format.h"
#include "enc_secret.h"
#include "enc_status.h"

struct enc_encrypt_job_options {
    enum enc_job_format format;
    bool is_form; // decide by content_type whether the body is a form; else it is the file
    const char *content_type; // the request's header, n_content_type bytes; not kept
    size_t n_content_type;
    const char *name; // of the file where the body is the file; n_name bytes; not kept
    size_t n_name;
    const char *key; // the client's own key as text, n_key characters, or NULL
    size_t n_key;
    const struct enc_job_text *recipients; // of age, instead of a key; not kept
    size_t n_recipients;                   // up to ENC_JOB_RECIPIENTS_MAX; 0: none
    bool armor;                            // of age
    bool body_is_declared;                 // how long it is
    uint64_t n_body;                       // bytes of the body then; others are ENC_MISUSE
    uint64_t n_file_max;                   // bytes of the file; 0: any
    uint64_t time;                         // seconds since 1970
    const uint8_t *seed; // enc_job_format_seed_bytes random bytes. Secret; the caller wipes it
};

// Makes a job on the heap, with all the memory that it will ever use. Without a key and recipients
// it makes a key, and hands it over (ret_key->n is 0 else): the job keeps what encrypts, not the
// text. ENC_BOUNDARY_*, ENC_UNSUPPORTED_MEDIA_TYPE, ENC_INVALID_KEY, ENC_INVALID_IDENTITY,
// ENC_INVALID_RECIPIENT, a resource, or ENC_MISUSE for options that do not go together: *ret_job is
// NULL then, and *ret_key is untouched.
ENC_MUST_USE enum enc_status enc_encrypt_job_new(const struct enc_encrypt_job_options *options,
                                                 struct enc_job_key_text *ret_key,
                                                 struct enc_job **ret_job);

// The size of the encrypted file for a file of n bytes. False if it cannot be known. Before the
// first input of a job that encrypts.
bool enc_encrypt_job_total(const struct enc_job *job, uint64_t n, uint64_t *ret_size);

#endif
