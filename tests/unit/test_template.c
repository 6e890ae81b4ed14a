// SPDX-License-Identifier: Apache-2.0
// Tests of enc_template.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enc_template.h"

static const struct enc_template_value values[] = {
    {.name = "name", .bytes = "a&b<c>d\"e'f", .n = 11},
    {.name = "plain", .bytes = "plain", .n = 5},
    {.name = "braces", .bytes = "{{plain}}", .n = 9},
    {.name = "special", .bytes = "<<''&", .n = 5},
    {.name = "file", .bytes = "\0\377~", .n = 3, .as_base64 = true},
    {.name = "longer", .bytes = "1234", .n = 4, .as_base64 = true},
    {.name = "zeros", .bytes = "\0\0", .n = 2},
    {.name = "none"},
    {.name = "no_file", .as_base64 = true},
};

// Each template as a block of its own size, so that a sanitizer sees what is read past it.
static struct enc_template template_of(const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n > 0 ? n : 1);

    assert_non_null(copy);
    memcpy(copy, text, n);
    return (struct enc_template){copy, n, values, sizeof(values) / sizeof(values[0])};
}

static void assert_filled(const char *text, const void *expected, size_t n_expected)
{
    struct enc_template template = template_of(text);
    size_t n;

    assert_true(enc_template_size(&template, &n));
    assert_int_equal(n, n_expected);
    uint8_t *out = malloc(n > 0 ? n : 1);
    assert_non_null(out);
    enc_template_write(&template, out);
    assert_memory_equal(out, expected, n);
    free(out);
    free((void *)(uintptr_t) template.text);
}

static void expect(const char *text, const char *expected)
{
    assert_filled(text, expected, strlen(expected));
}

static void a_template_without_placeholders_is_what_it_is(void **state)
{
    (void)state;
    expect("", "");
    expect("text", "text");
    expect("{ } }} {a} }{", "{ } }} {a} }{");
}

static void a_value_takes_the_place_of_its_name(void **state)
{
    (void)state;
    expect("{{plain}}", "plain");
    expect("<{{plain}}{{plain}}>{{none}}.", "<plainplain>.");
}

static void what_html_takes_for_markup_is_escaped(void **state)
{
    (void)state;
    expect("\"{{name}}\"", "\"a&amp;b&lt;c&gt;d&quot;e&#39;f\"");
    expect("{{special}}", "&lt;&lt;&#39;&#39;&amp;");
}

static void a_value_is_no_template(void **state)
{
    (void)state;
    expect("{{braces}}", "{{plain}}");
}

static void a_zero_byte_is_a_byte(void **state)
{
    (void)state;
    assert_filled("-{{zeros}}-", "-\0\0-", 4);
}

static void bytes_become_base64(void **state)
{
    (void)state;
    expect("{{file}}", "AP9+");
    expect("a,{{longer}},b", "a,MTIzNA==,b");
    expect("{{no_file}}", "");
}

static void a_section_is_there_if_its_value_is_not_empty(void **state)
{
    (void)state;
    expect("a{{#plain}}b{{/plain}}c", "abc");
    expect("a{{#none}}b{{/none}}c", "ac");
    expect("a{{#no_file}}b{{/no_file}}{{#file}}c{{/file}}", "ac");
    expect("a{{^plain}}b{{/plain}}c", "ac");
    expect("a{{^none}}b{{/none}}c", "abc");
}

static void sections_lie_within_others(void **state)
{
    (void)state;
    expect("{{#plain}}a{{^none}}b{{name}}{{/none}}c{{/plain}}",
           "aba&amp;b&lt;c&gt;d&quot;e&#39;fc");
    expect("{{#none}}a{{#plain}}b{{/plain}}c{{/none}}d", "d");
    expect("{{#plain}}a{{#none}}b{{/none}}c{{/plain}}d", "acd");
}

static void a_malformed_template_is_none(void **state)
{
    static const char *const malformed[] = {
        "{{",
        "{{plain",
        "{{plain}",
        "{{unknown}}",
        "{{}}",
        "{{ plain }}",
        "{{/plain}}",
        "{{#plain}}a{{/plain}}{{/plain}}",
        "{{#none}}",
        "{{#plain}}a",
        "{{#unknown}}a{{/unknown}}",
        "{{#none}}a{{/plain}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct enc_template template = template_of(malformed[i]);
        size_t n = 42;
        assert_false(enc_template_size(&template, &n));
        assert_int_equal(n, 42);
        free((void *)(uintptr_t) template.text);
    }
}

static void base64_of_any_size_is_as_long_as_it_says(void **state)
{
    uint8_t bytes[100];
    char filled[2 + 4 * ((sizeof(bytes) + 2) / 3)];

    (void)state;
    memset(bytes, 0xa5, sizeof(bytes));
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        const struct enc_template_value value = {"v", bytes, n, true};
        const struct enc_template template = {"<{{v}}>", 7, &value, 1};
        size_t size;

        assert_true(enc_template_size(&template, &size));
        assert_int_equal(size, 2 + (n + 2) / 3 * 4);
        memset(filled, '!', sizeof(filled));
        enc_template_write(&template, (uint8_t *)filled);
        assert_int_equal(filled[0], '<');
        assert_int_equal(filled[size - 1], '>');
        assert_int_equal(strspn(filled + 1, "paWlQ=ABCDEFGHIJKLMNOSTUVXYZ"), size - 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_without_placeholders_is_what_it_is),
        cmocka_unit_test(a_value_takes_the_place_of_its_name),
        cmocka_unit_test(what_html_takes_for_markup_is_escaped),
        cmocka_unit_test(a_value_is_no_template),
        cmocka_unit_test(a_zero_byte_is_a_byte),
        cmocka_unit_test(bytes_become_base64),
        cmocka_unit_test(a_section_is_there_if_its_value_is_not_empty),
        cmocka_unit_test(sections_lie_within_others),
        cmocka_unit_test(a_malformed_template_is_none),
        cmocka_unit_test(base64_of_any_size_is_as_long_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
