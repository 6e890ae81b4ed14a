// SPDX-License-Identifier: Apache-2.0
// X25519 stanzas ("The X25519 recipient type"): keys as text, wrapping, unwrapping.
#include <string.h>

#include "enc_age_bech32.h"
#include "enc_age_type.h"
#include "enc_age_wrap.h"
#include "enc_kdf.h"
#include "enc_x25519.h"

#define TYPE "X25519"
#define RECIPIENT_PREFIX "age"

#define KEY ENC_X25519_BYTES
#define SHARE_CHARS ENC_BASE64_BARE_SIZE(KEY)

#define KEY_CHARS(prefix) ENC_AGE_BECH32_SIZE(sizeof(prefix) - 1, KEY)

_Static_assert(KEY_CHARS(ENC_AGE_IDENTITY_PREFIX) < ENC_AGE_KEY_CHARS_MAX, "a key fits as text");

// Secret. An identity's bytes: the secret key, and behind it its public key, which is its
// recipient.
struct x25519_pair {
    uint8_t secret[KEY];
    uint8_t public_key[KEY];
};
ENC_SECRET_TYPE(x25519_pair);

_Static_assert(sizeof(struct x25519_pair) <= ENC_AGE_KEY_BYTES_MAX, "it fits into an identity");

extern const struct enc_age_type enc_age_x25519_type;

static void set_recipient(struct enc_age_recipient *recipient, const uint8_t public_key[static KEY])
{
    memset(recipient, 0, sizeof(*recipient));
    recipient->type = &enc_age_x25519_type;
    recipient->n_bytes = KEY;
    memcpy(recipient->bytes, public_key, KEY);
}

enum enc_status enc_age_x25519_identity(const uint8_t secret[static KEY],
                                        struct enc_age_identity *ret_identity)
{
    ENC_SECRET(x25519_pair, pair);

    memcpy(pair.secret, secret, KEY);
    enum enc_status st = enc_x25519_public(pair.secret, pair.public_key);
    if (st != ENC_OK)
        return st;
    memset(ret_identity, 0, sizeof(*ret_identity));
    ret_identity->type = &enc_age_x25519_type;
    ret_identity->n_bytes = sizeof(pair);
    memcpy(ret_identity->bytes, &pair, sizeof(pair));
    return ENC_OK;
}

static void recipient_of(const struct enc_age_identity *identity,
                         struct enc_age_recipient *ret_recipient)
{
    set_recipient(ret_recipient, identity->bytes + offsetof(struct x25519_pair, public_key));
}

static void write_text(const char *prefix, const uint8_t key[static KEY],
                       struct enc_age_key_text *ret_text)
{
    memset(ret_text, 0, sizeof(*ret_text));
    enc_age_bech32_encode(prefix, key, KEY, ret_text->chars);
    ret_text->n_chars = ENC_AGE_BECH32_SIZE(strlen(prefix), KEY);
}

static void write_identity(const struct enc_age_identity *identity,
                           struct enc_age_key_text *ret_text)
{
    write_text(ENC_AGE_IDENTITY_PREFIX, identity->bytes, ret_text);
}

static void write_recipient(const struct enc_age_recipient *recipient,
                            struct enc_age_key_text *ret_text)
{
    write_text(RECIPIENT_PREFIX, recipient->bytes, ret_text);
}

static enum enc_status parse_identity(const char *text, size_t n_chars,
                                      struct enc_age_identity *ret_identity)
{
    ENC_SECRET(x25519_pair, pair);

    if (!enc_age_bech32_decode(ENC_AGE_IDENTITY_PREFIX, text, n_chars, pair.secret, KEY))
        return ENC_INVALID_IDENTITY;
    return enc_age_x25519_identity(pair.secret, ret_identity);
}

// Whether a public key is written as X25519 writes its results: below 2^255 - 19. It takes others
// too (RFC 7748, section 5), but as recipients they are mixed into the wrap key as they are, and no
// identity has such a one.
static bool is_canonical(const uint8_t public_key[static KEY])
{
    static const uint8_t prime[KEY] = {0xED, [1 ... 30] = 0xFF, 0x7F};

    for (size_t i = KEY; i-- > 0;) {
        if (public_key[i] != prime[i])
            return public_key[i] < prime[i];
    }
    return false;
}

