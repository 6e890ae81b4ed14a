// SPDX-License-Identifier: Apache-2.0
// The payload's chunks, against ones that Python's cryptography made: HKDF, then ChaCha20Poly1305
// with the counter and the mark of the last as its nonce.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "enc_age_stream.h"
#include "hex.h"
#include "with_crypto.h"

#define PLAIN "a chunk"
#define N_PLAIN 7
#define N_SEALED (N_PLAIN + ENC_AEAD_TAG)

static const struct enc_age_file_key file_key = {{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                                  0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}};
static const uint8_t nonce[ENC_AGE_NONCE] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                                             0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};

struct vector {
    const char *counter; // of the chunk
    const char *next;    // and of the one behind it
    const char *sealed;  // PLAIN, as a chunk that is not the last
    const char *sealed_last;
};

static const struct vector vectors[] = {
    {"0000000000000000000000", "0000000000000000000001",
     "f37cc968ea0b526ee4f897ab408c3cd635626ffacbf93c",
     "a27b40ae14dd23cc4c7620ad12e39738591a3f9a4b3732"},
    {"0000000000000000000001", "0000000000000000000002",
     "8389891d03fbedc848f41e2e564c09565989d799f1e7d4",
     "6b357435de5ddf83e977012894668bde4cb7136ddbabd5"},
    {"00000000000000000000ff", "0000000000000000000100",
     "56f5097c72398988c8e47bad389c9d10dd92b192ac075c",
     "646f31047eecdaef9201060f80fff5ccb8049bb8b274cf"},
    {"0000000000000000000100", "0000000000000000000101",
     "88dd0f5fc29fa637020caab87604e0da166cfcc7aea08c",
     "5b74d9a58253257a3dc73d3fd0567e683c3f579008f992"},
    {"000000000000000000ffff", "0000000000000000010000",
     "00453832850e8aa23871f727ea4d23ce1d1e0ff376d9ca",
     "d5dbcac61098a5b5fbf418a260ff4da7be8508ff6ba367"},
    {"0000000000000000010000", "0000000000000000010001",
     "f0c3b748146fd35bf9b7261155e7c5526c8456542539f5",
     "0a87b44fc22b01c0ec4b0fc0cddb7855abe390a6d79b27"},
    {"7fffffffffffffffffffff", "8000000000000000000000",
     "a9847996977b56229014e5fd50c31cde96e29461580dab",
     "23c402014177ad24c4beac09d458e1f09b427bef982fb8"},
    {"fffffffffffffffffffeff", "ffffffffffffffffffff00",
     "4dfda5035f4589cca5fbc55b16cabc28d199e3a02dda53",
     "103e16e766bc0be9723067d2a8472834a16525e0837971"},
    {"ffffffffffffffffffff00", "ffffffffffffffffffff01",
     "2197976840b0492fcd6d054c8af69a4eb8bfbbaf5efeaa",
     "199814e276c40bb912053874d6b65c1c753ab5204fbf5d"},
};

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void begin_at(struct enc_age_stream *stream, const char *counter)
{
    memset(stream, 0xa5, sizeof(*stream));
    assert_int_equal(enc_age_stream_init(stream, &file_key, nonce), ENC_OK);
    if (counter)
        unhex(counter, stream->nonce, ENC_AEAD_NONCE - 1);
}

static void seal(struct enc_age_stream *stream, const uint8_t *plain, size_t n, bool is_last,
                 uint8_t *out)
{
    assert_int_equal(enc_age_stream_seal_begin(stream, is_last), ENC_OK);
    assert_int_equal(enc_age_stream_seal_update(stream, plain, n, out), ENC_OK);
    assert_int_equal(enc_age_stream_seal_end(stream, out + n), ENC_OK);
}

static void each_chunk_is_the_one_that_python_makes(void **state)
{
    struct enc_age_stream stream;
    uint8_t sealed[N_SEALED], plain[N_PLAIN];

    (void)state;
    for (size_t i = 0; i < 2 * N_VECTORS; i++) {
        const struct vector *v = &vectors[i / 2];
        bool is_last = i % 2;
        const char *expected = is_last ? v->sealed_last : v->sealed;
        begin_at(&stream, v->counter);
        seal(&stream, (const uint8_t *)PLAIN, N_PLAIN, is_last, sealed);
        assert_hex(sealed, expected, N_SEALED);
        assert_hex(stream.nonce, v->next, ENC_AEAD_NONCE - 1);
        enc_age_stream_wipe(&stream);

        begin_at(&stream, v->counter);
        unhex(expected, sealed, N_SEALED);
        assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, is_last, plain), ENC_OK);
        assert_memory_equal(plain, PLAIN, N_PLAIN);
        assert_hex(stream.nonce, v->next, ENC_AEAD_NONCE - 1);
        enc_age_stream_wipe(&stream);
    }
}

