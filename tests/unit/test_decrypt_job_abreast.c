// SPDX-License-Identifier: Apache-2.0
// The work that jobs which decrypt have for the kernel: many jobs' at once, and work that nobody
// does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decrypt_files.h"
#include "with_crypto.h"

#define N_JOBS 40 // more than two full runs of the kernel
#define N_STEP 1700
#define N_PLAIN (N_JOBS * N_STEP + N_JOBS)

static uint8_t plain[N_PLAIN];

static int set_up(void **state)
{
    age_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1u << 16}, .n_rooms = 1},
    {.pieces = {65536}, .n_pieces = 1, .rooms = {1u << 18}, .n_rooms = 1},
    {.pieces = {700, 20000}, .n_pieces = 2, .rooms = {300, 70000}, .n_rooms = 2},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

// A file under way, through both passes.
struct way {
    const uint8_t *plain;
    size_t n;
    struct age_bytes file, kept;
    const struct drive_plan *second;
    struct drive drive;
    size_t n_work[2]; // how often there was work, in each pass
    bool is_verified;
};

static void begin_way(struct way *way, size_t i)
{
    // One in eight has no work.
    const struct decrypt_kind *kind = &decrypt_kinds[i % 8 == 7 ? DECRYPT_AGE : DECRYPT_FERNET];
    const struct enc_decrypt_job_options options = decrypt_options(kind);

    *way =
        (struct way){.plain = plain + i, .n = N_STEP * i, .second = &plans[i / N_PLANS % N_PLANS]};
    decrypt_make_seeded(kind, (uint8_t)i, way->plain, way->n, &way->file);
    drive_begin_decrypting(&way->drive, &options, &plans[i % N_PLANS], way->file.at, way->file.n);
}

// Goes on until there is work, or nothing more to do, then false.
static bool has_work(struct way *way)
{
    drive_on(&way->drive);
    if (way->drive.step == ENC_JOB_VERIFIED) {
        way->is_verified = true;
        way->kept = drive_take_all(&way->drive);
        drive_open(&way->drive, way->second, &way->kept);
        drive_on(&way->drive);
    }
    if (way->drive.step != ENC_JOB_HAS_WORK)
        return false;
    way->n_work[way->is_verified]++;
    return true;
}

// Goes on with each, and does the work of all of them at once, until all are at their end. Returns
// the most that had work together.
static size_t go_together(struct way ways[], size_t n)
{
    struct enc_job *jobs[N_JOBS];
    size_t n_jobs, most = 0;

    do {
        n_jobs = 0;
        for (size_t i = 0; i < n; i++) {
            if (ways[i].drive.job && has_work(&ways[i]))
                jobs[n_jobs++] = ways[i].drive.job;
        }
        enc_jobs_run(jobs, n_jobs);
        most = n_jobs > most ? n_jobs : most;
    } while (n_jobs > 0);
    return most;
}

static void assert_is_good(const struct way *way)
{
    assert_int_equal(way->drive.status, ENC_OK);
    assert_int_equal(way->drive.step, ENC_JOB_DONE);
    assert_int_equal(way->kept.n, way->file.n);
    assert_memory_equal(way->kept.at, way->file.at, way->file.n);
    assert_int_equal(way->drive.n_out, way->n);
    if (way->n > 0)
        assert_memory_equal(way->drive.out, way->plain, way->n);
}

static void end_way(struct way *way)
{
    drive_free(&way->drive);
    age_free(&way->file);
    age_free(&way->kept);
}

static void fernet_has_work_in_both_passes_and_age_in_none(void **state)
{
    (void)state;
    for (size_t i = 6; i <= 7; i++) {
        // The blocks before the tail.
        const size_t least = i == 6 ? (N_STEP * i + ENC_FERNET_CHUNK - 1) / ENC_FERNET_CHUNK : 0;
        struct way way;

        begin_way(&way, i);
        go_together(&way, 1);
        assert_is_good(&way);
        for (size_t pass = 0; pass < 2; pass++)
            assert_in_range(way.n_work[pass], least, 100 * least);
        end_way(&way);
    }
}

static void many_jobs_run_together_and_each_gives_its_own_file(void **state)
{
    static struct way ways[N_JOBS];

    (void)state;
    for (size_t i = 0; i < N_JOBS; i++)
        begin_way(&ways[i], i);
    assert_in_range(go_together(ways, N_JOBS), N_JOBS - N_JOBS / 8 - 1, N_JOBS);
    for (size_t i = 0; i < N_JOBS; i++) {
        assert_is_good(&ways[i]);
        end_way(&ways[i]);
    }
}

