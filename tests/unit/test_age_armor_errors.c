// SPDX-License-Identifier: Apache-2.0
// Tests of reading ASCII armor: everything that is none.
#include "drive_armor.h"

// Each with the number of full lines before the fault.
static const struct {
    const char *text;
    size_t n_lines;
} malformed[] = {
    {"", 0},
    {" \n", 0},
    {"\n" LINE "\n" END "\n", 0},
    {LINE "\n", 0},
    // Garbage around it.
    {"x" BEGIN "\n" LINE "\n" END "\n", 0},
    {"x\n" BEGIN "\n" LINE "\n" END "\n", 0},
    {"-" BEGIN "\n" LINE "\n" END "\n", 0},
    {"\v" BEGIN "\n" LINE "\n" END "\n", 0},
    {"\xef\xbb\xbf" BEGIN "\n" LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE "\n" END "x", 1},
    {BEGIN "\n" LINE "\n" END "-", 1},
    {BEGIN "\n" LINE "\n" END "\nx\n", 1},
    {BEGIN "\n" LINE "\n" END "\n\n \t x", 1},
    {BEGIN "\n" LINE "\n" END "\n\f\n", 1},
    {BEGIN "\n" LINE "\n" END "\n" BEGIN "\n" LINE "\n" END "\n", 1},
    {BEGIN "\n" LINE "\n" END BEGIN "\n", 1},
    // Labels that are other ones.
    {"----BEGIN AGE ENCRYPTED FILE-----\n" LINE "\n" END "\n", 0},
    {"-----BEGIN AGE ENCRYPTED FILE----\n" LINE "\n" END "\n", 0},
    {"-----begin age encrypted file-----\n" LINE "\n" END "\n", 0},
    {"-----BEGIN AGE ENCRYPTED MESSAGE-----\n" LINE "\n" END "\n", 0},
    {"----- BEGIN AGE ENCRYPTED FILE -----\n" LINE "\n" END "\n", 0},
    {"-----BEGIN AGE  ENCRYPTED FILE-----\n" LINE "\n" END "\n", 0},
    {"----- BEGIN", 0},
    {END "\n" LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE "\n" BEGIN "\n", 1},
    {BEGIN "\n" LINE "\n-----END AGE ENCRYPTED FILE----\n", 1},
    {BEGIN "\n" LINE "\n-----END AGE ENCRYPTED FILE----\n-", 1},
    {BEGIN "\n" LINE "\n-----END AGE ENCRYPTED MESSAGE-----\n", 1},
    {BEGIN "\n" LINE "\n-----end age encrypted file-----\n", 1},
    {BEGIN "\n" LINE "\n----- END AGE ENCRYPTED FILE -----\n", 1},
    {BEGIN "\n" LINE "\nZg==\n-----END AGE ENCRYPTED FILE----\n", 1},
    // Ends that are missing.
    {BEGIN, 0},
    {BEGIN "\n", 0},
    {BEGIN "\r\n", 0},
    {BEGIN "\n" LINE, 0},
    {BEGIN "\n" LINE "\n", 1},
    {BEGIN "\n" LINE "\nZg==\n", 1},
    {BEGIN "\n" LINE "\nZg==", 1},
    {BEGIN "\n" LINE "\nZg==\n-----END AGE ENCRYPTED FILE----", 1},
    {BEGIN "\n" LINE END "\n", 0},
    {BEGIN "\nZg==" END "\n", 0},
    // Headers and a checksum.
    {BEGIN "\nVersion: 1\n\n" LINE "\n" END "\n", 0},
    {BEGIN "\nComment: x\n" LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE "\nZg==\n=AAAA\n" END "\n", 1},
    // Empty lines.
    {BEGIN "\n\n" LINE "\n" END "\n", 0},
    {BEGIN "\r\n\r\n" LINE "\r\n" END "\r\n", 0},
    {BEGIN "\n" LINE "\n\n" LINE "\n" END "\n", 1},
    {BEGIN "\n" LINE "\n\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\n\n" END "\n", 1},
    {BEGIN "\n\n" END "\n", 0},
    // Short and long lines: what a short line has is not given out before the end follows.
    {BEGIN "\nZm9v\n" LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE "\nZm9v\n" LINE "\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9v\nZm9v\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9v\n" LINE
           "\n" END "\n",
     1},
    {BEGIN "\n" LINE "Zm9v\n" END "\n", 0},
    {BEGIN "\n" LINE "Zg\n" END "\n", 0},
    {BEGIN "\n" LINE "=\n" END "\n", 0},
    {BEGIN "\n" LINE LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE LINE LINE LINE, 0},
    // White space inside.
    {BEGIN " \n" LINE "\n" END "\n", 0},
    {BEGIN "\n " LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE " \n" END "\n", 0},
    {BEGIN "\n" LINE "\t\n" END "\n", 0},
    {BEGIN "\n" LINE "\nZm9v \n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9 v\n" END "\n", 1},
    {BEGIN "\n" LINE "\n    \n" END "\n", 1},
    {BEGIN "\n" LINE "\n " END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\n " END "\n", 1},
    // CR that is no part of an end of line.
    {BEGIN "\r" LINE "\n" END "\n", 0},
    {BEGIN "\r\r\n" LINE "\n" END "\n", 0},
    {BEGIN "\n\r" LINE "\n" END "\n", 0},
    {BEGIN "\n" LINE "\r\r\n" END "\n", 0},
    {BEGIN "\n" LINE "\r" END "\n", 0},
    {BEGIN "\n" LINE "\nZg==\r\r\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\r" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\n\r" END "\n", 1},
    {BEGIN "\n" LINE "\nZg\r==\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg=\n=\n" END "\n", 1},
    // Padding.
    {BEGIN "\n" LINE "\nZg=\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm8\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZ\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZ===\n" END "\n", 1},
    {BEGIN "\n" LINE "\n====\n" END "\n", 1},
    {BEGIN "\n" LINE "\n=\n" END "\n", 1},
    {BEGIN "\n" LINE "\n==\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9v=\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9v==\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9v====\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==Zg==\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZ=9v\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\n" LINE "\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZg==\nZg==\n" END "\n", 1},
    // Bits that belong to no byte, and other characters.
    {BEGIN "\n" LINE "\nZh==\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm9=\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm-_\n" END "\n", 1},
    {BEGIN "\n" LINE "\nZm\xc3\xa9\n" END "\n", 1},
    {BEGIN "\n" LINE "\n" LINE "\n*" LINE "\n" END "\n", 2},
};

static void what_is_no_armor_is_refused_however_it_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct text text = {.n = 0};
        add_string(&text, malformed[i].text);
        expect_any_way(&text, ENC_AGE_ARMOR, LINE_BYTES LINE_BYTES, 48 * malformed[i].n_lines);
    }
}

