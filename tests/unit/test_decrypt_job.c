// SPDX-License-Identifier: Apache-2.0
// Files that are decrypted well: whatever the pieces and the rooms, pass 1 puts out the file as it
// is in the body, and pass 2 the plaintext.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decrypt_files.h"
#include "with_crypto.h"

#define FILE_MAX (2 * ENC_AGE_CHUNK + 1000)

static uint8_t plain[FILE_MAX];

static int set_up(void **state)
{
    age_fill(plain, sizeof(plain));
    // What a form's parser has to look at twice.
    for (size_t i = 0; i + 64 < sizeof(plain); i += 997)
        memcpy(plain + i, "\r\n--BB", 1 + i % 5);
    return set_up_crypto(state);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1 << 18}, .n_rooms = 1},
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {7, 1, 4096}, .n_pieces = 3, .rooms = {257, 65537, 1021}, .n_rooms = 3},
    {.pieces = {65536, 1}, .n_pieces = 2, .rooms = {65552, 65551}, .n_rooms = 2},
    {.pieces = {16384, 16385}, .n_pieces = 2, .rooms = {1, 300, 70000}, .n_rooms = 3},
    {.pieces = {4096, 61}, .n_pieces = 2, .rooms = {1}, .n_rooms = 1, .takes_room = true},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static struct drive_passes passes_of(size_t first, size_t second)
{
    return (struct drive_passes){.first = plans[first % N_PLANS],
                                 .second = plans[second % N_PLANS]};
}

static void assert_decrypts(const struct enc_decrypt_job_options *options,
                            const struct drive_passes *passes, const struct age_bytes *body,
                            const struct age_bytes *file, size_t n)
{
    struct drive_decrypted decrypted;

    drive_decrypt(options, passes, body->at, body->n, &decrypted);
    assert_int_equal(decrypted.status, ENC_OK);
    assert_int_equal(decrypted.step, ENC_JOB_DONE);
    assert_int_equal(decrypted.kept.n, file->n);
    assert_memory_equal(decrypted.kept.at, file->at, file->n);
    assert_int_equal(decrypted.size, n);
    assert_int_equal(decrypted.plain.n, n);
    if (n > 0)
        assert_memory_equal(decrypted.plain.at, plain, n);
    drive_decrypted_free(&decrypted);
}

static const size_t sizes[] = {
    1000, 12288, 16384, ENC_AGE_CHUNK - 1, ENC_AGE_CHUNK, ENC_AGE_CHUNK + 1, FILE_MAX,
};

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void a_raw_body_of_any_size_gives_its_plaintext(void **state)
{
    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * N_SIZES; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        const size_t n = sizes[i / DECRYPT_N_KINDS];
        struct enc_decrypt_job_options options = decrypt_options(kind);
        struct age_bytes file;

        decrypt_make(kind, plain, n, &file);
        for (size_t p = 0; p < N_PLANS; p++) {
            struct drive_passes passes = passes_of(p, p + i);
            assert_decrypts(&options, &passes, &file, &file, n);
        }
        age_free(&file);
    }
}

static void a_form_with_a_file_of_any_size_gives_its_plaintext(void **state)
{
    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * N_SIZES; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        const size_t n = sizes[i / DECRYPT_N_KINDS];
        struct enc_decrypt_job_options options = decrypt_options(kind);
        struct age_bytes file, form;

        decrypt_make(kind, plain, n, &file);
        form = decrypt_form("name=\"file\"; filename=\"x\"", &file);
        decrypt_be_form(&options);
        for (size_t p = 0; p < N_PLANS; p++) {
            struct drive_passes passes = passes_of(p + i, p);
            assert_decrypts(&options, &passes, &form, &file, n);
        }
        age_free(&form);
        age_free(&file);
    }
}

