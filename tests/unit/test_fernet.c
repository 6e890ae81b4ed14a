// SPDX-License-Identifier: Apache-2.0
// Tests of the Fernet encryptor, against the specification's vector and a plain
// reference made here.
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu_levels.h"
#include "enc_fernet.h"
#include "with_crypto.h"

#define N_MAX 65537
#define TOKEN_MAX (2 * N_MAX)
#define TIME 0x0123456789abcdefU

static const struct enc_encryptor_ops *const ops = &enc_fernet_encryptor_ops;

static const struct enc_fernet_key key = {{"sign with this..encrypt with it."}};
static const uint8_t iv[16] = {0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};

static uint8_t plain[N_MAX];

struct token {
    uint8_t chars[TOKEN_MAX];
    size_t n;
};

// The token of the first n bytes of `plain`, made at once by OpenSSL.
static void reference(size_t n, struct token *ret_token)
{
    static uint8_t raw[TOKEN_MAX];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n_body, n_end;
    size_t n_raw;

    raw[0] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        raw[1 + i] = (uint8_t)(TIME >> 8 * (7 - i));
    memcpy(raw + 9, iv, sizeof(iv));
    assert_true(EVP_EncryptInit_ex2(context, EVP_aes_128_cbc(), key.bytes + 16, iv, NULL));
    assert_true(EVP_EncryptUpdate(context, raw + 25, &n_body, plain, (int)n));
    assert_true(EVP_EncryptFinal_ex(context, raw + 25 + n_body, &n_end));
    EVP_CIPHER_CTX_free(context);
    n_raw = (size_t)(25 + n_body + n_end);
    HMAC(EVP_sha256(), key.bytes, 16, raw, n_raw, raw + n_raw, NULL);
    n_raw += 32;

    ret_token->n = (size_t)EVP_EncodeBlock(ret_token->chars, raw, (int)n_raw);
    for (size_t i = 0; i < ret_token->n; i++) {
        if (ret_token->chars[i] == '+')
            ret_token->chars[i] = '-';
        else if (ret_token->chars[i] == '/')
            ret_token->chars[i] = '_';
    }
}

static void begin(struct enc_fernet_encryptor *encryptor)
{
    // What was in its storage does not matter.
    memset(encryptor, 0xa5, sizeof(*encryptor));
    assert_int_equal(enc_fernet_encryptor_init(encryptor, &key, TIME, iv), ENC_OK);
    assert_ptr_equal(encryptor->base.ops, ops);
}

static void append(struct enc_fernet_encryptor *encryptor, const uint8_t *in, size_t n,
                   struct token *token)
{
    size_t n_out, cap = ops->bound(&encryptor->base, n) + ENC_FORMAT_OUT_MIN;

    assert_true(cap <= TOKEN_MAX - token->n);
    assert_int_equal(
        enc_encryptor_update(&encryptor->base, in, n, token->chars + token->n, cap, &n_out),
        ENC_OK);
    assert_true(n_out <= ops->bound(&encryptor->base, n));
    token->n += n_out;
}

// prepare, run and commit with this room; checks that what lies behind it stays untouched.
static size_t append_within(struct enc_fernet_encryptor *encryptor, const uint8_t *in, size_t n,
                            size_t cap, struct token *token)
{
    uint8_t *out = token->chars + token->n;
    struct enc_kernel_item item, *items[] = {&item};
    size_t taken, n_out;

    assert_true(cap <= TOKEN_MAX - token->n - 1);
    out[cap] = '!';
    assert_int_equal(ops->prepare(&encryptor->base, in, n, out, cap, &taken, &item), ENC_OK);
    assert_true(taken <= n && (taken > 0 || n == 0));
    enc_kernel_run(items, 1);
    assert_int_equal(ops->commit(&encryptor->base, &item, &n_out), ENC_OK);
    assert_true(n_out <= cap);
    assert_int_equal(out[cap], '!');
    token->n += n_out;
    return taken;
}

static void end(struct enc_fernet_encryptor *encryptor, size_t n, struct token *token)
{
    uint8_t *out = token->chars + token->n;
    uint64_t size;
    size_t n_out;
    bool is_ended = false;

    memset(out, '!', ENC_FORMAT_OUT_MIN + 1);
    assert_true(ops->total(&encryptor->base, n, &size));
    assert_int_equal(ops->finish(&encryptor->base, out, ENC_FORMAT_OUT_MIN, &n_out, &is_ended),
                     ENC_OK);
    assert_true(is_ended && n_out <= ENC_FORMAT_OUT_MIN);
    assert_int_equal(out[n_out], '!');
    token->n += n_out;
    assert_int_equal(token->n, size);
}

