// SPDX-License-Identifier: Apache-2.0
// Atomic counters and no lock: nothing is held that a killed worker could keep. The order of the
// two steps makes one that dies between them leave too much counted, never too little.
#include "enc_ngx_quota.h"

#include <signal.h>

#include "enc_ngx.h"

struct slot {
    ngx_pid_t pid;
    ngx_atomic_t n_bytes;
};

struct quota {
    ngx_atomic_t n_bytes;                 // of all slots
    struct slot slots[NGX_MAX_PROCESSES]; // by ngx_process_slot, which no two live processes share
};

// Room for the slab allocator's own pages.
enum { ZONE_BYTES = sizeof(struct quota) + 16 * 4096 };

static struct quota *quota;

struct zone_check {
    ngx_int_t (*check)(void *, ngx_log_t *);
    void *data;
};

static ngx_int_t init_zone(ngx_shm_zone_t *zone, void *old)
{
    ngx_slab_pool_t *slab = (ngx_slab_pool_t *)zone->shm.addr;
    const struct zone_check *check = zone->data;

    if (check->check(check->data, zone->shm.log) != NGX_OK)
        return NGX_ERROR;
    if (old) {
        zone->data = old;
    } else if (zone->shm.exists) {
        zone->data = slab->data;
    } else {
        zone->data = slab->data = ngx_slab_calloc(slab, sizeof(struct quota));
    }
    quota = zone->data;
    return quota ? NGX_OK : NGX_ERROR;
}

ngx_int_t enc_ngx_quota_install(ngx_conf_t *cf, ngx_int_t (*check)(void *, ngx_log_t *),
                                void *check_data)
{
    ngx_str_t name = ngx_string("encrypter_spool");
    ngx_shm_zone_t *zone = ngx_shared_memory_add(cf, &name, ZONE_BYTES, &ngx_http_encrypter_module);
    struct zone_check *zone_check = ngx_palloc(cf->pool, sizeof(*zone_check));

    if (!zone || !zone_check)
        return NGX_ERROR;
    zone_check->check = check;
    zone_check->data = check_data;
    zone->data = zone_check; // until the zone is made
    zone->init = init_zone;
    return NGX_OK;
}

static void add(ngx_atomic_t *counter, off_t n)
{
    (void)ngx_atomic_fetch_add(counter, (ngx_atomic_int_t)n);
}

// Takes back the n bytes of the slot's last owner, which is no more, unless somebody else has.
static void take_back(struct slot *slot, ngx_atomic_uint_t n)
{
    if (n > 0 && ngx_atomic_cmp_set(&slot->n_bytes, n, 0))
        add(&quota->n_bytes, -(off_t)n);
}

void enc_ngx_quota_init_worker(void)
{
    struct slot *slot = &quota->slots[ngx_process_slot];

    take_back(slot, slot->n_bytes);
    slot->pid = ngx_pid;
}

static void take_back_from_the_dead(void)
{
    for (size_t i = 0; i < NGX_MAX_PROCESSES; i++) {
        struct slot *slot = &quota->slots[i];
        ngx_atomic_uint_t n = slot->n_bytes; // before the look at its owner: another may come
        if (n > 0 && kill(slot->pid, 0) == -1 && ngx_errno == NGX_ESRCH)
            take_back(slot, n);
    }
}

static bool try_take(off_t n, off_t max)
{
    off_t before = (off_t)ngx_atomic_fetch_add(&quota->n_bytes, (ngx_atomic_int_t)n);

    if (n <= max && before <= max - n)
        return true;
    add(&quota->n_bytes, -n);
    return false;
}

bool enc_ngx_quota_take(off_t n, off_t max)
{
    bool taken = try_take(n, max);

    if (!taken) {
        take_back_from_the_dead();
        taken = try_take(n, max);
    }
    if (taken)
        add(&quota->slots[ngx_process_slot].n_bytes, n);
    return taken;
}

void enc_ngx_quota_give(off_t n)
{
    add(&quota->slots[ngx_process_slot].n_bytes, -n);
    add(&quota->n_bytes, -n);
}
