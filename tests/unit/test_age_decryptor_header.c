// SPDX-License-Identifier: Apache-2.0
// Who opens an age file and who does not: stanzas of every make, and the identities that meet them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "enc_crypto_init.h"

#define PLAIN "for whom it may concern"
#define N_PLAIN (sizeof(PLAIN) - 1)

static struct enc_age_seed seed;

// Stanzas that do wrap the file key.
static struct age_bytes stanza_of_1, stanza_of_2, stanza_of_passphrase, stanza_of_passphrase_2;

// The one stanza of a file that our own encryptor makes: what is between the first line and the
// last.
static void make_stanza(const struct enc_age_recipient *recipient, struct age_bytes *ret_stanza)
{
    struct enc_age_encryptor_options options = {
        .recipients = recipient, .n_recipients = 1, .seed = &seed, .armor = false};
    struct age_bytes file = {0};

    age_seal(&options, NULL, 0, &file);
    const uint8_t *begin = memchr(file.at, '\n', file.n);
    const uint8_t *end = memmem(file.at, file.n, "\n--- ", 5);
    assert_true(begin && end > begin);
    age_append(ret_stanza, begin + 1, (size_t)(end - begin));
    age_free(&file);
}

// "%1" and "%2" are the stanzas of these identities; "%p" that of the passphrase with a work factor
// of 1, "%q" with one of 2.
static void append_stanzas(struct age_bytes *header, const char *stanzas)
{
    for (const char *c = stanzas; *c; c++) {
        const struct age_bytes *stanza = NULL;
        if (*c == '%') {
            stanza = c[1] == '1'   ? &stanza_of_1
                     : c[1] == '2' ? &stanza_of_2
                     : c[1] == 'p' ? &stanza_of_passphrase
                                   : &stanza_of_passphrase_2;
            age_append(header, stanza->at, stanza->n);
            c++;
        } else {
            age_append(header, c, 1);
        }
    }
}

// A file with these stanzas and the right MAC.
static void make_file(const char *stanzas, const struct enc_age_file_key *signer,
                      struct age_bytes *ret_file)
{
    static uint8_t header[ENC_AGE_HEADER_MAX];
    struct enc_age_header_writer writer;
    struct age_bytes middle = {0};

    append_stanzas(&middle, stanzas);
    enc_age_header_begin(&writer, header, sizeof(header));
    memcpy(header + writer.n, middle.at, middle.n);
    writer.n += middle.n;
    assert_int_equal(enc_age_header_sign(&writer, signer), ENC_OK);
    age_append(ret_file, header, writer.n);
    age_free(&middle);

    // The payload of one of our own.
    struct enc_age_recipient recipient = age_recipient(1);
    struct enc_age_encryptor_options options = {
        .recipients = &recipient, .n_recipients = 1, .seed = &seed, .armor = false};
    struct age_bytes own = {0};
    const size_t n = ENC_AGE_NONCE + N_PLAIN + ENC_AEAD_TAG;
    age_seal(&options, (const uint8_t *)PLAIN, N_PLAIN, &own);
    age_append(ret_file, own.at + own.n - n, n);
    age_free(&own);
}

// Identities, one a character: a digit is that number's, 'p' the passphrase with a cap of 1 on its
// work factor, 'q' with one of 2, 'w' a wrong passphrase.
static size_t make_identities(const char *names, struct enc_age_identity *identities)
{
    size_t n = 0;

    for (; names[n]; n++) {
        if (names[n] == 'p' || names[n] == 'q')
            identities[n] = age_passphrase_identity(names[n] == 'p' ? 1 : 2);
        else if (names[n] == 'w')
            DRIVE_CHECK(enc_age_passphrase_identity("wrong", 5, 2, &identities[n]) == ENC_OK);
        else
            identities[n] = age_identity((uint8_t)(names[n] - '0'));
    }
    return n;
}

struct whom_case {
    const char *stanzas;
    const char *identities;
    enum enc_status status;
};

