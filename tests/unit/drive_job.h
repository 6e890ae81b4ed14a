// SPDX-License-Identifier: Apache-2.0
// Drives jobs as a server would, in pieces and rooms of any sizes; for the tests and the fuzzer.
#ifndef DRIVE_JOB_H
#define DRIVE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "drive_check.h"
#include "enc_encrypt_job.h"
#include "enc_fernet.h"

#define DRIVE_SIZES_MAX 16
#define DRIVE_UNTOUCHED 0x5a // fills each room

// The sizes of the pieces of input and of the rooms for output, each used in turn, over and over.
// A room that is too small for the job is as large as it has to be.
struct drive_plan {
    size_t pieces[DRIVE_SIZES_MAX];
    size_t n_pieces;
    size_t rooms[DRIVE_SIZES_MAX];
    size_t n_rooms;
    bool is_cut_off; // the body ends without its end being told
    bool takes_room; // with what is in it, whenever the job needs input
};

#define DRIVE_WHOLE                                                                                \
    (struct drive_plan)                                                                            \
    {                                                                                              \
        .pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1u << 16}, .n_rooms = 1                     \
    }

// One job under way. Each piece and each room is a block of its own, of exactly its size and given
// back as soon as the contract allows, so that a sanitizer sees every byte read or written out of
// turn.
struct drive {
    const struct drive_plan *plan;
    const uint8_t *body;
    size_t n_body;
    size_t at; // of the body, given so far
    size_t next_piece;
    size_t next_room;
    size_t n_steps;
    bool is_clean; // a job that fails leaves nothing in its room but what it put out
    uint8_t *piece;
    uint8_t *room;
    size_t n_room;
    struct enc_job *job; // NULL if there is none
    enum enc_job_step step;

    // The outcome.
    enum enc_status status;
    uint8_t *out;
    size_t n_out;
    size_t out_cap;
    struct enc_file_name name;
    struct enc_job_key_text key;
};

static inline void drive_begin(struct drive *drive, const struct enc_encrypt_job_options *options,
                               const struct drive_plan *plan, const void *body, size_t n_body)
{
    *drive = (struct drive){.plan = plan, .body = body, .n_body = n_body};
    drive->status = enc_encrypt_job_new(options, &drive->key, &drive->job);
    drive->step = drive->job ? ENC_JOB_NEEDS_INPUT : ENC_JOB_FAILED;
    DRIVE_CHECK((drive->status == ENC_OK) == (drive->job != NULL));
}

static inline void drive_take_output(struct drive *drive)
{
    size_t n = drive->room ? enc_job_output_used(drive->job) : 0;
    if (n > drive->out_cap - drive->n_out) {
        drive->out_cap = 2 * (drive->n_out + n);
        DRIVE_CHECK((drive->out = realloc(drive->out, drive->out_cap)));
    }
    if (n > 0)
        memcpy(drive->out + drive->n_out, drive->room, n);
    drive->n_out += n;
    free(drive->room);
    drive->room = NULL;
}

static inline void drive_input(struct drive *drive)
{
    free(drive->piece);
    drive->piece = NULL;
    if (drive->plan->takes_room) {
        drive_take_output(drive);
        enc_job_output(drive->job, NULL, 0);
    }
    if (drive->at == drive->n_body) {
        enc_job_input_end(drive->job);
        return;
    }
    size_t n = drive->plan->pieces[drive->next_piece++ % drive->plan->n_pieces];
    if (n > drive->n_body - drive->at)
        n = drive->n_body - drive->at;
    DRIVE_CHECK(n > 0 && (drive->piece = malloc(n)));
    memcpy(drive->piece, drive->body + drive->at, n);
    drive->at += n;
    enc_job_input(drive->job, drive->piece, n);
}

static inline void drive_output(struct drive *drive)
{
    const size_t n_min = enc_job_room_min(drive->job);
    size_t n = drive->plan->rooms[drive->next_room++ % drive->plan->n_rooms];
    if (n < n_min)
        n = n_min;
    drive_take_output(drive);
    DRIVE_CHECK((drive->room = malloc(n)));
    memset(drive->room, DRIVE_UNTOUCHED, n);
    drive->n_room = n;
    enc_job_output(drive->job, drive->room, n);
}

