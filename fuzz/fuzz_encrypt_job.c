// SPDX-License-Identifier: Apache-2.0
// One upload, whole and in pieces, side by side: both must come to the same end.
//
// The input: a byte of switches, one of counts, SIZES bytes that become pieces of input and SIZES
// that become rooms for output, the lengths of a content type and of a name, these two, the body.
#include "../tests/unit/drive_job.h"
#include "enc_crypto_init.h"

#define SIZES 4
#define HEAD_BYTES (2 + 2 * SIZES + 2)
#define OWN_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define FORM_TYPE "multipart/form-data; boundary=B"

enum {
    SWITCH_NO_FORM = 1,  // the content type says nothing
    SWITCH_OWN_TYPE = 2, // the content type is in the input, not FORM_TYPE
    SWITCH_OWN_KEY = 4,
    SWITCH_CUT_OFF = 8, // the body stops without an end
};

struct upload {
    struct enc_encrypt_job_options options;
    struct drive_plan plan;
    const uint8_t *body;
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

static void read_upload(const uint8_t *data, size_t n, struct upload *upload)
{
    const uint8_t *head = data;
    struct enc_encrypt_job_options *options = &upload->options;
    struct drive_plan *plan = &upload->plan;

    *upload = (struct upload){.options = {.time = 1700000000u, .seed = seed}};
    data += HEAD_BYTES;
    n -= HEAD_BYTES;
    options->is_form = !(head[0] & SWITCH_NO_FORM);
    if (head[0] & SWITCH_OWN_KEY) {
        options->key = OWN_KEY;
        options->n_key = ENC_FERNET_KEY_CHARS;
    }
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
    upload->body = data;
    upload->n_body = n;
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

    DRIVE_CHECK((drive->key.n == 0) == (upload->options.key != NULL));
    DRIVE_CHECK(enc_fernet_key_parse(text, ENC_FERNET_KEY_CHARS, &key) == ENC_OK);
    DRIVE_CHECK(drive_is_token(drive->out, drive->n_out, &key) == (drive->step == ENC_JOB_DONE));
    if (drive->step == ENC_JOB_DONE) {
        DRIVE_CHECK(drive->name.n > 10 && drive->name.n <= ENC_FILE_NAME_MAX);
    } else {
        // No more than the header and whole blocks: not even the beginning of a token's end.
        DRIVE_CHECK(drive->n_out <= (25 + upload->n_body / 16 * 16) / 3 * 4);
    }
}

// Where the body is the file, all else follows from it.
static void check_raw(const struct drive *drive, const struct upload *upload)
{
    uint64_t total = 0;

    DRIVE_CHECK(drive->step == (upload->plan.is_cut_off ? ENC_JOB_NEEDS_INPUT : ENC_JOB_DONE));
    DRIVE_CHECK(enc_encrypt_job_total(drive->job, upload->n_body, &total));
    DRIVE_CHECK(upload->plan.is_cut_off || drive->n_out == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct upload upload;
    struct drive drives[2];
    struct enc_encrypt_job *jobs[2];
    size_t n_jobs;

    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    if (n < HEAD_BYTES)
        return 0;
    read_upload(data, n, &upload);
    struct drive_plan whole = DRIVE_WHOLE;
    whole.is_cut_off = upload.plan.is_cut_off;
    drive_begin(&drives[0], &upload.options, &whole, upload.body, upload.n_body);
    drive_begin(&drives[1], &upload.options, &upload.plan, upload.body, upload.n_body);
    do {
        n_jobs = 0;
        for (size_t i = 0; i < 2; i++) {
            if (drive_on(&drives[i]) == ENC_JOB_HAS_WORK)
                jobs[n_jobs++] = drives[i].job;
        }
        enc_encrypt_jobs_run(jobs, n_jobs);
    } while (n_jobs > 0);

    check_same(&drives[0], &drives[1]);
    if (drives[0].job)
        check_token(&drives[0], &upload);
    if (!upload.options.is_form)
        check_raw(&drives[0], &upload);
    drive_free(&drives[0]);
    drive_free(&drives[1]);
    return 0;
}
