// SPDX-License-Identifier: Apache-2.0
// Tests of ASCII armor: the writer against a plain one, and the reader on what is armor.
#include "drive_armor.h"

#define N_MAX 200

// Writes n bytes: the first n_first at once, then pieces of n_piece. Expects the text.
static void write_in_pieces(const uint8_t *bytes, size_t n, size_t n_first, size_t n_piece,
                            const struct text *expected)
{
    struct enc_age_armor_writer writer = {0};
    struct text text = {.n = 0};
    uint8_t *out;

    for (size_t at = 0, n_now = n_first; at < n; at += n_now, n_now = n_piece) {
        n_now = n_now < n - at ? n_now : n - at;
        uint8_t *in = exactly(bytes + at, n_now);
        out = exactly(NULL, enc_age_armor_bound(n_now));
        size_t n_out = enc_age_armor_write(&writer, in, n_now, out);
        assert_true(n_out <= enc_age_armor_bound(n_now));
        add(&text, (const char *)out, n_out);
        free(in);
        free(out);
    }
    out = exactly(NULL, ENC_AGE_ARMOR_END_CHARS);
    add(&text, (const char *)out, enc_age_armor_write_end(&writer, out));
    free(out);
    assert_int_equal(text.n, expected->n);
    assert_memory_equal(text.chars, expected->chars, text.n);
}

static void every_length_is_written_however_it_comes(void **state)
{
    uint8_t bytes[N_MAX];
    struct text expected;
    uint64_t size;

    (void)state;
    for (size_t n = 1; n <= N_MAX; n++) {
        fill(bytes, n, (unsigned)n);
        reference(bytes, n, "\n", &expected);
        assert_true(enc_age_armor_size(n, &size));
        assert_int_equal(size, expected.n);
        write_in_pieces(bytes, n, n, 1, &expected);
        for (size_t n_piece = 1; n_piece < n; n_piece++)
            write_in_pieces(bytes, n, n_piece, n_piece, &expected);
        for (size_t at = 1; at < n; at++)
            write_in_pieces(bytes, n, at, n, &expected);
    }
}

static void every_length_is_read_however_it_comes(void **state)
{
    uint8_t bytes[N_MAX];
    struct text text;

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        fill(bytes, n, (unsigned)n);
        reference(bytes, n, "\n", &text);
        expect_any_way(&text, ENC_OK, bytes, n);
        text.n--; // the last end of line
        expect_any_way(&text, ENC_OK, bytes, n);
        reference(bytes, n, "\r\n", &text);
        expect_any_way(&text, ENC_OK, bytes, n);
        text.n -= 2;
        expect_any_way(&text, ENC_OK, bytes, n);
    }
}

static void a_bound_is_reached_and_never_passed(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 400; n++) {
        size_t most = 0;
        // Whatever is in the current line already.
        for (size_t n_before = 0; n_before < 48; n_before++) {
            struct enc_age_armor_writer writer = {0};
            uint8_t in[400] = {0}, out[1024];
            size_t n_begun = enc_age_armor_write(&writer, in, n_before, out);
            size_t n_out = enc_age_armor_write(&writer, in, n, out);
            if (n_before == 0)
                n_out += n_begun;
            assert_true(n_out <= enc_age_armor_bound(n));
            most = n_out > most ? n_out : most;
        }
        assert_true(most + sizeof(BEGIN) >= enc_age_armor_bound(n));
    }
}

static void room_is_the_most_that_is_bound_to_fit(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 5000; cap++) {
        size_t n = enc_age_armor_room(cap);
        assert_true(n == 0 || enc_age_armor_bound(n) <= cap);
        assert_true(enc_age_armor_bound(n + 1) > cap);
    }
    for (size_t cap = SIZE_MAX - 5000; cap < SIZE_MAX; cap++) {
        size_t n = enc_age_armor_room(cap);
        assert_true(enc_age_armor_bound(n) <= cap);
        assert_true(enc_age_armor_bound(n + 1) > cap);
    }
    assert_true(enc_age_armor_room(SIZE_MAX) >= enc_age_armor_room(SIZE_MAX - 1));
}