// What has ended stays ended; and so does a pass.
static inline void drive_end(struct drive *drive)
{
    drive->status = enc_job_status(drive->job);
    DRIVE_CHECK((drive->status == ENC_OK) == (drive->step != ENC_JOB_FAILED));
    size_t n = enc_job_output_used(drive->job);
    DRIVE_CHECK(enc_job_step(drive->job) == drive->step);
    DRIVE_CHECK(enc_job_status(drive->job) == drive->status);
    DRIVE_CHECK(enc_job_output_used(drive->job) == n);
    if (drive->is_clean && drive->step == ENC_JOB_FAILED && drive->room) {
        for (size_t i = n; i < drive->n_room; i++)
            DRIVE_CHECK(drive->room[i] == DRIVE_UNTOUCHED || drive->room[i] == 0);
    }
    drive_take_output(drive);
    enc_job_file_name(drive->job, &drive->name);
}

// Goes on until the job has work, has verified its file, is done or failed, or has had all of a
// body that is cut off (ENC_JOB_NEEDS_INPUT).
static inline enum enc_job_step drive_on(struct drive *drive)
{
    if (!drive->job || drive->step == ENC_JOB_DONE || drive->step == ENC_JOB_FAILED)
        return drive->step;
    for (;;) {
        drive->step = enc_job_step(drive->job);
        // Each step gets on with a piece, a room or a chunk.
        DRIVE_CHECK(++drive->n_steps <= 64 + 8 * (drive->n_body + 1));
        switch (drive->step) {
        case ENC_JOB_NEEDS_INPUT:
            if (drive->plan->is_cut_off && drive->at == drive->n_body) {
                drive_take_output(drive);
                return drive->step;
            }
            drive_input(drive);
            break;
        case ENC_JOB_NEEDS_OUTPUT:
            drive_output(drive);
            break;
        case ENC_JOB_HAS_WORK:
            return drive->step;
        case ENC_JOB_VERIFIED:
        case ENC_JOB_DONE:
        case ENC_JOB_FAILED:
            drive_end(drive);
            return drive->step;
        }
    }
}

// The same, and does the work of this job alone.
static inline enum enc_job_step drive_on_alone(struct drive *drive)
{
    while (drive_on(drive) == ENC_JOB_HAS_WORK)
        enc_jobs_run(&drive->job, 1);
    return drive->step;
}

static inline void drive_free(struct drive *drive)
{
    enc_job_free(drive->job);
    free(drive->piece);
    free(drive->room);
    free(drive->out);
    *drive = (struct drive){0};
}

// The whole way of one job. The caller frees the drive.
static inline void drive_alone(struct drive *drive, const struct enc_encrypt_job_options *options,
                               const struct drive_plan *plan, const void *body, size_t n_body)
{
    drive_begin(drive, options, plan, body, n_body);
    drive_on_alone(drive);
}

static inline int drive_base64url_value(uint8_t c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

// Decodes n characters to raw, of 3 * n / 4 bytes. Returns how many there are, 0 if it is no
// base64url.
static inline size_t drive_decode(const uint8_t *chars, size_t n, uint8_t *raw)
{
    size_t n_raw = 0, n_padding = 0;
    if (n % 4 != 0)
        return 0;
    while (n_padding < 2 && n_padding < n && chars[n - 1 - n_padding] == '=')
        n_padding++;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = i + k >= n - n_padding ? 0 : drive_base64url_value(chars[i + k]);
            if (value < 0)
                return 0;
            group = group << 6 | (uint32_t)value;
        }
        raw[n_raw++] = (uint8_t)(group >> 16);
        raw[n_raw++] = (uint8_t)(group >> 8);
        raw[n_raw++] = (uint8_t)group;
    }
    return n_raw - n_padding;
}

// Whether the characters are a token that a reader with the key would take ("Verifying"), without
// a look at the padding inside. Done with OpenSSL's HMAC alone.
static inline bool drive_is_token(const uint8_t *chars, size_t n, const struct enc_fernet_key *key)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n_mac = 0;
    uint8_t *raw = malloc(n / 4 * 3 + 3);
    DRIVE_CHECK(raw);
    size_t n_raw = drive_decode(chars, n, raw);
    bool is_token = n_raw >= 73 && (n_raw - 57) % 16 == 0 && raw[0] == 0x80;
    if (is_token) {
        DRIVE_CHECK(HMAC(EVP_sha256(), key->bytes, 16, raw, n_raw - 32, mac, &n_mac));
        is_token = n_mac == 32 && memcmp(mac, raw + n_raw - 32, 32) == 0;
    }
    free(raw);
    return is_token;
}

#endif
