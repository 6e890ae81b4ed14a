// SPDX-License-Identifier: Apache-2.0
// What the reader and the writer of a header both know of its text.
#ifndef ENC_AGE_HEADER_TEXT_H
#define ENC_AGE_HEADER_TEXT_H

#include "enc_base64.h"

#define STANZA_MARK "->"
#define MAC_MARK "---"

#define BODY_LINE_CHARS 64 // of a full line; a shorter one ends the body
#define BODY_LINE_BYTES ENC_BASE64_BARE_BYTES(BODY_LINE_CHARS)

#endif
