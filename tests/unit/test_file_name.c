// SPDX-License-Identifier: Apache-2.0
// The answer's file name, and the header that carries it: a table of names, and random ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "enc_file_name.h"
#include "random_names.h"

#define ROOM (ENC_FILE_NAME_MAX - 10) // bytes behind "encrypted_"

// clang-format off
#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A300 A100 A100 A100
#define A140 A100 A10 A10 A10 A10
#define A146 A140 "aaaaaa"
#define A142 A140 "aa"
#define A136 A100 A10 A10 A10 "aaaaaa"
#define S50 "                                                  "
#define E10 "éééééééééé"
#define E50 E10 E10 E10 E10 E10
#define E300 E50 E50 E50 E50 E50 E50
// clang-format on

struct name_case {
    const char *label;
    const char *name;
    size_t n;
    const char *expected; // behind "encrypted_"
};

#define CASE(label, name, expected)                                                                \
    {                                                                                              \
        label, name, sizeof(name) - 1, expected                                                    \
    }

static const struct name_case names[] = {
    CASE("a plain name", "file.txt", "file.txt"),
    CASE("empty", "", "file.txt"),
    CASE("a space", " ", "file.txt"),
    CASE("a dot", ".", "file.txt"),
    CASE("two dots", "..", "file.txt"),
    CASE("three dots and spaces", ". . ", "file.txt"),
    CASE("a directory", "secret/", "file.txt"),
    CASE("up one directory", "../..", "file.txt"),
    CASE("up and down", "../../etc/passwd", "passwd"),
    CASE("an absolute path", "/etc/passwd", "passwd"),
    CASE("a path of Windows", "C:\\x\\y.txt", "y.txt"),
    CASE("a drive without a path", "C:y.txt", "C:y.txt"),
    CASE("both separators", "a\\b/c\\d.txt", "d.txt"),
    CASE("a hidden file", ".profile", ".profile"),
    CASE("dots inside", "a..b.tar.gz", "a..b.tar.gz"),
    CASE("a dot at the end", "name.", "name"),
    CASE("dots and spaces at the end", "name.txt. . ", "name.txt"),
    CASE("a space in front", " name.txt", " name.txt"),
    CASE("quotes", "a\"b'c.txt", "a\"b'c.txt"),
    CASE("a semicolon", "a; filename=evil.exe", "a; filename=evil.exe"),
    CASE("what file systems refuse", "a<>:\"|?*.txt", "a<>:\"|?*.txt"),
    CASE("a percent sign", "100%25.txt", "100%25.txt"),
    CASE("CR and LF", "a\r\nSet-Cookie: x=y.txt", "aSet-Cookie: x=y.txt"),
    CASE("only CR and LF", "\r\n", "file.txt"),
    CASE("a NUL inside", "a\0b.txt", "ab.txt"),
    CASE("a NUL at the end", "a.txt\0", "a.txt"),
    CASE("a control character behind a dot", "a.\x01", "a"),
    CASE("C0 and DEL", "\x01\x1f\x7f\t\x1b[2Ja.txt", "[2Ja.txt"),
    CASE("C1", "a\302\200b\302\205c\302\237d\u00a0.txt", "abcd\u00a0.txt"),
    CASE("two bytes a character", "Größe.txt", "Größe.txt"),
    CASE("three", "日本語.txt", "日本語.txt"),
    CASE("four", "😀.txt", "😀.txt"),
    CASE("the last code point", "a\xF4\x8F\xBF\xBF.txt", "a\xF4\x8F\xBF\xBF.txt"),
    CASE("past the last code point", "a\xF4\x90\x80\x80.txt", "a.txt"),
    CASE("far past it", "a\xF8\x88\x80\x80\x80\xFE\xFF.txt", "a.txt"),
    CASE("a surrogate", "a\xED\xA0\x80.txt", "a.txt"),
    CASE("an overlong slash", "..\xC0\xAF..\xE0\x80\xAF.txt", ".....txt"),
    CASE("an overlong NUL", "a\xC0\x80.txt", "a.txt"),
    CASE("Latin-1",
         "Gr\xF6\xDF"
         "e.txt",
         "Gre.txt"),
    CASE("a stray continuation", "a\x80\xBF.txt", "a.txt"),
    CASE("cut off at the end", "a.txt\xE6\x97", "a.txt"),
    CASE("cut off in the middle", "a\xE6\x97.txt", "a.txt"),
    CASE("cut off by a slash", "a\xE6\x97/b.txt", "b.txt"),
    CASE("a bidi override", "invoice\u202Egpj.exe", "invoicegpj.exe"),
    CASE("all that turns the direction", "\u061C\u200E\u200F\u202A\u202B\u202C\u202Da\u2066\u2069",
         "a"),
    CASE("separators and a byte order mark", "\uFEFFa\u2028b\u2029.txt", "ab.txt"),
    CASE("next to what is dropped", "\u200D\u2027\u202F\u2065\u206A",
         "\u200D\u2027\u202F\u2065\u206A"),
    CASE("exactly the room", A140, A140),
    CASE("exactly the room, with an extension", A136 ".txt", A136 ".txt"),
    CASE("a byte over the room", A140 "b", A140),
    CASE("a byte over the room, with an extension", A136 "b.txt", A136 ".txt"),
    CASE("300 characters", A300, A140),
    CASE("300 characters and an extension", A300 ".txt", A136 ".txt"),
    CASE("300 characters and two extensions", A300 ".tar.gz", A136 "a.gz"),
    CASE("the longest extension", A300 ".234567890123456789x", A100 A10 A10 ".234567890123456789x"),
    CASE("an extension too long for one", A300 ".234567890123456789xy", A140),
    CASE("a short stem and an endless extension", "b." A300, "b." A136 "aa"),
    CASE("300 characters and a dot", A300 ".", A140),
    CASE("300 characters, what is dropped behind the dot", A300 ".\x01txt ", A136 ".txt"),
    CASE("300 of two bytes", E300, E50 E10 E10),
    CASE("300 of two bytes, out of step", "b" E300, "b" E50 E10 "ééééééééé"),
    CASE("300 of two bytes and an extension", E300 ".txt", E50 E10 "éééééééé.txt"),
    CASE("300 of two bytes, out of step, and an extension", "b" E300 ".txt",
         "b" E50 E10 "ééééééé.txt"),
    CASE("an extension of two bytes a character", A300 ".éé", A100 A10 A10 A10 "aaaaa.éé"),
    CASE("a cut that lays bare a dot and spaces", A136 "a . " A100, A136 "a"),
    CASE("a cut that leaves nothing but spaces", S50 S50 S50 A10, "file.txt"),
};

