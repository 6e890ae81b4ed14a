// SPDX-License-Identifier: Apache-2.0
// Chunks of age files that are released as they are verified: in one pass, none but the
// plaintext's, and whether that is all of it shows at the end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decrypt_files.h"
#include "with_crypto.h"

#define N_CHUNK ((size_t)ENC_AGE_CHUNK + ENC_AEAD_TAG)
#define N_LARGE (2 * ENC_AGE_CHUNK + 1000)

static uint8_t plain[N_LARGE];

static int set_up(void **state)
{
    age_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {7, 1, 4096}, .n_pieces = 3, .rooms = {1, 65537, 140000}, .n_rooms = 3},
    {.pieces = {16384}, .n_pieces = 1, .rooms = {131072}, .n_rooms = 1},
    {.pieces = {4096, 61}, .n_pieces = 2, .rooms = {1}, .n_rooms = 1, .takes_room = true},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

static struct enc_decrypt_job_options release_options(const struct decrypt_kind *kind)
{
    struct enc_decrypt_job_options options = decrypt_options(kind);

    options.release_chunks = true;
    return options;
}

static void release(const struct enc_decrypt_job_options *options, size_t p,
                    const struct age_bytes *body, struct drive_decrypted *ret)
{
    struct drive_passes passes = {.first = plans[p % N_PLANS]};

    drive_decrypt(options, &passes, body->at, body->n, ret);
    assert_in_range(ret->plain.n, 0, sizeof(plain));
    if (ret->plain.n > 0)
        assert_memory_equal(ret->plain.at, plain, ret->plain.n);
}

static void assert_releases(const struct enc_decrypt_job_options *options,
                            const struct age_bytes *body, size_t n, enum enc_status status)
{
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive_decrypted decrypted;
        release(options, p, body, &decrypted);
        assert_int_equal(decrypted.status, status);
        assert_int_equal(decrypted.step, status == ENC_OK ? ENC_JOB_DONE : ENC_JOB_FAILED);
        assert_int_equal(decrypted.plain.n, n);
        drive_decrypted_free(&decrypted);
    }
}

static void a_whole_file_is_released_in_one_pass(void **state)
{
    static const size_t sizes[] = {
        0,      1, 80, 1000, ENC_AGE_CHUNK - 1, ENC_AGE_CHUNK, ENC_AGE_CHUNK + 1, 2 * ENC_AGE_CHUNK,
        N_LARGE};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % 2 ? DECRYPT_AGE : DECRYPT_ARMORED];
        struct enc_decrypt_job_options options = release_options(kind);
        struct age_bytes file, form;
        decrypt_make(kind, plain, sizes[i / 2], &file);
        assert_releases(&options, &file, sizes[i / 2], ENC_OK);
        form = decrypt_form("name=\"file\"; filename=\"x.age\"", &file);
        decrypt_be_form(&options);
        assert_releases(&options, &form, sizes[i / 2], ENC_OK);
        age_free(&form);
        age_free(&file);
    }
}

static void a_small_file_split_at_any_point_is_released(void **state)
{
    (void)state;
    for (size_t k = DECRYPT_AGE; k <= DECRYPT_ARMORED; k++) {
        struct enc_decrypt_job_options options = release_options(&decrypt_kinds[k]);
        struct drive_passes passes = {.first = {.n_pieces = 2, .rooms = {1}, .n_rooms = 1}};
        struct age_bytes file, spaced = {0};
        decrypt_make(&decrypt_kinds[k], plain, 100, &file);
        if (k == DECRYPT_ARMORED)
            decrypt_append_text(&spaced, " \r\n");
        age_append(&spaced, file.at, file.n);
        for (size_t split = 1; split < spaced.n; split++) {
            struct drive_decrypted decrypted;
            passes.first.pieces[0] = split;
            passes.first.pieces[1] = SIZE_MAX;
            drive_decrypt(&options, &passes, spaced.at, spaced.n, &decrypted);
            assert_int_equal(decrypted.step, ENC_JOB_DONE);
            assert_int_equal(decrypted.plain.n, 100);
            assert_memory_equal(decrypted.plain.at, plain, 100);
            drive_decrypted_free(&decrypted);
        }
        age_free(&spaced);
        age_free(&file);
    }
}

