// SPDX-License-Identifier: Apache-2.0
// The age encryptor: whatever the pieces and the rooms, out comes the one file that it has to be;
// against files that Python's cryptography made, and payloads that OpenSSL makes at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age_kinds.h"
#include "age_reference.h"
#include "enc_crypto_init.h"

#define N_MAX (3 * ENC_AGE_CHUNK)
#define FILE_MAX (2 * N_MAX)

static uint8_t plain[N_MAX];
static struct enc_age_seed seed;
static struct enc_age_encryptor encryptor;
static const struct enc_encryptor_ops *ops;

static struct {
    uint8_t bytes[FILE_MAX];
    size_t n;
} file;

// The headers of each kind, out of empty files of our own: which bytes they have is for the vectors
// to say.
static struct age_bytes heads[AGE_N_KINDS];

static void make_heads(void)
{
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct enc_age_encryptor_options options = age_options_of(&age_kinds[k], &seed);
        options.armor = false;
        age_seal(&options, NULL, 0, &heads[k]);
        heads[k].n -= ENC_AGE_NONCE + ENC_AEAD_TAG;
    }
}

static struct age_bytes expected_file(size_t kind, size_t n)
{
    struct age_bytes expected = {0};

    age_append(&expected, heads[kind].at, heads[kind].n);
    age_reference_payload(&seed, plain, n, &expected);
    if (age_kinds[kind].armor)
        age_reference_armor(&expected);
    return expected;
}

// Whether the encryptor is told how large the file will be: another way to the same bytes.
static bool size_is_known;

static void begin(size_t kind, size_t n)
{
    struct enc_age_encryptor_options options = age_options_of(&age_kinds[kind], &seed);

    options.size_is_known = size_is_known;
    options.size = n;
    // What was in its storage does not matter.
    memset(&encryptor, 0xa5, sizeof(encryptor));
    assert_int_equal(enc_age_encryptor_init(&encryptor, &options), ENC_OK);
    ops = encryptor.base.ops;
    file.n = 0;
}

static void append(const uint8_t *in, size_t n)
{
    size_t n_out, bound = ops->bound(&encryptor.base, n), cap = bound + ENC_FORMAT_OUT_MIN;

    assert_true(cap <= FILE_MAX - file.n);
    assert_int_equal(enc_encryptor_update(&encryptor.base, in, n, file.bytes + file.n, cap, &n_out),
                     ENC_OK);
    assert_true(n_out <= bound);
    file.n += n_out;
}

// What lies behind a room stays as it is.
static void mark(uint8_t *behind)
{
    memset(behind, '!', 32);
}

static void check_mark(const uint8_t *behind)
{
    assert_memory_equal(behind, "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", 32);
}

// prepare, run and commit with this room.
static size_t append_within(const uint8_t *in, size_t n, size_t cap)
{
    uint8_t *out = file.bytes + file.n;
    struct enc_kernel_item item, *items[] = {&item};
    size_t taken, n_out, bound = ops->bound(&encryptor.base, n);

    assert_true(cap <= FILE_MAX - file.n - 32);
    mark(out + cap);
    assert_int_equal(ops->prepare(&encryptor.base, in, n, out, cap, &taken, &item), ENC_OK);
    enc_kernel_run(items, 1);
    assert_int_equal(ops->commit(&encryptor.base, &item, &n_out), ENC_OK);
    assert_true(n_out <= cap && n_out <= bound && taken <= n);
    assert_true(n == 0 || taken > 0 || n_out > 0);
    check_mark(out + cap);
    file.n += n_out;
    return taken;
}

static void end_within(size_t cap)
{
    bool is_ended = false;

    for (size_t i = 0; !is_ended; i++) {
        uint8_t *out = file.bytes + file.n;
        size_t n_out;
        assert_true(cap <= FILE_MAX - file.n - 32 && i < 2000);
        mark(out + cap);
        assert_int_equal(ops->finish(&encryptor.base, out, cap, &n_out, &is_ended), ENC_OK);
        assert_true(n_out <= cap && (n_out > 0 || is_ended));
        check_mark(out + cap);
        file.n += n_out;
    }
}

static void assert_file(const struct age_bytes *expected)
{
    assert_int_equal(file.n, expected->n);
    assert_memory_equal(file.bytes, expected->at, expected->n);
}

// The lengths around all that the encryptor counts in.
static const size_t lengths[] = {0,     1,     63,    64,    65,     12287,  12288,
                                 12289, 65535, 65536, 65537, 131071, 131072, 131073};

