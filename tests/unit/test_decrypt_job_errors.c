// SPDX-License-Identifier: Apache-2.0
// Files that are not decrypted: each with its status, in pass 1, with nothing put out but what was
// in the body.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "decrypt_files.h"
#include "enc_multipart.h"
#include "with_crypto.h"

#define OTHER_KEY "TUFSS0VSLWtleS1zaWduLU1BUktFUi1rZXktZW5jcnk="
#define OTHER_IDENTITY "AGE-SECRET-KEY-1F4Q4YJ692GKKKETE94EKJEMW94X5Z5JTG4FZ66M90YKK2MNRWFUS0RAGKG"
#define BEGIN_LINE "-----BEGIN AGE ENCRYPTED FILE-----"
#define VERSION_LINE "age-encryption.org/v1"
#define N_SMALL 20

static uint8_t plain[ENC_AGE_CHUNK + 1000];
static struct age_bytes files[DECRYPT_N_KINDS]; // small ones

static int set_up(void **state)
{
    if (set_up_crypto(state) != 0)
        return -1;
    age_fill(plain, sizeof(plain));
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        decrypt_make(&decrypt_kinds[k], plain, N_SMALL, &files[k]);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        age_free(&files[k]);
    return tear_down_crypto(state);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1 << 17}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {31, 1, 17}, .n_pieces = 3, .rooms = {300, 65536, 65599}, .n_rooms = 3},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static void assert_fails_by(const struct drive_plan *plan, const char *label,
                            const struct enc_decrypt_job_options *options, const void *body,
                            size_t n, enum enc_status status)
{
    struct drive_passes passes = {.first = *plan, .second = *plan};
    struct drive_decrypted decrypted;

    drive_decrypt(options, &passes, body, n, &decrypted);
    if (decrypted.status != status || decrypted.is_verified || decrypted.plain.n > 0)
        fail_msg("%s, %zu bytes: %s instead of %s, %zu bytes released", label, n,
                 enc_status_name(decrypted.status), enc_status_name(status), decrypted.plain.n);
    drive_decrypted_free(&decrypted);
}

static void assert_fails(const char *label, const struct enc_decrypt_job_options *options,
                         const void *body, size_t n, enum enc_status status)
{
    for (size_t p = 0; p < N_PLANS; p++)
        assert_fails_by(&plans[p], label, options, body, n, status);
}

struct key_case {
    const char *label, *key;
    enum enc_status status;
};

static const struct key_case no_keys[] = {
    {"nothing", "", ENC_INVALID_KEY},
    {"43 characters", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4", ENC_INVALID_KEY},
    {"a line end", DECRYPT_FERNET_KEY "\n", ENC_INVALID_KEY},
    {"base64", "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", ENC_INVALID_KEY},
    {"not canonical", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5=", ENC_INVALID_KEY},
    {"44 of an identity", "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPY", ENC_INVALID_KEY},
    {"a recipient", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
     ENC_INVALID_KEY},
    {"the prefix alone", "AGE-SECRET-KEY-1", ENC_INVALID_IDENTITY},
    {"nearly the prefix", "AGE-SECRET-KEY-", ENC_INVALID_KEY},
    {"an identity, a wrong checksum",
     "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY",
     ENC_INVALID_IDENTITY},
    {"an identity, cut off",
     "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAE",
     ENC_INVALID_IDENTITY},
    {"an identity and a space", DECRYPT_IDENTITY " ", ENC_INVALID_IDENTITY},
    {"an identity in both cases",
     "AGE-SECRET-KEY-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex",
     ENC_INVALID_IDENTITY},
    {"an identity of another type",
     "AGE-SECRET-KEY-PQ-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
     ENC_INVALID_KEY},
};

static void assert_refused(const char *label, const struct enc_decrypt_job_options *options,
                           enum enc_status status)
{
    struct enc_job *job = (struct enc_job *)plain;
    enum enc_status st = enc_decrypt_job_new(options, &job);

    if (st != status)
        fail_msg("%s: %s instead of %s", label, enc_status_name(st), enc_status_name(status));
    assert_null(job);
}

static void a_key_that_is_none_is_refused_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(no_keys) / sizeof(no_keys[0]); i++) {
        struct enc_decrypt_job_options options = {.key = no_keys[i].key,
                                                  .n_key = strlen(no_keys[i].key)};
        assert_refused(no_keys[i].label, &options, no_keys[i].status);
        decrypt_be_form(&options);
        assert_refused(no_keys[i].label, &options, no_keys[i].status);
    }
    struct enc_decrypt_job_options none = {.key = NULL};
    assert_refused("no key", &none, ENC_INVALID_KEY);
}

