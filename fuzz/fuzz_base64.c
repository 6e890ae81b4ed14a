// SPDX-License-Identifier: Apache-2.0
// Each level of the processor's instructions encodes to what the portable level encodes to,
// wherever the input is split, and decodes what that decodes, to the same bytes; and what decodes
// is encoded to the same text again.
//
// An input is a byte that chooses the alphabet, two that choose the split, one to put into the
// text, and bytes. These are taken as text, too.
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/base64_reference.h"
#include "../tests/unit/cpu_levels.h"
#include "../tests/unit/drive_check.h"
#include "enc_base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// All that is made of an input.
struct result {
    char *padded, *bare;   // the bytes, encoded in two pieces and at once
    uint8_t *decoded;      // the text, decoded
    uint8_t *decoded_bare; // what was encoded, with one character put in
    bool is_good, is_bare_good;
};

static char *encode_in_two(enum enc_base64_alphabet alphabet, const uint8_t *bytes, size_t n,
                           size_t at)
{
    struct enc_base64_encoder encoder = {.alphabet = alphabet};
    uint8_t *first = exactly(bytes, at), *second = exactly(bytes + at, n - at);
    char *text = exactly(NULL, ENC_BASE64_SIZE(n));
    size_t n_out = enc_base64_update(&encoder, first, at, text);

    n_out += enc_base64_update(&encoder, second, n - at, text + n_out);
    n_out += enc_base64_finish(&encoder, text + n_out);
    DRIVE_CHECK(n_out == ENC_BASE64_SIZE(n));
    free(first);
    free(second);
    return text;
}

// Decodes from and to memory of the exact size. What has failed is zeros.
static bool decode(enum enc_base64_alphabet alphabet, const char *text, size_t n_text,
                   uint8_t **ret_bytes)
{
    const size_t n = ENC_BASE64_BARE_BYTES(n_text);
    char *in = exactly(text, n_text);
    uint8_t *out = exactly(NULL, n);
    const bool is_good = enc_base64_decode_bare(alphabet, in, n_text, out);

    if (is_good) {
        char *again = exactly(NULL, n_text);
        DRIVE_CHECK(ENC_BASE64_BARE_SIZE(n) == n_text);
        enc_base64_encode_bare(alphabet, out, n, again);
        DRIVE_CHECK(memcmp(again, in, n_text) == 0);
        free(again);
    } else {
        memset(out, 0, n);
    }
    free(in);
    *ret_bytes = out;
    return is_good;
}

static struct result run(enum enc_base64_alphabet alphabet, const uint8_t *bytes, size_t n,
                         size_t at, uint8_t character)
{
    struct result result;
    const size_t n_bare = ENC_BASE64_BARE_SIZE(n);

    result.padded = encode_in_two(alphabet, bytes, n, at);
    result.bare = exactly(NULL, n_bare);
    enc_base64_encode_bare(alphabet, bytes, n, result.bare);
    DRIVE_CHECK(memcmp(result.bare, result.padded, n_bare) == 0);
    result.is_good = decode(alphabet, (const char *)bytes, n, &result.decoded);
    if (n_bare > 0 && character != 0)
        result.bare[at] = (char)character;
    result.is_bare_good = decode(alphabet, result.bare, n_bare, &result.decoded_bare);
    DRIVE_CHECK(character != 0 || result.is_bare_good);
    DRIVE_CHECK(character != 0 || memcmp(result.decoded_bare, bytes, n) == 0);
    return result;
}

static void compare(const struct result *result, const struct result *expected, size_t n)
{
    DRIVE_CHECK(memcmp(result->padded, expected->padded, ENC_BASE64_SIZE(n)) == 0);
    DRIVE_CHECK(result->is_good == expected->is_good);
    DRIVE_CHECK(memcmp(result->decoded, expected->decoded, ENC_BASE64_BARE_BYTES(n)) == 0);
    DRIVE_CHECK(result->is_bare_good == expected->is_bare_good);
    DRIVE_CHECK(memcmp(result->decoded_bare, expected->decoded_bare, n) == 0);
}

static void free_result(struct result *result)
{
    free(result->padded);
    free(result->bare);
    free(result->decoded);
    free(result->decoded_bare);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    const enum enc_base64_alphabet alphabet = data[0] % 2 ? ENC_BASE64_URL : ENC_BASE64_STANDARD;
    const size_t n = size - 4, at = (data[1] | (size_t)data[2] << 8) % (n + 1);
    uint8_t *bytes = exactly(data + 4, n);

    enc_cpu_use(ENC_CPU_PORTABLE);
    struct result expected = run(alphabet, bytes, n, at, data[3]);
    for (unsigned level = ENC_CPU_PORTABLE + 1; level < ENC_CPU_N_LEVELS; level++) {
        if (!use_level(level))
            continue;
        struct result result = run(alphabet, bytes, n, at, data[3]);
        compare(&result, &expected, n);
        free_result(&result);
    }
    free_result(&expected);
    free(bytes);
    return 0;
}
