// SPDX-License-Identifier: Apache-2.0
// An age file that is read again: it has to be the same one, and no identity is tried again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "enc_crypto_init.h"

#define N_PLAIN (ENC_AGE_CHUNK + 1000)

static uint8_t plain[N_PLAIN];
static uint8_t room[ENC_AGE_CHUNK];
static struct enc_age_seed seed;
static struct enc_age_identity identity;
static struct enc_age_decryptor decryptor;
static struct age_bytes binary, armored;
static size_t n_head; // of the binary file: its header and its nonce

static void begin(void)
{
    memset(&decryptor, 0xa5, sizeof(decryptor));
    enc_age_decryptor_init(&decryptor, &identity, 1);
}

// Reads n bytes, in pieces; what is released is compared, and counted.
static enum enc_status read_bytes(const uint8_t *bytes, size_t n, size_t n_piece, size_t *n_opened)
{
    for (size_t at = 0; at < n;) {
        const size_t n_now = n_piece < n - at ? n_piece : n - at;
        size_t n_taken = 0, n_out = 0;
        enum enc_status st = enc_age_decryptor_update(&decryptor, bytes + at, n_now, room,
                                                      sizeof(room), &n_taken, &n_out);
        if (st != ENC_OK)
            return st;
        assert_in_range(n_out, 0, N_PLAIN - *n_opened);
        assert_memory_equal(room, plain + *n_opened, n_out);
        *n_opened += n_out;
        at += n_taken;
    }
    return ENC_OK;
}

static enum enc_status read_end(size_t *n_opened)
{
    bool is_ended = false;

    while (!is_ended) {
        size_t n_out = 0;
        enum enc_status st =
            enc_age_decryptor_finish(&decryptor, room, sizeof(room), &n_out, &is_ended);
        if (st != ENC_OK)
            return st;
        assert_in_range(n_out, 0, N_PLAIN - *n_opened);
        assert_memory_equal(room, plain + *n_opened, n_out);
        *n_opened += n_out;
    }
    return ENC_OK;
}

static enum enc_status read_file(const struct age_bytes *file, size_t n_piece, size_t *n_opened)
{
    enum enc_status st;

    *n_opened = 0;
    st = read_bytes(file->at, file->n, n_piece, n_opened);
    return st == ENC_OK ? read_end(n_opened) : st;
}

static void begin_again(const struct age_bytes *file)
{
    size_t n_opened;

    begin();
    assert_int_equal(read_file(file, SIZE_MAX, &n_opened), ENC_OK);
    assert_int_equal(n_opened, N_PLAIN);
    assert_int_equal(enc_age_decryptor_rewind(&decryptor), ENC_OK);
}

static void assert_latched(enum enc_status status)
{
    size_t n_taken = 77, n = 77;
    bool is_ended = false;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            enc_age_decryptor_update(&decryptor, binary.at, 10, room, sizeof(room), &n_taken, &n),
            status);
        assert_int_equal(enc_age_decryptor_finish(&decryptor, room, sizeof(room), &n, &is_ended),
                         status);
        assert_int_equal(enc_age_decryptor_rewind(&decryptor), status);
    }
    assert_int_equal(n_taken, 77);
    assert_int_equal(n, 77);
    assert_false(is_ended);
    assert_null(decryptor.stream.aead.cipher);
}

static void a_file_can_be_read_a_second_time_and_no_more(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 4096, 65552, 70000};

    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct enc_age_encryptor_options options = age_options_of(&age_kinds[k], &seed);
        struct enc_age_identity own = age_identity_of(&age_kinds[k]);
        struct age_bytes file = {0};
        age_seal(&options, plain, N_PLAIN, &file);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            size_t n_opened;
            enc_age_decryptor_init(&decryptor, &own, 1);
            assert_int_equal(read_file(&file, SIZE_MAX, &n_opened), ENC_OK);
            assert_non_null(decryptor.stream.aead.cipher);
            assert_int_equal(enc_age_decryptor_rewind(&decryptor), ENC_OK);
            assert_int_equal(read_file(&file, pieces[i], &n_opened), ENC_OK);
            assert_int_equal(n_opened, N_PLAIN);
            assert_null(decryptor.stream.aead.cipher); // nothing is left to read
            assert_int_equal(enc_age_decryptor_rewind(&decryptor), ENC_MISUSE);
            enc_age_decryptor_wipe(&decryptor);
        }
        age_free(&file);
    }
}

