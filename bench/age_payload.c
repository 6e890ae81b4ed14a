// SPDX-License-Identifier: Apache-2.0
// How fast the age encryptor is by itself: plaintext from memory in pieces, ciphertext into one
// buffer.
//
//     age_payload PIECE_BYTES binary|armor|sized SECONDS    prints bytes a second of the processor
//
// "sized" is binary too, with an encryptor that knows the file's size.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enc_age.h"
#include "enc_crypto_init.h"

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum enc_status begin(struct enc_age_encryptor *encryptor, const char *form)
{
    static const struct enc_age_seed seed = {.nonce = {1}};
    static const uint8_t secret[32] = {1};
    ENC_SECRET(enc_age_identity, identity);
    ENC_SECRET(enc_age_recipient, recipient);
    struct enc_age_encryptor_options options = {
        .recipients = &recipient,
        .n_recipients = 1,
        .seed = &seed,
        .armor = strcmp(form, "armor") == 0,
        .size_is_known = strcmp(form, "sized") == 0,
        .size = (uint64_t)1 << 60, // never reached
    };
    enum enc_status st = enc_crypto_init();

    if (st == ENC_OK)
        st = enc_age_x25519_identity(secret, &identity);
    if (st != ENC_OK)
        return st;
    enc_age_identity_recipient(&identity, &recipient);
    return enc_age_encryptor_init(encryptor, &options);
}

int main(int argc, char **argv)
{
    static struct enc_age_encryptor encryptor;

    if (argc != 4)
        return 2;
    size_t n_piece = strtoull(argv[1], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    if (begin(&encryptor, argv[2]) != ENC_OK)
        return 1;
    size_t cap = 2 * n_piece + 2 * ENC_AGE_CHUNK + 8192;
    uint8_t *in = calloc(1, n_piece), *out = malloc(cap);
    double begun = cpu_seconds(), elapsed, n_total = 0;
    do {
        size_t n_out;
        if (enc_encryptor_update(&encryptor.base, in, n_piece, out, cap, &n_out) != ENC_OK)
            return 1;
        n_total += (double)n_piece;
        elapsed = cpu_seconds() - begun;
    } while (elapsed < seconds);
    printf("%.0f\n", n_total / elapsed);
    encryptor.base.ops->wipe(&encryptor.base);
    free(in);
    free(out);
    return 0;
}