static void an_option_of_the_other_format_is_refused_at_once(void **state)
{
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_FERNET]);

    (void)state;
    options.release_chunks = true;
    assert_refused("release of Fernet", &options, ENC_OTHER_FORMATS_OPTION);
    options.has_ttl = true;
    assert_refused("release and ttl of Fernet", &options, ENC_OTHER_FORMATS_OPTION);
    options = decrypt_options(&decrypt_kinds[DECRYPT_AGE]);
    options.has_ttl = true;
    assert_refused("ttl of age", &options, ENC_OTHER_FORMATS_OPTION);
    options.release_chunks = true;
    assert_refused("ttl and release of age", &options, ENC_OTHER_FORMATS_OPTION);
}

static void a_content_type_that_will_not_do_is_refused_at_once(void **state)
{
    static const struct key_case types[] = {
        {"no boundary", "multipart/form-data", ENC_BOUNDARY_MISSING},
        {"no such boundary", "multipart/form-data; boundary=\"a\\\"b\"", ENC_BOUNDARY_INVALID},
        {"urlencoded", "application/x-www-form-urlencoded", ENC_UNSUPPORTED_MEDIA_TYPE},
    };

    (void)state;
    for (size_t i = 0; i < 3 * DECRYPT_N_KINDS; i++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[i / 3]);
        options.is_form = true;
        options.content_type = types[i % 3].key;
        options.n_content_type = strlen(options.content_type);
        assert_refused(types[i % 3].label, &options, types[i % 3].status);
    }
}

static void a_key_of_the_other_format_is_found_out_as_soon_as_the_file_is_recognized(void **state)
{
    static const struct {
        const char *key, *begin;
        size_t n; // that are enough to say so
    } cases[] = {
        {DECRYPT_FERNET_KEY, VERSION_LINE "\nmore", sizeof(VERSION_LINE)},
        {DECRYPT_FERNET_KEY, BEGIN_LINE "\nmore", sizeof(BEGIN_LINE) - 1},
        {DECRYPT_FERNET_KEY, "\r\n " BEGIN_LINE "\nmore", sizeof(BEGIN_LINE) + 2},
        {DECRYPT_IDENTITY, "gAAAAAB", 2},
        {DECRYPT_IDENTITY, "gP", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct enc_decrypt_job_options options = {.key = cases[i].key,
                                                  .n_key = strlen(cases[i].key)};
        for (size_t n = 0; n <= strlen(cases[i].begin); n++)
            assert_fails(cases[i].begin, &options, cases[i].begin, n,
                         n < cases[i].n ? ENC_UNRECOGNIZED_FORMAT : ENC_OTHER_FORMATS_KEY);
        for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
            if ((decrypt_kinds[k].format == ENC_JOB_AGE) == (i < 3))
                assert_fails(decrypt_kinds[k].label, &options, files[k].at, files[k].n,
                             ENC_OTHER_FORMATS_KEY);
        }
    }
}

static void a_file_of_no_format_is_not_recognized(void **state)
{
    static const char *const texts[] = {
        "",
        "g",
        "a",
        "-",
        "\n",
        " \t\r\n",
        "Hello, world.",
        "g@",
        "gQAAAA",
        "gg",
        "GAAAAA",
        "\ngAAAAA",
        "\r\ngA",
        " " VERSION_LINE "\n",
        VERSION_LINE,
        VERSION_LINE "\r\n",
        "age-encryption.org/v2\n",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        "age-encryption.orG/v1\n",
        "-----BEGIN AGE ENCRYPTED FILE----",
        "-----BEGIN PGP MESSAGE-----\n",
        "\xef\xbb\xbf" BEGIN_LINE,
        "\v" BEGIN_LINE,
        "--",
        "\x80",
        "%PDF-1.7",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
            struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
            assert_fails(texts[i], &options, texts[i], strlen(texts[i]), ENC_UNRECOGNIZED_FORMAT);
        }
    }
}

static void endless_white_space_is_not_recognized(void **state)
{
    struct age_bytes body = {0};

    (void)state;
    for (size_t i = 0; i < 1025; i++)
        age_append(&body, "\n", 1);
    age_append(&body, files[DECRYPT_ARMORED].at, files[DECRYPT_ARMORED].n);
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        assert_fails("1025", &options, body.at, body.n, ENC_UNRECOGNIZED_FORMAT);
        assert_fails("1025 and no more", &options, body.at, 1025, ENC_UNRECOGNIZED_FORMAT);
        assert_fails("1024 and no more", &options, body.at, 1024, ENC_UNRECOGNIZED_FORMAT);
    }
    age_free(&body);
}

