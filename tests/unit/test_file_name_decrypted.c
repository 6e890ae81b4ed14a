// SPDX-License-Identifier: Apache-2.0
// The name of a decrypted file: what encrypting put around it goes, and what is left is harmless.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "enc_file_name.h"
#include "random_names.h"

// clang-format off
#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A140 A100 A10 A10 A10 A10
#define A150 A140 A10
#define A300 A100 A100 A100
#define E10 "éééééééééé"
#define E50 E10 E10 E10 E10 E10
// clang-format on

static const struct enc_file_name_style fernet_style = {"encrypted_", "", "file.txt"};
static const struct enc_file_name_style age_style = {"", ".age", "file"};
// None has it yet: both at once.
static const struct enc_file_name_style both_style = {"<", ">", "x"};

struct name_case {
    const char *label;
    const char *name;
    size_t n;
    const char *expected;
};

#define CASE(label, name, expected)                                                                \
    {                                                                                              \
        label, name, sizeof(name) - 1, expected                                                    \
    }

static const struct name_case fernet_names[] = {
    CASE("as it was made", "encrypted_file.txt", "file.txt"),
    CASE("another", "report.pdf", "decrypted_report.pdf"),
    CASE("empty", "", "decrypted_file.txt"),
    CASE("the prefix alone", "encrypted_", "decrypted_file.txt"),
    CASE("the prefix and a space", "encrypted_ ", "decrypted_file.txt"),
    CASE("the prefix and dots", "encrypted_..", "decrypted_file.txt"),
    CASE("the prefix and what is dropped", "encrypted_\r\n\u202E\xFF", "decrypted_file.txt"),
    CASE("twice", "encrypted_encrypted_a", "encrypted_a"),
    CASE("less than the prefix", "encrypted", "decrypted_encrypted"),
    CASE("another case", "Encrypted_a", "decrypted_Encrypted_a"),
    CASE("in the middle", "my_encrypted_a", "decrypted_my_encrypted_a"),
    CASE("a hidden file", "encrypted_.profile", ".profile"),
    CASE("decrypted before", "decrypted_a", "decrypted_decrypted_a"),
    CASE("age's suffix", "encrypted_a.age", "a.age"),
    CASE("only age's suffix", ".age", "decrypted_.age"),
    CASE("a path", "../x/encrypted_a.txt", "a.txt"),
    CASE("a path of Windows", "C:\\x\\encrypted_a.txt", "a.txt"),
    CASE("the prefix as a directory", "encrypted_/a.txt", "decrypted_a.txt"),
    CASE("the prefix and a path", "encrypted_../../etc/passwd", "decrypted_passwd"),
    CASE("a directory", "encrypted_a/", "decrypted_file.txt"),
    CASE("two dots", "..", "decrypted_file.txt"),
    CASE("spaces and dots behind", "encrypted_a.txt . ", "a.txt"),
    CASE("a space in front", " encrypted_a", "decrypted_ encrypted_a"),
    CASE("CR and LF", "encrypted_a\r\nX: y", "aX: y"),
    CASE("a NUL", "encrypted_a\0b", "ab"),
    CASE("quotes", "encrypted_a\"b;c", "a\"b;c"),
    CASE("what turns the direction", "encrypted_invoice\u202Egpj.exe", "invoicegpj.exe"),
    CASE("no UTF-8",
         "encrypted_Gr\xF6\xDF"
         "e",
         "Gre"),
    CASE("exactly the room", "encrypted_" A150, A150),
    CASE("a byte over the room", "encrypted_" A150 "b", A150),
    CASE("over the room, with an extension", "encrypted_" A300 ".txt", A140 "aaaaaa.txt"),
    CASE("exactly the room, another", A140, "decrypted_" A140),
    CASE("over the room, another", A140 "b", "decrypted_" A140),
    CASE("of two bytes", "encrypted_b" E50 E10 E10 E10, "b" E50 E10 E10 "éééé"),
};

static const struct name_case age_names[] = {
    CASE("as it was made", "file.txt.age", "file.txt"),
    CASE("another", "report.pdf", "decrypted_report.pdf"),
    CASE("empty", "", "decrypted_file"),
    CASE("the suffix alone", ".age", "decrypted_file"),
    CASE("the suffix and a dot", "..age", "decrypted_file"),
    CASE("the suffix and a space", " .age", "decrypted_file"),
    CASE("twice", "a.age.age", "a.age"),
    CASE("less than the suffix", "age", "decrypted_age"),
    CASE("another case", "a.AGE", "decrypted_a.AGE"),
    CASE("in the middle", "a.age.txt", "decrypted_a.age.txt"),
    CASE("Fernet's prefix", "encrypted_a.age", "encrypted_a"),
    CASE("only Fernet's prefix", "encrypted_", "decrypted_encrypted_"),
    CASE("a dot in front of the suffix", "a..age", "a"),
    CASE("a space in front of the suffix", "a .age", "a"),
    CASE("a path", "../../etc/passwd.age", "passwd"),
    CASE("up one directory", "../.age", "decrypted_file"),
    CASE("a directory", "a.age/", "decrypted_file"),
    CASE("a hidden file", ".profile.age", ".profile"),
    CASE("CR and LF", "a\r\nb.age", "ab"),
    CASE("exactly the room", A150 ".age", A150),
    CASE("a byte over the room", A150 "b.age", A150),
    CASE("over the room, with an extension", A300 ".txt.age", A140 "aaaaaa.txt"),
    CASE("over the room, another", A300, "decrypted_" A140),
    CASE("the room, and no more for a suffix", A150, "decrypted_" A140),
};

