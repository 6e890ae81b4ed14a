// SPDX-License-Identifier: Apache-2.0
// One encrypted file's whole way: body -> (multipart) -> recognized -> verified -> and again from
// where its owner kept it -> opened.
#include "enc_decrypt_job.h"

#include <string.h>

#include "enc_age_armor.h"
#include "enc_job_internal.h"
#include "format.h"

_Static_assert(ENC_JOB_OUT_MIN >= ENC_FORMAT_OUT_MIN && ENC_JOB_ROOM_MIN_MAX >= ENC_JOB_OUT_MIN,
               "a room can be found for each format");

// Nothing is lacking. No move says that the job failed: its status does.
#define GOES_ON ENC_JOB_FAILED

enum phase { RECOGNIZING, VERIFYING, OPENING };

struct decrypt_job {
    struct enc_job base;
    enum phase phase;
    bool has_one_pass;
    bool is_ending; // the input of this pass has ended
    size_t n_space; // before the first byte that is none
    size_t n_first;
    size_t first_at; // bytes of `first` that are used
    uint8_t first[ENC_JOB_RECOGNIZED_BYTES];
    uint64_t size;                   // of the plaintext, once it is verified
    uint64_t n_opened;               // bytes of it
    struct enc_decryptor *decryptor; // in `storage`; NULL until it is keyed
    max_align_t storage[];           // the format's decryptor
};

static const struct enc_job_ops decrypt_ops;

static struct decrypt_job *job_of(struct enc_job *base)
{
    return (struct decrypt_job *)base;
}

// The format whose keys look like this one.
static enum enc_status format_of_key(const struct enc_decrypt_job_options *options,
                                     enum enc_job_format *ret_format)
{
    for (int i = 0; i < ENC_JOB_N_FORMATS; i++) {
        enum enc_job_format format = (enum enc_job_format)i;
        if (enc_job_format_ops(format)->has_key_form(options->key, options->n_key)) {
            *ret_format = format;
            return ENC_OK;
        }
    }
    return ENC_INVALID_KEY;
}

static enum enc_status begin(struct decrypt_job *job, const struct enc_decrypt_job_options *options)
{
    struct enc_job *base = &job->base;
    const struct enc_job_format_ops *format = enc_job_format_ops(base->format);
    struct enc_decryptor *decryptor = (struct enc_decryptor *)job->storage;
    struct enc_job_body_options body_options = {
        .is_form = options->is_form,
        .content_type = options->content_type,
        .n_content_type = options->n_content_type,
        .name = options->name,
        .n_name = options->n_name,
        .namer = enc_file_name_decrypted,
        .style = &format->name_style,
    };
    enum enc_status st = enc_job_body_init(&base->body, &body_options);

    if (st == ENC_OK)
        st = format->begin_decrypting(decryptor, options);
    if (st != ENC_OK)
        return st;
    job->decryptor = decryptor;
    job->has_one_pass = options->release_chunks && !options->must_be_whole;
    base->content_type = "application/octet-stream";
    base->room_min = decryptor->ops->out_min;
    return ENC_OK;
}

enum enc_status enc_decrypt_job_new(const struct enc_decrypt_job_options *options,
                                    struct enc_job **ret_job)
{
    enum enc_job_format format;
    enum enc_status st = format_of_key(options, &format);

    *ret_job = NULL;
    if (st != ENC_OK)
        return st;
    // A decryptor sees to itself.
    const size_t n_storage = enc_job_format_ops(format)->decryptor_bytes;
    struct enc_job *base =
        enc_job_allocate(sizeof(struct decrypt_job) + n_storage, n_storage, &decrypt_ops, format);
    if (!base)
        return ENC_NO_MEMORY;
    st = begin(job_of(base), options);
    if (st != ENC_OK) {
        enc_job_free(base);
        return st;
    }
    *ret_job = base;
    return ENC_OK;
}

bool enc_decrypt_job_has_one_pass(const struct enc_job *base)
{
    return ((const struct decrypt_job *)base)->has_one_pass;
}

uint64_t enc_decrypt_job_size(const struct enc_job *base)
{
    return ((const struct decrypt_job *)base)->size;
}

void enc_decrypt_job_open(struct enc_job *base)
{
    struct decrypt_job *job = job_of(base);

    base->state = ENC_JOB_NEEDS_INPUT;
    enc_job_body_restart(&base->body);
    enc_job_output(base, NULL, 0);
    job->phase = OPENING;
    job->is_ending = false;
}

