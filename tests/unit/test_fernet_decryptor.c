// SPDX-License-Identifier: Apache-2.0
// Tests of the Fernet decryptor: what is good comes back, in any pieces, and nothing else does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drive_fernet.h"
#include "with_crypto.h"

static uint8_t plain[FERNET_PLAIN_MAX];
static struct fernet_token token, other;
static struct fernet_outcome outcome;

// The lengths that the tests of whole tokens go through: all the small ones, and those around
// pieces of the decryptor and of a network.
static size_t length_at(size_t i)
{
    static const size_t sizes[] = {12288, 16384, 24576, 65536, 131072};
    static const size_t around[] = {0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80};
    const size_t n_around = sizeof(around) / sizeof(around[0]);

    if (i <= 80)
        return i;
    i -= 81;
    if (i >= n_around * sizeof(sizes) / sizeof(sizes[0]))
        return SIZE_MAX;
    return sizes[i / n_around] + 16 - around[i % n_around];
}

static void assert_good(size_t n)
{
    assert_int_equal(outcome.verify, ENC_OK);
    assert_int_equal(outcome.open, ENC_OK);
    assert_int_equal(outcome.verified.size, n);
    assert_int_equal(outcome.verified.time, FERNET_TIME);
    assert_int_equal(outcome.n, n);
    assert_memory_equal(outcome.plain, plain, n);
}

static void assert_refused(const struct fernet_token *bad, enum enc_status status)
{
    fernet_decrypt(bad, &fernet_whole, &outcome);
    assert_int_equal(outcome.verify, status);
    assert_int_equal(outcome.n, 0);
}

static void every_length_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        fernet_make(plain, n, &token);
        fernet_decrypt(&token, &fernet_whole, &outcome);
        assert_good(n);
    }
}

static void byte_by_byte_is_the_same(void **state)
{
    const struct fernet_pieces bytewise = {{1}, 1, ENC_FORMAT_OUT_MIN};

    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        fernet_make(plain, n, &token);
        fernet_decrypt(&token, &bytewise, &outcome);
        assert_good(n);
    }
}

static void a_split_anywhere_changes_nothing(void **state)
{
    static const char *const ends[] = {"", "\n", "\r\n"};

    (void)state;
    for (size_t n = 0; n <= 80; n++) {
        fernet_make(plain, n, &token);
        size_t n_chars = token.n;
        for (size_t e = 0; e < 3; e++) {
            memcpy(token.chars + n_chars, ends[e], strlen(ends[e]));
            token.n = n_chars + strlen(ends[e]);
            for (size_t at = 0; at <= token.n; at++) {
                const struct fernet_pieces pieces = {{at, SIZE_MAX}, 2, ENC_FORMAT_OUT_MIN};
                fernet_decrypt(&token, &pieces, &outcome);
                assert_good(n);
            }
        }
    }
}

static void any_pieces_and_rooms_give_the_same(void **state)
{
    static const size_t caps[] = {ENC_FORMAT_OUT_MIN, 257, 271, 4096, 12287, 12288, 12289, 32768};

    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        const struct fernet_pieces pieces = {
            {i % 7, 1 + i * 331 % 20000, 16384 + i % 5, 1 + i % 100}, 4, caps[i % 8]};
        fernet_make(plain, n, &token);
        fernet_decrypt(&token, &pieces, &outcome);
        assert_good(n);
    }
}

static void whole_with_every_room(void **state)
{
    (void)state;
    fernet_make(plain, 1000, &token);
    for (size_t cap = ENC_FORMAT_OUT_MIN; cap < 1200; cap++) {
        const struct fernet_pieces pieces = {{SIZE_MAX}, 1, cap};
        fernet_decrypt(&token, &pieces, &outcome);
        assert_good(1000);
    }
}

static size_t value_of(uint8_t c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at ? (size_t)(at - alphabet) : SIZE_MAX;
}

