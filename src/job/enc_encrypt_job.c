// SPDX-License-Identifier: Apache-2.0
// One upload's whole way: body -> (multipart) -> encryptor -> output. See the header for how it is
// driven.
#include "enc_encrypt_job.h"

#include <stdlib.h>
#include <string.h>

#include "enc_job_format_ops.h"
#include "enc_multipart.h"
#include "format.h"

_Static_assert(ENC_JOB_FORM_PARTS_MAX == ENC_MULTIPART_PARTS_MAX &&
                   ENC_JOB_FORM_PART_HEADERS_MAX == ENC_MULTIPART_HEADERS_MAX,
               "a job says the limits of its parser");

_Static_assert(ENC_JOB_OUT_MIN >= ENC_FORMAT_OUT_MIN, "every room is enough for the encryptor");

struct enc_encrypt_job {
    enum enc_job_step state; // what the last step found lacking
    enum enc_status status;  // latched

    // Input: the body as it comes, and the slice of it that is the file's.
    bool is_form;
    bool input_ended;
    const uint8_t *in; // a body that is the file: what the last _input gave, until it is taken
    size_t n_in;
    struct enc_multipart_parser multipart; // a body that is a form
    bool in_file_field;                    // the current part is named "file"
    bool file_pending;                     // but is a file only if bytes follow
    bool file_begun;                       // it, or one before it, is a file
    const uint8_t *data;                   // file data on its way to the encryptor
    size_t n_data;

    // Output.
    const struct enc_job_format_ops *format;
    struct enc_encryptor *encryptor; // in `storage`
    bool is_ending;                  // all of the file is encrypted but for its end
    struct enc_kernel_item work;
    uint8_t *out;
    size_t out_cap;
    size_t n_out;
    struct enc_file_name file_name;

    size_t n_bytes;        // of the whole job
    max_align_t storage[]; // the format's encryptor
};

static enum enc_status begin_input(struct enc_encrypt_job *job,
                                   const struct enc_encrypt_job_options *options)
{
    enum enc_multipart_kind kind = ENC_MULTIPART_NOT;
    struct enc_multipart_boundary boundary;

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
        job->is_form = true;
        enc_multipart_init(&job->multipart, &boundary);
        return ENC_OK;
    case ENC_MULTIPART_NOT:
        enc_file_name_encrypted(&job->format->name_style, options->name, options->n_name,
                                &job->file_name);
        return ENC_OK;
    }
    return ENC_MISUSE;
}

static struct enc_encrypt_job *allocate(const struct enc_job_format_ops *format)
{
    size_t n_bytes = sizeof(struct enc_encrypt_job) + format->encryptor_bytes;
    struct enc_encrypt_job *job = malloc(n_bytes);

    if (!job)
        return NULL;
    memset(job, 0, sizeof(*job)); // an encryptor sees to itself
    job->n_bytes = n_bytes;
    job->format = format;
    return job;
}

enum enc_status enc_encrypt_job_new(const struct enc_encrypt_job_options *options,
                                    struct enc_job_key_text *ret_key,
                                    struct enc_encrypt_job **ret_job)
{
    *ret_job = NULL;
    struct enc_encrypt_job *job = allocate(enc_job_format_ops(options->format));
    if (!job)
        return ENC_NO_MEMORY;

    ENC_SECRET(enc_job_key_text, key);
    struct enc_encryptor *encryptor = (struct enc_encryptor *)job->storage;
    enum enc_status st = begin_input(job, options);
    if (st == ENC_OK)
        st = job->format->begin(encryptor, options, job->is_form, &key);
    if (st != ENC_OK) {
        enc_encrypt_job_free(job);
        return st;
    }
    job->encryptor = encryptor;
    job->state = ENC_JOB_NEEDS_INPUT;
    *ret_key = key;
    *ret_job = job;
    return ENC_OK;
}

bool enc_encrypt_job_total(const struct enc_encrypt_job *job, uint64_t n, uint64_t *ret_size)
{
    return job->encryptor->ops->total(job->encryptor, n, ret_size);
}

