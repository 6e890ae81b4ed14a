// SPDX-License-Identifier: Apache-2.0
// One file's whole way through the core, encrypted (enc_encrypt_job.h) or decrypted
// (enc_decrypt_job.h).
//
// A job does no I/O and knows no clock and no random source. Its owner feeds it input, gives it
// room for output, and calls enc_job_step until it says what it lacks:
//
//     ENC_JOB_NEEDS_INPUT   call _input, or _input_end
//     ENC_JOB_NEEDS_OUTPUT  take the output (_output_used bytes), give new room with _output
//     ENC_JOB_HAS_WORK      call enc_jobs_run, with this job or with many
//     ENC_JOB_VERIFIED      a file that is decrypted is good: see enc_decrypt_job.h
//     ENC_JOB_DONE          the file is whole; the output holds its end
//     ENC_JOB_FAILED        _status says why; what was output is no file
#ifndef ENC_JOB_H
#define ENC_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_file_name.h"
#include "enc_job_format.h"
#include "enc_status.h"

#define ENC_JOB_FORM_PARTS_MAX 256         // parts of a form
#define ENC_JOB_FORM_PART_HEADERS_MAX 8192 // bytes of the headers of one

struct enc_job;

enum enc_job_step {
    ENC_JOB_NEEDS_INPUT,
    ENC_JOB_NEEDS_OUTPUT,
    ENC_JOB_HAS_WORK,
    ENC_JOB_VERIFIED,
    ENC_JOB_DONE,
    ENC_JOB_FAILED,
};

// Goes on until something is lacking. Bounded by the input and the room for output.
enum enc_job_step enc_job_step(struct enc_job *job);

// The next n > 0 bytes of the body. Only at ENC_JOB_NEEDS_INPUT. They stay alive and unchanged
// until the job needs input again.
void enc_job_input(struct enc_job *job, const uint8_t *in, size_t n);

// The body is complete. Never call this for a body that was cut off.
void enc_job_input_end(struct enc_job *job);

// The least room for output that is of use to any job that encrypts, and to this one, in bytes.
#define ENC_JOB_OUT_MIN 256
size_t enc_job_room_min(const struct enc_job *job);

// The most that enc_job_room_min says.
#define ENC_JOB_ROOM_MIN_MAX (64 * 1024)

// New room for output, cap >= enc_job_room_min bytes, or of any size for what a job that decrypts
// puts out in its first pass. NULL and 0 take the room back. At any time but ENC_JOB_HAS_WORK.
void enc_job_output(struct enc_job *job, uint8_t *out, size_t cap);

// Bytes written to the room last given.
size_t enc_job_output_used(const struct enc_job *job);

// So many jobs go through one run of the kernel.
#define ENC_JOBS_ABREAST 16

// Does the work of n jobs that stand at ENC_JOB_HAS_WORK.
void enc_jobs_run(struct enc_job *jobs[], size_t n);

enum enc_status enc_job_status(const struct enc_job *job);

// The format that the job writes or reads.
enum enc_job_format enc_job_format_of(const struct enc_job *job);

// Whether the body is a form, of which the file is a part.
bool enc_job_is_form(const struct enc_job *job);

// The answer's file name. In a form it is known once the file's part has begun, so with the first
// output.
void enc_job_file_name(const struct enc_job *job, struct enc_file_name *ret_name);

// The media type of what comes out. Static.
const char *enc_job_content_type(const struct enc_job *job);

// Wipes and frees. NULL is fine.
void enc_job_free(struct enc_job *job);

// From now on enc_job_free keeps the memory of up to n jobs, for others of the same size: a server
// of many small files would have it over and over. 0, as it is at first, gives back what is kept.
// Not for a process that makes jobs in more than one thread.
void enc_jobs_keep_memory(size_t n);

#endif