static void an_empty_payload_is_a_tag(void **state)
{
    struct enc_age_stream stream;
    uint8_t tag[ENC_AEAD_TAG], none[1] = {'!'};

    (void)state;
    begin_at(&stream, NULL);
    seal(&stream, NULL, 0, true, tag);
    assert_hex(tag, "d5029e94444e4e4dbf278d7b4855cf82", ENC_AEAD_TAG);
    enc_age_stream_wipe(&stream);
    begin_at(&stream, NULL);
    assert_int_equal(enc_age_stream_open(&stream, tag, sizeof(tag), true, none), ENC_OK);
    assert_int_equal(none[0], '!');
    enc_age_stream_wipe(&stream);
}

static uint8_t big[ENC_AGE_CHUNK];
static uint8_t sealed_chunks[2][ENC_AGE_CHUNK + ENC_AEAD_TAG];
static uint8_t opened[ENC_AGE_CHUNK];

static void assert_sha256(const void *bytes, size_t n, const char *expected)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256(bytes, n, digest);
    assert_hex(digest, expected, sizeof(digest));
}

// Two full chunks, in pieces of all sizes, in place.
static void seal_two(size_t n_piece)
{
    struct enc_age_stream stream;

    begin_at(&stream, NULL);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *chunk = sealed_chunks[i];
        memcpy(chunk, big, ENC_AGE_CHUNK);
        assert_int_equal(enc_age_stream_seal_begin(&stream, i == 1), ENC_OK);
        for (size_t at = 0; at < ENC_AGE_CHUNK; at += n_piece) {
            size_t n = n_piece < ENC_AGE_CHUNK - at ? n_piece : ENC_AGE_CHUNK - at;
            assert_int_equal(enc_age_stream_seal_update(&stream, chunk + at, n, chunk + at),
                             ENC_OK);
        }
        assert_int_equal(enc_age_stream_seal_end(&stream, chunk + ENC_AGE_CHUNK), ENC_OK);
    }
    enc_age_stream_wipe(&stream);
}

static void full_chunks_are_the_ones_that_python_makes_whatever_the_pieces(void **state)
{
    static const size_t pieces[] = {ENC_AGE_CHUNK, 1, 63, 64, 65, 4096, 65535};

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        seal_two(pieces[i]);
        assert_sha256(sealed_chunks[0], sizeof(sealed_chunks[0]),
                      "bc10e27cd1d65ec7bd8f8d8f7045b9e4ab9309fa40125273fad54d94598258f9");
        assert_sha256(sealed_chunks[1], sizeof(sealed_chunks[1]),
                      "490a5438891e4e371fda17eeb101d614a453a9dbc50c8315579515737acc4801");
    }
}

static void open_chunk(struct enc_age_stream *stream, size_t i, bool is_last,
                       enum enc_status expected)
{
    static const uint8_t zeros[ENC_AGE_CHUNK];

    memset(opened, 0x5a, sizeof(opened));
    assert_int_equal(
        enc_age_stream_open(stream, sealed_chunks[i], sizeof(sealed_chunks[i]), is_last, opened),
        expected);
    assert_memory_equal(opened, expected == ENC_OK ? big : zeros, sizeof(opened));
}

static void open_wiped(struct enc_age_stream *stream)
{
    assert_null(stream->aead.cipher);
    assert_int_equal(
        enc_age_stream_open(stream, sealed_chunks[0], sizeof(sealed_chunks[0]), false, opened),
        ENC_MISUSE);
}

static void a_chunk_of_the_other_kind_can_be_tried_again(void **state)
{
    struct enc_age_stream stream;

    (void)state;
    seal_two(ENC_AGE_CHUNK);
    begin_at(&stream, NULL);
    for (int i = 0; i < 3; i++)
        open_chunk(&stream, 0, true, ENC_TAG_MISMATCH);
    open_chunk(&stream, 0, false, ENC_OK);
    for (int i = 0; i < 3; i++)
        open_chunk(&stream, 1, false, ENC_TAG_MISMATCH);
    open_chunk(&stream, 1, true, ENC_OK);
    enc_age_stream_wipe(&stream);
}

static void a_chunk_opens_at_its_place_alone(void **state)
{
    struct enc_age_stream stream;

    (void)state;
    seal_two(ENC_AGE_CHUNK);
    begin_at(&stream, NULL);
    open_chunk(&stream, 1, true, ENC_TAG_MISMATCH);
    open_chunk(&stream, 1, false, ENC_TAG_MISMATCH);
    open_chunk(&stream, 0, false, ENC_OK);
    open_chunk(&stream, 0, false, ENC_TAG_MISMATCH);
    open_chunk(&stream, 1, true, ENC_OK);
    open_chunk(&stream, 1, true, ENC_TAG_MISMATCH);
    enc_age_stream_wipe(&stream);
}

