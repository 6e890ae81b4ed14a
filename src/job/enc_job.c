// SPDX-License-Identifier: Apache-2.0
#include "enc_job.h"

#include <stdlib.h>
#include <string.h>

#include "enc_job_internal.h"

// Not worth keeping: a job of age takes longer than malloc by far.
enum { KEPT_BYTES_MAX = 32 * 1024 };

// The memory of jobs that are gone.
struct block {
    struct block *next;
};

static struct {
    struct block *first;
    size_t n, n_max;
    size_t n_bytes; // of each
} kept;

static void *take_block(size_t n_bytes)
{
    struct block *block = kept.first;

    if (!block || kept.n_bytes != n_bytes)
        return malloc(n_bytes);
    kept.first = block->next;
    kept.n--;
    return block;
}

static void give_back_kept(void)
{
    while (kept.first) {
        struct block *block = kept.first;
        kept.first = block->next;
        free(block);
    }
    kept.n = 0;
}

static void give_back(struct block *block, size_t n_bytes)
{
    if (n_bytes > KEPT_BYTES_MAX || kept.n_max == 0) {
        free(block);
        return;
    }
    if (kept.n_bytes != n_bytes) // those of the latest job are the likeliest to be of use
        give_back_kept();
    if (kept.n == kept.n_max) {
        free(block);
        return;
    }
    kept.n_bytes = n_bytes;
    block->next = kept.first;
    kept.first = block;
    kept.n++;
}

void enc_jobs_keep_memory(size_t n)
{
    give_back_kept();
    kept.n_max = n;
}

struct enc_job *enc_job_allocate(size_t n_bytes, size_t n_storage, const struct enc_job_ops *ops,
                                 enum enc_job_format format)
{
    struct enc_job *job = take_block(n_bytes);

    if (!job)
        return NULL;
    memset(job, 0, offsetof(struct enc_job, body));
    memset(job + 1, 0, n_bytes - n_storage - sizeof(*job));
    job->ops = ops;
    job->n_bytes = n_bytes;
    job->n_own = n_bytes - n_storage;
    job->format = format;
    job->state = ENC_JOB_NEEDS_INPUT;
    return job;
}

enum enc_job_step enc_job_step(struct enc_job *job)
{
    if (job->state == ENC_JOB_VERIFIED || job->state == ENC_JOB_DONE ||
        job->state == ENC_JOB_FAILED)
        return job->state;
    enum enc_status st = job->ops->advance(job, &job->state);
    if (st != ENC_OK) {
        job->status = st;
        job->state = ENC_JOB_FAILED;
        job->ops->wipe(job);
    }
    return job->state;
}

void enc_job_input(struct enc_job *job, const uint8_t *in, size_t n)
{
    enc_job_body_input(&job->body, in, n);
}

void enc_job_input_end(struct enc_job *job)
{
    enc_job_body_input_end(&job->body);
}

size_t enc_job_room_min(const struct enc_job *job)
{
    return job->room_min;
}

void enc_job_output(struct enc_job *job, uint8_t *out, size_t cap)
{
    job->out = out;
    job->out_cap = cap;
    job->n_out = 0;
}

size_t enc_job_output_used(const struct enc_job *job)
{
    return job->n_out;
}

void enc_jobs_run(struct enc_job *jobs[], size_t n)
{
    struct enc_kernel_item *items[ENC_JOBS_ABREAST];

    for (size_t done = 0; done < n;) {
        size_t n_items = 0;
        while (done < n && n_items < ENC_JOBS_ABREAST)
            items[n_items++] = &jobs[done++]->work;
        enc_kernel_run(items, n_items);
    }
}

enum enc_status enc_job_status(const struct enc_job *job)
{
    return job->status;
}

enum enc_job_format enc_job_format_of(const struct enc_job *job)
{
    return job->format;
}

bool enc_job_is_form(const struct enc_job *job)
{
    return job->body.is_form;
}

void enc_job_file_name(const struct enc_job *job, struct enc_file_name *ret_name)
{
    *ret_name = job->body.file_name;
}

const char *enc_job_content_type(const struct enc_job *job)
{
    return job->content_type;
}

void enc_job_free(struct enc_job *job)
{
    if (!job)
        return;
    const size_t n_bytes = job->n_bytes;
    job->ops->wipe(job);
    enc_job_body_wipe(&job->body);
    enc_wipe(job + 1, job->n_own - sizeof(*job));
    enc_wipe(job, offsetof(struct enc_job, body));
    give_back((struct block *)job, n_bytes);
}
