/* SPDX-License-Identifier: MIT
 *
 * Where a fiber runs, the program's handler runs at once, on its stack, as in any thread; its calls
 * are libc's, since it may stand in the middle of the scheduler. When it has ended, one waiting
 * fiber's call is interrupted. Where the loop waits, nobody's code is interrupted: the signal is
 * put down, the fiber whose call it interrupts is woken, and runs the handler there, inside its
 * call. So it may leave it by siglongjmp, and what it calls may wait.
 *
 * Faults run at once in any case: they belong to what has just been executed. */
#include "shim/handlers.h"
#include "core/interrupt.h"
#include "shim/originals.h"
#include "shim/threads.h"
#include "shim/trap.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNALS = 65, QUEUE = 64 };

#define NEAR ((uintptr_t)8 << 20) /* no stack is larger */

typedef void handler_fn(int sig, siginfo_t *info, void *context);

/* The program's own: what sigaction has been told. */
static struct program {
    _Atomic(handler_fn *) fn;
    struct sigaction action;
} programs[SIGNALS];

static sigset_t interrupting; /* siginterrupt's */
/* The pid of whose thread changes the table, for some instructions; one that is gone (we are a fork
 * child of its process) does not come back. */
static _Atomic pid_t lock;

/* A scheduler's part. The queue is filled by handlers on its own thread only, with all signals
 * blocked, and emptied likewise. */
struct state {
    go_sched *sched;
    struct inbox_msg msg;
    atomic_bool queued;
    unsigned first, count;
    unsigned ran; /* how many handlers */
    struct arrived {
        int sig;
        siginfo_t info;
    } arrived[QUEUE];
    /* of the outermost handler that runs on a fiber's stack: what it has interrupted, and no_park
     * before; 0: none */
    uintptr_t interrupted, alt, alt_end;
    uint8_t no_park;
};

static struct state *state_of(go_sched *s)
{
    return s->slots[SLOT_HANDLERS].state;
}

static void all_signals(int how, sigset_t *saved)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(how, how == SIG_SETMASK ? saved : &all, how == SIG_SETMASK ? NULL : saved);
}

/* ---- running them ---- */

/* As the kernel does it: with its mask, and what the call's fiber had before. */
static void run_one(const struct arrived *a)
{
    const struct program *p = &programs[a->sig];
    handler_fn *fn = atomic_load(&p->fn);
    siginfo_t info = a->info;
    sigset_t mask, saved, room;
    ucontext_t context;

    if (!fn)
        return;
    memset(&context, 0, sizeof context);
    mask = *trap_mask(SIG_SETMASK, &p->action.sa_mask, &room);
    if (!(p->action.sa_flags & SA_NODEFER))
        sigaddset(&mask, a->sig);
    pthread_sigmask(SIG_BLOCK, &mask, &saved);
    context.uc_sigmask = saved;
    fn(a->sig, &info, &context);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

/* All that have been put down: whether all of them restart calls. */
static bool run_arrived(struct state *st)
{
    bool restart = true;

    for (;;) {
        struct arrived a;
        sigset_t saved;

        all_signals(SIG_BLOCK, &saved);
        if (st->count == 0) {
            all_signals(SIG_SETMASK, &saved);
            return restart;
        }
        a = st->arrived[st->first];
        st->first = (st->first + 1) % QUEUE;
        st->count--;
        all_signals(SIG_SETMASK, &saved);
        restart = restart && programs[a.sig].action.sa_flags & SA_RESTART;
        if (a.info.si_signo) /* else it ran already */
            run_one(&a);
    }
}

bool shim_restarts(go_sched *s, enum shim_interrupts kind)
{
    struct state *st = state_of(s);
    uint8_t inside = s->current->inside;
    bool restart;

    if (threads_on) {
        s->current->restarts = kind == SHIM_RESTARTS;
        return false;
    }
    s->current->inside = 0; /* what handlers call may wait */
    restart = !st || run_arrived(st);
    s->current->inside = inside;

    return restart && kind == SHIM_RESTARTS;
}

bool shim_due_now(const go_sched *s)
{
    const struct thread *t = threads_on ? thread_of(s->current) : NULL;

    return t && deliver_due(t);
}

unsigned shim_handlers_run(go_sched *s)
{
    const struct state *st = state_of(s);

    return st ? st->ran : 0;
}

/* On the loop. */
static void tell(void *arg)
{
    struct state *st = arg;

    atomic_store(&st->queued, false);
    if (st->count == 0 || interrupt_one(st->sched, st->arrived[st->first].sig))
        return;
    run_arrived(st); /* nobody waits: here, without waiting */
}

/* ---- arriving ---- */

static bool is_fault(int sig, const siginfo_t *info)
{
    switch (sig) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
        return true;
    default:
        return !info;
    }
}