static void another_key_does_not_decrypt(void **state)
{
    static const enum enc_status expected[] = {ENC_FERNET_MAC, ENC_AGE_NO_MATCH, ENC_AGE_NO_MATCH};

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = {.key = k ? OTHER_IDENTITY : OTHER_KEY};
        options.n_key = strlen(options.key);
        assert_fails(decrypt_kinds[k].label, &options, files[k].at, files[k].n, expected[k]);
    }
}

static void a_file_with_a_passphrase_says_so(void **state)
{
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_AGE]);

    (void)state;
    for (size_t i = 0; i < AGE_N_KINDS; i++) {
        struct enc_age_seed seed;
        struct age_bytes file = {0};
        if (!age_kinds[i].has_passphrase)
            continue;
        age_make_seed(&seed, 1);
        struct enc_age_encryptor_options age_options = age_options_of(&age_kinds[i], &seed);
        age_seal(&age_options, plain, 10, &file);
        assert_fails(age_kinds[i].label, &options, file.at, file.n, ENC_AGE_NEEDS_PASSPHRASE);
        options.release_chunks = true;
        assert_fails(age_kinds[i].label, &options, file.at, file.n, ENC_AGE_NEEDS_PASSPHRASE);
        options.release_chunks = false;
        age_free(&file);
    }
}

static void a_token_has_to_be_in_time_where_there_is_a_ttl(void **state)
{
    static const struct {
        uint64_t time, ttl;
        bool is_in_time;
    } cases[] = {
        {DECRYPT_TIME, 0, true},
        {DECRYPT_TIME + 1, 0, false},
        {DECRYPT_TIME + 100, 100, true},
        {DECRYPT_TIME + 101, 100, false},
        {DECRYPT_TIME - 60, 0, true},
        {DECRYPT_TIME - 61, UINT64_MAX, false},
        {UINT64_MAX, UINT64_MAX, true},
        {UINT64_MAX, UINT64_MAX - DECRYPT_TIME, true},
        {UINT64_MAX, UINT64_MAX - DECRYPT_TIME - 1, false},
        {0, UINT64_MAX, false},
    };
    const struct age_bytes *file = &files[DECRYPT_FERNET];
    struct drive_passes whole = DECRYPT_WHOLE;
    struct drive_decrypted decrypted;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_FERNET]);
        options.has_ttl = true;
        options.time = cases[i].time;
        options.ttl = cases[i].ttl;
        drive_decrypt(&options, &whole, file->at, file->n, &decrypted);
        assert_int_equal(decrypted.status, cases[i].is_in_time ? ENC_OK : ENC_FERNET_EXPIRED);
        assert_int_equal(decrypted.plain.n, cases[i].is_in_time ? N_SMALL : 0);
        drive_decrypted_free(&decrypted);
        // A time that is not authentic is nobody's.
        options.key = OTHER_KEY;
        assert_fails("another key", &options, file->at, file->n, ENC_FERNET_MAC);
        // Without a ttl, time does not matter.
        options.key = DECRYPT_FERNET_KEY;
        options.has_ttl = false;
        drive_decrypt(&options, &whole, file->at, file->n, &decrypted);
        assert_int_equal(decrypted.status, ENC_OK);
        drive_decrypted_free(&decrypted);
    }
}

// Any failure, in any plan: but not before the first pass has ended, and not in the second.
static void assert_never_verified(const struct decrypt_kind *kind, const struct age_bytes *file,
                                  size_t p)
{
    struct enc_decrypt_job_options options = decrypt_options(kind);
    struct drive_passes passes = {.first = plans[p % N_PLANS], .second = plans[0]};
    struct drive_decrypted decrypted;

    drive_decrypt(&options, &passes, file->at, file->n, &decrypted);
    if (decrypted.step != ENC_JOB_FAILED || decrypted.is_verified || decrypted.plain.n > 0)
        fail_msg("%s: verified", kind->label);
    enum enc_status_class class = enc_status_class(decrypted.status);
    assert_true(class == ENC_CLASS_INPUT || class == ENC_CLASS_AUTHENTICATION ||
                class == ENC_CLASS_LIMIT);
    drive_decrypted_free(&decrypted);
}

