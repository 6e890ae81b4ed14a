// SPDX-License-Identifier: Apache-2.0
// The Fernet kernel over OpenSSL's EVP, one item after the other. What the functions do is said in
// enc_kernel.h.
#ifndef ENC_KERNEL_EVP_H
#define ENC_KERNEL_EVP_H

#include "enc_kernel.h"

ENC_MUST_USE enum enc_status enc_kernel_evp_init(struct enc_kernel_evp *lane,
                                                 const uint8_t sign_key[static 16],
                                                 const uint8_t encrypt_key[static 16],
                                                 const uint8_t iv[static ENC_KERNEL_BLOCK]);

// Of an item of such a lane.
ENC_MUST_USE enum enc_status enc_kernel_evp_run(const struct enc_kernel_item *item);

ENC_MUST_USE enum enc_status enc_kernel_evp_mac(struct enc_kernel_evp *lane,
                                                uint8_t mac[static ENC_KERNEL_MAC]);

// Gives back the memory. A wiped one may be wiped again.
void enc_kernel_evp_wipe(struct enc_kernel_evp *lane);

#endif