/* Puts it down, run already or not. False: there is no room. */
static bool put_down(struct state *st, int sig, const siginfo_t *info, bool ran)
{
    sigset_t saved;
    bool room;

    all_signals(SIG_BLOCK, &saved);
    room = st->count < QUEUE;
    if (room) {
        struct arrived *a = &st->arrived[(st->first + st->count++) % QUEUE];

        a->sig = sig;
        a->info = *info;
        a->info.si_signo = ran ? 0 : sig;
    }
    all_signals(SIG_SETMASK, &saved);
    if (!atomic_exchange(&st->queued, true))
        inbox_push(&st->sched->inbox, &st->msg);
    return room;
}

/* Here and now, on whoever's stack. */
static void run_here(struct state *st, handler_fn *fn, int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    go_sched *s = st->sched;
    bool outermost = !st->interrupted;
    uint8_t before = s->no_park;

    if (outermost) {
        st->no_park = before;
        st->alt = (uintptr_t)uc->uc_stack.ss_sp;
        st->alt_end = st->alt + (uc->uc_stack.ss_flags & SS_DISABLE ? 0 : uc->uc_stack.ss_size);
        st->interrupted = (uintptr_t)__builtin_frame_address(0);
    }
    s->no_park++;
    st->ran++;
    fn(sig, info, context);
    s->no_park = before;
    if (outermost)
        st->interrupted = 0;
}

/* no_park is set, perhaps by a handler that siglongjmp has left. */
bool shim_handler_left(go_sched *s)
{
    struct state *st = state_of(s);
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

    if (!st || !st->interrupted || sp <= st->interrupted || sp - st->interrupted > NEAR ||
        (sp >= st->alt && sp < st->alt_end))
        return false;
    st->interrupted = 0;
    s->no_park = st->no_park;
    return s->no_park == 0;
}

static void arrives(int sig, siginfo_t *info, void *context)
{
    go_sched *s = sched_self();
    handler_fn *fn = atomic_load(&programs[sig].fn);
    struct state *st = s ? state_of(s) : NULL;
    int saved = errno;

    if (!fn)
        return;
    if (!st || !s->current || is_fault(sig, info)) {
        fn(sig, info, context);
        return;
    }
    if (s->current == s->loop_fiber && put_down(st, sig, info, false)) {
        errno = saved;
        return;
    }
    run_here(st, fn, sig, info, context);
    if (info->si_code != SI_TKILL) /* raise, and pthread_kill, mean who runs */
        put_down(st, sig, info, true);
    errno = saved;
}

void handlers_entered(go_sched *s, bool in)
{
    struct sched_slot *slot = &s->slots[SLOT_HANDLERS];
    struct state *st = slot->state;

    if (!in) {
        slot->state = NULL;
        free(st);
        return;
    }
    if (!st)
        st = calloc(1, sizeof *st); /* without memory for it handlers run where they arrive */
    if (!st)
        return;
    st->sched = s;
    st->msg = (struct inbox_msg){.fn = tell, .arg = st};
    atomic_store(&st->queued, false);
    st->first = st->count = 0;
    slot->state = st;
}

