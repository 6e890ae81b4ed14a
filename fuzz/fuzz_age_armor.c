// SPDX-License-Identifier: Apache-2.0
// Armor that is read in any pieces, into any rooms, gives what the whole gives; what is accepted is
// what would be written; and what is written is read again.
//
// An input is two bytes that choose pieces and rooms, and a text. The text is taken as bytes to be
// written, too.
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/drive_check.h"
#include "enc_age_armor.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *allocate(size_t n)
{
    void *bytes = malloc(n > 0 ? n : 1);

    DRIVE_CHECK(bytes != NULL);
    return bytes;
}

// Of its own size, so that a sanitizer sees what is read too far.
static uint8_t *copy(const uint8_t *bytes, size_t n)
{
    uint8_t *own = allocate(n);

    if (n > 0)
        memcpy(own, bytes, n);
    return own;
}

struct result {
    enum enc_status status;
    uint8_t *bytes;
    size_t n;
};

// Gives one piece to the reader, in rooms of any size.
static enum enc_status read_piece(struct enc_age_armor_reader *reader, const uint8_t *piece,
                                  size_t n, uint32_t split, struct result *result)
{
    const size_t cap =
        split == 0 ? n + ENC_AGE_ARMOR_LINE_BYTES : ENC_AGE_ARMOR_LINE_BYTES + (split >> 4) % 128;
    uint8_t *room = allocate(cap);
    enum enc_status status = ENC_OK;

    for (size_t at = 0, n_taken, n_out; at < n && status == ENC_OK; at += n_taken) {
        n_taken = n_out = 0;
        status = enc_age_armor_read(reader, piece + at, n - at, room, cap, &n_taken, &n_out);
        DRIVE_CHECK(n_taken <= n - at && n_out <= cap && (n_taken > 0) == (status == ENC_OK));
        if (n_out > 0)
            memcpy(result->bytes + result->n, room, n_out);
        result->n += n_out;
    }
    free(room);
    return status;
}

static struct result read_all(const uint8_t *text, size_t n, uint32_t split)
{
    struct result result = {.bytes = allocate(n)}; // more than it can be
    struct enc_age_armor_reader reader = {0};
    enum enc_status status = ENC_OK;

    for (size_t at = 0, n_piece; at < n && status == ENC_OK; at += n_piece) {
        n_piece = next_size(&split, n - at);
        uint8_t *piece = copy(text + at, n_piece);
        status = read_piece(&reader, piece, n_piece, split, &result);
        free(piece);
    }
    result.status = enc_age_armor_read_end(&reader);
    DRIVE_CHECK(status == ENC_OK || status == result.status);
    return result;
}

// Writes the armor of n > 0 bytes.
static uint8_t *write_all(const uint8_t *bytes, size_t n, uint32_t split, size_t *ret_n)
{
    struct enc_age_armor_writer writer = {0};
    uint64_t size;

    DRIVE_CHECK(enc_age_armor_size(n, &size));
    uint8_t *text = allocate(size);
    *ret_n = 0;
    for (size_t at = 0, n_piece; at < n; at += n_piece) {
        n_piece = next_size(&split, n - at);
        const size_t n_out = enc_age_armor_write(&writer, bytes + at, n_piece, text + *ret_n);
        DRIVE_CHECK(n_out <= enc_age_armor_bound(n_piece));
        *ret_n += n_out;
    }
    const size_t n_end = enc_age_armor_write_end(&writer, text + *ret_n);
    DRIVE_CHECK(n_end <= ENC_AGE_ARMOR_END_CHARS);
    *ret_n += n_end;
    DRIVE_CHECK(*ret_n == size);
    return text;
}

// A text in the writer's form: without what is around it and with its own ends of lines.
static uint8_t *in_plain_form(const uint8_t *text, size_t n, size_t *ret_n)
{
    uint8_t *plain = allocate(n + 1);
    size_t n_plain = 0, at = 0;

    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL && text[n - 1] != '\0')
        n--;
    while (at < n && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
        at++;
    for (; at < n; at++) {
        if (text[at] != '\r' || at + 1 == n || text[at + 1] != '\n')
            plain[n_plain++] = text[at];
    }
    plain[n_plain++] = '\n';
    *ret_n = n_plain;
    return plain;
}

static void check_accepted(const uint8_t *text, size_t n, const struct result *result,
                           uint32_t split)
{
    static const char of_nothing[] = ENC_AGE_ARMOR_BEGIN "\n" ENC_AGE_ARMOR_END "\n";
    size_t n_plain, n_again = sizeof(of_nothing) - 1;
    uint8_t *plain = in_plain_form(text, n, &n_plain);
    uint8_t *again = result->n > 0 ? write_all(result->bytes, result->n, split, &n_again)
                                   : copy((const uint8_t *)of_nothing, n_again);

    DRIVE_CHECK(n_plain == n_again && memcmp(plain, again, n_again) == 0);
    free(plain);
    free(again);
}

static void check_written(const uint8_t *bytes, size_t n, uint32_t split)
{
    size_t n_text;
    uint8_t *text = write_all(bytes, n, split, &n_text);
    struct result result = read_all(text, n_text, split);

    DRIVE_CHECK(result.status == ENC_OK && result.n == n && memcmp(result.bytes, bytes, n) == 0);
    free(result.bytes);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint32_t split = 2 + (data[0] | (uint32_t)data[1] << 8);
    const uint8_t *text = data + 2;
    const size_t n = size - 2;

    struct result whole = read_all(text, n, 0);
    DRIVE_CHECK(whole.status == ENC_OK || whole.status == ENC_AGE_ARMOR);
    for (uint32_t i = 0; i < 2; i++) {
        struct result pieces = read_all(text, n, i == 0 ? 1 : split);
        DRIVE_CHECK(pieces.status == whole.status && pieces.n == whole.n);
        DRIVE_CHECK(whole.n == 0 || memcmp(pieces.bytes, whole.bytes, whole.n) == 0);
        free(pieces.bytes);
    }
    if (whole.status == ENC_OK)
        check_accepted(text, n, &whole, split);
    if (n > 0)
        check_written(text, n, split);
    free(whole.bytes);
    return 0;
}