static void every_length_from_0_to_80_gives_its_plaintext(void **state)
{
    (void)state;
    for (size_t i = 0; i <= 80 * DECRYPT_N_KINDS + 2; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        const size_t n = i / DECRYPT_N_KINDS;
        struct enc_decrypt_job_options options = decrypt_options(kind);
        struct drive_passes passes = passes_of(n, n / N_PLANS + 2), whole = DECRYPT_WHOLE;
        struct age_bytes file;

        decrypt_make(kind, plain, n, &file);
        assert_decrypts(&options, &passes, &file, &file, n);
        assert_decrypts(&options, &whole, &file, &file, n);
        age_free(&file);
    }
}

// In both passes, of a raw body and of a form; so at every point of what it is recognized by.
static void a_body_split_at_any_point_gives_its_plaintext(void **state)
{
    const size_t n = 100;

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        struct enc_decrypt_job_options form_options = options;
        struct drive_passes passes = DECRYPT_WHOLE;
        struct age_bytes file, form;

        decrypt_make(&decrypt_kinds[k], plain, n, &file);
        form = decrypt_form("name=\"file\"", &file);
        decrypt_be_form(&form_options);
        passes.first.n_pieces = passes.second.n_pieces = 2;
        passes.first.pieces[1] = passes.second.pieces[1] = SIZE_MAX;
        for (size_t split = 1; split < form.n; split++) {
            passes.first.pieces[0] = split;
            passes.second.pieces[0] = split % file.n + 1;
            assert_decrypts(&form_options, &passes, &form, &file, n);
            if (split < file.n)
                assert_decrypts(&options, &passes, &file, &file, n);
        }
        age_free(&form);
        age_free(&file);
    }
}

static void without_the_form_switch_the_content_type_says_nothing(void **state)
{
    static const char *const types[] = {DECRYPT_FORM_TYPE, "multipart/form-data",
                                        "application/x-www-form-urlencoded"};
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_AGE]);
    struct drive_passes whole = DECRYPT_WHOLE;
    struct age_bytes file;

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, 10, &file);
    for (size_t i = 0; i < 3; i++) {
        options.content_type = types[i];
        options.n_content_type = strlen(types[i]);
        assert_decrypts(&options, &whole, &file, &file, 10);
    }
    age_free(&file);
}

// Text around a file, which is kept or not, and how much of it.
struct around {
    size_t kind;
    const char *before, *behind;
    bool keeps_before;
};

static const struct around arounds[] = {
    {DECRYPT_FERNET, "", "\n", true},       {DECRYPT_FERNET, "", "\r\n", true},
    {DECRYPT_ARMORED, "\n", "", false},     {DECRYPT_ARMORED, " \t\r\n \n", "", false},
    {DECRYPT_ARMORED, "", "\n\n \t", true}, {DECRYPT_ARMORED, "\r\n", "\r\n ", false},
};

static void white_space_around_a_file_is_fine_where_its_format_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(arounds) / sizeof(arounds[0]); i++) {
        const struct around *around = &arounds[i];
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[around->kind]);
        struct age_bytes file, body = {0}, expected = {0};

        decrypt_make(&decrypt_kinds[around->kind], plain, 60, &file);
        age_append(&expected, file.at, file.n);
        decrypt_append_text(&expected, around->behind);
        decrypt_append_text(&body, around->before);
        age_append(&body, expected.at, expected.n);
        for (size_t p = 0; p < N_PLANS; p++) {
            struct drive_passes passes = passes_of(p, 2);
            assert_decrypts(&options, &passes, &body, &expected, 60);
        }
        age_free(&expected);
        age_free(&body);
        age_free(&file);
    }
}

static void armor_may_be_behind_1024_bytes_of_white_space(void **state)
{
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_ARMORED]);
    struct age_bytes file, body = {0};

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_ARMORED], plain, 60, &file);
    for (size_t i = 0; i < 1024; i++)
        age_append(&body, &" \t\r\n"[i % 4], 1);
    age_append(&body, file.at, file.n);
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive_passes passes = passes_of(p, p);
        assert_decrypts(&options, &passes, &body, &file, 60);
    }
    age_free(&body);
    age_free(&file);
}

