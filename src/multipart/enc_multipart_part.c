// SPDX-License-Identifier: Apache-2.0
// What a part's headers say: whether it is the file, and what the client calls it.
#include <string.h>

#include "enc_multipart.h"
#include "enc_multipart_param.h"

// A decoded string of which the end is kept, where a file name has its base name and extension.
struct tail {
    char chars[2 * ENC_MULTIPART_NAME_MAX];
    size_t n;
};

static void tail_push(struct tail *tail, char c)
{
    // Moving half of the room at a time keeps the cost per character constant.
    if (tail->n == sizeof(tail->chars)) {
        tail->n = ENC_MULTIPART_NAME_MAX;
        memcpy(tail->chars, tail->chars + ENC_MULTIPART_NAME_MAX, ENC_MULTIPART_NAME_MAX);
    }
    tail->chars[tail->n++] = c;
}

// The last ENC_MULTIPART_NAME_MAX characters.
static const char *tail_end(const struct tail *tail, size_t *ret_n)
{
    *ret_n = tail->n < ENC_MULTIPART_NAME_MAX ? tail->n : ENC_MULTIPART_NAME_MAX;
    return tail->chars + tail->n - *ret_n;
}

// Browsers write a quote, CR and LF of a name as %22, %0D and %0A, and a '%' as itself (HTML,
// "multipart/form-data encoding algorithm"): nothing else may be decoded.
static bool is_percent_escape(const char *text, size_t n, char *ret_c)
{
    static const char escapes[][4] = {"%22", "%0D", "%0A"};
    static const char meanings[] = {'"', '\r', '\n'};

    if (n < 3 || text[0] != '%')
        return false;
    for (size_t i = 0; i < sizeof(meanings); i++) {
        if (memcmp(text, escapes[i], 3) == 0) {
            *ret_c = meanings[i];
            return true;
        }
    }
    return false;
}

// Decodes the value of name or filename.
static void decode_plain(const struct enc_multipart_param *param, struct tail *tail)
{
    const char *text = param->value;

    tail->n = 0;
    for (size_t i = 0; i < param->n_value; i++) {
        const size_t left = param->n_value - i;
        char c = text[i];
        if (!param->is_quoted) {
            tail_push(tail, c);
        } else if (c == '\\' && left > 1 && (text[i + 1] == '"' || text[i + 1] == '\\')) {
            tail_push(tail, text[++i]);
        } else if (is_percent_escape(text + i, left, &c)) {
            tail_push(tail, c);
            i += 2;
        } else if (c != '\r' && c != '\n') { // a fold: the space behind it belongs to the name
            tail_push(tail, c);
        }
    }
}

// How far a sequence of bytes is UTF-8 (RFC 3629, 4).
struct utf8 {
    unsigned n_missing;        // continuation bytes
    unsigned char least, most; // what the next one may be
};

static bool utf8_push(struct utf8 *utf8, unsigned char c)
{
    if (utf8->n_missing > 0) {
        if (c < utf8->least || c > utf8->most)
            return false;
        *utf8 = (struct utf8){utf8->n_missing - 1, 0x80, 0xBF};
        return true;
    }
    if (c < 0x80)
        return true;
    if (c < 0xC2 || c > 0xF4)
        return false;
    utf8->n_missing = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    // Overlong forms, surrogates, and what is past U+10FFFF.
    utf8->least = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    utf8->most = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

// Takes one byte of an ext-value: a character, or %XX. Lenient: brackets, quotes and the like,
// which JavaScript's encodeURIComponent leaves alone, should have been %XX.
static bool take_ext_byte(const char **at, const char *end, unsigned char *ret_byte)
{
    const char c = *(*at)++;

    if (c != '%') {
        *ret_byte = (unsigned char)c;
        return c > ' ' && c < 0x7F && c != '"' && c != '\\';
    }
    if (end - *at < 2)
        return false;
    const int high = hex_digit((*at)[0]);
    const int low = hex_digit((*at)[1]);
    if (high < 0 || low < 0)
        return false;
    *ret_byte = (unsigned char)(high << 4 | low);
    *at += 2;
    return true;
}

// Decodes the value of filename* (RFC 8187, 3.2): charset'language'value. False if it is none.
static bool decode_ext(const struct enc_multipart_param *param, struct tail *tail)
{
    const char *at = param->value;
    const char *end = at + param->n_value;
    const char *language = memchr(at, '\'', param->n_value);
    if (language == NULL)
        return false;
    const size_t n_charset = (size_t)(language++ - at);
    const bool is_latin1 = enc_multipart_param_is(at, n_charset, "iso-8859-1");
    if (!is_latin1 && !enc_multipart_param_is(at, n_charset, "utf-8"))
        return false;
    const char *quote = memchr(language, '\'', (size_t)(end - language));
    if (quote == NULL)
        return false;

    struct utf8 utf8 = {0};
    tail->n = 0;
    for (at = quote + 1; at < end;) {
        unsigned char c;
        if (!take_ext_byte(&at, end, &c))
            return false;
        if (!is_latin1 && !utf8_push(&utf8, c))
            return false;
        if (is_latin1 && c >= 0x80) { // U+0080 to U+00FF, in UTF-8
            tail_push(tail, (char)(0xC0 | c >> 6));
            c = 0x80 | (c & 0x3F);
        }
        tail_push(tail, (char)c);
    }
    return utf8.n_missing == 0;
}

// The parameters that matter; value is NULL where there is none.
struct disposition {
    struct enc_multipart_param name, name_ext, filename, filename_ext;
};

// False: the parameter is there for the second time.
static bool note_param(struct disposition *disposition, const struct enc_multipart_param *param)
{
    const struct {
        const char *name;
        struct enc_multipart_param *param;
    } known[] = {
        {"name", &disposition->name},
        {"name*", &disposition->name_ext},
        {"filename", &disposition->filename},
        {"filename*", &disposition->filename_ext},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!enc_multipart_param_is(param->name, param->n_name, known[i].name))
            continue;
        if (known[i].param->value != NULL)
            return false;
        *known[i].param = *param;
    }
    return true;
}

