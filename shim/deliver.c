/* SPDX-License-Identifier: MIT
 *
 * Signals of a program whose threads are fibers. Each thread has a mask and pending signals of its
 * own; the kernel knows one thread, the carrier, which blocks what all of them block. So what is
 * blocked by all waits in the kernel, and whatever else comes, comes at once: its handler here puts
 * it down, and gives it to a thread that does not block it, the first one before all others, as
 * Linux does (signal(7)). A thread takes its signals where a kernel would give them: at the end of
 * a call, after the end of its slice, or, where it has just been interrupted itself, then and
 * there. */
#include "shim/altstack.h"
#include "shim/pending.h"
#include "shim/trap.h"
#include <string.h>
#include <unistd.h>

#ifdef SHIM_CLONE

struct action signal_actions[SIGNALS + 1];

/* ---- handlers ---- */

void action_default(int sig)
{
    struct action none = {0};
    uint64_t bit = BIT(sig);

    if (bit & IGNORED_BY_DEFAULT)
        return;
    if (bit & STOPS_BY_DEFAULT) {
        SYS2(SYS_kill, getpid(), SIGSTOP);
        return;
    }
    threads_abandon();
    SYS4(SYS_rt_sigaction, sig, &none, NULL, sizeof(uint64_t));
    SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
    SYS3(SYS_tgkill, getpid(), sys_gettid(), sig);
}

static struct action begin_handler(struct thread *t, int sig)
{
    struct action a = signal_actions[sig];

    if (a.flags & SA_RESETHAND && sig != SIGTRAP && sig != SIGILL) {
        signal_actions[sig].fn = DEFAULT;
        action_to_kernel(sig, &signal_actions[sig]);
    }
    mask_set(t, t->mask | a.mask | (a.flags & SA_NODEFER ? 0 : BIT(sig)));
    return a;
}

/* onstack.S */
void call_on_stack(void *top, handler_fn *fn, int sig, siginfo_t *info, void *context);

static bool wants_alt(const struct thread *t, const struct action *a)
{
    const char *lo = t->alt.ss_sp, *here = __builtin_frame_address(0);

    return a->flags & SA_ONSTACK && !(t->alt.ss_flags & SS_DISABLE) &&
           !(here >= lo && here < lo + t->alt.ss_size);
}

/* On t's stack, inside a call. It may be left by siglongjmp, or by the thread's end. */
static void run(struct thread *t, int sig, siginfo_t *info)
{
    uint64_t before = t->mask_is_until ? t->mask_after : t->mask;
    fiber *f = t->fiber;
    uint8_t inside = f->inside;
    struct action a = begin_handler(t, sig);
    ucontext_t uc;

    memset(&uc, 0, sizeof uc);
    memcpy(&uc.uc_sigmask, &before, sizeof before);
    uc.uc_stack = t->alt;
    uc.uc_mcontext.gregs[REG_RIP] = (greg_t)__builtin_return_address(0);
    uc.uc_mcontext.gregs[REG_RSP] = (greg_t)__builtin_frame_address(0);
    t->mask_is_until = false;
    f->inside = 0;
    if (wants_alt(t, &a))
        call_on_stack((char *)t->alt.ss_sp + t->alt.ss_size, a.fn, sig, info, &uc);
    else
        a.fn(sig, info, &uc);
    f->inside = inside;
    memcpy(&before, &uc.uc_sigmask, sizeof before);
    mask_set(t, before);
}

bool deliver_left(go_sched *s, long rc)
{
    fiber *f = s->current;
    struct thread *t = thread_of(f);
    bool any = false, restart = true, restarts = f->restarts;
    siginfo_t info;
    int sig;

    f->attention = false;
    f->restarts = false;
    if (!t)
        return false;
again:
    for (;;) {
        const struct action *a;

        f->attention = false; /* before it is looked: what comes from now on sets it again */
        pending_give_out(s);
        sig = pending_take(t, ~t->mask, &info);
        if (!sig)
            break;
        a = &signal_actions[sig];
        if (action_is_ignored(sig))
            continue;
        if (!action_is_function(a)) {
            action_default(sig);
            continue;
        }
        any = true;
        restart = restart && a->flags & SA_RESTART;
        run(t, sig, &info);
    }
    if (rc == -EINTR && (!any || (restart && restarts)))
        return true;
    if (t->mask_is_until) {
        t->mask_is_until = false;
        mask_set(t, t->mask_after);
    }
    if (f->attention) {
        rc = 0;
        goto again; /* not by itself: what never ends would need a stack of that size */
    }
    return false;
}