static void armor_with_crlf_is_kept_as_it_is(void **state)
{
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_ARMORED]);
    struct age_bytes file, body = {0};

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_ARMORED], plain, 60, &file);
    for (size_t i = 0; i < file.n; i++) {
        if (file.at[i] == '\n')
            age_append(&body, "\r", 1);
        age_append(&body, file.at + i, 1);
    }
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive_passes passes = passes_of(p, p);
        assert_decrypts(&options, &passes, &body, &body, 60);
    }
    age_free(&body);
    age_free(&file);
}

struct name_case {
    size_t kind;
    const char *disposition; // NULL: a raw body, with the name
    const char *name, *expected;
};

static const struct name_case names[] = {
    {DECRYPT_FERNET, NULL, "dir/encrypted_report.pdf", "report.pdf"},
    {DECRYPT_FERNET, NULL, "report.pdf", "decrypted_report.pdf"},
    {DECRYPT_FERNET, NULL, "", "decrypted_file.txt"},
    {DECRYPT_AGE, NULL, "report.pdf.age", "report.pdf"},
    {DECRYPT_ARMORED, NULL, "encrypted_x.txt", "decrypted_encrypted_x.txt"},
    {DECRYPT_AGE, NULL, "", "decrypted_file"},
    {DECRYPT_FERNET, "name=\"file\"; filename=\"encrypted_a b.txt\"", "no", "a b.txt"},
    {DECRYPT_FERNET, "name=\"file\"", "no", "decrypted_file.txt"},
    {DECRYPT_AGE, "name=\"file\"; filename=\"C:\\x\\y.age\"", "no", "y"},
    {DECRYPT_ARMORED, "name=\"file\"; filename=\"\"", "no", "decrypted_file"},
};

static void the_answer_is_named_by_what_the_file_is_called(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[names[i].kind];
        struct enc_decrypt_job_options options = decrypt_options(kind);
        struct drive_passes passes = passes_of(i, i + 1);
        struct drive_decrypted decrypted;
        struct age_bytes file, body;

        decrypt_make(kind, plain, 33, &file);
        body = decrypt_form(names[i].disposition ? names[i].disposition : "", &file);
        options.name = names[i].name;
        options.n_name = strlen(names[i].name);
        if (names[i].disposition)
            decrypt_be_form(&options);
        const struct age_bytes *given = names[i].disposition ? &body : &file;
        drive_decrypt(&options, &passes, given->at, given->n, &decrypted);
        assert_int_equal(decrypted.step, ENC_JOB_DONE);
        assert_string_equal(decrypted.name.chars, names[i].expected);
        drive_decrypted_free(&decrypted);
        age_free(&body);
        age_free(&file);
    }
}

static void a_field_in_which_nothing_was_chosen_may_stand_beside_the_file(void **state)
{
    static const char not_chosen[] =
        "--BB\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n";
    struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[DECRYPT_AGE]);
    struct age_bytes file, form, body = {0};

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, 33, &file);
    form = decrypt_form("name=\"file\"; filename=\"f\"", &file);
    decrypt_be_form(&options);
    decrypt_append_text(&body, not_chosen);
    age_append(&body, form.at, form.n - strlen("--BB--\r\n"));
    decrypt_append_text(&body, not_chosen);
    decrypt_append_text(&body, "--BB--");
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive_passes passes = passes_of(p, p);
        assert_decrypts(&options, &passes, &body, &file, 33);
    }
    age_free(&body);
    age_free(&form);
    age_free(&file);
}

// The format is the key's, whatever is in the body.
static void a_job_knows_its_format_and_its_body_from_the_start(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        struct enc_job *job;

        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        assert_int_equal(enc_job_format_of(job), decrypt_kinds[k].format);
        assert_false(enc_job_is_form(job));
        assert_int_equal(enc_job_status(job), ENC_OK);
        enc_job_free(job);
        decrypt_be_form(&options);
        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        assert_true(enc_job_is_form(job));
        enc_job_free(job);
    }
}

