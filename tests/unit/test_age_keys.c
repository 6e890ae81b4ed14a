// SPDX-License-Identifier: Apache-2.0
// The keys of age: identities, recipients and passphrases, as they are read and written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enc_age.h"
#include "enc_age_bech32.h"
#include "hex.h"
#include "with_crypto.h"

// The examples of the specification ("The X25519 recipient type"): the identity of 32 times 0x42.
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
#define RECIPIENT_HEX "132c442be010fbd57e72603328aa76e71fccc1503aae219327d14d9c9993f472"

static struct enc_age_identity identity, identity_before;
static struct enc_age_recipient recipient, recipient_before;

static enum enc_status parse_identity(const char *text, size_t n)
{
    enum enc_status st = enc_age_identity_parse(text, n, &identity);

    if (st != ENC_OK)
        assert_memory_equal(&identity, &identity_before, sizeof(identity));
    return st;
}

static enum enc_status parse_recipient(const char *text, size_t n)
{
    enum enc_status st = enc_age_recipient_parse(text, n, &recipient);

    if (st != ENC_OK)
        assert_memory_equal(&recipient, &recipient_before, sizeof(recipient));
    return st;
}

// What a function that fails has to leave as it is.
static int spoil(void **state)
{
    (void)state;
    memset(&identity, 0xa5, sizeof(identity));
    memset(&recipient, 0xa5, sizeof(recipient));
    identity_before = identity;
    recipient_before = recipient;
    return 0;
}

static void the_identity_of_the_specification_has_its_recipient(void **state)
{
    struct enc_age_key_text text;

    (void)state;
    assert_int_equal(parse_identity(IDENTITY, strlen(IDENTITY)), ENC_OK);
    memset(&text, 0xa5, sizeof(text));
    enc_age_identity_text(&identity, &text);
    assert_string_equal(text.chars, IDENTITY);
    assert_int_equal(text.n_chars, strlen(IDENTITY));

    enc_age_identity_recipient(&identity, &recipient);
    memset(&text, 0xa5, sizeof(text));
    enc_age_recipient_text(&recipient, &text);
    assert_string_equal(text.chars, RECIPIENT);
    assert_int_equal(text.n_chars, strlen(RECIPIENT));
    assert_int_equal(recipient.n_bytes, 32);
    assert_hex(recipient.bytes, RECIPIENT_HEX, 32);
}

static void the_recipient_of_the_specification_is_read(void **state)
{
    struct enc_age_key_text text;

    (void)state;
    assert_int_equal(parse_recipient(RECIPIENT, strlen(RECIPIENT)), ENC_OK);
    assert_int_equal(recipient.n_bytes, 32);
    assert_hex(recipient.bytes, RECIPIENT_HEX, 32);
    enc_age_recipient_text(&recipient, &text);
    assert_string_equal(text.chars, RECIPIENT);
}

static void an_identity_of_bytes_is_the_one_of_their_text(void **state)
{
    struct enc_age_identity from_bytes;
    uint8_t secret[32];

    (void)state;
    memset(secret, 0x42, sizeof(secret));
    memset(&from_bytes, 0xa5, sizeof(from_bytes));
    assert_int_equal(enc_age_x25519_identity(secret, &from_bytes), ENC_OK);
    assert_int_equal(parse_identity(IDENTITY, strlen(IDENTITY)), ENC_OK);
    assert_ptr_equal(from_bytes.type, identity.type);
    assert_int_equal(from_bytes.n_bytes, identity.n_bytes);
    assert_memory_equal(from_bytes.bytes, identity.bytes, sizeof(identity.bytes));
}

static void any_32_bytes_survive_as_text(void **state)
{
    struct enc_age_identity from_bytes;
    struct enc_age_recipient from_identity;
    struct enc_age_key_text text;
    uint8_t secret[32];

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        memset(secret, (int)i, sizeof(secret));
        secret[i % 32] ^= 0x55;
        assert_int_equal(enc_age_x25519_identity(secret, &from_bytes), ENC_OK);
        enc_age_identity_text(&from_bytes, &text);
        assert_int_equal(parse_identity(text.chars, text.n_chars), ENC_OK);
        assert_memory_equal(identity.bytes, from_bytes.bytes, from_bytes.n_bytes);
        enc_age_identity_recipient(&from_bytes, &from_identity);
        enc_age_recipient_text(&from_identity, &text);
        spoil(NULL);
        assert_int_equal(parse_recipient(text.chars, text.n_chars), ENC_OK);
        assert_memory_equal(recipient.bytes, from_identity.bytes, 32);
    }
}