static void an_empty_file_can_be_read_again(void **state)
{
    (void)state;
    for (int armor = 0; armor < 2; armor++) {
        struct enc_age_encryptor_options options = age_options_of(&age_kinds[armor], &seed);
        struct age_bytes file = {0};
        age_seal(&options, NULL, 0, &file);
        begin();
        for (int i = 0; i < 2; i++) {
            size_t n_opened;
            assert_int_equal(read_file(&file, i ? SIZE_MAX : 1, &n_opened), ENC_OK);
            assert_int_equal(n_opened, 0);
            assert_int_equal(enc_age_decryptor_rewind(&decryptor), i ? ENC_MISUSE : ENC_OK);
        }
        enc_age_decryptor_wipe(&decryptor);
        age_free(&file);
    }
}

static void no_identity_is_tried_again(void **state)
{
    size_t n_opened;

    (void)state;
    begin_again(&binary);
    decryptor.identities = NULL; // would be read otherwise
    decryptor.n_identities = 1;
    assert_int_equal(read_file(&binary, 100, &n_opened), ENC_OK);
    assert_int_equal(n_opened, N_PLAIN);
    enc_age_decryptor_wipe(&decryptor);
}

static void a_file_that_has_not_ended_cannot_be_rewound(void **state)
{
    const size_t places[] = {0,          1,      20,         n_head - 17,  n_head - 16,
                             n_head - 1, n_head, n_head + 1, binary.n - 1, binary.n};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
        size_t n_opened = 0;
        // In the first reading, or in the second.
        if (i % 2)
            begin_again(&binary);
        else
            begin();
        assert_int_equal(read_bytes(binary.at, places[i / 2], SIZE_MAX, &n_opened), ENC_OK);
        assert_int_equal(enc_age_decryptor_rewind(&decryptor), ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        enc_age_decryptor_wipe(&decryptor);
    }
}

static void a_file_cannot_be_rewound_twice_in_a_row(void **state)
{
    (void)state;
    begin_again(&binary);
    assert_int_equal(enc_age_decryptor_rewind(&decryptor), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
    enc_age_decryptor_wipe(&decryptor);
}

static void an_error_latches_for_rewinding_too(void **state)
{
    size_t n_opened = 0;

    (void)state;
    begin();
    assert_int_equal(read_bytes((const uint8_t *)"age-x\n", 6, 6, &n_opened), ENC_AGE_HEADER);
    assert_latched(ENC_AGE_HEADER);
    enc_age_decryptor_wipe(&decryptor);
    // At the end, and behind it.
    begin();
    assert_int_equal(read_bytes(binary.at, binary.n - 1, SIZE_MAX, &n_opened), ENC_OK);
    assert_int_equal(read_end(&n_opened), ENC_AGE_PAYLOAD);
    assert_latched(ENC_AGE_PAYLOAD);
    enc_age_decryptor_wipe(&decryptor);
    begin();
    assert_int_equal(read_file(&binary, SIZE_MAX, &n_opened), ENC_OK);
    assert_int_equal(read_bytes(binary.at, 1, 1, &n_opened), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
    enc_age_decryptor_wipe(&decryptor);
    assert_latched(ENC_MISUSE); // wiped
}

// The same place of the second reading altered: what it is, and how much was released before. A
// head that reads well, and a nonce, are compared at the end: the payload's key is that of the
// first reading, and so is what was released.
static void what_differs_the_second_time_is_an_error(void **state)
{
    const size_t n_chunk = ENC_AGE_CHUNK + ENC_AEAD_TAG;
    const struct {
        size_t at, n_opened;
        enum enc_status status;
    } cases[] = {
        {30, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},          // a letter of "X25519"
        {50, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},          // of the ephemeral share
        {110, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},         // of the wrapped file key
        {n_head - 30, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD}, // of the MAC
        {0, 0, ENC_AGE_HEADER},
        {n_head - 16, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD}, // of the nonce
        {n_head - 1, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},
        {n_head, 0, ENC_AGE_PAYLOAD},
        {n_head + n_chunk - 1, 0, ENC_AGE_PAYLOAD},
        {n_head + n_chunk, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},
        {binary.n - 1, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},
    };
    static const size_t pieces[] = {SIZE_MAX, 1, 1000};

    (void)state;
    for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t at = cases[i / 3].at;
        // A letter stays one, and base64 stays canonical.
        const uint8_t bit = at < n_head - 16 && at > 0 ? 2 : 1;
        size_t n_opened;
        begin_again(&binary);
        binary.at[at] ^= bit;
        enum enc_status st = read_file(&binary, pieces[i % 3], &n_opened);
        binary.at[at] ^= bit;
        if (st != cases[i / 3].status || n_opened != cases[i / 3].n_opened)
            fail_msg("at %zu: %s instead of %s, %zu bytes", at, enc_status_name(st),
                     enc_status_name(cases[i / 3].status), n_opened);
        assert_latched(st);
        enc_age_decryptor_wipe(&decryptor);
    }
}

static void no_bit_of_the_head_may_differ_the_second_time(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * n_head; bit += 5) {
        size_t n_opened;
        begin_again(&binary);
        binary.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(read_file(&binary, SIZE_MAX, &n_opened), ENC_OK);
        binary.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(n_opened <= ENC_AGE_CHUNK);
        enc_age_decryptor_wipe(&decryptor);
    }
}

