// SPDX-License-Identifier: Apache-2.0
// What the age encryptor promises beside its output: vectors, totals, misuse, wiping.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "enc_age_bech32.h"
#include "hex.h"
#include "with_crypto.h"

#define N_MAX (2 * ENC_AGE_CHUNK + 100)

static uint8_t plain[N_MAX];
static uint8_t out[2 * N_MAX];
static struct enc_age_seed seed;
static struct enc_age_encryptor encryptor;
static const struct enc_encryptor_ops *ops;

static void begin(size_t kind)
{
    struct enc_age_encryptor_options options = age_options_of(&age_kinds[kind], &seed);

    memset(&encryptor, 0xa5, sizeof(encryptor));
    assert_int_equal(enc_age_encryptor_init(&encryptor, &options), ENC_OK);
    ops = encryptor.base.ops;
}

// Made with Python's cryptography: the file key 10, 11, ... 1f, the nonce a0, a1, ... af, stanza
// seeds of 32 times '0' and of 32 times '1'; for the identity of 32 times 0x42, and for that of 0,
// 1, ... 31; the plaintext "Hello, age!\n".
#define VECTOR_PAYLOAD                                                                             \
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"                                                             \
    "8b3e4faa0e9f68cc5976e4aa1130b032217b9de8ce4bd0fb93898f6a"
#define N_VECTOR_PAYLOAD 44

static const char vector_one[] = "age-encryption.org/v1\n"
                                 "-> X25519 5Qwjm8IE8TQWZMnZxQxqDQ//b8edkwHx5xOqsuA0Sz8\n"
                                 "dvGtfUwJ0Od/n1JLPqCgxbZsM/hcf3M1wilefgNyqUg\n"
                                 "--- Y+cYVIUYTbPqVUvS2qnkpCqCeNzQOj6xCzQojuV2bo0\n";
static const char vector_two[] = "age-encryption.org/v1\n"
                                 "-> X25519 5Qwjm8IE8TQWZMnZxQxqDQ//b8edkwHx5xOqsuA0Sz8\n"
                                 "dvGtfUwJ0Od/n1JLPqCgxbZsM/hcf3M1wilefgNyqUg\n"
                                 "-> X25519 BPXykWLDGo3voY5udCIk7oBvwXGKJ4voWbpWIEArjzo\n"
                                 "TDI6kbc43nPDxNg9eeGAErMetzpyRHTigMfdHs5dja4\n"
                                 "--- IrfVxWoyy3/YvyZ6l9vJ3Jq0jb80PHwpAFLwBt4VA4o\n";
// "correct horse", a work factor of 2.
static const char vector_passphrase[] = "age-encryption.org/v1\n"
                                        "-> scrypt MDAwMDAwMDAwMDAwMDAwMA 2\n"
                                        "jsDSoGf6/PN2glIzmzjzyiFlw1lUsr5eGoQlMMt8CMs\n"
                                        "--- dWkJhKaxjdFJndkofL9ROuKb6QAFBXVuKJObtlfyZvM\n";
static const char vector_armored[] =
    "-----BEGIN AGE ENCRYPTED FILE-----\n"
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA1UXdqbThJRThUUVdaTW5a\n"
    "eFF4cURRLy9iOGVka3dIeDV4T3FzdUEwU3o4CmR2R3RmVXdKME9kL24xSkxQcUNn\n"
    "eGJac00vaGNmM00xd2lsZWZnTnlxVWcKLS0tIFkrY1lWSVVZVGJQcVZVdlMycW5r\n"
    "cENxQ2VOelFPajZ4Q3pRb2p1VjJibzAKoKGio6SlpqeoqaqrrK2ur4s+T6oOn2jM\n"
    "WXbkqhEwsDIhe53ozkvQ+5OJj2o=\n"
    "-----END AGE ENCRYPTED FILE-----\n";

static void seal_vector(const struct enc_age_recipient *recipients, size_t n, bool armor,
                        struct age_bytes *file)
{
    static struct enc_age_seed vector_seed;
    struct enc_age_encryptor_options options = {
        .recipients = recipients, .n_recipients = n, .seed = &vector_seed, .armor = armor};

    for (size_t i = 0; i < 16; i++) {
        vector_seed.file_key.bytes[i] = (uint8_t)(0x10 + i);
        vector_seed.nonce[i] = (uint8_t)(0xa0 + i);
    }
    memset(vector_seed.stanzas[0], '0', ENC_AGE_STANZA_SEED);
    memset(vector_seed.stanzas[1], '1', ENC_AGE_STANZA_SEED);
    age_seal(&options, (const uint8_t *)"Hello, age!\n", 12, file);
}