static void no_bit_can_be_flipped(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        for (size_t bit = 0; bit < 8 * files[k].n; bit++) {
            files[k].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_never_verified(&decrypt_kinds[k], &files[k], bit / 8);
            files[k].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void no_file_can_be_cut_off(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        // The line end behind armor may be missing.
        for (size_t n = files[k].n - (k == DECRYPT_ARMORED); n-- > 0;) {
            struct age_bytes cut = {files[k].at, n, 0};
            assert_never_verified(&decrypt_kinds[k], &cut, n);
        }
    }
}

static void nothing_can_be_appended(void **state)
{
    // White space may be behind armor.
    static const char *const tails[] = {"x", "=", "A", "AAAA", "-", "\nx", "gA", "\n\n", "\r", " "};
    const size_t n_space = 3, n_tails = sizeof(tails) / sizeof(tails[0]);

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct age_bytes twice = {0};
        for (size_t i = 0; i < n_tails - (k == DECRYPT_ARMORED ? n_space : 0); i++) {
            struct age_bytes longer = {0};
            age_append(&longer, files[k].at, files[k].n);
            decrypt_append_text(&longer, tails[i]);
            for (size_t p = 0; p < N_PLANS; p++)
                assert_never_verified(&decrypt_kinds[k], &longer, p);
            age_free(&longer);
        }
        age_append(&twice, files[k].at, files[k].n);
        age_append(&twice, files[k].at, files[k].n);
        assert_never_verified(&decrypt_kinds[k], &twice, 0);
        age_free(&twice);
    }
}

struct form_case {
    const char *label;
    const char *before, *behind; // the file
    enum enc_status status;
};

#define PART(disposition) "--BB\r\nContent-Disposition: form-data; " disposition "\r\n\r\n"
#define FILE_PART PART("name=file; filename=f")

static const struct form_case forms[] = {
    {"no end", FILE_PART, "\r\n", ENC_TRUNCATED_BODY},
    {"nearly an end", FILE_PART, "\r\n--BB-", ENC_TRUNCATED_BODY},
    {"two files", FILE_PART, "\r\n" FILE_PART "x\r\n--BB--", ENC_TOO_MANY_FILES},
    {"a second file that is empty", FILE_PART, "\r\n" PART("name=file") "\r\n--BB--",
     ENC_TOO_MANY_FILES},
    {"another field", PART("name=other; filename=f"), "\r\n--BB--", ENC_MISSING_FILE},
    {"bad headers behind the file", FILE_PART, "\r\n--BB\r\nno header\r\n\r\n\r\n--BB--",
     ENC_PART_HEADERS_MALFORMED},
};

static void a_form_that_is_none_is_not_verified_whatever_its_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form_case *form = &forms[i / DECRYPT_N_KINDS];
        const size_t k = i % DECRYPT_N_KINDS;
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        struct age_bytes body = {0};
        decrypt_be_form(&options);
        decrypt_append_text(&body, form->before);
        age_append(&body, files[k].at, files[k].n);
        decrypt_append_text(&body, form->behind);
        assert_fails(form->label, &options, body.at, body.n, form->status);
        age_free(&body);
    }
}

static void a_form_without_a_file_or_with_an_empty_one_fails(void **state)
{
    static const struct key_case bodies[] = {
        {"nothing", "", ENC_TRUNCATED_BODY},
        {"no part", "--BB--", ENC_MISSING_FILE},
        {"not chosen", PART("name=file; filename=\"\"") "\r\n--BB--", ENC_MISSING_FILE},
        {"empty", PART("name=file; filename=f") "\r\n--BB--", ENC_UNRECOGNIZED_FORMAT},
        {"a byte", PART("name=file; filename=f") "g\r\n--BB--", ENC_UNRECOGNIZED_FORMAT},
        {"two files, the first empty", FILE_PART "\r\n" FILE_PART "\r\n--BB--", ENC_TOO_MANY_FILES},
    };

    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct key_case *body = &bodies[i / DECRYPT_N_KINDS];
        struct enc_decrypt_job_options options =
            decrypt_options(&decrypt_kinds[i % DECRYPT_N_KINDS]);
        decrypt_be_form(&options);
        assert_fails(body->label, &options, body->key, strlen(body->key), body->status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_none_is_refused_at_once),
        cmocka_unit_test(an_option_of_the_other_format_is_refused_at_once),
        cmocka_unit_test(a_content_type_that_will_not_do_is_refused_at_once),
        cmocka_unit_test(a_key_of_the_other_format_is_found_out_as_soon_as_the_file_is_recognized),
        cmocka_unit_test(a_file_of_no_format_is_not_recognized),
        cmocka_unit_test(endless_white_space_is_not_recognized),
        cmocka_unit_test(another_key_does_not_decrypt),
        cmocka_unit_test(a_file_with_a_passphrase_says_so),
        cmocka_unit_test(a_token_has_to_be_in_time_where_there_is_a_ttl),
        cmocka_unit_test(no_bit_can_be_flipped),
        cmocka_unit_test(no_file_can_be_cut_off),
        cmocka_unit_test(nothing_can_be_appended),
        cmocka_unit_test(a_form_that_is_none_is_not_verified_whatever_its_file),
        cmocka_unit_test(a_form_without_a_file_or_with_an_empty_one_fails),
    };
    return cmocka_run_group_tests_name("decrypt_job_errors", tests, set_up, tear_down);
}
