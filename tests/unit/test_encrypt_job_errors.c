// SPDX-License-Identifier: Apache-2.0
// Uploads that go wrong: each with its status, and never with a whole token.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_job.h"
#include "enc_multipart.h"
#include "with_crypto.h"

#define FORM_TYPE "multipart/form-data; boundary=BB"
#define PART(disposition, bytes)                                                                   \
    "--BB\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" bytes "\r\n"
#define FILE_PART PART("name=\"file\"; filename=\"f\"", TEXT)
#define NOT_CHOSEN PART("name=\"file\"; filename=\"\"", "")
#define TEXT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef!"
#define A70 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const uint8_t seed[ENC_JOB_SEED_BYTES] = {1, 2, 3, 4, 5, 6, 7};

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1 << 16}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {ENC_JOB_OUT_MIN}, .n_rooms = 1},
    {.pieces = {31, 1, 17}, .n_pieces = 3, .rooms = {4096, 256, 999}, .n_rooms = 3},
    {.pieces = {100}, .n_pieces = 1, .rooms = {256}, .n_rooms = 1},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static struct enc_encrypt_job_options options_for(const char *content_type)
{
    return (struct enc_encrypt_job_options){.is_form = true,
                                            .content_type = content_type,
                                            .n_content_type = strlen(content_type),
                                            .time = 1700000000u,
                                            .seed = seed};
}

// The most characters that n bytes of file can have yielded before the end of the token is made:
// the header and the whole blocks. So the last block, its padding and the MAC are lacking.
static size_t unfinished_bound(size_t n)
{
    return (25 + n / 16 * 16) / 3 * 4;
}

static void assert_not_a_token(const struct drive *drive, size_t n_file_max)
{
    struct enc_fernet_key key;
    assert_int_equal(enc_fernet_key_parse(drive->key.chars, drive->key.n, &key), ENC_OK);
    assert_false(drive_is_token(drive->out, drive->n_out, &key));
    assert_in_range(drive->n_out, 0, unfinished_bound(n_file_max));
}

struct refused_case {
    const char *label;
    const char *content_type;
    enum enc_status status;
};

static const struct refused_case refused[] = {
    {"no boundary", "multipart/form-data", ENC_BOUNDARY_MISSING},
    {"no boundary among others", "multipart/form-data; charset=utf-8", ENC_BOUNDARY_MISSING},
    {"an empty boundary", "multipart/form-data; boundary=", ENC_BOUNDARY_MISSING},
    {"an empty boundary in quotes", "Multipart/Form-Data; BOUNDARY=\"\"", ENC_BOUNDARY_MISSING},
    {"71 characters", "multipart/form-data; boundary=" A70 "b", ENC_BOUNDARY_INVALID},
    {"a character not allowed", "multipart/form-data; boundary=\"a\\\"b\"", ENC_BOUNDARY_INVALID},
    {"urlencoded", "application/x-www-form-urlencoded", ENC_UNSUPPORTED_MEDIA_TYPE},
    {"urlencoded with a charset", "Application/X-WWW-Form-Urlencoded; charset=utf-8",
     ENC_UNSUPPORTED_MEDIA_TYPE},
};

static void assert_refused(const char *label, const struct enc_encrypt_job_options *options,
                           enum enc_status expected)
{
    struct enc_job_key_text key = {.chars = "untouched", .n = 9};
    struct enc_job *job = (struct enc_job *)&key;
    enum enc_status status = enc_encrypt_job_new(options, &key, &job);
    if (status != expected)
        fail_msg("%s: %s instead of %s", label, enc_status_name(status), enc_status_name(expected));
    assert_null(job);
    assert_string_equal(key.chars, "untouched");
    assert_int_equal(key.n, 9);
}

static void a_content_type_that_will_not_do_is_refused_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct enc_encrypt_job_options options = options_for(refused[i].content_type);
        assert_refused(refused[i].label, &options, refused[i].status);
    }
}

