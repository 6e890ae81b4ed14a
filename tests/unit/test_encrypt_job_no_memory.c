// SPDX-License-Identifier: Apache-2.0
// Fails each allocation of a job's life in turn, libcrypto's and our own (linked with --wrap), and
// looks for secrets in every block that is freed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_job.h"
#include "enc_age.h"
#include "enc_cpu.h"
#include "enc_crypto_init.h"
#include "enc_decrypt_job.h"
#include "failing_blocks.h"

#define BOUNDARY "BB"
#define FORM_TYPE "multipart/form-data; boundary=" BOUNDARY
#define PLAINTEXT "MARKER-plaintext" // one block
#define FILE_NAME "MARKER-file-name"
#define OWN_KEY "TUFSS0VSLWtleS1zaWduLU1BUktFUi1rZXktZW5jcnk="
// The same bytes as an identity of age, and its recipient; and the specification's.
#define OWN_IDENTITY "AGE-SECRET-KEY-1F4Q4YJ692GKKKETE94EKJEMW94X5Z5JTG4FZ66M90YKK2MNRWFUS0RAGKG"
#define OWN_RECIPIENT "age1p74nx9jkz2sa7ar35l5uf048uql64rk677zp9g7w3jxy29ujudss23x5lv"
#define OTHER_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define BODY_BYTES 2000
#define ROOM_BYTES 1000

static const char *const secrets[] = {
    "MARKER-key-sign-", // the halves of a key
    "MARKER-key-encry",
    "TUFSS0VSLWtleS1z",         // the same as text
    "F4Q4YJ692GKKKETE94EKJEMW", // and of age
    "MARKER-file-key-",
    "MARKER-stanza-1-", // halves of what the stanzas are made of
    "MARKER-stanza-2-",         PLAINTEXT, FILE_NAME,
};

// A nonce, a key, and for age a file key and the seeds of two stanzas.
static const uint8_t seed[ENC_JOB_SEED_BYTES + 1] = "no secret at all"
                                                    "MARKER-key-sign-"
                                                    "MARKER-key-encry"
                                                    "MARKER-file-key-"
                                                    "MARKER-stanza-1-"
                                                    "MARKER-stanza-1-"
                                                    "MARKER-stanza-2-"
                                                    "MARKER-stanza-2-";

// A job's life: what it is given, and how it ends.
struct life {
    const char *label;
    enum enc_job_format format;
    bool armor;
    size_t n_recipients;
    bool is_form;
    bool has_own_key;
    bool has_two_files;
    bool is_abandoned; // freed with its work undone
    enum enc_status expected;
};

static const struct life lives[] = {
    {"a raw body", .expected = ENC_OK},
    {"a raw body with the client's key", .has_own_key = true, .expected = ENC_OK},
    {"a form", .is_form = true, .expected = ENC_OK},
    {"two files", .is_form = true, .has_two_files = true, .expected = ENC_TOO_MANY_FILES},
    {"a client that goes away", .is_abandoned = true, .expected = ENC_OK},
    {"age", ENC_JOB_AGE, .expected = ENC_OK},
    {"age in armor", ENC_JOB_AGE, .armor = true, .expected = ENC_OK},
    {"age with the client's identity", ENC_JOB_AGE, .has_own_key = true, .expected = ENC_OK},
    {"age for two recipients", ENC_JOB_AGE, .armor = true, .n_recipients = 2, .expected = ENC_OK},
    {"age in a form", ENC_JOB_AGE, .is_form = true, .expected = ENC_OK},
    {"age, two files", ENC_JOB_AGE, .is_form = true, .has_two_files = true,
     .expected = ENC_TOO_MANY_FILES},
    {"age, a client that goes away", ENC_JOB_AGE, .is_abandoned = true, .expected = ENC_OK},
};

#define N_LIVES (sizeof(lives) / sizeof(lives[0]))

static uint8_t body[3 * BODY_BYTES];
static size_t n_body;
static uint8_t token[2 * BODY_BYTES];
static size_t n_token;

