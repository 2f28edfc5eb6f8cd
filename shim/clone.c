/* SPDX-License-Identifier: MIT
 *
 * clone and clone3 of fibers: a new thread is a fiber, if the program's threads are; a new process
 * has a copy of our memory, and learns from us that it is one, since only fork itself would have
 * called its handlers; one that shares it, as posix_spawn's, runs beside a scheduler that stands
 * still. */
#include "shim/clone.h"
#include "core/fork.h"
#include "core/sys.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/trap.h"
#include <linux/sched.h>
#include <string.h>
#include <ucontext.h>

#ifdef SHIM_CLONE

bool shim_clone(greg_t *g);

/* clone.S */
long clone_raw(const long *arguments, const greg_t *registers);

static int want_of_clone3(const struct clone_args *c, size_t size, struct clone_want *w,
                          uint64_t *signal)
{
    if (size < sizeof(uint64_t) * 8)
        return -EINVAL;
    *w = (struct clone_want){.flags = c->flags,
                             .stack_end = c->stack ? c->stack + c->stack_size : 0,
                             .parent_tid = (int *)c->parent_tid,
                             .child_tid = (int *)c->child_tid,
                             .tls = (void *)c->tls};
    *signal = c->exit_signal;
    return 0;
}

static void want_of_clone(const greg_t *g, struct clone_want *w, uint64_t *signal)
{
    *w = (struct clone_want){.flags = (uint64_t)g[REG_RDI] & ~(uint64_t)CSIGNAL,
                             .stack_end = (uintptr_t)g[REG_RSI],
                             .parent_tid = (int *)g[REG_RDX],
                             .child_tid = (int *)g[REG_R10],
                             .tls = (void *)g[REG_R8]};
    *signal = (uint64_t)g[REG_RDI] & CSIGNAL;
}

/* Another process, which shares our memory, on a stack of its own. What clone cannot do is refused,
 * as by an older kernel. No signal may reach a handler of ours in there. */
static long share_memory(go_sched *s, const struct clone_want *w, uint64_t signal, const greg_t *g)
{
    const uint64_t beyond = ~(uint64_t)UINT32_MAX | CLONE_PIDFD | CSIGNAL, all = ~UINT64_C(0);
    const long a[5] = {(long)(w->flags | signal), (long)w->stack_end, (long)w->parent_tid,
                       (long)w->child_tid, (long)w->tls};
    uint64_t mask;
    long rc;

    if (w->flags & beyond)
        return -ENOSYS;
    s->no_park++;
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof mask);
    trap_entered(s, false); /* which the child does not inherit */
    rc = clone_raw(a, g);
    trap_entered(s, true);
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    s->no_park--;
    return rc;
}

/* Its descriptors are ours as well. */
static void shares_files(uint64_t flags)
{
    if (flags & CLONE_FILES)
        seen_end();
    seen_shared();
}

long clone_copy(const struct site_registers *r, uint64_t flags)
{
    long rc;

    shares_files(flags);
    rc = site_pass(r);
    if (rc == 0)
        fork_without_libc();
    return rc;
}

/* In C's frames, of which the child has a copy: a stack of its own it is given when it leaves them.
 * False: it cannot be in them, or what it is to be is not known. */
static bool copy_memory(const struct clone_want *w, long nr, greg_t *g, long *result)
{
    struct clone_args args;
    size_t size = (size_t)g[REG_RSI];
    struct site_registers r = {.nr = nr,
                               .a = {g[REG_RDI], 0, g[REG_RDX], g[REG_R10], g[REG_R8], 0}};

    if (w->flags & (CLONE_VM | CLONE_SETTLS) || (nr == SYS_clone3 && size > sizeof args)) {
        shares_files(w->flags);
        return false;
    }
    if (nr == SYS_clone3) {
        memcpy(&args, (const void *)g[REG_RDI], size);
        args.stack = args.stack_size = 0;
        r.a[0] = (long)&args;
        r.a[1] = (long)size;
    }
    *result = clone_copy(&r, w->flags);
    if (*result == 0 && w->stack_end)
        g[REG_RSP] = (greg_t)w->stack_end;
    return true;
}

static bool process_call(go_sched *s, long nr, struct clone_want *w, uint64_t signal, greg_t *g,
                         long *result)
{
    if (w->stack_end && w->flags & CLONE_VM) {
        shares_files(w->flags);
        *result = share_memory(s, w, signal, g);
        return true;
    }
    if (nr == SYS_clone) { /* or the child would go on beside us, on our stack */
        g[REG_RDI] &= ~(greg_t)(CLONE_VM | CLONE_VFORK);
        w->flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
    }
    return copy_memory(w, nr, g, result);
}

bool clone_call(go_sched *s, long nr, greg_t *g, long *result)
{
    struct clone_want w;
    uint64_t signal;

    *result = 0;
    if (nr == SYS_clone)
        want_of_clone(g, &w, &signal);
    else
        *result =
            want_of_clone3((const struct clone_args *)g[REG_RDI], (size_t)g[REG_RSI], &w, &signal);
    if (*result < 0)
        return true;
    if (!(w.flags & CLONE_THREAD))
        return process_call(s, nr, &w, signal, g, result);
    if (!threads_on || !(w.flags & CLONE_SETTLS) || !w.stack_end) {
        seen_end();
        return false;
    }
    *result = threads_clone(s, (const long *)g, &w);
    return true;
}

/* From clone.S: whether the call itself is to be made. */
bool shim_clone(greg_t *g)
{
    go_sched *s = shim_fiber(GO_SHIM_PROCESS);
    long rc;

    if (!s)
        return true;
    s->current->inside++;
    if (!clone_call(s, g[REG_RAX], g, &rc)) {
        s->current->inside--;
        return true;
    }
    g[REG_RAX] = rc;
    s->current->inside--;
    return false;
}

#endif