static void assert_same(const struct token *token, const struct token *expected)
{
    assert_int_equal(token->n, expected->n);
    assert_memory_equal(token->chars, expected->chars, expected->n);
}

// The lengths that the tests of whole tokens go through: all the small ones, and those around
// blocks and chunks.
static size_t length_at(size_t i)
{
    static const size_t large[] = {255,   256,   257,   4095,  4096,  4097,  12271, 12272, 12273,
                                   12287, 12288, 12289, 12290, 12303, 12304, 12305, 24575, 24576,
                                   24577, 36863, 36864, 36865, 65535, 65536, 65537};

    if (i <= 80)
        return i;
    return i - 81 < sizeof(large) / sizeof(large[0]) ? large[i - 81] : SIZE_MAX;
}

static struct enc_fernet_encryptor encryptor;
static struct token token, expected;

// generate.json of the specification.
static void the_vector_of_the_specification_comes_out(void **state)
{
    static const char secret[] = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    static const char vector[] =
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhu"
        "VUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    static const uint8_t counting[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct enc_fernet_key vector_key;

    (void)state;
    assert_int_equal(enc_fernet_key_parse(secret, strlen(secret), &vector_key), ENC_OK);
    assert_int_equal(enc_fernet_encryptor_init(&encryptor, &vector_key, 499162800, counting),
                     ENC_OK);
    token.n = 0;
    append(&encryptor, (const uint8_t *)"hello", 5, &token);
    end(&encryptor, 5, &token);
    assert_int_equal(token.n, strlen(vector));
    assert_memory_equal(token.chars, vector, token.n);
}

static void every_length_gives_the_reference_s_token(void **state)
{
    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        reference(n, &expected);
        begin(&encryptor);
        token.n = 0;
        append(&encryptor, plain, n, &token);
        end(&encryptor, n, &token);
        assert_same(&token, &expected);
    }
}

static void no_update_at_all_is_an_empty_file(void **state)
{
    (void)state;
    reference(0, &expected);
    begin(&encryptor);
    token.n = 0;
    end(&encryptor, 0, &token);
    assert_same(&token, &expected);
}

static void a_split_anywhere_changes_nothing(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 80; n++) {
        reference(n, &expected);
        for (size_t at = 0; at <= n; at++) {
            begin(&encryptor);
            token.n = 0;
            append(&encryptor, plain, at, &token);
            append(&encryptor, plain + at, n - at, &token);
            end(&encryptor, n, &token);
            assert_same(&token, &expected);
        }
    }
}

static void byte_by_byte_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        reference(n, &expected);
        begin(&encryptor);
        token.n = 0;
        for (size_t at = 0; at < n; at++)
            append(&encryptor, plain + at, 1, &token);
        end(&encryptor, n, &token);
        assert_same(&token, &expected);
    }
}

static void any_room_gives_the_same_and_is_never_passed(void **state)
{
    (void)state;
    for (size_t i = 0, n; (n = length_at(i)) != SIZE_MAX; i++) {
        // A different small room for each length, and rooms around a chunk's text.
        const size_t caps[] = {ENC_FORMAT_OUT_MIN,
                               ENC_FORMAT_OUT_MIN + 1 + i % 70,
                               16383,
                               16384,
                               16385,
                               16420 + i % 40,
                               32768};

        reference(n, &expected);
        for (size_t c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
            size_t done = 0;
            begin(&encryptor);
            token.n = 0;
            // Begins in the middle of a block, so that rooms meet all of partial's fillings.
            if (n > c)
                done = append_within(&encryptor, plain, c, caps[c], &token);
            while (done < n)
                done += append_within(&encryptor, plain + done, n - done, caps[c], &token);
            end(&encryptor, n, &token);
            assert_same(&token, &expected);
        }
    }
}

static void random_pieces_and_rooms_give_the_same(void **state)
{
    (void)state;
    srand(4);
    for (int round = 0; round < 600; round++) {
        size_t n = (size_t)rand() % (N_MAX + 1), done = 0;
        int spread = 1 << rand() % 17;

        reference(n, &expected);
        begin(&encryptor);
        token.n = 0;
        while (done < n) {
            size_t n_piece = (size_t)(rand() % spread), cap = (size_t)(rand() % (2 * spread));
            n_piece = n_piece < n - done ? n_piece : n - done;
            cap = cap < TOKEN_MAX / 4 ? cap + ENC_FORMAT_OUT_MIN : ENC_FORMAT_OUT_MIN;
            if (n_piece == 0)
                n_piece = 1;
            done += append_within(&encryptor, plain + done, n_piece, cap, &token);
        }
        end(&encryptor, n, &token);
        assert_same(&token, &expected);
    }
}

