/* SPDX-License-Identifier: MIT */
#include "core/deadlock.h"
#include "core/dump.h"
#include "core/misuse.h"
#include "core/scope.h"
#include <errno.h>

/* The first fiber on a cycle of who waits for whom that is reachable from f, or NULL. Brent would
 * need less; a cycle check by counting is plain, and this runs once. */
static fiber *cycle_from(go_sched *s, fiber *f)
{
    unsigned steps = 0;

    while (f && f->state == FIBER_PARKED && f->nwaits == 1 && f->waits->ops->holder) {
        f = f->waits->ops->holder(f->waits);
        if (++steps > s->fibers)
            return f;
    }
    return NULL;
}

static void print_cycle(fiber *first)
{
    char name[FIBER_NAME + 32];
    fiber *f = first;

    fputs("gosling: these wait for each other:", stderr);
    do {
        fprintf(stderr, " %s ->", fiber_label(f, name, sizeof name));
        f = f->waits->ops->holder(f->waits);
    } while (f != first);
    fprintf(stderr, " %s\n", fiber_label(first, name, sizeof name));
}

void deadlock_closing(fiber *f, const struct wait *w)
{
    char name[FIBER_NAME + 32], place[160];
    fiber *each = f;
    unsigned steps = 0;

    /* the others wait already; f is about to */
    for (fiber *g = w->ops->holder ? w->ops->holder(w) : NULL; g != f;
         g = g->waits->ops->holder(g->waits))
        if (!g || g->state != FIBER_PARKED || g->nwaits != 1 || !g->waits->ops->holder ||
            ++steps > f->sched->fibers)
            return;
    report("a cycle of locks has just closed; nobody in it goes on, unless one is cancelled:");
    do {
        const struct wait *wait = each == f ? w : each->waits;

        fprintf(stderr, "  %s", fiber_label(each, name, sizeof name));
        if (each->spawned_at)
            fprintf(stderr, ", spawned at %s,", fiber_place(each->spawned_at, place, sizeof place));
        fputs(" waits for ", stderr);
        if (wait->ops->describe)
            wait->ops->describe(wait, stderr);
        fputc('\n', stderr);
        each = wait->ops->holder(wait);
    } while (each != f);
}

static fiber *find_cycle(go_sched *s, go_nursery *n)
{
    fiber *found = NULL;

    for (list *l = n->children.next; !found && l != &n->children; l = l->next) {
        fiber *f = list_entry(l, fiber, siblings);

        found = cycle_from(s, f);
        for (go_nursery *inner = f->nursery; !found && inner; inner = inner->outer)
            found = find_cycle(s, inner);
    }
    return found;
}

static void explain(go_sched *s)
{
    fiber *cycle = find_cycle(s, &s->root);

    report("deadlock: nothing can ever wake this program. No fiber is ready, none waits for a "
           "time, a descriptor or a thread. "
           "All of them:");
    dump_tree(s, stderr);
    if (cycle)
        print_cycle(cycle);
    report("the run is cancelled (reason: deadlock) and will return -EDEADLK. If a thread or "
           "signal handler was to wake it "
           "by go_post, say so with go_sched_hold.");
}

void deadlock(go_sched *s)
{
    if (s->doomed)
        misuse("go_run", "fibers are still waiting after the run was cancelled for a deadlock; a "
                         "wait must have been entered "
                         "again and again, or is not gosling's");
    if (s->verdict == 0) {
        explain(s);
        s->verdict = -EDEADLK;
        scope_cancel(s, &s->root.scope, REASON_DEADLOCK, NULL);
        if (s->tail || s->pending)
            return;
    }
    /* Whoever is left waits under a shield, for something that will not come. */
    s->doomed = true;
    if (!s->root.scope.cancelled)
        scope_cancel(s, &s->root.scope, REASON_DEADLOCK, NULL);
    scope_refresh(s, &s->root.scope);
}
