// SPDX-License-Identifier: Apache-2.0
// What the age decryptor promises beside the plaintext: misuse, armor, wiping.
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

static void begin(void)
{
    memset(&decryptor, 0xa5, sizeof(decryptor));
    enc_age_decryptor_init(&decryptor, &identity, 1);
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
    }
    assert_int_equal(n_taken, 77);
    assert_int_equal(n, 77);
    assert_false(is_ended);
}

static void too_little_room_is_refused_and_latches(void **state)
{
    size_t n_taken, n;
    bool is_ended;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct age_bytes *file = i ? &armored : &binary;
        begin();
        assert_int_equal(enc_age_decryptor_update(&decryptor, file->at, file->n, room,
                                                  ENC_AGE_CHUNK - 1, &n_taken, &n),
                         ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        enc_age_decryptor_wipe(&decryptor);
        begin();
        assert_int_equal(enc_age_decryptor_update(&decryptor, file->at, file->n, room, sizeof(room),
                                                  &n_taken, &n),
                         ENC_OK);
        assert_int_equal(
            enc_age_decryptor_finish(&decryptor, room, ENC_AGE_CHUNK - 1, &n, &is_ended),
            ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        enc_age_decryptor_wipe(&decryptor);
    }
}

// Opens with age_open, which expects a decryptor that has ended to do nothing more.
static void assert_opens(const struct age_bytes *file, size_t n, enum enc_status status)
{
    static const struct age_pieces pieces[] = {{{SIZE_MAX}, 1}, {{1}, 1}, {{100, 7, 4096}, 3}};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct age_opened opened;
        age_open(&identity, 1, file->at, file->n, &pieces[i], &opened);
        assert_int_equal(opened.status, status);
        assert_int_equal(opened.plain.n, n);
        assert_memory_equal(opened.plain.at, plain, n);
        age_free(&opened.plain);
    }
}

static void no_input_is_no_header(void **state)
{
    struct age_bytes none = {0};

    (void)state;
    assert_opens(&none, 0, ENC_AGE_HEADER);
}

static void empty_pieces_change_nothing(void **state)
{
    struct age_bytes opened = {0};
    size_t n_taken, n;
    bool is_ended = false;

    (void)state;
    begin();
    for (size_t at = 0; at < binary.n;) {
        assert_int_equal(
            enc_age_decryptor_update(&decryptor, NULL, 0, room, sizeof(room), &n_taken, &n),
            ENC_OK);
        assert_int_equal(n_taken + n, 0);
        assert_int_equal(enc_age_decryptor_update(&decryptor, binary.at + at, 1, room, sizeof(room),
                                                  &n_taken, &n),
                         ENC_OK);
        age_append(&opened, room, n);
        at += n_taken;
    }
    while (!is_ended) {
        assert_int_equal(enc_age_decryptor_finish(&decryptor, room, sizeof(room), &n, &is_ended),
                         ENC_OK);
        age_append(&opened, room, n);
    }
    enc_age_decryptor_wipe(&decryptor);
    assert_int_equal(opened.n, N_PLAIN);
    assert_memory_equal(opened.at, plain, N_PLAIN);
    age_free(&opened);
}

static struct age_bytes joined(const char *before, const struct age_bytes *file, const char *behind)
{
    struct age_bytes whole = {0};

    age_append(&whole, before, strlen(before));
    age_append(&whole, file->at, file->n);
    age_append(&whole, behind, strlen(behind));
    return whole;
}

static void white_space_around_armor_is_fine(void **state)
{
    static const char *const spaces[] = {"", " ", "\n", "\r\n", "\t", " \r\n\t \n"};

    (void)state;
    for (size_t i = 0; i < 36; i++) {
        struct age_bytes file = joined(spaces[i / 6], &armored, spaces[i % 6]);
        assert_opens(&file, N_PLAIN, ENC_OK);
        age_free(&file);
    }
}

static void armor_with_crlf_opens(void **state)
{
    struct age_bytes file = {0};

    (void)state;
    for (size_t i = 0; i < armored.n; i++)
        age_append(&file, armored.at[i] == '\n' ? "\r\n" : (char *)armored.at + i,
                   armored.at[i] == '\n' ? 2 : 1);
    assert_opens(&file, N_PLAIN, ENC_OK);
    age_free(&file);
}

static void white_space_before_a_binary_file_is_no_armor(void **state)
{
    struct age_bytes file = joined(" ", &binary, "");

    (void)state;
    assert_opens(&file, 0, ENC_AGE_ARMOR);
    age_free(&file);
}

static void text_behind_armor_is_an_error_and_releases_no_last_chunk(void **state)
{
    struct age_bytes file = joined("", &armored, "x");

    (void)state;
    assert_opens(&file, ENC_AGE_CHUNK, ENC_AGE_ARMOR);
    age_free(&file);
}

static void armor_that_is_cut_off_is_an_error(void **state)
{
    struct age_bytes file = joined("", &armored, "");

    (void)state;
    // The end of the last line may be missing, and nothing else.
    file.n--;
    assert_opens(&file, N_PLAIN, ENC_OK);
    for (size_t n = 0; n < file.n; n += n < 200 || n + 300 > file.n ? 1 : 1999) {
        struct age_opened opened;
        age_open(&identity, 1, file.at, n, &age_whole, &opened);
        assert_int_equal(opened.status, n == 0 ? ENC_AGE_HEADER : ENC_AGE_ARMOR);
        assert_true(opened.plain.n == 0 || opened.plain.n == ENC_AGE_CHUNK);
        age_free(&opened.plain);
    }
    age_free(&file);
}