static void a_nul_is_refused_wherever_it_is(void **state)
{
    struct text text = {.n = 0};

    (void)state;
    add_string(&text, BEGIN "\r\n" LINE "\r\nZg==\r\n" END "\r\n");
    for (size_t at = 0; at < text.n; at++) {
        struct text with_nul = text, more = {.n = 0};
        size_t n = at < 102 ? 0 : 48; // the first line's end is at 101
        with_nul.chars[at] = '\0';
        // The end of the last label releases what waited.
        n += at >= 108 + 32;
        expect(&with_nul, text.n, 1, 48, ENC_AGE_ARMOR, (const uint8_t *)LINE_BYTES "f", n);
        expect(&with_nul, 1, 1, 48, ENC_AGE_ARMOR, (const uint8_t *)LINE_BYTES "f", n);
        add(&more, text.chars, at);
        add(&more, "", 1);
        add(&more, text.chars + at, text.n - at);
        expect(&more, text.n, 1, 48, ENC_AGE_ARMOR, (const uint8_t *)LINE_BYTES "f", n);
    }
}

// Whatever character stands wherever: what is accepted is armor of what comes out, to the letter.
static void only_what_would_be_written_is_read(void **state)
{
    struct text text = {.n = 0}, again;
    size_t n_accepted = 0;

    (void)state;
    add_string(&text, BEGIN "\n" LINE "\nZm8=\n" END "\n");
    for (size_t at = 0; at + 1 < text.n; at++) {
        for (unsigned c = 0; c < 256; c++) {
            struct text other = text;
            struct result result;
            other.chars[at] = (char)c;
            read_in_pieces(&other, other.n, 1, 1000, &result);
            if (result.status == ENC_OK) {
                reference(result.bytes, result.n, "\n", &again);
                assert_int_equal(again.n, other.n);
                assert_memory_equal(again.chars, other.chars, again.n);
                n_accepted++;
            }
        }
    }
    // The labels and ends as they are; 64 values for each character but the last, which has two
    // bits too many. 'Z' 'm' 'o' '=': the padding may be a character, and is then no padding.
    assert_int_equal(n_accepted, 34 + 1 + 64 * 64 + 1 + (64 + 64 + 16 + 65) + 1 + 32);
}

