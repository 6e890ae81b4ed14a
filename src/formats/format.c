// SPDX-License-Identifier: Apache-2.0
// One encryptor's or decryptor's work, done at once.
#include "format.h"

#include "enc_secret.h"

static enum enc_status update_once(struct enc_encryptor *encryptor, const uint8_t *in, size_t n,
                                   uint8_t *out, size_t cap, size_t *ret_taken, size_t *ret_n)
{
    struct enc_kernel_item item = {0}, *items[] = {&item};
    enum enc_status status;

    status = encryptor->ops->prepare(encryptor, in, n, out, cap, ret_taken, &item);
    if (status != ENC_OK)
        return status;
    enc_kernel_run(items, 1);
    return encryptor->ops->commit(encryptor, &item, ret_n);
}

enum enc_status enc_encryptor_update(struct enc_encryptor *encryptor, const uint8_t *in, size_t n,
                                     uint8_t *out, size_t cap, size_t *ret_n)
{
    size_t bound = encryptor->ops->bound(encryptor, n);
    size_t n_out = 0;

    if (cap < bound || cap - bound < ENC_FORMAT_OUT_MIN)
        return ENC_MISUSE;
    // Once for no input too, so that a latched error is heard.
    do {
        size_t taken, yielded;
        enum enc_status status =
            update_once(encryptor, in, n, out + n_out, cap - n_out, &taken, &yielded);

        if (status != ENC_OK)
            return status;
        n_out += yielded;
        if (taken > 0)
            in += taken;
        n -= taken;
    } while (n > 0);
    *ret_n = n_out;
    return ENC_OK;
}

static enum enc_status commit_now(struct enc_decryptor *decryptor, struct enc_kernel_item *item,
                                  size_t *ret_n)
{
    enc_kernel_run(&item, 1);
    return decryptor->ops->commit(decryptor, item, ret_n);
}

enum enc_status enc_decryptor_verify(struct enc_decryptor *decryptor, const uint8_t *in, size_t n)
{
    // Once for no input too, so that a latched error is heard.
    do {
        struct enc_kernel_item item;
        size_t taken, yielded;
        enum enc_status status = decryptor->ops->verify(decryptor, in, n, &taken, &item);

        if (status == ENC_OK)
            status = commit_now(decryptor, &item, &yielded);
        if (status != ENC_OK)
            return status;
        if (taken > 0)
            in += taken;
        n -= taken;
    } while (n > 0);
    return ENC_OK;
}

enum enc_status enc_decryptor_open(struct enc_decryptor *decryptor, const uint8_t *in, size_t n,
                                   uint8_t *out, size_t cap, size_t *ret_taken, size_t *ret_n)
{
    size_t n_taken = 0, n_out = 0;

    do {
        struct enc_kernel_item item;
        size_t taken, yielded;
        enum enc_status status =
            decryptor->ops->open(decryptor, n_taken < n ? in + n_taken : NULL, n - n_taken,
                                 out + n_out, cap - n_out, &taken, &item);

        if (status == ENC_OK)
            status = commit_now(decryptor, &item, &yielded);
        if (status != ENC_OK) {
            enc_wipe(out, n_out);
            return status;
        }
        n_taken += taken;
        n_out += yielded;
    } while (n_taken < n && cap - n_out >= decryptor->ops->out_min);
    *ret_taken = n_taken;
    *ret_n = n_out;
    return ENC_OK;
}
