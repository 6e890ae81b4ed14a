// SPDX-License-Identifier: Apache-2.0
// A group's set-up and tear-down where its tests need libcrypto's algorithms.
#ifndef WITH_CRYPTO_H
#define WITH_CRYPTO_H

#include "enc_crypto_init.h"

static inline int set_up_crypto(void **state)
{
    (void)state;
    return enc_crypto_init() == ENC_OK ? 0 : -1;
}

static inline int tear_down_crypto(void **state)
{
    (void)state;
    enc_crypto_free();
    return 0;
}

#endif
