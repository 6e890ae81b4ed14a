// SPDX-License-Identifier: Apache-2.0
// Tests of enc_aead. The ciphertexts are from Python's cryptography.
#include <limits.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_aead.h"
#include "hex.h"
#include "with_crypto.h"

#define N_LONG 1500 // some strides, and a rest

// Key, nonce and message of RFC 8439, 2.8.2, whose vector has additional data.
#define KEY "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define NONCE "070000004041424344454647"
#define SUNSCREEN                                                                                  \
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " \
    "sunscreen would be it."
#define N_SUNSCREEN (sizeof(SUNSCREEN) - 1)

static uint8_t key[ENC_AEAD_KEY], nonce[ENC_AEAD_NONCE];
static uint8_t long_message[N_LONG], long_sealed[N_LONG], long_tag[ENC_AEAD_TAG];

// One message, in one piece.
static void seal(struct enc_aead *aead, const void *in, size_t n, uint8_t *out, uint8_t *tag)
{
    assert_int_equal(enc_aead_seal_begin(aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_update(aead, in, n, out), ENC_OK);
    assert_int_equal(enc_aead_seal_end(aead, tag), ENC_OK);
}

static enum enc_status open(struct enc_aead *aead, const uint8_t *in, size_t n, uint8_t *out,
                            const uint8_t *tag)
{
    assert_int_equal(enc_aead_open_begin(aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_update(aead, in, n, out), ENC_OK);
    return enc_aead_open_end(aead, tag);
}

static void messages_are_sealed_as_elsewhere(void **state)
{
    static const struct {
        const char *message, *sealed, *tag;
    } vectors[] = {
        {"a", "fe", "f7d760b71e6f36ed2c798d5280964edc"},
        {SUNSCREEN,
         "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69d"
         "a"
         "92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594558"
         "5"
         "808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
         "6a23a4681fd59456aea1d29f82477216"},
    };
    uint8_t out[N_SUNSCREEN], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        size_t n = strlen(vectors[i].message);
        seal(&aead, vectors[i].message, n, out, tag);
        assert_hex(out, vectors[i].sealed, n);
        assert_hex(tag, vectors[i].tag, sizeof(tag));
        assert_int_equal(open(&aead, out, n, out, tag), ENC_OK);
        assert_memory_equal(out, vectors[i].message, n);
    }
    enc_aead_wipe(&aead);
}

static void an_empty_message_has_a_tag(void **state)
{
    uint8_t tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (int with_update = 0; with_update < 2; with_update++) {
        assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
        if (with_update)
            assert_int_equal(enc_aead_update(&aead, NULL, 0, NULL), ENC_OK);
        assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_OK);
        assert_hex(tag, "a0784d7a4716f3feb4f64e7f4b39bf04", sizeof(tag));
        assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_OK);
        if (with_update)
            assert_int_equal(enc_aead_update(&aead, NULL, 0, NULL), ENC_OK);
        assert_int_equal(enc_aead_open_end(&aead, tag), ENC_OK);
    }
    tag[0] ^= 1;
    assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_open_end(&aead, tag), ENC_TAG_MISMATCH);
    enc_aead_wipe(&aead);
}

static void a_message_may_be_cut_at_any_point(void **state)
{
    uint8_t out[N_LONG], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (size_t at = 0; at <= N_LONG; at++) {
        assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
        assert_int_equal(enc_aead_update(&aead, long_message, at, out), ENC_OK);
        assert_int_equal(enc_aead_update(&aead, long_message + at, N_LONG - at, out + at), ENC_OK);
        assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_OK);
        assert_memory_equal(out, long_sealed, N_LONG);
        assert_memory_equal(tag, long_tag, sizeof(tag));

        assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_OK);
        assert_int_equal(enc_aead_update(&aead, long_sealed, at, out), ENC_OK);
        assert_int_equal(enc_aead_update(&aead, long_sealed + at, N_LONG - at, out + at), ENC_OK);
        assert_int_equal(enc_aead_open_end(&aead, tag), ENC_OK);
        assert_memory_equal(out, long_message, N_LONG);
    }
    enc_aead_wipe(&aead);
}

static void pieces_may_have_any_size(void **state)
{
    uint8_t out[N_LONG + 1], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    out[N_LONG] = 0xa5;
    for (size_t n_piece = 1; n_piece <= N_LONG; n_piece++) {
        assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
        for (size_t i = 0; i < N_LONG; i += n_piece) {
            size_t n = N_LONG - i < n_piece ? N_LONG - i : n_piece;
            memcpy(out + i, long_message + i, n); // in place
            assert_int_equal(enc_aead_update(&aead, out + i, n, out + i), ENC_OK);
        }
        assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_OK);
        assert_memory_equal(out, long_sealed, N_LONG);
        assert_memory_equal(tag, long_tag, sizeof(tag));
        assert_int_equal(out[N_LONG], 0xa5);
    }
    enc_aead_wipe(&aead);
}

