// SPDX-License-Identifier: Apache-2.0
// age in a job. The seed: the payload's nonce, an identity, the file key, then what each stanza
// takes.
#include <string.h>
#include <strings.h>

#include "enc_age.h"
#include "enc_job_format_ops.h"

#define IDENTITY_BYTES 32
#define IDENTITY_AT ENC_JOB_SEED_OPEN_BYTES
#define FILE_KEY_AT (IDENTITY_AT + IDENTITY_BYTES)
#define STANZAS_AT (FILE_KEY_AT + sizeof(struct enc_age_file_key))

_Static_assert(ENC_JOB_SEED_OPEN_BYTES == ENC_AGE_NONCE &&
                   ENC_JOB_SEED_BYTES == STANZAS_AT + ENC_AGE_RECIPIENTS_MAX * ENC_AGE_STANZA_SEED,
               "the seed is enough");
_Static_assert(ENC_JOB_RECIPIENTS_MAX == ENC_AGE_RECIPIENTS_MAX,
               "a job takes as many recipients as a file");
_Static_assert(ENC_JOB_KEY_TEXT_MAX >= ENC_AGE_KEY_CHARS_MAX, "a key fits as text");

// Secret, if a passphrase is among them.
struct recipients {
    struct enc_age_recipient list[ENC_AGE_RECIPIENTS_MAX];
    size_t n;
};
ENC_SECRET_TYPE(recipients);

static void copy_text(const struct enc_age_key_text *text, struct enc_job_key_text *ret_text)
{
    memcpy(ret_text->chars, text->chars, sizeof(text->chars));
    ret_text->n = text->n_chars;
}

static enum enc_status parse_recipients(const struct enc_encrypt_job_options *options,
                                        struct recipients *ret_recipients)
{
    if (options->n_recipients > ENC_AGE_RECIPIENTS_MAX || options->key)
        return ENC_MISUSE;
    for (size_t i = 0; i < options->n_recipients; i++) {
        enum enc_status st = enc_age_recipient_parse(
            options->recipients[i].chars, options->recipients[i].n, &ret_recipients->list[i]);
        if (st != ENC_OK)
            return st;
    }
    ret_recipients->n = options->n_recipients;
    return ENC_OK;
}

// The recipient of the client's identity, or of one from the seed, whose text is then in *ret_key.
static enum enc_status own_recipient(const struct enc_encrypt_job_options *options,
                                     struct recipients *ret_recipients,
                                     struct enc_job_key_text *ret_key)
{
    ENC_SECRET(enc_age_identity, identity);
    ENC_SECRET(enc_age_key_text, text);
    enum enc_status st;

    if (options->key) {
        st = enc_age_identity_parse(options->key, options->n_key, &identity);
    } else {
        st = enc_age_x25519_identity(options->seed + IDENTITY_AT, &identity);
        if (st == ENC_OK) {
            enc_age_identity_text(&identity, &text);
            copy_text(&text, ret_key);
        }
    }
    if (st != ENC_OK)
        return st;
    enc_age_identity_recipient(&identity, &ret_recipients->list[0]);
    ret_recipients->n = 1;
    return ENC_OK;
}

static enum enc_status begin(struct enc_encryptor *encryptor,
                             const struct enc_encrypt_job_options *options, bool is_form,
                             struct enc_job_key_text *ret_key)
{
    ENC_SECRET(recipients, recipients);
    ENC_SECRET(enc_age_seed, seed);
    enum enc_status st = options->n_recipients > 0 ? parse_recipients(options, &recipients)
                                                   : own_recipient(options, &recipients, ret_key);

    if (st != ENC_OK)
        return st;
    memcpy(seed.nonce, options->seed, sizeof(seed.nonce));
    memcpy(seed.file_key.bytes, options->seed + FILE_KEY_AT, sizeof(seed.file_key.bytes));
    memcpy(seed.stanzas, options->seed + STANZAS_AT, sizeof(seed.stanzas));
    struct enc_age_encryptor_options age_options = {
        .recipients = recipients.list,
        .n_recipients = recipients.n,
        .seed = &seed,
        .armor = options->armor,
        .size_is_known = options->body_is_declared && !is_form,
        .size = options->n_body,
    };
    return enc_age_encryptor_init((struct enc_age_encryptor *)encryptor, &age_options);
}

