// SPDX-License-Identifier: Apache-2.0
// What every format's encryptor does: describe bulk work, and have it done by somebody else.
//
// One piece of input goes through prepare (takes input, describes at most one kernel item), the
// kernel (anybody's: one stream or many abreast) and commit (turns the result into output). Between
// prepare and commit the caller leaves in and out alone. Errors latch: after one, every call
// returns it.
#ifndef ENC_FORMAT_H
#define ENC_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_kernel.h"
#include "enc_status.h"

// The least room for output that prepare and finish ask for, in bytes.
#define ENC_FORMAT_OUT_MIN 256

struct enc_encryptor_ops;

// The first member of each format's encryptor.
struct enc_encryptor {
    const struct enc_encryptor_ops *ops;
};

struct enc_encryptor_ops {
    const char *content_type; // of the encrypted file

    // The most bytes of output that n more bytes of input can yield, finish left out.
    size_t (*bound)(const struct enc_encryptor *, size_t n);

    // The size of the encrypted file for a file of n bytes. False if it does not fit in *ret_size.
    bool (*total)(const struct enc_encryptor *, uint64_t n, uint64_t *ret_size);

    // Takes some of the n bytes at in, and says in *ret_taken how many. What they yield goes to
    // out, of cap >= ENC_FORMAT_OUT_MIN bytes. While n > 0 something is taken, or written, or both.
    // item->op is ENC_KERNEL_NONE if all is done.
    enum enc_status (*prepare)(struct enc_encryptor *, const uint8_t *in, size_t n, uint8_t *out,
                               size_t cap, size_t *ret_taken, struct enc_kernel_item *item);

    // Ends what prepare began, once the item has been run: *ret_n bytes were written to out.
    enum enc_status (*commit)(struct enc_encryptor *, const struct enc_kernel_item *item,
                              size_t *ret_n);

    // Writes the end of the file to out, of cap >= ENC_FORMAT_OUT_MIN bytes: after the last commit,
    // over and over with new room until *ret_is_ended. It is wiped then. There is always an end, of
    // one byte at least: without it no file passes for a whole one.
    enum enc_status (*finish)(struct enc_encryptor *, uint8_t *out, size_t cap, size_t *ret_n,
                              bool *ret_is_ended);

    // Forgets everything secret and gives back memory. May be called at any time, more than once.
    void (*wipe)(struct enc_encryptor *);
};

// prepare + run + commit, over and over, until all n bytes are taken. cap is at least ops->bound(n)
// + ENC_FORMAT_OUT_MIN, or ENC_MISUSE.
ENC_MUST_USE enum enc_status enc_encryptor_update(struct enc_encryptor *encryptor,
                                                  const uint8_t *in, size_t n, uint8_t *out,
                                                  size_t cap, size_t *ret_n);

#endif
