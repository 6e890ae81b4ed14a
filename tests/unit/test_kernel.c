// SPDX-License-Identifier: Apache-2.0
// Tests of enc_kernel at each level of the processor, against SP 800-38A's vector and OpenSSL's
// one-shot functions.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu_levels.h"
#include "enc_kernel.h"
#include "with_crypto.h"

#define N_LANES 37
#define N_MAX (64 * ENC_KERNEL_BLOCK)

// One stream, with all that it needs to be checked.
struct stream {
    uint8_t sign_key[16], encrypt_key[16], iv[ENC_KERNEL_BLOCK];
    struct enc_kernel_lane lane;
    uint8_t plain[N_MAX], out[N_MAX + 1], expected[N_MAX];
    size_t n;
};

static void stream_init(struct stream *stream, unsigned seed, size_t n)
{
    uint8_t *keys[] = {stream->sign_key, stream->encrypt_key, stream->iv};

    for (size_t i = 0; i < 48; i++)
        keys[i / 16][i % 16] = (uint8_t)(seed * 31 + i * 7);
    for (size_t i = 0; i < n; i++)
        stream->plain[i] = (uint8_t)(seed + i * i);
    memset(stream->out, 0xa5, sizeof(stream->out));
    stream->n = n;
    assert_int_equal(
        enc_kernel_lane_init(&stream->lane, stream->sign_key, stream->encrypt_key, stream->iv),
        ENC_OK);
}

static void reference_encrypt(struct stream *stream)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n_out;

    assert_non_null(context);
    assert_true(
        EVP_EncryptInit_ex2(context, EVP_aes_128_cbc(), stream->encrypt_key, stream->iv, NULL));
    EVP_CIPHER_CTX_set_padding(context, 0);
    assert_true(
        EVP_EncryptUpdate(context, stream->expected, &n_out, stream->plain, (int)stream->n));
    assert_int_equal(n_out, stream->n);
    EVP_CIPHER_CTX_free(context);
}

// Expects the MAC of these n bytes, and wipes the lane.
static void check_mac(struct stream *stream, const uint8_t *bytes, size_t n)
{
    uint8_t mac[ENC_KERNEL_MAC], expected[ENC_KERNEL_MAC];

    assert_non_null(HMAC(EVP_sha256(), stream->sign_key, 16, bytes, n, expected, NULL));
    assert_int_equal(enc_kernel_lane_mac(&stream->lane, mac), ENC_OK);
    assert_memory_equal(mac, expected, sizeof(mac));
    enc_kernel_lane_wipe(&stream->lane);
}

static void check_stream(struct stream *stream)
{
    reference_encrypt(stream);
    assert_memory_equal(stream->out, stream->expected, stream->n);
    assert_int_equal(stream->out[stream->n], 0xa5);
    check_mac(stream, stream->expected, stream->n);
}

static enum enc_status run(struct stream *stream, enum enc_kernel_op op, size_t from, size_t n)
{
    struct enc_kernel_item item = {.op = op,
                                   .lane = &stream->lane,
                                   .in = stream->plain + from,
                                   .out = stream->out + from,
                                   .n = n,
                                   .status = ENC_NO_RANDOM};
    struct enc_kernel_item *items[] = {&item};

    enc_kernel_run(items, 1);
    return item.status;
}

