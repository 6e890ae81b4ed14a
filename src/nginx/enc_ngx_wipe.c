// SPDX-License-Identifier: Apache-2.0
// Wipes what nginx read the heads of requests into: a client may send its key to a wrong path, or
// in a request that nginx refuses, and nginx keeps a copy of a header that began in a smaller
// buffer.
#include "enc_ngx.h"

static void wipe_buf(const ngx_buf_t *buf)
{
    enc_wipe(buf->start, (size_t)(buf->end - buf->start));
}

// At the end of a request's pool, so after all logs. nginx has let go of its buffers, but not freed
// them.
static void wipe_header_buffers(void *data)
{
    ngx_http_request_t *r = data;
    const ngx_buf_t *current = r->header_in;
    const ngx_buf_t *first = r->connection->buffer;
    const ngx_chain_t *const lists[] = {r->http_connection->busy, r->http_connection->free};

    // Behind pos there may be the connection's next request.
    enc_wipe(current->start, (size_t)(current->pos - current->start));
    if (first && first != current && first->start)
        wipe_buf(first);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const ngx_chain_t *cl = lists[i]; cl; cl = cl->next) {
            if (cl->buf != current)
                wipe_buf(cl->buf);
        }
    }
}

// In the log phase, because every request comes to it, whoever answered it.
static ngx_int_t arrange_wiping(ngx_http_request_t *r)
{
    bool owns = r == r->main && !r->stream; // an HTTP/2 stream shares its connection's buffers
    ngx_pool_cleanup_t *cleanup = owns ? ngx_pool_cleanup_add(r->pool, 0) : NULL;

    if (cleanup) {
        cleanup->handler = wipe_header_buffers;
        cleanup->data = r;
    }
    return NGX_OK;
}

ngx_int_t enc_ngx_wipe_install(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);

    if (!handler)
        return NGX_ERROR;
    *handler = arrange_wiping;
    return NGX_OK;
}
