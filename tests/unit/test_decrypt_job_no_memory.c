// SPDX-License-Identifier: Apache-2.0
// Fails each allocation of a decrypting job's life in turn, libcrypto's and our own (linked with
// --wrap), and looks for secrets in every block that is freed, however the life ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_reference.h"
#include "drive_decrypt.h"
#include "enc_cpu.h"
#include "enc_crypto_init.h"
#include "failing_blocks.h"

#define FORM_TYPE "multipart/form-data; boundary=BB"
#define FORM_HEAD                                                                                  \
    "--BB\r\nContent-Disposition: form-data; name=file; filename=" FILE_NAME "\r\n\r\n"
#define FORM_TAIL "\r\n--BB--"
#define FILE_NAME "MARKER-file-name"
#define PLAINTEXT "MARKER-plaintext" // one block
#define N_PLAIN (ENC_AGE_CHUNK + 1000 + 15)
#define BODY_MAX (2 * N_PLAIN)
#define OWN_KEY "TUFSS0VSLWtleS1zaWduLU1BUktFUi1rZXktZW5jcnk="
// The same bytes as an identity of age.
#define OWN_IDENTITY "AGE-SECRET-KEY-1F4Q4YJ692GKKKETE94EKJEMW94X5Z5JTG4FZ66M90YKK2MNRWFUS0RAGKG"

static const char *const secrets[] = {
    "MARKER-key-sign-", // the halves of a key
    "MARKER-key-encry",
    "TUFSS0VSLWtleS1z",         // the same as text
    "F4Q4YJ692GKKKETE94EKJEMW", // and of age
    "MARKER-file-key-",         PLAINTEXT, FILE_NAME,
};

static char payload_key[33]; // of age: what opens the chunks

// An IV, or a nonce; a key; a file key.
static const uint8_t seed[ENC_JOB_SEED_BYTES + 1] = "no secret at all"
                                                    "MARKER-key-sign-"
                                                    "MARKER-key-encry"
                                                    "MARKER-file-key-";

enum stop { TO_THE_END, IN_PASS_1, BETWEEN, IN_PASS_2 };

// A job's life: what it is given, and how it ends.
struct life {
    const char *label;
    enum enc_job_format format;
    bool armor, is_form, is_cut_off, release_chunks;
    enum stop stop; // freed then
    int altered_in; // the pass that gets another file, or 0
    enum enc_status expected;
};

static const struct life lives[] = {
    {"Fernet", ENC_JOB_FERNET, .expected = ENC_OK},
    {"Fernet in a form", ENC_JOB_FERNET, .is_form = true, .expected = ENC_OK},
    {"Fernet, altered", ENC_JOB_FERNET, .altered_in = 1, .expected = ENC_FERNET_MAC},
    {"Fernet, changed", ENC_JOB_FERNET, .altered_in = 2, .expected = ENC_FILE_CHANGED},
    {"Fernet, left in pass 1", ENC_JOB_FERNET, .stop = IN_PASS_1},
    {"Fernet, left between", ENC_JOB_FERNET, .stop = BETWEEN},
    {"Fernet, left in pass 2", ENC_JOB_FERNET, .stop = IN_PASS_2},
    {"age", ENC_JOB_AGE, .expected = ENC_OK},
    {"age in armor", ENC_JOB_AGE, .armor = true, .expected = ENC_OK},
    {"age in a form", ENC_JOB_AGE, .is_form = true, .expected = ENC_OK},
    {"age in a form that is cut off", ENC_JOB_AGE, .is_form = true, .is_cut_off = true,
     .expected = ENC_TRUNCATED_BODY},
    {"age, altered", ENC_JOB_AGE, .altered_in = 1, .expected = ENC_AGE_PAYLOAD},
    {"age, changed", ENC_JOB_AGE, .altered_in = 2, .expected = ENC_FILE_CHANGED},
    {"age, left in pass 1", ENC_JOB_AGE, .stop = IN_PASS_1},
    {"age, left between", ENC_JOB_AGE, .armor = true, .stop = BETWEEN},
    {"age, left in pass 2", ENC_JOB_AGE, .stop = IN_PASS_2},
    {"age, released", ENC_JOB_AGE, .release_chunks = true, .expected = ENC_OK},
    {"age, released and altered", ENC_JOB_AGE, .release_chunks = true, .altered_in = 1,
     .expected = ENC_AGE_PAYLOAD},
    {"age, released, left", ENC_JOB_AGE, .release_chunks = true, .stop = IN_PASS_1},
};

#define N_LIVES (sizeof(lives) / sizeof(lives[0]))

static uint8_t plain[N_PLAIN];
static size_t n_plain = N_PLAIN; // of it that are encrypted
static uint8_t body[BODY_MAX], out[BODY_MAX];
static size_t n_body, n_out;
static size_t n_in_job;      // secrets that an abandoned job held
static size_t n_left_behind; // and a failed one, though it has forgotten them

