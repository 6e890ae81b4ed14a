// SPDX-License-Identifier: Apache-2.0
// Wipes nginx's own memory of a request once the request is over, and of a connection once that is:
// the heads with keys in them, the upload as it was read, and whatever nginx copied or encoded of
// either. Nothing has to be tracked for that: whole pools go.
#include <malloc.h>

// clang-format off: nginx's headers depend on their order
#include "enc_ngx.h"
#include <ngx_http_v2_module.h>
// clang-format on

static void wipe_range(u_char *from, const u_char *to)
{
    if (from < to)
        enc_wipe(from, (size_t)(to - from));
}

// The last cleanup of a pool: nobody uses what is in it any more. nginx goes on to free its blocks,
// for which their headers stay; large allocations are freed here, since the list of them is wiped.
static void wipe_pool(void *data)
{
    ngx_pool_t *pool = data;

    for (ngx_pool_large_t *l = pool->large; l; l = l->next) {
        if (l->alloc)
            enc_wipe(l->alloc, malloc_usable_size(l->alloc));
        ngx_free(l->alloc);
    }
    pool->large = NULL;
    wipe_range((u_char *)(pool + 1), pool->d.last);
    for (ngx_pool_t *p = pool->d.next; p; p = p->d.next)
        wipe_range((u_char *)p + sizeof(ngx_pool_data_t), p->d.last);
}

static bool is_arranged(const ngx_pool_t *pool)
{
    const ngx_pool_cleanup_t *cleanup = pool->cleanup;

    while (cleanup && cleanup->handler != wipe_pool)
        cleanup = cleanup->next;
    return cleanup != NULL;
}

// Has a pool wiped when it is destroyed, after all other cleanups of it.
static void arrange_wiping(ngx_pool_t *pool)
{
    ngx_pool_cleanup_t **last = &pool->cleanup;

    if (is_arranged(pool))
        return;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(pool, 0);
    if (!cleanup)
        return;
    cleanup->handler = wipe_pool;
    cleanup->data = pool;
    pool->cleanup = cleanup->next;
    while (*last)
        last = &(*last)->next;
    *last = cleanup;
    cleanup->next = NULL;
}

static void wipe_buf(const ngx_buf_t *buf)
{
    wipe_range(buf->start, buf->end);
}

// What the connection keeps for its next request's head: a client may send its key to a wrong path,
// or in a request that nginx refuses, and nginx copies a header that began in a smaller buffer.
// nginx has let go of these buffers, but not freed them.
static void wipe_header_buffers(const ngx_http_request_t *r)
{
    const ngx_buf_t *current = r->header_in;
    const ngx_buf_t *first = r->connection->buffer;
    const ngx_chain_t *const lists[] = {r->http_connection->busy, r->http_connection->free};

    // Behind pos there may be the connection's next request.
    wipe_range(current->start, current->pos);
    if (first && first != current && first->start)
        wipe_buf(first);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const ngx_chain_t *cl = lists[i]; cl; cl = cl->next) {
            if (cl->buf != current)
                wipe_buf(cl->buf);
        }
    }
}

// What nginx gathered for one TLS record: the head of a small answer. Not what is still to be sent.
static void wipe_tls_buffer(const ngx_connection_t *c)
{
    const ngx_buf_t *buf = c->ssl ? c->ssl->buf : NULL;

    if (buf && buf->start) {
        wipe_range(buf->start, buf->pos);
        wipe_range(buf->last, buf->end);
    }
}

// The connection of the socket: an HTTP/2 request's own is one of nginx's making.
static ngx_connection_t *connection_of(const ngx_http_request_t *r)
{
    return r->stream ? r->stream->connection->connection : r->connection;
}

static void wipe_request(void *data)
{
    ngx_http_request_t *r = data;

    if (!r->stream)
        wipe_header_buffers(r);
    wipe_tls_buffer(connection_of(r));
}

// In the log phase, because every request comes to it, whoever answered it. It may not be the last
// to use the header buffers: a cleanup of the request's pool is.
static ngx_int_t on_log(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *cleanup = r == r->main ? ngx_pool_cleanup_add(r->pool, 0) : NULL;

    if (!cleanup)
        return NGX_OK;
    cleanup->handler = wipe_request;
    cleanup->data = r;
    enc_ngx_request_forget_key(r); // of one that was refused before it came to a route
    arrange_wiping(r->pool);
    if (r->stream) {
        arrange_wiping(r->stream->pool); // the headers as they were decoded
        enc_ngx_wipe_frames_later(r);
    }
    // In HTTP/2 with the table of headers to which the client's next requests may refer.
    arrange_wiping(connection_of(r)->pool);
    return NGX_OK;
}

// HTTP/2's frames are read into one buffer of the worker: heads, and what was uploaded last. While
// a frame is handled the others in it are not done with: it is wiped after that.
static void wipe_frames(ngx_event_t *event)
{
    const ngx_http_v2_main_conf_t *h2mcf = event->data;

    enc_wipe(h2mcf->recv_buffer, h2mcf->recv_buffer_size);
}

void enc_ngx_wipe_frames_later(ngx_http_request_t *r)
{
    static ngx_event_t event;

    event.data = ngx_http_get_module_main_conf(r, ngx_http_v2_module);
    event.handler = wipe_frames;
    event.log = ngx_cycle->log;
    ngx_post_event(&event, &ngx_posted_next_events);
}

// OpenSSL too forgets what it has decrypted.
static void cleanse_tls(ngx_http_core_main_conf_t *cmcf)
{
    ngx_http_core_srv_conf_t **servers = cmcf->servers.elts;

    for (ngx_uint_t i = 0; i < cmcf->servers.nelts; i++) {
        const ngx_http_ssl_srv_conf_t *conf =
            servers[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
        if (conf->ssl.ctx)
            SSL_CTX_set_options(conf->ssl.ctx, SSL_OP_CLEANSE_PLAINTEXT);
    }
}

ngx_int_t enc_ngx_wipe_install(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);

    if (!handler)
        return NGX_ERROR;
    *handler = on_log;
    cleanse_tls(cmcf);
    return NGX_OK;
}
