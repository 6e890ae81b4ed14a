// SPDX-License-Identifier: Apache-2.0
// One upload's whole way: body -> (multipart) -> encryptor -> output.
#include "enc_encrypt_job.h"

#include "enc_job_internal.h"
#include "format.h"

_Static_assert(ENC_JOB_OUT_MIN >= ENC_FORMAT_OUT_MIN, "every room is enough for the encryptor");

struct encrypt_job {
    struct enc_job base;
    struct enc_encryptor *encryptor; // in `storage`; NULL until it is keyed
    bool is_ending;                  // all of the file is encrypted but for its end
    max_align_t storage[];           // the format's encryptor
};

static const struct enc_job_ops encrypt_ops;

enum enc_status enc_encrypt_job_new(const struct enc_encrypt_job_options *options,
                                    struct enc_job_key_text *ret_key, struct enc_job **ret_job)
{
    const struct enc_job_format_ops *format = enc_job_format_ops(options->format);
    const size_t n_storage = format->encryptor_bytes; // an encryptor sees to itself
    struct enc_job_body_options body_options = {
        .is_form = options->is_form,
        .content_type = options->content_type,
        .n_content_type = options->n_content_type,
        .name = options->name,
        .n_name = options->n_name,
        .namer = enc_file_name_encrypted,
        .style = &format->name_style,
        .n_file_max = options->n_file_max,
    };

    *ret_job = NULL;
    struct enc_job *base = enc_job_allocate(sizeof(struct encrypt_job) + n_storage, n_storage,
                                            &encrypt_ops, options->format);
    if (!base)
        return ENC_NO_MEMORY;

    ENC_SECRET(enc_job_key_text, key);
    struct encrypt_job *job = (struct encrypt_job *)base;
    struct enc_encryptor *encryptor = (struct enc_encryptor *)job->storage;
    enum enc_status st = enc_job_body_init(&base->body, &body_options);
    if (st == ENC_OK)
        st = format->begin(encryptor, options, base->body.is_form, &key);
    if (st != ENC_OK) {
        enc_job_free(base);
        return st;
    }
    job->encryptor = encryptor;
    base->room_min = ENC_JOB_OUT_MIN;
    base->content_type = encryptor->ops->content_type;
    *ret_key = key;
    *ret_job = base;
    return ENC_OK;
}

bool enc_encrypt_job_total(const struct enc_job *base, uint64_t n, uint64_t *ret_size)
{
    const struct enc_encryptor *encryptor = ((const struct encrypt_job *)base)->encryptor;

    return encryptor->ops->total(encryptor, n, ret_size);
}

static enum enc_status prepare_work(struct encrypt_job *job)
{
    struct enc_job *base = &job->base;
    struct enc_encryptor *encryptor = job->encryptor;
    size_t taken = 0;
    enum enc_status st =
        encryptor->ops->prepare(encryptor, base->body.data, base->body.n_data,
                                base->out + base->n_out, enc_job_room(base), &taken, &base->work);
    base->body.data += taken;
    base->body.n_data -= taken;
    return st;
}

static enum enc_status commit_work(struct encrypt_job *job)
{
    struct enc_encryptor *encryptor = job->encryptor;
    size_t n = 0;
    enum enc_status st = encryptor->ops->commit(encryptor, &job->base.work, &n);
    job->base.n_out += n;
    return st;
}

// Writes what there is room for of the file's end.
static enum enc_status finish_file(struct encrypt_job *job, bool *ret_is_ended)
{
    struct enc_job *base = &job->base;
    struct enc_encryptor *encryptor = job->encryptor;
    size_t n = 0;
    enum enc_status st = encryptor->ops->finish(encryptor, base->out + base->n_out,
                                                enc_job_room(base), &n, ret_is_ended);
    base->n_out += n;
    return st;
}

static enum enc_status advance(struct enc_job *base, enum enc_job_step *ret_step)
{
    struct encrypt_job *job = (struct encrypt_job *)base;
    enum enc_status st = *ret_step == ENC_JOB_HAS_WORK ? commit_work(job) : ENC_OK;

    while (st == ENC_OK) {
        enum enc_job_found found = ENC_JOB_FOUND_DATA;

        if (base->body.n_data == 0 && !job->is_ending)
            st = enc_job_body_next(&base->body, &found);
        if (st != ENC_OK)
            return st;
        if (found == ENC_JOB_FOUND_END)
            job->is_ending = true;
        if (found == ENC_JOB_FOUND_NOTHING) {
            *ret_step = ENC_JOB_NEEDS_INPUT;
            return ENC_OK;
        }
        if (enc_job_room(base) < ENC_FORMAT_OUT_MIN) {
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
        if (st == ENC_OK && base->work.op != ENC_KERNEL_NONE) {
            *ret_step = ENC_JOB_HAS_WORK;
            return ENC_OK;
        }
        if (st == ENC_OK)
            st = commit_work(job);
    }
    return st;
}

static void wipe(struct enc_job *base)
{
    struct encrypt_job *job = (struct encrypt_job *)base;

    if (job->encryptor)
        job->encryptor->ops->wipe(job->encryptor);
}

static const struct enc_job_ops encrypt_ops = {.advance = advance, .wipe = wipe};
