// SPDX-License-Identifier: Apache-2.0
// One upload, whole and in pieces, side by side: both must come to the same end.
//
// The input: a byte of switches, one of counts, SIZES bytes that become pieces of input and SIZES
// that become rooms for output, the lengths of a content type and of a name, these two, the body.
#include "../tests/unit/age_files.h"
#include "../tests/unit/drive_job.h"
#include "enc_crypto_init.h"

#define SIZES 4
#define HEAD_BYTES (2 + 2 * SIZES + 2)
#define OWN_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define OWN_IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define OWN_RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define LONGER_BYTES 70000 // over a chunk of age
#define FORM_TYPE "multipart/form-data; boundary=B"

enum {
    SWITCH_NO_FORM = 1,  // the content type says nothing
    SWITCH_OWN_TYPE = 2, // the content type is in the input, not FORM_TYPE
    SWITCH_OWN_KEY = 4,
    SWITCH_CUT_OFF = 8, // the body stops without an end
    SWITCH_AGE = 16,
    SWITCH_ARMOR = 32,      // of age
    SWITCH_RECIPIENTS = 64, // of age
    SWITCH_LONGER = 128,    // LONGER_BYTES more, in the middle of the body
};

struct upload {
    struct enc_encrypt_job_options options;
    struct drive_plan plan;
    uint8_t *body;
    size_t n_body;
};

static const uint8_t seed[ENC_JOB_SEED_BYTES] = {0xA5, 1, 2, 3, 4, 5, 6, 7, 8, 9};

// Small sizes, where most goes wrong, and some around the encryptor's chunk.
static size_t piece_size(uint8_t byte)
{
    return byte < 128 ? 1u + byte : 1u + (byte - 127u) * 193u;
}

static size_t room_size(uint8_t byte)
{
    return ENC_JOB_OUT_MIN + (byte < 128 ? byte : (byte - 127u) * 257u);
}

// Takes up to n bytes off the input.
static const uint8_t *take(const uint8_t **data, size_t *n_data, size_t n, size_t *ret_n)
{
    const uint8_t *taken = *data;
    *ret_n = n < *n_data ? n : *n_data;
    *data += *ret_n;
    *n_data -= *ret_n;
    return taken;
}

static void read_keys(uint8_t switches, struct enc_encrypt_job_options *options)
{
    static const struct enc_job_text recipients[] = {{OWN_RECIPIENT, sizeof(OWN_RECIPIENT) - 1},
                                                     {OWN_RECIPIENT, sizeof(OWN_RECIPIENT) - 1}};
    const bool is_age = switches & SWITCH_AGE;

    options->format = is_age ? ENC_JOB_AGE : ENC_JOB_FERNET;
    if (switches & SWITCH_OWN_KEY) {
        options->key = is_age ? OWN_IDENTITY : OWN_KEY;
        options->n_key = strlen(options->key);
    }
    options->armor = switches & SWITCH_ARMOR;
    if (switches & SWITCH_RECIPIENTS) {
        options->recipients = recipients;
        options->n_recipients = 2;
    }
}

static void make_body(uint8_t switches, const uint8_t *data, size_t n, struct upload *upload)
{
    const size_t n_longer = switches & SWITCH_LONGER ? LONGER_BYTES : 0, middle = n / 2;

    upload->n_body = n + n_longer;
    DRIVE_CHECK((upload->body = malloc(upload->n_body + 1)));
    memcpy(upload->body, data, middle);
    memset(upload->body + middle, 'x', n_longer);
    memcpy(upload->body + middle + n_longer, data + middle, n - middle);
}

static void read_upload(const uint8_t *data, size_t n, struct upload *upload)
{
    const uint8_t *head = data;
    struct enc_encrypt_job_options *options = &upload->options;
    struct drive_plan *plan = &upload->plan;

    *upload = (struct upload){.options = {.time = 1700000000u, .seed = seed}};
    data += HEAD_BYTES;
    n -= HEAD_BYTES;
    options->is_form = !(head[0] & SWITCH_NO_FORM);
    read_keys(head[0], options);
    plan->is_cut_off = head[0] & SWITCH_CUT_OFF;
    plan->n_pieces = 1u + head[1] % SIZES;
    plan->n_rooms = 1u + head[1] / SIZES % SIZES;
    for (size_t i = 0; i < SIZES; i++) {
        plan->pieces[i] = piece_size(head[2 + i]);
        plan->rooms[i] = room_size(head[2 + SIZES + i]);
    }
    options->content_type =
        (const char *)take(&data, &n, head[2 + 2 * SIZES], &options->n_content_type);
    options->name = (const char *)take(&data, &n, head[3 + 2 * SIZES], &options->n_name);
    if (!(head[0] & SWITCH_OWN_TYPE)) {
        options->content_type = FORM_TYPE;
        options->n_content_type = sizeof(FORM_TYPE) - 1;
    }
    make_body(head[0], data, n, upload);
}