static void a_boundary_of_70_characters_is_taken(void **state)
{
    (void)state;
    static const char body[] = "--" A70 "\r\nContent-Disposition: form-data; name=file\r\n\r\n"
                               "x\r\n--" A70 "--";
    struct enc_encrypt_job_options options = options_for("multipart/form-data; boundary=" A70);
    struct drive drive;
    drive_alone(&drive, &options, &plans[0], body, sizeof(body) - 1);
    assert_int_equal(drive.status, ENC_OK);
    assert_int_equal(drive.n_out, 100);
    drive_free(&drive);
}

static void a_key_that_is_none_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "",
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",    // no padding
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n", // a line end
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4==",
        "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", // base64, not base64url
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5=", // not canonical
        "cw_0x689RpI-jtRR7oE8h eQsKImvJapLeSbXpwF4e4=",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct enc_encrypt_job_options options = options_for("text/plain");
        options.key = keys[i];
        options.n_key = strlen(keys[i]);
        assert_refused(keys[i], &options, ENC_INVALID_KEY);
        options = options_for(FORM_TYPE);
        options.key = keys[i];
        options.n_key = strlen(keys[i]);
        assert_refused(keys[i], &options, ENC_INVALID_KEY);
    }
}

struct failed_case {
    const char *label;
    const char *body;
    enum enc_status status;
};

static const struct failed_case failed[] = {
    {"an empty body", "", ENC_TRUNCATED_BODY},
    {"nothing like a form", TEXT, ENC_TRUNCATED_BODY},
    {"another boundary", "--CC\r\n\r\n--CC--\r\n", ENC_TRUNCATED_BODY},
    {"no parts", "--BB--\r\n", ENC_MISSING_FILE},
    {"another field", PART("name=\"upload\"; filename=\"f\"", TEXT) "--BB--\r\n", ENC_MISSING_FILE},
    {"a name that differs in case", PART("name=\"File\"; filename=\"f\"", TEXT) "--BB--",
     ENC_MISSING_FILE},
    {"nothing chosen", NOT_CHOSEN "--BB--\r\n", ENC_MISSING_FILE},
    {"nothing chosen, twice", NOT_CHOSEN NOT_CHOSEN "--BB--\r\n", ENC_MISSING_FILE},
    {"two files", FILE_PART FILE_PART "--BB--\r\n", ENC_TOO_MANY_FILES},
    {"two files, the second empty", FILE_PART PART("name=file; filename=e", "") "--BB--",
     ENC_TOO_MANY_FILES},
    {"two files, the second without a name",
     FILE_PART PART("name=file; filename=\"\"", "x") "--BB--", ENC_TOO_MANY_FILES},
    {"two files, the second a field", FILE_PART PART("name=file", "") "--BB--", ENC_TOO_MANY_FILES},
    {"two files with another part between", FILE_PART PART("name=x", "y") FILE_PART "--BB--",
     ENC_TOO_MANY_FILES},
    {"no closing boundary", FILE_PART, ENC_TRUNCATED_BODY},
    {"a closing boundary cut off", FILE_PART "--BB-", ENC_TRUNCATED_BODY},
    {"headers cut off", FILE_PART "--BB\r\nContent-Dis", ENC_TRUNCATED_BODY},
    {"a header without a colon", "--BB\r\nnonsense\r\n\r\n" TEXT "\r\n--BB--",
     ENC_PART_HEADERS_MALFORMED},
    {"a bad part behind the file", FILE_PART "--BB\r\nnonsense\r\n\r\n--BB--",
     ENC_PART_HEADERS_MALFORMED},
};

