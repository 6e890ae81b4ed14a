// SPDX-License-Identifier: Apache-2.0
// Uploads that go well: whatever the pieces, the rooms and the company, the token is the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_job.h"
#include "with_crypto.h"

#define TIME 1700000000u
#define BOUNDARY "----WebKitFormBoundary7MA4YWxk"
#define FORM_TYPE "multipart/form-data; boundary=" BOUNDARY
#define OWN_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define FILE_MAX (3 * ENC_FERNET_CHUNK + 1000)

static uint8_t seed[ENC_JOB_SEED_BYTES];
static uint8_t file[FILE_MAX]; // bytes of every value, and here and there a boundary, nearly
static uint8_t body[FILE_MAX + 4096];

static const struct enc_encrypt_job_options raw_options = {
    .content_type = "application/octet-stream",
    .n_content_type = 24,
    .is_form = true,
    .name = "dir/report.pdf",
    .n_name = 14,
    .time = TIME,
    .seed = seed,
};

static const struct enc_encrypt_job_options form_options = {
    .content_type = FORM_TYPE,
    .n_content_type = sizeof(FORM_TYPE) - 1,
    .is_form = true,
    .name = "not-this-one",
    .n_name = 12,
    .time = TIME,
    .seed = seed,
};

static int set_up(void **state)
{
    static const char look_alike[] = "\r\n--" BOUNDARY;
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(17 * i + 3);
    for (size_t i = 0; i < sizeof(file); i++)
        file[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i + 64 < sizeof(file); i += 997)
        memcpy(file + i, look_alike, 1 + i % (sizeof(look_alike) - 2));
    return set_up_crypto(state);
}

// The body of a form: a field, the file's part with this disposition, another field.
static size_t make_form(const char *disposition, const uint8_t *bytes, size_t n)
{
    int head = snprintf((char *)body, sizeof(body),
                        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n"
                        "not the file\r\n"
                        "--" BOUNDARY "\r\nContent-Disposition: form-data; %s\r\n"
                        "Content-Type: text/plain\r\n\r\n",
                        disposition);
    static const char tail[] = "\r\n--" BOUNDARY "\r\n"
                               "Content-Disposition: form-data; name=\"after\"\r\n\r\nx\r\n"
                               "--" BOUNDARY "--\r\n";
    assert_in_range(head, 1, 1000);
    memcpy(body + head, bytes, n);
    memcpy(body + (size_t)head + n, tail, sizeof(tail) - 1);
    return (size_t)head + n + sizeof(tail) - 1;
}

// The token that the encryptor makes when it is used directly. The caller frees it.
static uint8_t *reference_token(const char *key_text, const uint8_t *bytes, size_t n,
                                size_t *ret_n_token)
{
    struct enc_fernet_key key;
    struct enc_fernet_encryptor encryptor;
    size_t cap = 2 * n + 1024, n_update, n_finish;
    bool is_ended;
    uint8_t *token = malloc(cap);
    assert_non_null(token);
    assert_int_equal(enc_fernet_key_parse(key_text, ENC_FERNET_KEY_CHARS, &key), ENC_OK);
    assert_int_equal(enc_fernet_encryptor_init(&encryptor, &key, TIME, seed), ENC_OK);
    assert_int_equal(enc_encryptor_update(&encryptor.base, bytes, n, token, cap, &n_update),
                     ENC_OK);
    assert_int_equal(enc_fernet_encryptor_ops.finish(&encryptor.base, token + n_update,
                                                     cap - n_update, &n_finish, &is_ended),
                     ENC_OK);
    enc_fernet_encryptor_ops.wipe(&encryptor.base);
    assert_true(drive_is_token(token, n_update + n_finish, &key));
    *ret_n_token = n_update + n_finish;
    return token;
}