static void assert_vector(struct age_bytes *file, const char *head)
{
    size_t n = strlen(head);

    assert_int_equal(file->n, n + N_VECTOR_PAYLOAD);
    assert_memory_equal(file->at, head, n);
    assert_hex(file->at + n, VECTOR_PAYLOAD, N_VECTOR_PAYLOAD);
    age_free(file);
}

static void the_files_that_python_makes_come_out(void **state)
{
    struct enc_age_recipient recipients[2], passphrase;
    struct enc_age_identity counting;
    struct age_bytes file = {0};
    uint8_t secret[32];

    (void)state;
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    assert_int_equal(enc_age_x25519_identity(secret, &counting), ENC_OK);
    recipients[0] = age_recipient(0x42);
    enc_age_identity_recipient(&counting, &recipients[1]);
    age_passphrase_recipient(&passphrase, 2);

    seal_vector(recipients, 1, false, &file);
    assert_vector(&file, vector_one);
    seal_vector(recipients, 2, false, &file);
    assert_vector(&file, vector_two);
    seal_vector(&passphrase, 1, false, &file);
    assert_vector(&file, vector_passphrase);
    seal_vector(recipients, 1, true, &file);
    assert_int_equal(file.n, sizeof(vector_armored) - 1);
    assert_memory_equal(file.at, vector_armored, file.n);
    age_free(&file);
}

// The size of a file, counted with room for more than 64 bits.
static unsigned __int128 size_of(size_t n_head, bool armor, uint64_t n)
{
    unsigned __int128 n_chunks = n / ENC_AGE_CHUNK + (n % ENC_AGE_CHUNK != 0 || n == 0);
    unsigned __int128 n_binary = n + n_head + 16 * n_chunks;
    unsigned __int128 n_chars = (n_binary + 2) / 3 * 4;

    return armor ? 35 + n_chars + (n_chars + 63) / 64 + 33 : n_binary;
}

static void totals_are_exact_or_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        const bool armor = age_kinds[k].armor;
        uint64_t fits = 0, too_large = UINT64_MAX, size = 77;
        begin(k);
        while (too_large - fits > 1) {
            uint64_t n = fits + (too_large - fits) / 2;
            if (size_of(encryptor.n_head, armor, n) <= UINT64_MAX)
                fits = n;
            else
                too_large = n;
        }
        assert_false(ops->total(&encryptor.base, UINT64_MAX, &size));
        assert_false(ops->total(&encryptor.base, too_large, &size));
        assert_int_equal(size, 77);
        for (uint64_t n = fits; n > 0; n /= 3) {
            assert_true(ops->total(&encryptor.base, n, &size));
            assert_true(size == size_of(encryptor.n_head, armor, n));
        }
        ops->wipe(&encryptor.base);
    }
}

static void bounds_do_not_wrap(void **state)
{
    size_t n_out;

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(k);
        assert_int_equal(ops->bound(&encryptor.base, SIZE_MAX), SIZE_MAX);
        assert_int_equal(ops->bound(&encryptor.base, SIZE_MAX - 100), SIZE_MAX);
        assert_true(ops->bound(&encryptor.base, SIZE_MAX / 2) > SIZE_MAX / 2);
        assert_int_equal(
            enc_encryptor_update(&encryptor.base, plain, SIZE_MAX, out, SIZE_MAX, &n_out),
            ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }
}

static void the_media_type_says_whether_it_is_text(void **state)
{
    (void)state;
    begin(0);
    assert_ptr_equal(ops, &enc_age_encryptor_ops);
    assert_string_equal(ops->content_type, "application/octet-stream");
    ops->wipe(&encryptor.base);
    begin(1);
    assert_ptr_equal(ops, &enc_age_armored_encryptor_ops);
    assert_string_equal(ops->content_type, "text/plain; charset=utf-8");
    ops->wipe(&encryptor.base);
}

static void assert_latched(enum enc_status status)
{
    struct enc_kernel_item item = {0};
    size_t n = 77;
    bool is_ended = false;

    assert_int_equal(ops->prepare(&encryptor.base, plain, 1, out, ENC_FORMAT_OUT_MIN, &n, &item),
                     status);
    assert_int_equal(ops->commit(&encryptor.base, &item, &n), status);
    assert_int_equal(ops->finish(&encryptor.base, out, sizeof(out), &n, &is_ended), status);
    assert_false(is_ended);
    assert_int_equal(enc_encryptor_update(&encryptor.base, NULL, 0, out, sizeof(out), &n), status);
    assert_int_equal(n, 77);
}

