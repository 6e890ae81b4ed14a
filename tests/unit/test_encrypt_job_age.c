// SPDX-License-Identifier: Apache-2.0
// Uploads to age: whatever the pieces and the rooms, a file of the exact size that opens again; and
// bodies that are cut off, which give none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_files.h"
#include "drive_job.h"
#include "with_crypto.h"

#define BOUNDARY "----WebKitFormBoundary7MA4YWxk"
#define FORM_TYPE "multipart/form-data; boundary=" BOUNDARY
// The specification's example: 32 times 0x42.
#define OWN_IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define OWN_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define FILE_MAX (2 * ENC_AGE_CHUNK + 1000)

static uint8_t seed[ENC_JOB_SEED_BYTES];
static uint8_t file[FILE_MAX];
static uint8_t body[FILE_MAX + 1000];

static const struct enc_encrypt_job_options raw_options = {
    .format = ENC_JOB_AGE,
    .content_type = "application/octet-stream",
    .n_content_type = 24,
    .is_form = true,
    .name = "dir/report.pdf",
    .n_name = 14,
    .seed = seed,
};

static struct enc_encrypt_job_options form_options(void)
{
    struct enc_encrypt_job_options options = raw_options;

    options.content_type = FORM_TYPE;
    options.n_content_type = sizeof(FORM_TYPE) - 1;
    return options;
}

static int set_up(void **state)
{
    age_fill(file, sizeof(file));
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(17 * i + 3);
    return set_up_crypto(state);
}

static size_t make_form(const char *file_name, size_t n)
{
    static const char tail[] = "\r\n--" BOUNDARY "--\r\n";
    int head = snprintf((char *)body, sizeof(body),
                        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"%s\"\r\n\r\n",
                        file_name);

    assert_in_range(head, 1, 900);
    memcpy(body + head, file, n);
    memcpy(body + (size_t)head + n, tail, sizeof(tail) - 1);
    return (size_t)head + n + sizeof(tail) - 1;
}

static struct enc_age_identity identity_of(const char *text, size_t n)
{
    struct enc_age_identity identity;

    assert_int_equal(enc_age_identity_parse(text, n, &identity), ENC_OK);
    return identity;
}

static void assert_opens_with(const struct drive *drive, const struct enc_age_identity *identity,
                              const uint8_t *bytes, size_t n)
{
    struct age_opened opened;

    assert_int_equal(drive->step, ENC_JOB_DONE);
    assert_int_equal(drive->status, ENC_OK);
    age_open(identity, 1, drive->out, drive->n_out, &age_whole, &opened);
    assert_int_equal(opened.status, ENC_OK);
    assert_int_equal(opened.plain.n, n);
    assert_memory_equal(opened.plain.at, bytes, n);
    age_free(&opened.plain);
}

// With the key that the job made.
static void assert_opens(const struct drive *drive, size_t n)
{
    struct enc_age_identity identity = identity_of(drive->key.chars, drive->key.n);

    assert_opens_with(drive, &identity, file, n);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1 << 20}, .n_rooms = 1},
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {ENC_JOB_OUT_MIN}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {ENC_JOB_OUT_MIN}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {65536}, .n_rooms = 1},
    {.pieces = {7, 1, 4096}, .n_pieces = 3, .rooms = {257, 300, 1021}, .n_rooms = 3},
    {.pieces = {16, 15, 17}, .n_pieces = 3, .rooms = {16384, 16385, 4097, 511}, .n_rooms = 4},
    {.pieces = {ENC_AGE_CHUNK, 1}, .n_pieces = 2, .rooms = {65552, 256}, .n_rooms = 2},
    {.pieces = {16384}, .n_pieces = 1, .rooms = {21845, 21846, 21847, 21848}, .n_rooms = 4},
    {.pieces = {ENC_AGE_CHUNK + 1}, .n_pieces = 1, .rooms = {4000, 8192}, .n_rooms = 2},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static const size_t sizes[] = {
    0,       1, 64, 1000, ENC_AGE_CHUNK - 1, ENC_AGE_CHUNK, ENC_AGE_CHUNK + 1, 2 * ENC_AGE_CHUNK,
    FILE_MAX};

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void run(struct drive *drive, const struct enc_encrypt_job_options *options,
                const struct drive_plan *plan, const void *bytes, size_t n, uint64_t *ret_total)
{
    drive_begin(drive, options, plan, bytes, n);
    assert_int_equal(drive->status, ENC_OK);
    assert_true(enc_encrypt_job_total(drive->job, n, ret_total));
    while (drive_on(drive) == ENC_JOB_HAS_WORK)
        enc_jobs_run(&drive->job, 1);
}

