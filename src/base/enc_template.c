// SPDX-License-Identifier: Apache-2.0
// One walk through a template, which counts or writes.
#include "enc_template.h"

#include <string.h>

#include "enc_base64.h"

struct walk {
    const struct enc_template *template;
    uint8_t *out; // NULL: only counts
    size_t n;
    unsigned n_open;    // sections that are kept, and not closed yet
    const char *hidden; // the name of the section that is left out, n_hidden bytes, or NULL
    size_t n_hidden;
};

// Between two pairs of braces.
struct tag {
    char kind; // '#', '^' or '/'; 0: a value
    const char *name;
    size_t n_name;
};

static void put(struct walk *walk, const void *bytes, size_t n)
{
    if (walk->out && n > 0)
        memcpy(walk->out + walk->n, bytes, n);
    walk->n += n;
}

static const char *escape_of(char c)
{
    // No table: the text may be a key.
    if (c == '&')
        return "&amp;";
    if (c == '<')
        return "&lt;";
    if (c == '>')
        return "&gt;";
    if (c == '"')
        return "&quot;";
    if (c == '\'')
        return "&#39;";
    return NULL;
}

static void put_text(struct walk *walk, const char *text, size_t n)
{
    size_t n_put = 0;

    for (size_t i = 0; i < n; i++) {
        const char *escape = escape_of(text[i]);
        if (!escape)
            continue;
        put(walk, text + n_put, i - n_put);
        put(walk, escape, strlen(escape));
        n_put = i + 1;
    }
    put(walk, text + n_put, n - n_put);
}

static void put_base64(struct walk *walk, const uint8_t *bytes, size_t n)
{
    struct enc_base64_encoder encoder = {.alphabet = ENC_BASE64_STANDARD};

    if (walk->out) {
        char *out = (char *)walk->out + walk->n;
        size_t n_out = enc_base64_update(&encoder, bytes, n, out);
        char end[4];
        size_t n_end = enc_base64_finish(&encoder, end);
        memcpy(out + n_out, end, n_end);
    }
    walk->n += ENC_BASE64_SIZE(n);
}

static void put_value(struct walk *walk, const struct enc_template_value *value)
{
    if (value->n == 0)
        return;
    if (value->as_base64)
        put_base64(walk, value->bytes, value->n);
    else
        put_text(walk, value->bytes, value->n);
}

static bool is_name(const char *name, size_t n_name, const char *of, size_t n_of)
{
    return n_name == n_of && memcmp(name, of, n_name) == 0;
}

static const struct enc_template_value *find_value(const struct walk *walk, const struct tag *tag)
{
    for (size_t i = 0; i < walk->template->n_values; i++) {
        const struct enc_template_value *value = &walk->template->values[i];
        if (is_name(tag->name, tag->n_name, value->name, strlen(value->name)))
            return value;
    }
    return NULL;
}

static bool close_section(struct walk *walk)
{
    if (walk->n_open == 0)
        return false;
    walk->n_open--;
    return true;
}

static bool take_tag(struct walk *walk, const struct tag *tag)
{
    if (walk->hidden) {
        if (tag->kind == '/' && is_name(tag->name, tag->n_name, walk->hidden, walk->n_hidden))
            walk->hidden = NULL;
        return true;
    }
    const struct enc_template_value *value = find_value(walk, tag);
    if (!value)
        return false;
    if (tag->kind == '/')
        return close_section(walk);
    if (tag->kind == 0) {
        put_value(walk, value);
    } else if ((tag->kind == '#') == (value->n > 0)) {
        walk->n_open++;
    } else {
        walk->hidden = tag->name;
        walk->n_hidden = tag->n_name;
    }
    return true;
}

// What is between the braces, n bytes.
static struct tag read_tag(const char *text, size_t n)
{
    struct tag tag = {.name = text, .n_name = n};

    if (n > 0 && (*text == '#' || *text == '^' || *text == '/'))
        tag = (struct tag){.kind = *text, .name = text + 1, .n_name = n - 1};
    return tag;
}

static bool go(struct walk *walk)
{
    const char *p = walk->template->text;
    size_t n = walk->template->n_text;

    for (;;) {
        const char *open = memmem(p, n, "{{", 2);
        size_t n_before = open ? (size_t)(open - p) : n;
        if (!walk->hidden)
            put(walk, p, n_before);
        if (!open)
            return walk->n_open == 0 && !walk->hidden;

        const char *name = open + 2;
        size_t n_left = n - n_before - 2;
        const char *close = memmem(name, n_left, "}}", 2);
        if (!close)
            return false;
        struct tag tag = read_tag(name, (size_t)(close - name));
        if (!take_tag(walk, &tag))
            return false;
        p = close + 2;
        n = n_left - (size_t)(close - name) - 2;
    }
}

bool enc_template_size(const struct enc_template *template, size_t *ret_n)
{
    struct walk walk = {.template = template};

    if (!go(&walk))
        return false;
    *ret_n = walk.n;
    return true;
}

void enc_template_write(const struct enc_template *template, uint8_t *out)
{
    struct walk walk = {.template = template, .out = out};

    (void)go(&walk);
}