// The keys of the specification's other types, and what people confuse with a key.
static const char *const neither[] = {
    "",
    " ",
    "1",
    "age",
    "age1",
    "AGE-SECRET-KEY-",
    "AGE-SECRET-KEY-1",
    "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR",
    "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e",
    "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
    "AGE-PLUGIN-YUBIKEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    "age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg87pzf5zrqtzdxz95p",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
    "correct horse battery staple",
    "# public key: " RECIPIENT,
    " " RECIPIENT,
    RECIPIENT " ",
    RECIPIENT "\n",
    RECIPIENT "\r\n",
    " " IDENTITY,
    IDENTITY "\n",
    RECIPIENT RECIPIENT,
    RECIPIENT "q",
    IDENTITY "Q",
    // In the other case, and in both.
    "AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ",
    "Age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwJ",
    "age1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ",
    "age-secret-key-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex",
    "AGE-SECRET-KEY-1gfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpyysjzgfpq4egaex",
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEx",
};

static void what_is_no_key_is_refused_as_either(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
        size_t n = strlen(neither[i]);
        if (parse_identity(neither[i], n) != ENC_INVALID_IDENTITY)
            fail_msg("taken as an identity: \"%s\"", neither[i]);
        if (parse_recipient(neither[i], n) != ENC_INVALID_RECIPIENT)
            fail_msg("taken as a recipient: \"%s\"", neither[i]);
    }
}

static void an_identity_is_no_recipient_and_a_recipient_no_identity(void **state)
{
    (void)state;
    assert_int_equal(parse_identity(RECIPIENT, strlen(RECIPIENT)), ENC_INVALID_IDENTITY);
    assert_int_equal(parse_recipient(IDENTITY, strlen(IDENTITY)), ENC_INVALID_RECIPIENT);
}

static void a_key_that_is_cut_off_or_altered_is_refused(void **state)
{
    static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    char text[] = RECIPIENT;
    char secret[] = IDENTITY;

    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++)
        assert_int_equal(parse_recipient(text, n), ENC_INVALID_RECIPIENT);
    for (size_t n = 0; n < sizeof(secret) - 1; n++)
        assert_int_equal(parse_identity(secret, n), ENC_INVALID_IDENTITY);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (const char *c = letters; *c; c++) {
            const char was = text[i];
            if (*c == was)
                continue;
            text[i] = *c;
            assert_int_equal(parse_recipient(text, sizeof(text) - 1), ENC_INVALID_RECIPIENT);
            text[i] = was;
        }
    }
    for (size_t i = 0; i < sizeof(secret) - 1; i++) {
        const char was = secret[i];
        secret[i] = was == 'Q' ? 'P' : 'Q';
        assert_int_equal(parse_identity(secret, sizeof(secret) - 1), ENC_INVALID_IDENTITY);
        secret[i] = was;
    }
}

// Well-formed, of the point zero: with it every shared secret is zero.
#define LOW_ORDER "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"

static void a_recipient_that_nobody_can_be_is_found_out_by_trying(void **state)
{
    (void)state;
    assert_int_equal(parse_recipient(RECIPIENT, strlen(RECIPIENT)), ENC_OK);
    assert_int_equal(enc_age_recipient_try(&recipient), ENC_OK);
    assert_int_equal(parse_recipient(LOW_ORDER, strlen(LOW_ORDER)), ENC_OK);
    assert_int_equal(enc_age_recipient_try(&recipient), ENC_INVALID_RECIPIENT);
    assert_int_equal(enc_age_passphrase_recipient("p", 1, 1, &recipient), ENC_OK);
    assert_int_equal(enc_age_recipient_try(&recipient), ENC_OK);
}

// X25519 takes them, and comes to the point of another text; no identity has one of these.
static void a_recipient_is_written_as_x25519_writes_it(void **state)
{
    char text[ENC_AGE_BECH32_SIZE(3, 32)];
    uint8_t point[32];

    memset(point, 0xff, sizeof(point));
    point[31] = 0x7f;
    for (unsigned i = 0; i < 256; i++) {                                      // 2^255 - 256 and up
        enum enc_status expected = i < 0xed ? ENC_OK : ENC_INVALID_RECIPIENT; // 2^255 - 19
        point[0] = (uint8_t)i;
        enc_age_bech32_encode("age", point, sizeof(point), text);
        spoil(state);
        assert_int_equal(parse_recipient(text, sizeof(text)), expected);
    }
    for (unsigned top = 0; top < 256; top++) {
        memset(point, 9, sizeof(point));
        point[31] = (uint8_t)top;
        enc_age_bech32_encode("age", point, sizeof(point), text);
        spoil(state);
        assert_int_equal(parse_recipient(text, sizeof(text)),
                         top < 0x80 ? ENC_OK : ENC_INVALID_RECIPIENT);
    }
}

// The length counts, not a NUL.
static void a_nul_inside_is_no_end(void **state)
{
    (void)state;
    assert_int_equal(parse_recipient(RECIPIENT, sizeof(RECIPIENT)), ENC_INVALID_RECIPIENT);
    assert_int_equal(parse_identity(IDENTITY, sizeof(IDENTITY)), ENC_INVALID_IDENTITY);
}

