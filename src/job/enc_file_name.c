// SPDX-License-Identifier: Apache-2.0
// File names from clients made harmless: decoded strictly, cleaned, cut, and quoted for a header.
#include "enc_file_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EXTENSION_MAX 20 // bytes, with its dot; what is longer is no extension

#define DISPOSITION "attachment; filename=\""
#define DISPOSITION_EXTENDED "; filename*=UTF-8''"

_Static_assert(sizeof(DISPOSITION) + ENC_FILE_NAME_MAX + 1 + sizeof(DISPOSITION_EXTENDED) +
                       3 * ENC_FILE_NAME_MAX <=
                   ENC_FILE_NAME_DISPOSITION_MAX,
               "the longest name, each byte of it percent-encoded, fits");

// One character of a name.
struct character {
    const char *bytes;
    size_t n_bytes;
    uint32_t code;
};

// Reads the UTF-8 sequence that the n > 0 bytes at in begin with (RFC 3629, section 4). Returns its
// length, or 0 if there is none: a stray or missing continuation, an overlong form, a surrogate, a
// code past U+10FFFF.
static size_t decode_utf8(const uint8_t *in, size_t n, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = in[0] < 0x80   ? 1
                    : in[0] < 0xC0 ? 0
                    : in[0] < 0xE0 ? 2
                    : in[0] < 0xF0 ? 3
                    : in[0] < 0xF8 ? 4
                                   : 0;

    if (length == 0 || length > n)
        return 0;
    uint32_t code = length == 1 ? in[0] : in[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((in[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (in[i] & 0x3Fu);
    }
    if (code < least[length] || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
        return 0;
    *ret_code = code;
    return length;
}

// Characters that would break the header, or make the name look like another one: controls (C0,
// DEL, C1), line and paragraph separators, the byte order mark, and what turns the direction of
// writing (UAX 9), with which "gpj.exe" can be made to read "exe.jpg".
static bool is_dropped(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E ||
           code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

// Takes the next character that is kept off *name. False if there is none left.
static bool next_character(const char **name, size_t *n, struct character *ret_character)
{
    while (*n > 0) {
        const char *bytes = *name;
        uint32_t code = 0;
        size_t length = decode_utf8((const uint8_t *)bytes, *n, &code);
        size_t step = length > 0 ? length : 1;
        *name += step;
        *n -= step;
        if (length > 0 && !is_dropped(code)) {
            *ret_character = (struct character){bytes, length, code};
            return true;
        }
    }
    return false;
}

// Where things are in a base name once it is cleaned, in bytes.
struct shape {
    size_t end;       // of the last character that is neither a dot nor a space
    size_t extension; // the last dot before that, or end if there is none
};

// File systems drop dots and spaces at the end of a name, so they do not count; with them go the
// names "." and "..".
static struct shape measure(const char *name, size_t n)
{
    struct shape shape = {0, 0};
    size_t at = 0;
    size_t dot = 0;
    bool has_dot = false;
    struct character c;

    while (next_character(&name, &n, &c)) {
        if (c.code == '.') {
            dot = at;
            has_dot = true;
        }
        at += c.n_bytes;
        if (c.code != '.' && c.code != ' ') {
            shape.end = at;
            shape.extension = has_dot ? dot : at;
        }
    }
    return shape;
}

static void append(struct enc_file_name *name, const char *bytes, size_t n)
{
    if (n > ENC_FILE_NAME_MAX - name->n)
        return;
    memcpy(name->chars + name->n, bytes, n);
    name->n += n;
}

// Appends the characters that lie before `stem` or in the extension.
static void append_cut(struct enc_file_name *name, const char *base, size_t n,
                       const struct shape *shape, size_t stem)
{
    size_t at = 0;
    struct character c;

    while (at < shape->end && next_character(&base, &n, &c)) {
        if (at + c.n_bytes <= stem || at >= shape->extension)
            append(name, c.bytes, c.n_bytes);
        at += c.n_bytes;
    }
}

// What follows the last separator, of either kind: the client's system may not be ours.
static const char *base_name(const char *name, size_t n, size_t *ret_n)
{
    size_t begin = n;
    while (begin > 0 && name[begin - 1] != '/' && name[begin - 1] != '\\')
        begin--;
    *ret_n = n - begin;
    return n > 0 ? name + begin : "";
}

// Appends the base name, cut to `room` bytes. Nothing if nothing is left of it.
static void append_base(struct enc_file_name *name, const char *base, size_t n, size_t room)
{
    struct shape shape = measure(base, n);
    size_t n_before = name->n;

    // A name that is all extension (".profile") has none.
    if (shape.extension == 0 || shape.end - shape.extension > EXTENSION_MAX)
        shape.extension = shape.end;
    size_t stem = shape.extension;
    if (shape.end > room)
        stem = room - (shape.end - shape.extension);
    append_cut(name, base, n, &shape, stem);

    // The cut may have laid bare a dot or a space.
    while (name->n > n_before &&
           (name->chars[name->n - 1] == '.' || name->chars[name->n - 1] == ' '))
        name->chars[--name->n] = '\0';
}

// prefix, base name, or what stands for it, suffix.
static void put_together(struct enc_file_name *name, const struct enc_file_name_style *style,
                         const char *base, size_t n_base)
{
    size_t n_prefix = strlen(style->prefix), n_suffix = strlen(style->suffix);

    memset(name, 0, sizeof(*name));
    append(name, style->prefix, n_prefix);
    append_base(name, base, n_base, ENC_FILE_NAME_MAX - n_prefix - n_suffix);
    if (name->n == n_prefix)
        append(name, style->unnamed, strlen(style->unnamed));
    append(name, style->suffix, n_suffix);
}

void enc_file_name_encrypted(const struct enc_file_name_style *style, const char *name, size_t n,
                             struct enc_file_name *ret_name)
{
    size_t n_base;
    const char *base = base_name(name, n, &n_base);

    put_together(ret_name, style, base, n_base);
}

// Takes the style's prefix and suffix off a base name. False if it does not have both.
static bool take_off(const struct enc_file_name_style *style, const char **base, size_t *n)
{
    size_t n_prefix = strlen(style->prefix), n_suffix = strlen(style->suffix);

    if (*n < n_prefix + n_suffix || memcmp(*base, style->prefix, n_prefix) != 0 ||
        memcmp(*base + *n - n_suffix, style->suffix, n_suffix) != 0)
        return false;
    *base += n_prefix;
    *n -= n_prefix + n_suffix;
    return true;
}

void enc_file_name_decrypted(const struct enc_file_name_style *style, const char *name, size_t n,
                             struct enc_file_name *ret_name)
{
    const struct enc_file_name_style decrypted = {"decrypted_", "", style->unnamed};
    size_t n_base;
    const char *base = base_name(name, n, &n_base);

    memset(ret_name, 0, sizeof(*ret_name));
    if (take_off(style, &base, &n_base))
        append_base(ret_name, base, n_base, ENC_FILE_NAME_MAX);
    if (ret_name->n == 0)
        put_together(ret_name, &decrypted, base, n_base);
}

// A header's value being written; the static assertion above says that it fits.
struct value {
    char *chars;
    size_t n;
};

static void put(struct value *value, char c)
{
    if (value->n < ENC_FILE_NAME_DISPOSITION_MAX - 1)
        value->chars[value->n++] = c;
}

static void put_text(struct value *value, const char *text)
{
    for (; *text; text++)
        put(value, *text);
}

// The ASCII form: one '_' for each character that does not survive a quoted string everywhere.
// Browsers differ in what they make of '\' and of '%' there (RFC 6266, appendix D).
static bool put_ascii(struct value *value, const struct enc_file_name *name)
{
    bool is_exact = true;

    for (size_t i = 0; i < name->n; i++) {
        uint8_t c = (uint8_t)name->chars[i];
        bool is_plain = c >= 0x20 && c <= 0x7E && c != '"' && c != '\\' && c != '%';
        bool is_continuation = (c & 0xC0) == 0x80;
        if (!is_continuation)
            put(value, is_plain ? (char)c : '_');
        is_exact = is_exact && is_plain;
    }
    return is_exact;
}

// attr-char (RFC 8187, section 3.2.1).
static bool is_attr_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr("!#$&+-.^_`|~", c));
}

static void put_percent_encoded(struct value *value, const struct enc_file_name *name)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < name->n; i++) {
        uint8_t c = (uint8_t)name->chars[i];
        if (is_attr_char(c)) {
            put(value, (char)c);
        } else {
            put(value, '%');
            put(value, hex[c >> 4]);
            put(value, hex[c & 0xF]);
        }
    }
}

size_t enc_file_name_disposition(const struct enc_file_name *name,
                                 char out[static ENC_FILE_NAME_DISPOSITION_MAX])
{
    struct value value = {out, 0};

    put_text(&value, DISPOSITION);
    bool is_exact = put_ascii(&value, name);
    put(&value, '"');
    if (!is_exact) {
        put_text(&value, DISPOSITION_EXTENDED);
        put_percent_encoded(&value, name);
    }
    out[value.n] = '\0';
    return value.n;
}