static void append(const void *bytes, size_t n)
{
    assert_in_range(n, 0, sizeof(body) - n_body);
    memcpy(body + n_body, bytes, n);
    n_body += n;
}

static const char *own_key(const struct life *life)
{
    return life->format == ENC_JOB_AGE ? OWN_IDENTITY : OWN_KEY;
}

static void make_body(const struct life *life)
{
    const struct drive_plan whole = DRIVE_WHOLE;
    struct enc_encrypt_job_options options = {
        .format = life->format,
        .armor = life->armor,
        .key = own_key(life),
        .n_key = strlen(own_key(life)),
        .seed = seed,
    };
    struct drive drive;

    drive_alone(&drive, &options, &whole, plain, n_plain);
    assert_int_equal(drive.step, ENC_JOB_DONE);
    n_body = 0;
    if (life->is_form)
        append(FORM_HEAD, sizeof(FORM_HEAD) - 1);
    append(drive.out, drive.n_out);
    if (life->is_form && !life->is_cut_off)
        append(FORM_TAIL, sizeof(FORM_TAIL) - 1);
    drive_free(&drive);
    n_freed_with_secret = 0; // the test's own
}

static void take_output(struct enc_job *job, const uint8_t *room)
{
    const size_t n = enc_job_output_used(job);

    assert_in_range(n, 0, sizeof(out) - n_out);
    memcpy(out + n_out, room, n);
    n_out += n;
}

// Gives the next piece of what this pass gets, altered near the end. False if the life ends here.
static bool give_input(const struct life *life, struct enc_job *job, int pass, size_t *at)
{
    static uint8_t bytes[BODY_MAX], kept[BODY_MAX];
    static size_t n_bytes;

    if (*at == 0) {
        n_bytes = pass == 1 ? n_body : n_out;
        memcpy(bytes, pass == 1 ? body : memcpy(kept, out, n_out), n_bytes);
        if (pass == 2)
            n_out = 0;
        if (life->altered_in == pass)
            bytes[n_bytes - 100] ^= 1;
    }
    const size_t n = n_bytes - *at < 700 ? n_bytes - *at : 700;
    if (n < 700 && (int)life->stop == (pass == 1 ? IN_PASS_1 : IN_PASS_2))
        return false;
    if (n > 0)
        enc_job_input(job, bytes + *at, n);
    else
        enc_job_input_end(job);
    *at += n;
    return true;
}

// Runs a job to its end; what its last pass yielded is then in `out`.
static enum enc_status run_job(const struct life *life, struct enc_job *job)
{
    static uint8_t room[ENC_JOB_ROOM_MIN_MAX];
    size_t at = 0;
    int pass = 1;

    enc_job_output(job, room, sizeof(room));
    for (;;) {
        switch (enc_job_step(job)) {
        case ENC_JOB_NEEDS_INPUT:
            if (!give_input(life, job, pass, &at))
                return ENC_OK;
            break;
        case ENC_JOB_NEEDS_OUTPUT:
            take_output(job, room);
            enc_job_output(job, room, sizeof(room));
            break;
        case ENC_JOB_VERIFIED:
            take_output(job, room);
            if (life->stop == BETWEEN)
                return ENC_OK;
            enc_decrypt_job_open(job);
            pass = 2;
            at = 0;
            break;
        case ENC_JOB_HAS_WORK:
            enc_jobs_run(&job, 1);
            break;
        case ENC_JOB_DONE:
        case ENC_JOB_FAILED:
            take_output(job, room);
            return enc_job_status(job);
        }
    }
}

// What is watched, but for the file's name.
static size_t count_in_job(const struct enc_job *job)
{
    const size_t n_job = ((const union head *)job - 1)->n;
    size_t n = 0;

    for (size_t i = 0; i < n_watched; i++)
        n += memmem(job, n_job, watched[i], strlen(watched[i])) && strcmp(watched[i], FILE_NAME);
    return n;
}

static enum enc_status live_once(const struct life *life)
{
    struct enc_job *job = NULL;
    struct enc_decrypt_job_options options = {
        .is_form = life->is_form,
        .content_type = FORM_TYPE,
        .n_content_type = sizeof(FORM_TYPE) - 1,
        .name = FILE_NAME,
        .n_name = sizeof(FILE_NAME) - 1,
        .key = own_key(life),
        .n_key = strlen(own_key(life)),
        .release_chunks = life->release_chunks,
    };
    n_out = 0;
    enum enc_status status = enc_decrypt_job_new(&options, &job);
    if (status == ENC_OK)
        status = run_job(life, job);
    if (job)
        n_in_job = count_in_job(job);
    if (job && status != ENC_OK)
        n_left_behind += n_in_job;
    enc_job_free(job);
    return status;
}

// What is left in the room, once a pass ends well or badly.
static void check_output(const struct life *life, enum enc_status status)
{
    const bool is_whole = n_out == n_plain && memcmp(out, plain, n_plain) == 0;

    if (life->stop == TO_THE_END)
        assert_int_equal(is_whole, status == ENC_OK);
    else
        assert_false(is_whole);
}