static void check_file(const struct age_bytes *file, const struct whom_case *c)
{
    struct enc_age_identity identities[8];
    size_t n = make_identities(c->identities, identities);
    static const struct age_pieces pieces[] = {{{SIZE_MAX}, 1}, {{1}, 1}, {{70, 3}, 2}};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct age_opened opened;
        age_open(identities, n, file->at, file->n, &pieces[i], &opened);
        if (opened.status != c->status)
            fail_msg("\"%s\" for \"%s\": %s", c->stanzas, c->identities,
                     enc_status_name(opened.status));
        assert_int_equal(opened.plain.n, c->status == ENC_OK ? N_PLAIN : 0);
        if (c->status == ENC_OK)
            assert_memory_equal(opened.plain.at, PLAIN, N_PLAIN);
        age_free(&opened.plain);
    }
}

static void check_cases(const struct whom_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct age_bytes file = {0};
        make_file(cases[i].stanzas, &seed.file_key, &file);
        check_file(&file, &cases[i]);
        age_free(&file);
    }
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(cases[0]))

static void a_file_opens_for_those_it_is_for(void **state)
{
    static const struct whom_case cases[] = {
        {"%1", "1", ENC_OK},          {"%1", "2", ENC_AGE_NO_MATCH},
        {"%1", "", ENC_AGE_NO_MATCH}, {"%1", "p", ENC_AGE_NO_MATCH},
        {"%1", "2345671", ENC_OK},    {"%1", "1234567", ENC_OK},
        {"%1", "pw1", ENC_OK},        {"%1%2", "1", ENC_OK},
        {"%1%2", "2", ENC_OK},        {"%1%2", "3", ENC_AGE_NO_MATCH},
        {"%2%1", "32", ENC_OK},       {"%1%1", "1", ENC_OK},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void a_passphrase_opens_its_file(void **state)
{
    static const struct whom_case cases[] = {
        {"%p", "p", ENC_OK},
        {"%p", "q", ENC_OK},
        {"%p", "1p", ENC_OK},
        {"%p", "p1", ENC_OK},
        {"%p", "wp", ENC_OK},
        {"%p", "w", ENC_AGE_NO_MATCH},
        {"%p", "1w2", ENC_AGE_NO_MATCH},
        {"%p", "", ENC_AGE_NEEDS_PASSPHRASE},
        {"%p", "1", ENC_AGE_NEEDS_PASSPHRASE},
        {"%p", "12345", ENC_AGE_NEEDS_PASSPHRASE},
        {"%q", "q", ENC_OK},
        {"%q", "p", ENC_AGE_WORK_FACTOR},
        {"%q", "pq", ENC_AGE_WORK_FACTOR},
        {"%q", "qp", ENC_OK},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define BODY32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define SHARE " CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void stanzas_of_other_types_are_skipped(void **state)
{
    static const struct whom_case cases[] = {
        {"-> a\n\n%1-> b c d\nAAAA\n", "1", ENC_OK},
        {"-> x25519" SHARE "\n" BODY32 "%1", "1", ENC_OK},
        {"-> X25519x\n\n%1", "1", ENC_OK},
        {"-> X2551\n\n%1", "1", ENC_OK},
        {"-> Scrypt\n\n%1", "1", ENC_OK},
        {"-> scrypt2 x 99\n\n%1", "1", ENC_OK},
        {"-> ssh-ed25519 AAAA" SHARE "\n" BODY32 "%1", "1", ENC_OK},
        {"-> x-grease &\nAAAA\n", "1", ENC_AGE_NO_MATCH},
        {"-> x-grease &\nAAAA\n", "p", ENC_AGE_NO_MATCH},
        {"-> x-grease &\nAAAA\n", "", ENC_AGE_NO_MATCH},
    };

    (void)state;
    CHECK_CASES(cases);
}

// Each with a stanza beside it that would do, before it and behind it.
static const char *const malformed_x25519[] = {
    "-> X25519\n" BODY32,
    "-> X25519" SHARE " more\n" BODY32,
    "-> X25519 CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" BODY32,
    "-> X25519" SHARE "A\n" BODY32,
    "-> X25519" SHARE "=\n" BODY32,
    "-> X25519 CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n" BODY32,
    "-> X25519 C-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" BODY32,
    "-> X25519 a\n" BODY32,
    "-> X25519" SHARE "\n\n",
    "-> X25519" SHARE "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",   // 31 bytes
    "-> X25519" SHARE "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", // 33 bytes
    "-> X25519" SHARE "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    "-> X25519" SHARE "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
};

static void one_malformed_stanza_is_a_malformed_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed_x25519) / sizeof(malformed_x25519[0]); i++) {
        static const char *const whom[] = {"1", "2", "", "p"};
        char before[300], behind[300];
        snprintf(before, sizeof(before), "%s%%1", malformed_x25519[i]);
        snprintf(behind, sizeof(behind), "%%1%s", malformed_x25519[i]);
        for (size_t k = 0; k < 4; k++) {
            const struct whom_case cases[] = {{malformed_x25519[i], whom[k], ENC_AGE_HEADER},
                                              {before, whom[k], ENC_AGE_HEADER},
                                              {behind, whom[k], ENC_AGE_HEADER}};
            CHECK_CASES(cases);
        }
    }
}

#define SALT " AAAAAAAAAAAAAAAAAAAAAA"

static const char *const malformed_scrypt[] = {
    "-> scrypt\n" BODY32,
    "-> scrypt" SALT "\n" BODY32,
    "-> scrypt" SALT " 1 1\n" BODY32,
    "-> scrypt AAAAAAAAAAAAAAAAAAAAA 1\n" BODY32,
    "-> scrypt" SALT "A 1\n" BODY32,
    "-> scrypt" SALT "== 1\n" BODY32,
    "-> scrypt AAAAAAAAAAAAAAAAAAAAAB 1\n" BODY32,
    "-> scrypt AAAAAAAAAAAAAAAAAAAA-A 1\n" BODY32,
    "-> scrypt" SALT " 0\n" BODY32,
    "-> scrypt" SALT " 01\n" BODY32,
    "-> scrypt" SALT " 00000000000000000000000000000000000001\n" BODY32,
    "-> scrypt" SALT " +1\n" BODY32,
    "-> scrypt" SALT " -1\n" BODY32,
    "-> scrypt" SALT " 1a\n" BODY32,
    "-> scrypt" SALT " 1/\n" BODY32,
    "-> scrypt" SALT " 1:\n" BODY32,
    "-> scrypt" SALT " 0x1\n" BODY32,
    "-> scrypt" SALT " 1.0\n" BODY32,
    "-> scrypt" SALT " one\n" BODY32,
    "-> scrypt" SALT " 99999999999999999999x\n" BODY32,
    "-> scrypt 1" SALT "\n" BODY32,
    "-> scrypt" SALT " 1\n\n",
    "-> scrypt" SALT " 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    "-> scrypt" SALT " 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    // Well-formed ones that are not alone.
    "%p%p",
    "%p%1",
    "%1%p",
    "%p-> x-grease &\nAAAA\n",
    "-> x-grease &\nAAAA\n%p",
};

static void a_malformed_passphrase_stanza_is_a_malformed_header_whoever_reads_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed_scrypt) / sizeof(malformed_scrypt[0]); i++) {
        const struct whom_case cases[] = {{malformed_scrypt[i], "p", ENC_AGE_HEADER},
                                          {malformed_scrypt[i], "1", ENC_AGE_HEADER},
                                          {malformed_scrypt[i], "1p", ENC_AGE_HEADER},
                                          {malformed_scrypt[i], "", ENC_AGE_HEADER}};
        CHECK_CASES(cases);
    }
}