static void a_rewound_stream_opens_its_chunks_again(void **state)
{
    struct enc_age_stream stream;

    (void)state;
    seal_two(ENC_AGE_CHUNK);
    begin_at(&stream, NULL);
    enc_age_stream_rewind(&stream); // at its beginning: nothing changes
    for (int i = 0; i < 3; i++) {
        open_chunk(&stream, 0, false, ENC_OK);
        open_chunk(&stream, 1, true, ENC_OK);
        open_chunk(&stream, 0, false, ENC_TAG_MISMATCH);
        enc_age_stream_rewind(&stream);
    }
    // In the middle, and behind a chunk that did not open.
    open_chunk(&stream, 0, false, ENC_OK);
    open_chunk(&stream, 1, false, ENC_TAG_MISMATCH);
    enc_age_stream_rewind(&stream);
    open_chunk(&stream, 1, true, ENC_TAG_MISMATCH);
    open_chunk(&stream, 0, false, ENC_OK);
    enc_age_stream_wipe(&stream);
    enc_age_stream_rewind(&stream);
    open_wiped(&stream);
}

static void any_bit_that_differs_is_a_mismatch_and_leaves_zeros(void **state)
{
    struct enc_age_stream stream;
    uint8_t sealed[N_SEALED], plain[N_PLAIN + 1];
    static const uint8_t zeros[N_PLAIN];

    (void)state;
    begin_at(&stream, NULL);
    unhex(vectors[0].sealed_last, sealed, N_SEALED);
    for (size_t i = 0; i < 8 * N_SEALED; i++) {
        memset(plain, '!', sizeof(plain));
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, true, plain),
                         ENC_TAG_MISMATCH);
        assert_memory_equal(plain, zeros, N_PLAIN);
        assert_int_equal(plain[N_PLAIN], '!');
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = ENC_AEAD_TAG; n < N_SEALED; n++)
        assert_int_equal(enc_age_stream_open(&stream, sealed, n, true, plain), ENC_TAG_MISMATCH);
    assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, true, plain), ENC_OK);
    enc_age_stream_wipe(&stream);
}

static void another_nonce_or_file_key_is_another_payload(void **state)
{
    struct enc_age_stream stream;
    struct enc_age_file_key other_key = file_key;
    uint8_t sealed[N_SEALED], plain[N_PLAIN], other_nonce[ENC_AGE_NONCE];

    (void)state;
    unhex(vectors[0].sealed_last, sealed, N_SEALED);
    memcpy(other_nonce, nonce, sizeof(nonce));
    other_nonce[ENC_AGE_NONCE - 1] ^= 1;
    assert_int_equal(enc_age_stream_init(&stream, &file_key, other_nonce), ENC_OK);
    assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, true, plain), ENC_TAG_MISMATCH);
    enc_age_stream_wipe(&stream);
    other_key.bytes[15] ^= 1;
    assert_int_equal(enc_age_stream_init(&stream, &other_key, nonce), ENC_OK);
    assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, true, plain), ENC_TAG_MISMATCH);
    enc_age_stream_wipe(&stream);
}

static void a_wiped_stream_does_nothing(void **state)
{
    struct enc_age_stream stream = {.nonce = {0}};
    uint8_t sealed[N_SEALED] = {0}, plain[N_PLAIN];

    (void)state;
    enc_age_stream_wipe(&stream);
    begin_at(&stream, NULL);
    for (int i = 0; i < 2; i++) {
        enc_age_stream_wipe(&stream);
        assert_null(stream.aead.cipher);
        assert_int_equal(enc_age_stream_seal_begin(&stream, true), ENC_MISUSE);
        assert_int_equal(enc_age_stream_seal_update(&stream, sealed, 1, sealed), ENC_MISUSE);
        assert_int_equal(enc_age_stream_seal_end(&stream, sealed), ENC_MISUSE);
        assert_int_equal(enc_age_stream_open(&stream, sealed, N_SEALED, true, plain), ENC_MISUSE);
    }
    enc_crypto_free();
    memset(&stream, 0xa5, sizeof(stream));
    assert_int_equal(enc_age_stream_init(&stream, &file_key, nonce), ENC_CRYPTO_FAILED);
    assert_null(stream.aead.cipher);
    enc_age_stream_wipe(&stream);
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

static int set_up(void **state)
{
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(7 * i + (i >> 8));
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_chunk_is_the_one_that_python_makes),
        cmocka_unit_test(an_empty_payload_is_a_tag),
        cmocka_unit_test(full_chunks_are_the_ones_that_python_makes_whatever_the_pieces),
        cmocka_unit_test(a_chunk_of_the_other_kind_can_be_tried_again),
        cmocka_unit_test(a_chunk_opens_at_its_place_alone),
        cmocka_unit_test(a_rewound_stream_opens_its_chunks_again),
        cmocka_unit_test(any_bit_that_differs_is_a_mismatch_and_leaves_zeros),
        cmocka_unit_test(another_nonce_or_file_key_is_another_payload),
        cmocka_unit_test(a_wiped_stream_does_nothing),
    };
    return cmocka_run_group_tests_name("age_stream", tests, set_up, tear_down_crypto);
}
