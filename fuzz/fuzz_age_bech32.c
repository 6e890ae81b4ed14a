// SPDX-License-Identifier: Apache-2.0
// What Bech32 decodes, it encodes to the same text; what it encodes, it decodes to the same bytes,
// and not with any one character changed.
//
// An input is a byte that chooses the prefix, one that chooses a change, and a text. The text is
// taken as bytes to be encoded, too.
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/drive_check.h"
#include "enc_age_bech32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Of its own size, so that a sanitizer sees what is read or written too far.
static void *allocate(size_t n)
{
    void *bytes = malloc(n > 0 ? n : 1);

    DRIVE_CHECK(bytes != NULL);
    memset(bytes, 0xa5, n);
    return bytes;
}

// Decodes to n bytes; what fails leaves zeros.
static bool decodes(const char *prefix, const char *text, size_t n_chars, uint8_t *out, size_t n)
{
    const bool is_good = enc_age_bech32_decode(prefix, text, n_chars, out, n);

    for (size_t i = 0; !is_good && i < n; i++)
        DRIVE_CHECK(out[i] == 0);
    return is_good;
}

static void check_text(const char *prefix, const uint8_t *data, size_t n_chars)
{
    const size_t n_frame = ENC_AGE_BECH32_SIZE(strlen(prefix), 0u);
    const size_t n = n_chars < n_frame ? 0 : (n_chars - n_frame) * 5 / 8;
    char *text = allocate(n_chars);
    uint8_t *out = allocate(n + 1);

    if (n_chars > 0)
        memcpy(text, data, n_chars);
    const bool is_good = decodes(prefix, text, n_chars, out, n);
    if (is_good) {
        char *again = allocate(n_chars);
        DRIVE_CHECK(ENC_AGE_BECH32_SIZE(strlen(prefix), n) == n_chars);
        enc_age_bech32_encode(prefix, out, n, again);
        DRIVE_CHECK(memcmp(again, text, n_chars) == 0);
        free(again);
    }
    // It can be of one number of bytes alone.
    DRIVE_CHECK(!decodes(prefix, text, n_chars, out, n + 1));
    DRIVE_CHECK(n == 0 || !decodes(prefix, text, n_chars, out, n - 1));
    free(out);
    free(text);
}

static void check_bytes(const char *prefix, const uint8_t *bytes, size_t n, uint8_t change)
{
    const size_t n_chars = ENC_AGE_BECH32_SIZE(strlen(prefix), n);
    char *text = allocate(n_chars);
    uint8_t *out = allocate(n);

    enc_age_bech32_encode(prefix, bytes, n, text);
    DRIVE_CHECK(decodes(prefix, text, n_chars, out, n));
    DRIVE_CHECK(n == 0 || memcmp(out, bytes, n) == 0);
    text[(n > 0 ? bytes[0] : 0) % n_chars] ^= (char)change;
    DRIVE_CHECK(decodes(prefix, text, n_chars, out, n) == (change == 0));
    free(out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const prefixes[] = {"age", "AGE-SECRET-KEY-", "A", "a1"};

    if (size < 2)
        return 0;
    const char *prefix = prefixes[data[0] % 4];
    check_text(prefix, data + 2, size - 2);
    check_bytes(prefix, data + 2, size - 2, data[1]);
    return 0;
}
