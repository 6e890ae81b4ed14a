// SPDX-License-Identifier: Apache-2.0
// The age decryptor over files that are good, in whatever pieces they come, and over payloads that
// were damaged: what is released is always the beginning of what was encrypted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "with_crypto.h"

#define CHUNK ENC_AGE_CHUNK
#define SEALED (CHUNK + ENC_AEAD_TAG)
#define N_MAX (3 * CHUNK)

static uint8_t plain[N_MAX];
static struct enc_age_seed seed;
static struct enc_age_identity identity; // of the first kind

static struct age_bytes seal_kind(size_t kind, size_t n)
{
    struct enc_age_encryptor_options options = age_options_of(&age_kinds[kind], &seed);
    struct age_bytes file = {0};

    age_seal(&options, plain, n, &file);
    return file;
}

// Opens a file, and expects the first n bytes of the plaintext and this end.
static void assert_opens_in(const struct enc_age_identity *identities, size_t n_identities,
                            const struct age_bytes *file, const struct age_pieces *pieces, size_t n,
                            enum enc_status status)
{
    struct age_opened opened;

    age_open(identities, n_identities, file->at, file->n, pieces, &opened);
    if (opened.status != status)
        fail_msg("%s instead of %s", enc_status_name(opened.status), enc_status_name(status));
    assert_int_equal(opened.plain.n, n);
    assert_memory_equal(opened.plain.at, plain, n);
    age_free(&opened.plain);
}

static void assert_opens(const struct age_bytes *file, size_t n, enum enc_status status)
{
    static const struct age_pieces pieces[] = {
        {{SIZE_MAX}, 1}, {{1000}, 1}, {{SEALED}, 1}, {{SEALED + 1, 1}, 2}};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        assert_opens_in(&identity, 1, file, &pieces[i], n, status);
}

static const size_t lengths[] = {
    0, 1, 64, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK * 2, CHUNK * 2 - 1, CHUNK * 2 + 1, N_MAX};

#define N_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void files_of_every_kind_and_length_open(void **state)
{
    static const struct age_pieces pieces[] = {
        {{SIZE_MAX}, 1},  {{CHUNK}, 1},      {{SEALED}, 1},        {{SEALED + 1}, 1},
        {{4096, 1}, 2},   {{48, 16, 65}, 3}, {{SEALED - 1, 2}, 2}, {{200, SEALED, SEALED}, 3},
        {{2 * SEALED}, 1}};

    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct enc_age_identity own = age_identity_of(&age_kinds[k]);
        for (size_t i = 0; i < N_LENGTHS; i++) {
            struct age_bytes file = seal_kind(k, lengths[i]);
            for (size_t p = k % 3; p < sizeof(pieces) / sizeof(pieces[0]); p += 3)
                assert_opens_in(&own, 1, &file, &pieces[p], lengths[i], ENC_OK);
            age_free(&file);
        }
    }
}

static void files_open_byte_by_byte(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct enc_age_identity own = age_identity_of(&age_kinds[k]);
        for (size_t i = 0; i < N_LENGTHS; i += k < 2 ? 1 : 3) {
            struct age_bytes file = seal_kind(k, lengths[i]);
            assert_opens_in(&own, 1, &file, &age_bytewise, lengths[i], ENC_OK);
            age_free(&file);
        }
    }
}

static void a_small_file_opens_split_at_any_point(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct enc_age_identity own = age_identity_of(&age_kinds[k]);
        struct age_bytes file = seal_kind(k, 100);
        for (size_t split = 1; split < file.n; split++) {
            const struct age_pieces pieces = {{split, SIZE_MAX}, 2};
            assert_opens_in(&own, 1, &file, &pieces, 100, ENC_OK);
        }
        age_free(&file);
    }
}

// The chunks of a file of 2 * CHUNK + 1000 bytes, put together again in other ways.
#define N_LONG (2 * CHUNK + 1000)

