// SPDX-License-Identifier: Apache-2.0
// The buffers of an answer, and how they go round.
#include "enc_ngx_outbox.h"

#include "enc_ngx.h"

// A buffer is full once it has more than FULL_BYTES: a job leaves less than ENC_JOB_OUT_MIN of it.
enum { FULL_BYTES = 64 * 1024, BUF_BYTES = FULL_BYTES + ENC_JOB_OUT_MIN };

static const ngx_buf_tag_t tag = (ngx_buf_tag_t)&ngx_http_encrypter_module;

void enc_ngx_outbox_init(struct enc_ngx_outbox *outbox, ngx_http_request_t *r, size_t hold_bytes,
                         off_t n_expected)
{
    outbox->r = r;
    outbox->pending_end = &outbox->pending;
    outbox->buf_bytes = BUF_BYTES;
    if (n_expected >= 0 && n_expected < FULL_BYTES)
        outbox->buf_bytes = (size_t)n_expected + ENC_JOB_OUT_MIN;
    // What is held, one that takes it past the hold, and one to fill while those are sent.
    outbox->max_bufs = hold_bytes / FULL_BYTES + 2;
}

// A link with an empty buffer: a used one, or a new one while there may be more. NULL with *ret_rc.
static ngx_chain_t *take_buf(struct enc_ngx_outbox *outbox, ngx_int_t *ret_rc)
{
    ngx_chain_t *cl = outbox->free;

    *ret_rc = NGX_AGAIN;
    if (cl) {
        outbox->free = cl->next;
        cl->next = NULL;
        return cl;
    }
    if (outbox->n_bufs == outbox->max_bufs)
        return NULL;

    *ret_rc = NGX_ERROR;
    cl = ngx_alloc_chain_link(outbox->r->pool);
    if (!cl)
        return NULL;
    cl->buf = ngx_create_temp_buf(outbox->r->pool, outbox->buf_bytes);
    if (!cl->buf)
        return NULL;
    cl->buf->tag = tag;
    cl->next = NULL;
    outbox->n_bufs++;
    return cl;
}

ngx_int_t enc_ngx_outbox_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap)
{
    ngx_int_t rc;
    ngx_chain_t *cl = take_buf(outbox, &rc);

    if (!cl)
        return rc;
    outbox->room = cl;
    *ret_room = cl->buf->start;
    *ret_cap = (size_t)(cl->buf->end - cl->buf->start);
    return NGX_OK;
}

void enc_ngx_outbox_fill(struct enc_ngx_outbox *outbox, size_t n)
{
    ngx_chain_t *cl = outbox->room;

    if (!cl)
        return;
    outbox->room = NULL;
    if (n == 0) { // nginx takes no empty buffer
        cl->next = outbox->free;
        outbox->free = cl;
        return;
    }
    cl->buf->pos = cl->buf->start;
    cl->buf->last = cl->buf->start + n;
    cl->buf->flush = 1; // or nginx may keep a small one back, and no event would ever come for it
    *outbox->pending_end = cl;
    outbox->pending_end = &cl->next;
    outbox->n_pending += (off_t)n;
}

ngx_int_t enc_ngx_outbox_send(struct enc_ngx_outbox *outbox, bool last)
{
    ngx_chain_t *out = outbox->pending;

    if (!out)
        return NGX_OK;
    outbox->pending = NULL;
    outbox->pending_end = &outbox->pending;
    outbox->n_pending = 0;
    if (last) {
        ngx_chain_t *cl = out;
        while (cl->next)
            cl = cl->next;
        cl->buf->last_buf = 1;
        cl->buf->last_in_chain = 1;
    }
    ngx_int_t rc = ngx_http_output_filter(outbox->r, out);
    ngx_chain_update_chains(outbox->r->pool, &outbox->free, &outbox->busy, &out, tag);
    return rc;
}

ngx_int_t enc_ngx_outbox_resume(struct enc_ngx_outbox *outbox)
{
    ngx_chain_t *none = NULL;

    if (!enc_ngx_outbox_is_waiting(outbox))
        return NGX_OK;
    ngx_int_t rc = ngx_http_output_filter(outbox->r, NULL);
    ngx_chain_update_chains(outbox->r->pool, &outbox->free, &outbox->busy, &none, tag);
    return rc;
}

bool enc_ngx_outbox_is_waiting(const struct enc_ngx_outbox *outbox)
{
    return outbox->r->buffered || outbox->r->connection->buffered;
}
