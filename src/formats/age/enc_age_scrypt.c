// SPDX-License-Identifier: Apache-2.0
// scrypt stanzas ("The scrypt recipient type"): a file key wrapped with a passphrase.
#include <stdio.h>
#include <string.h>

#include "enc_age_type.h"
#include "enc_age_wrap.h"
#include "enc_kdf.h"

#define TYPE "scrypt"
#define SALT 16 // bytes
#define SALT_CHARS ENC_BASE64_BARE_SIZE(SALT)
#define WORK_FACTOR_TOP 30 // log2: what enc_scrypt takes

extern const struct enc_age_type enc_age_scrypt_type;

_Static_assert(SALT <= ENC_AGE_STANZA_SEED, "a stanza's seed is enough for a salt");

static enum enc_status check_passphrase(size_t n, unsigned work_factor)
{
    if (n == 0 || work_factor < 1 || work_factor > WORK_FACTOR_TOP)
        return ENC_MISUSE;
    return n <= ENC_AGE_PASSPHRASE_MAX ? ENC_OK : ENC_TOO_LARGE;
}

enum enc_status enc_age_passphrase_identity(const char *passphrase, size_t n,
                                            unsigned work_factor_max,
                                            struct enc_age_identity *ret_identity)
{
    if (work_factor_max == 0)
        work_factor_max = ENC_AGE_WORK_FACTOR_MAX;
    enum enc_status st = check_passphrase(n, work_factor_max);
    if (st != ENC_OK)
        return st;
    memset(ret_identity, 0, sizeof(*ret_identity));
    ret_identity->type = &enc_age_scrypt_type;
    ret_identity->n_bytes = n;
    ret_identity->work_factor_max = work_factor_max;
    memcpy(ret_identity->bytes, passphrase, n);
    return ENC_OK;
}

enum enc_status enc_age_passphrase_recipient(const char *passphrase, size_t n, unsigned work_factor,
                                             struct enc_age_recipient *ret_recipient)
{
    enum enc_status st = check_passphrase(n, work_factor);

    if (st != ENC_OK)
        return st;
    memset(ret_recipient, 0, sizeof(*ret_recipient));
    ret_recipient->type = &enc_age_scrypt_type;
    ret_recipient->n_bytes = n;
    ret_recipient->work_factor = work_factor;
    memcpy(ret_recipient->bytes, passphrase, n);
    return ENC_OK;
}

static enum enc_status derive_wrap_key(struct enc_bytes passphrase, const uint8_t salt[static SALT],
                                       unsigned work_factor, struct enc_age_derived_key *ret_key)
{
    static const char label[] = "age-encryption.org/v1/scrypt";
    uint8_t whole_salt[sizeof(label) - 1 + SALT];

    memcpy(whole_salt, label, sizeof(label) - 1);
    memcpy(whole_salt + sizeof(label) - 1, salt, SALT);
    return enc_scrypt(passphrase, (struct enc_bytes){whole_salt, sizeof(whole_salt)}, work_factor,
                      ret_key->bytes);
}

static bool read_salt(const struct enc_age_stanza *stanza, uint8_t salt[static SALT])
{
    return stanza->n_args == 3 && stanza->args[1].n == SALT_CHARS &&
           enc_base64_decode_bare(ENC_BASE64_STANDARD, stanza->args[1].at, SALT_CHARS, salt);
}

// `^[1-9][0-9]*$`. A number of three digits or more is one that nobody takes, whichever it is.
static bool read_work_factor(const struct enc_age_stanza *stanza, unsigned *ret_work_factor)
{
    struct enc_age_slice text = stanza->args[2];
    unsigned value = 0;

    if (text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        if (value < 100)
            value = 10 * value + (unsigned)(text.at[i] - '0');
    }
    *ret_work_factor = value;
    return true;
}

static enum enc_status check(const struct enc_age_stanza *stanza)
{
    uint8_t salt[SALT];
    unsigned work_factor;

    return read_salt(stanza, salt) && read_work_factor(stanza, &work_factor) &&
                   stanza->n_body == ENC_AGE_WRAPPED
               ? ENC_OK
               : ENC_AGE_HEADER;
}

static enum enc_status unwrap(const struct enc_age_stanza *stanza,
                              const struct enc_age_identity *identity,
                              struct enc_age_file_key *ret_file_key)
{
    ENC_SECRET(enc_age_derived_key, key);
    uint8_t salt[SALT];
    unsigned work_factor;

    if (!read_salt(stanza, salt) || !read_work_factor(stanza, &work_factor))
        return ENC_AGE_HEADER;
    if (work_factor > identity->work_factor_max)
        return ENC_AGE_WORK_FACTOR;
    enum enc_status st = derive_wrap_key((struct enc_bytes){identity->bytes, identity->n_bytes},
                                         salt, work_factor, &key);
    return st == ENC_OK ? enc_age_wrap_open(stanza, &key, ret_file_key) : st;
}

static enum enc_status wrap(const struct enc_age_file_key *file_key,
                            const struct enc_age_recipient *recipient,
                            const uint8_t seed[static ENC_AGE_STANZA_SEED],
                            struct enc_age_header_writer *writer)
{
    ENC_SECRET(enc_age_derived_key, key);
    char salt_text[SALT_CHARS];
    char work_factor_text[4];

    enum enc_status st = derive_wrap_key((struct enc_bytes){recipient->bytes, recipient->n_bytes},
                                         seed, recipient->work_factor, &key);
    if (st != ENC_OK)
        return st;
    enc_base64_encode_bare(ENC_BASE64_STANDARD, seed, SALT, salt_text);
    int n =
        snprintf(work_factor_text, sizeof(work_factor_text), "%u", recipient->work_factor % 100);
    const struct enc_age_slice args[] = {
        {TYPE, strlen(TYPE)}, {salt_text, SALT_CHARS}, {work_factor_text, (size_t)n}};
    return enc_age_wrap_seal(file_key, &key, args, sizeof(args) / sizeof(args[0]), writer);
}

// It has no keys as text: a passphrase is any text.
const struct enc_age_type enc_age_scrypt_type = {
    .name = TYPE,
    .is_alone = true,
    .mismatch = ENC_AGE_NEEDS_PASSPHRASE,
    .check = check,
    .unwrap = unwrap,
    .wrap = wrap,
};
