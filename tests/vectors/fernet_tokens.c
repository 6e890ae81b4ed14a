// SPDX-License-Identifier: Apache-2.0
// For test_fernet.py: reads lines "KEY TIME IV PLAINTEXT" (text, decimal, hexadecimal, hexadecimal;
// the plaintext may be empty) and prints a token for each. Ends with 1 at a line that is none.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enc_crypto_init.h"
#include "enc_fernet.h"

// What a network might deliver: not a multiple of a block or a chunk.
#define PIECE_BYTES 10007

// Decodes hexadecimal in place. Returns the number of bytes, or -1.
static ssize_t decode_hex(char *text)
{
    size_t n = strlen(text) / 2;

    for (size_t i = 0; i < n; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'}, *end;
        unsigned long value = strtoul(digits, &end, 16);

        if (*end != '\0')
            return -1;
        ((uint8_t *)text)[i] = (uint8_t)value;
    }
    return strlen(text + 2 * n) % 2 == 0 ? (ssize_t)n : -1;
}

static int print_token(const struct enc_fernet_key *key, uint64_t time, const uint8_t iv[static 16],
                       const uint8_t *plain, size_t n)
{
    static struct enc_fernet_encryptor encryptor;
    static uint8_t out[2 * PIECE_BYTES];
    size_t n_out;
    bool is_ended;

    if (enc_fernet_encryptor_init(&encryptor, key, time, iv) != ENC_OK)
        return 1;
    while (n > 0) {
        size_t n_piece = n < PIECE_BYTES ? n : PIECE_BYTES;

        if (enc_encryptor_update(&encryptor.base, plain, n_piece, out, sizeof(out), &n_out) !=
            ENC_OK)
            return 1;
        fwrite(out, 1, n_out, stdout);
        plain += n_piece;
        n -= n_piece;
    }
    if (encryptor.base.ops->finish(&encryptor.base, out, sizeof(out), &n_out, &is_ended) != ENC_OK)
        return 1;
    fwrite(out, 1, n_out, stdout);
    return putchar('\n') == EOF;
}

static int run_line(char *line)
{
    static char nothing[] = "";
    char *save, *key_text = strtok_r(line, " \n", &save), *time_text = strtok_r(NULL, " \n", &save);
    char *iv = strtok_r(NULL, " \n", &save), *plain = strtok_r(NULL, " \n", &save);
    ENC_SECRET(enc_fernet_key, key);
    ssize_t n;

    if (iv == NULL || decode_hex(iv) != 16)
        return 1;
    if (plain == NULL)
        plain = nothing;
    n = decode_hex(plain);
    if (n < 0 || enc_fernet_key_parse(key_text, strlen(key_text), &key) != ENC_OK)
        return 1;
    return print_token(&key, strtoull(time_text, NULL, 10), (const uint8_t *)iv,
                       (const uint8_t *)plain, (size_t)n);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    int failed = enc_crypto_init() != ENC_OK;

    while (!failed && getline(&line, &size, stdin) >= 0)
        failed = run_line(line);
    free(line);
    enc_crypto_free();
    return failed;
}