static enum enc_status make_key(const uint8_t *seed, struct enc_job_key_text *ret_key,
                                struct enc_job_key_text *ret_recipient)
{
    ENC_SECRET(enc_age_identity, identity);
    ENC_SECRET(enc_age_recipient, recipient);
    ENC_SECRET(enc_age_key_text, text);
    enum enc_status st = enc_age_x25519_identity(seed + IDENTITY_AT, &identity);

    if (st != ENC_OK)
        return st;
    enc_age_identity_text(&identity, &text);
    copy_text(&text, ret_key);
    enc_age_identity_recipient(&identity, &recipient);
    enc_age_recipient_text(&recipient, &text);
    copy_text(&text, ret_recipient);
    return ENC_OK;
}

size_t enc_job_faulty_recipient(const struct enc_job_text recipients[], size_t n)
{
    ENC_SECRET(enc_age_recipient, recipient);

    // What the texts alone say costs little; so a job that they stop has tried nothing either.
    for (int tries = 0; tries < 2; tries++) {
        for (size_t i = 0; i < n; i++) {
            enum enc_status st =
                enc_age_recipient_parse(recipients[i].chars, recipients[i].n, &recipient);
            if (st == ENC_OK && tries)
                st = enc_age_recipient_try(&recipient);
            if (st == ENC_INVALID_RECIPIENT)
                return i + 1;
        }
    }
    return 0;
}

#define BINARY_BEGIN ENC_AGE_VERSION_LINE "\n"

_Static_assert(ENC_JOB_RECOGNIZED_BYTES >= sizeof(ENC_AGE_ARMOR_BEGIN) &&
                   ENC_JOB_RECOGNIZED_BYTES >= sizeof(BINARY_BEGIN),
               "either beginning can be seen");

static enum enc_job_recognition compare(const uint8_t *first, size_t n, const char *begin)
{
    const size_t n_begin = strlen(begin);

    if (memcmp(first, begin, n < n_begin ? n : n_begin) != 0)
        return ENC_JOB_IS_OTHER;
    return n < n_begin ? ENC_JOB_MAY_BE : ENC_JOB_IS;
}

// White space may be before armor, and nothing else.
static enum enc_job_recognition recognize(const uint8_t *first, size_t n, bool after_space)
{
    if (!after_space && n > 0 && first[0] == BINARY_BEGIN[0])
        return compare(first, n, BINARY_BEGIN);
    return compare(first, n, ENC_AGE_ARMOR_BEGIN);
}

// Bech32 is in one case throughout.
static bool has_key_form(const char *key, size_t n)
{
    static const char prefix[] = ENC_AGE_IDENTITY_PREFIX "1";

    return n >= strlen(prefix) && strncasecmp(key, prefix, strlen(prefix)) == 0;
}

struct decryptor {
    struct enc_decryptor base;
    struct enc_age_identity identity;
    struct enc_age_decryptor age;
    uint64_t size;                   // of the plaintext that pass 1 has seen
    size_t n_opened;                 // bytes that the last `open` wrote
    uint8_t verified[ENC_AGE_CHUNK]; // the chunk of pass 1, released to nobody
};

static struct decryptor *decryptor_of(struct enc_decryptor *base)
{
    return (struct decryptor *)base;
}

// The identity is needed for the header alone, and may open more than this file.
static void forget_identity(struct decryptor *decryptor)
{
    if (enc_age_decryptor_has_key(&decryptor->age))
        enc_wipe(&decryptor->identity, sizeof(decryptor->identity));
}

// Nothing is described: ChaCha20-Poly1305 uses the width of the processor by itself.
static enum enc_status verify(struct enc_decryptor *base, const uint8_t *in, size_t n,
                              size_t *ret_taken, struct enc_kernel_item *item)
{
    struct decryptor *decryptor = decryptor_of(base);

    for (size_t at = 0; at < n;) {
        size_t n_taken, n_plain;
        enum enc_status st =
            enc_age_decryptor_update(&decryptor->age, in + at, n - at, decryptor->verified,
                                     sizeof(decryptor->verified), &n_taken, &n_plain);
        if (st != ENC_OK)
            return st;
        at += n_taken;
        decryptor->size += n_plain;
    }
    forget_identity(decryptor);
    decryptor->n_opened = 0;
    *ret_taken = n;
    *item = (struct enc_kernel_item){.op = ENC_KERNEL_NONE};
    return ENC_OK;
}

