// SPDX-License-Identifier: Apache-2.0
// What the reader of an age header finds in it, and that the writer writes what was read; the MAC.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age_header.h"
#include "with_crypto.h"

#define V1 "age-encryption.org/v1\n"

static uint8_t storage[ENC_AGE_HEADER_MAX];
static uint8_t written[ENC_AGE_HEADER_MAX];
static uint8_t body[ENC_AGE_HEADER_MAX];

static const struct enc_age_file_key file_key = {{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                                  0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}};

static void read_text(struct enc_age_header_reader *reader, const uint8_t *text, size_t n)
{
    size_t n_taken;
    bool is_whole;

    enc_age_header_reader_init(reader, storage);
    assert_int_equal(enc_age_header_read(reader, text, n, &n_taken, &is_whole), ENC_OK);
    assert_true(is_whole);
    assert_int_equal(n_taken, n);
}

static void assert_slice(struct enc_age_slice slice, const char *expected)
{
    assert_int_equal(slice.n, strlen(expected));
    assert_memory_equal(slice.at, expected, slice.n);
}

// Writes all stanzas of a header and its MAC again.
static void write_again(const struct enc_age_header_reader *reader,
                        struct enc_age_header_writer *writer)
{
    struct enc_age_stanza stanza;

    enc_age_header_begin(writer, written, sizeof(written));
    for (size_t at = 0; enc_age_header_next(reader, &at, &stanza);) {
        assert_true(stanza.n_body <= sizeof(body));
        assert_true(enc_age_stanza_body(&stanza, body, stanza.n_body));
        enc_age_header_add(writer, stanza.args, stanza.n_args, body, stanza.n_body);
    }
    assert_int_equal(enc_age_header_end(writer, reader->mac), ENC_OK);
}

static void the_stanzas_come_one_after_the_other(void **state)
{
    static const char text[] =
        V1 "-> X25519 share\nYm9keQ\n"
           "-> one two 3 ---\n\n"
           "-> z\n"
           "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\n"
           "MA\n"
           "--- AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    struct enc_age_header_reader reader;
    struct enc_age_stanza stanza;
    size_t at = 0;

    (void)state;
    read_text(&reader, (const uint8_t *)text, sizeof(text) - 1);
    assert_int_equal(reader.n_stanzas, 3);
    assert_true(enc_age_header_next(&reader, &at, &stanza));
    assert_int_equal(stanza.n_args, 2);
    assert_slice(stanza.args[0], "X25519");
    assert_slice(stanza.args[1], "share");
    assert_int_equal(stanza.n_body, 4);
    assert_true(enc_age_stanza_body(&stanza, body, 4));
    assert_memory_equal(body, "body", 4);

    assert_true(enc_age_header_next(&reader, &at, &stanza));
    assert_int_equal(stanza.n_args, 4);
    assert_slice(stanza.args[3], "---");
    assert_int_equal(stanza.n_body, 0);
    assert_true(enc_age_stanza_body(&stanza, body, 0));

    assert_true(enc_age_header_next(&reader, &at, &stanza));
    assert_int_equal(stanza.n_args, 1);
    assert_int_equal(stanza.n_body, 49);
    assert_true(enc_age_stanza_body(&stanza, body, 49));
    assert_memory_equal(body, "0123456789abcdef0123456789abcdef0123456789abcdef0", 49);
    for (int i = 0; i < 3; i++)
        assert_false(enc_age_header_next(&reader, &at, &stanza));
}

static void a_body_is_asked_for_by_its_length(void **state)
{
    static const char text[] = V1 "-> a\nYm9keQ\n--- AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    struct enc_age_header_reader reader;
    struct enc_age_stanza stanza;
    size_t at = 0;

    (void)state;
    read_text(&reader, (const uint8_t *)text, sizeof(text) - 1);
    assert_true(enc_age_header_next(&reader, &at, &stanza));
    for (size_t n = 0; n < 100; n++)
        assert_int_equal(enc_age_stanza_body(&stanza, body, n), n == 4);
}

static void bodies_of_every_length_are_read_as_they_were_written(void **state)
{
    static const struct enc_age_slice args[] = {{"type", 4}, {"~!", 2}};
    static const uint8_t mac[ENC_AGE_MAC] = {1, 2, 3};
    static uint8_t bytes[300];
    struct enc_age_header_writer writer;
    struct enc_age_header_reader reader;
    struct enc_age_stanza stanza;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        size_t at = 0;
        enc_age_header_begin(&writer, written, sizeof(written));
        enc_age_header_add(&writer, args, 2, bytes, n);
        enc_age_header_add(&writer, args, 1, bytes, n / 2);
        assert_int_equal(enc_age_header_end(&writer, mac), ENC_OK);
        read_text(&reader, written, writer.n);
        assert_memory_equal(reader.mac, mac, sizeof(mac));
        assert_true(enc_age_header_next(&reader, &at, &stanza));
        assert_int_equal(stanza.n_body, n);
        assert_true(enc_age_stanza_body(&stanza, body, n));
        assert_memory_equal(body, bytes, n);
        assert_true(enc_age_header_next(&reader, &at, &stanza));
        assert_true(enc_age_stanza_body(&stanza, body, n / 2));
        assert_memory_equal(body, bytes, n / 2);
        assert_false(enc_age_header_next(&reader, &at, &stanza));
        write_again(&reader, &writer);
        assert_int_equal(writer.n, reader.n);
        assert_memory_equal(written, storage, reader.n);
    }
}