/* ---- setting them ---- */

static bool is_function(const struct sigaction *a)
{
    return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN && a->sa_handler != SIG_ERR;
}

typedef int action_fn(int sig, const struct sigaction *new, struct sigaction *old);

/* programs[sig] is what the program has set, as far as the kernel still has our own. */
static int set_action(action_fn *original, int sig, const struct sigaction *new,
                      struct sigaction *old)
{
    struct program *p = &programs[sig];
    const struct sigaction was = p->action;
    struct sigaction mine, kernels;
    sigset_t room;
    int rc;

    if (new &&is_function(new)) {
        p->action = *new;
        atomic_store(&p->fn, (handler_fn *)new->sa_sigaction);
        mine = *new;
        mine.sa_sigaction = arrives;
        mine.sa_flags |= SA_SIGINFO;
        mine.sa_mask = *trap_mask(SIG_SETMASK, &new->sa_mask, &room);
        new = &mine;
    }
    rc = original(sig, new, &kernels);
    if (rc < 0) {
        p->action = was;
        atomic_store(&p->fn, is_function(&was) ? (handler_fn *)was.sa_sigaction : NULL);
        return rc;
    }
    if (!old)
        return 0;
    *old = kernels;
    if (kernels.sa_sigaction == arrives) {
        old->sa_sigaction = was.sa_sigaction;
        old->sa_flags = was.sa_flags;
    }
    return 0;
}

static void take_lock(void)
{
    pid_t me = getpid(), holder = 0;

    while (!atomic_compare_exchange_weak(&lock, &holder, me)) {
        if (holder == me)
            holder = 0;
        arch_pause();
    }
}

static int action(action_fn *original, int sig, const struct sigaction *new, struct sigaction *old)
{
    sigset_t saved;
    int rc;

    if (sig < 1 || sig >= SIGNALS)
        return original(sig, new, old);
    if (sig == SIGSYS && trap_action(new, old) == 0)
        return 0;
    all_signals(SIG_BLOCK, &saved);
    take_lock();
    rc = set_action(original, sig, new, old);
    atomic_store(&lock, 0);
    all_signals(SIG_SETMASK, &saved);
    return rc;
}

int shim_sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
    return action(ORIGINAL(sigaction), sig, new, old);
}

__sighandler_t shim_signal(int sig, __sighandler_t handler, int flags)
{
    struct sigaction new = {.sa_handler = handler, .sa_flags = flags}, old;

    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    sigemptyset(&new.sa_mask);
    if (!(flags & SA_NODEFER))
        sigaddset(&new.sa_mask, sig);
    if (flags & SA_RESTART && sig >= 1 && sig < SIGNALS && sigismember(&interrupting, sig))
        new.sa_flags &= ~SA_RESTART;
    return shim_sigaction(sig, &new, &old) < 0 ? SIG_ERR : old.sa_handler;
}

/* libc's sets are longer than the kernel's. */
static uint64_t first_word(const sigset_t *set)
{
    uint64_t word;

    memcpy(&word, set, sizeof word);
    return word;
}

int shim_sigmask(go_sched *s, int how, const sigset_t *set, sigset_t *old)
{
    sigset_t was, room;
    int rc = pthread_sigmask(how, trap_mask(how, set, &room), &was);

    if (rc == 0 && old)
        *old = was;
    if (rc == 0 && set && s && s->current && s->current != s->loop_fiber)
        tcb_mask_changed(s, first_word(&was));
    return rc;
}

int shim_siginterrupt(int sig, int flag)
{
    struct sigaction a;

    if (shim_sigaction(sig, NULL, &a) < 0)
        return -1;
    if (flag) {
        sigaddset(&interrupting, sig);
        a.sa_flags &= ~SA_RESTART;
    } else {
        sigdelset(&interrupting, sig);
        a.sa_flags |= SA_RESTART;
    }
    return shim_sigaction(sig, &a, NULL);
}