static const struct name_case both_names[] = {
    CASE("both", "<a>", "a"),
    CASE("nothing between", "<>", "decrypted_x"),
    CASE("the prefix alone", "<a", "decrypted_<a"),
    CASE("the suffix alone", "a>", "decrypted_a>"),
    CASE("too short for both", "<", "decrypted_<"),
};

static void decrypted(const struct enc_file_name_style *style, const char *name, size_t n,
                      struct enc_file_name *ret_name)
{
    memset(ret_name, 0xA5, sizeof(*ret_name));
    enc_file_name_decrypted(style, name, n, ret_name);
}

static void check_table(const struct enc_file_name_style *style, const struct name_case cases[],
                        size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++) {
        struct enc_file_name got;
        decrypted(style, cases[i].name, cases[i].n, &got);
        if (got.n != strlen(cases[i].expected) || strcmp(got.chars, cases[i].expected) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].label, got.chars, cases[i].expected);
        assert_in_range(got.n, 1, ENC_FILE_NAME_MAX);
    }
}

static void each_name_becomes_what_the_tables_say(void **state)
{
    (void)state;
    check_table(&fernet_style, fernet_names, sizeof(fernet_names) / sizeof(fernet_names[0]));
    check_table(&age_style, age_names, sizeof(age_names) / sizeof(age_names[0]));
    check_table(&both_style, both_names, sizeof(both_names) / sizeof(both_names[0]));
}

static void no_name_at_all_is_what_is_unnamed(void **state)
{
    struct enc_file_name got;

    (void)state;
    decrypted(&fernet_style, NULL, 0, &got);
    assert_string_equal(got.chars, "decrypted_file.txt");
    decrypted(&age_style, NULL, 0, &got);
    assert_string_equal(got.chars, "decrypted_file");
}

static void check_harmless(const struct enc_file_name *name)
{
    const uint8_t *s = (const uint8_t *)name->chars;
    char disposition[ENC_FILE_NAME_DISPOSITION_MAX];

    assert_in_range(name->n, 1, ENC_FILE_NAME_MAX);
    assert_int_equal(strlen(name->chars), name->n);
    assert_int_not_equal(name->chars[name->n - 1], '.');
    assert_int_not_equal(name->chars[name->n - 1], ' ');
    for (size_t i = 0, length; i < name->n; i += length) {
        length = utf8_length(s + i);
        assert_in_range(length, 1, name->n - i);
        assert_false(is_harmful(s + i));
    }
    assert_in_range(enc_file_name_disposition(name, disposition), 23, sizeof(disposition) - 1);
}

// Random bytes with the style's prefix or suffix around them, or not.
static size_t random_styled(const struct enc_file_name_style *style, char *name, size_t max)
{
    const size_t n_prefix = strlen(style->prefix), n_suffix = strlen(style->suffix);
    size_t n = 0;

    if (random_below(2)) {
        memcpy(name, style->prefix, n_prefix);
        n = n_prefix;
    }
    n += random_name(name + n, max - n_prefix - n_suffix);
    if (random_below(2)) {
        memcpy(name + n, style->suffix, n_suffix);
        n += n_suffix;
    }
    return n;
}

static void any_bytes_give_a_harmless_name(void **state)
{
    static const struct enc_file_name_style *const styles[] = {&fernet_style, &age_style,
                                                               &both_style};

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        const struct enc_file_name_style *style = styles[i % 3];
        struct enc_file_name name;
        char bytes[700];
        const size_t n = random_styled(style, bytes, i % 4 == 0 ? sizeof(bytes) : 40);
        decrypted(style, bytes, n, &name);
        check_harmless(&name);
    }
}

static void a_file_gets_the_name_back_that_it_was_encrypted_under(void **state)
{
    static const struct enc_file_name_style *const styles[] = {&fernet_style, &age_style,
                                                               &both_style};

    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        const struct enc_file_name_style *style = styles[i % 3];
        const size_t n_prefix = strlen(style->prefix), n_suffix = strlen(style->suffix);
        struct enc_file_name there, back;
        char bytes[400];
        const size_t n = random_name(bytes, i % 4 == 0 ? sizeof(bytes) : 60);
        enc_file_name_encrypted(style, bytes, n, &there);
        decrypted(style, there.chars, there.n, &back);
        assert_int_equal(back.n, there.n - n_prefix - n_suffix);
        assert_memory_equal(back.chars, there.chars + n_prefix, back.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_becomes_what_the_tables_say),
        cmocka_unit_test(no_name_at_all_is_what_is_unnamed),
        cmocka_unit_test(any_bytes_give_a_harmless_name),
        cmocka_unit_test(a_file_gets_the_name_back_that_it_was_encrypted_under),
    };
    return cmocka_run_group_tests_name("file_name_decrypted", tests, NULL, NULL);
}
