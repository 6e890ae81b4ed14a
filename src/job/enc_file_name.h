// SPDX-License-Identifier: Apache-2.0
// The name of the answer: from what a client calls its file to a harmless Content-Disposition.
#ifndef ENC_FILE_NAME_H
#define ENC_FILE_NAME_H

#include <stddef.h>

#define ENC_FILE_NAME_MAX 150 // bytes of an answer's file name

struct enc_file_name {
    char chars[ENC_FILE_NAME_MAX + 1]; // valid UTF-8, with a NUL
    size_t n;
};

// How a format names what it encrypted.
struct enc_file_name_style {
    const char *prefix;
    const char *suffix;
    const char *unnamed; // what a file without a name counts as
};

// The name under which an encrypted file is saved: prefix, the base name of the n bytes at name
// (any bytes, any length, NULL if n is 0), suffix. Directories of either kind ('/' and '\'),
// control characters, line separators, what turns the direction of writing, invalid UTF-8, and dots
// and spaces at the end go; a name of which nothing is left (so "." and "..") counts as
// style->unnamed. Cut to ENC_FILE_NAME_MAX bytes at a character; an extension of up to 20 bytes is
// kept.
void enc_file_name_encrypted(const struct enc_file_name_style *style, const char *name, size_t n,
                             struct enc_file_name *ret_name);

// The name under which a decrypted file is saved: the base name of the n bytes at name, made
// harmless and cut as above, less the prefix and the suffix that such a file got. A name that does
// not have both gets "decrypted_" in front; one of which nothing is left counts as style->unnamed,
// and gets it too.
void enc_file_name_decrypted(const struct enc_file_name_style *style, const char *name, size_t n,
                             struct enc_file_name *ret_name);

// The longest value that enc_file_name_disposition writes, with its NUL: the name as a quoted ASCII
// string and again percent-encoded.
#define ENC_FILE_NAME_DISPOSITION_MAX (64 + 2 * ENC_FILE_NAME_MAX + 3 * ENC_FILE_NAME_MAX)

// Writes the value of a Content-Disposition header (RFC 6266; filename* as in RFC 8187, only where
// the ASCII form is not the name itself) with a NUL; returns its length.
size_t enc_file_name_disposition(const struct enc_file_name *name,
                                 char out[static ENC_FILE_NAME_DISPOSITION_MAX]);

#endif