static void assert_is_token_of(const struct drive *drive, const char *key_text,
                               const uint8_t *bytes, size_t n)
{
    size_t n_token;
    uint64_t total;
    uint8_t *token = reference_token(key_text, bytes, n, &n_token);
    assert_int_equal(drive->step, ENC_JOB_DONE);
    assert_int_equal(drive->status, ENC_OK);
    assert_int_equal(drive->n_out, n_token);
    assert_memory_equal(drive->out, token, n_token);
    assert_true(enc_encrypt_job_total(drive->job, n, &total));
    assert_int_equal(total, n_token);
    free(token);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1 << 20}, .n_rooms = 1},
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {ENC_JOB_OUT_MIN}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {ENC_JOB_OUT_MIN}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {65536}, .n_rooms = 1},
    {.pieces = {7, 1, 4096}, .n_pieces = 3, .rooms = {257, 300, 1021}, .n_rooms = 3},
    {.pieces = {16, 15, 17}, .n_pieces = 3, .rooms = {16384, 16385, 4097, 511}, .n_rooms = 4},
    {.pieces = {ENC_FERNET_CHUNK, 1}, .n_pieces = 2, .rooms = {16420, 256}, .n_rooms = 2},
    {.pieces = {16384}, .n_pieces = 1, .rooms = {21845, 21846, 21847, 21848}, .n_rooms = 4},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static const size_t sizes[] = {
    0,
    1,
    15,
    16,
    17,
    80,
    1000,
    ENC_FERNET_CHUNK - 1,
    ENC_FERNET_CHUNK,
    ENC_FERNET_CHUNK + 1,
    ENC_FERNET_CHUNK + 16,
    2 * ENC_FERNET_CHUNK - 17,
    2 * ENC_FERNET_CHUNK + 5,
    FILE_MAX,
};

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void a_raw_body_of_any_size_gives_its_token(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SIZES; s++) {
        for (size_t p = 0; p < N_PLANS; p++) {
            struct drive drive;
            drive_alone(&drive, &raw_options, &plans[p], file, sizes[s]);
            assert_is_token_of(&drive, drive.key.chars, file, sizes[s]);
            assert_string_equal(drive.name.chars, "encrypted_report.pdf");
            drive_free(&drive);
        }
    }
}

static void a_form_with_a_file_of_any_size_gives_its_token(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SIZES; s++) {
        size_t n = make_form("name=\"file\"; filename=\"a b.txt\"", file, sizes[s]);
        for (size_t p = 0; p < N_PLANS; p++) {
            struct drive drive;
            drive_alone(&drive, &form_options, &plans[p], body, n);
            assert_is_token_of(&drive, drive.key.chars, file, sizes[s]);
            assert_string_equal(drive.name.chars, "encrypted_a b.txt");
            drive_free(&drive);
        }
    }
}

static void every_length_from_0_to_80_gives_its_token(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 80; n++) {
        struct drive drive;
        drive_alone(&drive, &raw_options, &plans[n % N_PLANS], file, n);
        assert_is_token_of(&drive, drive.key.chars, file, n);
        drive_free(&drive);
    }
}

static void a_body_split_at_any_point_gives_the_same_token(void **state)
{
    (void)state;
    static const size_t rooms[] = {ENC_JOB_OUT_MIN, 333, 8192};
    const size_t n_file = 1100; // with two look-alikes of the boundary
    size_t n_body = make_form("name=\"file\"; filename=\"x\"", file, n_file);
    for (size_t split = 1; split < n_body; split++) {
        struct drive_plan plan = {.pieces = {split, SIZE_MAX}, .n_pieces = 2, .n_rooms = 1};
        struct drive drive;
        plan.rooms[0] = rooms[split % 3];
        drive_alone(&drive, &form_options, &plan, body, n_body);
        assert_is_token_of(&drive, drive.key.chars, file, n_file);
        drive_free(&drive);
        if (split >= n_file)
            continue;
        drive_alone(&drive, &raw_options, &plan, file, n_file);
        assert_is_token_of(&drive, drive.key.chars, file, n_file);
        drive_free(&drive);
    }
}

static void without_the_form_switch_the_content_type_says_nothing(void **state)
{
    (void)state;
    static const char *const types[] = {FORM_TYPE, "multipart/form-data",
                                        "application/x-www-form-urlencoded"};
    size_t n_body = make_form("name=\"file\"; filename=\"x\"", file, 10);
    for (size_t i = 0; i < 3; i++) {
        struct enc_encrypt_job_options options = raw_options;
        struct drive drive;
        options.is_form = false;
        options.content_type = types[i];
        options.n_content_type = strlen(types[i]);
        drive_alone(&drive, &options, &plans[0], body, n_body);
        assert_is_token_of(&drive, drive.key.chars, body, n_body);
        assert_string_equal(drive.name.chars, "encrypted_report.pdf");
        drive_free(&drive);
    }
}

static void without_a_content_type_the_body_is_the_file(void **state)
{
    (void)state;
    struct enc_encrypt_job_options options = raw_options;
    struct drive drive;
    options.content_type = options.name = NULL;
    options.n_content_type = options.n_name = 0;
    drive_alone(&drive, &options, &plans[4], file, 5000);
    assert_is_token_of(&drive, drive.key.chars, file, 5000);
    assert_string_equal(drive.name.chars, "encrypted_file.txt");
    drive_free(&drive);
}