static void too_little_room_is_refused_and_latches(void **state)
{
    struct enc_kernel_item item;
    size_t n;
    bool is_ended;

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(k);
        // The size is told beforehand, so that this one does no harm.
        n = ops->bound(&encryptor.base, 100) + ENC_FORMAT_OUT_MIN;
        assert_int_equal(enc_encryptor_update(&encryptor.base, plain, 100, out, n - 1, &n),
                         ENC_MISUSE);
        assert_int_equal(enc_encryptor_update(&encryptor.base, plain, 100, out, n, &n), ENC_OK);
        assert_int_equal(
            ops->prepare(&encryptor.base, plain, 1, out, ENC_FORMAT_OUT_MIN - 1, &n, &item),
            ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
        begin(k);
        assert_int_equal(ops->finish(&encryptor.base, out, ENC_FORMAT_OUT_MIN - 1, &n, &is_ended),
                         ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }
}

static void prepare(size_t n, size_t cap, enum enc_status expected)
{
    struct enc_kernel_item item;
    size_t taken;

    assert_int_equal(ops->prepare(&encryptor.base, plain, n, out, cap, &taken, &item), expected);
    if (expected == ENC_OK)
        assert_int_equal(item.op, ENC_KERNEL_NONE);
}

static void commit(enum enc_status expected)
{
    struct enc_kernel_item item = {0};
    size_t n;

    assert_int_equal(ops->commit(&encryptor.base, &item, &n), expected);
}

static void finish(enum enc_status expected, bool expected_end)
{
    bool is_ended = false;
    size_t n;

    assert_int_equal(ops->finish(&encryptor.base, out, ENC_FORMAT_OUT_MIN, &n, &is_ended),
                     expected);
    assert_int_equal(is_ended, expected_end);
}

static void calls_out_of_order_are_refused_and_latch(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(k);
        commit(ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);

        begin(k);
        prepare(5, 1000, ENC_OK);
        prepare(5, 1000, ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);

        begin(k);
        prepare(5, 1000, ENC_OK);
        finish(ENC_MISUSE, false);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);

        begin(k);
        prepare(5, 1000, ENC_OK);
        commit(ENC_OK);
        commit(ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }
}

// Of more than one room, so that the end is under way.
static void behind_the_beginning_of_the_end_nothing_more_is_taken(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(k);
        prepare(1000, sizeof(out), ENC_OK);
        commit(ENC_OK);
        finish(ENC_OK, false);
        prepare(1, 1000, ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }
}

static void a_chunk_that_is_announced_and_does_not_come_is_refused_at_the_end(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(k);
        prepare(ENC_AGE_CHUNK + 1, 1000, ENC_OK);
        commit(ENC_OK);
        finish(ENC_MISUSE, false);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }
}

static void after_its_end_an_encryptor_does_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        size_t n;
        bool is_ended;
        begin(k);
        assert_int_equal(ops->finish(&encryptor.base, out, sizeof(out), &n, &is_ended), ENC_OK);
        assert_true(is_ended);
        assert_latched(ENC_MISUSE);
    }
}

static void assert_wiped(void)
{
    const uint8_t *bytes = (const uint8_t *)&encryptor;
    size_t n = sizeof(encryptor);

    assert_null(memmem(bytes, n, seed.file_key.bytes, 8));
    assert_null(memmem(bytes, n, seed.stanzas[0], 8));
    assert_null(memmem(bytes, n, plain, 8));
    assert_null(memmem(bytes, n, plain + 990, 8));
    assert_null(encryptor.stream.aead.cipher);
    assert_true(encryptor.base.ops == &enc_age_encryptor_ops ||
                encryptor.base.ops == &enc_age_armored_encryptor_ops);
    ops = encryptor.base.ops;
}

static void a_wiped_encryptor_holds_no_secret_and_does_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        size_t n;
        bool is_ended = false;
        begin(k);
        prepare(1000, sizeof(out), ENC_OK);
        commit(ENC_OK);
        assert_non_null(memmem(&encryptor, sizeof(encryptor), plain, 1000)); // else no test
        ops->wipe(&encryptor.base);
        assert_wiped();
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
        assert_wiped();

        begin(k);
        prepare(1000, sizeof(out), ENC_OK);
        commit(ENC_OK);
        while (!is_ended)
            assert_int_equal(ops->finish(&encryptor.base, out, 300, &n, &is_ended), ENC_OK);
        assert_wiped();
    }
}