static const struct enc_file_name_style fernet_style = {"encrypted_", "", "file.txt"};

static void name_of(const char *name, size_t n, struct enc_file_name *ret_name)
{
    memset(ret_name, 0xA5, sizeof(*ret_name));
    enc_file_name_encrypted(&fernet_style, name, n, ret_name);
}

static void each_name_becomes_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct enc_file_name got;
        char expected[512];
        int n = snprintf(expected, sizeof(expected), "encrypted_%s", names[i].expected);
        name_of(names[i].name, names[i].n, &got);
        if (got.n != (size_t)n || memcmp(got.chars, expected, got.n + 1) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", names[i].label, got.chars, expected);
    }
}

// What is behind the name takes its room from the name, and never from the 150 bytes.
static const struct name_case age_names[] = {
    CASE("a plain name", "x", "x.age"),
    CASE("an extension", "file.txt", "file.txt.age"),
    CASE("no name", "", "file.age"),
    CASE("a space", " ", "file.age"),
    CASE("two dots", "..", "file.age"),
    CASE("a directory", "secret/", "file.age"),
    CASE("a path", "../../etc/passwd", "passwd.age"),
    CASE("a dot at the end", "name.", "name.age"),
    CASE("its own extension", "a.age", "a.age.age"),
    CASE("its own extension alone", ".age", ".age.age"),
    CASE("CR and LF", "a\r\nb", "ab.age"),
    CASE("exactly the room", A146, A146 ".age"),
    CASE("exactly the room, with an extension", A142 ".txt", A142 ".txt.age"),
    CASE("a byte over the room", A146 "b", A146 ".age"),
    CASE("a byte over the room, with an extension", A142 "b.txt", A142 ".txt.age"),
    CASE("300 characters", A300, A146 ".age"),
    CASE("300 characters and an extension", A300 ".txt", A142 ".txt.age"),
    CASE("300 characters and its own extension", A300 ".age", A142 ".age.age"),
    CASE("an extension too long for one", A300 ".234567890123456789xy", A146 ".age"),
    CASE("300 of two bytes, out of step", "b" E300, "b" E50 E10 E10 "éé.age"),
    CASE("a cut that lays bare a dot and spaces", A142 "a . " A100, A142 "a.age"),
    CASE("a cut that leaves nothing but spaces", S50 S50 S50 A10, "file.age"),
};

