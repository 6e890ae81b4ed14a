// SPDX-License-Identifier: Apache-2.0
// The kinds of age files that the encryptor makes, for the tests of both directions.
#ifndef AGE_KINDS_H
#define AGE_KINDS_H

#include "age_files.h"

struct age_kind {
    const char *label;
    size_t n_recipients; // of numbers from 1 on
    bool has_passphrase; // instead of them
    bool armor;
};

static const struct age_kind age_kinds[] = {
    {"one recipient", .n_recipients = 1},
    {"one recipient, armored", .n_recipients = 1, .armor = true},
    {"two recipients", .n_recipients = 2},
    {"two recipients, armored", .n_recipients = 2, .armor = true},
    {"twenty recipients", .n_recipients = 20},
    {"twenty recipients, armored", .n_recipients = 20, .armor = true},
    {"a passphrase", .has_passphrase = true},
    {"a passphrase, armored", .has_passphrase = true, .armor = true},
};

#define AGE_N_KINDS (sizeof(age_kinds) / sizeof(age_kinds[0]))

#define AGE_PASSPHRASE "correct horse"
#define AGE_WORK_FACTOR 1

static inline void age_passphrase_recipient(struct enc_age_recipient *recipient,
                                            unsigned work_factor)
{
    DRIVE_CHECK(enc_age_passphrase_recipient(AGE_PASSPHRASE, strlen(AGE_PASSPHRASE), work_factor,
                                             recipient) == ENC_OK);
}

static inline struct enc_age_identity age_passphrase_identity(unsigned work_factor_max)
{
    struct enc_age_identity identity;

    DRIVE_CHECK(enc_age_passphrase_identity(AGE_PASSPHRASE, strlen(AGE_PASSPHRASE), work_factor_max,
                                            &identity) == ENC_OK);
    return identity;
}

// How to make a file of that kind. The recipients stay the same from call to call.
static inline struct enc_age_encryptor_options age_options_of(const struct age_kind *kind,
                                                              const struct enc_age_seed *seed)
{
    static struct enc_age_recipient recipients[ENC_AGE_RECIPIENTS_MAX], passphrase;

    if (!passphrase.type) {
        age_passphrase_recipient(&passphrase, AGE_WORK_FACTOR);
        for (size_t i = 0; i < ENC_AGE_RECIPIENTS_MAX; i++)
            recipients[i] = age_recipient((uint8_t)(i + 1));
    }
    return (struct enc_age_encryptor_options){
        .recipients = kind->has_passphrase ? &passphrase : recipients,
        .n_recipients = kind->has_passphrase ? 1 : kind->n_recipients,
        .seed = seed,
        .armor = kind->armor,
    };
}

// The identity of a kind's last recipient.
static inline struct enc_age_identity age_identity_of(const struct age_kind *kind)
{
    return kind->has_passphrase ? age_passphrase_identity(AGE_WORK_FACTOR)
                                : age_identity((uint8_t)kind->n_recipients);
}

#endif