static void append(const void *bytes, size_t n)
{
    assert_in_range(n, 0, sizeof(body) - n_body);
    memcpy(body + n_body, bytes, n);
    n_body += n;
}

static void append_file(const struct life *life)
{
    static const char head[] =
        "--" BOUNDARY "\r\n"
        "Content-Disposition: form-data; name=file; filename=" FILE_NAME "\r\n\r\n";
    if (life->is_form)
        append(head, sizeof(head) - 1);
    for (size_t i = 0; i < BODY_BYTES / 16; i++)
        append(PLAINTEXT, 16);
    append(PLAINTEXT, 15); // stays behind as a block that is not full
    if (life->is_form)
        append("\r\n", 2);
}

static void make_body(const struct life *life)
{
    n_body = 0;
    append_file(life);
    if (life->has_two_files)
        append_file(life);
    if (life->is_form)
        append("--" BOUNDARY "--", 4 + sizeof(BOUNDARY) - 1);
}

static void take_output(struct enc_job *job, const uint8_t *room)
{
    size_t n = enc_job_output_used(job);
    assert_in_range(n, 0, sizeof(token) - n_token);
    memcpy(token + n_token, room, n);
    n_token += n;
}

// Runs a job to its end; what it yielded is then in `token`.
static enum enc_status run_job(const struct life *life, struct enc_job *job)
{
    static uint8_t room[ROOM_BYTES];
    size_t at = 0;

    enc_job_output(job, room, sizeof(room));
    for (;;) {
        size_t n = n_body - at < 700 ? n_body - at : 700;
        switch (enc_job_step(job)) {
        case ENC_JOB_NEEDS_INPUT:
            if (life->is_abandoned && at > 0)
                return ENC_OK;
            if (n > 0)
                enc_job_input(job, body + at, n);
            else
                enc_job_input_end(job);
            at += n;
            break;
        case ENC_JOB_NEEDS_OUTPUT:
            take_output(job, room);
            enc_job_output(job, room, sizeof(room));
            break;
        case ENC_JOB_HAS_WORK:
            if (life->is_abandoned)
                return ENC_OK;
            enc_jobs_run(&job, 1);
            break;
        case ENC_JOB_VERIFIED:
        case ENC_JOB_DONE:
        case ENC_JOB_FAILED:
            take_output(job, room);
            return enc_job_status(job);
        }
    }
}

static const char *own_key(const struct life *life)
{
    return life->format == ENC_JOB_AGE ? OWN_IDENTITY : OWN_KEY;
}

static enum enc_status live_once(const struct life *life, struct enc_job_key_text *key)
{
    static const struct enc_job_text recipients[] = {{OTHER_RECIPIENT, sizeof(OTHER_RECIPIENT) - 1},
                                                     {OWN_RECIPIENT, sizeof(OWN_RECIPIENT) - 1}};
    struct enc_job *job = NULL;
    struct enc_encrypt_job_options options = {
        .format = life->format,
        .armor = life->armor,
        .recipients = recipients,
        .n_recipients = life->n_recipients,
        .is_form = life->is_form,
        .content_type = FORM_TYPE,
        .n_content_type = sizeof(FORM_TYPE) - 1,
        .name = FILE_NAME,
        .n_name = sizeof(FILE_NAME) - 1,
        .key = life->has_own_key ? own_key(life) : NULL,
        .n_key = life->has_own_key ? strlen(own_key(life)) : 0,
        .seed = seed,
    };
    n_token = 0;
    enum enc_status status = enc_encrypt_job_new(&options, key, &job);
    if (status == ENC_OK)
        status = run_job(life, job);
    enc_job_free(job);
    return status;
}

