// SPDX-License-Identifier: Apache-2.0
// Any split of a body gives the events, and the data, that the whole body gives.
//
// An input is two bytes that choose the split, a Content-Type up to a line feed, and a body.
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/drive_check.h"
#include "enc_multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What a parser said, with neighbouring data in one piece.
struct log {
    uint8_t *bytes;
    size_t n, room;
    bool in_data;
};

static void log_bytes(struct log *log, const void *bytes, size_t n)
{
    if (n > log->room - log->n) {
        log->room = 2 * log->room + n;
        log->bytes = realloc(log->bytes, log->room);
        DRIVE_CHECK(log->bytes != NULL);
    }
    if (n > 0)
        memcpy(log->bytes + log->n, bytes, n);
    log->n += n;
}

static void log_mark(struct log *log, uint8_t kind, uint8_t detail)
{
    const uint8_t mark[2] = {kind, detail};
    log_bytes(log, mark, sizeof(mark));
}

static void log_event(struct log *log, const struct enc_multipart_parser *parser,
                      enum enc_multipart_event event, const uint8_t *data, size_t n)
{
    const struct enc_multipart_part *part = &parser->part;

    if (event == ENC_MULTIPART_DATA) {
        DRIVE_CHECK(n > 0);
        if (!log->in_data)
            log_mark(log, (uint8_t)event, 0);
        log->in_data = true;
        log_bytes(log, data, n);
        return;
    }
    log->in_data = false;
    if (event == ENC_MULTIPART_PART_BEGIN) {
        DRIVE_CHECK(part->n_filename <= sizeof(part->filename));
        log_mark(log, (uint8_t)event, (uint8_t)(part->is_file_field | part->has_filename << 1));
        log_bytes(log, part->filename, part->n_filename);
    } else {
        log_mark(log, (uint8_t)event, 0);
    }
}

// Takes events until the parser needs input, is done or has failed.
static enum enc_status drain(struct log *log, struct enc_multipart_parser *parser)
{
    enum enc_multipart_event event;

    do {
        const uint8_t *data;
        size_t n;
        const enum enc_status st = enc_multipart_next(parser, &event, &data, &n);
        if (st != ENC_OK) {
            log_mark(log, 0xff, (uint8_t)st);
            return st;
        }
        if (event != ENC_MULTIPART_NEEDS_INPUT)
            log_event(log, parser, event, data, n);
    } while (event != ENC_MULTIPART_NEEDS_INPUT && event != ENC_MULTIPART_END);
    return ENC_OK;
}

// The size of the next piece: of 1 to 4, 16, 64 or 256 bytes, as `split` would have it.
static size_t piece_size(uint32_t *split)
{
    static const size_t most[] = {1, 4, 16, 64, 256};

    *split = *split * 1664525 + 1013904223;
    const size_t limit = most[(*split >> 28) % (sizeof(most) / sizeof(most[0]))];
    return 1 + (*split >> 8) % limit;
}

// split is 0 for the whole body at once, 1 for byte by byte.
static struct log parse(const struct enc_multipart_boundary *boundary, const uint8_t *body,
                        size_t n, uint32_t split)
{
    struct log log = {0};
    struct enc_multipart_parser parser;
    enum enc_status st = ENC_OK;

    enc_multipart_init(&parser, boundary);
    while (n > 0 && st == ENC_OK) {
        size_t n_piece = split == 0 ? n : split == 1 ? 1 : piece_size(&split);
        n_piece = n_piece < n ? n_piece : n;
        // Of its own, and gone afterwards: a sanitizer sees what is read too far or too late.
        uint8_t *piece = malloc(n_piece);
        DRIVE_CHECK(piece != NULL);
        memcpy(piece, body, n_piece);
        enc_multipart_input(&parser, piece, n_piece);
        st = drain(&log, &parser);
        free(piece);
        body += n_piece;
        n -= n_piece;
    }
    if (st == ENC_OK) {
        enc_multipart_input_end(&parser);
        (void)!drain(&log, &parser);
    }
    return log;
}

static void check_same(const struct log *a, const struct log *b)
{
    DRIVE_CHECK(a->n == b->n && (a->n == 0 || memcmp(a->bytes, b->bytes, a->n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint32_t split = 2 + (data[0] | (uint32_t)data[1] << 8);
    data += 2;
    size -= 2;

    const uint8_t *line_end = memchr(data, '\n', size);
    const size_t n_type = line_end == NULL ? size : (size_t)(line_end - data);
    enum enc_multipart_kind kind;
    struct enc_multipart_boundary boundary;
    if (enc_multipart_content_type((const char *)data, n_type, &kind, &boundary) != ENC_OK ||
        kind != ENC_MULTIPART_FORM || line_end == NULL)
        return 0;
    DRIVE_CHECK(boundary.n > 0 && boundary.n <= ENC_MULTIPART_BOUNDARY_MAX);

    const uint8_t *body = line_end + 1;
    const size_t n = size - n_type - 1;
    struct log whole = parse(&boundary, body, n, 0);
    struct log bytes = parse(&boundary, body, n, 1);
    struct log pieces = parse(&boundary, body, n, split);
    check_same(&whole, &bytes);
    check_same(&whole, &pieces);
    free(whole.bytes);
    free(bytes.bytes);
    free(pieces.bytes);
    return 0;
}