static void a_passphrase_has_1_to_256_bytes(void **state)
{
    char passphrase[ENC_AGE_PASSPHRASE_MAX + 2];

    (void)state;
    memset(passphrase, 'p', sizeof(passphrase));
    for (size_t n = 0; n <= sizeof(passphrase); n++) {
        enum enc_status expected = n == 0                        ? ENC_MISUSE
                                   : n <= ENC_AGE_PASSPHRASE_MAX ? ENC_OK
                                                                 : ENC_TOO_LARGE;
        spoil(NULL);
        assert_int_equal(enc_age_passphrase_identity(passphrase, n, 18, &identity), expected);
        assert_int_equal(enc_age_passphrase_recipient(passphrase, n, 18, &recipient), expected);
        if (expected != ENC_OK) {
            assert_memory_equal(&identity, &identity_before, sizeof(identity));
            assert_memory_equal(&recipient, &recipient_before, sizeof(recipient));
            continue;
        }
        assert_int_equal(identity.n_bytes, n);
        assert_int_equal(recipient.n_bytes, n);
        assert_memory_equal(identity.bytes, passphrase, n);
        assert_memory_equal(recipient.bytes, passphrase, n);
        assert_int_equal(identity.work_factor_max, 18);
        assert_int_equal(recipient.work_factor, 18);
    }
}

static void a_passphrase_may_have_any_bytes(void **state)
{
    (void)state;
    assert_int_equal(enc_age_passphrase_identity("a\0b\xff", 4, 1, &identity), ENC_OK);
    assert_int_equal(identity.n_bytes, 4);
    assert_memory_equal(identity.bytes, "a\0b\xff", 4);
}

static void a_work_factor_is_1_to_30(void **state)
{
    static const unsigned far_off[] = {31, 32, 63, 64, 100, 255, 256, 1u << 16, ~0u};

    (void)state;
    for (unsigned i = 1; i <= 30; i++) {
        assert_int_equal(enc_age_passphrase_identity("p", 1, i, &identity), ENC_OK);
        assert_int_equal(enc_age_passphrase_recipient("p", 1, i, &recipient), ENC_OK);
        assert_int_equal(identity.work_factor_max, i);
        assert_int_equal(recipient.work_factor, i);
    }
    assert_int_equal(enc_age_passphrase_identity("p", 1, 0, &identity), ENC_OK);
    assert_int_equal(identity.work_factor_max, 18); // unless said otherwise
    spoil(NULL);
    assert_int_equal(enc_age_passphrase_recipient("p", 1, 0, &recipient), ENC_MISUSE);
    for (size_t i = 0; i < sizeof(far_off) / sizeof(far_off[0]); i++) {
        assert_int_equal(enc_age_passphrase_identity("p", 1, far_off[i], &identity), ENC_MISUSE);
        assert_int_equal(enc_age_passphrase_recipient("p", 1, far_off[i], &recipient), ENC_MISUSE);
    }
    assert_memory_equal(&identity, &identity_before, sizeof(identity));
    assert_memory_equal(&recipient, &recipient_before, sizeof(recipient));
}

static void without_libcrypto_an_identity_cannot_be_made(void **state)
{
    uint8_t secret[32] = {1};

    (void)state;
    enc_crypto_free();
    assert_int_equal(parse_identity(IDENTITY, strlen(IDENTITY)), ENC_CRYPTO_FAILED);
    assert_int_equal(enc_age_x25519_identity(secret, &identity), ENC_CRYPTO_FAILED);
    assert_memory_equal(&identity, &identity_before, sizeof(identity));
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_identity_of_the_specification_has_its_recipient, spoil),
        cmocka_unit_test_setup(the_recipient_of_the_specification_is_read, spoil),
        cmocka_unit_test_setup(an_identity_of_bytes_is_the_one_of_their_text, spoil),
        cmocka_unit_test_setup(any_32_bytes_survive_as_text, spoil),
        cmocka_unit_test_setup(what_is_no_key_is_refused_as_either, spoil),
        cmocka_unit_test_setup(an_identity_is_no_recipient_and_a_recipient_no_identity, spoil),
        cmocka_unit_test_setup(a_key_that_is_cut_off_or_altered_is_refused, spoil),
        cmocka_unit_test_setup(a_recipient_that_nobody_can_be_is_found_out_by_trying, spoil),
        cmocka_unit_test_setup(a_recipient_is_written_as_x25519_writes_it, spoil),
        cmocka_unit_test_setup(a_nul_inside_is_no_end, spoil),
        cmocka_unit_test_setup(a_passphrase_has_1_to_256_bytes, spoil),
        cmocka_unit_test_setup(a_passphrase_may_have_any_bytes, spoil),
        cmocka_unit_test_setup(a_work_factor_is_1_to_30, spoil),
        cmocka_unit_test_setup(without_libcrypto_an_identity_cannot_be_made, spoil),
    };
    return cmocka_run_group_tests_name("age_keys", tests, set_up_crypto, tear_down_crypto);
}