static void assert_cannot_begin(const struct enc_age_encryptor_options *options,
                                enum enc_status expected)
{
    memset(&encryptor, 0xa5, sizeof(encryptor));
    assert_int_equal(enc_age_encryptor_init(&encryptor, options), expected);
    assert_wiped();
    assert_latched(ENC_MISUSE);
    ops->wipe(&encryptor.base);
}

static void none_and_too_many_recipients_are_misuse(void **state)
{
    static struct enc_age_recipient recipients[ENC_AGE_RECIPIENTS_MAX + 1];
    struct enc_age_encryptor_options options = {
        .recipients = recipients, .n_recipients = 0, .seed = &seed, .armor = false};

    (void)state;
    for (size_t i = 0; i <= ENC_AGE_RECIPIENTS_MAX; i++)
        recipients[i] = age_recipient((uint8_t)(i + 1));
    assert_cannot_begin(&options, ENC_MISUSE);
    options.n_recipients = ENC_AGE_RECIPIENTS_MAX + 1;
    assert_cannot_begin(&options, ENC_MISUSE);
    options.n_recipients = SIZE_MAX;
    assert_cannot_begin(&options, ENC_MISUSE);
    options.armor = true;
    assert_cannot_begin(&options, ENC_MISUSE);
}

static void a_passphrase_among_others_is_misuse_wherever_it_stands(void **state)
{
    struct enc_age_recipient recipients[3];
    struct enc_age_encryptor_options options = {
        .recipients = recipients, .n_recipients = 3, .seed = &seed, .armor = false};

    (void)state;
    for (size_t at = 0; at < 3; at++) {
        for (size_t i = 0; i < 3; i++)
            recipients[i] = age_recipient((uint8_t)(i + 1));
        age_passphrase_recipient(&recipients[at], 1);
        assert_cannot_begin(&options, ENC_MISUSE);
    }
    for (size_t i = 0; i < 3; i++)
        age_passphrase_recipient(&recipients[i], 1);
    options.n_recipients = 2;
    assert_cannot_begin(&options, ENC_MISUSE);
}

// The points with which every secret is zero, of Curve25519 and its twist.
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void a_recipient_of_low_order_is_an_invalid_one_wherever_it_stands(void **state)
{
    struct enc_age_recipient recipients[3];
    struct enc_age_encryptor_options options = {
        .recipients = recipients, .n_recipients = 3, .seed = &seed, .armor = true};

    (void)state;
    for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++) {
        char text[ENC_AGE_BECH32_SIZE(3, 32)];
        uint8_t point[32];
        unhex(low_order[i], point, sizeof(point));
        enc_age_bech32_encode("age", point, sizeof(point), text);
        for (size_t k = 0; k < 3; k++)
            recipients[k] = age_recipient((uint8_t)(k + 1));
        assert_int_equal(enc_age_recipient_parse(text, sizeof(text), &recipients[i % 3]), ENC_OK);
        assert_cannot_begin(&options, ENC_INVALID_RECIPIENT);
    }
}

static void an_encryptor_that_cannot_begin_is_as_wiped(void **state)
{
    struct enc_age_encryptor_options options[AGE_N_KINDS];

    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++)
        options[k] = age_options_of(&age_kinds[k], &seed);
    enc_crypto_free();
    for (size_t k = 0; k < AGE_N_KINDS; k++)
        assert_cannot_begin(&options[k], ENC_CRYPTO_FAILED);
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

static int set_up(void **state)
{
    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_that_python_makes_come_out),
        cmocka_unit_test(totals_are_exact_or_refused),
        cmocka_unit_test(bounds_do_not_wrap),
        cmocka_unit_test(the_media_type_says_whether_it_is_text),
        cmocka_unit_test(too_little_room_is_refused_and_latches),
        cmocka_unit_test(calls_out_of_order_are_refused_and_latch),
        cmocka_unit_test(behind_the_beginning_of_the_end_nothing_more_is_taken),
        cmocka_unit_test(a_chunk_that_is_announced_and_does_not_come_is_refused_at_the_end),
        cmocka_unit_test(after_its_end_an_encryptor_does_nothing),
        cmocka_unit_test(a_wiped_encryptor_holds_no_secret_and_does_nothing),
        cmocka_unit_test(none_and_too_many_recipients_are_misuse),
        cmocka_unit_test(a_passphrase_among_others_is_misuse_wherever_it_stands),
        cmocka_unit_test(a_recipient_of_low_order_is_an_invalid_one_wherever_it_stands),
        cmocka_unit_test(an_encryptor_that_cannot_begin_is_as_wiped),
    };
    return cmocka_run_group_tests_name("age_encryptor_contract", tests, set_up, tear_down_crypto);
}