// Each text behind the header of a file of ours, or instead of it.
static void each_error_has_its_status(void **state)
{
    static const struct {
        const char *text;
        enum enc_status status;
    } cases[] = {
        {"a", ENC_AGE_HEADER},
        {"\n", ENC_AGE_ARMOR},
        {"-", ENC_AGE_ARMOR},
        {"----\n", ENC_AGE_ARMOR},
        {"-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n", ENC_AGE_HEADER},
        {"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
         ENC_AGE_HEADER},
        {"-----BEGIN AGE ENCRYPTED FILE-----\nYWdlCg==\n-----END AGE ENCRYPTED FILE-----\n",
         ENC_AGE_HEADER},
        {"age-encryption.org/v1\n-> a b c d e f g h i j k l m n o p q\n", ENC_AGE_HEADER_TOO_LARGE},
        {"age-encryption.org/v1\n-> a\n\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
         ENC_AGE_NO_MATCH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct age_bytes none = {0}, file = joined(cases[i].text, &none, "");
        assert_opens(&file, 0, cases[i].status);
        age_free(&file);
    }
}

static void assert_wiped(void)
{
    const uint8_t *bytes = (const uint8_t *)&decryptor;
    size_t n = sizeof(decryptor);

    assert_null(memmem(bytes, n, seed.file_key.bytes, 8));
    assert_null(memmem(bytes, n, binary.at, 8));
    assert_null(memmem(bytes, n, plain, 8));
    assert_null(decryptor.stream.aead.cipher);
}

// At every kind of place in a file.
static void a_wiped_decryptor_holds_nothing_and_does_nothing(void **state)
{
    const size_t n_head = binary.n - N_PLAIN - 2 * ENC_AEAD_TAG;
    const size_t places[] = {0,      1,          n_head - 17,    n_head - 16,    n_head - 1,
                             n_head, n_head + 1, n_head + 50000, 65552 + n_head, binary.n - 1};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t n_taken, n;
        begin();
        for (size_t at = 0; at < places[i]; at += n_taken)
            assert_int_equal(enc_age_decryptor_update(&decryptor, binary.at + at, places[i] - at,
                                                      room, sizeof(room), &n_taken, &n),
                             ENC_OK);
        for (int k = 0; k < 2; k++) {
            enc_age_decryptor_wipe(&decryptor);
            assert_wiped();
            assert_latched(ENC_MISUSE);
        }
    }
}

static void the_file_key_stays_no_longer_than_it_is_needed(void **state)
{
    const size_t n_head = binary.n - N_PLAIN - 2 * ENC_AEAD_TAG;
    size_t n_taken, n;

    (void)state;
    begin();
    assert_int_equal(enc_age_decryptor_update(&decryptor, binary.at, n_head - 1, room, sizeof(room),
                                              &n_taken, &n),
                     ENC_OK);
    assert_memory_equal(&decryptor.file_key, &seed.file_key, sizeof(seed.file_key)); // else no test
    assert_int_equal(enc_age_decryptor_update(&decryptor, binary.at + n_head - 1, 1, room,
                                              sizeof(room), &n_taken, &n),
                     ENC_OK);
    assert_null(memmem(&decryptor, sizeof(decryptor), seed.file_key.bytes, 8));
    enc_age_decryptor_wipe(&decryptor);
}

// A chunk is opened to the caller's room, and is there all zero where it was not the right one.
static void a_chunk_that_fails_leaves_zeros(void **state)
{
    static const uint8_t zeros[ENC_AGE_CHUNK];
    struct age_bytes file = joined("", &binary, "");
    size_t n_taken = 0, n = 77;

    (void)state;
    file.at[file.n - N_PLAIN + 10] ^= 1;
    begin();
    memset(room, AGE_UNTOUCHED, sizeof(room));
    assert_int_equal(
        enc_age_decryptor_update(&decryptor, file.at, file.n, room, sizeof(room), &n_taken, &n),
        ENC_AGE_PAYLOAD);
    assert_int_equal(n, 77);
    assert_memory_equal(room, zeros, sizeof(room));
    enc_age_decryptor_wipe(&decryptor);
    age_free(&file);
}

static void without_libcrypto_nothing_opens(void **state)
{
    (void)state;
    enc_crypto_free();
    assert_opens(&binary, 0, ENC_CRYPTO_FAILED);
    assert_opens(&armored, 0, ENC_CRYPTO_FAILED);
    assert_int_equal(enc_crypto_init(), ENC_OK);
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
        cmocka_unit_test(too_little_room_is_refused_and_latches),
        cmocka_unit_test(no_input_is_no_header),
        cmocka_unit_test(empty_pieces_change_nothing),
        cmocka_unit_test(white_space_around_armor_is_fine),
        cmocka_unit_test(armor_with_crlf_opens),
        cmocka_unit_test(white_space_before_a_binary_file_is_no_armor),
        cmocka_unit_test(text_behind_armor_is_an_error_and_releases_no_last_chunk),
        cmocka_unit_test(armor_that_is_cut_off_is_an_error),
        cmocka_unit_test(each_error_has_its_status),
        cmocka_unit_test(a_wiped_decryptor_holds_nothing_and_does_nothing),
        cmocka_unit_test(the_file_key_stays_no_longer_than_it_is_needed),
        cmocka_unit_test(a_chunk_that_fails_leaves_zeros),
        cmocka_unit_test(without_libcrypto_nothing_opens),
    };
    return cmocka_run_group_tests_name("age_decryptor_contract", tests, set_up, tear_down);
}
