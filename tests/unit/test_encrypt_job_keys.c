// SPDX-License-Identifier: Apache-2.0
// Which keys and options go together, in both formats; and keys that are made without a file.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "drive_job.h"
#include "enc_age.h"
#include "enc_encrypt_job.h"
#include "enc_fernet.h"
#include "with_crypto.h"

#define FERNET_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
// Well-formed, of the point zero.
#define LOW_ORDER "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"

static uint8_t seed[ENC_JOB_SEED_BYTES];

static const struct enc_job_text good = {RECIPIENT, sizeof(RECIPIENT) - 1};

struct options_case {
    const char *label;
    enum enc_job_format format;
    const char *key;
    const char *recipient; // the last of them; the others are good
    size_t n_recipients;
    bool armor;
    enum enc_status status;
};

static const struct options_case cases[] = {
    {"fernet", ENC_JOB_FERNET, NULL, NULL, 0, false, ENC_OK},
    {"fernet with a key", ENC_JOB_FERNET, FERNET_KEY, NULL, 0, false, ENC_OK},
    {"fernet with an identity", ENC_JOB_FERNET, IDENTITY, NULL, 0, false, ENC_INVALID_KEY},
    {"fernet for a recipient", ENC_JOB_FERNET, NULL, RECIPIENT, 1, false, ENC_MISUSE},
    {"fernet with a key, for a recipient", ENC_JOB_FERNET, FERNET_KEY, RECIPIENT, 1, false,
     ENC_MISUSE},
    {"fernet in armor", ENC_JOB_FERNET, NULL, NULL, 0, true, ENC_MISUSE},

    {"age", ENC_JOB_AGE, NULL, NULL, 0, false, ENC_OK},
    {"age in armor", ENC_JOB_AGE, NULL, NULL, 0, true, ENC_OK},
    {"age with an identity", ENC_JOB_AGE, IDENTITY, NULL, 0, false, ENC_OK},
    {"age with an identity, in armor", ENC_JOB_AGE, IDENTITY, NULL, 0, true, ENC_OK},
    {"age with a key of Fernet", ENC_JOB_AGE, FERNET_KEY, NULL, 0, false, ENC_INVALID_IDENTITY},
    {"age with a recipient as its key", ENC_JOB_AGE, RECIPIENT, NULL, 0, false,
     ENC_INVALID_IDENTITY},
    {"age with an empty key", ENC_JOB_AGE, "", NULL, 0, false, ENC_INVALID_IDENTITY},
    {"age for a recipient", ENC_JOB_AGE, NULL, RECIPIENT, 1, false, ENC_OK},
    {"age for the same twenty times", ENC_JOB_AGE, NULL, RECIPIENT, 20, true, ENC_OK},
    {"age for twenty-one", ENC_JOB_AGE, NULL, RECIPIENT, 21, false, ENC_MISUSE},
    {"age for a recipient, with an identity", ENC_JOB_AGE, IDENTITY, RECIPIENT, 1, false,
     ENC_MISUSE},
    {"age for an identity", ENC_JOB_AGE, NULL, IDENTITY, 1, false, ENC_INVALID_RECIPIENT},
    {"age for an empty recipient", ENC_JOB_AGE, NULL, "", 1, false, ENC_INVALID_RECIPIENT},
    {"age for a bad one behind good ones", ENC_JOB_AGE, NULL, RECIPIENT "q", 20, false,
     ENC_INVALID_RECIPIENT},
    {"age for nobody, by a point of low order", ENC_JOB_AGE, NULL, LOW_ORDER, 2, false,
     ENC_INVALID_RECIPIENT},
    {"age for an SSH key", ENC_JOB_AGE, NULL, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", 1, false,
     ENC_INVALID_RECIPIENT},
};

static enum enc_status new_job(const struct options_case *c, struct enc_job_key_text *key,
                               struct enc_job **job)
{
    struct enc_job_text recipients[ENC_JOB_RECIPIENTS_MAX + 1];
    struct enc_encrypt_job_options options = {.format = c->format,
                                              .key = c->key,
                                              .n_key = c->key ? strlen(c->key) : 0,
                                              .recipients = recipients,
                                              .n_recipients = c->n_recipients,
                                              .armor = c->armor,
                                              .seed = seed};

