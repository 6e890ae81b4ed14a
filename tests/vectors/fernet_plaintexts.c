// SPDX-License-Identifier: Apache-2.0
// For test_fernet_decrypt.py: reads lines "KEY TTL NOW TOKEN" (text, decimal or "-" for no limit,
// decimal, hexadecimal) and prints for each "STATUS TIME PLAINTEXT", the last one in hexadecimal;
// or "STATUS" alone if it is not ok. Ends with 1 at a line that is none.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enc_crypto_init.h"
#include "enc_fernet.h"

// What a disk might deliver: not a multiple of a block or a chunk.
#define PIECE_CHARS 10007
#define ROOM_BYTES 7001

static enum enc_status verify(struct enc_fernet_decryptor *decryptor, const uint8_t *token,
                              size_t n, uint64_t *ret_size)
{
    enum enc_status st = ENC_OK;

    for (size_t at = 0; st == ENC_OK && at < n; at += PIECE_CHARS)
        st = enc_decryptor_verify(&decryptor->base, token + at,
                                  n - at < PIECE_CHARS ? n - at : PIECE_CHARS);
    return st == ENC_OK ? decryptor->base.ops->verify_end(&decryptor->base, ret_size) : st;
}

static void print_hex(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", bytes[i]);
}

static enum enc_status open_and_print(struct enc_fernet_decryptor *decryptor, const uint8_t *token,
                                      size_t n, uint64_t size)
{
    static uint8_t room[ROOM_BYTES];
    enum enc_status st = ENC_OK;
    bool is_ended = false;
    size_t n_out;

    while (st == ENC_OK && !is_ended) {
        if (n > 0) {
            size_t n_taken = 0;
            st = enc_decryptor_open(&decryptor->base, token, n < PIECE_CHARS ? n : PIECE_CHARS,
                                    room, sizeof(room), &n_taken, &n_out);
            token += n_taken;
            n -= n_taken;
        } else {
            st = decryptor->base.ops->open_end(&decryptor->base, room, sizeof(room), &n_out,
                                               &is_ended);
        }
        if (st == ENC_OK) {
            print_hex(room, n_out);
            size -= n_out;
        }
    }
    return st == ENC_OK && size != 0 ? ENC_MISUSE : st;
}

// Decodes hexadecimal in place. Returns whether it is some.
static bool decode_hex(char *text, size_t *ret_n)
{
    size_t n = strlen(text);

    for (size_t i = 0; i + 1 < n; i += 2) {
        char digits[3] = {text[i], text[i + 1], '\0'}, *end;
        text[i / 2] = (char)strtoul(digits, &end, 16);
        if (*end != '\0')
            return false;
    }
    *ret_n = n / 2;
    return n % 2 == 0;
}

static int run(const struct enc_fernet_key *key, const struct enc_fernet_time_limit *limit,
               const uint8_t *token, size_t n)
{
    static struct enc_fernet_decryptor decryptor;
    uint64_t size = 0;
    enum enc_status st = enc_fernet_decryptor_init(&decryptor, key, limit);

    if (st == ENC_OK)
        st = verify(&decryptor, token, n, &size);
    printf("%s", enc_status_name(st));
    if (st == ENC_OK) {
        printf(" %llu ", (unsigned long long)enc_fernet_decryptor_time(&decryptor));
        st = open_and_print(&decryptor, token, n, size);
        if (st != ENC_OK)
            printf("!%s", enc_status_name(st));
    }
    decryptor.base.ops->wipe(&decryptor.base);
    return putchar('\n') == EOF;
}

static int run_line(char *line)
{
    static char nothing[] = "";
    char *save, *key_text = strtok_r(line, " \n", &save), *ttl = strtok_r(NULL, " \n", &save);
    char *now = strtok_r(NULL, " \n", &save), *token = strtok_r(NULL, " \n", &save);
    struct enc_fernet_time_limit limit;
    ENC_SECRET(enc_fernet_key, key);
    size_t n;

    if (now == NULL || enc_fernet_key_parse(key_text, strlen(key_text), &key) != ENC_OK)
        return 1;
    if (token == NULL)
        token = nothing;
    if (!decode_hex(token, &n))
        return 1;
    limit.ttl = strtoull(ttl, NULL, 10);
    limit.now = strtoull(now, NULL, 10);
    return run(&key, strcmp(ttl, "-") != 0 ? &limit : NULL, (const uint8_t *)token, n);
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