static void a_bad_file_leaves_the_others_alone(void **state)
{
    struct way ways[6];

    (void)state;
    for (size_t i = 0; i < 6; i++)
        begin_way(&ways[i], i + 8);
    ways[2].file.at[ways[2].file.n / 2] ^= 1;
    ways[3].file.at[ways[3].file.n / 2] = '!';
    go_together(ways, 6);
    for (size_t i = 0; i < 6; i++) {
        if (i == 2 || i == 3) {
            assert_false(ways[i].is_verified);
            assert_int_equal(ways[i].drive.step, ENC_JOB_FAILED);
        } else {
            assert_is_good(&ways[i]);
        }
        end_way(&ways[i]);
    }
}

static void a_job_that_is_freed_with_its_work_undone_leaves_the_others_alone(void **state)
{
    struct way ways[6];

    (void)state;
    for (size_t i = 0; i < 6; i++)
        begin_way(&ways[i], i + 8);
    assert_true(has_work(&ways[1]));
    end_way(&ways[1]); // in pass 1
    assert_true(has_work(&ways[4]));
    while (!ways[4].is_verified) {
        enc_jobs_run(&ways[4].drive.job, 1);
        assert_true(has_work(&ways[4]));
    }
    end_way(&ways[4]); // in pass 2
    go_together(ways, 6);
    for (size_t i = 0; i < 6; i++) {
        if (i != 1 && i != 4)
            assert_is_good(&ways[i]);
        end_way(&ways[i]);
    }
}

// Work of both directions is the kernel's alike.
static void jobs_that_encrypt_and_decrypt_run_together(void **state)
{
    const struct decrypt_kind *kind = &decrypt_kinds[DECRYPT_FERNET];
    static const uint8_t seed[ENC_JOB_SEED_BYTES] = {42};
    const struct enc_encrypt_job_options options = {.format = kind->format,
                                                    .key = kind->key,
                                                    .n_key = strlen(kind->key),
                                                    .time = DECRYPT_TIME,
                                                    .seed = seed};
    struct drive alone, other;
    struct way way;
    bool is_together = false;

    (void)state;
    drive_alone(&alone, &options, &plans[1], plain, N_PLAIN);
    drive_begin(&other, &options, &plans[1], plain, N_PLAIN);
    begin_way(&way, 30);
    for (;;) {
        struct enc_job *jobs[2];
        size_t n = 0;
        if (has_work(&way))
            jobs[n++] = way.drive.job;
        if (drive_on(&other) == ENC_JOB_HAS_WORK)
            jobs[n++] = other.job;
        if (n == 0)
            break;
        is_together = is_together || n == 2;
        enc_jobs_run(jobs, n);
    }
    assert_true(is_together);
    assert_is_good(&way);
    assert_int_equal(other.n_out, alone.n_out);
    assert_memory_equal(other.out, alone.out, alone.n_out);
    end_way(&way);
    drive_free(&alone);
    drive_free(&other);
}

// Nor does it pass for verified, or put out what was not hashed.
static void work_that_nobody_did_fails_the_job(void **state)
{
    (void)state;
    for (int pass = 1; pass <= 2; pass++) {
        struct way way;

        begin_way(&way, 20);
        assert_true(has_work(&way));
        while (pass == 2 && !way.is_verified) {
            enc_jobs_run(&way.drive.job, 1);
            assert_true(has_work(&way));
        }
        assert_int_equal(way.is_verified, pass == 2);
        const size_t n_out = way.drive.n_out + enc_job_output_used(way.drive.job);
        assert_false(has_work(&way));
        assert_int_equal(way.drive.step, ENC_JOB_FAILED);
        assert_int_equal(way.drive.status, ENC_MISUSE);
        assert_int_equal(way.is_verified, pass == 2);
        assert_int_equal(way.drive.n_out, n_out);
        end_way(&way);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fernet_has_work_in_both_passes_and_age_in_none),
        cmocka_unit_test(many_jobs_run_together_and_each_gives_its_own_file),
        cmocka_unit_test(a_bad_file_leaves_the_others_alone),
        cmocka_unit_test(a_job_that_is_freed_with_its_work_undone_leaves_the_others_alone),
        cmocka_unit_test(jobs_that_encrypt_and_decrypt_run_together),
        cmocka_unit_test(work_that_nobody_did_fails_the_job),
    };
    return cmocka_run_group_tests_name("decrypt_job_abreast", tests, set_up, tear_down_crypto);
}