    for (size_t i = 0; i + 1 < c->n_recipients; i++)
        recipients[i] = good;
    if (c->n_recipients > 0)
        recipients[c->n_recipients - 1] = (struct enc_job_text){c->recipient, strlen(c->recipient)};
    return enc_encrypt_job_new(&options, key, job);
}

static void options_go_together_or_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct options_case *c = &cases[i];
        struct enc_job_key_text key = {.chars = "untouched", .n = 9};
        struct enc_job *job = (struct enc_job *)&key;
        enum enc_status st = new_job(c, &key, &job);
        if (st != c->status)
            fail_msg("%s: %s", c->label, enc_status_name(st));
        if (st == ENC_OK) {
            assert_non_null(job);
            assert_int_equal(key.n > 0, !c->key && c->n_recipients == 0);
        } else {
            assert_null(job);
            assert_int_equal(key.n, 9);
            assert_string_equal(key.chars, "untouched");
        }
        enc_job_free(job);
    }
}

static void the_first_recipient_that_is_none_is_named(void **state)
{
    static const char *const bad[] = {RECIPIENT "q", IDENTITY, FERNET_KEY, LOW_ORDER, ""};
    struct enc_job_text recipients[3] = {good, good, good};

    (void)state;
    assert_int_equal(enc_job_faulty_recipient(recipients, 0), 0);
    for (size_t i = 0; i < 3 * sizeof(bad) / sizeof(bad[0]); i++) {
        recipients[0] = recipients[1] = recipients[2] = good;
        assert_int_equal(enc_job_faulty_recipient(recipients, 3), 0);
        recipients[i % 3] = (struct enc_job_text){bad[i / 3], strlen(bad[i / 3])};
        assert_int_equal(enc_job_faulty_recipient(recipients, 3), i % 3 + 1);
        // One whose text is none goes before one of low order.
        recipients[2] = (struct enc_job_text){IDENTITY, sizeof(IDENTITY) - 1};
        size_t expected = strcmp(bad[i / 3], LOW_ORDER) == 0 ? 3 : i % 3 + 1;
        assert_int_equal(enc_job_faulty_recipient(recipients, 3), expected);
    }
}

static void a_fernet_key_is_made_of_the_seed(void **state)
{
    struct enc_job_key_text key, recipient;
    struct enc_fernet_key parsed;

    (void)state;
    memset(&key, 0xa5, sizeof(key));
    memset(&recipient, 0xa5, sizeof(recipient));
    assert_int_equal(enc_job_key_new(ENC_JOB_FERNET, seed, &key, &recipient), ENC_OK);
    assert_int_equal(key.n, ENC_FERNET_KEY_CHARS);
    assert_int_equal(strlen(key.chars), key.n);
    assert_int_equal(recipient.n, 0);
    assert_int_equal(enc_fernet_key_parse(key.chars, key.n, &parsed), ENC_OK);
    assert_memory_equal(parsed.bytes, seed + ENC_JOB_SEED_OPEN_BYTES, sizeof(parsed.bytes));
}

static void an_age_identity_is_made_of_the_seed_with_its_recipient(void **state)
{
    static uint8_t seed_of_42[ENC_JOB_SEED_BYTES];
    struct enc_job_key_text key, recipient;

    (void)state;
    memset(seed_of_42 + ENC_JOB_SEED_OPEN_BYTES, 0x42, 32);
    memset(&key, 0xa5, sizeof(key));
    memset(&recipient, 0xa5, sizeof(recipient));
    assert_int_equal(enc_job_key_new(ENC_JOB_AGE, seed_of_42, &key, &recipient), ENC_OK);
    assert_string_equal(key.chars, IDENTITY);
    assert_int_equal(key.n, sizeof(IDENTITY) - 1);
    assert_string_equal(recipient.chars, RECIPIENT);
    assert_int_equal(recipient.n, sizeof(RECIPIENT) - 1);
}

