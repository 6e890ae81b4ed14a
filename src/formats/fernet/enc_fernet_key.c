// SPDX-License-Identifier: Apache-2.0
// Fernet keys as text ("Key Format").
#include "enc_base64url.h"
#include "enc_fernet.h"

_Static_assert(ENC_FERNET_KEY_CHARS ==
                   ENC_BASE64_SIZE(sizeof(((struct enc_fernet_key *)NULL)->bytes)),
               "a key's text is its padded base64url");

void enc_fernet_key_format(const struct enc_fernet_key *key, struct enc_fernet_key_text *ret_text)
{
    enc_base64url_encode_ct(key->bytes, sizeof(key->bytes), ret_text->chars);
    ret_text->chars[ENC_FERNET_KEY_CHARS] = '\0';
}

enum enc_status enc_fernet_key_parse(const char *text, size_t n_chars,
                                     struct enc_fernet_key *ret_key)
{
    ENC_SECRET(enc_fernet_key, key);

    if (!enc_base64url_decode_ct(text, n_chars, key.bytes, sizeof(key.bytes)))
        return ENC_INVALID_KEY;
    *ret_key = key;
    return ENC_OK;
}
