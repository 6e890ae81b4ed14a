// SPDX-License-Identifier: Apache-2.0
// The file within a request's body: the body itself, or a part of a form.
#ifndef ENC_JOB_BODY_H
#define ENC_JOB_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_file_name.h"
#include "enc_multipart.h"
#include "enc_status.h"

// Makes the answer's file name of what the client calls the file.
typedef void enc_job_namer(const struct enc_file_name_style *style, const char *name, size_t n,
                           struct enc_file_name *ret_name);

struct enc_job_body_options {
    bool is_form; // decide by content_type whether the body is a form; else it is the file
    const char *content_type; // n_content_type bytes; not kept
    size_t n_content_type;
    const char *name; // of the file where the body is the file; n_name bytes; not kept
    size_t n_name;
    enc_job_namer *namer;
    const struct enc_file_name_style *style; // for the namer; static
    uint64_t n_file_max;                     // bytes of the file; 0: any
};

struct enc_job_body {
    bool is_form;
    bool input_ended;
    const uint8_t *in; // a body that is the file: what the last _input gave, until it is taken
    size_t n_in;
    bool in_file_field; // of a form: the current part is named "file"
    bool file_pending;  // but is a file only if bytes follow
    bool file_begun;    // it, or one before it, is a file
    enc_job_namer *namer;
    const struct enc_file_name_style *style;
    uint64_t n_file_max;
    uint64_t n_file;                // bytes found so far
    struct enc_file_name file_name; // once the file has begun

    const uint8_t *data; // of the file: found, and not used yet; the owner moves it on
    size_t n_data;

    struct enc_multipart_parser multipart; // a body that is a form. Large, and so the last member
};

// ENC_BOUNDARY_* or ENC_UNSUPPORTED_MEDIA_TYPE. Nothing is to be given back.
ENC_MUST_USE enum enc_status enc_job_body_init(struct enc_job_body *body,
                                               const struct enc_job_body_options *options);

// Wipes what is known of the body. It is one on which _init was called, with whatever result.
void enc_job_body_wipe(struct enc_job_body *body);

// As enc_job_input and enc_job_input_end.
void enc_job_body_input(struct enc_job_body *body, const uint8_t *in, size_t n);
void enc_job_body_input_end(struct enc_job_body *body);

// From now on another input begins, which is the file itself. Its name stays.
void enc_job_body_restart(struct enc_job_body *body);

// What the input gave: more of the file (n_data > 0), nothing yet, or its end.
enum enc_job_found { ENC_JOB_FOUND_DATA, ENC_JOB_FOUND_NOTHING, ENC_JOB_FOUND_END };

// Finds more of the file, once all that was found before is used. Or the statuses of
// enc_multipart.h, ENC_MISSING_FILE, ENC_TOO_MANY_FILES, ENC_FILE_TOO_LARGE.
ENC_MUST_USE enum enc_status enc_job_body_next(struct enc_job_body *body,
                                               enum enc_job_found *ret_found);

#endif