static void check_same(const struct drive *a, const struct drive *b)
{
    DRIVE_CHECK(a->status == b->status && a->step == b->step);
    DRIVE_CHECK(a->n_out == b->n_out);
    DRIVE_CHECK(a->n_out == 0 || memcmp(a->out, b->out, a->n_out) == 0);
    DRIVE_CHECK(a->name.n == b->name.n && strcmp(a->name.chars, b->name.chars) == 0);
    DRIVE_CHECK(a->key.n == b->key.n && memcmp(a->key.chars, b->key.chars, a->key.n) == 0);
}

static void check_token(const struct drive *drive, const struct upload *upload)
{
    struct enc_fernet_key key;
    const char *text = drive->key.n > 0 ? drive->key.chars : OWN_KEY;

    DRIVE_CHECK(enc_fernet_key_parse(text, ENC_FERNET_KEY_CHARS, &key) == ENC_OK);
    DRIVE_CHECK(drive_is_token(drive->out, drive->n_out, &key) == (drive->step == ENC_JOB_DONE));
    if (drive->step == ENC_JOB_DONE) {
        DRIVE_CHECK(drive->name.n > 10 && drive->name.n <= ENC_FILE_NAME_MAX);
    } else {
        // No more than the header and whole blocks: not even the beginning of a token's end.
        DRIVE_CHECK(drive->n_out <= (25 + upload->n_body / 16 * 16) / 3 * 4);
    }
}

// A whole age file comes out or none; and none but the beginning of a file's bytes.
static void check_age(const struct drive *drive, const struct upload *upload)
{
    struct enc_age_identity identity = age_identity(0x42); // OWN_IDENTITY
    struct age_opened opened;

    if (drive->key.n > 0)
        DRIVE_CHECK(enc_age_identity_parse(drive->key.chars, drive->key.n, &identity) == ENC_OK);
    age_open(&identity, 1, drive->out, drive->n_out, &age_whole, &opened);
    DRIVE_CHECK((opened.status == ENC_OK) == (drive->step == ENC_JOB_DONE));
    DRIVE_CHECK(opened.plain.n <= upload->n_body);
    if (opened.plain.n > 0 && !upload->options.is_form)
        DRIVE_CHECK(memcmp(opened.plain.at, upload->body, opened.plain.n) == 0);
    if (opened.plain.n > 0)
        DRIVE_CHECK(memmem(upload->body, upload->n_body, opened.plain.at, opened.plain.n));
    if (drive->step == ENC_JOB_DONE)
        DRIVE_CHECK(drive->name.n > 4 && drive->name.n <= ENC_FILE_NAME_MAX &&
                    strcmp(drive->name.chars + drive->name.n - 4, ".age") == 0);
    age_free(&opened.plain);
}

static void check_file(const struct drive *drive, const struct upload *upload)
{
    const struct enc_encrypt_job_options *options = &upload->options;

    DRIVE_CHECK((drive->key.n == 0) == (options->key || options->n_recipients > 0));
    if (options->format == ENC_JOB_AGE)
        check_age(drive, upload);
    else
        check_token(drive, upload);
}

// Where the body is the file, all else follows from it.
static void check_raw(const struct drive *drive, const struct upload *upload, uint64_t total)
{
    DRIVE_CHECK(drive->step == (upload->plan.is_cut_off ? ENC_JOB_NEEDS_INPUT : ENC_JOB_DONE));
    DRIVE_CHECK(upload->plan.is_cut_off || drive->n_out == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct upload upload;
    struct drive drives[2];
    struct enc_job *jobs[2];
    size_t n_jobs;
    uint64_t total = 0;

    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    if (n < HEAD_BYTES)
        return 0;
    read_upload(data, n, &upload);
    struct drive_plan whole = DRIVE_WHOLE;
    whole.is_cut_off = upload.plan.is_cut_off;
    drive_begin(&drives[0], &upload.options, &whole, upload.body, upload.n_body);
    // The body's size is of no account, but that it may be known: of one that comes whole.
    upload.options.body_is_declared = !upload.plan.is_cut_off;
    upload.options.n_body = upload.n_body;
    drive_begin(&drives[1], &upload.options, &upload.plan, upload.body, upload.n_body);
    if (drives[0].job)
        DRIVE_CHECK(enc_encrypt_job_total(drives[0].job, upload.n_body, &total));
    do {
        n_jobs = 0;
        for (size_t i = 0; i < 2; i++) {
            if (drive_on(&drives[i]) == ENC_JOB_HAS_WORK)
                jobs[n_jobs++] = drives[i].job;
        }
        enc_jobs_run(jobs, n_jobs);
    } while (n_jobs > 0);

    check_same(&drives[0], &drives[1]);
    if (drives[0].job)
        check_file(&drives[0], &upload);
    if (drives[0].job && !upload.options.is_form)
        check_raw(&drives[0], &upload, total);
    drive_free(&drives[0]);
    drive_free(&drives[1]);
    free(upload.body);
    return 0;
}