static const struct enc_file_name_style age_style = {"", ".age", "file"};

static void each_name_of_age_becomes_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(age_names) / sizeof(age_names[0]); i++) {
        const struct name_case *c = &age_names[i];
        struct enc_file_name got;
        memset(&got, 0xA5, sizeof(got));
        enc_file_name_encrypted(&age_style, c->name, c->n, &got);
        if (got.n != strlen(c->expected) || strcmp(got.chars, c->expected) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", c->label, got.chars, c->expected);
        assert_true(got.n <= ENC_FILE_NAME_MAX);
    }
}

static void no_name_at_all_is_file_txt(void **state)
{
    (void)state;
    struct enc_file_name got;
    name_of(NULL, 0, &got);
    assert_string_equal(got.chars, "encrypted_file.txt");
}

static void a_cut_at_every_length_falls_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"b", "é", "日", "😀"};
    for (size_t c = 0; c < 4; c++) {
        size_t n_character = strlen(characters[c]);
        for (size_t lead = 0; lead < 8; lead++) {
            char name[2048];
            size_t n = lead;
            memset(name, 'a', lead);
            for (size_t i = 0; i < 300; i++, n += n_character)
                memcpy(name + n, characters[c], n_character);
            struct enc_file_name got;
            name_of(name, n, &got);
            assert_int_equal(got.n, 10 + lead + (ROOM - lead) / n_character * n_character);
            assert_memory_equal(got.chars + 10, name, got.n - 10);
        }
    }
}

struct disposition_case {
    const char *name;
    const char *expected;
};

static const struct disposition_case dispositions[] = {
    {"x.txt", "attachment; filename=\"encrypted_x.txt\""},
    {"a b;c=d,e'f.txt", "attachment; filename=\"encrypted_a b;c=d,e'f.txt\""},
    {"<>:|?*", "attachment; filename=\"encrypted_<>:|?*\""},
    {"a\"; x=\"b.txt", "attachment; filename=\"encrypted_a_; x=_b.txt\"; "
                       "filename*=UTF-8''encrypted_a%22%3B%20x%3D%22b.txt"},
    {"100%25.txt", "attachment; filename=\"encrypted_100_25.txt\"; "
                   "filename*=UTF-8''encrypted_100%2525.txt"},
    {"é日😀.txt", "attachment; filename=\"encrypted____.txt\"; "
                 "filename*=UTF-8''encrypted_%C3%A9%E6%97%A5%F0%9F%98%80.txt"},
    {"é!#$&+-.^_`|~'()*<>@:[]{}?= 09AZaz",
     "attachment; filename=\"encrypted__!#$&+-.^_`|~'()*<>@:[]{}?= 09AZaz\"; "
     "filename*=UTF-8''encrypted_%C3%A9!#$&+-.^_`|~"
     "%27%28%29%2A%3C%3E%40%3A%5B%5D%7B%7D%3F%3D%2009AZaz"},
    {"a\r\nX: y", "attachment; filename=\"encrypted_aX: y\""},
};

static void each_disposition_is_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dispositions) / sizeof(dispositions[0]); i++) {
        struct enc_file_name name;
        char got[ENC_FILE_NAME_DISPOSITION_MAX];
        name_of(dispositions[i].name, strlen(dispositions[i].name), &name);
        size_t n = enc_file_name_disposition(&name, got);
        assert_string_equal(got, dispositions[i].expected);
        assert_int_equal(n, strlen(got));
    }
}

static void the_longest_disposition_has_room(void **state)
{
    (void)state;
    struct enc_file_name name;
    struct {
        char chars[ENC_FILE_NAME_DISPOSITION_MAX];
        char guard[64];
    } out;
    char quotes[300];
    memset(quotes, '"', sizeof(quotes));
    memset(&out, 0x5A, sizeof(out));
    name_of(quotes, sizeof(quotes), &name);
    size_t n = enc_file_name_disposition(&name, out.chars);
    assert_int_equal(n, 22 + 150 + 1 + 19 + 10 + 3 * ROOM);
    assert_int_equal(out.chars[n], '\0');
    for (size_t i = 0; i < sizeof(out.guard); i++)
        assert_int_equal(out.guard[i], 0x5A);
}