// Whether `token` is a whole age file with what append_file adds, for whoever has OWN_IDENTITY.
static bool is_age_file(void)
{
    static struct enc_age_decryptor decryptor;
    static uint8_t plain[ENC_AGE_CHUNK];
    struct enc_age_identity identity;
    size_t n_read = 0, n = 0;
    bool is_ended = false;

    assert_int_equal(enc_age_identity_parse(OWN_IDENTITY, strlen(OWN_IDENTITY), &identity), ENC_OK);
    enc_age_decryptor_init(&decryptor, &identity, 1);
    bool is_whole = enc_age_decryptor_update(&decryptor, token, n_token, plain, sizeof(plain),
                                             &n_read, &n) == ENC_OK &&
                    n_read == n_token && n == 0;
    while (is_whole && !is_ended)
        is_whole =
            enc_age_decryptor_finish(&decryptor, plain, sizeof(plain), &n, &is_ended) == ENC_OK;
    enc_age_decryptor_wipe(&decryptor);
    return is_whole && n >= 16 && memcmp(plain, PLAINTEXT, 16) == 0;
}

static bool is_file(const struct life *life)
{
    struct enc_fernet_key key;

    if (life->format == ENC_JOB_AGE)
        return is_age_file();
    assert_int_equal(enc_fernet_key_parse(OWN_KEY, ENC_FERNET_KEY_CHARS, &key), ENC_OK);
    return drive_is_token(token, n_token, &key);
}

// Lives once with the allocations from number `from` up to `to` failing. Returns how many it made.
static size_t live_with_failures(const struct life *life, size_t from, size_t to,
                                 enum enc_status *ret_status)
{
    struct enc_job_key_text key = {.n = 0};

    OPENSSL_thread_stop(); // OpenSSL's list of errors, made with the first
    size_t n_live_before = n_live;
    n_taken = 0;
    fail_from = from;
    fail_to = to;
    *ret_status = live_once(life, &key);
    fail_from = fail_to = SIZE_MAX;
    size_t n = n_taken;
    OPENSSL_thread_stop();
    if (n_live != n_live_before || n_freed_with_secret != 0)
        fail_msg("%s, from %zu: %zu blocks instead of %zu, %zu freed with a secret", life->label,
                 from, n_live, n_live_before, n_freed_with_secret);

    assert_int_equal(is_file(life), *ret_status == ENC_OK && !life->is_abandoned);
    assert_true(key.n == 0 || strcmp(key.chars, own_key(life)) == 0);
    assert_int_equal(n_freed_with_secret, 0); // in opening it
    return n;
}

// With one allocation failing, or with all from there on.
static void fail_in_turn(const struct life *life, bool for_good)
{
    enum enc_status status;
    make_body(life);
    size_t n = live_with_failures(life, SIZE_MAX, SIZE_MAX, &status);
    assert_int_equal(status, life->expected);
    assert_in_range(n, 3, 1000); // the job, a cipher, a MAC: the wrapping works

    for (size_t i = 0; i < n; i++) {
        live_with_failures(life, i, for_good ? SIZE_MAX : i + 1, &status);
        // libcrypto's X25519 does without some of what it asks for; what comes out is looked at.
        if (life->format == ENC_JOB_AGE && !for_good && status == life->expected)
            continue;
        if (status != ENC_NO_MEMORY && status != ENC_CRYPTO_FAILED)
            fail_msg("%s, allocation %zu of %zu: %s", life->label, i, n, enc_status_name(status));
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIVES; i++)
        fail_in_turn(&lives[i], false);
}

static void memory_may_run_out_at_any_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIVES; i++)
        fail_in_turn(&lives[i], true);
}

static void the_first_allocation_is_the_job(void **state)
{
    (void)state;
    enum enc_status status;
    make_body(&lives[0]);
    live_with_failures(&lives[0], 0, 1, &status);
    assert_int_equal(status, ENC_NO_MEMORY);
    assert_int_equal(n_token, 0);
}

static void a_job_makes_no_allocation_for_each_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIVES; i++) {
        enum enc_status status;
        if (lives[i].is_form || lives[i].is_abandoned)
            continue;
        make_body(&lives[i]);
        size_t n_large = live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
        n_body = 100;
        size_t n_small = live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
        assert_int_equal(n_large, n_small);
    }
}

