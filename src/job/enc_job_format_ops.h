// SPDX-License-Identifier: Apache-2.0
// What a format is to a job: one file each, and a row in the table of enc_job_format.c.
#ifndef ENC_JOB_FORMAT_OPS_H
#define ENC_JOB_FORMAT_OPS_H

#include "enc_decrypt_job.h"
#include "enc_encrypt_job.h"
#include "enc_file_name.h"
#include "enc_job_format.h"
#include "format.h"

// What the first bytes of a file say.
enum enc_job_recognition { ENC_JOB_IS_OTHER, ENC_JOB_MAY_BE, ENC_JOB_IS };

// So many bytes are enough to say it.
#define ENC_JOB_RECOGNIZED_BYTES 40

struct enc_job_format_ops {
    const char *name; // as in the query parameter `format`
    struct enc_file_name_style name_style;
    size_t seed_bytes;      // that it reads of a seed
    size_t encryptor_bytes; // of the format's encryptor, whose first member is an enc_encryptor

    // Keys an encryptor, with the client's keys or with one from the seed, whose text is then in
    // *ret_key. In a form the file is a part of the body. On an error the encryptor is as wiped.
    enum enc_status (*begin)(struct enc_encryptor *encryptor,
                             const struct enc_encrypt_job_options *options, bool is_form,
                             struct enc_job_key_text *ret_key);

    enum enc_status (*make_key)(const uint8_t *seed, struct enc_job_key_text *ret_key,
                                struct enc_job_key_text *ret_recipient);

    // Whether a file that begins with these n bytes, behind white space or not, is of this format.
    enum enc_job_recognition (*recognize)(const uint8_t *first, size_t n, bool after_space);

    // Whether a text has the form of this format's keys. It may still be none.
    bool (*has_key_form)(const char *key, size_t n);

    size_t decryptor_bytes; // of the format's decryptor, whose first member is an enc_decryptor

    // Keys a decryptor. On an error it is as wiped.
    enum enc_status (*begin_decrypting)(struct enc_decryptor *decryptor,
                                        const struct enc_decrypt_job_options *options);
};

extern const struct enc_job_format_ops enc_job_fernet_ops;
extern const struct enc_job_format_ops enc_job_age_ops;
#ifdef ENC_BENCHMARK
extern const struct enc_job_format_ops enc_job_null_4_3_ops; // enc_job_null.c
extern const struct enc_job_format_ops enc_job_null_1_1_ops;
#endif

const struct enc_job_format_ops *enc_job_format_ops(enum enc_job_format format);

#endif