// A byte more shows that a chunk is not the last one.
static void a_chunk_is_there_with_the_first_byte_behind_it(void **state)
{
    static uint8_t room[3 * ENC_AGE_CHUNK];
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);
    struct enc_job *job;
    struct age_bytes file;

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, N_LARGE, &file);
    const size_t n_head = file.n - N_LARGE - 3 * ENC_AEAD_TAG;
    assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
    enc_job_output(job, room, sizeof(room));
    for (size_t at = 0; at < file.n; at++) {
        assert_int_equal(enc_job_step(job), ENC_JOB_NEEDS_INPUT);
        const size_t n_chunks = at < n_head ? 0 : (at - n_head - (at > n_head)) / N_CHUNK;
        assert_int_equal(enc_job_output_used(job), n_chunks * ENC_AGE_CHUNK);
        enc_job_input(job, file.at + at, 1);
    }
    assert_int_equal(enc_job_step(job), ENC_JOB_NEEDS_INPUT);
    assert_int_equal(enc_job_output_used(job), 2 * ENC_AGE_CHUNK);
    enc_job_input_end(job);
    assert_int_equal(enc_job_step(job), ENC_JOB_DONE);
    assert_int_equal(enc_job_output_used(job), N_LARGE);
    assert_memory_equal(room, plain, N_LARGE);
    enc_job_free(job);
    age_free(&file);
}

static void a_file_that_is_cut_off_fails_behind_its_whole_chunks(void **state)
{
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);
    struct age_bytes file;

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, N_LARGE, &file);
    const size_t n_head = file.n - N_LARGE - 3 * ENC_AEAD_TAG;
    const struct {
        size_t n, n_chunks;
        enum enc_status status;
    } cases[] = {
        {1, 0, ENC_UNRECOGNIZED_FORMAT},
        {30, 0, ENC_AGE_HEADER},
        {n_head - 1, 0, ENC_AGE_HEADER},
        {n_head, 0, ENC_AGE_PAYLOAD},
        {n_head + 1000, 0, ENC_AGE_PAYLOAD},
        {n_head + N_CHUNK - 1, 0, ENC_AGE_PAYLOAD},
        {n_head + N_CHUNK, 1, ENC_AGE_PAYLOAD},
        {n_head + N_CHUNK + 1, 1, ENC_AGE_PAYLOAD},
        {n_head + 2 * N_CHUNK - 1, 1, ENC_AGE_PAYLOAD},
        {n_head + 2 * N_CHUNK, 2, ENC_AGE_PAYLOAD},
        {n_head + 2 * N_CHUNK + 16, 2, ENC_AGE_PAYLOAD},
        {file.n - 1, 2, ENC_AGE_PAYLOAD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct age_bytes cut = {file.at, cases[i].n, 0};
        assert_releases(&options, &cut, cases[i].n_chunks * ENC_AGE_CHUNK, cases[i].status);
    }
    age_free(&file);
}

static void damage_fails_behind_the_chunks_before_it(void **state)
{
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);
    struct age_bytes file;

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, N_LARGE, &file);
    const size_t n_head = file.n - N_LARGE - 3 * ENC_AEAD_TAG;
    for (size_t chunk = 0; chunk < 3; chunk++) {
        const size_t at = n_head + chunk * N_CHUNK;
        const size_t n = chunk < 2 ? N_CHUNK : file.n - at;
        const size_t places[] = {at, at + n / 2, at + n - 1};
        for (size_t i = 0; i < 3; i++) {
            file.at[places[i]] ^= 1;
            assert_releases(&options, &file, chunk * ENC_AGE_CHUNK, ENC_AGE_PAYLOAD);
            file.at[places[i]] ^= 1;
        }
    }
    age_free(&file);
}