#define N_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static void every_length_gives_the_reference_s_file_and_its_total(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        // Twenty recipients take their time.
        for (size_t i = 0; i < N_LENGTHS + (age_kinds[k].n_recipients < 20 ? 80 : 0); i++) {
            size_t n = i < N_LENGTHS ? lengths[i] : i - N_LENGTHS;
            struct age_bytes expected = expected_file(k, n);
            uint64_t total;
            begin(k, n);
            assert_true(ops->total(&encryptor.base, n, &total));
            assert_int_equal(total, expected.n);
            append(plain, n);
            // What is not ended has no last tag, even if all bytes are there.
            assert_true(age_kinds[k].armor || file.n <= expected.n - ENC_AEAD_TAG);
            end_within(FILE_MAX / 4);
            assert_file(&expected);
            age_free(&expected);
        }
    }
}

static void no_update_at_all_is_an_empty_file(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct age_bytes expected = expected_file(k, 0);
        begin(k, 0);
        end_within(ENC_FORMAT_OUT_MIN);
        assert_file(&expected);
        age_free(&expected);
    }
}

static void byte_by_byte_is_the_same(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < N_LENGTHS; i++) {
            struct age_bytes expected = expected_file(k, lengths[i]);
            begin(k, lengths[i]);
            for (size_t at = 0; at < lengths[i]; at++)
                append(plain + at, 1);
            end_within(ENC_FORMAT_OUT_MIN);
            assert_file(&expected);
            age_free(&expected);
        }
    }
}

static void in_three_pieces(size_t k, size_t n, size_t a, size_t b,
                            const struct age_bytes *expected)
{
    begin(k, n);
    append(plain, a);
    append(plain + a, b - a);
    append(plain + b, n - b);
    end_within(ENC_FORMAT_OUT_MIN + a % 100);
    assert_file(expected);
}

static void a_split_anywhere_changes_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        for (size_t n = 0; n <= 70; n += 7) {
            struct age_bytes expected = expected_file(k, n);
            for (size_t at = 0; at <= n; at++)
                in_three_pieces(k, n, at, n, &expected);
            age_free(&expected);
        }
        for (size_t i = 0; i < N_LENGTHS; i++) {
            struct age_bytes expected = expected_file(k, lengths[i]);
            for (size_t a = 0; a <= i; a++) {
                for (size_t b = a; b <= i; b += 1 + k)
                    in_three_pieces(k, lengths[i], lengths[a], lengths[b], &expected);
            }
            age_free(&expected);
        }
    }
}

static void with_rooms_of(size_t k, size_t n, size_t cap, const struct age_bytes *expected)
{
    // Begins with some bytes, so that chunks are kept in part.
    size_t first = n < cap % 3 ? n : cap % 3, done = 0;

    begin(k, n);
    while (done < first)
        done += append_within(plain + done, first - done, cap);
    while (done < n)
        done += append_within(plain + done, n - done, cap);
    end_within(cap);
    assert_file(expected);
}

static void any_room_gives_the_same_and_is_never_passed(void **state)
{
    static const size_t larger[] = {1000,  4095,  4096,  12288, 16403, 16648, 65535,
                                    65536, 65551, 65552, 65553, 65600, 90000, 131104};

    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        const size_t n = 70 * 1024;
        struct age_bytes expected = expected_file(k, n), full = expected_file(k, 2 * ENC_AGE_CHUNK);
        // All of them where the header is short; some where it takes several rooms.
        for (size_t cap = ENC_FORMAT_OUT_MIN; cap <= 700; cap += k == 0 ? 1 : 17)
            with_rooms_of(k, n, cap, &expected);
        for (size_t i = 0; i < sizeof(larger) / sizeof(larger[0]); i++) {
            with_rooms_of(k, n, larger[i], &expected);
            with_rooms_of(k, 2 * ENC_AGE_CHUNK, larger[i], &full);
        }
        age_free(&expected);
        age_free(&full);
    }
}

// The last line of armor meets every rest of a room.
static void any_room_is_enough_for_the_end(void **state)
{
    (void)state;
    for (size_t n = 0; n < 48; n++) {
        struct age_bytes expected = expected_file(1, n);
        for (size_t cap = ENC_FORMAT_OUT_MIN; cap < ENC_FORMAT_OUT_MIN + 66; cap += 1 + n % 2)
            with_rooms_of(1, n, cap, &expected);
        age_free(&expected);
    }
}

