// SPDX-License-Identifier: Apache-2.0
// Reads a header line by line. Each line is checked as soon as it is complete, so that what is no
// header is refused early; what the lines mean is looked up in the text once it is whole.
#include <string.h>

#include "enc_age_header.h"
#include "enc_age_header_text.h"
#include "enc_base64.h"

// What the next line has to be.
enum { AT_VERSION, AT_STANZA_OR_MAC, AT_BODY, AT_END };

void enc_age_header_reader_init(struct enc_age_header_reader *reader,
                                uint8_t bytes[static ENC_AGE_HEADER_MAX])
{
    *reader = (struct enc_age_header_reader){.bytes = bytes, .state = AT_VERSION};
}

static bool is_text(struct enc_age_slice line, const char *text)
{
    return line.n == strlen(text) && memcmp(line.at, text, line.n) == 0;
}

static bool begins_with(struct enc_age_slice line, const char *text)
{
    size_t n = strlen(text);

    return line.n >= n && memcmp(line.at, text, n) == 0;
}

static bool is_argument(struct enc_age_slice argument)
{
    for (size_t i = 0; i < argument.n; i++) {
        if (argument.at[i] < 0x21 || argument.at[i] > 0x7E) // VCHAR
            return false;
    }
    return argument.n > 0;
}

// arg-line = "-> " argument *(SP argument) LF
static enum enc_status read_arguments(struct enc_age_slice line, struct enc_age_stanza *ret_stanza)
{
    const char *at = line.at + strlen(STANZA_MARK);
    const char *end = line.at + line.n;

    ret_stanza->n_args = 0;
    if (!begins_with(line, STANZA_MARK) || at == end)
        return ENC_AGE_HEADER;
    while (at < end) {
        if (*at++ != ' ')
            return ENC_AGE_HEADER;
        const char *space = memchr(at, ' ', (size_t)(end - at));
        struct enc_age_slice argument = {at, (size_t)((space ? space : end) - at)};
        if (!is_argument(argument))
            return ENC_AGE_HEADER;
        if (ret_stanza->n_args == ENC_AGE_ARGS_MAX)
            return ENC_AGE_HEADER_TOO_LARGE;
        ret_stanza->args[ret_stanza->n_args++] = argument;
        at += argument.n;
    }
    return ENC_OK;
}

static enum enc_status check_stanza(struct enc_age_header_reader *reader, struct enc_age_slice line)
{
    struct enc_age_stanza stanza;
    enum enc_status st = read_arguments(line, &stanza);

    if (st != ENC_OK)
        return st;
    if (reader->n_stanzas == ENC_AGE_STANZAS_MAX)
        return ENC_AGE_HEADER_TOO_LARGE;
    reader->n_stanzas++;
    reader->state = AT_BODY;
    return ENC_OK;
}

// full-line = 64base64char LF, final-line = *63base64char LF
static enum enc_status check_body(struct enc_age_header_reader *reader, struct enc_age_slice line)
{
    uint8_t bytes[BODY_LINE_BYTES];

    if (line.n > BODY_LINE_CHARS ||
        !enc_base64_decode_bare(ENC_BASE64_STANDARD, line.at, line.n, bytes))
        return ENC_AGE_HEADER;
    if (line.n < BODY_LINE_CHARS)
        reader->state = AT_STANZA_OR_MAC;
    return ENC_OK;
}

// end = "--- " 43base64char LF
static enum enc_status check_mac(struct enc_age_header_reader *reader, struct enc_age_slice line)
{
    const size_t n_mark = strlen(MAC_MARK " ");

    if (reader->n_stanzas == 0 || !begins_with(line, MAC_MARK " ") ||
        line.n != n_mark + ENC_BASE64_BARE_SIZE(ENC_AGE_MAC) ||
        !enc_base64_decode_bare(ENC_BASE64_STANDARD, line.at + n_mark, line.n - n_mark,
                                reader->mac))
        return ENC_AGE_HEADER;
    reader->n_signed = reader->line_at + strlen(MAC_MARK);
    reader->state = AT_END;
    return ENC_OK;
}