static enum enc_status verify_end(struct enc_decryptor *base, uint64_t *ret_size)
{
    struct decryptor *decryptor = decryptor_of(base);
    enum enc_status st = ENC_OK;
    bool is_ended = false;

    while (st == ENC_OK && !is_ended) {
        size_t n_plain = 0;
        st = enc_age_decryptor_finish(&decryptor->age, decryptor->verified,
                                      sizeof(decryptor->verified), &n_plain, &is_ended);
        decryptor->size += n_plain;
    }
    enc_wipe(decryptor->verified, sizeof(decryptor->verified));
    if (st == ENC_OK)
        st = enc_age_decryptor_rewind(&decryptor->age);
    if (st == ENC_OK)
        *ret_size = decryptor->size;
    return st;
}

static enum enc_status open_some(struct enc_decryptor *base, const uint8_t *in, size_t n,
                                 uint8_t *out, size_t cap, size_t *ret_taken,
                                 struct enc_kernel_item *item)
{
    struct decryptor *decryptor = decryptor_of(base);

    decryptor->n_opened = 0;
    *item = (struct enc_kernel_item){.op = ENC_KERNEL_NONE};
    enum enc_status st =
        enc_age_decryptor_update(&decryptor->age, in, n, out, cap, ret_taken, &decryptor->n_opened);

    forget_identity(decryptor);
    return st;
}

static enum enc_status commit(struct enc_decryptor *base, const struct enc_kernel_item *item,
                              size_t *ret_n)
{
    (void)item;
    *ret_n = decryptor_of(base)->n_opened;
    return ENC_OK;
}

static enum enc_status open_end(struct enc_decryptor *base, uint8_t *out, size_t cap, size_t *ret_n,
                                bool *ret_is_ended)
{
    return enc_age_decryptor_finish(&decryptor_of(base)->age, out, cap, ret_n, ret_is_ended);
}

static void wipe(struct enc_decryptor *base)
{
    struct decryptor *decryptor = decryptor_of(base);

    enc_age_decryptor_wipe(&decryptor->age);
    enc_wipe(&decryptor->identity, sizeof(decryptor->identity));
    enc_wipe(decryptor->verified, sizeof(decryptor->verified));
}

static const struct enc_decryptor_ops decryptor_ops = {
    .out_min = ENC_AGE_CHUNK,
    .verify = verify,
    .verify_end = verify_end,
    .open = open_some,
    .commit = commit,
    .open_end = open_end,
    .wipe = wipe,
};

static enum enc_status begin_decrypting(struct enc_decryptor *base,
                                        const struct enc_decrypt_job_options *options)
{
    struct decryptor *decryptor = decryptor_of(base);
    enum enc_status st = enc_age_identity_parse(options->key, options->n_key, &decryptor->identity);

    if (st != ENC_OK)
        return st;
    base->ops = &decryptor_ops;
    decryptor->size = 0;
    decryptor->n_opened = 0;
    enc_age_decryptor_init(&decryptor->age, &decryptor->identity, 1);
    if (!options->has_ttl)
        return ENC_OK;
    wipe(base);
    return ENC_OTHER_FORMATS_OPTION;
}

const struct enc_job_format_ops enc_job_age_ops = {
    .name = "age",
    .name_style = {.prefix = "", .suffix = ".age", .unnamed = "file"},
    .seed_bytes = ENC_JOB_SEED_BYTES,
    .encryptor_bytes = sizeof(struct enc_age_encryptor),
    .begin = begin,
    .make_key = make_key,
    .recognize = recognize,
    .has_key_form = has_key_form,
    .decryptor_bytes = sizeof(struct decryptor),
    .begin_decrypting = begin_decrypting,
};
