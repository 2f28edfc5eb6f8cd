/* SPDX-License-Identifier: MIT */
#include "core/dump.h"
#include "core/scope.h"
#include <gosling/dump.h>

static const char *const policy_names[] = {"fail fast", "supervise", "race", "first", "service"};

static void dump_wait(const struct wait *w, FILE *out)
{
    if (w->ops->describe)
        w->ops->describe(w, out);
    else
        fprintf(out, "%s %p", w->ops->name, w->object);
}

static void dump_state(go_sched *s, const fiber *f, FILE *out)
{
    if (f == s->current) {
        fputs("is running", out);
    } else if (f->state == FIBER_READY) {
        fputs("is ready", out);
    } else if (f->unborn) {
        fprintf(out, "starts in %.3f s", (double)(f->until - s->now) / 1e9);
    } else {
        fprintf(out, "waits since %.3f s for ", (double)(s->now - f->parked_at) / 1e9);
        for (uint32_t i = 0; i < f->nwaits; i++) {
            if (i > 0)
                fputs(i + 1 == f->nwaits ? " or " : ", ", out);
            dump_wait(&f->waits[i], out);
        }
    }
}

static void dump_scope(go_sched *s, fiber *f, FILE *out)
{
    go_scope *catcher = scope_catcher(f);

    if (catcher)
        fprintf(out, "; cancelled: %s", scope_reason_text(catcher));
    else if (f->alarm != GO_FOREVER)
        fprintf(out, "; deadline in %.3f s", (double)(f->alarm - s->now) / 1e9);
}

static void dump_fiber(go_sched *s, fiber *f, FILE *out, int depth)
{
    char name[FIBER_NAME + 32], place[160];

    fprintf(out, "%*s%s ", depth * 2, "", fiber_label(f, name, sizeof name));
    if (f->name[0])
        fprintf(out, "(#%llu) ", fiber_number(f->id));
    dump_state(s, f, out);
    dump_scope(s, f, out);
    if (f->locks != f->unlocks)
        fprintf(out, "; holds %u lock%s", f->locks - f->unlocks,
                f->locks - f->unlocks == 1 ? "" : "s");
    if (f != s->main) {
        if (f->spawned_at)
            fprintf(out, "; spawned at %s", fiber_place(f->spawned_at, place, sizeof place));
        fprintf(out, "; stack %zu of %zu KiB", stack_high_water(&f->stack) / 1024,
                stack_size(&f->stack) / 1024);
    }
    fputc('\n', out);
}

static void dump_below(go_sched *s, fiber *f, FILE *out, int depth);

/* Outermost first, as they were opened. */
static void dump_nurseries(go_sched *s, go_nursery *n, FILE *out, int depth)
{
    if (!n)
        return;
    dump_nurseries(s, n->outer, out, depth);
    fprintf(out, "%*snursery (%s), %u %s%s\n", depth * 2, "", policy_names[n->policy], n->live,
            n->live == 1 ? "child" : "children",
            n->scope.cancelled ? ", cancelled"
            : n->scope.soft    ? ", stopping"
                               : "");
    for (list *l = n->children.next; l != &n->children; l = l->next)
        dump_below(s, list_entry(l, fiber, siblings), out, depth + 1);
}

static void dump_below(go_sched *s, fiber *f, FILE *out, int depth)
{
    dump_fiber(s, f, out, depth);
    dump_nurseries(s, f->nursery, out, depth + 1);
}

void dump_tree(go_sched *s, FILE *out)
{
    for (list *l = s->root.children.next; l != &s->root.children; l = l->next)
        dump_below(s, list_entry(l, fiber, siblings), out, 1);
}

/* The few that say whether all is well: go_stats has the rest. */
static void dump_numbers(go_sched *s, FILE *out)
{
    const struct stats *st = &s->stats;

    fprintf(out,
            "  %llu turns, %llu sleeps, %u fds, %u offloaded, %llu cancellations; slices: 99 %% "
            "below %.3f ms, longest %.3f ms; timers late: 99 %% below %.3f ms, most %.3f ms\n",
            (unsigned long long)st->turns, (unsigned long long)st->sleeps, loop_active(s->loop),
            s->offloads, (unsigned long long)st->cancellations,
            (double)go_histogram_quantile(&st->slice, 0.99) / 1e6, (double)st->slice.max / 1e6,
            (double)go_histogram_quantile(&st->loop_lag, 0.99) / 1e6,
            (double)st->loop_lag.max / 1e6);
}

void go_dump(FILE *out)
{
    go_sched *s = sched_self();

    if (!s) {
        fputs("gosling: no scheduler runs on this thread\n", out);
        return;
    }
    sched_now(s);
    fprintf(out, "gosling: %u fiber%s, %llu dispatches, %zu KiB of stacks reserved\n", s->fibers,
            s->fibers == 1 ? "" : "s", (unsigned long long)sched_dispatches(s),
            s->stacks.reserved / 1024);
    dump_tree(s, out);
    dump_numbers(s, out);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (s->slots[i].dump)
            s->slots[i].dump(s, s->slots[i].state, out);
}