static void a_beginning_of_armor_is_none(void **state)
{
    struct text whole = {.n = 0};

    (void)state;
    add_string(&whole, BEGIN "\n" LINE "\n" LINE "\nZg==\n" END);
    for (size_t n = 0; n < whole.n; n++) {
        struct text cut = whole;
        struct result result;
        cut.n = n;
        read_in_pieces(&cut, n, 1, 1000, &result);
        assert_int_equal(result.status, ENC_AGE_ARMOR);
        assert_int_equal(result.n, n < 100 ? 0 : n < 165 ? 48 : 96);
    }
}

static void what_was_decoded_before_a_fault_is_given_out_first(void **state)
{
    static const char text[] = BEGIN "\n" LINE "\n" LINE "\n*" LINE "\n";
    struct enc_age_armor_reader reader = {0};
    uint8_t out[1000];
    size_t n_taken, n_out;

    (void)state;
    assert_int_equal(enc_age_armor_read(&reader, (const uint8_t *)text, strlen(text), out,
                                        sizeof(out), &n_taken, &n_out),
                     ENC_OK);
    assert_int_equal(n_out, 96);
    assert_memory_equal(out, LINE_BYTES LINE_BYTES, 96);
    assert_int_equal(n_taken, strlen(text) - 66); // so that there is something left to call with
    assert_int_equal(enc_age_armor_read(&reader, (const uint8_t *)text + n_taken, 66, out,
                                        sizeof(out), &n_taken, &n_out),
                     ENC_AGE_ARMOR);
}

static void an_error_stays(void **state)
{
    static const uint8_t text[] = BEGIN "\n" LINE "\n" END "\n";
    struct enc_age_armor_reader reader = {0};
    uint8_t out[96];
    size_t n_taken = 7, n_out = 7;

    (void)state;
    assert_int_equal(enc_age_armor_read(&reader, text + 1, 1, out, 96, &n_taken, &n_out), ENC_OK);
    assert_int_equal(enc_age_armor_read(&reader, text, 9, out, 96, &n_taken, &n_out),
                     ENC_AGE_ARMOR);
    assert_int_equal(enc_age_armor_read(&reader, text, sizeof(text) - 1, out, 96, &n_taken, &n_out),
                     ENC_AGE_ARMOR);
    assert_int_equal(enc_age_armor_read(&reader, text, 0, out, 96, &n_taken, &n_out),
                     ENC_AGE_ARMOR);
    assert_int_equal(enc_age_armor_read_end(&reader), ENC_AGE_ARMOR);

    reader = (struct enc_age_armor_reader){0};
    assert_int_equal(enc_age_armor_read_end(&reader), ENC_AGE_ARMOR);
    assert_int_equal(enc_age_armor_read(&reader, text, sizeof(text) - 1, out, 96, &n_taken, &n_out),
                     ENC_AGE_ARMOR);
}

static void room_for_less_than_a_line_is_misuse(void **state)
{
    static const uint8_t text[] = BEGIN "\n" LINE "\n" END "\n";
    struct enc_age_armor_reader reader = {0};
    uint8_t out[48];
    size_t n_taken = 7, n_out = 7;

    (void)state;
    assert_int_equal(enc_age_armor_read(&reader, text, sizeof(text) - 1, out, 47, &n_taken, &n_out),
                     ENC_MISUSE);
    assert_int_equal(n_taken, 7);
    assert_int_equal(n_out, 7);
    assert_int_equal(enc_age_armor_read(&reader, text, sizeof(text) - 1, out, 48, &n_taken, &n_out),
                     ENC_MISUSE);
    assert_int_equal(enc_age_armor_read_end(&reader), ENC_MISUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_armor_is_refused_however_it_comes),
        cmocka_unit_test(a_nul_is_refused_wherever_it_is),
        cmocka_unit_test(only_what_would_be_written_is_read),
        cmocka_unit_test(a_beginning_of_armor_is_none),
        cmocka_unit_test(what_was_decoded_before_a_fault_is_given_out_first),
        cmocka_unit_test(an_error_stays),
        cmocka_unit_test(room_for_less_than_a_line_is_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