// Expects that neither the message nor the next one suffers from a bit that is flipped.
static void flip_each_bit(struct enc_aead *aead, uint8_t *bytes, size_t n)
{
    uint8_t out[N_SUNSCREEN], sealed[N_SUNSCREEN], tag[ENC_AEAD_TAG];

    for (size_t i = 0; i < 8 * n; i++) {
        seal(aead, SUNSCREEN, N_SUNSCREEN, sealed, tag);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(open(aead, sealed, N_SUNSCREEN, out, tag), ENC_TAG_MISMATCH);
        assert_int_equal(ERR_peek_error(), 0);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(open(aead, sealed, N_SUNSCREEN, out, tag), ENC_OK);
        assert_memory_equal(out, SUNSCREEN, N_SUNSCREEN);
    }
}

static void a_flipped_bit_of_the_nonce_is_a_mismatch(void **state)
{
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    flip_each_bit(&aead, nonce, sizeof(nonce));
    enc_aead_wipe(&aead);
}

static void a_flipped_bit_of_message_or_tag_is_a_mismatch(void **state)
{
    uint8_t out[N_SUNSCREEN], sealed[N_SUNSCREEN + ENC_AEAD_TAG];
    uint8_t *tag = sealed + N_SUNSCREEN;
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    seal(&aead, SUNSCREEN, N_SUNSCREEN, sealed, tag);
    for (size_t i = 0; i < 8 * sizeof(sealed); i++) {
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(open(&aead, sealed, N_SUNSCREEN, out, tag), ENC_TAG_MISMATCH);
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(open(&aead, sealed, N_SUNSCREEN, out, tag), ENC_OK);
    enc_aead_wipe(&aead);
}

static void a_flipped_bit_of_the_key_is_a_mismatch(void **state)
{
    uint8_t out[N_SUNSCREEN], sealed[N_SUNSCREEN], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    seal(&aead, SUNSCREEN, N_SUNSCREEN, sealed, tag);
    enc_aead_wipe(&aead);
    for (size_t i = 0; i < 8 * sizeof(key); i++) {
        key[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
        assert_int_equal(open(&aead, sealed, N_SUNSCREEN, out, tag), ENC_TAG_MISMATCH);
        enc_aead_wipe(&aead);
        key[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void a_message_cut_short_or_added_to_is_a_mismatch(void **state)
{
    uint8_t out[N_LONG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (size_t n = 0; n < N_LONG; n++)
        assert_int_equal(open(&aead, long_sealed, n, out, long_tag), ENC_TAG_MISMATCH);
    assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_update(&aead, long_sealed, N_LONG, out), ENC_OK);
    assert_int_equal(enc_aead_update(&aead, out, 1, out), ENC_OK);
    assert_int_equal(enc_aead_open_end(&aead, long_tag), ENC_TAG_MISMATCH);
    enc_aead_wipe(&aead);
}

// Each message as a fresh key would have it, whatever was done before, and whichever way.
static void many_messages_go_with_one_key(void **state)
{
    uint8_t out[N_LONG], back[N_LONG], fresh_out[N_LONG], tag[ENC_AEAD_TAG],
        fresh_tag[ENC_AEAD_TAG];
    struct enc_aead aead, fresh;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (size_t i = 0; i < 300; i++) {
        size_t n = i * 37 % N_LONG;
        nonce[0] = (uint8_t)i;
        nonce[11] = (uint8_t)(i >> 8);
        seal(&aead, long_message, n, out, tag);
        assert_int_equal(enc_aead_init(&fresh, key), ENC_OK);
        seal(&fresh, long_message, n, fresh_out, fresh_tag);
        enc_aead_wipe(&fresh);
        assert_memory_equal(out, fresh_out, n);
        assert_memory_equal(tag, fresh_tag, sizeof(tag));
        if (i % 3 == 0)
            assert_int_equal(open(&aead, out, n, back, tag), ENC_OK);
        if (i % 3 == 0)
            assert_memory_equal(back, long_message, n);
        if (i % 5 == 0)
            assert_int_equal(open(&aead, out, n, back, long_tag), ENC_TAG_MISMATCH);
    }
    enc_aead_wipe(&aead);
    unhex(NONCE, nonce, sizeof(nonce));
}

static void a_new_beginning_drops_the_message_under_way(void **state)
{
    uint8_t out[N_LONG], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    for (size_t n = 1; n < N_LONG; n += 13) {
        assert_int_equal(n % 2 ? enc_aead_seal_begin(&aead, key) : enc_aead_open_begin(&aead, key),
                         ENC_OK);
        assert_int_equal(enc_aead_update(&aead, long_message, n, out), ENC_OK);
        seal(&aead, long_message, N_LONG, out, tag);
        assert_memory_equal(out, long_sealed, N_LONG);
        assert_memory_equal(tag, long_tag, sizeof(tag));
    }
    enc_aead_wipe(&aead);
}

static void assert_idle(struct enc_aead *aead)
{
    uint8_t bytes[ENC_AEAD_TAG], untouched[ENC_AEAD_TAG];

    memset(bytes, 0xa5, sizeof(bytes));
    memset(untouched, 0xa5, sizeof(untouched));
    assert_int_equal(enc_aead_update(aead, bytes, sizeof(bytes), bytes), ENC_MISUSE);
    assert_int_equal(enc_aead_update(aead, NULL, 0, NULL), ENC_MISUSE);
    assert_int_equal(enc_aead_seal_end(aead, bytes), ENC_MISUSE);
    assert_int_equal(enc_aead_open_end(aead, bytes), ENC_MISUSE);
    assert_memory_equal(bytes, untouched, sizeof(bytes));
}

static void each_message_has_to_be_begun(void **state)
{
    uint8_t out[N_LONG], tag[ENC_AEAD_TAG] = {0};
    struct enc_aead aead = {0};

    (void)state;
    assert_idle(&aead);
    assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_MISUSE);
    assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_MISUSE);
    assert_idle(&aead);
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    assert_idle(&aead);
    seal(&aead, long_message, N_LONG, out, tag);
    assert_idle(&aead);
    assert_int_equal(open(&aead, long_sealed, N_LONG, out, long_tag), ENC_OK);
    assert_idle(&aead);
    tag[5] ^= 1;
    assert_int_equal(open(&aead, long_sealed, N_LONG, out, tag), ENC_TAG_MISMATCH);
    assert_idle(&aead);
    enc_aead_wipe(&aead);
    assert_idle(&aead);
    enc_aead_wipe(&aead);
}

static void a_message_ends_as_it_began(void **state)
{
    uint8_t tag[ENC_AEAD_TAG] = {0};
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_open_end(&aead, tag), ENC_MISUSE);
    assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_OK);
    assert_int_equal(enc_aead_open_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_MISUSE);
    assert_int_equal(enc_aead_open_end(&aead, tag), ENC_OK);
    enc_aead_wipe(&aead);
}

static void a_piece_is_at_most_what_an_int_counts(void **state)
{
    uint8_t out[N_LONG], tag[ENC_AEAD_TAG];
    struct enc_aead aead;

    (void)state;
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    assert_int_equal(enc_aead_seal_begin(&aead, nonce), ENC_OK);
    assert_int_equal(enc_aead_update(&aead, long_message, (size_t)INT_MAX + 1, out), ENC_MISUSE);
    assert_int_equal(enc_aead_update(&aead, long_message, SIZE_MAX, out), ENC_MISUSE);
    // The message goes on.
    assert_int_equal(enc_aead_update(&aead, long_message, N_LONG, out), ENC_OK);
    assert_int_equal(enc_aead_seal_end(&aead, tag), ENC_OK);
    assert_memory_equal(tag, long_tag, sizeof(tag));
    enc_aead_wipe(&aead);
}

static void a_key_needs_the_algorithms(void **state)
{
    struct enc_aead aead;

    (void)state;
    enc_crypto_free();
    memset(&aead, 0xa5, sizeof(aead));
    assert_int_equal(enc_aead_init(&aead, key), ENC_CRYPTO_FAILED);
    assert_null(aead.cipher);
    assert_idle(&aead);
    assert_int_equal(enc_crypto_init(), ENC_OK);
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    enc_aead_wipe(&aead);
}

static int set_up(void **state)
{
    struct enc_aead aead;

    (void)state;
    if (enc_crypto_init() != ENC_OK)
        return -1;
    unhex(KEY, key, sizeof(key));
    unhex(NONCE, nonce, sizeof(nonce));
    for (size_t i = 0; i < N_LONG; i++)
        long_message[i] = (uint8_t)(i * i);
    // The tag is over all of the ciphertext, so that it stands for it.
    assert_int_equal(enc_aead_init(&aead, key), ENC_OK);
    seal(&aead, long_message, N_LONG, long_sealed, long_tag);
    enc_aead_wipe(&aead);
    assert_hex(long_tag, "840e781217f544726313439f94591018", sizeof(long_tag));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_sealed_as_elsewhere),
        cmocka_unit_test(an_empty_message_has_a_tag),
        cmocka_unit_test(a_message_may_be_cut_at_any_point),
        cmocka_unit_test(pieces_may_have_any_size),
        cmocka_unit_test(a_flipped_bit_of_the_nonce_is_a_mismatch),
        cmocka_unit_test(a_flipped_bit_of_message_or_tag_is_a_mismatch),
        cmocka_unit_test(a_flipped_bit_of_the_key_is_a_mismatch),
        cmocka_unit_test(a_message_cut_short_or_added_to_is_a_mismatch),
        cmocka_unit_test(many_messages_go_with_one_key),
        cmocka_unit_test(a_new_beginning_drops_the_message_under_way),
        cmocka_unit_test(each_message_has_to_be_begun),
        cmocka_unit_test(a_message_ends_as_it_began),
        cmocka_unit_test(a_piece_is_at_most_what_an_int_counts),
        cmocka_unit_test(a_key_needs_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