static void random_pieces_and_rooms_give_the_same(void **state)
{
    (void)state;
    srand(4);
    for (int round = 0; round < 200; round++) {
        size_t k = (size_t)round % AGE_N_KINDS, n = (size_t)rand() % (N_MAX + 1), done = 0;
        int spread = 1 << (2 + rand() % 16);
        struct age_bytes expected = expected_file(k, n);

        begin(k, n);
        while (done < n) {
            size_t n_piece = (size_t)(rand() % spread), cap = (size_t)(rand() % (2 * spread));
            n_piece = n_piece < n - done ? n_piece : n - done;
            // A chunk that is announced has to come: all that is left is taken before the end.
            done += append_within(plain + done, n_piece, ENC_FORMAT_OUT_MIN + cap / 8);
        }
        end_within(ENC_FORMAT_OUT_MIN + (size_t)(rand() % spread));
        assert_file(&expected);
        age_free(&expected);
    }
}

// A chunk that was announced may come byte by byte from then on.
static void a_chunk_that_is_announced_is_taken_in_any_pieces(void **state)
{
    struct age_bytes expected = expected_file(0, ENC_AGE_CHUNK + 1);

    (void)state;
    begin(0, ENC_AGE_CHUNK + 1);
    size_t done = append_within(plain, ENC_AGE_CHUNK + 1, 700);
    assert_in_range(done, 1, 700);
    while (done < ENC_AGE_CHUNK + 1)
        done += append_within(plain + done, 1, ENC_FORMAT_OUT_MIN);
    end_within(ENC_FORMAT_OUT_MIN);
    assert_file(&expected);
    age_free(&expected);
}

// NULL is as good as any pointer to no bytes.
static void no_input_changes_nothing_at_any_time(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const size_t n = ENC_AGE_CHUNK + 300;
        struct age_bytes expected = expected_file(k, n);
        begin(k, n);
        append_within(NULL, 0, ENC_FORMAT_OUT_MIN);
        for (size_t done = 0; done < n;) {
            done += append_within(plain + done, n - done, 5000);
            append_within(NULL, 0, ENC_FORMAT_OUT_MIN);
            append(NULL, 0);
        }
        end_within(ENC_FORMAT_OUT_MIN);
        assert_file(&expected);
        age_free(&expected);
    }
}

static void the_same_seed_gives_the_same_file_and_another_seed_another(void **state)
{
    struct enc_age_seed other;

    (void)state;
    age_make_seed(&other, 2);
    for (size_t k = 0; k < AGE_N_KINDS; k++) {
        struct enc_age_encryptor_options options = age_options_of(&age_kinds[k], &seed);
        struct age_bytes first = {0}, again = {0}, another = {0};
        age_seal(&options, plain, 1000, &first);
        age_seal(&options, plain, 1000, &again);
        options.seed = &other;
        age_seal(&options, plain, 1000, &another);
        assert_int_equal(again.n, first.n);
        assert_memory_equal(again.at, first.at, first.n);
        assert_int_equal(another.n, first.n);
        for (size_t at = first.n / 2; at + 16 < first.n - 50; at += 16)
            assert_memory_not_equal(another.at + at, first.at + at, 16);
        age_free(&first);
        age_free(&again);
        age_free(&another);
    }
}

static int tell_no_size(void **state)
{
    (void)state;
    size_is_known = false;
    return 0;
}

static int tell_size(void **state)
{
    (void)state;
    size_is_known = true;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
    if (enc_crypto_init() != ENC_OK)
        return -1;
    make_heads();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t k = 0; k < AGE_N_KINDS; k++)
        age_free(&heads[k]);
    enc_crypto_free();
    return 0;
}

#define BOTH_WAYS(test)                                                                            \
    cmocka_unit_test_setup(test, tell_no_size), cmocka_unit_test_setup(test, tell_size)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(every_length_gives_the_reference_s_file_and_its_total),
        BOTH_WAYS(no_update_at_all_is_an_empty_file),
        BOTH_WAYS(byte_by_byte_is_the_same),
        BOTH_WAYS(a_split_anywhere_changes_nothing),
        BOTH_WAYS(any_room_gives_the_same_and_is_never_passed),
        BOTH_WAYS(any_room_is_enough_for_the_end),
        BOTH_WAYS(random_pieces_and_rooms_give_the_same),
        BOTH_WAYS(a_chunk_that_is_announced_is_taken_in_any_pieces),
        BOTH_WAYS(no_input_changes_nothing_at_any_time),
        cmocka_unit_test(the_same_seed_gives_the_same_file_and_another_seed_another),
    };
    return cmocka_run_group_tests_name("age_encryptor", tests, set_up, tear_down);
}
