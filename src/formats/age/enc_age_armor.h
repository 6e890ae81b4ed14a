// SPDX-License-Identifier: Apache-2.0
// ASCII armor (age-encryption.org/v1, "ASCII armor"): an age file as text, written and read as a
// stream.
#ifndef ENC_AGE_ARMOR_H
#define ENC_AGE_ARMOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_base64.h"
#include "enc_status.h"

#define ENC_AGE_ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define ENC_AGE_ARMOR_END "-----END AGE ENCRYPTED FILE-----"
#define ENC_AGE_ARMOR_LINE_CHARS 64 // of a full line
#define ENC_AGE_ARMOR_LINE_BYTES 48 // that it decodes to

// White space (space, tab, CR, LF) before the first line, and after the label that ends the last
// one: its end of line counts.
#define ENC_AGE_ARMOR_SPACE_MAX 1024

static inline bool enc_age_armor_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The most characters that enc_age_armor_write_end writes.
#define ENC_AGE_ARMOR_END_CHARS (4 + 1 + sizeof(ENC_AGE_ARMOR_END))

// An all-zero writer is a fresh one.
struct enc_age_armor_writer {
    bool has_begun;
    size_t n_line; // characters in the current line
    struct enc_base64_encoder base64;
};

// The most characters that n more bytes can yield, the first line included. SIZE_MAX if that does
// not fit.
size_t enc_age_armor_bound(size_t n);

// The most bytes n with enc_age_armor_bound(n) <= cap, where that fits; 0 if there are none.
size_t enc_age_armor_room(size_t cap);

// The characters of the whole armor of n > 0 bytes. False if that does not fit.
bool enc_age_armor_size(uint64_t n, uint64_t *ret_size);

// Takes n bytes, and writes at most enc_age_armor_bound(n) characters to out, which may not overlap
// in. Returns how many.
size_t enc_age_armor_write(struct enc_age_armor_writer *writer, const uint8_t *in, size_t n,
                           uint8_t *out);

// Ends the armor, after at least one byte: at most ENC_AGE_ARMOR_END_CHARS characters, the last of
// them LF. Returns how many.
size_t enc_age_armor_write_end(struct enc_age_armor_writer *writer, uint8_t *out);

// An all-zero reader is a fresh one.
struct enc_age_armor_reader {
    int state;      // of enc_age_armor.c
    size_t n_space; // white space, before or after
    size_t n_line;  // characters of the current line so far
    uint8_t
        line[ENC_AGE_ARMOR_LINE_CHARS + 2]; // a line of base64 that comes in pieces, with its end
    size_t n_last;
    uint8_t last[ENC_AGE_ARMOR_LINE_BYTES]; // of a short line, which waits for the end to follow
    enum enc_status status;                 // latched
};

// Reads armor, strictly (the specification's grammar, and RFC 7468, section 3, for what it refers
// to): lines of exactly 64 characters, then one of 1 to 64, padded and canonical; no headers, no
// empty lines, no white space inside. It accepts CRLF as an end of line, a missing end of the last
// line, and white space around the whole. Armor without any line is that of an empty file, which
// is no age file: its header is missing.
//
// Takes some of the n bytes at in, and writes what they decode to, at most cap bytes, cap >=
// ENC_AGE_ARMOR_LINE_BYTES; whole lines alone. in and out may not overlap. It takes all of them
// unless there is no room for another line in out, or what follows is no armor.
//
// ENC_AGE_ARMOR: it is none. What was decoded before is not lost: a call that has decoded something
// returns it, with what it has taken, and the next call fails.
ENC_MUST_USE enum enc_status enc_age_armor_read(struct enc_age_armor_reader *reader,
                                                const uint8_t *in, size_t n, uint8_t *out,
                                                size_t cap, size_t *ret_taken, size_t *ret_n);

// The input has ended. ENC_OK if the armor was whole.
ENC_MUST_USE enum enc_status enc_age_armor_read_end(struct enc_age_armor_reader *reader);

#endif
