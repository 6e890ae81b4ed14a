// SPDX-License-Identifier: Apache-2.0
// Jobs of a worker that have work, collected over a turn of its event loop and run together, so
// that many uploads go through the wide kernel side by side.
//
// It costs nobody time: what is collected runs in the same turn, behind the events that were ready
// with it. One job alone runs at once then.
#ifndef ENC_NGX_BATCH_H
#define ENC_NGX_BATCH_H

// clang-format off: nginx's headers depend on their order
#include <ngx_config.h>
#include <ngx_core.h>
// clang-format on

#include <stdbool.h>

#include "enc_job.h"

// One job's place. All zero but for the last three, which the owner sets.
struct enc_ngx_batch_place {
    ngx_queue_t queue;
    bool is_in;
    struct enc_job *job;
    void (*go_on)(void *data); // called once the work is done, as by an event
    void *data;
};

// The job stands at ENC_JOB_HAS_WORK, and is not to be touched until go_on.
void enc_ngx_batch_add(struct enc_ngx_batch_place *place);

// Takes a job out, whose work is then not done. Harmless for one that is not in.
void enc_ngx_batch_remove(struct enc_ngx_batch_place *place);

#endif