static size_t allocations_of(const struct life *life)
{
    struct enc_job_key_text key;
    size_t n_before = n_taken;

    make_body(life);
    assert_int_equal(live_once(life, &key), life->expected);
    return n_taken - n_before;
}

static void kept_memory_is_used_again_and_has_no_secret(void **state)
{
    const struct life *fernet = &lives[2], *age = &lives[5];
    size_t n_before = n_live, n_fernet = allocations_of(fernet), n_age = allocations_of(age);

    (void)state;
    assert_int_equal(n_live, n_before); // at first nothing is kept
    enc_jobs_keep_memory(1);
    assert_int_equal(allocations_of(fernet), n_fernet);
    assert_int_equal(n_live, n_before + 1);
    assert_int_equal(allocations_of(age), n_age); // takes another size, and is not kept
    assert_int_equal(allocations_of(fernet), n_fernet - 1);
    assert_int_equal(n_live, n_before + 1);
    enc_jobs_keep_memory(0);
    assert_int_equal(n_live, n_before);
    assert_int_equal(n_freed_with_secret, 0);
}

static void memory_of_one_size_alone_is_kept(void **state)
{
    const struct enc_decrypt_job_options options = {.key = OWN_KEY, .n_key = sizeof(OWN_KEY) - 1};
    size_t n_before = n_live, n_fernet = allocations_of(&lives[0]);

    (void)state;
    enc_jobs_keep_memory(4);
    for (size_t round = 0; round < 2; round++) {
        struct enc_job *job;
        assert_int_equal(allocations_of(&lives[0]), n_fernet);
        assert_int_equal(n_live, n_before + 1);
        assert_int_equal(enc_decrypt_job_new(&options, &job), ENC_OK);
        enc_job_free(job);
        assert_int_equal(n_live, n_before + 1); // the other is gone
    }
    enc_jobs_keep_memory(0);
    assert_int_equal(n_live, n_before);
}

static void no_more_memory_is_kept_than_was_said(void **state)
{
    enum { N_JOBS = 5, N_KEPT = 3 };
    struct enc_encrypt_job_options options = {.name = "a", .n_name = 1, .seed = seed};
    struct enc_job *jobs[N_JOBS];
    struct enc_job_key_text key;
    size_t n_before = n_live;

    (void)state;
    enc_jobs_keep_memory(N_KEPT);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < N_JOBS; i++)
            assert_int_equal(enc_encrypt_job_new(&options, &key, &jobs[i]), ENC_OK);
        for (size_t i = 0; i < N_JOBS; i++)
            enc_job_free(jobs[i]);
        assert_int_equal(n_live, n_before + N_KEPT);
    }
    enc_jobs_keep_memory(0);
    assert_int_equal(n_live, n_before);
}

// Some of libcrypto's memory is taken once, with the first use of what is not looked up before.
static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        watch_text(secrets[i]);
    for (size_t i = 0; i < N_LIVES; i++) {
        struct enc_job_key_text key;
        make_body(&lives[i]);
        if (live_once(&lives[i], &key) != lives[i].expected)
            return -1;
        (void)is_file(&lives[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(memory_may_run_out_at_any_time),
        cmocka_unit_test(the_first_allocation_is_the_job),
        cmocka_unit_test(a_job_makes_no_allocation_for_each_byte),
        cmocka_unit_test(kept_memory_is_used_again_and_has_no_secret),
        cmocka_unit_test(memory_of_one_size_alone_is_kept),
        cmocka_unit_test(no_more_memory_is_kept_than_was_said),
    };
    enc_cpu_use(ENC_CPU_PORTABLE); // lanes of libcrypto's
    // Before libcrypto's first allocation.
    if (!hook_allocations() || enc_crypto_init() != ENC_OK)
        return 1;
    int failures = cmocka_run_group_tests_name("encrypt_job_no_memory", tests, set_up, NULL);
    enc_crypto_free();
    return failures;
}
