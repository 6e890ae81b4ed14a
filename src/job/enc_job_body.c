// SPDX-License-Identifier: Apache-2.0
#include "enc_job_body.h"

#include <string.h>

#include "enc_job.h"
#include "enc_secret.h"

_Static_assert(ENC_JOB_FORM_PARTS_MAX == ENC_MULTIPART_PARTS_MAX &&
                   ENC_JOB_FORM_PART_HEADERS_MAX == ENC_MULTIPART_HEADERS_MAX,
               "a job says the limits of its parser");

static void name_file(struct enc_job_body *body, const char *name, size_t n)
{
    body->namer(body->style, name, n, &body->file_name);
}

enum enc_status enc_job_body_init(struct enc_job_body *body,
                                  const struct enc_job_body_options *options)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_NOT;
    struct enc_multipart_boundary boundary;

    memset(body, 0, offsetof(struct enc_job_body, multipart.part));
    body->namer = options->namer;
    body->style = options->style;
    body->n_file_max = options->n_file_max;
    if (options->is_form) {
        enum enc_status st = enc_multipart_content_type(options->content_type,
                                                        options->n_content_type, &kind, &boundary);
        if (st != ENC_OK)
            return st;
    }
    switch (kind) {
    case ENC_MULTIPART_URLENCODED:
        return ENC_UNSUPPORTED_MEDIA_TYPE;
    case ENC_MULTIPART_FORM:
        body->is_form = true;
        enc_multipart_init(&body->multipart, &boundary);
        return ENC_OK;
    case ENC_MULTIPART_NOT:
        name_file(body, options->name, options->n_name);
        return ENC_OK;
    }
    return ENC_MISUSE;
}

void enc_job_body_wipe(struct enc_job_body *body)
{
    enc_multipart_wipe(&body->multipart);
    enc_wipe(body, offsetof(struct enc_job_body, multipart));
}

void enc_job_body_input(struct enc_job_body *body, const uint8_t *in, size_t n)
{
    if (body->is_form) {
        enc_multipart_input(&body->multipart, in, n);
    } else {
        body->in = in;
        body->n_in = n;
    }
}

void enc_job_body_input_end(struct enc_job_body *body)
{
    body->input_ended = true;
    if (body->is_form)
        enc_multipart_input_end(&body->multipart);
}

void enc_job_body_restart(struct enc_job_body *body)
{
    body->is_form = false;
    body->input_ended = false;
    body->n_in = 0;
    body->n_data = 0;
    body->n_file = 0;
}

// n > 0 bytes of the file.
static enum enc_status found_data(struct enc_job_body *body, const uint8_t *data, size_t n)
{
    body->n_file += n;
    if (body->n_file_max > 0 && body->n_file > body->n_file_max)
        return ENC_FILE_TOO_LARGE;
    body->data = data;
    body->n_data = n;
    return ENC_OK;
}

// The current part is a file after all: the first, or one too many.
static enum enc_status begin_file(struct enc_job_body *body)
{
    const struct enc_multipart_part *part = &body->multipart.part;

    if (body->file_begun)
        return ENC_TOO_MANY_FILES;
    body->file_begun = true;
    name_file(body, part->filename, part->n_filename);
    return ENC_OK;
}

static enum enc_status begin_part(struct enc_job_body *body)
{
    const struct enc_multipart_part *part = &body->multipart.part;

    body->in_file_field = part->is_file_field;
    if (!part->is_file_field)
        return ENC_OK;
    // filename="" is what a browser sends when nothing was chosen. It is a file only if bytes
    // follow.
    body->file_pending = part->has_filename && part->n_filename == 0;
    return body->file_pending ? ENC_OK : begin_file(body);
}

static enum enc_status part_data(struct enc_job_body *body, const uint8_t *data, size_t n)
{
    if (!body->in_file_field)
        return ENC_OK;
    if (body->file_pending) {
        body->file_pending = false;
        enum enc_status st = begin_file(body);
        if (st != ENC_OK)
            return st;
    }
    return found_data(body, data, n);
}

static enum enc_status next_form_data(struct enc_job_body *body, enum enc_job_found *ret_found)
{
    while (body->n_data == 0) {
        enum enc_multipart_event event;
        const uint8_t *data = NULL;
        size_t n = 0;
        enum enc_status st = enc_multipart_next(&body->multipart, &event, &data, &n);
        if (st != ENC_OK)
            return st;
        switch (event) {
        case ENC_MULTIPART_NEEDS_INPUT:
            *ret_found = ENC_JOB_FOUND_NOTHING;
            return ENC_OK;
        case ENC_MULTIPART_PART_BEGIN:
            st = begin_part(body);
            break;
        case ENC_MULTIPART_DATA:
            st = part_data(body, data, n);
            break;
        case ENC_MULTIPART_PART_END:
            body->in_file_field = body->file_pending = false;
            break;
        case ENC_MULTIPART_END:
            *ret_found = ENC_JOB_FOUND_END;
            return body->file_begun ? ENC_OK : ENC_MISSING_FILE;
        }
        if (st != ENC_OK)
            return st;
    }
    *ret_found = ENC_JOB_FOUND_DATA;
    return ENC_OK;
}

enum enc_status enc_job_body_next(struct enc_job_body *body, enum enc_job_found *ret_found)
{
    if (body->is_form)
        return next_form_data(body, ret_found);
    size_t n = body->n_in;
    body->n_in = 0;
    *ret_found = n > 0               ? ENC_JOB_FOUND_DATA
                 : body->input_ended ? ENC_JOB_FOUND_END
                                     : ENC_JOB_FOUND_NOTHING;
    return n > 0 ? found_data(body, body->in, n) : ENC_OK;
}
