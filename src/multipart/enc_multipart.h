// SPDX-License-Identifier: Apache-2.0
// A streaming push parser for multipart/form-data (RFC 7578 over RFC 2046, section 5.1).
//
// The caller pushes bytes in and takes events out. Data is never copied: a data event is a slice of
// the caller's input, or of the parser's own delimiter when what began like a boundary proved to be
// data.
#ifndef ENC_MULTIPART_H
#define ENC_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enc_status.h"

#define ENC_MULTIPART_BOUNDARY_MAX 70  // characters (RFC 2046, 5.1.1)
#define ENC_MULTIPART_PADDING_MAX 64   // white space after a boundary; more makes it data
#define ENC_MULTIPART_HEADERS_MAX 8192 // bytes of one part's header block, its empty line included
#define ENC_MULTIPART_PARTS_MAX 256    // parts of one body
#define ENC_MULTIPART_NAME_MAX 1024    // bytes of a decoded file name that are kept (its end)

// What a request's Content-Type says of its body.
enum enc_multipart_kind {
    ENC_MULTIPART_NOT,        // not multipart/form-data and not a urlencoded form
    ENC_MULTIPART_URLENCODED, // application/x-www-form-urlencoded
    ENC_MULTIPART_FORM,       // multipart/form-data, with a good boundary
};

struct enc_multipart_boundary {
    char chars[ENC_MULTIPART_BOUNDARY_MAX];
    size_t n;
};

// Reads the value of a Content-Type header (n bytes, no NUL needed; n may be 0).
// ENC_BOUNDARY_MISSING or ENC_BOUNDARY_INVALID for a multipart/form-data without a usable boundary.
// Type and parameter names in any case; the boundary quoted (with backslash escapes) or not, among
// other parameters.
ENC_MUST_USE enum enc_status
enc_multipart_content_type(const char *value, size_t n, enum enc_multipart_kind *ret_kind,
                           struct enc_multipart_boundary *ret_boundary);

// What a part's Content-Disposition says.
struct enc_multipart_part {
    bool is_file_field;                    // its name is "file"
    bool has_filename;                     // it had a filename or a good filename*, perhaps empty
    char filename[ENC_MULTIPART_NAME_MAX]; // decoded, bytes as sent (usually UTF-8), not sanitised
    size_t n_filename;
};

// Reads one part's header block: lines that each end with CRLF, without the empty line that ends
// it. Decodes \" and \\ (other backslashes stay), then %22 %0D %0A as browsers write them;
// filename* (RFC 8187, UTF-8 and ISO-8859-1) wins over filename; one that does not decode counts as
// not there. A name* stands in for a missing name. Lines may be folded (RFC 5322, 2.2.3).
// ENC_PART_HEADERS_MALFORMED: a line without a colon, a bare CR or LF, a NUL, a part without
// exactly one Content-Disposition of form-data with a name (RFC 7578, 4.2), one of these parameters
// twice, a quote that does not end.
ENC_MUST_USE enum enc_status enc_multipart_part_parse(const char *block, size_t n,
                                                      struct enc_multipart_part *ret_part);

enum enc_multipart_event {
    ENC_MULTIPART_NEEDS_INPUT, // all input is used up
    ENC_MULTIPART_PART_BEGIN,  // parser->part says which
    ENC_MULTIPART_DATA,        // a slice of the part's body, at least one byte
    ENC_MULTIPART_PART_END,    // the part was ended by a boundary
    ENC_MULTIPART_END, // the closing boundary was seen, and the body is at its end; again and again
};

// Caller-owned. Holds no secret but the names in a part's headers.
struct enc_multipart_parser {
    enum {
        ENC_MULTIPART_STATE_PREAMBLE,
        ENC_MULTIPART_STATE_HEADERS,
        ENC_MULTIPART_STATE_DATA,
        ENC_MULTIPART_STATE_EPILOGUE,
        ENC_MULTIPART_STATE_ENDED
    } state;
    enum enc_status status; // latched
    const uint8_t *in;
    size_t n_in;
    bool input_ended;
    // CR LF "--" boundary, and behind it what followed in the candidate being looked at.
    uint8_t delimiter[4 + ENC_MULTIPART_BOUNDARY_MAX + 2 + ENC_MULTIPART_PADDING_MAX + 2];
    size_t n_delimiter;
    size_t n_matched; // bytes of the candidate seen so far, 0 if there is none
    size_t n_virtual; // of these, the CR LF that a part's headers ended with: not data
    unsigned n_parts;
    size_t n_headers;
    size_t n_headers_most; // of any part so far
    struct enc_multipart_part part;
    char headers[ENC_MULTIPART_HEADERS_MAX]; // the last member, since most of it is never used
};

void enc_multipart_init(struct enc_multipart_parser *parser,
                        const struct enc_multipart_boundary *boundary);

// Wipes what the parser has seen of the body. It is one that was begun, or whose members before
// `part` are zero.
void enc_multipart_wipe(struct enc_multipart_parser *parser);

// Gives the parser its next n bytes. Only when it needs input. in stays alive and unchanged until
// the parser needs input again.
void enc_multipart_input(struct enc_multipart_parser *parser, const uint8_t *in, size_t n);

// Says that there is no more input.
void enc_multipart_input_end(struct enc_multipart_parser *parser);

// The next event. For ENC_MULTIPART_DATA, *ret_data and *ret_n are the slice, valid until the next
// call. Bytes after the closing boundary, and before the first, are skipped (RFC 2046, 5.1.1).
// Errors latch: ENC_PART_HEADERS_*, ENC_TOO_MANY_PARTS, and ENC_TRUNCATED_BODY if the input ended
// too early.
ENC_MUST_USE enum enc_status enc_multipart_next(struct enc_multipart_parser *parser,
                                                enum enc_multipart_event *ret_event,
                                                const uint8_t **ret_data, size_t *ret_n);

#endif
