// SPDX-License-Identifier: Apache-2.0
// What every format's encryptor does: describe bulk work, and have it done by somebody else. And
// what a decryptor does, in the same way: verify a file, then open it.
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

struct enc_decryptor_ops;

// The first member of each format's decryptor.
struct enc_decryptor {
    const struct enc_decryptor_ops *ops;
};

// A file goes through twice. In pass 1, verify and verify_end, nothing is released. In pass 2, open
// and open_end, it is decrypted, and authenticated again: what was verified may have changed since.
// In both, a piece goes through verify or open, which is to a decryptor what prepare is to an
// encryptor, then the kernel, and commit. Errors latch, in either pass. A format whose parts are
// authentic each by itself (age) may also be opened without pass 1.
struct enc_decryptor_ops {
    size_t out_min; // the least room that open and open_end ask for, in bytes

    // Pass 1: takes some of the n bytes at in, one at least if there are any, and says in
    // *ret_taken how many. item->op is ENC_KERNEL_NONE if all is done.
    enum enc_status (*verify)(struct enc_decryptor *, const uint8_t *in, size_t n,
                              size_t *ret_taken, struct enc_kernel_item *item);

    // Pass 1 has ended, after the last commit: whether the file is good, and how many bytes of
    // plaintext it has.
    enum enc_status (*verify_end)(struct enc_decryptor *, uint64_t *ret_size);

    // Pass 2: as verify. What the bytes yield goes to out, of cap >= out_min bytes, apart from in,
    // here or in commit. While n > 0 something is taken, or written, or both.
    enum enc_status (*open)(struct enc_decryptor *, const uint8_t *in, size_t n, uint8_t *out,
                            size_t cap, size_t *ret_taken, struct enc_kernel_item *item);

    // Ends what verify or open began, once the item has been run: *ret_n bytes were written to out,
    // none in pass 1. If it fails it has left nothing there.
    enum enc_status (*commit)(struct enc_decryptor *, const struct enc_kernel_item *item,
                              size_t *ret_n);

    // Pass 2 has ended, after the last commit: writes what is left, over and over with new room
    // until *ret_is_ended. The last byte is not written before that.
    enum enc_status (*open_end)(struct enc_decryptor *, uint8_t *out, size_t cap, size_t *ret_n,
                                bool *ret_is_ended);

    // Forgets everything secret and gives back memory. May be called at any time, more than once.
    void (*wipe)(struct enc_decryptor *);
};

// verify + run + commit, over and over, until all n bytes are taken.
ENC_MUST_USE enum enc_status enc_decryptor_verify(struct enc_decryptor *decryptor,
                                                  const uint8_t *in, size_t n);

// open + run + commit, over and over, until all n bytes are taken, or less than ops->out_min of the
// room is left. What is written where it fails is wiped.
ENC_MUST_USE enum enc_status enc_decryptor_open(struct enc_decryptor *decryptor, const uint8_t *in,
                                                size_t n, uint8_t *out, size_t cap,
                                                size_t *ret_taken, size_t *ret_n);

#endif