// Made with Python's cryptography.
static const char signed_text[] = V1 "-> type\nYm9keQ\n"
                                     "--- kZtqx4iUUh3yOFJ6EHntxKbb+7GwWQHDKguuR0mW7g8\n";

static void sign(struct enc_age_header_writer *writer, size_t cap)
{
    static const struct enc_age_slice args[] = {{"type", 4}};

    enc_age_header_begin(writer, written, cap);
    enc_age_header_add(writer, args, 1, (const uint8_t *)"body", 4);
}

static void a_signed_header_is_the_one_that_python_makes(void **state)
{
    struct enc_age_header_writer writer;

    (void)state;
    sign(&writer, sizeof(written));
    assert_int_equal(enc_age_header_sign(&writer, &file_key), ENC_OK);
    assert_int_equal(writer.n, sizeof(signed_text) - 1);
    assert_memory_equal(written, signed_text, writer.n);
}

static void a_header_is_verified_with_its_own_file_key_alone(void **state)
{
    struct enc_age_header_reader reader;

    (void)state;
    read_text(&reader, (const uint8_t *)signed_text, sizeof(signed_text) - 1);
    assert_int_equal(enc_age_header_verify(&reader, &file_key), ENC_OK);
    for (size_t i = 0; i < 8 * sizeof(file_key.bytes); i++) {
        struct enc_age_file_key other = file_key;
        other.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(enc_age_header_verify(&reader, &other), ENC_AGE_HEADER_MAC);
    }
}

static void a_header_with_another_mac_or_text_is_not_verified(void **state)
{
    struct enc_age_header_reader reader;

    (void)state;
    read_text(&reader, (const uint8_t *)signed_text, sizeof(signed_text) - 1);
    for (size_t i = 0; i < 8 * ENC_AGE_MAC; i++) {
        reader.mac[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(enc_age_header_verify(&reader, &file_key), ENC_AGE_HEADER_MAC);
        reader.mac[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < reader.n_signed; i++) {
        storage[i] ^= 1;
        assert_int_equal(enc_age_header_verify(&reader, &file_key), ENC_AGE_HEADER_MAC);
        storage[i] ^= 1;
    }
    assert_int_equal(enc_age_header_verify(&reader, &file_key), ENC_OK);
}

static void too_little_room_latches(void **state)
{
    const size_t n = sizeof(signed_text) - 1;
    struct enc_age_header_writer writer;

    (void)state;
    for (size_t cap = 0; cap <= n + 1; cap++) {
        memset(written, '!', sizeof(written));
        sign(&writer, cap);
        enum enc_status st = enc_age_header_sign(&writer, &file_key);
        assert_int_equal(st, cap < n ? ENC_MISUSE : ENC_OK);
        assert_true(writer.n <= cap);
        assert_int_equal(written[cap], '!');
        assert_int_equal(enc_age_header_end(&writer, storage), ENC_MISUSE);
    }
}

// Room for the short end of what did not fit in the middle does not make the header whole.
static void what_fits_later_does_not_unlatch(void **state)
{
    static const char long_argument[100] = "";
    static const struct enc_age_slice args[] = {{"type", 4},
                                                {long_argument, sizeof(long_argument)}};
    static const uint8_t mac[ENC_AGE_MAC];
    struct enc_age_header_writer writer;

    (void)state;
    enc_age_header_begin(&writer, written, 100);
    enc_age_header_add(&writer, args, 2, mac, 0);
    assert_int_equal(writer.status, ENC_MISUSE);
    assert_int_equal(enc_age_header_end(&writer, mac), ENC_MISUSE);
    enc_age_header_begin(&writer, written, 100);
    enc_age_header_add(&writer, args, 2, mac, 0);
    assert_int_equal(enc_age_header_sign(&writer, &file_key), ENC_MISUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stanzas_come_one_after_the_other),
        cmocka_unit_test(a_body_is_asked_for_by_its_length),
        cmocka_unit_test(bodies_of_every_length_are_read_as_they_were_written),
        cmocka_unit_test(a_signed_header_is_the_one_that_python_makes),
        cmocka_unit_test(a_header_is_verified_with_its_own_file_key_alone),
        cmocka_unit_test(a_header_with_another_mac_or_text_is_not_verified),
        cmocka_unit_test(too_little_room_latches),
        cmocka_unit_test(what_fits_later_does_not_unlatch),
    };
    return cmocka_run_group_tests_name("age_header_write", tests, set_up_crypto, tear_down_crypto);
}