// With the work done, each of these would run out of memory, or of the test's time.
static void a_work_factor_above_the_cap_is_refused_without_the_work(void **state)
{
    static const char *const factors[] = {"24",
                                          "30",
                                          "31",
                                          "32",
                                          "63",
                                          "64",
                                          "99",
                                          "100",
                                          "101",
                                          "256",
                                          "257",
                                          "4294967297",
                                          "429496729",
                                          "1000000001",
                                          "2147483649",
                                          "18446744073709551617",
                                          "999999999999999999999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        char stanza[200];
        snprintf(stanza, sizeof(stanza), "-> scrypt" SALT " %s\n" BODY32, factors[i]);
        const struct whom_case cases[] = {{stanza, "q", ENC_AGE_WORK_FACTOR},
                                          {stanza, "1q", ENC_AGE_WORK_FACTOR},
                                          {stanza, "1", ENC_AGE_NEEDS_PASSPHRASE}};
        CHECK_CASES(cases);
    }
}

// All of RFC 7748's points of low order that have a share of their own as text.
static void a_share_of_low_order_is_a_malformed_header(void **state)
{
    static const char *const shares[] = {
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA",
        "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc",
        "7P///////////////////////////////////////38",
        "7f///////////////////////////////////////38",
        "7v///////////////////////////////////////38",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        char alone[200], before[210];
        snprintf(alone, sizeof(alone), "-> X25519 %s\n" BODY32, shares[i]);
        snprintf(before, sizeof(before), "%s%%1", alone);
        const struct whom_case cases[] = {{alone, "1", ENC_AGE_HEADER},
                                          {before, "1", ENC_AGE_HEADER},
                                          {before, "21", ENC_AGE_HEADER},
                                          {alone, "p", ENC_AGE_NO_MATCH}};
        CHECK_CASES(cases);
    }
}