// The bytes that come next: first those by which the file was recognized.
static const uint8_t *next_bytes(const struct decrypt_job *job, size_t *ret_n)
{
    if (job->phase != RECOGNIZING && job->first_at < job->n_first) {
        *ret_n = job->n_first - job->first_at;
        return job->first + job->first_at;
    }
    *ret_n = job->base.body.n_data;
    return job->base.body.data;
}

static void take_bytes(struct decrypt_job *job, size_t n)
{
    if (job->phase != RECOGNIZING && job->first_at < job->n_first) {
        job->first_at += n;
    } else {
        job->base.body.data += n;
        job->base.body.n_data -= n;
    }
}

// Goes by what each format says of the first bytes.
static enum enc_status look_at_first(struct decrypt_job *job)
{
    bool may_be_one = false;

    for (int i = 0; i < ENC_JOB_N_FORMATS; i++) {
        enum enc_job_format format = (enum enc_job_format)i;
        switch (enc_job_format_ops(format)->recognize(job->first, job->n_first, job->n_space > 0)) {
        case ENC_JOB_IS:
            if (format != job->base.format)
                return ENC_OTHER_FORMATS_KEY;
            job->phase = job->has_one_pass ? OPENING : VERIFYING;
            return ENC_OK;
        case ENC_JOB_MAY_BE:
            may_be_one = true;
            break;
        case ENC_JOB_IS_OTHER:
            break;
        }
    }
    return may_be_one ? ENC_OK : ENC_UNRECOGNIZED_FORMAT;
}

// Looks at the next byte. White space before armor goes no further: nothing depends on it.
static enum enc_status recognize(struct decrypt_job *job)
{
    const uint8_t c = job->base.body.data[0];

    take_bytes(job, 1);
    if (job->n_first == 0 && enc_age_armor_is_space(c))
        return ++job->n_space <= ENC_AGE_ARMOR_SPACE_MAX ? ENC_OK : ENC_UNRECOGNIZED_FORMAT;
    job->first[job->n_first++] = c;
    return look_at_first(job);
}

// Puts n bytes that were verified, or will be, out for their owner to keep.
static void keep(struct decrypt_job *job, const uint8_t *in, size_t n)
{
    struct enc_job *base = &job->base;

    memcpy(base->out + base->n_out, in, n);
    base->n_out += n;
}

// Whether n more bytes of plaintext are as many as there can be, here or at the end: the last one
// must not leave before it, and the file must not end before its last one.
static bool is_as_verified(const struct decrypt_job *job, size_t n, bool is_ended)
{
    const uint64_t n_left = job->size - job->n_opened;

    return is_ended ? n == n_left : n < n_left || n == 0;
}

// Counts n bytes of plaintext that were written.
static enum enc_status release(struct decrypt_job *job, size_t n, bool is_ended)
{
    struct enc_job *base = &job->base;

    if (!job->has_one_pass && !is_as_verified(job, n, is_ended)) {
        enc_wipe(base->out + base->n_out, n);
        return ENC_FILE_CHANGED;
    }
    job->n_opened += n;
    base->n_out += n;
    return ENC_OK;
}

// Puts some of the n bytes through the decryptor, which may describe work for the kernel.
static enum enc_status prepare_work(struct decrypt_job *job, const uint8_t *in, size_t n)
{
    struct enc_job *base = &job->base;
    struct enc_decryptor *decryptor = job->decryptor;
    const size_t room = enc_job_room(base);
    size_t n_taken = 0;
    enum enc_status st;

    if (job->phase == VERIFYING)
        st = decryptor->ops->verify(decryptor, in, n < room ? n : room, &n_taken, &base->work);
    else
        st = decryptor->ops->open(decryptor, in, n, base->out + base->n_out, room, &n_taken,
                                  &base->work);
    if (st != ENC_OK)
        return st;
    if (job->phase == VERIFYING)
        keep(job, in, n_taken);
    take_bytes(job, n_taken);
    return ENC_OK;
}

static enum enc_status commit_work(struct decrypt_job *job)
{
    struct enc_decryptor *decryptor = job->decryptor;
    size_t n = 0;
    enum enc_status st = decryptor->ops->commit(decryptor, &job->base.work, &n);

