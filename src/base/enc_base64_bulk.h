// SPDX-License-Identifier: Apache-2.0
// base64 in wide steps, for enc_base64.c alone: what is left over, and every verdict, is its own.
#ifndef ENC_BASE64_BULK_H
#define ENC_BASE64_BULK_H

#include <stddef.h>
#include <stdint.h>

#include "enc_base64.h"

// Of each alphabet, the value of each character, marked ENC_BASE64_VALID, or zero for one that is
// not in it.
#define ENC_BASE64_VALID 0x80
extern const uint8_t enc_base64_values[2][256];

// enc_base64_encode_LEVEL encodes whole groups of three bytes, as many of the n as it can in its
// steps, and returns how many bytes these are. It reads them and writes their characters, and
// touches nothing else. in and out may not overlap.
//
// enc_base64_decode_LEVEL decodes whole groups of four characters in the same way, and returns how
// many of the n_chars. It stops before a step that has a character outside the alphabet: whoever
// decodes the rest finds it.
//
// The processor must have the level (enc_cpu.h).
#ifdef __x86_64__
size_t enc_base64_encode_avx2(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                              char *out);
size_t enc_base64_decode_avx2(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n_chars,
                              uint8_t *out);

size_t enc_base64_encode_avx512(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                                char *out);
size_t enc_base64_decode_avx512(enum enc_base64_alphabet alphabet, const uint8_t *in,
                                size_t n_chars, uint8_t *out);
#endif

#endif
