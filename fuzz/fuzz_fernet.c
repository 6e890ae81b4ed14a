// SPDX-License-Identifier: Apache-2.0
// A token that is decrypted in any pieces and rooms comes to what it does as a whole, in both
// passes; one that is accepted is what encrypting its plaintext gives.
//
// An input is a byte of switches, two that choose the pieces, and one the room. Then comes either a
// token, under the key of the tests; or a description of one that the target makes, since no fuzzer
// finds MACs: two bytes of size, and ways to alter the token, three bytes each.
#include "../tests/unit/drive_fernet.h"
#include "enc_crypto_init.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 4

enum {
    SWITCH_TOKEN = 1, // the rest is a token
    SWITCH_SIGN = 2,  // the rest is raw bytes, to which the MAC is added
    SWITCH_LIMIT = 4, // the token has a time to live
    SWITCH_OTHER = 8, // alters the token after pass 1, instead of before
};

static uint8_t plain[65536];
static struct fernet_token first, second;
static struct fernet_outcome whole, pieced;

static void begin(void)
{
    if (plain[0] != 0)
        return;
    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    fernet_fill(plain, sizeof(plain));
}

// Alters a token at a place that scales with its size, or is near an end of it.
static void alter(const uint8_t how[static 3], struct fernet_token *token)
{
    size_t place = how[1] | (size_t)how[2] << 8, at = place % (token->n + 1);

    if (how[0] & 0x40)
        at = place * token->n / 65536;
    else if (how[0] & 0x80)
        at = token->n - at;
    switch (how[0] & 3) {
    case 0:
        if (at < token->n)
            token->chars[at] ^= (uint8_t)(1 << (how[0] >> 2 & 7));
        break;
    case 1:
        token->n = at;
        break;
    case 2: // a character more
        memmove(token->chars + at + 1, token->chars + at, token->n - at);
        token->chars[at] = (uint8_t) "\n\r=A- +_"[how[0] >> 2 & 7];
        token->n++;
        break;
    case 3: // another character
        if (at < token->n)
            fernet_alter(token, at);
        break;
    }
}

static bool is_same_token(const struct fernet_token *a, const struct fernet_token *b)
{
    return a->n == b->n && memcmp(a->chars, b->chars, a->n) == 0;
}

// Whether a token is this one, with a line end behind it or not.
static bool is_the_same_text(const struct fernet_token *token, const struct fernet_token *bare)
{
    const size_t n = token->n - bare->n;

    return token->n >= bare->n && memcmp(token->chars, bare->chars, bare->n) == 0 &&
           (n == 0 || (n == 1 && token->chars[bare->n] == '\n') ||
            (n == 2 && memcmp(token->chars + bare->n, "\r\n", 2) == 0));
}

// What was accepted is the one token of its plaintext, time and IV.
static void check_accepted(const struct fernet_token *token)
{
    static struct enc_fernet_encryptor encryptor;
    static struct fernet_token again;
    uint8_t header[27]; // of nine groups of base64
    size_t n_end;
    bool is_ended;

    DRIVE_CHECK(enc_base64_decode_bare(ENC_BASE64_URL, (const char *)token->chars, 36, header));
    DRIVE_CHECK(enc_fernet_encryptor_init(&encryptor, &fernet_key, whole.verified.time,
                                          header + 9) == ENC_OK);
    DRIVE_CHECK(enc_encryptor_update(&encryptor.base, whole.plain, whole.n, again.chars,
                                     FERNET_TOKEN_MAX, &again.n) == ENC_OK);
    DRIVE_CHECK(encryptor.base.ops->finish(&encryptor.base, again.chars + again.n,
                                           FERNET_TOKEN_MAX - again.n, &n_end,
                                           &is_ended) == ENC_OK);
    again.n += n_end;
    DRIVE_CHECK(is_the_same_text(token, &again));
}

static void choose_pieces(const uint8_t bytes[static 3], struct fernet_pieces *pieces)
{
    uint32_t split = bytes[0] | (uint32_t)bytes[1] << 8;

    pieces->n = 1 + bytes[0] % 4;
    for (size_t i = 0; i < pieces->n; i++)
        pieces->sizes[i] = next_size(&split, SIZE_MAX);
    pieces->cap = ENC_FORMAT_OUT_MIN + (size_t)bytes[2] * bytes[2] / 4;
}

// Whether they are altered: else the outcome is known.
static bool make_tokens(uint8_t switches, const uint8_t *data, size_t n)
{
    const size_t n_plain = n < 2 ? 0 : data[0] | (size_t)data[1] << 8;
    struct fernet_token *altered = switches & SWITCH_OTHER ? &second : &first;

    fernet_make(plain, n_plain, &first);
    second = first;
    for (size_t at = 2; at + 3 <= n; at += 3)
        alter(data + at, altered);
    if (altered == &first)
        second = first;
    return n >= 5;
}

static void check_made(bool is_altered)
{
    // Altered or not, there is no other plaintext that could be released but where pass 2 gets
    // another token.
    DRIVE_CHECK(is_altered || whole.verify == ENC_OK);
    if (is_same_token(&first, &second)) {
        DRIVE_CHECK(whole.verify != ENC_OK || whole.open == ENC_OK);
        DRIVE_CHECK(memcmp(whole.plain, plain, whole.n) == 0);
    } else if (whole.open == ENC_OK) {
        DRIVE_CHECK(memcmp(whole.plain, plain, whole.n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct enc_fernet_time_limit limit = {.now = FERNET_TIME + 10, .ttl = 20}, *limits = NULL;
    struct fernet_pieces pieces;
    bool is_made = false, is_altered = false;

    begin();
    if (size < HEAD || size > FERNET_PLAIN_MAX / 2)
        return 0;
    if (data[0] & SWITCH_LIMIT)
        limits = &limit;
    if (data[0] & SWITCH_TOKEN) {
        memcpy(first.chars, data + HEAD, size - HEAD);
        first.n = size - HEAD;
        second = first;
    } else if (data[0] & SWITCH_SIGN) {
        fernet_sign(data + HEAD, size - HEAD, &first);
        second = first;
    } else {
        is_made = true;
        is_altered = make_tokens(data[0], data + HEAD, size - HEAD);
    }
    choose_pieces(data + 1, &pieces);
    fernet_decrypt_twice(&fernet_key, limits, &first, &second, &fernet_whole, &whole);
    fernet_decrypt_twice(&fernet_key, limits, &first, &second, &pieces, &pieced);
    DRIVE_CHECK(whole.verify == pieced.verify);
    // In pass 2 a change may be seen as bad text or as a bad MAC, whichever comes first.
    DRIVE_CHECK((whole.open == ENC_OK) == (pieced.open == ENC_OK));
    DRIVE_CHECK(whole.verified.size == pieced.verified.size);
    DRIVE_CHECK(whole.verified.time == pieced.verified.time);
    // Where the passes get other tokens, how much leaves depends on the pieces: but not what.
    size_t n = whole.n < pieced.n ? whole.n : pieced.n;
    DRIVE_CHECK(memcmp(whole.plain, pieced.plain, n) == 0);
    DRIVE_CHECK(whole.open != ENC_OK || whole.n == pieced.n);
    DRIVE_CHECK(whole.verify == ENC_OK || whole.n + pieced.n == 0);
    if (is_made)
        check_made(is_altered);
    if (whole.verify == ENC_OK && whole.open == ENC_OK)
        check_accepted(&first);
    return 0;
}
