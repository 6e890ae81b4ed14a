// SPDX-License-Identifier: Apache-2.0
// What jobs of both directions are made of.
#ifndef ENC_JOB_INTERNAL_H
#define ENC_JOB_INTERNAL_H

#include "enc_job.h"
#include "enc_job_body.h"
#include "enc_job_format_ops.h"
#include "enc_kernel.h"

// What one direction does.
struct enc_job_ops {
    // Goes on until something is lacking, which *ret_step then names; it holds what the last one
    // named.
    enum enc_status (*advance)(struct enc_job *job, enum enc_job_step *ret_step);

    // Forgets everything secret and gives back memory; of the job itself, what is in the storage.
    // At any time, more than once.
    void (*wipe)(struct enc_job *job);
};

// The first member of each direction's job.
struct enc_job {
    const struct enc_job_ops *ops;
    size_t n_bytes; // of the whole job
    size_t n_own;   // of these, all but the storage
    enum enc_job_format format;
    const char *content_type;
    size_t room_min;
    enum enc_job_step state;     // what the last step found lacking
    enum enc_status status;      // latched
    struct enc_kernel_item work; // at ENC_JOB_HAS_WORK
    uint8_t *out;
    size_t out_cap;
    size_t n_out;
    struct enc_job_body body; // the last member, since most of it is never used
};

// A job of n_bytes that needs input, all zero but for its body, which its owner begins at once, and
// for n_storage bytes at its end. NULL: out of memory.
struct enc_job *enc_job_allocate(size_t n_bytes, size_t n_storage, const struct enc_job_ops *ops,
                                 enum enc_job_format format);

static inline size_t enc_job_room(const struct enc_job *job)
{
    return job->out_cap - job->n_out;
}

#endif