static void put_together(const struct age_bytes *file, const int *order, struct age_bytes *ret_file)
{
    size_t n_head = file->n - 2 * SEALED - 1000 - ENC_AEAD_TAG;

    age_append(ret_file, file->at, n_head);
    for (; *order >= 0; order++) {
        size_t at = n_head + (size_t)*order * SEALED;
        age_append(ret_file, file->at + at, file->n - at < SEALED ? file->n - at : SEALED);
    }
}

static void chunks_in_another_order_stop_the_file_where_they_begin(void **state)
{
    static const struct {
        int order[6];
        size_t n_good; // chunks
    } cases[] = {
        {{1, 0, 2, -1}, 0},
        {{0, 2, 1, -1}, 1},
        {{2, 1, 0, -1}, 0},
        {{0, 0, 1, 2, -1}, 1},
        {{0, 1, 1, 2, -1}, 2},
        {{0, 2, -1}, 1},
        {{1, 2, -1}, 0},
        {{0, 1, -1}, 2},
        {{0, -1}, 1},
        {{2, -1}, 0},
        {{0, 1, 2, 2, -1}, 2},
        {{0, 1, 2, 0, -1}, 2},
        {{-1}, 0},
    };
    struct age_bytes file = seal_kind(0, N_LONG);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct age_bytes other = {0};
        put_together(&file, cases[i].order, &other);
        assert_opens(&other, cases[i].n_good * CHUNK, ENC_AGE_PAYLOAD);
        age_free(&other);
    }
    age_free(&file);
}

// Chunks sealed as somebody else might seal them: each of that size, and as that kind.
struct sealed_chunk {
    size_t n;
    bool is_last;
};

#define CHUNKS_MAX 4

struct payload_case {
    const char *label;
    struct sealed_chunk chunks[CHUNKS_MAX];
    size_t n_chunks;
    size_t n_released;
    enum enc_status status;
};

static const struct payload_case payloads[] = {
    {"an empty chunk alone", {{0, true}}, 1, 0, ENC_OK},
    {"an empty chunk alone, not the last", {{0, false}}, 1, 0, ENC_AGE_PAYLOAD},
    {"no chunk", {{0, false}}, 0, 0, ENC_AGE_PAYLOAD},
    {"a short one that is not the last", {{10, false}}, 1, 0, ENC_AGE_PAYLOAD},
    {"a full one that is the last", {{CHUNK, true}}, 1, CHUNK, ENC_OK},
    {"a full one that is not", {{CHUNK, false}}, 1, CHUNK, ENC_AGE_PAYLOAD},
    {"two full ones", {{CHUNK, false}, {CHUNK, true}}, 2, 2 * CHUNK, ENC_OK},
    {"two full ones, none the last",
     {{CHUNK, false}, {CHUNK, false}},
     2,
     2 * CHUNK,
     ENC_AGE_PAYLOAD},
    {"an empty one behind a full one", {{CHUNK, false}, {0, true}}, 2, CHUNK, ENC_AGE_PAYLOAD},
    {"an empty one behind the last", {{CHUNK, true}, {0, true}}, 2, CHUNK, ENC_AGE_PAYLOAD},
    {"an empty one behind a short last one", {{10, true}, {0, true}}, 2, 0, ENC_AGE_PAYLOAD},
    {"two last ones, full", {{CHUNK, true}, {CHUNK, true}}, 2, CHUNK, ENC_AGE_PAYLOAD},
    {"two last ones, the second short", {{CHUNK, true}, {10, true}}, 2, CHUNK, ENC_AGE_PAYLOAD},
    {"two last ones, short", {{10, true}, {10, true}}, 2, 0, ENC_AGE_PAYLOAD},
    {"a last one in the middle",
     {{CHUNK, false}, {CHUNK, true}, {CHUNK, false}, {10, true}},
     4,
     2 * CHUNK,
     ENC_AGE_PAYLOAD},
    {"a short one in the middle",
     {{CHUNK, false}, {CHUNK - 1, false}, {10, true}},
     3,
     CHUNK,
     ENC_AGE_PAYLOAD},
    {"one that is too long", {{CHUNK, false}, {CHUNK + 1, true}}, 2, CHUNK, ENC_AGE_PAYLOAD},
    {"one that is too long, alone", {{CHUNK + 1, true}}, 1, 0, ENC_AGE_PAYLOAD},
    {"an empty one, and then the file", {{0, false}, {10, true}}, 2, 0, ENC_AGE_PAYLOAD},
};