// Another file with the same file key, for another recipient: its header is a good one.
static void the_same_payload_behind_another_header_is_another_file(void **state)
{
    const struct enc_age_recipient both[] = {age_recipient(1), age_recipient(2)};
    const struct enc_age_encryptor_options options = {
        .recipients = both, .n_recipients = 2, .seed = &seed};
    struct age_bytes file = {0};
    size_t n_opened;

    (void)state;
    age_seal(&options, plain, N_PLAIN, &file);
    const size_t n_payload = N_PLAIN + 2 * ENC_AEAD_TAG + ENC_AGE_NONCE;
    assert_memory_equal(file.at + file.n - n_payload, binary.at + binary.n - n_payload, n_payload);
    begin_again(&binary);
    assert_int_equal(read_file(&file, SIZE_MAX, &n_opened), ENC_AGE_PAYLOAD);
    assert_int_equal(n_opened, ENC_AGE_CHUNK);
    enc_age_decryptor_wipe(&decryptor);
    age_free(&file);
}

// Another last chunk under the same key: it is authentic too.
static void another_payload_of_the_same_size_is_another_file(void **state)
{
    const struct enc_age_encryptor_options options = age_options_of(&age_kinds[0], &seed);
    static uint8_t other_plain[N_PLAIN];
    struct age_bytes file = {0};
    size_t n_opened;

    (void)state;
    memcpy(other_plain, plain, N_PLAIN);
    other_plain[N_PLAIN - 1] ^= 1;
    age_seal(&options, other_plain, N_PLAIN, &file);
    begin_again(&binary);
    assert_int_equal(read_file(&file, SIZE_MAX, &n_opened), ENC_AGE_PAYLOAD);
    assert_int_equal(n_opened, ENC_AGE_CHUNK);
    enc_age_decryptor_wipe(&decryptor);
    age_free(&file);
}