    return st == ENC_OK ? release(job, n, false) : st;
}

static enum enc_status open_end(struct decrypt_job *job, bool *ret_is_ended)
{
    struct enc_job *base = &job->base;
    size_t n_written = 0;
    enum enc_status st = job->decryptor->ops->open_end(
        job->decryptor, base->out + base->n_out, enc_job_room(base), &n_written, ret_is_ended);

    return st == ENC_OK ? release(job, n_written, *ret_is_ended) : st;
}

// The input of a pass has ended. *ret_step is untouched where the job goes on.
static enum enc_status end(struct decrypt_job *job, enum enc_job_step *ret_step)
{
    enum enc_status st;
    bool is_ended = false;

    switch (job->phase) {
    case RECOGNIZING:
        return ENC_UNRECOGNIZED_FORMAT;
    case VERIFYING:
        st = job->decryptor->ops->verify_end(job->decryptor, &job->size);
        *ret_step = ENC_JOB_VERIFIED;
        return st;
    case OPENING:
        st = open_end(job, &is_ended);
        if (is_ended) {
            job->decryptor->ops->wipe(job->decryptor);
            *ret_step = ENC_JOB_DONE;
        }
        return st;
    }
    return ENC_MISUSE;
}

static enum enc_status use(struct decrypt_job *job, const uint8_t *in, size_t n,
                           enum enc_job_step *ret_step)
{
    enum enc_status st;

    if (job->phase == RECOGNIZING)
        return recognize(job);
    st = prepare_work(job, in, n);
    if (st != ENC_OK)
        return st;
    if (job->base.work.op == ENC_KERNEL_NONE)
        return commit_work(job);
    *ret_step = ENC_JOB_HAS_WORK;
    return ENC_OK;
}

// The room without which nothing can be done.
static size_t least_room(const struct decrypt_job *job)
{
    switch (job->phase) {
    case RECOGNIZING:
        return 0;
    case VERIFYING:
        return job->is_ending ? 0 : 1;
    case OPENING:
        break;
    }
    return job->base.room_min;
}

// One move. *ret_step is untouched where the job goes on.
static enum enc_status move(struct decrypt_job *job, enum enc_job_step *ret_step)
{
    struct enc_job *base = &job->base;
    enum enc_job_found found = ENC_JOB_FOUND_DATA;
    enum enc_status st = ENC_OK;
    size_t n;
    const uint8_t *in = next_bytes(job, &n);

    if (n == 0 && !job->is_ending) {
        st = enc_job_body_next(&base->body, &found);
        in = next_bytes(job, &n);
    }
    if (st != ENC_OK)
        return st;
    if (found == ENC_JOB_FOUND_NOTHING) {
        *ret_step = ENC_JOB_NEEDS_INPUT;
        return ENC_OK;
    }
    if (found == ENC_JOB_FOUND_END)
        job->is_ending = true;
    if (enc_job_room(base) < least_room(job)) {
        *ret_step = ENC_JOB_NEEDS_OUTPUT;
        return ENC_OK;
    }
    return job->is_ending ? end(job, ret_step) : use(job, in, n, ret_step);
}

// What was verified is not what the client can be blamed for.
static enum enc_status blame(const struct decrypt_job *job, enum enc_status st)
{
    enum enc_status_class class = enc_status_class(st);
    bool is_second_pass = job->phase == OPENING && !job->has_one_pass;

    return is_second_pass && (class == ENC_CLASS_INPUT || class == ENC_CLASS_AUTHENTICATION ||
                              class == ENC_CLASS_LIMIT)
               ? ENC_FILE_CHANGED
               : st;
}

static enum enc_status advance(struct enc_job *base, enum enc_job_step *ret_step)
{
    struct decrypt_job *job = job_of(base);
    enum enc_status st = *ret_step == ENC_JOB_HAS_WORK ? commit_work(job) : ENC_OK;

    *ret_step = GOES_ON;
    while (st == ENC_OK && *ret_step == GOES_ON)
        st = move(job, ret_step);
    return blame(job, st);
}

static void wipe(struct enc_job *base)
{
    struct decrypt_job *job = job_of(base);

    if (job->decryptor)
        job->decryptor->ops->wipe(job->decryptor);
}

static const struct enc_job_ops decrypt_ops = {.advance = advance, .wipe = wipe};
