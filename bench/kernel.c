// SPDX-License-Identifier: Apache-2.0
// The inner loops by themselves: ciphers, hashes and base64 over buffers that stay in the cache, at
// each level of the processor's instructions, beside what OpenSSL does.
//
//     kernel ROUNDS MILLISECONDS     prints JSON: of each case bytes for a second of the processor,
//     a
//                                    round each; the cases take turns
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enc_base64.h"
#include "enc_cpu.h"
#include "enc_crypto_init.h"
#include "enc_kernel.h"

enum {
    CHUNK = 12 * 1024, // of a Fernet job
    AEAD_CHUNK = 64 * 1024,
    LANES_MAX = 16,
    CASES_MAX = 64,
    ROUNDS_MAX = 100,
};

struct bench_case {
    char name[80];
    enum enc_cpu_level level;
    enum enc_kernel_op op;
    size_t n_lanes;
    size_t (*run)(const struct bench_case *); // returns how many bytes it took
    double rates[ROUNDS_MAX];
};

static struct bench_case cases[CASES_MAX];
static size_t n_cases;

static uint8_t key[32] = {1}, iv[16] = {2};
static uint8_t in[LANES_MAX][AEAD_CHUNK + 16], out[LANES_MAX][2 * AEAD_CHUNK];
static struct enc_kernel_lane lanes[LANES_MAX];
static EVP_CIPHER_CTX *cbc, *chacha;
static EVP_MAC_CTX *mac;

static void check(bool is_good)
{
    if (!is_good) {
        fputs("kernel: it failed\n", stderr);
        exit(1);
    }
}

static size_t run_cbc(const struct bench_case *c)
{
    int n;

    (void)c;
    check(EVP_EncryptUpdate(cbc, out[0], &n, in[0], CHUNK));
    return CHUNK;
}

static size_t run_cbc_and_mac(const struct bench_case *c)
{
    run_cbc(c);
    check(EVP_MAC_update(mac, out[0], CHUNK));
    return CHUNK;
}

static size_t run_chacha(const struct bench_case *c)
{
    int n;

    (void)c;
    // A nonce and a tag for each chunk, as age has them.
    check(EVP_EncryptInit_ex2(chacha, NULL, NULL, iv, NULL) &&
          EVP_EncryptUpdate(chacha, out[0], &n, in[0], AEAD_CHUNK) &&
          EVP_EncryptFinal_ex(chacha, out[0] + AEAD_CHUNK, &n) &&
          EVP_CIPHER_CTX_ctrl(chacha, EVP_CTRL_AEAD_GET_TAG, 16, out[0] + AEAD_CHUNK));
    return AEAD_CHUNK;
}

static size_t run_kernel(const struct bench_case *c)
{
    struct enc_kernel_item items[LANES_MAX], *pointers[LANES_MAX];

    for (size_t i = 0; i < c->n_lanes; i++) {
        items[i] = (struct enc_kernel_item){
            .op = c->op, .lane = &lanes[i], .in = in[i], .out = out[i], .n = CHUNK};
        pointers[i] = &items[i];
    }
    enc_kernel_run(pointers, c->n_lanes);
    for (size_t i = 0; i < c->n_lanes; i++)
        check(items[i].status == ENC_OK);
    return c->n_lanes * CHUNK;
}

static size_t run_encode(const struct bench_case *c)
{
    struct enc_base64_encoder encoder = {.alphabet = ENC_BASE64_URL};

    (void)c;
    enc_base64_update(&encoder, in[0], CHUNK, (char *)out[0]);
    return CHUNK;
}

static char text[ENC_BASE64_BARE_SIZE(CHUNK)];

// Of bytes that come out, as all the others count.
static size_t run_decode(const struct bench_case *c)
{
    (void)c;
    check(enc_base64_decode_bare(ENC_BASE64_URL, text, sizeof(text), out[0]));
    return CHUNK;
}

static struct bench_case *add(const char *name, size_t (*run)(const struct bench_case *))
{
    struct bench_case *c = &cases[n_cases++];

    check(n_cases < CASES_MAX);
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->run = run;
    c->level = enc_cpu_detect();
    return c;
}

