// SPDX-License-Identifier: Apache-2.0
// Formats that copy, in the benchmarks' build alone: what a file's way costs but for its
// encryption. "null-4-3" writes four bytes for each three, as Fernet does, "null-1-1" one for one,
// as age. Whoever gets such a file has the plaintext; so no module that serves anybody has them.
#include <string.h>

#include "enc_job_format_ops.h"

#define CHUNK (12 * 1024) // bytes of plaintext at a time, as many as Fernet takes
#define END_BYTES 1
#define CONTENT_TYPE "application/octet-stream"

// As long as a key of Fernet's, so that the answers' heads are of one size.
static const char key_text[] = "bnVsbG51bGxudWxsbnVsbG51bGxudWxsbnVsbG51bGw=";

struct null_encryptor {
    struct enc_encryptor base;
    uint64_t n_taken;
    size_t n_waiting; // bytes of output between prepare and commit
};

static const struct enc_encryptor_ops four_to_three_ops, one_to_one_ops;

static struct null_encryptor *from_base(struct enc_encryptor *base)
{
    return (struct null_encryptor *)base; // its first member
}

// What stands in the file for its first n bytes, which are fewer than 2^61.
static uint64_t written_for(const struct enc_encryptor *base, uint64_t n)
{
    return base->ops == &four_to_three_ops ? n * 4 / 3 : n;
}

static size_t bound(const struct enc_encryptor *base, size_t n)
{
    return n > SIZE_MAX / 8 ? SIZE_MAX : (size_t)written_for(base, n) + 1;
}

static bool total(const struct enc_encryptor *base, uint64_t n, uint64_t *ret_size)
{
    if (n > UINT64_MAX / 8)
        return false;
    *ret_size = written_for(base, n) + END_BYTES;
    return true;
}

static enum enc_status prepare(struct enc_encryptor *base, const uint8_t *in, size_t n,
                               uint8_t *out, size_t cap, size_t *ret_taken,
                               struct enc_kernel_item *item)
{
    struct null_encryptor *encryptor = from_base(base);
    const uint64_t n_before = written_for(base, encryptor->n_taken);
    const size_t room = cap / 4 * 3 - 3;

    if (n > CHUNK)
        n = CHUNK;
    if (n > room)
        n = room;
    *item = (struct enc_kernel_item){.op = ENC_KERNEL_NONE};
    *ret_taken = n;
    if (n == 0)
        return ENC_OK;
    encryptor->n_taken += n;
    encryptor->n_waiting = (size_t)(written_for(base, encryptor->n_taken) - n_before);
    memcpy(out, in, n);
    if (encryptor->n_waiting > n)
        memcpy(out + n, in, encryptor->n_waiting - n);
    return ENC_OK;
}

static enum enc_status commit(struct enc_encryptor *base, const struct enc_kernel_item *item,
                              size_t *ret_n)
{
    struct null_encryptor *encryptor = from_base(base);

    (void)item;
    *ret_n = encryptor->n_waiting;
    encryptor->n_waiting = 0;
    return ENC_OK;
}

static enum enc_status finish(struct enc_encryptor *base, uint8_t *out, size_t cap, size_t *ret_n,
                              bool *ret_is_ended)
{
    (void)base;
    (void)cap;
    memset(out, '.', END_BYTES);
    *ret_n = END_BYTES;
    *ret_is_ended = true;
    return ENC_OK;
}

static void wipe(struct enc_encryptor *base)
{
    (void)base; // it holds no secret
}

static const struct enc_encryptor_ops four_to_three_ops = {
    .content_type = CONTENT_TYPE,
    .bound = bound,
    .total = total,
    .prepare = prepare,
    .commit = commit,
    .finish = finish,
    .wipe = wipe,
};

static const struct enc_encryptor_ops one_to_one_ops = {
    .content_type = CONTENT_TYPE,
    .bound = bound,
    .total = total,
    .prepare = prepare,
    .commit = commit,
    .finish = finish,
    .wipe = wipe,
};

static enum enc_status make_key(const uint8_t *seed, struct enc_job_key_text *ret_key,
                                struct enc_job_key_text *ret_recipient)
{
    (void)seed;
    memcpy(ret_key->chars, key_text, sizeof(key_text));
    ret_key->n = sizeof(key_text) - 1;
    ret_recipient->n = 0;
    return ENC_OK;
}

static enum enc_status begin(struct enc_encryptor *base, const struct enc_encryptor_ops *ops,
                             const struct enc_encrypt_job_options *options,
                             struct enc_job_key_text *ret_key)
{
    ENC_SECRET(enc_job_key_text, recipient);

    // A key of the client's would promise what is not kept.
    if (options->key || options->n_recipients > 0 || options->armor)
        return ENC_MISUSE;
    *from_base(base) = (struct null_encryptor){.base.ops = ops};
    return make_key(options->seed, ret_key, &recipient);
}

static enum enc_status begin_four_to_three(struct enc_encryptor *base,
                                           const struct enc_encrypt_job_options *options,
                                           bool is_form, struct enc_job_key_text *ret_key)
{
    (void)is_form;
    return begin(base, &four_to_three_ops, options, ret_key);
}

static enum enc_status begin_one_to_one(struct enc_encryptor *base,
                                        const struct enc_encrypt_job_options *options, bool is_form,
                                        struct enc_job_key_text *ret_key)
{
    (void)is_form;
    return begin(base, &one_to_one_ops, options, ret_key);
}

// They decrypt nothing: no file is theirs, and no key.
static enum enc_job_recognition recognize(const uint8_t *first, size_t n, bool after_space)
{
    (void)first;
    (void)n;
    (void)after_space;
    return ENC_JOB_IS_OTHER;
}

static bool has_key_form(const char *key, size_t n)
{
    (void)key;
    (void)n;
    return false;
}

const struct enc_job_format_ops enc_job_null_4_3_ops = {
    .name = "null-4-3",
    .name_style = {.prefix = "encrypted_", .suffix = "", .unnamed = "file.txt"},
    .seed_bytes = ENC_JOB_SEED_OPEN_BYTES,
    .encryptor_bytes = sizeof(struct null_encryptor),
    .begin = begin_four_to_three,
    .make_key = make_key,
    .recognize = recognize,
    .has_key_form = has_key_form,
};

const struct enc_job_format_ops enc_job_null_1_1_ops = {
    .name = "null-1-1",
    .name_style = {.prefix = "encrypted_", .suffix = "", .unnamed = "file.txt"},
    .seed_bytes = ENC_JOB_SEED_OPEN_BYTES,
    .encryptor_bytes = sizeof(struct null_encryptor),
    .begin = begin_one_to_one,
    .make_key = make_key,
    .recognize = recognize,
    .has_key_form = has_key_form,
};