static void no_room_is_asked_for_before_the_file_is_recognized(void **state)
{
    static const size_t n_recognized[] = {2, 22, 34};

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        struct enc_job *job;
        struct age_bytes file;

        decrypt_make(&decrypt_kinds[k], plain, 40, &file);
        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        for (size_t at = 0; at < n_recognized[k]; at++) {
            assert_int_equal(enc_job_step(job), ENC_JOB_NEEDS_INPUT);
            enc_job_input(job, file.at + at, 1);
        }
        assert_int_equal(enc_job_step(job), ENC_JOB_NEEDS_OUTPUT);
        enc_job_free(job);
        age_free(&file);
    }
}

static void a_room_of_the_files_size_is_enough_to_verify_it(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        struct enc_job *job;
        struct age_bytes file;

        decrypt_make(&decrypt_kinds[k], plain, ENC_AGE_CHUNK + 10, &file);
        uint8_t *room = malloc(file.n);
        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        enc_job_output(job, room, file.n);
        enc_job_input(job, file.at, file.n);
        enum enc_job_step step;
        while ((step = enc_job_step(job)) == ENC_JOB_HAS_WORK)
            enc_jobs_run(&job, 1);
        assert_int_equal(step, ENC_JOB_NEEDS_INPUT);
        enc_job_input_end(job);
        assert_int_equal(enc_job_step(job), ENC_JOB_VERIFIED);
        assert_int_equal(enc_job_output_used(job), file.n);
        enc_job_free(job);
        free(room);
        age_free(&file);
    }
}

static void steps_that_are_not_called_for_change_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct enc_decrypt_job_options options = decrypt_options(&decrypt_kinds[k]);
        static uint8_t room[ENC_JOB_ROOM_MIN_MAX];
        struct age_bytes file, got = {0};
        enum enc_job_step step = ENC_JOB_FAILED;
        struct enc_job *job;

        decrypt_make(&decrypt_kinds[k], plain, 40, &file);
        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        for (size_t at = 0; step != ENC_JOB_DONE;) {
            step = enc_job_step(job);
            assert_int_equal(enc_job_step(job), step);
            if (step == ENC_JOB_NEEDS_INPUT && at < file.n) {
                enc_job_input(job, file.at + at++, 1);
            } else if (step == ENC_JOB_NEEDS_INPUT) {
                enc_job_input_end(job);
            } else if (step == ENC_JOB_NEEDS_OUTPUT) {
                enc_job_output(job, room, sizeof(room));
            } else if (step == ENC_JOB_VERIFIED) {
                enc_decrypt_job_open(job);
                at = 0;
            } else {
                assert_int_equal(step, ENC_JOB_DONE);
            }
        }
        age_append(&got, room, enc_job_output_used(job));
        assert_int_equal(got.n, 40);
        assert_memory_equal(got.at, plain, 40);
        enc_job_free(job);
        age_free(&got);
        age_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_body_of_any_size_gives_its_plaintext),
        cmocka_unit_test(a_form_with_a_file_of_any_size_gives_its_plaintext),
        cmocka_unit_test(every_length_from_0_to_80_gives_its_plaintext),
        cmocka_unit_test(a_body_split_at_any_point_gives_its_plaintext),
        cmocka_unit_test(without_the_form_switch_the_content_type_says_nothing),
        cmocka_unit_test(white_space_around_a_file_is_fine_where_its_format_has_it),
        cmocka_unit_test(armor_may_be_behind_1024_bytes_of_white_space),
        cmocka_unit_test(armor_with_crlf_is_kept_as_it_is),
        cmocka_unit_test(the_answer_is_named_by_what_the_file_is_called),
        cmocka_unit_test(a_field_in_which_nothing_was_chosen_may_stand_beside_the_file),
        cmocka_unit_test(a_job_knows_its_format_and_its_body_from_the_start),
        cmocka_unit_test(no_room_is_asked_for_before_the_file_is_recognized),
        cmocka_unit_test(a_room_of_the_files_size_is_enough_to_verify_it),
        cmocka_unit_test(steps_that_are_not_called_for_change_nothing),
    };
    return cmocka_run_group_tests_name("decrypt_job", tests, set_up, tear_down_crypto);
}
