/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>

void go_event_init(go_event *e, int flags)
{
    lot_refuse_shared(flags, "go_event_init");
    e->sched = sched_self();
    list_init(&e->waiters);
    e->set = false;
}

static int event_commit(struct wait *w)
{
    go_event *e = w->object;

    lot_claim(&e->sched, sched_self(), "go_event_wait");
    if (!e->set)
        return -EAGAIN;
    w->result = 0;
    return 0;
}

static void event_arm(struct wait *w)
{
    list_push(&((go_event *)w->object)->waiters, &w->link);
}

const struct waitable event_waitable = {.name = "event", .commit = event_commit, .arm = event_arm};

int go_event_wait(go_event *e)
{
    go_sched *s = sched_self();
    struct wait w = {.ops = &event_waitable, .object = e};
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    lot_claim(&e->sched, s, "go_event_wait");
    return e->set ? 0 : lot_wait(&e->waiters, &w, WAIT_CANCEL);
}

void go_event_set(go_event *e)
{
    struct wait *w;

    lot_claim(&e->sched, sched_self(), "go_event_set");
    e->set = true;
    while ((w = lot_pop(&e->waiters)))
        wait_win(w, 0);
}

void go_event_clear(go_event *e)
{
    lot_claim(&e->sched, sched_self(), "go_event_clear");
    e->set = false;
}

bool go_event_is_set(const go_event *e)
{
    return e->set;
}