static struct age_bytes seal_payload(const struct payload_case *c)
{
    static uint8_t sealed[CHUNK + 1 + ENC_AEAD_TAG];
    struct enc_age_stream stream;
    struct age_bytes file = seal_kind(0, 0);
    size_t at = 0;

    file.n -= ENC_AEAD_TAG;
    assert_int_equal(enc_age_stream_init(&stream, &seed.file_key, seed.nonce), ENC_OK);
    for (size_t i = 0; i < c->n_chunks; i++) {
        size_t n = c->chunks[i].n;
        assert_int_equal(enc_age_stream_seal_begin(&stream, c->chunks[i].is_last), ENC_OK);
        assert_int_equal(enc_age_stream_seal_update(&stream, plain + at, n, sealed), ENC_OK);
        assert_int_equal(enc_age_stream_seal_end(&stream, sealed + n), ENC_OK);
        age_append(&file, sealed, n + ENC_AEAD_TAG);
        at = (at + n) % (N_MAX - CHUNK - 1);
    }
    enc_age_stream_wipe(&stream);
    return file;
}

static void a_payload_ends_with_its_last_chunk_and_nowhere_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        const struct payload_case *c = &payloads[i];
        struct age_bytes file = seal_payload(c);
        struct age_opened opened;
        age_open(&identity, 1, file.at, file.n, &age_whole, &opened);
        if (opened.status != c->status || opened.plain.n != c->n_released)
            fail_msg("%s: %s, %zu bytes", c->label, enc_status_name(opened.status), opened.plain.n);
        age_free(&opened.plain);
        assert_opens(&file, c->n_released, c->status);
        age_free(&file);
    }
}

static void any_byte_behind_the_end_is_an_error(void **state)
{
    static const char *const tails[] = {
        "\n", "a", "\r\n", " ", "age-encryption.org/v1\n", "0123456789abcdef", "0123456789abcdef0"};

    (void)state;
    for (size_t i = 0; i < N_LENGTHS; i++) {
        struct age_bytes file = seal_kind(0, lengths[i]);
        for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
            const size_t n = file.n;
            // Only a full chunk is complete before its follower is seen.
            const size_t n_good = lengths[i] / CHUNK * CHUNK;
            age_append(&file, tails[t], strlen(tails[t]));
            assert_opens(&file, n_good, ENC_AGE_PAYLOAD);
            file.n = n;
        }
        age_free(&file);
    }
}

static void a_file_that_is_cut_off_anywhere_is_an_error(void **state)
{
    struct age_bytes file = seal_kind(0, N_LONG);
    const size_t n_whole = file.n, n_payload = 2 * SEALED + 1000 + ENC_AEAD_TAG;
    const size_t n_head = n_whole - n_payload; // with the nonce

    (void)state;
    // A nonce that is cut short counts as a header that is.
    for (file.n = 0; file.n < n_head; file.n++)
        assert_opens_in(&identity, 1, &file, &age_whole, 0, ENC_AGE_HEADER);
    for (size_t n = 0; n < n_payload; n++) {
        // All of them where a chunk begins or ends, some in between.
        const size_t in_chunk = n % SEALED;
        if (in_chunk > 40 && in_chunk < SEALED - 40 && n % 1013 != 0)
            continue;
        file.n = n_head + n;
        assert_opens_in(&identity, 1, &file, &age_whole, n / SEALED * CHUNK, ENC_AGE_PAYLOAD);
        assert_opens_in(&identity, 1, &file, &(struct age_pieces){{50000}, 1}, n / SEALED * CHUNK,
                        ENC_AGE_PAYLOAD);
    }
    file.n = n_whole;
    assert_opens(&file, N_LONG, ENC_OK);
    age_free(&file);
}