const char *enc_encrypt_job_content_type(const struct enc_encrypt_job *job)
{
    return job->encryptor->ops->content_type;
}

void enc_encrypt_job_input(struct enc_encrypt_job *job, const uint8_t *in, size_t n)
{
    if (job->is_form) {
        enc_multipart_input(&job->multipart, in, n);
    } else {
        job->in = in;
        job->n_in = n;
    }
}

void enc_encrypt_job_input_end(struct enc_encrypt_job *job)
{
    job->input_ended = true;
    if (job->is_form)
        enc_multipart_input_end(&job->multipart);
}

void enc_encrypt_job_output(struct enc_encrypt_job *job, uint8_t *out, size_t cap)
{
    job->out = out;
    job->out_cap = cap;
    job->n_out = 0;
}

size_t enc_encrypt_job_output_used(const struct enc_encrypt_job *job)
{
    return job->n_out;
}

enum enc_status enc_encrypt_job_status(const struct enc_encrypt_job *job)
{
    return job->status;
}

bool enc_encrypt_job_is_form(const struct enc_encrypt_job *job)
{
    return job->is_form;
}

void enc_encrypt_job_file_name(const struct enc_encrypt_job *job, struct enc_file_name *ret_name)
{
    *ret_name = job->file_name;
}

// The current part is a file after all: the first, or one too many.
static enum enc_status begin_file(struct enc_encrypt_job *job)
{
    const struct enc_multipart_part *part = &job->multipart.part;

    if (job->file_begun)
        return ENC_TOO_MANY_FILES;
    job->file_begun = true;
    enc_file_name_encrypted(&job->format->name_style, part->filename, part->n_filename,
                            &job->file_name);
    return ENC_OK;
}

static enum enc_status begin_part(struct enc_encrypt_job *job)
{
    const struct enc_multipart_part *part = &job->multipart.part;

    job->in_file_field = part->is_file_field;
    if (!part->is_file_field)
        return ENC_OK;
    // filename="" is what a browser sends when nothing was chosen. It is a file only if bytes
    // follow.
    job->file_pending = part->has_filename && part->n_filename == 0;
    return job->file_pending ? ENC_OK : begin_file(job);
}

static enum enc_status part_data(struct enc_encrypt_job *job, const uint8_t *data, size_t n)
{
    if (!job->in_file_field)
        return ENC_OK;
    if (job->file_pending) {
        job->file_pending = false;
        enum enc_status st = begin_file(job);
        if (st != ENC_OK)
            return st;
    }
    job->data = data;
    job->n_data = n;
    return ENC_OK;
}

// What the input gave: more of the file (job->n_data > 0), nothing yet, or its end.
enum input_state { INPUT_DATA, INPUT_LACKING, INPUT_ENDED };

static enum enc_status next_form_data(struct enc_encrypt_job *job, enum input_state *ret_state)
{
    while (job->n_data == 0) {
        enum enc_multipart_event event;
        const uint8_t *data = NULL;
        size_t n = 0;
        enum enc_status st = enc_multipart_next(&job->multipart, &event, &data, &n);
        if (st != ENC_OK)
            return st;
        switch (event) {
        case ENC_MULTIPART_NEEDS_INPUT:
            *ret_state = INPUT_LACKING;
            return ENC_OK;
        case ENC_MULTIPART_PART_BEGIN:
            st = begin_part(job);
            break;
        case ENC_MULTIPART_DATA:
            st = part_data(job, data, n);
            break;
        case ENC_MULTIPART_PART_END:
            job->in_file_field = job->file_pending = false;
            break;
        case ENC_MULTIPART_END:
            *ret_state = INPUT_ENDED;
            return job->file_begun ? ENC_OK : ENC_MISSING_FILE;
        }
        if (st != ENC_OK)
            return st;
    }
    *ret_state = INPUT_DATA;
    return ENC_OK;
}

static enum enc_status next_data(struct enc_encrypt_job *job, enum input_state *ret_state)
{
    if (job->is_form)
        return next_form_data(job, ret_state);
    job->data = job->in;
    job->n_data = job->n_in;
    job->n_in = 0;
    *ret_state = job->n_data > 0 ? INPUT_DATA : job->input_ended ? INPUT_ENDED : INPUT_LACKING;
    return ENC_OK;
}

