// SPDX-License-Identifier: Apache-2.0
// The Fernet kernel: AES-128-CBC and HMAC-SHA-256 over many streams at once.
//
// A lane is one stream: its key schedule, chaining block and hash state. An item is a piece of work
// for one lane. enc_kernel_run does the items of many lanes in one call: abreast, as many as the
// processor has room for. What it does them with is chosen by enc_cpu_level when a lane begins:
//
//     ENC_CPU_PORTABLE  OpenSSL, one item after the other
//     ENC_CPU_AVX2      AES-NI and SHA-NI, both at once, of two items
//     ENC_CPU_AVX512    the same; and VAES and AVX-512 of up to sixteen items
//
// Sources: FIPS 197 (AES), SP 800-38A 6.2 (CBC), FIPS 180-4 (SHA-256), RFC 2104 (HMAC).
#ifndef ENC_KERNEL_H
#define ENC_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "enc_mac.h"
#include "enc_status.h"

#define ENC_KERNEL_BLOCK 16 // bytes of an AES block
#define ENC_KERNEL_MAC ENC_MAC_BYTES

// A lane for OpenSSL.
struct enc_kernel_evp {
    void *cipher; // EVP_CIPHER_CTX
    struct enc_mac mac;
};

// A lane for the processor's own instructions.
struct enc_kernel_native {
    uint8_t round_keys[11][ENC_KERNEL_BLOCK];
    uint8_t chain[ENC_KERNEL_BLOCK]; // the block before
    uint32_t hash[8];                // SHA-256, behind the key's inner block
    uint32_t outer[8];               // behind its outer block
    uint8_t waiting[64];             // to be hashed, less than a block
    size_t n_waiting;
    uint64_t n_hashed; // bytes, the key's block and those that wait included
};

enum enc_kernel_kind {
    ENC_KERNEL_UNKEYED,
    ENC_KERNEL_EVP,
    ENC_KERNEL_NATIVE,
};

// One stream. Secret: wiped by enc_kernel_lane_wipe. An all-zero lane may be wiped too.
struct enc_kernel_lane {
    enum enc_kernel_kind kind;
    union {
        struct enc_kernel_evp evp;
        struct enc_kernel_native native;
    };
};

// Keys a lane. The keys and the IV are copied. ENC_NO_MEMORY or ENC_CRYPTO_FAILED, of OpenSSL's:
// the lane is as wiped.
ENC_MUST_USE enum enc_status enc_kernel_lane_init(struct enc_kernel_lane *lane,
                                                  const uint8_t sign_key[static 16],
                                                  const uint8_t encrypt_key[static 16],
                                                  const uint8_t iv[static ENC_KERNEL_BLOCK]);

enum enc_kernel_op {
    ENC_KERNEL_NONE,         // no work: an item that is skipped
    ENC_KERNEL_ENCRYPT_HASH, // encrypt in to out, and hash out
    ENC_KERNEL_HASH,         // hash in; out is not used
};

struct enc_kernel_item {
    enum enc_kernel_op op;
    struct enc_kernel_lane *lane;
    const uint8_t *in;
    uint8_t *out;           // n bytes; may not overlap in
    size_t n;               // bytes; for ENC_KERNEL_ENCRYPT_HASH a multiple of ENC_KERNEL_BLOCK
    enum enc_status status; // set by enc_kernel_run
};

// Does the work of n items, no two of the same lane. Each item's status says how it went; one that
// fails does not touch the others.
void enc_kernel_run(struct enc_kernel_item *items[], size_t n);

// The same for one item, whose status it returns.
ENC_MUST_USE enum enc_status enc_kernel_run_alone(struct enc_kernel_item *item);

// Writes the HMAC of all that was hashed. The lane then takes no more work.
ENC_MUST_USE enum enc_status enc_kernel_lane_mac(struct enc_kernel_lane *lane,
                                                 uint8_t mac[static ENC_KERNEL_MAC]);

// Forgets keys and state and gives back the memory. A wiped lane may be wiped again.
void enc_kernel_lane_wipe(struct enc_kernel_lane *lane);

#endif