static void a_client_brings_its_own_key(void **state)
{
    (void)state;
    struct enc_encrypt_job_options options = raw_options;
    struct drive drive;
    options.key = OWN_KEY;
    options.n_key = ENC_FERNET_KEY_CHARS;
    drive_alone(&drive, &options, &plans[5], file, 3000);
    assert_is_token_of(&drive, OWN_KEY, file, 3000);
    assert_int_equal(drive.key.n, 0);
    drive_free(&drive);
}

static void the_key_that_is_made_is_the_rest_of_the_seed(void **state)
{
    (void)state;
    struct enc_fernet_key key;
    struct drive drive;
    drive_alone(&drive, &raw_options, &plans[0], file, 1);
    assert_int_equal(drive.key.n, ENC_FERNET_KEY_CHARS);
    assert_int_equal(strlen(drive.key.chars), ENC_FERNET_KEY_CHARS);
    assert_int_equal(enc_fernet_key_parse(drive.key.chars, drive.key.n, &key), ENC_OK);
    assert_memory_equal(key.bytes, seed + 16, 32);
    drive_free(&drive);
}

struct form_name_case {
    const char *disposition;
    const char *expected;
};

static const struct form_name_case form_names[] = {
    {"name=\"file\"; filename=\"file.txt\"", "encrypted_file.txt"},
    {"name=file; filename=bare.txt", "encrypted_bare.txt"},
    {"name=\"file\"", "encrypted_file.txt"},
    {"name=\"file\"; filename=\"\"", "encrypted_file.txt"},
    {"name=\"file\"; filename=\"../../etc/passwd\"", "encrypted_passwd"},
    {"name=\"file\"; filename=\"C:\\x\\y.txt\"", "encrypted_y.txt"},
    {"name=\"file\"; filename=\"a%22b.txt\"", "encrypted_a\"b.txt"},
    {"name=\"file\"; filename=\"Größe.txt\"", "encrypted_Größe.txt"},
    {"name=\"file\"; filename=\"x\"; filename*=UTF-8''%e2%82%ac.txt", "encrypted_€.txt"},
};

static void a_form_names_its_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(form_names) / sizeof(form_names[0]); i++) {
        size_t n = make_form(form_names[i].disposition, file, 40);
        struct drive drive;
        drive_alone(&drive, &form_options, &plans[i % N_PLANS], body, n);
        assert_is_token_of(&drive, drive.key.chars, file, 40);
        assert_string_equal(drive.name.chars, form_names[i].expected);
        drive_free(&drive);
    }
}

static void a_field_without_a_file_name_is_a_file_even_if_empty(void **state)
{
    (void)state;
    size_t n = make_form("name=\"file\"", file, 0);
    struct drive drive;
    drive_alone(&drive, &form_options, &plans[0], body, n);
    assert_is_token_of(&drive, drive.key.chars, file, 0);
    assert_string_equal(drive.name.chars, "encrypted_file.txt");
    drive_free(&drive);
}

static void the_file_name_is_known_with_the_first_output(void **state)
{
    (void)state;
    static uint8_t room[4096];
    struct enc_job *job;
    struct enc_job_key_text key;
    struct enc_file_name name;
    size_t n = make_form("name=\"file\"; filename=\"early.txt\"", file, 1000);
    assert_int_equal(enc_encrypt_job_new(&form_options, &key, &job), ENC_OK);
    enc_job_output(job, room, sizeof(room));
    for (size_t i = 0; i < n && enc_job_output_used(job) == 0;) {
        enum enc_job_step step = enc_job_step(job);
        if (step == ENC_JOB_HAS_WORK)
            enc_jobs_run(&job, 1);
        else
            enc_job_input(job, body + i++, 1);
    }
    assert_int_not_equal(enc_job_output_used(job), 0);
    enc_job_file_name(job, &name);
    assert_string_equal(name.chars, "encrypted_early.txt");
    enc_job_free(job);
}

static void a_field_in_which_nothing_was_chosen_may_stand_beside_the_file(void **state)
{
    (void)state;
    static const char head[] =
        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n"
        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
        "12345\r\n"
        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n"
        "--" BOUNDARY "--";
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive drive;
        drive_alone(&drive, &form_options, &plans[p], head, sizeof(head) - 1);
        assert_is_token_of(&drive, drive.key.chars, (const uint8_t *)"12345", 5);
        assert_string_equal(drive.name.chars, "encrypted_a");
        drive_free(&drive);
    }
}

#define N_ABREAST 50 // more than two full runs of the kernel

// Each job has a size, a key, pieces and rooms of its own.
static void begin_abreast(struct drive drives[], uint8_t seeds[][ENC_JOB_SEED_BYTES])
{
    for (size_t i = 0; i < N_ABREAST; i++) {
        struct enc_encrypt_job_options options = raw_options;
        memcpy(seeds[i], seed, 16);
        memset(seeds[i] + 16, (int)i + 1, ENC_JOB_SEED_BYTES - 16);
        options.seed = seeds[i];
        drive_begin(&drives[i], &options, &plans[i % N_PLANS], file + i, 700 * i);
    }
}