static void a_bit_flipped_anywhere_is_found(void **state)
{
    size_t n_malformed = 0, n_altered = 0;

    (void)state;
    for (size_t n = 0; n < 50; n++) {
        fernet_make(plain, n, &token);
        for (size_t at = 0; at < token.n; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                token.chars[at] ^= (uint8_t)(1U << bit);
                fernet_decrypt(&token, &fernet_whole, &outcome);
                assert_true(outcome.verify == ENC_FERNET_TOKEN || outcome.verify == ENC_FERNET_MAC);
                assert_int_equal(outcome.n, 0);
                n_malformed += outcome.verify == ENC_FERNET_TOKEN;
                n_altered += outcome.verify == ENC_FERNET_MAC;
                token.chars[at] ^= (uint8_t)(1U << bit);
            }
        }
    }
    assert_true(n_malformed > 1000 && n_altered > 1000);
}

// Any other character in any place: of the alphabet, it is another token, else it is none.
static void any_other_character_is_found(void **state)
{
    (void)state;
    fernet_make(plain, 6, &token); // without padding of base64
    assert_int_equal(token.n, 100);
    for (size_t at = 0; at < token.n; at++) {
        const uint8_t was = token.chars[at];
        for (unsigned c = 0; c < 256; c++) {
            if (c == was)
                continue;
            token.chars[at] = (uint8_t)c;
            fernet_decrypt(&token, &fernet_whole, &outcome);
            // The first character and half of the second are the version. The last one has
            // unused bits.
            if (value_of((uint8_t)c) == SIZE_MAX || at == 0)
                assert_int_equal(outcome.verify, ENC_FERNET_TOKEN);
            else if (at > 1 && at < token.n - 3)
                assert_int_equal(outcome.verify, ENC_FERNET_MAC);
            assert_int_not_equal(outcome.verify, ENC_OK);
        }
        token.chars[at] = was;
    }
}

static void a_token_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 64; n++) {
        fernet_make(plain, n, &token);
        for (other = token; other.n > 0; other.n--) {
            if (other.n < token.n) {
                fernet_decrypt(&other, &fernet_whole, &outcome);
                assert_true(outcome.verify == ENC_FERNET_TOKEN || outcome.verify == ENC_FERNET_MAC);
                assert_int_equal(outcome.n, 0);
            }
        }
        other.n = 0;
        assert_refused(&other, ENC_FERNET_TOKEN);
    }
}

static void behind_a_token_is_a_line_end_or_nothing(void **state)
{
    static const struct {
        const char *end;
        bool is_good;
    } cases[] = {{"\n", true},        {"\r\n", true},    {"\r", false},   {"\n\n", false},
                 {"\r\r\n", false},   {"\r\n\n", false}, {"\n\r", false}, {"\n\r\n", false},
                 {"\r\n\r\n", false}, {" ", false},      {" \n", false},  {"\t\n", false},
                 {"=", false},        {"==", false},     {"====", false}, {"A", false},
                 {"AA==", false},     {"\n=", false},    {"A\n", false},  {"=\n", false}};

    (void)state;
    // Without padding, with one '=', with two.
    for (size_t n = 0; n < 48; n += 16) {
        fernet_make(plain, n, &token);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            other = token;
            memcpy(other.chars + other.n, cases[i].end, strlen(cases[i].end));
            other.n += strlen(cases[i].end);
            fernet_decrypt(&other, &fernet_whole, &outcome);
            if (cases[i].is_good)
                assert_good(n);
            else
                assert_int_not_equal(outcome.verify, ENC_OK);
        }
        for (unsigned c = 0; c < 256; c++) {
            other = token;
            other.chars[other.n++] = (uint8_t)c;
            fernet_decrypt(&other, &fernet_whole, &outcome);
            assert_int_equal(outcome.verify, c == '\n' ? ENC_OK : ENC_FERNET_TOKEN);
        }
    }
}

