// SPDX-License-Identifier: Apache-2.0
// A header that is read in any pieces is what the whole is, and ends where the whole ends; what the
// reader accepts, the writer writes again.
//
// An input is two bytes that choose the pieces, and a header with whatever follows it.
#include "../tests/unit/drive_check.h"

#include <string.h>

#include "enc_age_header.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct enc_age_header_reader reader;
    enum enc_status status;
    bool is_whole;
    size_t n_taken;
};

static void read_piece(struct outcome *outcome, const uint8_t *bytes, size_t n)
{
    size_t n_taken = 0;
    // Of its own, so that a sanitizer sees what is read too far.
    uint8_t *piece = malloc(n);

    DRIVE_CHECK(piece);
    memcpy(piece, bytes, n);
    outcome->status = enc_age_header_read(&outcome->reader, piece, n, &n_taken, &outcome->is_whole);
    if (outcome->status == ENC_OK)
        DRIVE_CHECK(n_taken == n || (outcome->is_whole && n_taken < n));
    outcome->n_taken += n_taken;
    free(piece);
}

static void read_all(const uint8_t *bytes, size_t n, uint32_t split, struct outcome *outcome)
{
    *outcome = (struct outcome){.status = ENC_OK};
    uint8_t *storage = malloc(ENC_AGE_HEADER_MAX);
    DRIVE_CHECK(storage);
    enc_age_header_reader_init(&outcome->reader, storage);
    for (size_t at = 0; at < n && outcome->status == ENC_OK && !outcome->is_whole;) {
        size_t n_piece = next_size(&split, n - at);
        read_piece(outcome, bytes + at, n_piece);
        at += n_piece;
    }
    DRIVE_CHECK(outcome->status == ENC_OK || outcome->status == ENC_AGE_HEADER ||
                outcome->status == ENC_AGE_HEADER_TOO_LARGE);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    DRIVE_CHECK(a->status == b->status);
    if (a->status != ENC_OK)
        return;
    DRIVE_CHECK(a->is_whole == b->is_whole && a->n_taken == b->n_taken);
    DRIVE_CHECK(a->reader.n == b->reader.n && a->reader.n_stanzas == b->reader.n_stanzas);
    DRIVE_CHECK(memcmp(a->reader.bytes, b->reader.bytes, a->reader.n) == 0);
    DRIVE_CHECK(!a->is_whole || (a->reader.n_signed == b->reader.n_signed &&
                                 memcmp(a->reader.mac, b->reader.mac, ENC_AGE_MAC) == 0));
}

// One stanza, from what was read to what is written.
static void write_stanza(const struct enc_age_stanza *stanza, struct enc_age_header_writer *writer)
{
    uint8_t *body = malloc(stanza->n_body + 1);

    DRIVE_CHECK(body && stanza->n_args > 0 && stanza->n_args <= ENC_AGE_ARGS_MAX);
    DRIVE_CHECK(!enc_age_stanza_body(stanza, body, stanza->n_body + 1));
    DRIVE_CHECK(enc_age_stanza_body(stanza, body, stanza->n_body));
    enc_age_header_add(writer, stanza->args, stanza->n_args, body, stanza->n_body);
    free(body);
}

static void check_written(const struct enc_age_header_reader *reader, const uint8_t *bytes)
{
    struct enc_age_header_writer writer;
    struct enc_age_stanza stanza;
    size_t n_stanzas = 0;
    uint8_t *written = malloc(reader->n);

    DRIVE_CHECK(written && memcmp(reader->bytes, bytes, reader->n) == 0);
    enc_age_header_begin(&writer, written, reader->n);
    for (size_t at = 0; enc_age_header_next(reader, &at, &stanza); n_stanzas++)
        write_stanza(&stanza, &writer);
    DRIVE_CHECK(n_stanzas > 0 && n_stanzas == reader->n_stanzas);
    DRIVE_CHECK(writer.n + 3 == reader->n_signed);
    DRIVE_CHECK(enc_age_header_end(&writer, reader->mac) == ENC_OK);
    DRIVE_CHECK(writer.n == reader->n && memcmp(written, bytes, writer.n) == 0);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, other;

    if (size < 2)
        return 0;
    const uint32_t split = 2 + (data[0] | (uint32_t)data[1] << 8);
    read_all(data + 2, size - 2, 0, &whole);
    if (whole.is_whole) {
        DRIVE_CHECK(whole.status == ENC_OK && whole.n_taken == whole.reader.n);
        check_written(&whole.reader, data + 2);
    }
    for (uint32_t i = 0; i < 2; i++) {
        read_all(data + 2, size - 2, i ? split : 1, &other);
        check_same(&whole, &other);
        free(other.reader.bytes);
    }
    free(whole.reader.bytes);
    return 0;
}