static void check_name(const struct enc_file_name *name)
{
    assert_in_range(name->n, 11, ENC_FILE_NAME_MAX);
    assert_int_equal(name->chars[name->n], '\0');
    assert_memory_equal(name->chars, "encrypted_", 10);
    assert_int_not_equal(name->chars[name->n - 1], '.');
    assert_int_not_equal(name->chars[name->n - 1], ' ');
    const uint8_t *s = (const uint8_t *)name->chars;
    for (size_t i = 0; i < name->n;) {
        size_t length = utf8_length(s + i);
        assert_in_range(length, 1, name->n - i);
        assert_false(is_harmful(s + i));
        i += length;
    }
}

static void check_age_name(const struct enc_file_name *name)
{
    const uint8_t *s = (const uint8_t *)name->chars;
    assert_in_range(name->n, 5, ENC_FILE_NAME_MAX);
    assert_string_equal(name->chars + name->n - 4, ".age");
    assert_int_not_equal(name->chars[name->n - 5], '.');
    assert_int_not_equal(name->chars[name->n - 5], ' ');
    for (size_t i = 0, length; i < name->n; i += length) {
        length = utf8_length(s + i);
        assert_in_range(length, 1, name->n - i);
        assert_false(is_harmful(s + i));
    }
}

static int hex_value(char c)
{
    assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

// What a client that knows filename* reads is the name itself.
static void check_extended(const char *extended, const struct enc_file_name *name)
{
    size_t n = 0;
    for (const char *s = extended; *s; s++, n++) {
        int c = (uint8_t)*s;
        assert_null(strchr("\"'*();,/:<=>?@[\\]{} ", c));
        if (c == '%') {
            c = hex_value(s[1]) << 4 | hex_value(s[2]);
            s += 2;
        }
        assert_in_range(n, 0, name->n - 1);
        assert_int_equal(c, (uint8_t)name->chars[n]);
    }
    assert_int_equal(n, name->n);
}

static void check_disposition(const struct enc_file_name *name)
{
    char out[ENC_FILE_NAME_DISPOSITION_MAX];
    memset(out, 0xA5, sizeof(out));
    size_t n = enc_file_name_disposition(name, out);
    assert_in_range(n, 1, sizeof(out) - 1);
    assert_int_equal(strlen(out), n);
    size_t n_quotes = 0;
    for (size_t i = 0; i < n; i++) {
        assert_in_range(out[i], 0x20, 0x7E);
        assert_int_not_equal(out[i], '\\');
        n_quotes += out[i] == '"';
    }
    assert_int_equal(n_quotes, 2);
    assert_memory_equal(out, "attachment; filename=\"encrypted_", 32);
    const char *ascii = out + 22;
    const char *end = strchr(ascii, '"');
    assert_non_null(end);
    assert_null(memchr(ascii, '%', (size_t)(end - ascii)));
    if (end[1] == '\0') {
        assert_int_equal(end - ascii, name->n);
        assert_memory_equal(ascii, name->chars, name->n);
    } else {
        assert_memory_equal(end + 1, "; filename*=UTF-8''", 19);
        check_extended(end + 20, name);
    }
}

static void any_bytes_give_a_harmless_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        char bytes[700];
        size_t n = random_name(bytes, i % 4 == 0 ? sizeof(bytes) : 40);
        struct enc_file_name name;
        name_of(bytes, n, &name);
        check_name(&name);
        check_disposition(&name);
        enc_file_name_encrypted(&age_style, bytes, n, &name);
        check_age_name(&name);
    }
}

// The answer's name is a name that may come back as an upload's: it stands.
static void a_clean_name_stays_as_it_is(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char bytes[120];
        size_t n = random_name(bytes, sizeof(bytes));
        struct enc_file_name once, twice;
        name_of(bytes, n, &once);
        name_of(once.chars + 10, once.n - 10, &twice);
        assert_int_equal(once.n, twice.n);
        assert_memory_equal(once.chars, twice.chars, once.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_becomes_what_the_table_says),
        cmocka_unit_test(each_name_of_age_becomes_what_the_table_says),
        cmocka_unit_test(no_name_at_all_is_file_txt),
        cmocka_unit_test(a_cut_at_every_length_falls_between_characters),
        cmocka_unit_test(each_disposition_is_what_the_table_says),
        cmocka_unit_test(the_longest_disposition_has_room),
        cmocka_unit_test(any_bytes_give_a_harmless_name),
        cmocka_unit_test(a_clean_name_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("file_name", tests, NULL, NULL);
}
