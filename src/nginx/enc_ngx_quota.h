// SPDX-License-Identifier: Apache-2.0
// How many bytes of disk the spools of the whole service hold, counted in shared memory.
//
// A worker that was killed cannot give back what it took. So each worker also counts in a slot of
// its own, and whoever finds the service full takes back what the dead have left.
#ifndef ENC_NGX_QUOTA_H
#define ENC_NGX_QUOTA_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
// clang-format on

#include <stdbool.h>

// Has nginx make the shared memory, once for all configurations that follow each other. `check` is
// called whenever a new one comes into force, once its folders exist; if it fails, so does the
// configuration, and an old one goes on. NGX_OK or NGX_ERROR.
ngx_int_t enc_ngx_quota_install(ngx_conf_t *cf, ngx_int_t (*check)(void *, ngx_log_t *),
                                void *check_data);

// Takes this worker's slot. In each worker, before it takes anything.
void enc_ngx_quota_init_worker(void);

// Counts n > 0 more bytes, if the service then has no more than max. False: it is full.
bool enc_ngx_quota_take(off_t n, off_t max);

// Gives back n bytes that were taken.
void enc_ngx_quota_give(off_t n);

#endif