static void add_kernel(enum enc_cpu_level level, enum enc_kernel_op op, size_t n_lanes)
{
    struct bench_case *c = add("", run_kernel);

    c->level = level;
    c->op = op;
    c->n_lanes = n_lanes;
    snprintf(c->name, sizeof(c->name), "%s, %s, %zu %s", op == ENC_KERNEL_HASH ? "hash" : "kernel",
             enc_cpu_level_name(level), n_lanes, n_lanes == 1 ? "stream" : "streams");
}

static void add_base64(enum enc_cpu_level level, const char *what,
                       size_t (*run)(const struct bench_case *))
{
    struct bench_case *c = add("", run);

    c->level = level;
    snprintf(c->name, sizeof(c->name), "base64 %s, %s", what, enc_cpu_level_name(level));
}

static void add_all(void)
{
    static const size_t streams[] = {1, 2, 4, 8, 16};
    const enum enc_cpu_level highest = enc_cpu_detect();
    enum enc_cpu_level level;

    add("AES-128-CBC, OpenSSL", run_cbc);
    add("AES-128-CBC, then HMAC-SHA-256, OpenSSL", run_cbc_and_mac);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        for (level = ENC_CPU_PORTABLE; level <= highest; level++)
            add_kernel(level, ENC_KERNEL_ENCRYPT_HASH, streams[i]);
    }
    for (level = ENC_CPU_PORTABLE; level <= highest; level++)
        add_kernel(level, ENC_KERNEL_HASH, 1);
    for (level = ENC_CPU_PORTABLE; level <= highest; level++)
        add_kernel(level, ENC_KERNEL_HASH, LANES_MAX);
    for (level = ENC_CPU_PORTABLE; level <= highest; level++)
        add_base64(level, "encoding", run_encode);
    for (level = ENC_CPU_PORTABLE; level <= highest; level++)
        add_base64(level, "decoding", run_decode);
    add("ChaCha20-Poly1305, 64 KiB, OpenSSL", run_chacha);
}

static void set_up(void)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_END};

    check(enc_crypto_init() == ENC_OK && hmac);
    for (size_t i = 0; i < sizeof(in); i++)
        ((uint8_t *)in)[i] = (uint8_t)(i * 2654435761U >> 13);
    enc_base64_encode_bare(ENC_BASE64_URL, in[0], CHUNK, text);
    cbc = EVP_CIPHER_CTX_new();
    chacha = EVP_CIPHER_CTX_new();
    mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    check(cbc && chacha && mac && EVP_EncryptInit_ex2(cbc, EVP_aes_128_cbc(), key, iv, NULL) &&
          EVP_CIPHER_CTX_set_padding(cbc, 0) &&
          EVP_EncryptInit_ex2(chacha, EVP_chacha20_poly1305(), key, iv, NULL) &&
          EVP_MAC_init(mac, key, sizeof(key), params));
}

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double measure(const struct bench_case *c, double seconds)
{
    double begun, elapsed, n_bytes = 0;

    enc_cpu_use(c->level);
    for (size_t i = 0; i < c->n_lanes; i++)
        check(enc_kernel_lane_init(&lanes[i], key, key + 16, iv) == ENC_OK);
    c->run(c); // once, for the caches
    begun = cpu_seconds();
    do {
        for (int i = 0; i < 8; i++)
            n_bytes += (double)c->run(c);
        elapsed = cpu_seconds() - begun;
    } while (elapsed < seconds);
    for (size_t i = 0; i < c->n_lanes; i++)
        enc_kernel_lane_wipe(&lanes[i]);
    return n_bytes / elapsed;
}

static void print(int n_rounds)
{
    for (size_t i = 0; i < n_cases; i++) {
        printf("%s\"%s\": [", i > 0 ? ",\n " : "{", cases[i].name);
        for (int round = 0; round < n_rounds; round++)
            printf("%s%.0f", round > 0 ? ", " : "", cases[i].rates[round]);
        printf("]");
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    int n_rounds = argc == 3 ? atoi(argv[1]) : 0;

    if (n_rounds < 1 || n_rounds > ROUNDS_MAX)
        return 2;
    set_up();
    add_all();
    for (int round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < n_cases; i++)
            cases[i].rates[round] = measure(&cases[i], strtod(argv[2], NULL) / 1000);
    }
    print(n_rounds);
    EVP_CIPHER_CTX_free(cbc);
    EVP_CIPHER_CTX_free(chacha);
    EVP_MAC_CTX_free(mac);
    enc_crypto_free();
    return 0;
}