static void a_line_end_anywhere_else_is_refused(void **state)
{
    (void)state;
    fernet_make(plain, 40, &token);
    for (size_t at = 0; at < token.n; at++) {
        other.n = token.n + 1;
        memcpy(other.chars, token.chars, at);
        other.chars[at] = '\n';
        memcpy(other.chars + at + 1, token.chars + at, token.n - at);
        assert_refused(&other, ENC_FERNET_TOKEN);
    }
}

static void base64_has_to_be_canonical_and_padded(void **state)
{
    size_t n_pads[3] = {0};

    (void)state;
    for (size_t n = 0; n < 48; n += 16) {
        fernet_make(plain, n, &token);
        size_t n_pad = token.chars[token.n - 1] != '='   ? 0
                       : token.chars[token.n - 2] != '=' ? 1
                                                         : 2;
        n_pads[n_pad]++;
        if (n_pad == 0)
            continue;
        // The same bytes, but for bits that belong to none.
        other = token;
        other.chars[token.n - 1 - n_pad] += 1;
        assert_refused(&other, ENC_FERNET_TOKEN);
        other = token;
        other.n -= n_pad;
        assert_refused(&other, ENC_FERNET_TOKEN);
        other.chars[other.n++] = '\n';
        assert_refused(&other, ENC_FERNET_TOKEN);
    }
    assert_true(n_pads[0] > 0 && n_pads[1] > 0 && n_pads[2] > 0);
}

static void the_standard_alphabet_is_refused(void **state)
{
    size_t n_changed = 0;

    (void)state;
    fernet_make(plain, 5000, &token);
    for (size_t at = 0; at < token.n; at++) {
        if (value_of(token.chars[at]) < 62 || token.chars[at] == '=')
            continue;
        other = token;
        other.chars[at] = token.chars[at] == '-' ? '+' : '/';
        assert_refused(&other, ENC_FERNET_TOKEN);
        n_changed++;
    }
    assert_true(n_changed > 20);
}

static void each_half_of_another_key_is_refused(void **state)
{
    struct enc_fernet_key wrong = fernet_key;

    (void)state;
    fernet_make(plain, 100, &token);
    wrong.bytes[3] ^= 1;
    fernet_decrypt_twice(&wrong, NULL, &token, &token, &fernet_whole, &outcome);
    assert_int_equal(outcome.verify, ENC_FERNET_MAC);
    // It signs alone: a key whose other half is wrong is one that nobody has.
    wrong = fernet_key;
    wrong.bytes[16] ^= 1;
    fernet_decrypt_twice(&wrong, NULL, &token, &token, &fernet_whole, &outcome);
    assert_int_equal(outcome.verify, ENC_FERNET_PADDING);
}

static void other_lengths_are_no_token_though_signed(void **state)
{
    static uint8_t raw[200] = {0x80};

    (void)state;
    for (size_t n = 0; n < 100; n++) {
        fernet_sign(raw, n, &token);
        if (n < 25 + 16 || (n - 25) % 16 != 0)
            assert_refused(&token, ENC_FERNET_TOKEN);
        else
            assert_refused(&token, ENC_FERNET_PADDING);
    }
}

static void another_version_is_no_token_though_signed(void **state)
{
    uint8_t raw[25 + 16] = {0};

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        raw[0] = (uint8_t)version;
        fernet_sign(raw, sizeof(raw), &token);
        assert_refused(&token, version == 0x80 ? ENC_FERNET_PADDING : ENC_FERNET_TOKEN);
    }
}

