// SPDX-License-Identifier: Apache-2.0
// Drives a job that decrypts through both passes, each in pieces and rooms of its own: what pass 1
// puts out is what pass 2 gets, altered or not. For the tests and the fuzzer.
#ifndef DRIVE_DECRYPT_H
#define DRIVE_DECRYPT_H

#include "age_files.h"
#include "drive_job.h"
#include "enc_decrypt_job.h"

// Alters what was kept between the passes.
typedef void drive_change(struct age_bytes *kept, const void *how);

struct drive_passes {
    struct drive_plan first, second;
    drive_change *change; // NULL: nothing changes
    const void *how;      // for it
};

// What came of a file.
struct drive_decrypted {
    bool is_refused;        // there was no job
    bool has_one_pass;      // which put out plaintext
    bool is_verified;       // pass 1 ended well
    enum enc_job_step step; // the last
    enum enc_status status;
    uint64_t size;          // once it is verified
    struct age_bytes kept;  // what pass 1 put out, as pass 2 got it
    struct age_bytes plain; // what pass 2 put out, or the only one
    struct enc_file_name name;
};

static inline void drive_begin_decrypting(struct drive *drive,
                                          const struct enc_decrypt_job_options *options,
                                          const struct drive_plan *plan, const void *body,
                                          size_t n_body)
{
    *drive = (struct drive){.plan = plan, .body = body, .n_body = n_body, .is_clean = true};
    drive->status = enc_decrypt_job_new(options, &drive->job);
    drive->step = drive->job ? ENC_JOB_NEEDS_INPUT : ENC_JOB_FAILED;
    DRIVE_CHECK((drive->status == ENC_OK) == (drive->job != NULL));
    if (!drive->job)
        return;
    DRIVE_CHECK(enc_job_room_min(drive->job) >= ENC_JOB_OUT_MIN);
    DRIVE_CHECK(enc_job_room_min(drive->job) <= ENC_JOB_ROOM_MIN_MAX);
    DRIVE_CHECK(strcmp(enc_job_content_type(drive->job), "application/octet-stream") == 0);
}

// Takes what was put out so far.
static inline struct age_bytes drive_take_all(struct drive *drive)
{
    struct age_bytes all = {drive->out, drive->n_out, drive->out_cap};

    drive->out = NULL;
    drive->n_out = drive->out_cap = 0;
    return all;
}

// Begins the second pass, over what was kept.
static inline void drive_open(struct drive *drive, const struct drive_plan *plan,
                              const struct age_bytes *kept)
{
    DRIVE_CHECK(drive->step == ENC_JOB_VERIFIED);
    enc_decrypt_job_open(drive->job);
    DRIVE_CHECK(enc_job_output_used(drive->job) == 0);
    drive->plan = plan;
    drive->body = kept->at;
    drive->n_body = kept->n;
    drive->at = drive->next_piece = drive->next_room = drive->n_steps = 0;
}

// What is true whatever the file and whatever became of it between the passes.
static inline void drive_check_decrypted(const struct drive_decrypted *decrypted,
                                         const struct age_bytes *kept, const void *body,
                                         size_t n_body)
{
    const bool is_done = decrypted->step == ENC_JOB_DONE;

    // What is kept is bytes of the body, as they follow each other there.
    DRIVE_CHECK(kept->n == 0 || memmem(body, n_body, kept->at, kept->n));
    DRIVE_CHECK((decrypted->status == ENC_OK) == (decrypted->step != ENC_JOB_FAILED));
    if (decrypted->has_one_pass) {
        DRIVE_CHECK(!decrypted->is_verified && kept->n == 0);
        return;
    }
    DRIVE_CHECK(!is_done || decrypted->is_verified);
    if (!decrypted->is_verified)
        DRIVE_CHECK(decrypted->plain.n == 0 && decrypted->status != ENC_FILE_CHANGED);
    else if (is_done)
        DRIVE_CHECK(decrypted->plain.n == decrypted->size);
    else
        DRIVE_CHECK(decrypted->plain.n == 0 || decrypted->plain.n < decrypted->size);
}

static inline void drive_second_pass(struct drive *drive, const struct drive_passes *passes,
                                     struct drive_decrypted *decrypted)
{
    decrypted->is_verified = true;
    decrypted->size = enc_decrypt_job_size(drive->job);
    if (passes->change)
        passes->change(&decrypted->kept, passes->how);
    drive_open(drive, &passes->second, &decrypted->kept);
    drive_on_alone(drive);
    DRIVE_CHECK(enc_decrypt_job_size(drive->job) == decrypted->size);
    decrypted->plain = drive_take_all(drive);
}

// Both passes. The caller frees with drive_decrypted_free.
static inline void drive_decrypt(const struct enc_decrypt_job_options *options,
                                 const struct drive_passes *passes, const void *body, size_t n_body,
                                 struct drive_decrypted *ret)
{
    struct age_bytes kept = {0};
    struct drive drive;

    *ret = (struct drive_decrypted){0};
    drive_begin_decrypting(&drive, options, &passes->first, body, n_body);
    ret->is_refused = drive.job == NULL;
    ret->has_one_pass = drive.job && enc_decrypt_job_has_one_pass(drive.job);
    if (drive.job)
        DRIVE_CHECK(ret->has_one_pass == (options->release_chunks && !options->must_be_whole));
    drive_on_alone(&drive);
    if (ret->has_one_pass) {
        ret->plain = drive_take_all(&drive);
    } else {
        ret->kept = drive_take_all(&drive);
        age_append(&kept, ret->kept.at, ret->kept.n);
    }
    if (drive.step == ENC_JOB_VERIFIED)
        drive_second_pass(&drive, passes, ret);
    ret->step = drive.step;
    ret->status = drive.status;
    ret->name = drive.name;
    drive_check_decrypted(ret, &kept, body, n_body);
    age_free(&kept);
    drive_free(&drive);
}

static inline void drive_decrypted_free(struct drive_decrypted *decrypted)
{
    age_free(&decrypted->kept);
    age_free(&decrypted->plain);
}

#endif