static void assert_fails(const char *label, const void *body, size_t n, enum enc_status expected)
{
    for (size_t p = 0; p < N_PLANS; p++) {
        struct enc_encrypt_job_options options = options_for(FORM_TYPE);
        struct drive drive;
        drive_alone(&drive, &options, &plans[p], body, n);
        if (drive.step != ENC_JOB_FAILED || drive.status != expected)
            fail_msg("%s, plan %zu: %s instead of %s", label, p, enc_status_name(drive.status),
                     enc_status_name(expected));
        assert_not_a_token(&drive, sizeof(TEXT) - 1);
        drive_free(&drive);
    }
}

static void a_form_that_will_not_do_fails_with_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failed) / sizeof(failed[0]); i++)
        assert_fails(failed[i].label, failed[i].body, strlen(failed[i].body), failed[i].status);
}

static void part_headers_over_the_limit_fail(void **state)
{
    (void)state;
    static char body[ENC_MULTIPART_HEADERS_MAX + 1000];
    int n = snprintf(body, sizeof(body), "--BB\r\nX-Long: %0*d\r\n\r\n%s",
                     ENC_MULTIPART_HEADERS_MAX, 0, TEXT "\r\n--BB--");
    assert_in_range(n, ENC_MULTIPART_HEADERS_MAX, sizeof(body) - 1);
    assert_fails("headers", body, (size_t)n, ENC_PART_HEADERS_TOO_LARGE);
}

static void parts_over_the_limit_fail(void **state)
{
    (void)state;
    static const char part[] = PART("name=x", "");
    static char body[(ENC_MULTIPART_PARTS_MAX + 1) * sizeof(part) + 1000];
    size_t n = sizeof(FILE_PART) - 1;
    memcpy(body, FILE_PART, n);
    for (size_t i = 0; i < ENC_MULTIPART_PARTS_MAX; i++, n += sizeof(part) - 1)
        memcpy(body + n, part, sizeof(part) - 1);
    memcpy(body + n, "--BB--", 6);
    assert_fails("parts", body, n + 6, ENC_TOO_MANY_PARTS);
}

static void a_form_cut_short_anywhere_is_truncated(void **state)
{
    (void)state;
    static const char body[] = PART("name=x", "y") FILE_PART PART("name=z", "") "--BB--";
    for (size_t n = 0; n < sizeof(body) - 1; n++)
        assert_fails("cut short", body, n, ENC_TRUNCATED_BODY);
}

static void a_file_over_the_callers_limit_fails(void **state)
{
    (void)state;
    static const char form[] = PART("name=x", TEXT TEXT) FILE_PART PART("name=z", TEXT) "--BB--";
    static const struct {
        const char *type;
        const char *body;
        size_t n_file;
    } bodies[] = {
        {FORM_TYPE, form, sizeof(TEXT) - 1},
        {"text/plain", form, sizeof(form) - 1},
    };
    for (size_t i = 0; i < 2 * N_PLANS; i++) {
        for (size_t less = 0; less < 2; less++) {
            struct enc_encrypt_job_options options = options_for(bodies[i % 2].type);
            struct drive drive;
            options.n_file_max = bodies[i % 2].n_file - less;
            drive_alone(&drive, &options, &plans[i / 2], bodies[i % 2].body, sizeof(form) - 1);
            assert_int_equal(drive.status, less ? ENC_FILE_TOO_LARGE : ENC_OK);
            if (less)
                assert_not_a_token(&drive, bodies[i % 2].n_file);
            drive_free(&drive);
        }
    }
}

// A connection that breaks is told to nobody: the job waits for more, and is freed.
static void an_upload_that_just_stops_never_yields_a_token(void **state)
{
    (void)state;
    static const char form[] = FILE_PART "--BB--";
    for (size_t p = 0; p < N_PLANS; p++) {
        for (size_t n = 0; n < sizeof(form); n++) {
            struct drive_plan plan = plans[p];
            struct enc_encrypt_job_options raw = options_for("text/plain");
            struct enc_encrypt_job_options options = options_for(FORM_TYPE);
            struct drive drive;
            plan.is_cut_off = true;
            drive_alone(&drive, &options, &plan, form, n);
            assert_int_equal(drive.step, ENC_JOB_NEEDS_INPUT);
            assert_not_a_token(&drive, sizeof(TEXT) - 1);
            drive_free(&drive);
            drive_alone(&drive, &raw, &plan, form, n);
            assert_int_equal(drive.step, ENC_JOB_NEEDS_INPUT);
            assert_not_a_token(&drive, n);
            drive_free(&drive);
        }
    }
}