// Lives once with the allocations from number `from` up to `to` failing. Returns how many it made.
static size_t live_with_failures(const struct life *life, size_t from, size_t to,
                                 enum enc_status *ret_status)
{
    OPENSSL_thread_stop(); // OpenSSL's list of errors, made with the first
    const size_t n_live_before = n_live;
    n_taken = 0;
    fail_from = from;
    fail_to = to;
    *ret_status = live_once(life);
    fail_from = fail_to = SIZE_MAX;
    const size_t n = n_taken;
    OPENSSL_thread_stop();
    if (n_live != n_live_before || n_freed_with_secret != 0 || n_left_behind != 0)
        fail_msg("%s, from %zu: %zu blocks instead of %zu, %zu freed with a secret, %zu secrets",
                 life->label, from, n_live, n_live_before, n_freed_with_secret, n_left_behind);
    check_output(life, *ret_status);
    return n;
}

// With one allocation failing, or with all from there on.
static void fail_in_turn(const struct life *life, bool for_good)
{
    size_t n_failed = 0;
    enum enc_status status;

    make_body(life);
    const size_t n = live_with_failures(life, SIZE_MAX, SIZE_MAX, &status);
    assert_int_equal(status, life->expected);
    assert_in_range(n, 3, 1000); // the job, a cipher, a MAC: the wrapping works
    for (size_t i = 0; i < n; i++) {
        live_with_failures(life, i, for_good ? SIZE_MAX : i + 1, &status);
        // libcrypto does without some of what it asks for; what comes out is looked at.
        if (status != life->expected && status != ENC_NO_MEMORY && status != ENC_CRYPTO_FAILED)
            fail_msg("%s, allocation %zu of %zu: %s", life->label, i, n, enc_status_name(status));
        n_failed += status != life->expected;
    }
    assert_in_range(n_failed, n / 3, n);
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
    enum enc_status status;

    (void)state;
    make_body(&lives[0]);
    live_with_failures(&lives[0], 0, 1, &status);
    assert_int_equal(status, ENC_NO_MEMORY);
    assert_int_equal(n_out, 0);
}

static void a_job_makes_no_allocation_for_each_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIVES; i++) {
        enum enc_status status;
        if (lives[i].expected != ENC_OK || lives[i].stop)
            continue;
        make_body(&lives[i]);
        const size_t n_large = live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
        n_plain = 100;
        make_body(&lives[i]);
        const size_t n_small = live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
        n_plain = N_PLAIN;
        assert_int_equal(n_large, n_small);
    }
}

// Else nothing was looked for in the right place.
static void a_job_that_is_left_holds_secrets_until_then(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIVES; i++) {
        enum enc_status status;
        if (lives[i].stop == TO_THE_END)
            continue;
        make_body(&lives[i]);
        n_in_job = 0;
        live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
        // The halves of Fernet's key. An age identity is gone; in age's pass 1, the plaintext of
        // the first chunk is there.
        const bool is_age = lives[i].format == ENC_JOB_AGE;
        const bool has_plain = is_age && lives[i].stop == IN_PASS_1 && !lives[i].release_chunks;
        if (is_age)
            assert_int_equal(n_in_job, has_plain ? 1 : 0);
        else
            assert_int_equal(n_in_job, 2);
    }
}

static int set_up(void **state)
{
    struct enc_age_seed age_seed;
    enum enc_status status;

    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)PLAINTEXT[i % 16];
    memcpy(age_seed.nonce, seed, sizeof(age_seed.nonce));
    memcpy(age_seed.file_key.bytes, "MARKER-file-key-", sizeof(age_seed.file_key.bytes));
    age_reference_key(&age_seed, (uint8_t *)payload_key);
    if (strlen(payload_key) < 16)
        return -1;
    // Some of libcrypto's memory is taken once, with the first use.
    for (size_t i = 0; i < N_LIVES; i++) {
        make_body(&lives[i]);
        if (live_once(&lives[i]) != lives[i].expected)
            return -1;
        live_with_failures(&lives[i], SIZE_MAX, SIZE_MAX, &status);
    }
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        watch_text(secrets[i]);
    watch_text(payload_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(memory_may_run_out_at_any_time),
        cmocka_unit_test(the_first_allocation_is_the_job),
        cmocka_unit_test(a_job_makes_no_allocation_for_each_byte),
        cmocka_unit_test(a_job_that_is_left_holds_secrets_until_then),
    };
    enc_cpu_use(ENC_CPU_PORTABLE); // lanes of libcrypto's
    // Before libcrypto's first allocation.
    if (!hook_allocations() || enc_crypto_init() != ENC_OK)
        return 1;
    int failures = cmocka_run_group_tests_name("decrypt_job_no_memory", tests, set_up, NULL);
    enc_crypto_free();
    return failures;
}
