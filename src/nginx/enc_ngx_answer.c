// SPDX-License-Identifier: Apache-2.0
// The head of a good answer, and the wiping of the key in it.
#include "enc_ngx_answer.h"

#include "enc_ngx.h"

ngx_table_elt_t *enc_ngx_push_header(ngx_http_request_t *r, const char *name, const char *value,
                                     size_t n_value)
{
    ngx_table_elt_t *header = ngx_list_push(&r->headers_out.headers);

    if (!header)
        return NULL;
    header->hash = 1;
    header->key.data = (u_char *)(uintptr_t)name;
    header->key.len = ngx_strlen(name);
    header->value.data = (u_char *)(uintptr_t)value;
    header->value.len = n_value;
    return header;
}

ngx_int_t enc_ngx_add_header(ngx_http_request_t *r, const char *name, const char *value)
{
    return enc_ngx_push_header(r, name, value, ngx_strlen(value)) ? NGX_OK : NGX_ERROR;
}

ngx_int_t enc_ngx_add_no_store(ngx_http_request_t *r)
{
    if (enc_ngx_add_header(r, "Cache-Control", "no-store") != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_add_header(r, "X-Content-Type-Options", "nosniff");
}

static ngx_int_t add_headers(ngx_http_request_t *r, struct enc_ngx_answer *answer)
{
    char *disposition = ngx_pnalloc(r->pool, ENC_FILE_NAME_DISPOSITION_MAX);

    if (!disposition)
        return NGX_ERROR;
    enc_file_name_disposition(&answer->file_name, disposition);
    if (enc_ngx_add_header(r, "Content-Disposition", disposition) != NGX_OK ||
        enc_ngx_add_no_store(r) != NGX_OK ||
        enc_ngx_add_header(r, "Encryption-Format", enc_job_format_name(answer->format)) != NGX_OK)
        return NGX_ERROR;
    // An nginx in front that buffers answers would write a large one to its disk.
    if (answer->is_plaintext && enc_ngx_add_header(r, "X-Accel-Buffering", "no") != NGX_OK)
        return NGX_ERROR;
    if (answer->key.n == 0)
        return NGX_OK;
    answer->key_header = enc_ngx_push_header(r, "Encryption-Key", answer->key.chars, answer->key.n);
    return answer->key_header ? NGX_OK : NGX_ERROR;
}

// The key's text and the header that points to it: nothing that looks for the header later, such as
// a log variable, finds a value.
void enc_ngx_answer_wipe(struct enc_ngx_answer *answer)
{
    if (answer->key_header) {
        answer->key_header->hash = 0;
        answer->key_header->value.len = 0;
        answer->key_header = NULL;
    }
    enc_wipe(&answer->key, sizeof(answer->key));
}

ngx_int_t enc_ngx_answer_head(ngx_http_request_t *r, struct enc_ngx_answer *answer, off_t n_bytes)
{
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = n_bytes;
    r->headers_out.content_type.data = (u_char *)(uintptr_t)answer->content_type;
    r->headers_out.content_type.len = ngx_strlen(answer->content_type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    if (add_headers(r, answer) != NGX_OK)
        return NGX_ERROR;
    ngx_int_t rc = ngx_http_send_header(r);
    enc_ngx_answer_wipe(answer);
    return rc == NGX_ERROR || rc > NGX_OK ? NGX_ERROR : NGX_OK;
}

ngx_int_t enc_ngx_answer_text(ngx_http_request_t *r, const char *text)
{
    ngx_str_t type = ngx_string("text/plain; charset=utf-8");
    ngx_http_complex_value_t cv = {0};

    cv.value.data = (u_char *)(uintptr_t)text;
    cv.value.len = ngx_strlen(text);
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
