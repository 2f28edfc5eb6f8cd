/* SPDX-License-Identifier: MIT */
#include "shim/altstack.h"
#include "core/sys.h"
#include "shim/shim.h"

#ifdef SHIM_CLONE

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

/* As the kernel has it now. */
static stack_t kernels;

static const stack_t none = {.ss_flags = SS_DISABLE};

static bool is_on(const stack_t *st, const void *sp)
{
    return !(st->ss_flags & SS_DISABLE) && (uintptr_t)sp - (uintptr_t)st->ss_sp < st->ss_size;
}

/* t runs, or is about to, with that stack pointer. */
static void load(const struct thread *t, const void *sp)
{
    stack_t want = t->alt;

    if (want.ss_flags & SS_DISABLE || is_on(&want, sp))
        want = none;
    else
        want.ss_flags |= (int)SS_AUTODISARM;
    if (want.ss_sp == kernels.ss_sp && want.ss_size == kernels.ss_size &&
        want.ss_flags == kernels.ss_flags)
        return;
    if (SYS2(SYS_sigaltstack, &want, NULL) == 0)
        kernels = want;
}

static void on_switch(go_sched *s, const fiber *to)
{
    const struct thread *t = thread_of(to);

    (void)s;
    if (t)
        load(t, to->context.sp);
}

long altstack_call(go_sched *s, struct thread *t, const stack_t *new, stack_t *old)
{
    const void *here = __builtin_frame_address(0);
    stack_t was = t->alt, room;
    bool on = is_on(&was, here) && !(was.ss_flags & (int)SS_AUTODISARM);
    long rc;

    if (new &&on)
        return -EPERM;
    rc = SYS2(SYS_sigaltstack, new, old ? old : &room); /* looks at the arguments */
    if (rc < 0)
        return rc;
    if (old) {
        *old = was;
        old->ss_flags = on ? SS_ONSTACK : was.ss_flags;
    }
    if (!new)
        return 0;
    t->alt = *new;
    t->alt.ss_flags &= (int)(SS_DISABLE | SS_AUTODISARM);
    kernels.ss_flags = -1; /* unlike whatever is wanted */
    load(t, here);
    s->on_switch = on_switch;
    return 0;
}

void altstack_left(const struct thread *t)
{
    if (t->fiber->sched->on_switch)
        load(t, __builtin_frame_address(0));
}

void altstack_enter(const ucontext_t *uc)
{
    if (uc->uc_stack.ss_flags & (int)SS_AUTODISARM &&
        is_on(&uc->uc_stack, __builtin_frame_address(0)))
        kernels = none;
}

/* The kernel has again what it had. */
void altstack_leave(const ucontext_t *uc)
{
    kernels = uc->uc_stack;
}

#endif
