// SPDX-License-Identifier: Apache-2.0
#include "enc_ngx_body.h"

ngx_int_t enc_ngx_body_begin(struct enc_ngx_body *body, ngx_http_client_body_handler_pt ready)
{
    ngx_http_request_t *r = body->r;

    r->request_body_no_buffering = 1;
    // In HTTP/2 nginx does buffer a body that was there before the request had its turn.
    r->request_body_in_file_only = 0;
    ngx_int_t rc = ngx_http_read_client_request_body(r, ready);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

off_t enc_ngx_body_declared(const ngx_http_request_t *r)
{
    return r->headers_in.chunked ? -1 : ngx_max(r->headers_in.content_length_n, 0);
}

// The next buffer of the body that nginx has, NULL if it has none.
static ngx_buf_t *take_buf(ngx_http_request_t *r)
{
    ngx_http_request_body_t *rb = r->request_body;

    while (rb->bufs) {
        ngx_chain_t *cl = rb->bufs;
        ngx_buf_t *b = cl->buf;

        rb->bufs = cl->next;
        ngx_free_chain(r->pool, cl);
        if (b->pos < b->last)
            return b;
    }
    return NULL;
}

// Whatever took bytes out of the body on its way here, what is left must not pass for the file.
static ngx_int_t end(const struct enc_ngx_body *body)
{
    const ngx_http_request_t *r = body->r;

    if (r->headers_in.content_length_n < 0 || r->headers_in.content_length_n == body->n_given)
        return NGX_DONE;
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "encrypter: the body is not whole");
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

ngx_int_t enc_ngx_body_next(struct enc_ngx_body *body, const u_char **ret, size_t *ret_n)
{
    ngx_http_request_t *r = body->r;

    if (body->reading) {
        body->reading->pos = body->reading->last; // nginx may read into it again
        body->reading = NULL;
    }
    for (;;) {
        ngx_buf_t *b = take_buf(r);
        if (b) {
            body->reading = b;
            *ret = b->pos;
            *ret_n = (size_t)(b->last - b->pos);
            body->n_given += b->last - b->pos;
            return NGX_OK;
        }
        if (!r->reading_body)
            return end(body);
        ngx_int_t rc = ngx_http_read_unbuffered_request_body(r);
        if (rc >= NGX_HTTP_SPECIAL_RESPONSE || rc == NGX_ERROR)
            return rc;
        if (rc == NGX_AGAIN && !r->request_body->bufs)
            return NGX_AGAIN;
    }
}
