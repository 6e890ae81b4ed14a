// SPDX-License-Identifier: Apache-2.0
// ASCII armor: lines of base64 between two labels.
#include "enc_age_armor.h"

#include <string.h>

#define LINE_CHARS ENC_AGE_ARMOR_LINE_CHARS
#define LINE_GROUPS (LINE_CHARS / 4)
#define LINE_BYTES ENC_AGE_ARMOR_LINE_BYTES
#define BEGIN_CHARS (sizeof(ENC_AGE_ARMOR_BEGIN) - 1)
#define END_CHARS (sizeof(ENC_AGE_ARMOR_END) - 1)

_Static_assert(LINE_GROUPS * 3 == LINE_BYTES, "a line is whole groups: none goes over its end");

// What a reader reads.
enum {
    BEGIN_LINE,  // white space, then the first label and its end of line
    LINES,       // base64, or the last label
    END_LINE,    // the last label
    SPACE_AFTER, // white space
};

// The characters of n_groups groups of four, of an end for each line of them, the last one
// included, and n_more. False if they do not fit.
static bool count_chars(uint64_t n_groups, uint64_t n_more, uint64_t *ret_n)
{
    uint64_t n_ends = n_groups / LINE_GROUPS + (n_groups % LINE_GROUPS != 0), n;

    if (__builtin_mul_overflow(n_groups, 4, &n) || __builtin_add_overflow(n, n_ends, &n) ||
        __builtin_add_overflow(n, n_more, &n))
        return false;
    *ret_n = n;
    return true;
}

size_t enc_age_armor_bound(size_t n)
{
    uint64_t n_chars;

    // With two bytes that waited, n more can complete a group more than n / 3; and with what is in
    // the current line, those can end a line more than they fill. So both are rounded up.
    if (!count_chars(n / 3 + (n % 3 != 0), BEGIN_CHARS + 1, &n_chars) || n_chars > SIZE_MAX)
        return SIZE_MAX;
    return (size_t)n_chars;
}

size_t enc_age_armor_room(size_t cap)
{
    const size_t n_line = LINE_CHARS + 1;
    size_t n_rest;

    if (cap < BEGIN_CHARS + 1)
        return 0;
    cap -= BEGIN_CHARS + 1;
    // Of a line that is not full, one character is for its end.
    n_rest = cap % n_line > 0 ? (cap % n_line - 1) / 4 : 0;
    return cap / n_line * LINE_BYTES + n_rest * 3;
}

bool enc_age_armor_size(uint64_t n, uint64_t *ret_size)
{
    return count_chars(n / 3 + (n % 3 != 0), BEGIN_CHARS + 1 + END_CHARS + 1, ret_size);
}

static size_t write_line(const char *label, size_t n, uint8_t *out)
{
    memcpy(out, label, n);
    out[n] = '\n';
    return n + 1;
}

size_t enc_age_armor_write(struct enc_age_armor_writer *writer, const uint8_t *in, size_t n,
                           uint8_t *out)
{
    const uint8_t *begin = out;

    if (!writer->has_begun)
        out += write_line(ENC_AGE_ARMOR_BEGIN, BEGIN_CHARS, out);
    writer->has_begun = true;
    while (n > 0) {
        size_t n_now = LINE_BYTES - writer->n_line / 4 * 3 - writer->base64.n_carry;
        size_t n_chars;

        n_now = n_now < n ? n_now : n;
        n_chars = enc_base64_update(&writer->base64, in, n_now, (char *)out);
        in += n_now;
        n -= n_now;
        out += n_chars;
        writer->n_line += n_chars;
        if (writer->n_line == LINE_CHARS) {
            *out++ = '\n';
            writer->n_line = 0;
        }
    }
    return (size_t)(out - begin);
}

size_t enc_age_armor_write_end(struct enc_age_armor_writer *writer, uint8_t *out)
{
    const uint8_t *begin = out;
    size_t n_chars = enc_base64_finish(&writer->base64, (char *)out);

    out += n_chars;
    if (writer->n_line + n_chars > 0)
        *out++ = '\n';
    out += write_line(ENC_AGE_ARMOR_END, END_CHARS, out);
    return (size_t)(out - begin);
}

static enum enc_status latch(struct enc_age_armor_reader *reader, enum enc_status status)
{
    if (reader->status == ENC_OK)
        reader->status = status;
    return reader->status;
}

static enum enc_status read_space(struct enc_age_armor_reader *reader, uint8_t c)
{
    return enc_age_armor_is_space(c) && reader->n_space++ < ENC_AGE_ARMOR_SPACE_MAX ? ENC_OK
                                                                                    : ENC_AGE_ARMOR;
}

static enum enc_status read_begin_line(struct enc_age_armor_reader *reader, uint8_t c)
{
    static const char line[] = ENC_AGE_ARMOR_BEGIN "\r"; // and LF; CR may be missing
    const size_t at = reader->n_line;

    if (at == 0 && c != line[0])
        return read_space(reader, c);
    if (at >= BEGIN_CHARS && c == '\n') {
        reader->state = LINES;
        reader->n_line = 0;
        return ENC_OK;
    }
    if (at == sizeof(line) - 1 || c != line[at])
        return ENC_AGE_ARMOR;
    reader->n_line++;
    return ENC_OK;
}

