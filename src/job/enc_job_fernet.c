// SPDX-License-Identifier: Apache-2.0
// Fernet in a job. The seed: the IV, then the key.
#include <string.h>

#include "enc_fernet.h"
#include "enc_job_format_ops.h"

#define SEED_BYTES (ENC_JOB_SEED_OPEN_BYTES + sizeof(struct enc_fernet_key))

_Static_assert(ENC_JOB_SEED_OPEN_BYTES == ENC_KERNEL_BLOCK && ENC_JOB_SEED_BYTES >= SEED_BYTES,
               "the seed is enough");

static void read_seed(const uint8_t *seed, struct enc_fernet_key *ret_key,
                      struct enc_job_key_text *ret_text)
{
    ENC_SECRET(enc_fernet_key_text, text);

    memcpy(ret_key->bytes, seed + ENC_JOB_SEED_OPEN_BYTES, sizeof(ret_key->bytes));
    enc_fernet_key_format(ret_key, &text);
    memcpy(ret_text->chars, text.chars, sizeof(text.chars));
    ret_text->n = ENC_FERNET_KEY_CHARS;
}

static enum enc_status begin(struct enc_encryptor *encryptor,
                             const struct enc_encrypt_job_options *options, bool is_form,
                             struct enc_job_key_text *ret_key)
{
    ENC_SECRET(enc_fernet_key, key);

    (void)is_form;
    if (options->n_recipients > 0 || options->armor)
        return ENC_MISUSE;
    if (options->key) {
        enum enc_status st = enc_fernet_key_parse(options->key, options->n_key, &key);
        if (st != ENC_OK)
            return st;
    } else {
        read_seed(options->seed, &key, ret_key);
    }
    return enc_fernet_encryptor_init((struct enc_fernet_encryptor *)encryptor, &key, options->time,
                                     options->seed);
}

static enum enc_status make_key(const uint8_t *seed, struct enc_job_key_text *ret_key,
                                struct enc_job_key_text *ret_recipient)
{
    ENC_SECRET(enc_fernet_key, key);

    read_seed(seed, &key, ret_key);
    ret_recipient->n = 0;
    return ENC_OK;
}

// The version, 0x80, is the first character and the upper bits of the second.
static enum enc_job_recognition recognize(const uint8_t *first, size_t n, bool after_space)
{
    if (after_space || (n > 0 && first[0] != 'g') || (n > 1 && (first[1] < 'A' || first[1] > 'P')))
        return ENC_JOB_IS_OTHER;
    return n > 1 ? ENC_JOB_IS : ENC_JOB_MAY_BE;
}

static bool has_key_form(const char *key, size_t n)
{
    (void)key;
    return n == ENC_FERNET_KEY_CHARS;
}

static enum enc_status begin_decrypting(struct enc_decryptor *base,
                                        const struct enc_decrypt_job_options *options)
{
    const struct enc_fernet_time_limit limit = {.now = options->time, .ttl = options->ttl};
    ENC_SECRET(enc_fernet_key, key);
    enum enc_status st = enc_fernet_key_parse(options->key, options->n_key, &key);

    if (st != ENC_OK)
        return st;
    if (options->release_chunks)
        return ENC_OTHER_FORMATS_OPTION;
    st = enc_fernet_decryptor_init((struct enc_fernet_decryptor *)base, &key,
                                   options->has_ttl ? &limit : NULL);
    if (st != ENC_OK)
        base->ops->wipe(base);
    return st;
}

const struct enc_job_format_ops enc_job_fernet_ops = {
    .name = "fernet",
    .name_style = {.prefix = "encrypted_", .suffix = "", .unnamed = "file.txt"},
    .seed_bytes = SEED_BYTES,
    .encryptor_bytes = sizeof(struct enc_fernet_encryptor),
    .begin = begin,
    .make_key = make_key,
    .recognize = recognize,
    .has_key_form = has_key_form,
    .decryptor_bytes = sizeof(struct enc_fernet_decryptor),
    .begin_decrypting = begin_decrypting,
};