static void what_is_behind_the_last_chunk_makes_it_fail(void **state)
{
    static const size_t sizes[] = {0, 100, ENC_AGE_CHUNK, ENC_AGE_CHUNK + 5};
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct age_bytes file;
        decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, sizes[i], &file);
        age_append(&file, "x", 1);
        assert_releases(&options, &file, sizes[i] / ENC_AGE_CHUNK * ENC_AGE_CHUNK, ENC_AGE_PAYLOAD);
        age_free(&file);
    }
}

// The last chunk waits for the end of the form.
static void a_form_that_is_cut_off_or_goes_on_fails(void **state)
{
    static const struct {
        const char *tail;
        enum enc_status status;
    } cases[] = {
        {"", ENC_TRUNCATED_BODY},
        {"\r\n--BB\r\n", ENC_TRUNCATED_BODY},
        {"\r\n--BB\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--BB--",
         ENC_TOO_MANY_FILES},
    };
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);
    struct age_bytes file;

    (void)state;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, ENC_AGE_CHUNK + 100, &file);
    decrypt_be_form(&options);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct age_bytes form = {0};
        decrypt_append_text(&form, "--BB\r\nContent-Disposition: form-data; name=file\r\n\r\n");
        age_append(&form, file.at, file.n);
        decrypt_append_text(&form, cases[i].tail);
        assert_releases(&options, &form, ENC_AGE_CHUNK, cases[i].status);
        age_free(&form);
    }
    age_free(&file);
}

static void no_bit_of_a_small_file_can_be_flipped(void **state)
{
    (void)state;
    for (size_t k = DECRYPT_AGE; k <= DECRYPT_ARMORED; k++) {
        struct enc_decrypt_job_options options = release_options(&decrypt_kinds[k]);
        struct age_bytes file;
        decrypt_make(&decrypt_kinds[k], plain, 20, &file);
        for (size_t bit = 0; bit < 8 * file.n; bit += 3) {
            struct drive_decrypted decrypted;
            file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            release(&options, bit / 8, &file, &decrypted);
            assert_int_equal(decrypted.step, ENC_JOB_FAILED);
            assert_int_equal(decrypted.plain.n, 0);
            drive_decrypted_free(&decrypted);
            file.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        age_free(&file);
    }
}

static void a_file_that_must_be_whole_takes_two_passes_nevertheless(void **state)
{
    struct enc_decrypt_job_options options = release_options(&decrypt_kinds[DECRYPT_AGE]);
    struct drive_passes passes = DECRYPT_WHOLE;
    struct drive_decrypted decrypted;
    struct age_bytes file;

    (void)state;
    options.must_be_whole = true;
    decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, N_LARGE, &file);
    drive_decrypt(&options, &passes, file.at, file.n, &decrypted);
    assert_int_equal(decrypted.status, ENC_OK);
    assert_true(decrypted.is_verified);
    assert_int_equal(decrypted.plain.n, N_LARGE);
    drive_decrypted_free(&decrypted);
    drive_decrypt(&options, &passes, file.at, file.n - 1, &decrypted);
    assert_int_equal(decrypted.status, ENC_AGE_PAYLOAD);
    assert_int_equal(decrypted.plain.n, 0);
    drive_decrypted_free(&decrypted);
    age_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_released_in_one_pass),
        cmocka_unit_test(a_small_file_split_at_any_point_is_released),
        cmocka_unit_test(a_chunk_is_there_with_the_first_byte_behind_it),
        cmocka_unit_test(a_file_that_is_cut_off_fails_behind_its_whole_chunks),
        cmocka_unit_test(damage_fails_behind_the_chunks_before_it),
        cmocka_unit_test(what_is_behind_the_last_chunk_makes_it_fail),
        cmocka_unit_test(a_form_that_is_cut_off_or_goes_on_fails),
        cmocka_unit_test(no_bit_of_a_small_file_can_be_flipped),
        cmocka_unit_test(a_file_that_must_be_whole_takes_two_passes_nevertheless),
    };
    return cmocka_run_group_tests_name("decrypt_job_release", tests, set_up, tear_down_crypto);
}