static void a_chunk_needs_one_item_only(void **state)
{
    struct enc_kernel_item item;
    static uint8_t out[32768];
    size_t taken;

    (void)state;
    begin(&encryptor);
    assert_int_equal(ops->prepare(&encryptor.base, plain, N_MAX, out, sizeof(out), &taken, &item),
                     ENC_OK);
    assert_int_equal(taken, ENC_FERNET_CHUNK);
    assert_int_equal(item.op, ENC_KERNEL_ENCRYPT_HASH);
    assert_ptr_equal(item.in, plain);
    assert_int_equal(item.n, ENC_FERNET_CHUNK);
    ops->wipe(&encryptor.base);
}

static void totals_are_exact_or_refused(void **state)
{
    // The largest total that is below 2^64: of 4 * floor((2^64 - 1) / 4) characters.
    const uint64_t largest_raw = UINT64_MAX / 4 * 3, largest = (largest_raw - 73) / 16 * 16 + 15;
    uint64_t size = 1;

    (void)state;
    assert_true(ops->total(&encryptor.base, 0, &size));
    assert_int_equal(size, 100);
    assert_true(ops->total(&encryptor.base, (uint64_t)1 << 40, &size));
    assert_int_equal(size, 4 * ((((uint64_t)1 << 40) + 73 + 2) / 3));
    assert_true(ops->total(&encryptor.base, largest, &size));
    assert_int_equal(size, (largest / 16 * 16 + 73 + 2) / 3 * 4);
    size = 1;
    assert_false(ops->total(&encryptor.base, largest + 1, &size));
    assert_false(ops->total(&encryptor.base, UINT64_MAX - 73, &size));
    assert_false(ops->total(&encryptor.base, UINT64_MAX, &size));
    assert_int_equal(size, 1);
}

static void bounds_do_not_wrap(void **state)
{
    size_t n_out;

    (void)state;
    assert_int_equal(ops->bound(&encryptor.base, SIZE_MAX), SIZE_MAX);
    assert_true(ops->bound(&encryptor.base, SIZE_MAX / 2) > SIZE_MAX / 2);
    begin(&encryptor);
    assert_int_equal(
        enc_encryptor_update(&encryptor.base, plain, SIZE_MAX, token.chars, SIZE_MAX, &n_out),
        ENC_MISUSE);
    ops->wipe(&encryptor.base);
}

static void too_little_room_is_refused(void **state)
{
    struct enc_kernel_item item;
    size_t n;

    (void)state;
    begin(&encryptor);
    assert_int_equal(enc_encryptor_update(&encryptor.base, plain, 100, token.chars,
                                          ops->bound(&encryptor.base, 100) + ENC_FORMAT_OUT_MIN - 1,
                                          &n),
                     ENC_MISUSE);
    assert_int_equal(
        ops->prepare(&encryptor.base, plain, 1, token.chars, ENC_FORMAT_OUT_MIN - 1, &n, &item),
        ENC_MISUSE);
    ops->wipe(&encryptor.base);
}

static void assert_latched(enum enc_status status)
{
    struct enc_kernel_item item = {0};
    size_t n = 77;
    bool is_ended = false;

    assert_int_equal(
        ops->prepare(&encryptor.base, plain, 1, token.chars, ENC_FORMAT_OUT_MIN, &n, &item),
        status);
    assert_int_equal(ops->commit(&encryptor.base, &item, &n), status);
    assert_int_equal(ops->finish(&encryptor.base, token.chars, TOKEN_MAX, &n, &is_ended), status);
    assert_false(is_ended);
    assert_int_equal(enc_encryptor_update(&encryptor.base, NULL, 0, token.chars, TOKEN_MAX, &n),
                     status);
    assert_int_equal(n, 77);
}

static void errors_latch(void **state)
{
    struct enc_kernel_item item;
    size_t n;

    (void)state;
    begin(&encryptor);
    assert_int_equal(ops->prepare(&encryptor.base, plain, 32, token.chars, TOKEN_MAX, &n, &item),
                     ENC_OK);
    item.status = ENC_CRYPTO_FAILED; // as the kernel would say
    assert_int_equal(ops->commit(&encryptor.base, &item, &n), ENC_CRYPTO_FAILED);
    assert_latched(ENC_CRYPTO_FAILED);
    ops->wipe(&encryptor.base);
}