static enum enc_status check_line(struct enc_age_header_reader *reader, struct enc_age_slice line)
{
    switch (reader->state) {
    case AT_VERSION:
        reader->state = AT_STANZA_OR_MAC;
        return is_text(line, ENC_AGE_VERSION_LINE) ? ENC_OK : ENC_AGE_HEADER;
    case AT_STANZA_OR_MAC:
        return begins_with(line, MAC_MARK) ? check_mac(reader, line) : check_stanza(reader, line);
    case AT_BODY:
        return check_body(reader, line);
    default:
        return ENC_MISUSE;
    }
}

// Takes bytes up to the end of the current line, or all of them.
static enum enc_status read_line(struct enc_age_header_reader *reader, const uint8_t *in, size_t n,
                                 size_t *ret_taken)
{
    const uint8_t *line_end = memchr(in, '\n', n);
    size_t n_line = reader->n - reader->line_at;
    size_t n_take = line_end ? (size_t)(line_end - in) : n;

    if (n_take > ENC_AGE_LINE_MAX - n_line || n_take >= ENC_AGE_HEADER_MAX - reader->n)
        return ENC_AGE_HEADER_TOO_LARGE;
    memcpy(reader->bytes + reader->n, in, n_take);
    reader->n += n_take;
    *ret_taken = n_take;
    if (!line_end)
        return ENC_OK;

    struct enc_age_slice line = {(const char *)reader->bytes + reader->line_at, n_line + n_take};
    enum enc_status st = check_line(reader, line);
    reader->bytes[reader->n++] = '\n';
    reader->line_at = reader->n;
    ++*ret_taken;
    return st;
}

enum enc_status enc_age_header_read(struct enc_age_header_reader *reader, const uint8_t *in,
                                    size_t n, size_t *ret_taken, bool *ret_is_whole)
{
    size_t n_taken = 0;

    while (n_taken < n && reader->state != AT_END) {
        size_t n_line;
        enum enc_status st = read_line(reader, in + n_taken, n - n_taken, &n_line);
        if (st != ENC_OK)
            return st;
        n_taken += n_line;
    }
    *ret_taken = n_taken;
    *ret_is_whole = reader->state == AT_END;
    return ENC_OK;
}

static struct enc_age_slice line_at(const struct enc_age_header_reader *reader, size_t at)
{
    const char *line = (const char *)reader->bytes + at;
    const char *end = memchr(line, '\n', reader->n - at);

    return (struct enc_age_slice){line, (size_t)(end - line)};
}

bool enc_age_header_next(const struct enc_age_header_reader *reader, size_t *at,
                         struct enc_age_stanza *ret_stanza)
{
    size_t next = *at > 0 ? *at : sizeof(ENC_AGE_VERSION_LINE);
    struct enc_age_slice line = line_at(reader, next);

    if (begins_with(line, MAC_MARK) || read_arguments(line, ret_stanza) != ENC_OK)
        return false;
    next += line.n + 1;
    size_t body_at = next;
    ret_stanza->n_body = 0;
    do {
        line = line_at(reader, next);
        next += line.n + 1;
        ret_stanza->n_body += ENC_BASE64_BARE_BYTES(line.n);
    } while (line.n == BODY_LINE_CHARS);
    ret_stanza->body =
        (struct enc_age_slice){(const char *)reader->bytes + body_at, next - body_at};
    *at = next;
    return true;
}

bool enc_age_stanza_body(const struct enc_age_stanza *stanza, uint8_t *out, size_t n)
{
    const char *at = stanza->body.at;

    if (n != stanza->n_body)
        return false;
    while (n > 0) {
        size_t n_bytes = n < BODY_LINE_BYTES ? n : BODY_LINE_BYTES;
        size_t n_chars = ENC_BASE64_BARE_SIZE(n_bytes);
        if (!enc_base64_decode_bare(ENC_BASE64_STANDARD, at, n_chars, out))
            return false;
        at += n_chars + 1;
        out += n_bytes;
        n -= n_bytes;
    }
    return true;
}
