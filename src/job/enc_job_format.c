// SPDX-License-Identifier: Apache-2.0
// The table of formats.
#include "enc_job_format.h"

#include <string.h>

#include "enc_job_format_ops.h"

static const struct enc_job_format_ops *const formats[ENC_JOB_N_FORMATS] = {
    [ENC_JOB_FERNET] = &enc_job_fernet_ops,
    [ENC_JOB_AGE] = &enc_job_age_ops,
#ifdef ENC_BENCHMARK
    [ENC_JOB_NULL_4_3] = &enc_job_null_4_3_ops,
    [ENC_JOB_NULL_1_1] = &enc_job_null_1_1_ops,
#endif
};

const struct enc_job_format_ops *enc_job_format_ops(enum enc_job_format format)
{
    return formats[format];
}

bool enc_job_format_parse(const char *name, size_t n, enum enc_job_format *ret_format)
{
    for (size_t i = 0; i < ENC_JOB_N_FORMATS; i++) {
        if (strlen(formats[i]->name) == n && memcmp(formats[i]->name, name, n) == 0) {
            *ret_format = (enum enc_job_format)i;
            return true;
        }
    }
    return false;
}

const char *enc_job_format_name(enum enc_job_format format)
{
    return formats[format]->name;
}

size_t enc_job_format_seed_bytes(enum enc_job_format format)
{
    return formats[format]->seed_bytes;
}

enum enc_status enc_job_key_new(enum enc_job_format format, const uint8_t *seed,
                                struct enc_job_key_text *ret_key,
                                struct enc_job_key_text *ret_recipient)
{
    return formats[format]->make_key(seed, ret_key, ret_recipient);
}