// SP 800-38A, F.2.1 CBC-AES128.Encrypt.
static void the_nist_vector_comes_out(void **state)
{
    static const uint8_t key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                  0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    static const uint8_t iv[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t plain[] = {
        0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73,
        0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7,
        0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51, 0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4,
        0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef, 0xf6, 0x9f, 0x24, 0x45,
        0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10};
    static const uint8_t cipher[] = {
        0x76, 0x49, 0xab, 0xac, 0x81, 0x19, 0xb2, 0x46, 0xce, 0xe9, 0x8e, 0x9b, 0x12,
        0xe9, 0x19, 0x7d, 0x50, 0x86, 0xcb, 0x9b, 0x50, 0x72, 0x19, 0xee, 0x95, 0xdb,
        0x11, 0x3a, 0x91, 0x76, 0x78, 0xb2, 0x73, 0xbe, 0xd6, 0xb8, 0xe3, 0xc1, 0x74,
        0x3b, 0x71, 0x16, 0xe6, 0x9e, 0x22, 0x22, 0x95, 0x16, 0x3f, 0xf1, 0xca, 0xa1,
        0x68, 0x1f, 0xac, 0x09, 0x12, 0x0e, 0xca, 0x30, 0x75, 0x86, 0xe1, 0xa7};
    struct enc_kernel_lane lane;
    uint8_t out[sizeof(plain)];
    struct enc_kernel_item item = {ENC_KERNEL_ENCRYPT_HASH, &lane, plain, out, 0, ENC_OK};
    struct enc_kernel_item *items[] = {&item};

    (void)state;
    for (size_t n_piece = 16; n_piece <= sizeof(plain); n_piece *= 2) {
        assert_int_equal(enc_kernel_lane_init(&lane, key, key, iv), ENC_OK);
        for (size_t i = 0; i < sizeof(plain); i += n_piece) {
            item.in = plain + i;
            item.out = out + i;
            item.n = n_piece;
            enc_kernel_run(items, 1);
            assert_int_equal(item.status, ENC_OK);
        }
        assert_memory_equal(out, cipher, sizeof(cipher));
        enc_kernel_lane_wipe(&lane);
    }
}

static void many_lanes_of_unequal_lengths_run_together(void **state)
{
    static struct stream streams[N_LANES];
    struct enc_kernel_item items[N_LANES] = {0}, *pointers[N_LANES];
    size_t n_left = N_LANES;

    (void)state;
    for (unsigned i = 0; i < N_LANES; i++) {
        stream_init(&streams[i], i, i * 27 % 65 * ENC_KERNEL_BLOCK);
        items[i].lane = &streams[i].lane;
        pointers[i] = &items[i];
    }
    // Several runs; in each, a lane has 1 to 7 blocks left to do, or nothing.
    for (size_t done[N_LANES] = {0}; n_left > 0;) {
        n_left = 0;
        for (size_t i = 0; i < N_LANES; i++) {
            size_t n = (1 + i % 7) * ENC_KERNEL_BLOCK, left = streams[i].n - done[i];
            items[i].op = left == 0 ? ENC_KERNEL_NONE : ENC_KERNEL_ENCRYPT_HASH;
            items[i].in = streams[i].plain + done[i];
            items[i].out = streams[i].out + done[i];
            items[i].n = n < left ? n : left;
            items[i].status = ENC_NO_RANDOM;
            done[i] += items[i].n;
            n_left += left;
        }
        enc_kernel_run(pointers, N_LANES);
        for (size_t i = 0; i < N_LANES; i++)
            assert_int_equal(items[i].status, ENC_OK);
    }
    for (size_t i = 0; i < N_LANES; i++)
        check_stream(&streams[i]);
}

// What a stream has hashed so far.
struct transcript {
    uint8_t bytes[16 * N_MAX];
    size_t n;
};

static void append_to(struct transcript *transcript, const uint8_t *bytes, size_t n)
{
    assert_true(n <= sizeof(transcript->bytes) - transcript->n);
    memcpy(transcript->bytes + transcript->n, bytes, n);
    transcript->n += n;
}

// One run of n lanes: each encrypts some blocks, or hashes some bytes, or does nothing.
static void run_random_items(struct stream streams[], struct transcript transcripts[], size_t n)
{
    struct enc_kernel_item items[N_LANES], *pointers[N_LANES];

    for (size_t i = 0; i < n; i++) {
        struct stream *stream = &streams[i];
        bool encrypts = rand() % 3 > 0;
        // Often short, so that every place of a block of the hash is a beginning and an end.
        size_t n_now = (size_t)rand() % (rand() % 2 ? 200 : N_MAX + 1);
        stream->n = encrypts ? n_now / ENC_KERNEL_BLOCK * ENC_KERNEL_BLOCK : n_now;
        for (size_t j = 0; j < stream->n; j++)
            stream->plain[j] = (uint8_t)rand();
        memset(stream->out, 0xa5, sizeof(stream->out));
        items[i] = (struct enc_kernel_item){
            .op = encrypts ? ENC_KERNEL_ENCRYPT_HASH : ENC_KERNEL_HASH,
            .lane = &stream->lane,
            .in = stream->plain,
            .out = stream->out,
            .n = stream->n,
            .status = ENC_NO_RANDOM,
        };
        pointers[i] = &items[i];
    }
    enc_kernel_run(pointers, n);
    for (size_t i = 0; i < n; i++) {
        struct stream *stream = &streams[i];
        bool encrypts = items[i].op == ENC_KERNEL_ENCRYPT_HASH;
        assert_int_equal(items[i].status, ENC_OK);
        if (encrypts) {
            reference_encrypt(stream);
            assert_memory_equal(stream->out, stream->expected, stream->n);
            if (stream->n > 0) // the next is chained to it
                memcpy(stream->iv, stream->expected + stream->n - 16, 16);
        }
        assert_int_equal(stream->out[encrypts ? stream->n : 0], 0xa5);
        append_to(&transcripts[i], encrypts ? stream->expected : stream->plain, stream->n);
    }
}

static void any_number_of_lanes_comes_to_what_openssl_computes(void **state)
{
    static struct stream streams[N_LANES];
    static struct transcript transcripts[N_LANES];

    (void)state;
    srand(1);
    for (size_t n = 1; n <= N_LANES; n++) {
        for (unsigned i = 0; i < n; i++) {
            stream_init(&streams[i], (unsigned)n + i, 0);
            transcripts[i].n = 0;
        }
        for (size_t i = 0; i < 16; i++)
            run_random_items(streams, transcripts, n);
        for (size_t i = 0; i < n; i++)
            check_mac(&streams[i], transcripts[i].bytes, transcripts[i].n);
    }
}

static void a_failing_item_leaves_the_others_alone(void **state)
{
    static struct stream streams[4];
    struct enc_kernel_item items[4], *pointers[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        stream_init(&streams[i], i, 96);
        items[i] = (struct enc_kernel_item){.op = ENC_KERNEL_ENCRYPT_HASH,
                                            .lane = &streams[i].lane,
                                            .in = streams[i].plain,
                                            .out = streams[i].out,
                                            .n = 96};
        pointers[i] = &items[i];
    }
    items[1].n = 95;                        // not whole blocks
    enc_kernel_lane_wipe(&streams[2].lane); // no key
    enc_kernel_run(pointers, 4);
    assert_int_equal(items[0].status, ENC_OK);
    assert_int_equal(items[1].status, ENC_MISUSE);
    assert_int_equal(items[2].status, ENC_MISUSE);
    assert_int_equal(items[3].status, ENC_OK);
    check_stream(&streams[0]);
    check_stream(&streams[3]);
    enc_kernel_lane_wipe(&streams[1].lane);
}

static void hashing_alone_takes_any_length(void **state)
{
    static struct stream stream;

    (void)state;
    for (size_t n = 0; n <= 200; n++) {
        stream_init(&stream, 9, 200);
        assert_int_equal(run(&stream, ENC_KERNEL_HASH, 0, n), ENC_OK);
        assert_int_equal(run(&stream, ENC_KERNEL_HASH, n, 200 - n), ENC_OK);
        assert_int_equal(stream.out[0], 0xa5);
        check_mac(&stream, stream.plain, 200);
    }
}

static void what_is_hashed_and_what_is_encrypted_make_one_mac(void **state)
{
    static struct stream stream;
    uint8_t all[25 + 64];

    (void)state;
    stream_init(&stream, 3, 64);
    memcpy(all, stream.plain, 25);
    assert_int_equal(run(&stream, ENC_KERNEL_HASH, 0, 25), ENC_OK);
    assert_int_equal(run(&stream, ENC_KERNEL_ENCRYPT_HASH, 0, 64), ENC_OK);
    memcpy(all + 25, stream.out, 64);
    check_mac(&stream, all, sizeof(all));
}

static void a_lane_takes_no_work_after_its_mac(void **state)
{
    static struct stream stream;
    uint8_t mac[ENC_KERNEL_MAC];

    (void)state;
    stream_init(&stream, 4, 16);
    assert_int_equal(enc_kernel_lane_mac(&stream.lane, mac), ENC_OK);
    assert_int_equal(enc_kernel_lane_mac(&stream.lane, mac), ENC_MISUSE);
    assert_int_equal(run(&stream, ENC_KERNEL_HASH, 0, 16), ENC_MISUSE);
    assert_int_equal(run(&stream, ENC_KERNEL_ENCRYPT_HASH, 0, 16), ENC_MISUSE);
    enc_kernel_lane_wipe(&stream.lane);
    enc_kernel_lane_wipe(&stream.lane);
}

static void a_lane_of_openssl_needs_its_algorithms(void **state)
{
    static const uint8_t key[16];
    struct enc_kernel_lane lane, zero = {0};

    (void)state;
    enc_crypto_free();
    enc_crypto_free();
    if (enc_cpu_level() == ENC_CPU_PORTABLE) {
        assert_int_equal(enc_kernel_lane_init(&lane, key, key, key), ENC_CRYPTO_FAILED);
        enc_kernel_lane_wipe(&lane);
        assert_memory_equal(&lane, &zero, sizeof(lane));
    }
    assert_int_equal(enc_crypto_init(), ENC_OK);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    assert_int_equal(enc_kernel_lane_init(&lane, key, key, key), ENC_OK);
    enc_kernel_lane_wipe(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nist_vector_comes_out),
        cmocka_unit_test(many_lanes_of_unequal_lengths_run_together),
        cmocka_unit_test(any_number_of_lanes_comes_to_what_openssl_computes),
        cmocka_unit_test(a_failing_item_leaves_the_others_alone),
        cmocka_unit_test(hashing_alone_takes_any_length),
        cmocka_unit_test(what_is_hashed_and_what_is_encrypted_make_one_mac),
        cmocka_unit_test(a_lane_takes_no_work_after_its_mac),
        cmocka_unit_test(a_lane_of_openssl_needs_its_algorithms),
    };
    int n_failed = 0;

    for (unsigned level = 0; level < ENC_CPU_N_LEVELS; level++) {
        if (use_level(level))
            n_failed += cmocka_run_group_tests_name(enc_cpu_level_name(enc_cpu_level()), tests,
                                                    set_up_crypto, tear_down_crypto);
    }
    return n_failed;
}
