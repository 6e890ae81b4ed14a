// SPDX-License-Identifier: Apache-2.0
// The whole way of one upload: from the bytes of a request's body to the bytes of an encrypted
// file.
//
// The job does no I/O and knows no clock and no random source. Its owner feeds it input, gives it
// room for output, and calls enc_encrypt_job_step until it says what it lacks:
//
//     ENC_JOB_NEEDS_INPUT   call _input, or _input_end
//     ENC_JOB_NEEDS_OUTPUT  take the output (_output_used bytes), give new room with _output
//     ENC_JOB_HAS_WORK      call enc_encrypt_jobs_run, with this job or with many
//     ENC_JOB_DONE          the file is whole; the output holds its end
//     ENC_JOB_FAILED        _status says why; what was output is no file
#ifndef ENC_ENCRYPT_JOB_H
#define ENC_ENCRYPT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_file_name.h"
#include "enc_job_format.h"
#include "enc_secret.h"
#include "enc_status.h"

#define ENC_JOB_FORM_PARTS_MAX 256         // parts of a form
#define ENC_JOB_FORM_PART_HEADERS_MAX 8192 // bytes of the headers of one

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
    uint64_t time;                         // seconds since 1970
    const uint8_t *seed; // ENC_JOB_SEED_BYTES random bytes. Secret; the caller wipes it
};

struct enc_encrypt_job;

// Makes a job on the heap, with all the memory that it will ever use. Without a key and recipients
// it makes a key, and hands it over (ret_key->n is 0 else): the job keeps what encrypts, not the
// text. ENC_BOUNDARY_*, ENC_UNSUPPORTED_MEDIA_TYPE, ENC_INVALID_KEY, ENC_INVALID_IDENTITY,
// ENC_INVALID_RECIPIENT, a resource, or ENC_MISUSE for options that do not go together: *ret_job is
// NULL then, and *ret_key is untouched.
ENC_MUST_USE enum enc_status enc_encrypt_job_new(const struct enc_encrypt_job_options *options,
                                                 struct enc_job_key_text *ret_key,
                                                 struct enc_encrypt_job **ret_job);

enum enc_job_step {
    ENC_JOB_NEEDS_INPUT,
    ENC_JOB_NEEDS_OUTPUT,
    ENC_JOB_HAS_WORK,
    ENC_JOB_DONE,
    ENC_JOB_FAILED,
};

// Goes on until something is lacking. Bounded by the input and the room for output.
enum enc_job_step enc_encrypt_job_step(struct enc_encrypt_job *job);

// The next n > 0 bytes of the body. Only at ENC_JOB_NEEDS_INPUT. They stay alive and unchanged
// until the job needs input again.
void enc_encrypt_job_input(struct enc_encrypt_job *job, const uint8_t *in, size_t n);

// The body is complete. Never call this for a body that was cut off.
void enc_encrypt_job_input_end(struct enc_encrypt_job *job);

// The least room for output that is of use, in bytes.
#define ENC_JOB_OUT_MIN 256

// New room for output, cap >= ENC_JOB_OUT_MIN bytes. At any time but ENC_JOB_HAS_WORK.
void enc_encrypt_job_output(struct enc_encrypt_job *job, uint8_t *out, size_t cap);

// Bytes written to the room last given.
size_t enc_encrypt_job_output_used(const struct enc_encrypt_job *job);

// Does the work of n jobs that stand at ENC_JOB_HAS_WORK, through one run of the kernel.
void enc_encrypt_jobs_run(struct enc_encrypt_job *jobs[], size_t n);

enum enc_status enc_encrypt_job_status(const struct enc_encrypt_job *job);

// Whether the body is a form, of which the file is a part.
bool enc_encrypt_job_is_form(const struct enc_encrypt_job *job);

// The answer's file name. In a form it is known once the file's part has begun, so with the first
// output.
void enc_encrypt_job_file_name(const struct enc_encrypt_job *job, struct enc_file_name *ret_name);

// The size of the encrypted file for a file of n bytes. False if it cannot be known. Before the
// first input.
bool enc_encrypt_job_total(const struct enc_encrypt_job *job, uint64_t n, uint64_t *ret_size);

// The media type of the encrypted file. Static.
const char *enc_encrypt_job_content_type(const struct enc_encrypt_job *job);

// Wipes and frees. NULL is fine.
void enc_encrypt_job_free(struct enc_encrypt_job *job);

#endif