static void a_raw_body_of_any_size_gives_its_file_and_its_total(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * N_SIZES * N_PLANS; i++) {
        struct enc_encrypt_job_options options = raw_options;
        const size_t n = sizes[i / 4 / N_PLANS];
        struct drive drive;
        uint64_t total;
        options.armor = i / 2 % 2;
        options.body_is_declared = i % 2;
        options.n_body = n;
        run(&drive, &options, &plans[i / 4 % N_PLANS], file, n, &total);
        assert_opens(&drive, n);
        assert_int_equal(drive.n_out, total);
        assert_string_equal(drive.name.chars, "report.pdf.age");
        drive_free(&drive);
    }
}

static void a_body_of_another_size_than_declared_gives_no_file(void **state)
{
    static const size_t declared[] = {0, 1, 999, 1001, ENC_AGE_CHUNK, 3 * ENC_AGE_CHUNK};
    struct enc_encrypt_job_options options = raw_options;

    (void)state;
    options.body_is_declared = true;
    for (size_t i = 0; i < 2 * sizeof(declared) / sizeof(declared[0]); i++) {
        struct drive drive;
        options.armor = i % 2;
        options.n_body = declared[i / 2];
        drive_alone(&drive, &options, &plans[0], file, 1000);
        assert_int_equal(drive.status, ENC_MISUSE);
        drive_free(&drive);
    }
}

static void a_form_with_a_file_of_any_size_gives_its_file(void **state)
{
    struct enc_encrypt_job_options options = form_options();

    (void)state;
    for (size_t i = 0; i < 2 * N_SIZES * N_PLANS; i++) {
        const size_t n = sizes[i / 2 / N_PLANS], n_body = make_form("a b.txt", n);
        struct drive drive;
        options.armor = i % 2;
        options.body_is_declared = true; // the form's, and not the file's
        options.n_body = n_body;
        drive_alone(&drive, &options, &plans[i / 2 % N_PLANS], body, n_body);
        assert_opens(&drive, n);
        assert_string_equal(drive.name.chars, "a b.txt.age");
        drive_free(&drive);
    }
}

static void the_same_seed_gives_the_same_file_whatever_the_plan(void **state)
{
    struct drive first, other;

    (void)state;
    drive_alone(&first, &raw_options, &plans[0], file, FILE_MAX);
    for (size_t p = 1; p < N_PLANS; p++) {
        drive_alone(&other, &raw_options, &plans[p], file, FILE_MAX);
        assert_int_equal(other.n_out, first.n_out);
        assert_memory_equal(other.out, first.out, first.n_out);
        assert_string_equal(other.key.chars, first.key.chars);
        drive_free(&other);
    }
    drive_free(&first);
}

static void a_client_brings_its_own_identity(void **state)
{
    struct enc_age_identity identity = identity_of(OWN_IDENTITY, strlen(OWN_IDENTITY));
    struct enc_encrypt_job_options options = raw_options;
    struct drive drive;

    (void)state;
    options.key = OWN_IDENTITY;
    options.n_key = strlen(OWN_IDENTITY);
    drive_alone(&drive, &options, &plans[4], file, 3000);
    assert_opens_with(&drive, &identity, file, 3000);
    assert_int_equal(drive.key.n, 0);
    drive_free(&drive);
}

// `n` of the recipients of numbers from 1 on.
static void make_recipients(struct enc_age_key_text *texts, struct enc_job_text *ret_recipients,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct enc_age_recipient recipient = age_recipient((uint8_t)(i + 1));
        enc_age_recipient_text(&recipient, &texts[i]);
        ret_recipients[i] = (struct enc_job_text){texts[i].chars, texts[i].n_chars};
    }
}

static void each_of_up_to_twenty_recipients_opens_it(void **state)
{
    static struct enc_age_key_text texts[ENC_JOB_RECIPIENTS_MAX];
    static struct enc_job_text recipients[ENC_JOB_RECIPIENTS_MAX];
    struct enc_encrypt_job_options options = raw_options;

    (void)state;
    make_recipients(texts, recipients, ENC_JOB_RECIPIENTS_MAX);
    options.recipients = recipients;
    for (size_t n = 1; n <= ENC_JOB_RECIPIENTS_MAX; n += n < 3 ? 1 : 17) {
        struct drive drive;
        uint64_t total;
        options.n_recipients = n;
        options.armor = n % 2;
        run(&drive, &options, &plans[n % N_PLANS], file, 500, &total);
        assert_int_equal(drive.key.n, 0);
        assert_int_equal(drive.n_out, total);
        for (size_t i = 0; i < n; i++) {
            struct enc_age_identity identity = age_identity((uint8_t)(i + 1));
            assert_opens_with(&drive, &identity, file, 500);
        }
        drive_free(&drive);
    }
}

