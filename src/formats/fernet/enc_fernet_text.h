// SPDX-License-Identifier: Apache-2.0
// The text of a Fernet token, read piece by piece: padded, canonical base64url (RFC 4648, sections
// 5, 3.2 and 3.5), with one LF or CR LF behind it or none. Nothing else passes.
#ifndef ENC_FERNET_TEXT_H
#define ENC_FERNET_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

// The least room that enc_fernet_text_read asks for, in bytes.
#define ENC_FERNET_TEXT_OUT_MIN 9

// An all-zero one is at the beginning of a token. What is in it is as public as the token.
struct enc_fernet_text {
    char held[12]; // characters that may be the last ones
    size_t n_held;
};

// Takes some of the n > 0 characters at in, and writes at most cap >= ENC_FERNET_TEXT_OUT_MIN bytes
// to out, which may not overlap in. Call it until all is taken. ENC_FERNET_TOKEN: it is no such
// text; nothing is said of what was written then, and the text is of no more use.
ENC_MUST_USE enum enc_status enc_fernet_text_read(struct enc_fernet_text *text, const uint8_t *in,
                                                  size_t n, uint8_t *out, size_t cap,
                                                  size_t *ret_taken, size_t *ret_n);

// The text has ended: writes the last 1 to 3 bytes. ENC_FERNET_TOKEN: it is cut off, empty, or ends
// in what it should not.
ENC_MUST_USE enum enc_status enc_fernet_text_end(struct enc_fernet_text *text,
                                                 uint8_t out[static 3], size_t *ret_n);

#endif
