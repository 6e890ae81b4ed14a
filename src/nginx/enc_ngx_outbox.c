// SPDX-License-Identifier: Apache-2.0
// The buffers of an answer, how they go round, and when the spool takes their place.
#include "enc_ngx_outbox.h"

#include "enc_ngx.h"

// A buffer takes FULL_BYTES at least: of what is left then a job makes no use.
enum { FULL_BYTES = 64 * 1024, BUF_BYTES = FULL_BYTES + ENC_JOB_OUT_MIN };

_Static_assert(FULL_BYTES >= ENC_JOB_ROOM_MIN_MAX, "a buffer is room for any job");

// Bytes of the spool that nginx gets at a time: it may send all of them in one turn.
enum { PIECE_BYTES = 256 * 1024 };

static const ngx_buf_tag_t memory_tag = (ngx_buf_tag_t)&ngx_http_encrypter_module;
static const ngx_buf_tag_t piece_tag = (ngx_buf_tag_t)&enc_ngx_outbox_init;

void enc_ngx_outbox_init(struct enc_ngx_outbox *outbox, ngx_http_request_t *r,
                         const struct enc_ngx_outbox_options *options)
{
    outbox->r = r;
    outbox->options = *options;
    outbox->pending_end = &outbox->pending;
    outbox->buf_bytes = BUF_BYTES;
    if (options->n_expected >= 0)
        enc_ngx_outbox_expect(outbox, options->n_expected);
    // What is held, one that takes it past the hold, and one to fill while those are sent.
    outbox->max_bufs = options->hold_bytes / FULL_BYTES + 2;
}

void enc_ngx_outbox_expect(struct enc_ngx_outbox *outbox, off_t n)
{
    if (n < BUF_BYTES - (off_t)outbox->options.room_min)
        outbox->buf_bytes = (size_t)n + outbox->options.room_min;
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
    cl->buf->tag = memory_tag;
    cl->next = NULL;
    outbox->n_bufs++;
    return cl;
}

static ngx_int_t memory_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap)
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

static ngx_int_t spool_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap)
{
    ngx_int_t rc = enc_ngx_spool_room(outbox->spool, ret_room, ret_cap);
    outbox->has_spool_room = rc == NGX_OK;
    return rc;
}

// Whether the client has read all that there is of the spool.
static bool has_caught_up(const struct enc_ngx_outbox *outbox)
{
    return !outbox->options.whole && !enc_ngx_outbox_is_waiting(outbox) &&
           enc_ngx_spool_readable(outbox->spool) == 0;
}

ngx_int_t enc_ngx_outbox_room(struct enc_ngx_outbox *outbox, u_char **ret_room, size_t *ret_cap)
{
    ngx_int_t rc;

    if (outbox->is_spooling && has_caught_up(outbox)) {
        // It gets what is not on the disk yet, and then memory again.
        if (enc_ngx_outbox_awaits_disk(outbox))
            return NGX_AGAIN;
        outbox->is_spooling = false;
    }
    if (!outbox->is_spooling) {
        rc = memory_room(outbox, ret_room, ret_cap);
        if (rc != NGX_AGAIN || !outbox->options.whole)
            return rc;
        if (!enc_ngx_outbox_spool(outbox))
            return NGX_ERROR;
    }
    return spool_room(outbox, ret_room, ret_cap);
}

bool enc_ngx_outbox_spool(struct enc_ngx_outbox *outbox)
{
    if (outbox->options.spool.request_max == 0) {
        outbox->lacks_spool = true;
        return false;
    }
    if (!outbox->spool)
        outbox->spool = enc_ngx_spool_new(&outbox->options.spool);
    outbox->is_spooling = outbox->spool != NULL;
    return outbox->is_spooling;
}

ngx_int_t enc_ngx_outbox_fill(struct enc_ngx_outbox *outbox, size_t n)
{
    ngx_chain_t *cl = outbox->room;

    if (outbox->has_spool_room) {
        outbox->has_spool_room = false;
        return enc_ngx_spool_fill(outbox->spool, n);
    }
    if (!cl)
        return NGX_OK;
    outbox->room = NULL;
    if (n == 0) { // nginx takes no empty buffer
        cl->next = outbox->free;
        outbox->free = cl;
        return NGX_OK;
    }
    cl->buf->pos = cl->buf->start;
    cl->buf->last = cl->buf->start + n;
    cl->buf->flush = 1; // or nginx may keep a small one back, and no event would ever come for it
    *outbox->pending_end = cl;
    outbox->pending_end = &cl->next;
    outbox->n_pending += (off_t)n;
    return NGX_OK;
}

void enc_ngx_outbox_complete(struct enc_ngx_outbox *outbox)
{
    outbox->is_complete = true;
}