static void the_media_type_says_whether_it_is_armored(void **state)
{
    struct enc_encrypt_job_options options = raw_options;
    struct drive drive;

    (void)state;
    drive_begin(&drive, &options, &plans[0], file, 0);
    assert_string_equal(enc_job_content_type(drive.job), "application/octet-stream");
    drive_free(&drive);
    options.armor = true;
    drive_begin(&drive, &options, &plans[0], file, 0);
    assert_string_equal(enc_job_content_type(drive.job), "text/plain; charset=utf-8");
    drive_free(&drive);
    options.format = ENC_JOB_FERNET;
    options.armor = false;
    drive_begin(&drive, &options, &plans[0], file, 0);
    assert_string_equal(enc_job_content_type(drive.job), "text/plain; charset=utf-8");
    drive_free(&drive);
}

static void a_name_gets_age_at_its_end(void **state)
{
    static const struct {
        const char *name, *expected;
    } cases[] = {
        {"", "file.age"},
        {".", "file.age"},
        {"secret/", "file.age"},
        {"x", "x.age"},
        {"a.age", "a.age.age"},
        {"../notes.tar.gz", "notes.tar.gz.age"},
        {"C:\\\\x\\\\y.txt", "y.txt.age"},
        {"Größe.txt", "Größe.txt.age"},
    };
    struct enc_encrypt_job_options options = form_options();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = make_form(cases[i].name, 10);
        struct drive drive;
        drive_alone(&drive, &options, &plans[0], body, n);
        assert_string_equal(drive.name.chars, cases[i].expected);
        drive_free(&drive);
    }
    options = raw_options;
    options.name = NULL;
    options.n_name = 0;
    struct drive drive;
    drive_alone(&drive, &options, &plans[0], file, 10);
    assert_string_equal(drive.name.chars, "file.age");
    drive_free(&drive);
}

// Every cut of a small form, and many of one with several chunks: nothing that came out opens.
static void cut_off_after(const struct enc_encrypt_job_options *options, size_t n,
                          const struct drive_plan *plan)
{
    struct enc_age_identity identity;
    struct age_opened opened;
    struct drive drive;

    drive_alone(&drive, options, plan, body, n);
    assert_int_equal(drive.step, ENC_JOB_FAILED);
    identity = identity_of(drive.key.chars, drive.key.n);
    age_open(&identity, 1, drive.out, drive.n_out, &age_whole, &opened);
    assert_int_not_equal(opened.status, ENC_OK);
    // What was encrypted is the beginning of the file, but for its last chunk.
    assert_int_equal(opened.plain.n % ENC_AGE_CHUNK, 0);
    assert_memory_equal(opened.plain.at, file, opened.plain.n);
    age_free(&opened.plain);
    drive_free(&drive);
}

static void a_form_that_is_cut_off_gives_no_whole_file(void **state)
{
    struct enc_encrypt_job_options options = form_options();
    size_t n;

    (void)state;
    for (size_t armor = 0; armor < 2; armor++) {
        options.armor = armor;
        n = make_form("x", 50) - 4; // "--" and what is behind it
        for (size_t cut = 0; cut < n; cut++)
            cut_off_after(&options, cut, &plans[cut % 4]);
        n = make_form("x", FILE_MAX) - 4;
        for (size_t cut = n; cut > 0; cut -= cut > n - 60 ? 1 : cut > 3001 ? 3001 : cut)
            cut_off_after(&options, cut, &plans[cut % 2 ? 0 : 8]);
    }
}

static void a_second_file_gives_no_whole_file_either(void **state)
{
    struct enc_encrypt_job_options options = form_options();
    size_t n = make_form("x", FILE_MAX / 2);
    struct enc_age_identity identity;
    struct age_opened opened;
    struct drive drive;

    (void)state;
    n -= 4;
    memcpy(body + n, "\r\nContent-Disposition: form-data; name=file; filename=y\r\n\r\nx", 60);
    drive_alone(&drive, &options, &plans[5], body, n + 60);
    assert_int_equal(drive.status, ENC_TOO_MANY_FILES);
    identity = identity_of(drive.key.chars, drive.key.n);
    age_open(&identity, 1, drive.out, drive.n_out, &age_whole, &opened);
    assert_int_not_equal(opened.status, ENC_OK);
    age_free(&opened.plain);
    drive_free(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_body_of_any_size_gives_its_file_and_its_total),
        cmocka_unit_test(a_body_of_another_size_than_declared_gives_no_file),
        cmocka_unit_test(a_form_with_a_file_of_any_size_gives_its_file),
        cmocka_unit_test(the_same_seed_gives_the_same_file_whatever_the_plan),
        cmocka_unit_test(a_client_brings_its_own_identity),
        cmocka_unit_test(each_of_up_to_twenty_recipients_opens_it),
        cmocka_unit_test(the_media_type_says_whether_it_is_armored),
        cmocka_unit_test(a_name_gets_age_at_its_end),
        cmocka_unit_test(a_form_that_is_cut_off_gives_no_whole_file),
        cmocka_unit_test(a_second_file_gives_no_whole_file_either),
    };
    return cmocka_run_group_tests_name("encrypt_job_age", tests, set_up, tear_down_crypto);
}
