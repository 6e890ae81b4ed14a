// SPDX-License-Identifier: Apache-2.0
// The table of statuses: name and class.
#include "enc_status.h"

static const struct {
    const char *name;
    enum enc_status_class class;
} statuses[] = {
    [ENC_OK] = {"ok", ENC_CLASS_OK},
    [ENC_BOUNDARY_MISSING] = {"boundary_missing", ENC_CLASS_INPUT},
    [ENC_BOUNDARY_INVALID] = {"boundary_invalid", ENC_CLASS_INPUT},
    [ENC_PART_HEADERS_MALFORMED] = {"part_headers_malformed", ENC_CLASS_INPUT},
    [ENC_PART_HEADERS_TOO_LARGE] = {"part_headers_too_large", ENC_CLASS_INPUT},
    [ENC_TOO_MANY_PARTS] = {"too_many_parts", ENC_CLASS_INPUT},
    [ENC_MISSING_FILE] = {"missing_file", ENC_CLASS_INPUT},
    [ENC_TOO_MANY_FILES] = {"too_many_files", ENC_CLASS_INPUT},
    [ENC_TRUNCATED_BODY] = {"truncated_body", ENC_CLASS_INPUT},
    [ENC_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", ENC_CLASS_INPUT},
    [ENC_INVALID_KEY] = {"invalid_key", ENC_CLASS_INPUT},
    [ENC_INVALID_IDENTITY] = {"invalid_identity", ENC_CLASS_INPUT},
    [ENC_INVALID_RECIPIENT] = {"invalid_recipient", ENC_CLASS_INPUT},
    [ENC_AGE_ARMOR] = {"age_armor", ENC_CLASS_INPUT},
    [ENC_AGE_HEADER] = {"age_header", ENC_CLASS_INPUT},
    [ENC_FERNET_TOKEN] = {"fernet_token", ENC_CLASS_INPUT},
    [ENC_UNRECOGNIZED_FORMAT] = {"unrecognized_format", ENC_CLASS_INPUT},
    [ENC_OTHER_FORMATS_KEY] = {"other_formats_key", ENC_CLASS_INPUT},
    [ENC_OTHER_FORMATS_OPTION] = {"other_formats_option", ENC_CLASS_INPUT},
    [ENC_TAG_MISMATCH] = {"tag_mismatch", ENC_CLASS_AUTHENTICATION},
    [ENC_LOW_ORDER_POINT] = {"low_order_point", ENC_CLASS_AUTHENTICATION},
    [ENC_AGE_NO_MATCH] = {"age_no_match", ENC_CLASS_AUTHENTICATION},
    [ENC_AGE_NEEDS_PASSPHRASE] = {"age_needs_passphrase", ENC_CLASS_AUTHENTICATION},
    [ENC_AGE_HEADER_MAC] = {"age_header_mac", ENC_CLASS_AUTHENTICATION},
    [ENC_AGE_PAYLOAD] = {"age_payload", ENC_CLASS_AUTHENTICATION},
    [ENC_FERNET_MAC] = {"fernet_mac", ENC_CLASS_AUTHENTICATION},
    [ENC_FERNET_EXPIRED] = {"fernet_expired", ENC_CLASS_AUTHENTICATION},
    [ENC_FERNET_PADDING] = {"fernet_padding", ENC_CLASS_AUTHENTICATION},
    [ENC_TOO_LARGE] = {"too_large", ENC_CLASS_LIMIT},
    [ENC_FILE_TOO_LARGE] = {"file_too_large", ENC_CLASS_LIMIT},
    [ENC_AGE_HEADER_TOO_LARGE] = {"age_header_too_large", ENC_CLASS_LIMIT},
    [ENC_AGE_WORK_FACTOR] = {"age_work_factor", ENC_CLASS_LIMIT},
    [ENC_NO_MEMORY] = {"no_memory", ENC_CLASS_RESOURCE},
    [ENC_NO_RANDOM] = {"no_random", ENC_CLASS_RESOURCE},
    [ENC_FILE_CHANGED] = {"file_changed", ENC_CLASS_RESOURCE},
    [ENC_CRYPTO_FAILED] = {"crypto_failed", ENC_CLASS_BUG},
    [ENC_MISUSE] = {"misuse", ENC_CLASS_BUG},
};

#define N_STATUSES (sizeof(statuses) / sizeof(statuses[0]))

enum enc_status_class enc_status_class(enum enc_status status)
{
    return (unsigned)status < N_STATUSES ? statuses[status].class : ENC_CLASS_BUG;
}

const char *enc_status_name(enum enc_status status)
{
    return (unsigned)status < N_STATUSES ? statuses[status].name : "unknown";
}
