// SPDX-License-Identifier: Apache-2.0
// Wipes what was left on the stack.
#include "enc_crypto_internal.h"
#include "enc_secret.h"

__attribute__((noinline)) void enc_crypto_wipe_stack(void)
{
    uint8_t frames[4096];

    enc_wipe(frames, sizeof(frames));
}
