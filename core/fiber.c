/* SPDX-License-Identifier: MIT */
#include "core/fiber.h"
#include "core/fork.h"
#include "core/hold.h"
#include "core/local.h"
#include "core/misuse.h"
#include "core/nursery.h"
#include "core/sched.h"
#include "core/spawn.h"
#include "core/switch.h"
#include <dlfcn.h>
#include <errno.h>
#include <gosling/fiber.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- a fiber's life ---- */

/* f has ended: its stack is free from here on, and nothing may happen on it before the switch. */
static inline __attribute__((always_inline)) void leave(go_sched *s, fiber *f)
{
    f->state = FIBER_ENDED;
    stack_put(&s->stacks, &f->stack);
    switch_to(s, f, queue_leave(s, f));
    __builtin_unreachable();
}

void *fiber_reserve(fiber *f, size_t size)
{
    char *top = (char *)f - ((size + 15) & ~(size_t)15);

    stack_begins_at(&f->stack, top);
    arch_context_init(&f->context, top, fiber_main, f);
    return top;
}

/* A lock whose owner ends can be found only by who waits for it: a walk, but only for a fiber that
 * forgot to unlock. */
static void orphan_waiters(go_nursery *n, fiber *f)
{
    for (list *l = n->children.next; l != &n->children; l = l->next) {
        fiber *child = list_entry(l, fiber, siblings);

        for (uint32_t i = 0; child->state == FIBER_PARKED && i < child->nwaits; i++) {
            struct wait *w = &child->waits[i];

            if (w->ops->orphaned && w->ops->holder(w) == f) {
                w->ops->orphaned(w);
                break;
            }
        }
        for (go_nursery *inner = child->nursery; inner; inner = inner->outer)
            orphan_waiters(inner, f);
    }
}

static __attribute__((noinline, cold)) void left_open(const fiber *f)
{
    char name[FIBER_NAME + 32];

    if (f->nursery)
        misuse("a fiber's function", "%s returned with a nursery open; close it, or use GO_NURSERY",
               fiber_label(f, name, sizeof name));
    misuse("a fiber's function",
           "%s returned inside a scope; leave it with go_scope_exit, or use the block forms",
           fiber_label(f, name, sizeof name));
}

/* Errors that no block delivered are what this fiber comes to, or beside its own error that one's
 * cause. */
static int climb(fiber *f, int rc)
{
    struct go_error *group = f->undelivered;

    f->undelivered = NULL;
    f->climbed = true;
    if (group && rc < 0 && f->last_error) {
        error_add(group, f->last_error);
        f->last_error = NULL;
    }
    error_set_last(f, group);
    if (group)
        group->code = f->climbs;
    if (rc < 0)
        return rc;
    f->hit = false; /* what climbs is real */
    return f->climbs;
}

/* What an ordinary fiber does not have. Before its end is told, and after. */
static __attribute__((noinline)) int extras_before(go_sched *s, fiber *f, int rc)
{
    if (f->defers)
        defer_run(s, f);
    if (f->locals || f->inherited)
        local_end(f);
    return f->climbs ? climb(f, rc) : rc;
}

static __attribute__((noinline)) void extras_after(fiber *f)
{
    error_set_last(f, NULL);
    error_free(f->undelivered);
    f->undelivered = NULL;
    free(f->fail);
    f->fail = NULL;
}

/* f's function has returned rc: cleans up behind it and tells its parent. */
static inline int finish(go_sched *s, fiber *f, int rc)
{
    go_nursery *n;
    bool told = false;

    if (unlikely(s->fork_pending))
        fork_settle(s);
    if (unlikely(f->extras))
        rc = extras_before(s, f, rc);
    if (unlikely(f->tcb))
        tcb_end(f);
    if (unlikely(f->nursery || (f->scope->owner == f && !f->scope->base)))
        left_open(f);
    if (unlikely(f->locks != f->unlocks))
        orphan_waiters(&s->root, f);
    if (unlikely(f->holds))
        holds_abandon(&f->holds);
    if (unlikely(f->starter))
        told = start_ended(f, rc);
    if (unlikely(f->timer.slot))
        heap_remove(&s->heap, &f->timer);
    s->fibers--;
    n = f->parent;
    if (!told && (rc < 0 || n->policy == GO_RACE || n->policy == GO_FIRST))
        nursery_judge(n, f, rc);
    list_remove(&f->siblings);
    if (f->task)
        task_end(f->task, f, rc);
    nursery_one_less(n);
    if (unlikely(f->extras))
        extras_after(f);
    return rc;
}

int fiber_finish(fiber *f, int rc)
{
    return finish(f->sched, f, rc);
}

/* The first function on a fiber's stack. */
SAN_BARE void fiber_main(void *arg)
{
    fiber *f = arg;
    go_sched *s = f->sched;
    int rc;

    san_entered(f);
    f->unborn = false;
    if (unlikely(f->wake == WAKE_CANCEL)) { /* delayed, and cancelled before its time */
        scope_deliver(f);
        rc = scope_refused();
    } else {
        if (unlikely(f->foreign > 0 || (tcb_by_default && f->foreign == 0)))
            tcb_begin(f);
        rc = f->fn(f->arg);
    }
    rc = finish(s, f, rc);
    if (unlikely(f == s->child_main))
        fork_exit(rc);
    leave(s, f);
}

bool fiber_stack_of_fault(const void *addr, const char **name, uint64_t *id, size_t *size)
{
    go_sched *s = sched_self();
    const fiber *f = s ? s->current : NULL;
    const char *at = addr;

    if (!f || f == s->main || at >= f->stack.lo || at < f->stack.lo - STACK_GUARD)
        return false;
    *name = f->name;
    *id = fiber_number(f->id);
    *size = stack_size(&f->stack);
    return true;
}

/* ---- names ---- */

const char *fiber_label(const fiber *f, char *buf, size_t size)
{
    Dl_info info;

    if (f->name[0])
        snprintf(buf, size, "%s", f->name);
    else if (f == f->sched->main)
        snprintf(buf, size, "main");
    else if (f == f->sched->loop_fiber)
        snprintf(buf, size, "loop");
    else if (f->fn && dladdr((void *)(uintptr_t)f->fn, &info) && info.dli_sname)
        snprintf(buf, size, "#%llu %s", fiber_number(f->id), info.dli_sname);
    else
        snprintf(buf, size, "#%llu", fiber_number(f->id));
    return buf;
}

const char *fiber_place(const void *pc, char *buf, size_t size)
{
    Dl_info info;
    const char *file;

    if (!dladdr(pc, &info) || !info.dli_fname) {
        snprintf(buf, size, "%p", pc);
        return buf;
    }
    file = strrchr(info.dli_fname, '/');
    file = file ? file + 1 : info.dli_fname;
    if (info.dli_sname)
        snprintf(buf, size, "%s+0x%zx (%s)", info.dli_sname,
                 (size_t)((const char *)pc - (const char *)info.dli_saddr), file);
    else /* a static function: what addr2line wants */
        snprintf(buf, size, "%s+0x%zx", file,
                 (size_t)((const char *)pc - (const char *)info.dli_fbase));
    return buf;
}

void go_name(const char *fmt, ...)
{
    go_sched *s = sched_self();
    va_list args;

    if (!s || s->current == s->loop_fiber)
        return;
    va_start(args, fmt);
    vsnprintf(s->current->name, FIBER_NAME, fmt, args);
    va_end(args);
}
