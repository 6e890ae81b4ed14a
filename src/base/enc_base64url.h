// SPDX-License-Identifier: Apache-2.0
// base64url with padding (RFC 4648, section 5) for secrets. For bulk data: enc_base64.h.
#ifndef ENC_BASE64URL_H
#define ENC_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "enc_base64.h"

// Encodes n bytes of a secret in time that depends on n alone (no table, no branch on the data).
// Writes exactly ENC_BASE64_SIZE(n) characters, no NUL.
void enc_base64url_encode_ct(const uint8_t *in, size_t n, char *out);

// Decodes exactly ENC_BASE64_SIZE(n) characters of padded, canonical base64url into n bytes, in
// time that depends on n alone. Returns 1, or 0 if they are not the encoding of any n bytes (out is
// then all zero).
int enc_base64url_decode_ct(const char *in, size_t n_chars, uint8_t *out, size_t n);

#endif