// Goes on with each and returns those that have work.
static size_t collect_work(struct drive drives[], struct enc_job *jobs[])
{
    size_t n = 0;
    for (size_t i = 0; i < N_ABREAST; i++) {
        if (drives[i].job && drive_on(&drives[i]) == ENC_JOB_HAS_WORK)
            jobs[n++] = drives[i].job;
    }
    return n;
}

static void many_jobs_run_together_and_each_gets_its_own_token(void **state)
{
    (void)state;
    static struct drive drives[N_ABREAST];
    static uint8_t seeds[N_ABREAST][ENC_JOB_SEED_BYTES];
    struct enc_job *jobs[N_ABREAST];
    size_t n, most = 0;
    begin_abreast(drives, seeds);
    while ((n = collect_work(drives, jobs)) > 0) {
        most = n > most ? n : most;
        enc_jobs_run(jobs, n);
    }
    assert_in_range(most, 33, N_ABREAST);
    for (size_t i = 0; i < N_ABREAST; i++) {
        assert_is_token_of(&drives[i], drives[i].key.chars, file + i, 700 * i);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(drives[i].key.chars, drives[k].key.chars);
    }
    for (size_t i = 0; i < N_ABREAST; i++)
        drive_free(&drives[i]);
}

static void a_job_that_dies_with_its_work_undone_leaves_the_others_alone(void **state)
{
    (void)state;
    static struct drive drives[N_ABREAST];
    static uint8_t seeds[N_ABREAST][ENC_JOB_SEED_BYTES];
    struct enc_job *jobs[N_ABREAST];
    size_t n;
    begin_abreast(drives, seeds);
    for (size_t round = 0; (n = collect_work(drives, jobs)) > 0; round++) {
        size_t dead = round * 5 + 2;
        if (dead < N_ABREAST) {
            size_t n_left = 0;
            for (size_t i = 0; i < n; i++) {
                if (jobs[i] != drives[dead].job)
                    jobs[n_left++] = jobs[i];
            }
            drive_free(&drives[dead]);
            n = n_left;
        }
        enc_jobs_run(jobs, n);
    }
    for (size_t i = 0; i < N_ABREAST; i++) {
        if (drives[i].job)
            assert_is_token_of(&drives[i], drives[i].key.chars, file + i, 700 * i);
        drive_free(&drives[i]);
    }
}

static void the_formats_have_names(void **state)
{
    (void)state;
    enum enc_job_format format = (enum enc_job_format)99;
    assert_true(enc_job_format_parse("fernet!", 6, &format));
    assert_int_equal(format, ENC_JOB_FERNET);
    assert_false(enc_job_format_parse("fernet", 5, &format));
    assert_false(enc_job_format_parse("fernets", 7, &format));
    assert_false(enc_job_format_parse("FERNET", 6, &format));
    assert_false(enc_job_format_parse("", 0, &format));
    assert_string_equal(enc_job_format_name(ENC_JOB_FERNET), "fernet");
    assert_true(enc_job_format_parse("age", 3, &format));
    assert_int_equal(format, ENC_JOB_AGE);
    assert_string_equal(enc_job_format_name(ENC_JOB_AGE), "age");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_body_of_any_size_gives_its_token),
        cmocka_unit_test(a_form_with_a_file_of_any_size_gives_its_token),
        cmocka_unit_test(every_length_from_0_to_80_gives_its_token),
        cmocka_unit_test(a_body_split_at_any_point_gives_the_same_token),
        cmocka_unit_test(without_the_form_switch_the_content_type_says_nothing),
        cmocka_unit_test(without_a_content_type_the_body_is_the_file),
        cmocka_unit_test(a_client_brings_its_own_key),
        cmocka_unit_test(the_key_that_is_made_is_the_rest_of_the_seed),
        cmocka_unit_test(a_form_names_its_file),
        cmocka_unit_test(a_field_without_a_file_name_is_a_file_even_if_empty),
        cmocka_unit_test(the_file_name_is_known_with_the_first_output),
        cmocka_unit_test(a_field_in_which_nothing_was_chosen_may_stand_beside_the_file),
        cmocka_unit_test(many_jobs_run_together_and_each_gets_its_own_token),
        cmocka_unit_test(a_job_that_dies_with_its_work_undone_leaves_the_others_alone),
        cmocka_unit_test(the_formats_have_names),
    };
    return cmocka_run_group_tests_name("encrypt_job", tests, set_up, tear_down_crypto);
}