static bool has_room(const struct enc_encrypt_job *job)
{
    return job->out_cap - job->n_out >= ENC_FORMAT_OUT_MIN;
}

static enum enc_status prepare_work(struct enc_encrypt_job *job)
{
    struct enc_encryptor *encryptor = job->encryptor;
    size_t taken = 0;
    enum enc_status st =
        encryptor->ops->prepare(encryptor, job->data, job->n_data, job->out + job->n_out,
                                job->out_cap - job->n_out, &taken, &job->work);
    job->data += taken;
    job->n_data -= taken;
    return st;
}

static enum enc_status commit_work(struct enc_encrypt_job *job)
{
    struct enc_encryptor *encryptor = job->encryptor;
    size_t n = 0;
    enum enc_status st = encryptor->ops->commit(encryptor, &job->work, &n);
    job->n_out += n;
    return st;
}

// Writes what there is room for of the file's end.
static enum enc_status finish_file(struct enc_encrypt_job *job, bool *ret_is_ended)
{
    struct enc_encryptor *encryptor = job->encryptor;
    size_t n = 0;
    enum enc_status st = encryptor->ops->finish(encryptor, job->out + job->n_out,
                                                job->out_cap - job->n_out, &n, ret_is_ended);
    job->n_out += n;
    return st;
}

// Goes on until something is lacking, which *ret_step then names.
static enum enc_status advance(struct enc_encrypt_job *job, enum enc_job_step *ret_step)
{
    for (;;) {
        enum input_state input = INPUT_DATA;
        enum enc_status st = ENC_OK;

        if (job->n_data == 0 && !job->is_ending)
            st = next_data(job, &input);
        if (st != ENC_OK)
            return st;
        if (input == INPUT_ENDED)
            job->is_ending = true;
        if (input == INPUT_LACKING) {
            *ret_step = ENC_JOB_NEEDS_INPUT;
            return ENC_OK;
        }
        if (!has_room(job)) {
            *ret_step = ENC_JOB_NEEDS_OUTPUT;
            return ENC_OK;
        }
        if (job->is_ending) {
            bool is_ended = false;
            st = finish_file(job, &is_ended);
            if (st == ENC_OK && !is_ended)
                continue;
            *ret_step = ENC_JOB_DONE;
            return st;
        }
        st = prepare_work(job);
        if (st == ENC_OK && job->work.op != ENC_KERNEL_NONE) {
            *ret_step = ENC_JOB_HAS_WORK;
            return ENC_OK;
        }
        if (st == ENC_OK)
            st = commit_work(job);
        if (st != ENC_OK)
            return st;
    }
}

enum enc_job_step enc_encrypt_job_step(struct enc_encrypt_job *job)
{
    enum enc_status st = ENC_OK;

    if (job->state == ENC_JOB_DONE || job->state == ENC_JOB_FAILED)
        return job->state;
    if (job->state == ENC_JOB_HAS_WORK)
        st = commit_work(job);
    if (st == ENC_OK)
        st = advance(job, &job->state);
    if (st != ENC_OK) {
        job->status = st;
        job->state = ENC_JOB_FAILED;
        job->encryptor->ops->wipe(job->encryptor);
    }
    return job->state;
}

void enc_encrypt_jobs_run(struct enc_encrypt_job *jobs[], size_t n)
{
    enum { ABREAST = 16 };
    struct enc_kernel_item *items[ABREAST];

    for (size_t done = 0; done < n;) {
        size_t n_items = 0;
        while (done < n && n_items < ABREAST)
            items[n_items++] = &jobs[done++]->work;
        enc_kernel_run(items, n_items);
    }
}

void enc_encrypt_job_free(struct enc_encrypt_job *job)
{
    if (!job)
        return;
    if (job->encryptor)
        job->encryptor->ops->wipe(job->encryptor);
    enc_wipe(job, job->n_bytes);
    free(job);
}