// A job and enc_job_key_new make the same key of a seed.
static void a_job_makes_the_key_that_is_made_alone(void **state)
{
    (void)state;
    for (int format = 0; format < ENC_JOB_N_FORMATS; format++) {
        const struct options_case c = {.format = (enum enc_job_format)format};
        struct enc_job_key_text key, of_job, recipient;
        struct enc_job *job;
        assert_int_equal(enc_job_key_new(c.format, seed, &key, &recipient), ENC_OK);
        assert_int_equal(new_job(&c, &of_job, &job), ENC_OK);
        assert_int_equal(of_job.n, key.n);
        assert_string_equal(of_job.chars, key.chars);
        enc_job_free(job);
    }
}

static void a_format_that_only_copies_is_none(void **state)
{
    static const char *const names[] = {"null-4-3", "null-1-1", "null"};
    enum enc_job_format format;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(enc_job_format_parse(names[i], strlen(names[i]), &format));
}

// Whether a byte of the seed shows in a file or its key. Those of age's other stanzas show only
// where there are recipients.
static bool is_read_of_the_seed(enum enc_job_format format, size_t at)
{
    static const struct drive_plan plan = DRIVE_WHOLE;
    struct enc_job_text recipients[ENC_JOB_RECIPIENTS_MAX];
    struct drive drives[2];
    bool differs = false;

    for (size_t i = 0; i < ENC_JOB_RECIPIENTS_MAX; i++)
        recipients[i] = good;
    for (size_t n = 0; n <= ENC_JOB_RECIPIENTS_MAX && !differs; n += ENC_JOB_RECIPIENTS_MAX) {
        struct enc_encrypt_job_options options = {
            .format = format, .recipients = recipients, .n_recipients = n, .seed = seed};
        if (n > 0 && format != ENC_JOB_AGE)
            break;
        for (size_t i = 0; i < 2; i++) {
            drive_alone(&drives[i], &options, &plan, "a file", 6);
            assert_int_equal(drives[i].status, ENC_OK);
            seed[at] ^= 0x18; // neither bit is one that X25519 leaves out
        }
        differs = drives[0].n_out != drives[1].n_out ||
                  memcmp(drives[0].out, drives[1].out, drives[0].n_out) != 0 ||
                  memcmp(drives[0].key.chars, drives[1].key.chars, drives[0].key.n) != 0;
        drive_free(&drives[0]);
        drive_free(&drives[1]);
    }
    return differs;
}

static void a_format_reads_the_bytes_of_the_seed_that_it_says(void **state)
{
    (void)state;
    for (int i = 0; i < ENC_JOB_N_FORMATS; i++) {
        enum enc_job_format format = (enum enc_job_format)i;
        size_t n = enc_job_format_seed_bytes(format);
        assert_in_range(n, ENC_JOB_SEED_OPEN_BYTES, ENC_JOB_SEED_BYTES);
        for (size_t at = 0; at < ENC_JOB_SEED_BYTES; at += format == ENC_JOB_AGE ? 7 : 1) {
            if (is_read_of_the_seed(format, at) != (at < n))
                fail_msg("%s: byte %zu", enc_job_format_name(format), at);
        }
    }
}

static void without_libcrypto_no_identity_is_made(void **state)
{
    struct enc_job_key_text key = {.n = 9}, recipient = {.n = 8};

    (void)state;
    enc_crypto_free();
    assert_int_equal(enc_job_key_new(ENC_JOB_AGE, seed, &key, &recipient), ENC_CRYPTO_FAILED);
    assert_int_equal(key.n, 9);
    assert_int_equal(recipient.n, 8);
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

static int set_up(void **state)
{
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(17 * i + 3);
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_go_together_or_are_refused),
        cmocka_unit_test(the_first_recipient_that_is_none_is_named),
        cmocka_unit_test(a_fernet_key_is_made_of_the_seed),
        cmocka_unit_test(an_age_identity_is_made_of_the_seed_with_its_recipient),
        cmocka_unit_test(a_job_makes_the_key_that_is_made_alone),
        cmocka_unit_test(a_format_that_only_copies_is_none),
        cmocka_unit_test(a_format_reads_the_bytes_of_the_seed_that_it_says),
        cmocka_unit_test(without_libcrypto_no_identity_is_made),
    };
    return cmocka_run_group_tests_name("encrypt_job_keys", tests, set_up, tear_down_crypto);
}
