// SPDX-License-Identifier: Apache-2.0
// Fills in the templates of web/.
#include "enc_ngx_page.h"

#include "enc_ngx.h"
#include "enc_ngx_query.h"
#include "enc_ngx_web.h"
#include "enc_template.h"

// Of a file's name in quotes: each of its bytes may become four.
enum { QUOTED_MAX = 4 * ENC_FILE_NAME_MAX + 8 };

static size_t n_of_all; // n_counted of all pages of this worker

static void count(struct enc_ngx_page *page, size_t n)
{
    n_of_all = n_of_all - page->n_counted + n;
    page->n_counted = n;
}

bool enc_ngx_page_is_wanted(ngx_http_request_t *r)
{
    static const ngx_str_t path = ngx_string("/encrypt_file");

    return r->method == NGX_HTTP_POST && r->uri.len == path.len &&
           ngx_memcmp(r->uri.data, path.data, path.len) == 0 && enc_ngx_query_asks_for_page(r);
}

ngx_str_t enc_ngx_page_content_type(void)
{
    return (ngx_str_t)ngx_string("text/html; charset=utf-8");
}

ngx_int_t enc_ngx_page_room(struct enc_ngx_page *page, ngx_http_request_t *r, u_char **ret_room,
                            size_t *ret_cap)
{
    if (page->file) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "encrypter: larger than its bound");
        return NGX_ERROR;
    }
    if (page->cap > ENC_NGX_PAGES_MAX || n_of_all > ENC_NGX_PAGES_MAX - page->cap)
        return enc_ngx_fail(r, ENC_NGX_ERROR_OVERLOADED);
    page->file = ngx_palloc(r->pool, page->cap);
    if (!page->file)
        return NGX_ERROR;
    count(page, page->cap);
    *ret_room = page->file;
    *ret_cap = page->cap;
    return NGX_OK;
}

static struct enc_template_value value(const char *name, const char *text)
{
    return (struct enc_template_value){.name = name, .bytes = text, .n = ngx_strlen(text)};
}

// A section that is there or not.
static struct enc_template_value section(const char *name, bool is_there)
{
    return value(name, is_there ? "1" : "");
}

static ngx_int_t fill_in(ngx_http_request_t *r, const char *name,
                         const struct enc_template_value *values, size_t n_values, ngx_str_t *ret)
{
    const struct enc_ngx_web_file *file = enc_ngx_web_find(name, ngx_strlen(name));
    struct enc_template template = {file->plain.bytes, file->plain.n_bytes, values, n_values};
    size_t n;

    if (!enc_template_size(&template, &n)) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "encrypter: %s is malformed", name);
        return NGX_ERROR;
    }
    ret->data = ngx_pnalloc(r->pool, n);
    if (!ret->data)
        return NGX_ERROR;
    ret->len = n;
    enc_template_write(&template, ret->data);
    return NGX_OK;
}

// The name as a string of Python. It has no backslash and no control character
// (enc_file_name_encrypted).
static void quote_for_python(const struct enc_file_name *name, char out[static QUOTED_MAX])
{
    char *p = out;

    *p++ = '"';
    for (const char *c = name->chars; *c; c++) {
        if (*c == '"')
            *p++ = '\\';
        *p++ = *c;
    }
    *p++ = '"';
    *p = '\0';
}

static bool is_plain(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return *name != '-' && strspn(name, plain) == strlen(name);
}

// The name as a word of the shell, which no program takes for an option.
static void quote_for_shell(const struct enc_file_name *name, char out[static QUOTED_MAX])
{
    if (is_plain(name->chars)) {
        ngx_memcpy(out, name->chars, name->n + 1);
        return;
    }
    char *p = (char *)ngx_cpymem(out, "'./", 3);
    for (const char *c = name->chars; *c; c++) {
        if (*c == '\'')
            p = (char *)ngx_cpymem(p, "'\\''", 4);
        else
            *p++ = *c;
    }
    *p++ = '\'';
    *p = '\0';
}

static ngx_int_t make_page(const struct enc_ngx_page *page, ngx_http_request_t *r,
                           const struct enc_ngx_answer *answer, size_t n_file, ngx_str_t *ret)
{
    char for_python[QUOTED_MAX], for_shell[QUOTED_MAX];
    bool has_key = answer->key.n > 0;

    quote_for_python(&answer->file_name, for_python);
    quote_for_shell(&answer->file_name, for_shell);
    const struct enc_template_value values[] = {
        value("name", answer->file_name.chars),
        {.name = "file", .bytes = page->file, .n = n_file, .as_base64 = true},
        {.name = "key", .bytes = answer->key.chars, .n = answer->key.n},
        section("recipients", page->has_recipients),
        section("own_key", !has_key && !page->has_recipients),
        section("fernet", answer->format == ENC_JOB_FERNET),
        section("age", answer->format == ENC_JOB_AGE),
        value("key_file", page->has_recipients ? "identity.txt" : "key.txt"),
        value("python_name", for_python),
        value("shell_name", for_shell),
    };
    return fill_in(r, "encrypted.html", values, sizeof(values) / sizeof(values[0]), ret);
}

static ngx_int_t add_headers(ngx_http_request_t *r, const struct enc_ngx_answer *answer)
{
    if (enc_ngx_web_add_page_headers(r) != NGX_OK || enc_ngx_add_no_store(r) != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_add_header(r, "Encryption-Format", enc_job_format_name(answer->format));
}

static ngx_int_t send_page(ngx_http_request_t *r, const ngx_str_t *body)
{
    ngx_str_t type = enc_ngx_page_content_type();
    ngx_http_complex_value_t cv = {.value = *body};

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}

ngx_int_t enc_ngx_page_send(struct enc_ngx_page *page, ngx_http_request_t *r,
                            struct enc_ngx_answer *answer, size_t n)
{
    ngx_str_t body;
    ngx_int_t rc = make_page(page, r, answer, n, &body);

    enc_ngx_answer_wipe(answer);
    enc_ngx_page_free(page, r); // a slow reader need not hold both
    if (rc == NGX_OK)
        count(page, body.len);
    if (rc != NGX_OK || add_headers(r, answer) != NGX_OK)
        return NGX_ERROR;
    return send_page(r, &body);
}

void enc_ngx_page_free(struct enc_ngx_page *page, ngx_http_request_t *r)
{
    if (page->file)
        ngx_pfree(r->pool, page->file);
    page->file = NULL;
    count(page, 0);
}

ngx_int_t enc_ngx_page_refuse(ngx_http_request_t *r, const struct enc_ngx_refusal *refusal,
                              ngx_str_t *ret_body)
{
    char status[8];

    *ngx_slprintf((u_char *)status, (u_char *)status + sizeof(status) - 1, "%ui", refusal->status) =
        '\0';
    const struct enc_template_value values[] = {
        value("status", status),
        value("code", refusal->code),
        value("sentence", refusal->sentence),
        section("too_large_for_page", refusal->error == ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE),
    };
    if (fill_in(r, "refused.html", values, sizeof(values) / sizeof(values[0]), ret_body) != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_web_add_page_headers(r);
}