// RFC 7578, 4.2: form-data, with a name.
static enum enc_status read_disposition(const char *value, size_t n,
                                        struct disposition *disposition)
{
    struct enc_multipart_cursor cursor = {value, value + n};
    const char *type;
    size_t n_type;

    enc_multipart_param_token(&cursor, &type, &n_type);
    if (!enc_multipart_param_is(type, n_type, "form-data"))
        return ENC_PART_HEADERS_MALFORMED;
    for (;;) {
        struct enc_multipart_param param;
        switch (enc_multipart_param_next(&cursor, &param)) {
        case ENC_MULTIPART_PARAM:
            if (!note_param(disposition, &param))
                return ENC_PART_HEADERS_MALFORMED;
            break;
        case ENC_MULTIPART_PARAM_MALFORMED:
            return ENC_PART_HEADERS_MALFORMED;
        case ENC_MULTIPART_PARAM_NONE:
            if (disposition->name.value == NULL && disposition->name_ext.value == NULL)
                return ENC_PART_HEADERS_MALFORMED;
            return ENC_OK;
        }
    }
}

// Decodes ext if it is there and good, else plain if it is there. False: neither.
static bool decode_either(const struct enc_multipart_param *ext,
                          const struct enc_multipart_param *plain, struct tail *tail)
{
    if (ext->value != NULL && decode_ext(ext, tail))
        return true;
    if (plain->value == NULL)
        return false;
    decode_plain(plain, tail);
    return true;
}

static void describe_part(const struct disposition *disposition, struct enc_multipart_part *part)
{
    // RFC 7578, 4.2 knows no name*. Old clients send it, instead of name, for other fields than
    // ours.
    const bool only_ext = disposition->name.value == NULL;
    const struct enc_multipart_param none = {0};
    struct tail tail;
    size_t n;
    const char *text;

    part->is_file_field = false;
    if (decode_either(only_ext ? &disposition->name_ext : &none, &disposition->name, &tail)) {
        text = tail_end(&tail, &n);
        part->is_file_field = n == 4 && memcmp(text, "file", 4) == 0;
    }
    part->n_filename = 0;
    part->has_filename = decode_either(&disposition->filename_ext, &disposition->filename, &tail);
    if (part->has_filename) {
        text = tail_end(&tail, &part->n_filename);
        memcpy(part->filename, text, part->n_filename);
    }
}

// The characters of a header's name (RFC 9110, 5.6.2).
static const bool is_token_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

// One header, folds included, without its last CRLF.
struct header {
    const char *name, *value;
    size_t n_name, n_value;
};

// Takes the next header. False: it is none.
static bool take_header(const char **at, const char *end, struct header *header)
{
    const char *p = *at;

    header->name = p;
    while (p < end && is_token_char[(uint8_t)*p])
        p++;
    header->n_name = (size_t)(p - header->name);
    if (header->n_name == 0 || p == end || *p != ':')
        return false;
    header->value = ++p;
    for (;; p++) {
        if (p == end)
            return false;
        const unsigned char c = (unsigned char)*p;
        if (c > '\r') // most are
            continue;
        if (c == '\r') {
            if (end - p < 2 || p[1] != '\n')
                return false;
            // White space at the start of a line makes it a part of the one before it.
            if (end - p == 2 || (p[2] != ' ' && p[2] != '\t'))
                break;
            p++;
        } else if (c == '\n' || c == '\0') {
            return false; // other control characters may stand in a file's name as it is sent
        }
    }
    header->n_value = (size_t)(p - header->value);
    *at = p + 2;
    return true;
}

enum enc_status enc_multipart_part_parse(const char *block, size_t n,
                                         struct enc_multipart_part *ret_part)
{
    const char *at = block;
    struct disposition disposition = {0};
    bool found = false;

    while (at < block + n) {
        struct header header;
        if (!take_header(&at, block + n, &header))
            return ENC_PART_HEADERS_MALFORMED;
        if (!enc_multipart_param_is(header.name, header.n_name, "content-disposition"))
            continue;
        if (found)
            return ENC_PART_HEADERS_MALFORMED;
        enum enc_status st = read_disposition(header.value, header.n_value, &disposition);
        if (st != ENC_OK)
            return st;
        found = true;
    }
    if (!found)
        return ENC_PART_HEADERS_MALFORMED;
    describe_part(&disposition, ret_part);
    return ENC_OK;
}
