// SPDX-License-Identifier: Apache-2.0
// The outcome of every fallible function of the core, in classes.
#ifndef ENC_STATUS_H
#define ENC_STATUS_H

// Marks a result that the caller has to look at.
#define ENC_MUST_USE __attribute__((warn_unused_result))

enum enc_status {
    ENC_OK = 0,

    // Input: what the client sent is not acceptable. The client can do something about it.
    ENC_BOUNDARY_MISSING, // multipart/form-data without a boundary parameter, or an empty one
    ENC_BOUNDARY_INVALID, // a boundary over 70 characters, or with characters not allowed in one
    ENC_PART_HEADERS_MALFORMED, // a part's header block that is none
    ENC_PART_HEADERS_TOO_LARGE, // over ENC_MULTIPART_HEADERS_MAX bytes
    ENC_TOO_MANY_PARTS,         // over ENC_MULTIPART_PARTS_MAX parts
    ENC_MISSING_FILE,           // no part named "file", or a file field in which nothing was chosen
    ENC_TOO_MANY_FILES,         // a second part named "file"
    ENC_TRUNCATED_BODY,         // the body ended before its closing boundary
    ENC_UNSUPPORTED_MEDIA_TYPE, // a form that cannot carry a file (urlencoded)
    ENC_INVALID_KEY,            // not 44 characters of padded, canonical base64url
    ENC_INVALID_IDENTITY,       // not an age identity, AGE-SECRET-KEY-1...
    ENC_INVALID_RECIPIENT,   // not an age recipient, age1..., or one nobody can have an identity of
    ENC_AGE_ARMOR,           // not strict ASCII armor around an age file
    ENC_AGE_HEADER,          // not a header of age-encryption.org/v1, or one cut off
    ENC_FERNET_TOKEN,        // not the text of a Fernet token: its base64, its version, its length
    ENC_UNRECOGNIZED_FORMAT, // a file to decrypt that does not begin as one of any format
    ENC_OTHER_FORMATS_KEY,   // a key of one format, for a file of another
    ENC_OTHER_FORMATS_OPTION, // a key of one format, with an option of another

    // Authentication: well-formed, but not for these keys, or not what was encrypted.
    ENC_TAG_MISMATCH,         // of one message of ChaCha20-Poly1305
    ENC_LOW_ORDER_POINT,      // a public key of X25519 with which every secret is zero
    ENC_AGE_NO_MATCH,         // no stanza of the header is for one of the identities
    ENC_AGE_NEEDS_PASSPHRASE, // the same, and the file is encrypted with a passphrase
    ENC_AGE_HEADER_MAC,       // the header was altered
    ENC_AGE_PAYLOAD,          // the payload was altered, cut off or added to
    ENC_FERNET_MAC,           // a token of another key, or one that was altered
    ENC_FERNET_EXPIRED,       // an authentic token, older than the caller allows, or of the future
    ENC_FERNET_PADDING,       // an authentic token, padded as no encryptor does

    // Limit: a bound of the format or of the caller's buffer would be passed.
    ENC_TOO_LARGE,
    ENC_FILE_TOO_LARGE,       // the caller takes no file of that size
    ENC_AGE_HEADER_TOO_LARGE, // lines, arguments, stanzas or bytes over those of enc_age_header.h
    ENC_AGE_WORK_FACTOR,      // a passphrase that would take more work than the caller allows

    // Resource: the machine, not the client.
    ENC_NO_MEMORY,
    ENC_NO_RANDOM,
    ENC_FILE_CHANGED, // a file that was verified reads otherwise the second time

    // Bug: libcrypto refused what cannot be refused, or a contract was broken.
    ENC_CRYPTO_FAILED,
    ENC_MISUSE,
};

enum enc_status_class {
    ENC_CLASS_OK,
    ENC_CLASS_INPUT,
    ENC_CLASS_AUTHENTICATION,
    ENC_CLASS_LIMIT,
    ENC_CLASS_RESOURCE,
    ENC_CLASS_BUG,
};

enum enc_status_class enc_status_class(enum enc_status status);

// A short name for logs and test failures ("truncated_body"). Never NULL, static.
const char *enc_status_name(enum enc_status status);

#endif
