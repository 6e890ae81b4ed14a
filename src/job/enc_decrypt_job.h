// SPDX-License-Identifier: Apache-2.0
// A job that decrypts: from the bytes of a request's body to the file that was encrypted, if all of
// it is authentic. How it is driven is in enc_job.h.
//
// It takes two passes. In the first, the input is the body, and the output is the encrypted file as
// it is in there: its owner keeps it. Nothing is decrypted for anybody. At the end of the body the
// job fails, or says ENC_JOB_VERIFIED. enc_decrypt_job_open then begins the second pass: the input
// is what was kept, and the output is the plaintext.
//
// In the second pass everything is authenticated again, since what was kept may have changed. If it
// has, the job fails, before it has put out as many bytes as enc_decrypt_job_size says: whoever
// announced that many can cut them off. (Whoever has the file's key can make a change that is not
// seen. Who keeps the file has not.)
//
// With release_chunks there is one pass: the input is the body, the output is the plaintext, chunk
// by chunk as it is verified, and ENC_JOB_VERIFIED is never said. That the file is whole is known
// at ENC_JOB_DONE alone.
#ifndef ENC_DECRYPT_JOB_H
#define ENC_DECRYPT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_job.h"
#include "enc_status.h"

struct enc_decrypt_job_options {
    bool is_form; // decide by content_type whether the body is a form; else it is the file
    const char *content_type; // the request's header, n_content_type bytes; not kept
    size_t n_content_type;
    const char *name; // of the file where the body is the file; n_name bytes; not kept
    size_t n_name;
    const char *key; // as text, n_key characters. Secret; not kept
    size_t n_key;
    bool has_ttl;
    uint64_t ttl;        // seconds that a file lives; of Fernet
    uint64_t time;       // now, in seconds since 1970
    bool release_chunks; // of age
    bool must_be_whole;  // two passes nevertheless
};

// Makes a job on the heap, with all the memory that it will ever use, for files of the key's
// format. ENC_BOUNDARY_*, ENC_UNSUPPORTED_MEDIA_TYPE; ENC_INVALID_KEY or ENC_INVALID_IDENTITY for a
// key that is none; ENC_OTHER_FORMATS_OPTION for an option that files of its format do not have; a
// resource: *ret_job is NULL then.
//
// The job then fails with the statuses of a form, with ENC_UNRECOGNIZED_FORMAT,
// ENC_OTHER_FORMATS_KEY, those of enc_fernet.h and enc_age.h, or in the second pass with
// ENC_FILE_CHANGED.
ENC_MUST_USE enum enc_status enc_decrypt_job_new(const struct enc_decrypt_job_options *options,
                                                 struct enc_job **ret_job);

// Whether the output is plaintext from the start.
bool enc_decrypt_job_has_one_pass(const struct enc_job *job);

// The bytes of the decrypted file. From ENC_JOB_VERIFIED on.
uint64_t enc_decrypt_job_size(const struct enc_job *job);

// Begins the second pass, at ENC_JOB_VERIFIED: it needs input and room.
void enc_decrypt_job_open(struct enc_job *job);

#endif
