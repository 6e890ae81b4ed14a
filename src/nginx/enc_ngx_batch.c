// SPDX-License-Identifier: Apache-2.0
#include "enc_ngx_batch.h"

#include <ngx_event.h>

static void run_batch(ngx_event_t *event);

static ngx_event_t event = {.handler = run_batch};
static ngx_queue_t waiting; // for the work to be done
static ngx_queue_t done;    // and to be told

static void put(ngx_queue_t *queue, struct enc_ngx_batch_place *place)
{
    ngx_queue_insert_tail(queue, &place->queue);
    place->is_in = true;
}

static struct enc_ngx_batch_place *take(ngx_queue_t *queue)
{
    struct enc_ngx_batch_place *place =
        ngx_queue_data(ngx_queue_head(queue), struct enc_ngx_batch_place, queue);

    enc_ngx_batch_remove(place);
    return place;
}

// As many as go abreast; those who come while these are told wait behind the others.
static void run_batch(ngx_event_t *posted)
{
    struct enc_job *jobs[ENC_JOBS_ABREAST];
    size_t n = 0;

    (void)posted;
    while (n < ENC_JOBS_ABREAST && !ngx_queue_empty(&waiting)) {
        struct enc_ngx_batch_place *place = take(&waiting);
        jobs[n++] = place->job;
        put(&done, place);
    }
    enc_jobs_run(jobs, n);
    // One that goes on may be the end of others, which then take themselves out.
    while (!ngx_queue_empty(&done)) {
        struct enc_ngx_batch_place *place = take(&done);
        place->go_on(place->data);
    }
    if (!ngx_queue_empty(&waiting)) {
        ngx_post_event(&event, &ngx_posted_events);
    }
}

void enc_ngx_batch_add(struct enc_ngx_batch_place *place)
{
    if (!waiting.next) {
        ngx_queue_init(&waiting);
        ngx_queue_init(&done);
    }
    put(&waiting, place);
    event.log = ngx_cycle->log; // of a process without workers it may be another by now
    // What is posted while posted events run is run too, in the same turn.
    ngx_post_event(&event, &ngx_posted_events);
}

void enc_ngx_batch_remove(struct enc_ngx_batch_place *place)
{
    if (place->is_in) { // what follows is more than one statement
        ngx_queue_remove(&place->queue);
    }
    place->is_in = false;
}