off_t enc_ngx_outbox_unsent(const struct enc_ngx_outbox *outbox)
{
    off_t n = outbox->n_pending;

    if (outbox->spool)
        n += enc_ngx_spool_readable(outbox->spool) + enc_ngx_spool_unwritten(outbox->spool);
    return n;
}

// Has nginx send a chain, or with NULL go on. What the kernel has then is free again.
static ngx_int_t pass_on(struct enc_ngx_outbox *outbox, ngx_chain_t *out)
{
    ngx_int_t rc = ngx_http_output_filter(outbox->r, out);

    ngx_chain_update_chains(outbox->r->pool, &outbox->free, &outbox->busy, &out, memory_tag);
    if (outbox->spool && !enc_ngx_outbox_is_waiting(outbox))
        enc_ngx_spool_consumed(outbox->spool);
    return rc;
}

// Gives nginx a chain of n bytes. It ends the answer if it is the last of it.
static ngx_int_t give(struct enc_ngx_outbox *outbox, ngx_chain_t *out, off_t n)
{
    if (outbox->is_complete && enc_ngx_outbox_unsent(outbox) == 0) {
        ngx_chain_t *cl = out;
        while (cl->next)
            cl = cl->next;
        cl->buf->last_buf = 1;
        cl->buf->last_in_chain = 1;
        outbox->is_ended = true;
    }
    outbox->n_sent += n;
    return pass_on(outbox, out);
}

static ngx_int_t give_memory(struct enc_ngx_outbox *outbox)
{
    ngx_chain_t *out = outbox->pending;
    off_t n = outbox->n_pending;

    outbox->pending = NULL;
    outbox->pending_end = &outbox->pending;
    outbox->n_pending = 0;
    return give(outbox, out, n);
}

static ngx_int_t give_piece(struct enc_ngx_outbox *outbox)
{
    if (!enc_ngx_spool_next(outbox->spool, PIECE_BYTES, &outbox->piece))
        return NGX_OK;
    ngx_chain_t *out = ngx_alloc_chain_link(outbox->r->pool);
    if (!out)
        return NGX_ERROR;
    outbox->piece.tag = piece_tag;
    outbox->piece.flush = 1;
    out->buf = &outbox->piece;
    out->next = NULL;
    return give(outbox, out, outbox->piece.file_last - outbox->piece.file_pos);
}

// Of an answer that ends with nothing, since there is nothing in it at all.
static ngx_int_t give_end(struct enc_ngx_outbox *outbox)
{
    ngx_chain_t *out = ngx_alloc_chain_link(outbox->r->pool);

    if (!out)
        return NGX_ERROR;
    out->buf = ngx_calloc_buf(outbox->r->pool);
    if (!out->buf)
        return NGX_ERROR;
    out->next = NULL;
    return give(outbox, out, 0);
}

ngx_int_t enc_ngx_outbox_send(struct enc_ngx_outbox *outbox)
{
    ngx_int_t rc = NGX_OK;

    if (outbox->pending)
        rc = give_memory(outbox);
    if (rc != NGX_OK)
        return rc;
    if (enc_ngx_outbox_is_waiting(outbox))
        return NGX_AGAIN;
    if (outbox->spool)
        return give_piece(outbox);
    return outbox->is_complete && !outbox->is_ended ? give_end(outbox) : NGX_OK;
}

ngx_int_t enc_ngx_outbox_resume(struct enc_ngx_outbox *outbox)
{
    return enc_ngx_outbox_is_waiting(outbox) ? pass_on(outbox, NULL) : NGX_OK;
}

bool enc_ngx_outbox_is_waiting(const struct enc_ngx_outbox *outbox)
{
    return outbox->r->buffered || outbox->r->connection->buffered;
}

bool enc_ngx_outbox_can_go_on(const struct enc_ngx_outbox *outbox)
{
    return !enc_ngx_outbox_is_waiting(outbox) &&
           (outbox->pending || (outbox->spool && enc_ngx_spool_readable(outbox->spool) > 0));
}

enum enc_ngx_error enc_ngx_outbox_error(const struct enc_ngx_outbox *outbox)
{
    if (outbox->spool)
        return enc_ngx_spool_error(outbox->spool);
    return outbox->lacks_spool ? ENC_NGX_ERROR_INSUFFICIENT_STORAGE : ENC_NGX_ERROR_NONE;
}

bool enc_ngx_outbox_awaits_disk(const struct enc_ngx_outbox *outbox)
{
    return outbox->spool && enc_ngx_spool_unwritten(outbox->spool) > 0;
}

void enc_ngx_outbox_free(struct enc_ngx_outbox *outbox)
{
    enc_ngx_spool_free(outbox->spool);
    outbox->spool = NULL;
}
