/* SPDX-License-Identifier: MIT */
#include "sync/gate.h"
#include <errno.h>
#include <string.h>

void gate_init(go_gate *g, const struct gate_kind *kind)
{
    g->kind = kind;
    g->sched = sched_self();
    list_init(&g->waiters);
    g->leaving = 0;
    g->forks = g->sched ? g->sched->forks : 0;
}

static void claim(go_gate *g, go_sched *s, const char *function)
{
    lot_claim(&g->sched, s, function);
    if (unlikely(s->fork_pending))
        fork_settle(s);
    if (unlikely(g->forks != s->forks)) { /* who was leaving in the parent never runs here */
        g->forks = s->forks;
        g->leaving = 0;
    }
}

/* An amount waits in its wait's arg, bit by bit. */
static int64_t packed(double amount)
{
    int64_t bits;

    memcpy(&bits, &amount, sizeof bits);
    return bits;
}

static double amount_of(const struct wait *w)
{
    double amount;

    memcpy(&amount, &w->arg, sizeof amount);
    return amount;
}

/* Out of the line by its time or by a cancellation: which of them, it finds out when it runs. Until
 * then nobody may pass, since what is there may be its own. */
static void gate_disarm(struct wait *w)
{
    list_remove(&w->link);
    ((go_gate *)w->object)->leaving++;
}

static void gate_describe(const struct wait *w, FILE *out)
{
    const go_gate *g = w->object;
    const struct gate_kind *kind = g->kind;

    fprintf(out, "%s %p", kind->name, w->object);
}

static const struct waitable gate_waitable = {.name = "gate",
                                              .disarm = gate_disarm,
                                              .describe = gate_describe};

/* Lets pass who may pass now, and sets the timer of the next. */
static void serve(go_gate *g)
{
    const struct gate_kind *kind = g->kind;
    go_time now = sched_now(g->sched);

    while (g->leaving == 0 && !list_empty(&g->waiters)) {
        struct wait *w = list_entry(g->waiters.next, struct wait, link);
        go_time due = kind->due(g, amount_of(w));

        if (due > now) {
            wait_set_until(w, due);
            return;
        }
        list_remove(&w->link);
        kind->pass(g, amount_of(w), now, due);
        wait_win(w, 0);
    }
}

int gate_pass(go_gate *g, double amount, const char *function)
{
    const struct gate_kind *kind = g->kind;
    go_sched *s = sched_self();
    struct wait w = {.ops = &gate_waitable, .object = g, .arg = packed(amount)};
    go_time due = GO_FOREVER;
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    claim(g, s, function);
    if (list_empty(&g->waiters) && g->leaving == 0) {
        go_time now = sched_now(s);

        due = kind->due(g, amount);
        if (due <= now) {
            kind->pass(g, amount, now, -1);
            return 0;
        }
    }
    list_push(&g->waiters, &w.link);
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_SLEEP, due);
    if (rc >= 0)
        return w.result;
    g->leaving--;
    if (rc == -ETIMEDOUT) {
        kind->pass(g, amount, sched_now(s), kind->due(g, amount));
        rc = 0;
    }
    serve(g);
    return rc;
}
