// SPDX-License-Identifier: Apache-2.0
// base64 for bulk data (RFC 4648): both alphabets, encoded as a stream, decoded strictly. Not for
// secrets: it looks characters up in tables. For those: enc_base64url.h.
#ifndef ENC_BASE64_H
#define ENC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum enc_base64_alphabet {
    ENC_BASE64_STANDARD, // RFC 4648, section 4: '+' and '/'
    ENC_BASE64_URL,      // section 5: '-' and '_'
};

// Characters that n bytes encode to, padding included.
#define ENC_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

// Characters that n bytes encode to without padding, and bytes that n such characters decode to.
#define ENC_BASE64_BARE_SIZE(n) (((n)*4 + 2) / 3)
#define ENC_BASE64_BARE_BYTES(n) ((n)*3 / 4)

// Encodes a stream piece by piece; what does not fill a group of three bytes waits for the next
// piece. An all-zero encoder is a fresh one of the standard alphabet.
struct enc_base64_encoder {
    enum enc_base64_alphabet alphabet;
    uint8_t carry[3];
    uint8_t n_carry; // 0 to 2
};

// Takes n bytes. Writes at most ENC_BASE64_SIZE(n + 2) characters to out (no NUL), which may not
// overlap in, and returns how many.
size_t enc_base64_update(struct enc_base64_encoder *encoder, const uint8_t *in, size_t n,
                         char *out);

// Ends the stream: writes 0 or 4 characters, padding included, returns how many, and leaves the
// encoder fresh, with the alphabet that it has.
size_t enc_base64_finish(struct enc_base64_encoder *encoder, char out[static 4]);

// Encodes n bytes at once, without padding: exactly ENC_BASE64_BARE_SIZE(n) characters, no NUL.
void enc_base64_encode_bare(enum enc_base64_alphabet alphabet, const uint8_t *in, size_t n,
                            char *out);

// Decodes n_chars characters without padding to ENC_BASE64_BARE_BYTES(n_chars) bytes; in and out
// may not overlap. False if they are not the encoding of any bytes: a character outside the
// alphabet (so '=' and white space), a length of 4k + 1, unused bits that are not zero (RFC 4648,
// 3.5). What is in out then is of no use.
bool enc_base64_decode_bare(enum enc_base64_alphabet alphabet, const char *in, size_t n_chars,
                            uint8_t *out);

#endif
