// SPDX-License-Identifier: Apache-2.0
// The Fernet kernel in the processor's own instructions: what its implementations share.
//
// A run is an item under way. It goes in steps of 64 bytes, a block of SHA-256. Bytes that wait in
// the lane make the blocks of the hash begin anywhere between two blocks of AES; and encryption
// keeps a step ahead of the hash, so that neither waits for the other:
//
//     encrypted  |  step 0  |  step 1  |  step 2  |
//     hashed   | waiting + |  step 1  |  step 2  |
//
// All of this leaves secrets on the stack below it.
#ifndef ENC_KERNEL_NATIVE_H
#define ENC_KERNEL_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_kernel.h"

// Before a loop of at most n times whose arrays are to be in registers.
#ifdef __clang__
#define ENC_KERNEL_UNROLL(n) _Pragma("unroll")
#else
#define ENC_KERNEL_PRAGMA(text) _Pragma(#text)
#define ENC_KERNEL_UNROLL(n) ENC_KERNEL_PRAGMA(GCC unroll n)
#endif

#define ENC_KERNEL_STEP 64 // bytes
#define ENC_KERNEL_WIDE 16 // lanes of AVX-512

struct enc_kernel_run {
    struct enc_kernel_native *lane;
    const uint8_t *in;   // encrypted next
    uint8_t *out;        // where it goes to
    const uint8_t *hash; // hashed next, 64 bytes
    const uint8_t *next; // hashed after that, and so on
    size_t n_both;       // steps in which something is encrypted, and something hashed
    size_t n_rest;       // bytes to encrypt behind them, less than a step
    size_t n_hash;       // steps behind that in which something is hashed
};

// enc_kernel_native.c

// Whether this processor has what the other functions need, and enc_cpu_level allows it.
bool enc_kernel_native_is_there(void);

// Keys a lane.
void enc_kernel_native_init(struct enc_kernel_native *lane, const uint8_t sign_key[static 16],
                            const uint8_t encrypt_key[static 16],
                            const uint8_t iv[static ENC_KERNEL_BLOCK]);

// The work of 1 to ENC_KERNEL_WIDE items, none of them empty.
void enc_kernel_native_run(struct enc_kernel_item *const items[], size_t n);

void enc_kernel_native_mac(struct enc_kernel_native *lane, uint8_t mac[static ENC_KERNEL_MAC]);

// SHA-256's constants (FIPS 180-4, 4.2.2).
extern const uint32_t enc_kernel_native_k[64];

// enc_kernel_shani.c: AES-NI and SHA-NI. For ENC_CPU_AVX2.

// Keys a lane.
void enc_kernel_shani_begin(struct enc_kernel_native *lane, const uint8_t sign_key[static 16],
                            const uint8_t encrypt_key[static 16], const uint8_t iv[static 16]);

// Encrypts whole blocks, n bytes, and hashes nothing.
void enc_kernel_shani_encrypt(struct enc_kernel_native *lane, const uint8_t *in, size_t n,
                              uint8_t *out);

// n_steps > 0 of each of 1 or 2 runs. The runs go on from there.
void enc_kernel_shani_both(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);
void enc_kernel_shani_hash(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);

// enc_kernel_avx512.c: VAES and AVX-512. For ENC_CPU_AVX512.

// n_steps > 0 of each of 1 to ENC_KERNEL_WIDE runs, in the same time for any number.
void enc_kernel_avx512_both(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);
void enc_kernel_avx512_hash(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);

#endif
