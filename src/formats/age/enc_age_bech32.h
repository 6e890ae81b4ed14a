// SPDX-License-Identifier: Apache-2.0
// Bech32 (BIP 173, not Bech32m), without its limit on the length, as age writes its keys.
#ifndef ENC_AGE_BECH32_H
#define ENC_AGE_BECH32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Characters of n bytes behind a human-readable part of n_prefix characters: a "1" between them, a
// checksum of 6 characters at the end.
#define ENC_AGE_BECH32_SIZE(n_prefix, n) ((n_prefix) + 1 + ((n)*8 + 4) / 5 + 6)

// Writes n bytes behind the prefix, in the prefix's case ("age", "AGE-SECRET-KEY-"): exactly
// ENC_AGE_BECH32_SIZE(strlen(prefix), n) characters to out, no NUL. The time depends on the lengths
// alone: the bytes may be a secret.
void enc_age_bech32_encode(const char *prefix, const uint8_t *in, size_t n, char *out);

// Reads n bytes behind the prefix. The text, n_chars characters, has to be what
// enc_age_bech32_encode would write: the same prefix in the same case, the whole of it in that
// case, the exact length, unused bits zero, the right checksum. False if it is not; out is all zero
// then. The time depends on the lengths, and on whether the prefix matches.
bool enc_age_bech32_decode(const char *prefix, const char *text, size_t n_chars, uint8_t *out,
                           size_t n);

#endif
