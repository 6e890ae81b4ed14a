// SPDX-License-Identifier: Apache-2.0
// Files that a job decrypts, of each kind, made by a job that encrypts; and the bodies they come
// in.
#ifndef DECRYPT_FILES_H
#define DECRYPT_FILES_H

#include "drive_decrypt.h"

#define DECRYPT_FERNET_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define DECRYPT_IDENTITY                                                                           \
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define DECRYPT_TIME 1700000000u
#define DECRYPT_FORM_TYPE "multipart/form-data; boundary=BB"

struct decrypt_kind {
    const char *label;
    enum enc_job_format format;
    bool armor;
    const char *key;
};

static const struct decrypt_kind decrypt_kinds[] = {
    {"a Fernet token", ENC_JOB_FERNET, false, DECRYPT_FERNET_KEY},
    {"an age file", ENC_JOB_AGE, false, DECRYPT_IDENTITY},
    {"an age file, armored", ENC_JOB_AGE, true, DECRYPT_IDENTITY},
};

enum { DECRYPT_FERNET, DECRYPT_AGE, DECRYPT_ARMORED, DECRYPT_N_KINDS };

// A file of that kind. Those with the same seed have the same IV, or file key and nonce.
static inline void decrypt_make_seeded(const struct decrypt_kind *kind, uint8_t seed_number,
                                       const uint8_t *plain, size_t n, struct age_bytes *file)
{
    struct drive_plan whole = DRIVE_WHOLE;
    uint8_t seed[ENC_JOB_SEED_BYTES];
    struct enc_encrypt_job_options options = {.format = kind->format,
                                              .armor = kind->armor,
                                              .key = kind->key,
                                              .n_key = strlen(kind->key),
                                              .time = DECRYPT_TIME,
                                              .seed = seed};
    struct drive drive;

    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(17 * i + 3 + seed_number);
    drive_alone(&drive, &options, &whole, plain, n);
    DRIVE_CHECK(drive.step == ENC_JOB_DONE);
    *file = drive_take_all(&drive);
    drive_free(&drive);
}

static inline void decrypt_make(const struct decrypt_kind *kind, const uint8_t *plain, size_t n,
                                struct age_bytes *file)
{
    decrypt_make_seeded(kind, 0, plain, n, file);
}

static inline struct enc_decrypt_job_options decrypt_options(const struct decrypt_kind *kind)
{
    return (struct enc_decrypt_job_options){
        .key = kind->key, .n_key = strlen(kind->key), .time = DECRYPT_TIME};
}

static inline void decrypt_append_text(struct age_bytes *bytes, const char *text)
{
    age_append(bytes, text, strlen(text));
}

// A form with a file between two fields: DECRYPT_FORM_TYPE.
static inline struct age_bytes decrypt_form(const char *disposition, const struct age_bytes *file)
{
    struct age_bytes form = {0};

    decrypt_append_text(&form, "--BB\r\nContent-Disposition: form-data; name=before\r\n\r\n");
    decrypt_append_text(&form, "not the file\r\n--BB\r\nContent-Disposition: form-data; ");
    decrypt_append_text(&form, disposition);
    decrypt_append_text(&form, "\r\nContent-Type: text/plain\r\n\r\n");
    age_append(&form, file->at, file->n);
    decrypt_append_text(&form, "\r\n--BB\r\nContent-Disposition: form-data; name=after\r\n\r\n");
    decrypt_append_text(&form, "nor this\r\n--BB--\r\n");
    return form;
}

static inline void decrypt_be_form(struct enc_decrypt_job_options *options)
{
    options->is_form = true;
    options->content_type = DECRYPT_FORM_TYPE;
    options->n_content_type = sizeof(DECRYPT_FORM_TYPE) - 1;
}

#define DECRYPT_WHOLE                                                                              \
    (struct drive_passes)                                                                          \
    {                                                                                              \
        .first = DRIVE_WHOLE, .second = DRIVE_WHOLE                                                \
    }

#endif
