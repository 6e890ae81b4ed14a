// SPDX-License-Identifier: Apache-2.0
// Fails each allocation of a job's life in turn, libcrypto's and our own (linked with --wrap), and
// looks for secrets in every block that is freed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "drive_job.h"
#include "enc_crypto_init.h"

void *__real_malloc(size_t n);
void __real_free(void *bytes);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n_items, size_t n_item);
void *__wrap_realloc(void *bytes, size_t n);
void __wrap_free(void *bytes);

#define BOUNDARY "BB"
#define FORM_TYPE "multipart/form-data; boundary=" BOUNDARY
#define PLAINTEXT "MARKER-plaintext" // one block
#define FILE_NAME "MARKER-file-name"
#define OWN_KEY "TUFSS0VSLWtleS1zaWduLU1BUktFUi1rZXktZW5jcnk="
#define BODY_BYTES 2000
#define ROOM_BYTES 1000

static const char *const secrets[] = {
    "MARKER-key-sign-", // the halves of a key
    "MARKER-key-encry",
    "TUFSS0VSLWtleS1z", // the same as text
    PLAINTEXT,          FILE_NAME,
};

#define N_SECRETS (sizeof(secrets) / sizeof(secrets[0]))

// In front of each block; keeps it aligned.
union head {
    size_t n;
    max_align_t align;
};

static size_t n_live, n_taken, n_freed_with_secret;
static size_t fail_from = SIZE_MAX; // the number of the allocation that fails, counted by n_taken
static size_t fail_to = SIZE_MAX;   // and of the first after it that does not

void *__wrap_malloc(size_t n)
{
    size_t number = n_taken++;
    if (number >= fail_from && number < fail_to)
        return NULL;
    union head *head = __real_malloc(sizeof(*head) + n);
    if (!head)
        return NULL;
    memset(head, 0, sizeof(*head) + n); // what an earlier owner left is not this one's
    head->n = n;
    n_live++;
    return head + 1;
}

void *__wrap_calloc(size_t n_items, size_t n_item)
{
    size_t n;
    return __builtin_mul_overflow(n_items, n_item, &n) ? NULL : __wrap_malloc(n);
}

void __wrap_free(void *bytes)
{
    if (!bytes)
        return;
    union head *head = (union head *)bytes - 1;
    for (size_t i = 0; i < N_SECRETS; i++)
        n_freed_with_secret += memmem(bytes, head->n, secrets[i], strlen(secrets[i])) != NULL;
    n_live--;
    __real_free(head);
}

void *__wrap_realloc(void *bytes, size_t n)
{
    void *larger = __wrap_malloc(n);
    if (larger && bytes) {
        size_t n_old = ((union head *)bytes - 1)->n;
        memcpy(larger, bytes, n_old < n ? n_old : n);
        __wrap_free(bytes);
    }
    return larger;
}

static void *hook_malloc(size_t n, const char *path, int line)
{
    (void)path;
    (void)line;
    return __wrap_malloc(n);
}

static void *hook_realloc(void *bytes, size_t n, const char *path, int line)
{
    (void)path;
    (void)line;
    return __wrap_realloc(bytes, n);
}

static void hook_free(void *bytes, const char *path, int line)
{
    (void)path;
    (void)line;
    __wrap_free(bytes);
}

static const uint8_t seed[ENC_JOB_SEED_BYTES + 1] = "no secret at all"
                                                    "MARKER-key-sign-"
                                                    "MARKER-key-encry";

// A job's life: what it is given, and how it ends.
struct life {
    const char *label;
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

static void take_output(struct enc_encrypt_job *job, const uint8_t *room)
{
    size_t n = enc_encrypt_job_output_used(job);
    assert_in_range(n, 0, sizeof(token) - n_token);
    memcpy(token + n_token, room, n);
    n_token += n;
}

// Runs a job to its end; what it yielded is then in `token`.
static enum enc_status run_job(const struct life *life, struct enc_encrypt_job *job)
{
    static uint8_t room[ROOM_BYTES];
    size_t at = 0;

    enc_encrypt_job_output(job, room, sizeof(room));
    for (;;) {
        size_t n = n_body - at < 700 ? n_body - at : 700;
        switch (enc_encrypt_job_step(job)) {
        case ENC_JOB_NEEDS_INPUT:
            if (n > 0)
                enc_encrypt_job_input(job, body + at, n);
            else
                enc_encrypt_job_input_end(job);
            at += n;
            break;
        case ENC_JOB_NEEDS_OUTPUT:
            take_output(job, room);
            enc_encrypt_job_output(job, room, sizeof(room));
            break;
        case ENC_JOB_HAS_WORK:
            if (life->is_abandoned)
                return ENC_OK;
            enc_encrypt_jobs_run(&job, 1);
            break;
        case ENC_JOB_DONE:
        case ENC_JOB_FAILED:
            take_output(job, room);
            return enc_encrypt_job_status(job);
        }
    }
}

static enum enc_status live_once(const struct life *life, struct enc_job_key_text *key)
{
    struct enc_encrypt_job *job = NULL;
    struct enc_encrypt_job_options options = {
        .is_form = life->is_form,
        .content_type = FORM_TYPE,
        .n_content_type = sizeof(FORM_TYPE) - 1,
        .name = FILE_NAME,
        .n_name = sizeof(FILE_NAME) - 1,
        .key = life->has_own_key ? OWN_KEY : NULL,
        .n_key = life->has_own_key ? ENC_FERNET_KEY_CHARS : 0,
        .seed = seed,
    };
    n_token = 0;
    enum enc_status status = enc_encrypt_job_new(&options, key, &job);
    if (status == ENC_OK)
        status = run_job(life, job);
    enc_encrypt_job_free(job);
    return status;
}

// Lives once with the allocations from number `from` up to `to` failing. Returns how many it made.
static size_t live_with_failures(const struct life *life, size_t from, size_t to,
                                 enum enc_status *ret_status)
{
    struct enc_job_key_text key = {.n = 0};
    struct enc_fernet_key raw_key;

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

    assert_int_equal(enc_fernet_key_parse(OWN_KEY, ENC_FERNET_KEY_CHARS, &raw_key), ENC_OK);
    assert_int_equal(drive_is_token(token, n_token, &raw_key),
                     *ret_status == ENC_OK && !life->is_abandoned);
    assert_true(key.n == 0 || memcmp(key.chars, OWN_KEY, sizeof(OWN_KEY)) == 0);
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
    enum enc_status status;
    make_body(&lives[0]);
    size_t n_large = live_with_failures(&lives[0], SIZE_MAX, SIZE_MAX, &status);
    n_body = 100;
    size_t n_small = live_with_failures(&lives[0], SIZE_MAX, SIZE_MAX, &status);
    assert_int_equal(n_large, n_small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(memory_may_run_out_at_any_time),
        cmocka_unit_test(the_first_allocation_is_the_job),
        cmocka_unit_test(a_job_makes_no_allocation_for_each_byte),
    };
    // Before libcrypto's first allocation.
    if (!CRYPTO_set_mem_functions(hook_malloc, hook_realloc, hook_free) ||
        enc_crypto_init() != ENC_OK)
        return 1;
    int failures = cmocka_run_group_tests_name("encrypt_job_no_memory", tests, NULL, NULL);
    enc_crypto_free();
    return failures;
}