static void what_is_lacking_or_more_the_second_time_is_an_error(void **state)
{
    const struct {
        size_t n, n_opened;
        enum enc_status status;
    } cases[] = {
        {0, 0, ENC_AGE_HEADER},
        {1, 0, ENC_AGE_HEADER},
        {n_head - 1, 0, ENC_AGE_HEADER},
        {n_head, 0, ENC_AGE_PAYLOAD},
        {n_head + ENC_AGE_CHUNK + ENC_AEAD_TAG, 0, ENC_AGE_PAYLOAD},
        {binary.n - 1, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},
        {binary.n + 1, ENC_AGE_CHUNK, ENC_AGE_PAYLOAD},
    };
    struct age_bytes longer = {0};

    (void)state;
    age_append(&longer, binary.at, binary.n);
    age_append(&longer, "x", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct age_bytes other = {longer.at, cases[i].n, 0};
        size_t n_opened;
        begin_again(&binary);
        assert_int_equal(read_file(&other, SIZE_MAX, &n_opened), cases[i].status);
        assert_int_equal(n_opened, cases[i].n_opened);
        assert_latched(cases[i].status);
        enc_age_decryptor_wipe(&decryptor);
    }
    age_free(&longer);
}

// Armor is only how a file is written down.
static void a_file_may_be_in_armor_the_second_time_or_out_of_it(void **state)
{
    size_t n_opened;

    (void)state;
    begin_again(&binary);
    assert_int_equal(read_file(&armored, 1000, &n_opened), ENC_OK);
    assert_int_equal(n_opened, N_PLAIN);
    enc_age_decryptor_wipe(&decryptor);
    begin_again(&armored);
    assert_int_equal(read_file(&binary, 1000, &n_opened), ENC_OK);
    assert_int_equal(n_opened, N_PLAIN);
    enc_age_decryptor_wipe(&decryptor);
    // What is left of the armor of the first time does not help.
    begin_again(&armored);
    const struct age_bytes cut = {armored.at, armored.n - 10, 0};
    assert_int_equal(read_file(&cut, SIZE_MAX, &n_opened), ENC_AGE_ARMOR);
    assert_latched(ENC_AGE_ARMOR);
    enc_age_decryptor_wipe(&decryptor);
}

static void a_rewound_decryptor_that_is_wiped_holds_nothing(void **state)
{
    size_t n_opened = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin_again(&binary);
        assert_null(memmem(&decryptor, sizeof(decryptor), seed.file_key.bytes, 8));
        if (i == 1)
            assert_int_equal(read_bytes(binary.at, binary.n / 2, SIZE_MAX, &n_opened), ENC_OK);
        enc_age_decryptor_wipe(&decryptor);
        assert_null(memmem(&decryptor, sizeof(decryptor), plain, 8));
        assert_latched(ENC_MISUSE);
    }
}

static int set_up(void **state)
{
    (void)state;
    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
    if (enc_crypto_init() != ENC_OK)
        return -1;
    identity = age_identity(1);
    struct enc_age_encryptor_options options = age_options_of(&age_kinds[0], &seed);
    age_seal(&options, plain, N_PLAIN, &binary);
    options.armor = true;
    age_seal(&options, plain, N_PLAIN, &armored);
    n_head = binary.n - N_PLAIN - 2 * ENC_AEAD_TAG;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    age_free(&binary);
    age_free(&armored);
    enc_crypto_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_can_be_read_a_second_time_and_no_more),
        cmocka_unit_test(an_empty_file_can_be_read_again),
        cmocka_unit_test(no_identity_is_tried_again),
        cmocka_unit_test(a_file_that_has_not_ended_cannot_be_rewound),
        cmocka_unit_test(a_file_cannot_be_rewound_twice_in_a_row),
        cmocka_unit_test(an_error_latches_for_rewinding_too),
        cmocka_unit_test(what_differs_the_second_time_is_an_error),
        cmocka_unit_test(no_bit_of_the_head_may_differ_the_second_time),
        cmocka_unit_test(the_same_payload_behind_another_header_is_another_file),
        cmocka_unit_test(another_payload_of_the_same_size_is_another_file),
        cmocka_unit_test(what_is_lacking_or_more_the_second_time_is_an_error),
        cmocka_unit_test(a_file_may_be_in_armor_the_second_time_or_out_of_it),
        cmocka_unit_test(a_rewound_decryptor_that_is_wiped_holds_nothing),
    };
    return cmocka_run_group_tests_name("age_decryptor_rewind", tests, set_up, tear_down);
}