static void sizes_that_do_not_fit_are_told(void **state)
{
    const uint64_t n_most = UINT64_MAX / 65 * 48;
    uint64_t size = 7, next;

    (void)state;
    assert_int_equal(enc_age_armor_bound(SIZE_MAX), SIZE_MAX);
    assert_int_equal(enc_age_armor_bound(SIZE_MAX - 1), SIZE_MAX);
    assert_int_equal(enc_age_armor_bound(SIZE_MAX / 4 * 3), SIZE_MAX);
    assert_false(enc_age_armor_size(UINT64_MAX, &size));
    assert_false(enc_age_armor_size(UINT64_MAX / 4 * 3, &size));
    assert_false(enc_age_armor_size(n_most + 48, &size));
    assert_int_equal(size, 7);
    // The labels, with their ends, have 68 characters.
    assert_true(enc_age_armor_size(n_most - 2 * 48, &size));
    assert_true(size == (n_most / 48 - 2) * 65 + 68);
    assert_true(enc_age_armor_size(1, &size) && size == 68 + 5);
    assert_true(enc_age_armor_size(48, &size) && size == 68 + 65);
    assert_true(enc_age_armor_size(49, &size) && size == 68 + 65 + 5);
    assert_true(enc_age_armor_size(UINT64_C(1) << 40, &size));
    assert_true(enc_age_armor_size((UINT64_C(1) << 40) + 48, &next) && next == size + 65);
}

static void each_line_may_end_in_its_own_way(void **state)
{
    const char *const ends[] = {"\n", "\r\n"};

    (void)state;
    for (unsigned choice = 0; choice < 16; choice++) {
        struct text text = {.n = 0};
        add_string(&text, BEGIN);
        add_string(&text, ends[choice & 1]);
        add_string(&text, LINE);
        add_string(&text, ends[choice >> 1 & 1]);
        add_string(&text, "Zg==");
        add_string(&text, ends[choice >> 2 & 1]);
        add_string(&text, END);
        add_string(&text, ends[choice >> 3 & 1]);
        expect_any_way(&text, ENC_OK, LINE_BYTES "f", 49);
    }
}

static void white_space_around_is_accepted_up_to_a_limit(void **state)
{
    static const char armor[] = BEGIN "\n" LINE "\nZg==\n" END;
    static const char space[] = " \t\r\n";
    static const size_t amounts[] = {0, 1, 2, 5, 1023, 1024, 1025, 1100};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < 8; j++) {
            struct text text = {.n = 0};
            size_t before = amounts[i], after = amounts[j];
            for (size_t k = 0; k < before; k++)
                add(&text, &space[k % 4], 1);
            add_string(&text, armor);
            for (size_t k = 0; k < after; k++)
                add(&text, &space[3 - k % 4], 1);
            enum enc_status status = before > 1024 || after > 1024 ? ENC_AGE_ARMOR : ENC_OK;
            size_t n = before > 1024 ? 0 : 49;
            expect(&text, text.n, 1, 48, status, (const uint8_t *)LINE_BYTES "f", n);
            expect(&text, 1, 1, 1000, status, (const uint8_t *)LINE_BYTES "f", n);
            expect(&text, 100, 7, 96, status, (const uint8_t *)LINE_BYTES "f", n);
        }
    }
}

// The header of an age file is missing then, which its reader says.
static void armor_without_a_line_is_that_of_an_empty_file(void **state)
{
    struct text text = {.n = 0};

    (void)state;
    add_string(&text, BEGIN "\n" END "\n");
    expect_any_way(&text, ENC_OK, "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_written_however_it_comes),
        cmocka_unit_test(every_length_is_read_however_it_comes),
        cmocka_unit_test(a_bound_is_reached_and_never_passed),
        cmocka_unit_test(room_is_the_most_that_is_bound_to_fit),
        cmocka_unit_test(sizes_that_do_not_fit_are_told),
        cmocka_unit_test(each_line_may_end_in_its_own_way),
        cmocka_unit_test(white_space_around_is_accepted_up_to_a_limit),
        cmocka_unit_test(armor_without_a_line_is_that_of_an_empty_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
