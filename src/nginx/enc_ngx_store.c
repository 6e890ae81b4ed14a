// SPDX-License-Identifier: Apache-2.0
#include "enc_ngx_store.h"

// Bytes that are given out at a time, so that the others get their turn.
enum { PIECE_BYTES = 64 * 1024 };

void enc_ngx_store_init(struct enc_ngx_store *store, ngx_pool_t *pool,
                        const struct enc_ngx_store_options *options)
{
    store->options = *options;
    store->pool = pool;
}

static ngx_int_t memory_room(struct enc_ngx_store *store, u_char **ret_room, size_t *ret_cap)
{
    if (!store->memory)
        store->memory = ngx_pnalloc(store->pool, store->options.memory_bytes);
    if (!store->memory)
        return NGX_ERROR;
    *ret_room = store->memory + store->n_memory;
    *ret_cap = store->options.memory_bytes - store->n_memory;
    return NGX_OK;
}

static ngx_int_t spool_room(struct enc_ngx_store *store, u_char **ret_room, size_t *ret_cap)
{
    if (store->options.spool.request_max == 0) {
        store->lacks_spool = true;
        return NGX_ERROR;
    }
    if (!store->spool)
        store->spool = enc_ngx_spool_new(&store->options.spool);
    return store->spool ? enc_ngx_spool_room(store->spool, ret_room, ret_cap) : NGX_ERROR;
}

ngx_int_t enc_ngx_store_room(struct enc_ngx_store *store, u_char **ret_room, size_t *ret_cap)
{
    ngx_int_t rc = store->n_memory < store->options.memory_bytes
                       ? memory_room(store, ret_room, ret_cap)
                       : spool_room(store, ret_room, ret_cap);

    store->has_room = rc == NGX_OK;
    return rc;
}

ngx_int_t enc_ngx_store_fill(struct enc_ngx_store *store, size_t n)
{
    if (!store->has_room)
        return NGX_OK;
    store->has_room = false;
    if (store->spool)
        return enc_ngx_spool_fill(store->spool, n);
    store->n_memory += n;
    return NGX_OK;
}

ngx_int_t enc_ngx_store_next(struct enc_ngx_store *store, const u_char **ret_in, size_t *ret_n)
{
    if (store->memory_at < store->n_memory) {
        *ret_in = store->memory + store->memory_at;
        *ret_n = ngx_min(store->n_memory - store->memory_at, PIECE_BYTES);
        store->memory_at += *ret_n;
        return NGX_OK;
    }
    return store->spool ? enc_ngx_spool_read(store->spool, ret_in, ret_n) : NGX_DONE;
}

bool enc_ngx_store_awaits_disk(const struct enc_ngx_store *store)
{
    return store->spool && enc_ngx_spool_is_at_work(store->spool);
}

enum enc_ngx_error enc_ngx_store_error(const struct enc_ngx_store *store)
{
    if (store->spool)
        return enc_ngx_spool_error(store->spool);
    return store->lacks_spool ? ENC_NGX_ERROR_INSUFFICIENT_STORAGE : ENC_NGX_ERROR_NONE;
}

void enc_ngx_store_free(struct enc_ngx_store *store)
{
    enc_ngx_spool_free(store->spool);
    store->spool = NULL;
}
