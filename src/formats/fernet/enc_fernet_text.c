// SPDX-License-Identifier: Apache-2.0
// base64url in groups of four characters. Behind the last group, which may have padding, there are
// at most two more characters, CR LF. So a group with three behind it is not the last: it has no
// padding, and all of it has to be in the alphabet. What may be the last group is held.
#include "enc_fernet_text.h"

#include <string.h>

#include "enc_base64.h"

#define GROUP ((size_t)4)
#define GROUP_BYTES ((size_t)3)
#define BEHIND ((size_t)3) // characters behind a group that show that it is not the last

_Static_assert(ENC_FERNET_TEXT_OUT_MIN >= 3 * GROUP_BYTES, "of what is held, and a group more");

// Whole groups, none of which is the last.
static enum enc_status decode(const char *chars, size_t n_chars, uint8_t *out, size_t *n_out)
{
    if (!enc_base64_decode_bare(ENC_BASE64_URL, chars, n_chars, out + *n_out))
        return ENC_FERNET_TOKEN;
    *n_out += n_chars / GROUP * GROUP_BYTES;
    return ENC_OK;
}

static void hold(struct enc_fernet_text *text, const char *chars, size_t n)
{
    memcpy(text->held + text->n_held, chars, n);
    text->n_held += n;
}

// Too few characters to say of what is held that it is not the end.
static enum enc_status read_few(struct enc_fernet_text *text, const char *chars, size_t n,
                                uint8_t *out, size_t *n_out)
{
    enum enc_status st = ENC_OK;

    hold(text, chars, n);
    while (st == ENC_OK && text->n_held >= GROUP + BEHIND) {
        st = decode(text->held, GROUP, out, n_out);
        text->n_held -= GROUP;
        memmove(text->held, text->held + GROUP, text->n_held);
    }
    return st;
}

enum enc_status enc_fernet_text_read(struct enc_fernet_text *text, const uint8_t *in, size_t n,
                                     uint8_t *out, size_t cap, size_t *ret_taken, size_t *ret_n)
{
    const char *chars = (const char *)in;
    const size_t n_fill = (GROUP - text->n_held % GROUP) % GROUP; // up to whole groups
    size_t n_out = 0, n_taken, n_bulk;
    enum enc_status st;

    if (n < n_fill + BEHIND) {
        st = read_few(text, chars, n, out, &n_out);
        n_taken = n;
    } else {
        hold(text, chars, n_fill);
        st = decode(text->held, text->n_held, out, &n_out);
        text->n_held = 0;
        n_bulk = (n - n_fill - BEHIND) / GROUP;
        if (n_bulk > (cap - n_out) / GROUP_BYTES)
            n_bulk = (cap - n_out) / GROUP_BYTES;
        if (st == ENC_OK)
            st = decode(chars + n_fill, n_bulk * GROUP, out, &n_out);
        n_taken = n_fill + n_bulk * GROUP;
        if (n - n_taken < GROUP + BEHIND) {
            hold(text, chars + n_taken, n - n_taken);
            n_taken = n;
        }
    }
    if (st != ENC_OK)
        return st;
    *ret_taken = n_taken;
    *ret_n = n_out;
    return ENC_OK;
}

enum enc_status enc_fernet_text_end(struct enc_fernet_text *text, uint8_t out[static 3],
                                    size_t *ret_n)
{
    size_t n = text->n_held, n_chars = GROUP;

    if (n > 0 && text->held[n - 1] == '\n') {
        n--;
        if (n > 0 && text->held[n - 1] == '\r')
            n--;
    }
    if (n != GROUP)
        return ENC_FERNET_TOKEN;
    // At most two characters of padding: a third is one that the alphabet lacks.
    while (n_chars > 2 && text->held[n_chars - 1] == '=')
        n_chars--;
    if (!enc_base64_decode_bare(ENC_BASE64_URL, text->held, n_chars, out))
        return ENC_FERNET_TOKEN;
    *ret_n = ENC_BASE64_BARE_BYTES(n_chars);
    return ENC_OK;
}
