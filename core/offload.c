/* SPDX-License-Identifier: MIT
 *
 * go_offload: the pool's job lies on the waiting fiber's stack; the pool's thread puts the job's
 * message into the scheduler's inbox when the function has returned. */
#include "core/pool.h"
#include "core/sched.h"
#include "core/scope.h"
#include <errno.h>
#include <gosling/offload.h>

struct offload {
    struct pool_job job;
    struct inbox_msg msg;
    struct wait wait;
    go_sched *sched;
};

/* On the loop. */
static void offload_arrived(void *arg)
{
    struct offload *o = arg;

    o->sched->offloads--;
    wait_win(&o->wait, o->job.result);
}

/* On the pool's thread. The scheduler cannot be gone: its fiber waits for this. */
static void offload_done(struct pool_job *job)
{
    struct offload *o = list_entry(job, struct offload, job);

    inbox_push(&o->sched->inbox, &o->msg);
}

static void offload_disarm(struct wait *w)
{
    (void)w;
}

/* Once it runs there is no way but to wait, since arg is the caller's. */
static bool offload_withdraw(struct wait *w)
{
    struct offload *o = w->object;

    return pool_withdraw(&o->job);
}

static void offload_describe(const struct wait *w, FILE *out)
{
    const struct offload *o = w->object;
    char place[160];

    fprintf(out, "offloaded %s", fiber_place((void *)(uintptr_t)o->job.fn, place, sizeof place));
}

static const struct waitable offload_waitable = {.name = "offload",
                                                 .disarm = offload_disarm,
                                                 .describe = offload_describe,
                                                 .withdraw = offload_withdraw};

int go_offload(go_fn *fn, void *arg)
{
    go_sched *s = sched_self();
    struct offload o = {.job = {.fn = fn, .arg = arg, .done = offload_done},
                        .msg = {.fn = offload_arrived, .arg = &o},
                        .wait = {.ops = &offload_waitable, .object = &o},
                        .sched = s};
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (!fn)
        return -EINVAL;
    rc = pool_submit(&o.job);
    if (rc < 0)
        return rc;
    s->offloads++;
    s->stats.offloads++;
    rc = wait_park(&o.wait, 1, WAIT_CANCEL | WAIT_ASK | PARK_OFFLOAD, GO_FOREVER);
    if (rc >= 0)
        return o.wait.result;
    s->offloads--;
    return rc;
}

unsigned go_offload_threads(unsigned *most)
{
    return pool_threads(most);
}