static enum enc_status parse_recipient(const char *text, size_t n_chars,
                                       struct enc_age_recipient *ret_recipient)
{
    uint8_t public_key[KEY];

    if (!enc_age_bech32_decode(RECIPIENT_PREFIX, text, n_chars, public_key, KEY) ||
        !is_canonical(public_key))
        return ENC_INVALID_RECIPIENT;
    set_recipient(ret_recipient, public_key);
    return ENC_OK;
}

// The wrap key: of what is shared, salted with both public keys.
static enum enc_status derive_wrap_key(const uint8_t secret[static KEY],
                                       const uint8_t public_key[static KEY],
                                       const uint8_t share[static KEY],
                                       const uint8_t recipient[static KEY],
                                       struct enc_age_derived_key *ret_key)
{
    static const char info[] = "age-encryption.org/v1/X25519";
    ENC_SECRET(enc_age_derived_key, shared);
    uint8_t salt[2 * KEY];
    enum enc_status st = enc_x25519_shared(secret, public_key, shared.bytes);

    if (st != ENC_OK)
        return st;
    memcpy(salt, share, KEY);
    memcpy(salt + KEY, recipient, KEY);
    return enc_hkdf_sha256((struct enc_bytes){shared.bytes, KEY},
                           (struct enc_bytes){salt, sizeof(salt)},
                           (struct enc_bytes){info, strlen(info)}, ret_key->bytes);
}

static bool read_share(const struct enc_age_stanza *stanza, uint8_t share[static KEY])
{
    return stanza->n_args == 2 && stanza->args[1].n == SHARE_CHARS &&
           enc_base64_decode_bare(ENC_BASE64_STANDARD, stanza->args[1].at, SHARE_CHARS, share);
}

static enum enc_status check(const struct enc_age_stanza *stanza)
{
    uint8_t share[KEY];

    return read_share(stanza, share) && stanza->n_body == ENC_AGE_WRAPPED ? ENC_OK : ENC_AGE_HEADER;
}

static enum enc_status unwrap(const struct enc_age_stanza *stanza,
                              const struct enc_age_identity *identity,
                              struct enc_age_file_key *ret_file_key)
{
    ENC_SECRET(x25519_pair, pair);
    ENC_SECRET(enc_age_derived_key, key);
    uint8_t share[KEY];

    memcpy(&pair, identity->bytes, sizeof(pair));
    if (!read_share(stanza, share))
        return ENC_AGE_HEADER;
    enum enc_status st = derive_wrap_key(pair.secret, share, share, pair.public_key, &key);
    if (st == ENC_OK)
        st = enc_age_wrap_open(stanza, &key, ret_file_key);
    // "If the shared secret is all 0x00 bytes, the identity implementation MUST abort."
    return st == ENC_LOW_ORDER_POINT ? ENC_AGE_HEADER : st;
}

static enum enc_status wrap(const struct enc_age_file_key *file_key,
                            const struct enc_age_recipient *recipient,
                            const uint8_t seed[static ENC_AGE_STANZA_SEED],
                            struct enc_age_header_writer *writer)
{
    ENC_SECRET(enc_age_derived_key, key);
    uint8_t share[KEY];
    char share_text[SHARE_CHARS];

    enum enc_status st = enc_x25519_public(seed, share);
    if (st == ENC_OK)
        st = derive_wrap_key(seed, recipient->bytes, share, recipient->bytes, &key);
    // Nobody can have an identity of such a point: whatever the secret, what is shared is zero.
    if (st != ENC_OK)
        return st == ENC_LOW_ORDER_POINT ? ENC_INVALID_RECIPIENT : st;
    enc_base64_encode_bare(ENC_BASE64_STANDARD, share, KEY, share_text);
    const struct enc_age_slice args[] = {{TYPE, strlen(TYPE)}, {share_text, SHARE_CHARS}};
    return enc_age_wrap_seal(file_key, &key, args, sizeof(args) / sizeof(args[0]), writer);
}

const struct enc_age_type enc_age_x25519_type = {
    .name = TYPE,
    .mismatch = ENC_AGE_NO_MATCH,
    .parse_identity = parse_identity,
    .parse_recipient = parse_recipient,
    .write_identity = write_identity,
    .write_recipient = write_recipient,
    .recipient_of = recipient_of,
    .check = check,
    .unwrap = unwrap,
    .wrap = wrap,
};