static void a_file_with_a_byte_less_anywhere_is_an_error(void **state)
{
    struct age_bytes file = seal_kind(0, 100), shorter = {0};

    (void)state;
    for (size_t at = 0; at < file.n; at++) {
        struct age_opened opened;
        shorter.n = 0;
        age_append(&shorter, file.at, at);
        age_append(&shorter, file.at + at + 1, file.n - at - 1);
        age_open(&identity, 1, shorter.at, shorter.n, &age_whole, &opened);
        assert_int_not_equal(opened.status, ENC_OK);
        assert_int_equal(opened.plain.n, 0);
        age_free(&opened.plain);
    }
    age_free(&file);
    age_free(&shorter);
}

static void any_bit_that_is_flipped_in_a_small_file_is_an_error(void **state)
{
    struct age_bytes file = seal_kind(0, 100);

    (void)state;
    for (size_t i = 0; i < 8 * file.n; i++) {
        struct age_opened opened;
        file.at[i / 8] ^= (uint8_t)(1 << i % 8);
        age_open(&identity, 1, file.at, file.n, &age_whole, &opened);
        if (opened.status == ENC_OK || opened.plain.n != 0)
            fail_msg("bit %zu of %zu: %s, %zu bytes", i, 8 * file.n, enc_status_name(opened.status),
                     opened.plain.n);
        file.at[i / 8] ^= (uint8_t)(1 << i % 8);
        age_free(&opened.plain);
    }
    age_free(&file);
}

// Of a longer file, the chunks before are released.
static void a_bit_that_is_flipped_in_a_chunk_stops_the_file_there(void **state)
{
    struct age_bytes file = seal_kind(0, N_LONG);
    const size_t n_head = file.n - 2 * SEALED - 1000 - ENC_AEAD_TAG;

    (void)state;
    for (size_t at = n_head; at < file.n; at += 1499) {
        file.at[at] ^= 0x10;
        assert_opens_in(&identity, 1, &file, &age_whole, (at - n_head) / SEALED * CHUNK,
                        ENC_AGE_PAYLOAD);
        assert_opens_in(&identity, 1, &file, &(struct age_pieces){{SEALED, 1}, 2},
                        (at - n_head) / SEALED * CHUNK, ENC_AGE_PAYLOAD);
        file.at[at] ^= 0x10;
    }
    age_free(&file);
}

static int set_up(void **state)
{
    (void)state;
    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
    if (enc_crypto_init() != ENC_OK)
        return -1;
    identity = age_identity_of(&age_kinds[0]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_kind_and_length_open),
        cmocka_unit_test(files_open_byte_by_byte),
        cmocka_unit_test(a_small_file_opens_split_at_any_point),
        cmocka_unit_test(chunks_in_another_order_stop_the_file_where_they_begin),
        cmocka_unit_test(a_payload_ends_with_its_last_chunk_and_nowhere_else),
        cmocka_unit_test(any_byte_behind_the_end_is_an_error),
        cmocka_unit_test(a_file_that_is_cut_off_anywhere_is_an_error),
        cmocka_unit_test(a_file_with_a_byte_less_anywhere_is_an_error),
        cmocka_unit_test(any_bit_that_is_flipped_in_a_small_file_is_an_error),
        cmocka_unit_test(a_bit_that_is_flipped_in_a_chunk_stops_the_file_there),
    };
    return cmocka_run_group_tests_name("age_decryptor", tests, set_up, tear_down_crypto);
}