// Behind this label the last line is known to be the last one.
static enum enc_status read_end_line(struct enc_age_armor_reader *reader, uint8_t c, uint8_t *out,
                                     size_t *ret_n)
{
    if (c != ENC_AGE_ARMOR_END[reader->n_line])
        return ENC_AGE_ARMOR;
    if (++reader->n_line < END_CHARS)
        return ENC_OK;
    memcpy(out, reader->last, reader->n_last);
    *ret_n = reader->n_last;
    reader->state = SPACE_AFTER;
    reader->n_space = 0;
    return ENC_OK;
}

// Decodes reader->line, which is complete.
static enum enc_status end_line(struct enc_age_armor_reader *reader, uint8_t *out, size_t *ret_n)
{
    const uint8_t *line = reader->line;
    size_t n = reader->n_line - 1; // without LF

    reader->n_line = 0;
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n == 0 || n > LINE_CHARS || n % 4 != 0)
        return ENC_AGE_ARMOR;
    for (size_t i = 0; i < 2 && line[n - 1] == '='; i++)
        n--;
    // Refuses any other '=', and bits that are not canonical.
    if (!enc_base64_decode_bare(ENC_BASE64_STANDARD, (const char *)line, n, reader->last))
        return ENC_AGE_ARMOR;
    if (n < LINE_CHARS) {
        reader->n_last = ENC_BASE64_BARE_BYTES(n);
        reader->state = END_LINE;
        return ENC_OK;
    }
    memcpy(out, reader->last, LINE_BYTES);
    *ret_n = LINE_BYTES;
    return ENC_OK;
}

// Decodes a full line, and its end, that are complete at in. False if there is none: what is in out
// then is of no use.
static bool read_full_line(const uint8_t *in, size_t n, uint8_t *out, size_t *ret_taken)
{
    size_t n_end;

    if (n > LINE_CHARS && in[LINE_CHARS] == '\n')
        n_end = 1;
    else if (n > LINE_CHARS + 1 && in[LINE_CHARS] == '\r' && in[LINE_CHARS + 1] == '\n')
        n_end = 2;
    else
        return false;
    if (!enc_base64_decode_bare(ENC_BASE64_STANDARD, (const char *)in, LINE_CHARS, out))
        return false;
    *ret_taken = LINE_CHARS + n_end;
    return true;
}

static enum enc_status read_line(struct enc_age_armor_reader *reader, const uint8_t *in, size_t n,
                                 uint8_t *out, size_t *ret_taken, size_t *ret_n)
{
    const uint8_t *lf;

    if (reader->n_line == 0 && read_full_line(in, n, out, ret_taken)) {
        *ret_n = LINE_BYTES;
        return ENC_OK;
    }
    if (n > sizeof(reader->line) - reader->n_line)
        n = sizeof(reader->line) - reader->n_line;
    lf = memchr(in, '\n', n);
    if (lf != NULL)
        n = (size_t)(lf - in) + 1;
    memcpy(reader->line + reader->n_line, in, n);
    reader->n_line += n;
    *ret_taken = n;
    if (lf != NULL)
        return end_line(reader, out, ret_n);
    return reader->n_line < sizeof(reader->line) ? ENC_OK : ENC_AGE_ARMOR;
}

// Reads a line, or a piece of one: at least a character. out has room for a line.
static enum enc_status read_some(struct enc_age_armor_reader *reader, const uint8_t *in, size_t n,
                                 uint8_t *out, size_t *ret_taken, size_t *ret_n)
{
    if (reader->state == LINES && reader->n_line == 0 && in[0] == ENC_AGE_ARMOR_END[0])
        reader->state = END_LINE;
    *ret_taken = 1;
    *ret_n = 0;
    switch (reader->state) {
    case BEGIN_LINE:
        return read_begin_line(reader, in[0]);
    case LINES:
        return read_line(reader, in, n, out, ret_taken, ret_n);
    case END_LINE:
        return read_end_line(reader, in[0], out, ret_n);
    default:
        return read_space(reader, in[0]);
    }
}

enum enc_status enc_age_armor_read(struct enc_age_armor_reader *reader, const uint8_t *in, size_t n,
                                   uint8_t *out, size_t cap, size_t *ret_taken, size_t *ret_n)
{
    size_t at = 0, n_out = 0;

    if (reader->status != ENC_OK)
        return reader->status;
    if (cap < LINE_BYTES)
        return latch(reader, ENC_MISUSE);
    while (at < n && cap - n_out >= LINE_BYTES) {
        size_t n_taken, n_now;
        enum enc_status status = read_some(reader, in + at, n - at, out + n_out, &n_taken, &n_now);
        if (status != ENC_OK) {
            latch(reader, status);
            break;
        }
        at += n_taken;
        n_out += n_now;
    }
    if (reader->status != ENC_OK && n_out == 0)
        return reader->status;
    *ret_taken = at;
    *ret_n = n_out;
    return ENC_OK;
}

enum enc_status enc_age_armor_read_end(struct enc_age_armor_reader *reader)
{
    return latch(reader, reader->state == SPACE_AFTER ? ENC_OK : ENC_AGE_ARMOR);
}
