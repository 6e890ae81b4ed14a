// SPDX-License-Identifier: Apache-2.0
// AES-128 in CBC mode (FIPS 197; SP 800-38A, section 6.2), decrypted as a stream of whole blocks.
// Padding is the caller's. To encrypt: enc_kernel.h.
#ifndef ENC_CBC_H
#define ENC_CBC_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_CBC_KEY 16   // bytes
#define ENC_CBC_BLOCK 16 // bytes of a block, and of an IV

// One stream: its key schedule and the block before. Secret: wiped by enc_cbc_wipe. An all-zero one
// may be wiped too.
struct enc_cbc {
    void *cipher; // EVP_CIPHER_CTX
};

// Takes a key and an IV, which are copied. ENC_NO_MEMORY or ENC_CRYPTO_FAILED: cbc is as wiped.
ENC_MUST_USE enum enc_status enc_cbc_init(struct enc_cbc *cbc,
                                          const uint8_t key[static ENC_CBC_KEY],
                                          const uint8_t iv[static ENC_CBC_BLOCK]);

// Decrypts the next n bytes, whole blocks and at most INT_MAX, or ENC_MISUSE: from in to out, which
// may be the same but may not overlap otherwise. CBC authenticates nothing: whoever uses what comes
// out has to know by other means that it is what was encrypted.
ENC_MUST_USE enum enc_status enc_cbc_update(struct enc_cbc *cbc, const uint8_t *in, size_t n,
                                            uint8_t *out);

// Forgets the key and gives back the memory. A wiped one may be wiped again.
void enc_cbc_wipe(struct enc_cbc *cbc);

#endif
