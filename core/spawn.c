/* SPDX-License-Identifier: MIT */
#include "core/spawn.h"
#include "core/fork.h"
#include "core/local.h"
#include "core/misuse.h"
#include "core/nursery.h"
#include "core/sched.h"
#include "core/switch.h"
#include <errno.h>
#include <string.h>

enum { TASK_IS_RUNNING = 1 };

static __attribute__((noinline, cold)) bool make_room(go_sched *s)
{
    return heap_reserve(&s->heap, s->fibers + s->timers + 1) == 0;
}

/* Every spawn; inlined into go_spawn, which is the one that counts. */
inline fiber *fiber_new(go_sched *s, go_nursery *n, size_t stack_size, go_fn *fn, void *arg,
                        void *spawned_at)
{
    unsigned size_class = stack_size ? stack_class_of(stack_size) : s->stack_class;
    fiber *f;

    if (unlikely(s->fibers + s->timers >= s->heap.capacity) && !make_room(s))
        return NULL;
    if (unlikely(size_class == 0 || !(f = (fiber *)stack_get(&s->stacks, size_class))))
        return NULL;
    memset(&f->err, 0, offsetof(fiber, name) + 1 - offsetof(fiber, err));
    f->sched = s;
    f->unborn = true;
    f->id = ++s->next_id;
    f->until = GO_FOREVER;
    f->fn = fn;
    f->arg = arg;
    f->spawned_at = spawned_at;
    if (unlikely(s->current->inherited))
        local_inherit(f, s->current);
    nursery_adopt(n, f);
    scope_begin(f, &n->scope);
    san_fiber_begin(f);
    arch_context_init(&f->context, f, fiber_main, f);
    s->fibers++;
    return f;
}

static go_sched *scheduler_of(const go_nursery *n)
{
    go_sched *s = sched_self();

    if (unlikely(n->phase == NURSERY_OPEN && n->owner->sched != s))
        misuse("go_spawn", "this nursery belongs to another thread's scheduler; go_post a function "
                           "there that spawns");
    if (unlikely(s && s->fork_pending))
        fork_settle(s);
    return s;
}

static void set_name(fiber *f, const char *name)
{
    size_t len = strnlen(name, FIBER_NAME - 1);

    memcpy(f->name, name, len);
    f->name[len] = '\0';
}

static void start_later(fiber *f, go_time delay)
{
    go_time now = sched_now(f->sched);

    f->until = delay < GO_FOREVER - now ? now + delay : GO_FOREVER;
    f->how = WAIT_CANCEL;
    f->state = FIBER_PARKED;
    f->parked_at = now;
    f->sched->stats.delayed++;
    if (f->alarm == INT64_MIN)
        fiber_wake_up(f, WAKE_CANCEL);
    else
        fiber_timer_set(f->sched, f);
}

int spawn(go_nursery *n, const go_spawn_opts *opts, go_fn *fn, void *arg, const void *copy,
          size_t copy_size, void *at)
{
    go_sched *s = scheduler_of(n);
    size_t size = opts ? opts->stack_size : 0;
    fiber *f;
    int rc;

    if (!s)
        return -ESHUTDOWN;
    if (!fn)
        return -EINVAL;
    if (opts && opts->foreign > 0 && !tcb_possible() && !SAN)
        return -ENOSYS;
    if (opts && opts->task && opts->task->phase == TASK_IS_RUNNING)
        return -EBUSY;
    if (size && stack_class_of(size) == 0)
        return -EINVAL;
    if (copy_size > (size ? size : (size_t)1 << s->stack_class) / 4)
        return -E2BIG;
    if ((rc = nursery_room(n)) < 0)
        return rc;
    f = fiber_new(s, n, size, fn, arg, at);
    if (!f)
        return -ENOMEM;
    if (copy)
        f->arg = memcpy(fiber_reserve(f, copy_size), copy, copy_size);
    if (opts && opts->foreign)
        f->foreign = opts->foreign > 0 ? 1 : -1;
    if (opts && opts->name)
        set_name(f, opts->name);
    if (opts && opts->task) {
        task_begin(opts->task, n, f);
        scope_begin(f, &opts->task->scope);
    }
    if (opts && opts->delay > 0)
        start_later(f, opts->delay);
    else
        sched_ready(f);
    return 0;
}

int go_spawn(go_nursery *n, go_fn *fn, void *arg)
{
    go_sched *s = scheduler_of(n);
    fiber *f;
    int rc;

    if (unlikely(!s))
        return -ESHUTDOWN;
    if (unlikely(!fn))
        return -EINVAL;
    if (unlikely((rc = nursery_room(n)) < 0))
        return rc;
    f = fiber_new(s, n, 0, fn, arg, __builtin_return_address(0));
    if (unlikely(!f))
        return -ENOMEM;
    f->state = FIBER_READY;
    queue_push(s, f);
    return 0;
}

int go_spawn_with(go_nursery *n, const go_spawn_opts *opts, go_fn *fn, void *arg)
{
    return spawn(n, opts, fn, arg, NULL, 0, __builtin_return_address(0));
}

int go_spawn_copy(go_nursery *n, go_fn *fn, const void *arg, size_t size)
{
    return spawn(n, NULL, fn, NULL, arg ? arg : "", arg ? size : 0, __builtin_return_address(0));
}

/* ---- waiting for a slot ---- */

static void slot_disarm(struct wait *w)
{
    go_nursery *n = w->object;

    list_remove(&w->link);
    if (w->fiber->parent == n)
        n->slot_children--;
}

static void slot_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "a slot of a nursery with max_tasks %u",
            ((const go_nursery *)w->object)->max_tasks);
}

static const struct waitable slot_waitable = {.name = "slot",
                                              .disarm = slot_disarm,
                                              .describe = slot_describe};

int go_spawn_wait(go_nursery *n, go_fn *fn, void *arg)
{
    go_sched *s = scheduler_of(n);
    struct wait w = {.ops = &slot_waitable, .object = n};
    int rc = checkpoint(s);
    fiber *f;

    if (rc < 0)
        return rc;
    rc = spawn(n, NULL, fn, arg, NULL, 0, __builtin_return_address(0));
    if (rc != -EAGAIN)
        return rc;
    if (s->current->parent == n) { /* a child that waits for a slot of its own nursery */
        if (n->slot_children + 1 >= n->max_tasks)
            return -EDEADLK;
        n->slot_children++;
    }
    list_push(&n->slots, &w.link);
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_NURSERY, GO_FOREVER);
    if (rc < 0)
        return rc;
    f = fiber_new(s, n, 0, fn, arg, __builtin_return_address(0));
    nursery_one_less(n); /* it was kept for this spawn */
    if (!f)
        return -ENOMEM;
    sched_ready(f);
    return 0;
}