static void an_item_that_nobody_ran_does_not_pass(void **state)
{
    struct enc_kernel_item item;
    size_t n;

    (void)state;
    begin(&encryptor);
    assert_int_equal(ops->prepare(&encryptor.base, plain, 32, token.chars, TOKEN_MAX, &n, &item),
                     ENC_OK);
    assert_int_equal(ops->commit(&encryptor.base, &item, &n), ENC_MISUSE);
    assert_latched(ENC_MISUSE);
    ops->wipe(&encryptor.base);
}

static void calls_out_of_order_are_refused(void **state)
{
    struct enc_kernel_item item = {0};
    size_t n;
    bool is_ended;

    (void)state;
    begin(&encryptor);
    assert_int_equal(ops->commit(&encryptor.base, &item, &n), ENC_MISUSE);
    ops->wipe(&encryptor.base);

    for (int i = 0; i < 2; i++) {
        begin(&encryptor);
        assert_int_equal(ops->prepare(&encryptor.base, plain, 5, token.chars, TOKEN_MAX, &n, &item),
                         ENC_OK);
        enum enc_status st =
            i == 0 ? ops->finish(&encryptor.base, token.chars, TOKEN_MAX, &n, &is_ended)
                   : ops->prepare(&encryptor.base, plain, 5, token.chars, TOKEN_MAX, &n, &item);
        assert_int_equal(st, ENC_MISUSE);
        assert_latched(ENC_MISUSE);
        ops->wipe(&encryptor.base);
    }

    begin(&encryptor);
    token.n = 0;
    end(&encryptor, 0, &token);
    assert_latched(ENC_MISUSE);
}

static void assert_wiped(void)
{
    const uint8_t *bytes = (const uint8_t *)&encryptor;
    size_t n = sizeof(encryptor);

    for (size_t length = 8; length <= 16; length += 8) {
        assert_null(memmem(bytes, n, key.bytes, length));
        assert_null(memmem(bytes, n, key.bytes + 16, length));
        assert_null(memmem(bytes, n, plain + 48, length));
    }
    assert_int_equal(encryptor.lane.kind, ENC_KERNEL_UNKEYED);
    assert_ptr_equal(encryptor.base.ops, ops);
}

static void a_wiped_encryptor_holds_no_secret_and_does_nothing(void **state)
{
    (void)state;
    begin(&encryptor);
    token.n = 0;
    append(&encryptor, plain, 63, &token);
    assert_non_null(memmem(&encryptor, sizeof(encryptor), plain + 48, 15)); // else no test
    ops->wipe(&encryptor.base);
    assert_wiped();
    assert_latched(ENC_MISUSE);
    ops->wipe(&encryptor.base);
    assert_wiped();

    begin(&encryptor);
    token.n = 0;
    append(&encryptor, plain, 63, &token);
    end(&encryptor, 63, &token);
    assert_wiped();
}

static void an_encryptor_that_cannot_begin_is_as_wiped(void **state)
{
    (void)state;
    enc_cpu_use(ENC_CPU_PORTABLE); // a lane of libcrypto's
    enc_crypto_free();
    memset(&encryptor, 0xa5, sizeof(encryptor));
    assert_int_equal(enc_fernet_encryptor_init(&encryptor, &key, TIME, iv), ENC_CRYPTO_FAILED);
    assert_wiped();
    assert_latched(ENC_MISUSE);
    ops->wipe(&encryptor.base);
    use_highest_level();
    assert_int_equal(enc_crypto_init(), ENC_OK);
}

static int set_up(void **state)
{
    srand(1);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(rand() >> 5);
    return set_up_crypto(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_specification_comes_out),
        cmocka_unit_test(every_length_gives_the_reference_s_token),
        cmocka_unit_test(no_update_at_all_is_an_empty_file),
        cmocka_unit_test(a_split_anywhere_changes_nothing),
        cmocka_unit_test(byte_by_byte_is_the_same),
        cmocka_unit_test(any_room_gives_the_same_and_is_never_passed),
        cmocka_unit_test(random_pieces_and_rooms_give_the_same),
        cmocka_unit_test(a_chunk_needs_one_item_only),
        cmocka_unit_test(totals_are_exact_or_refused),
        cmocka_unit_test(bounds_do_not_wrap),
        cmocka_unit_test(too_little_room_is_refused),
        cmocka_unit_test(errors_latch),
        cmocka_unit_test(an_item_that_nobody_ran_does_not_pass),
        cmocka_unit_test(calls_out_of_order_are_refused),
        cmocka_unit_test(a_wiped_encryptor_holds_no_secret_and_does_nothing),
        cmocka_unit_test(an_encryptor_that_cannot_begin_is_as_wiped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_crypto);
}