static void a_header_that_is_not_signed_with_the_file_key_is_altered(void **state)
{
    static const struct whom_case cases[] = {{"%1", "1", ENC_AGE_HEADER_MAC},
                                             {"%1%2", "32", ENC_AGE_HEADER_MAC},
                                             {"%p", "p", ENC_AGE_HEADER_MAC},
                                             {"%1", "2", ENC_AGE_NO_MATCH}};
    struct enc_age_file_key other = seed.file_key;

    (void)state;
    other.bytes[0] ^= 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct age_bytes file = {0};
        make_file(cases[i].stanzas, &other, &file);
        check_file(&file, &cases[i]);
        age_free(&file);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct enc_age_recipient recipient;

    age_make_seed(&seed, 1);
    if (enc_crypto_init() != ENC_OK)
        return -1;
    recipient = age_recipient(1);
    make_stanza(&recipient, &stanza_of_1);
    recipient = age_recipient(2);
    make_stanza(&recipient, &stanza_of_2);
    age_passphrase_recipient(&recipient, 1);
    make_stanza(&recipient, &stanza_of_passphrase);
    age_passphrase_recipient(&recipient, 2);
    make_stanza(&recipient, &stanza_of_passphrase_2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    age_free(&stanza_of_1);
    age_free(&stanza_of_2);
    age_free(&stanza_of_passphrase);
    age_free(&stanza_of_passphrase_2);
    enc_crypto_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_opens_for_those_it_is_for),
        cmocka_unit_test(a_passphrase_opens_its_file),
        cmocka_unit_test(stanzas_of_other_types_are_skipped),
        cmocka_unit_test(one_malformed_stanza_is_a_malformed_header),
        cmocka_unit_test(a_malformed_passphrase_stanza_is_a_malformed_header_whoever_reads_it),
        cmocka_unit_test(a_work_factor_above_the_cap_is_refused_without_the_work),
        cmocka_unit_test(a_share_of_low_order_is_a_malformed_header),
        cmocka_unit_test(a_header_that_is_not_signed_with_the_file_key_is_altered),
    };
    return cmocka_run_group_tests_name("age_decryptor_header", tests, set_up, tear_down);
}