static void a_failed_job_leaves_the_others_alone(void **state)
{
    (void)state;
    static char good[20000], bad[20000];
    struct enc_encrypt_job_options options = options_for(FORM_TYPE);
    struct enc_job *jobs[2];
    struct drive drives[2], alone;
    int n_good =
        snprintf(good, sizeof(good),
                 FILE_PART "--BB\r\n"
                           "Content-Disposition: form-data; name=x\r\n\r\n%09000d\r\n--BB--",
                 0);
    int n_bad = snprintf(bad, sizeof(bad), "%s%s", FILE_PART, FILE_PART);
    drive_alone(&alone, &options, &plans[0], good, (size_t)n_good);
    drive_begin(&drives[0], &options, &plans[2], bad, (size_t)n_bad);
    drive_begin(&drives[1], &options, &plans[3], good, (size_t)n_good);
    size_t n;
    do {
        n = 0;
        for (size_t i = 0; i < 2; i++) {
            if (drive_on(&drives[i]) == ENC_JOB_HAS_WORK)
                jobs[n++] = drives[i].job;
        }
        enc_jobs_run(jobs, n);
    } while (n > 0);
    assert_int_equal(drives[0].status, ENC_TOO_MANY_FILES);
    assert_int_equal(drives[1].status, ENC_OK);
    assert_int_equal(drives[1].n_out, alone.n_out);
    assert_memory_equal(drives[1].out, alone.out, alone.n_out);
    drive_free(&drives[0]);
    drive_free(&drives[1]);
    drive_free(&alone);
}

static void work_that_nobody_did_fails_the_job(void **state)
{
    (void)state;
    static uint8_t room[1024];
    struct enc_encrypt_job_options options = options_for("text/plain");
    struct enc_job *job;
    struct enc_job_key_text key;
    assert_int_equal(enc_encrypt_job_new(&options, &key, &job), ENC_OK);
    enc_job_input(job, (const uint8_t *)TEXT, sizeof(TEXT) - 1);
    enc_job_output(job, room, sizeof(room));
    assert_int_equal(enc_job_step(job), ENC_JOB_HAS_WORK);
    assert_int_equal(enc_job_step(job), ENC_JOB_FAILED);
    assert_int_equal(enc_job_status(job), ENC_MISUSE);
    assert_int_equal(enc_job_output_used(job), 0);
    enc_job_free(job);
}

static void no_job_may_be_freed(void **state)
{
    (void)state;
    enc_job_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_content_type_that_will_not_do_is_refused_at_once),
        cmocka_unit_test(a_boundary_of_70_characters_is_taken),
        cmocka_unit_test(a_key_that_is_none_is_refused_at_once),
        cmocka_unit_test(a_form_that_will_not_do_fails_with_its_status),
        cmocka_unit_test(part_headers_over_the_limit_fail),
        cmocka_unit_test(parts_over_the_limit_fail),
        cmocka_unit_test(a_form_cut_short_anywhere_is_truncated),
        cmocka_unit_test(a_file_over_the_callers_limit_fails),
        cmocka_unit_test(an_upload_that_just_stops_never_yields_a_token),
        cmocka_unit_test(a_failed_job_leaves_the_others_alone),
        cmocka_unit_test(work_that_nobody_did_fails_the_job),
        cmocka_unit_test(no_job_may_be_freed),
    };
    return cmocka_run_group_tests_name("encrypt_job_errors", tests, set_up_crypto,
                                       tear_down_crypto);
}