/* Then and there, where the kernel has interrupted the thread itself. */
static void run_here(struct thread *t, int sig, siginfo_t *info, ucontext_t *uc)
{
    uint64_t before = t->mask;
    struct action a = begin_handler(t, sig);

    altstack_enter(uc);
    deliver_kernels_mask(uc);
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &uc->uc_sigmask, NULL, sizeof before);
    memcpy(&uc->uc_sigmask, &before, sizeof before);
    a.fn(sig, info, uc);
    memcpy(&before, &uc->uc_sigmask, sizeof before);
    mask_set(t, before);
    t->fiber->inside++;
    while (t->fiber->attention)
        deliver_left(t->fiber->sched, 0);
    t->fiber->inside--;
    deliver_kernels_mask(uc);
    altstack_leave(uc);
}

/* Whether the thread that is interrupted is the one to have it. */
static bool is_for(const struct thread *t, const go_sched *s, const siginfo_t *info)
{
    const struct thread *aimed =
        info->si_code == SI_TIMER ? ids_timer_thread(info->si_timerid) : NULL;

    if (aimed)
        return t == aimed;
    return t->fiber == s->main || thread_of(s->main)->mask & BIT(info->si_signo) ||
           s->main->attention;
}

static void arrives(int sig, siginfo_t *info, void *context)
{
    go_sched *s = sched_self();
    struct thread *t = s && s->current ? thread_of(s->current) : NULL;
    ucontext_t *uc = context;
    bool fault = BIT(sig) & FAULTS && info->si_code > 0;
    int saved = errno;

    if (!s) { /* a thread that is none of the program's */
        if (action_is_function(&signal_actions[sig]))
            signal_actions[sig].fn(sig, info, context);
        return;
    }
    if (fault && t) {
        t->fiber->inside = 0;
        run_here(t, sig, info, uc);
    } else if (fault) {
        action_default(sig);
    } else if (t && !t->fiber->inside && !s->no_park && mask_takes(t, sig) &&
               action_is_function(&signal_actions[sig]) &&
               !slice_is_ours((uintptr_t)uc->uc_mcontext.gregs[REG_RIP]) && is_for(t, s, info)) {
        run_here(t, sig, info, uc);
    } else {
        pending_put_down(info, uc);
        if (t) {
            t->fiber->attention = true;
            if (!t->fiber->inside) /* the call may be over, and no other follow */
                slice_begin();
        } else if (thread_of(s->main)) { /* on the loop: its call may end before the loop gives it
                                          */
            s->main->attention = true;
        }
    }
    errno = saved;
}

/* ---- beginning ---- */

void action_to_kernel(int sig, const struct action *a)
{
    const unsigned long kept = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_ONSTACK | SA_RESTART;
    struct action mine = {.fn = a->fn, .flags = a->flags & kept};

    if (sig == SLICE_SIGNAL || sig == SIGSYS)
        return;
    if (action_is_function(a) || sig == CANCEL || sig == SETXID) {
        mine.fn = arrives;
        mine.mask = ~(FAULTS | UNBLOCKABLE);
        mine.flags |= SA_SIGINFO;
    }
    action_install(sig, mine);
}

void deliver_begin(go_sched *s, struct thread *first)
{
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &first->mask, sizeof first->mask);
    SYS2(SYS_sigaltstack, NULL, &first->alt);
    pending_begin(s, first);
    for (int sig = 1; sig <= SIGNALS; sig++) {
        struct sigaction was;

        if (sig == SIGSYS || BIT(sig) & UNBLOCKABLE)
            continue;
        if (sig == CANCEL || sig == SETXID) { /* libc shows those to nobody */
            SYS4(SYS_rt_sigaction, sig, NULL, &signal_actions[sig], sizeof(uint64_t));
        } else {
            if (shim_sigaction(sig, NULL, &was) < 0)
                continue;
            signal_actions[sig] =
                (struct action){.fn = was.sa_sigaction, .flags = (unsigned)was.sa_flags};
            memcpy(&signal_actions[sig].mask, &was.sa_mask, sizeof(uint64_t));
        }
        if (action_is_function(&signal_actions[sig]) || sig == CANCEL || sig == SETXID)
            action_to_kernel(sig, &signal_actions[sig]);
    }
    slice_prepare();
}

#endif