// With one block, what it decrypts to is chosen by the IV.
static void padding_is_checked_strictly(void **state)
{
    static const uint8_t zeros[16];
    uint8_t raw[25 + 16] = {0x80}, *iv = raw + 9, *block = raw + 25, decrypted[16];
    struct enc_cbc cbc;

    (void)state;
    memcpy(block, "any block at all", 16);
    assert_int_equal(enc_cbc_init(&cbc, fernet_key.bytes + 16, zeros), ENC_OK);
    assert_int_equal(enc_cbc_update(&cbc, block, 16, decrypted), ENC_OK);
    enc_cbc_wipe(&cbc);
    for (unsigned value = 0; value < 256; value++) {
        const bool is_padding = value >= 1 && value <= 16;
        for (size_t wrong = 0; wrong <= 16; wrong++) { // 16: none
            for (size_t i = 0; i < 16; i++) {
                uint8_t wanted = (uint8_t)(is_padding && i + value < 16 ? 0x77 : value);
                iv[i] = decrypted[i] ^ wanted ^ (i == wrong);
            }
            fernet_sign(raw, sizeof(raw), &token);
            fernet_decrypt(&token, &fernet_whole, &outcome);
            if (is_padding && (wrong == 16 || wrong + value < 16)) {
                assert_int_equal(outcome.open, ENC_OK);
                assert_int_equal(outcome.n, 16 - value);
            } else if (wrong < 15 || wrong == 16) { // 15: another value
                assert_int_equal(outcome.verify, ENC_FERNET_PADDING);
            }
        }
    }
}

static void time_is_checked_against_the_caller_s_clock(void **state)
{
    static const struct {
        uint64_t now, ttl;
        enum enc_status status;
    } cases[] = {
        {FERNET_TIME, 0, ENC_OK},
        {FERNET_TIME + 1, 0, ENC_FERNET_EXPIRED},
        {FERNET_TIME + 60, 60, ENC_OK},
        {FERNET_TIME + 61, 60, ENC_FERNET_EXPIRED},
        {FERNET_TIME - 60, 0, ENC_OK},
        {FERNET_TIME - 61, 0, ENC_FERNET_EXPIRED},
        {FERNET_TIME - 61, UINT64_MAX, ENC_FERNET_EXPIRED},
        {UINT64_MAX, UINT64_MAX - FERNET_TIME, ENC_OK},
        {UINT64_MAX, UINT64_MAX - FERNET_TIME - 1, ENC_FERNET_EXPIRED},
        {0, UINT64_MAX, ENC_FERNET_EXPIRED},
    };

    (void)state;
    fernet_make(plain, 77, &token);
    other = token;
    fernet_alter(&other, 50);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct enc_fernet_time_limit limit = {.now = cases[i].now, .ttl = cases[i].ttl};
        fernet_decrypt_twice(&fernet_key, &limit, &token, &token, &fernet_whole, &outcome);
        assert_int_equal(outcome.verify, cases[i].status);
        // A time that is not authentic is not spoken of.
        fernet_decrypt_twice(&fernet_key, &limit, &other, &other, &fernet_whole, &outcome);
        assert_int_equal(outcome.verify, ENC_FERNET_MAC);
    }
}

static int set_up(void **state)
{
    fernet_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(byte_by_byte_is_the_same),
        cmocka_unit_test(a_split_anywhere_changes_nothing),
        cmocka_unit_test(any_pieces_and_rooms_give_the_same),
        cmocka_unit_test(whole_with_every_room),
        cmocka_unit_test(a_bit_flipped_anywhere_is_found),
        cmocka_unit_test(any_other_character_is_found),
        cmocka_unit_test(a_token_cut_off_anywhere_is_refused),
        cmocka_unit_test(behind_a_token_is_a_line_end_or_nothing),
        cmocka_unit_test(a_line_end_anywhere_else_is_refused),
        cmocka_unit_test(base64_has_to_be_canonical_and_padded),
        cmocka_unit_test(the_standard_alphabet_is_refused),
        cmocka_unit_test(each_half_of_another_key_is_refused),
        cmocka_unit_test(other_lengths_are_no_token_though_signed),
        cmocka_unit_test(another_version_is_no_token_though_signed),
        cmocka_unit_test(padding_is_checked_strictly),
        cmocka_unit_test(time_is_checked_against_the_caller_s_clock),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
