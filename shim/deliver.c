/* SPDX-License-Identifier: MIT
 *
 * Signals of a program whose threads are fibers. Each thread has a mask and pending signals of its
 * own; the kernel knows one thread, the carrier, which blocks what all of them block. So what is
 * blocked by all waits in the kernel, and whatever else comes, comes at once: its handler here puts
 * it down, and gives it to a thread that does not block it, the first one before all others, as
 * Linux does (signal(7)). A thread takes its signals where a kernel would give them: at the end of
 * a call, after the end of its slice, or, where it has just been interrupted itself, then and
 * there. */
#include "core/sys.h"
#include "shim/memory.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/trap.h"
#include <linux/sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#ifdef SHIM_CLONE

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

enum { SIGNALS = 64, RING = 1024, CANCEL = 32, SETXID = 33 };

#define BIT(sig)    (UINT64_C(1) << ((sig)-1))
#define CRASHES     (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL))
#define FAULTS      (CRASHES | BIT(SIGTRAP) | BIT(SIGSYS))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
/* never blocked in the kernel: ours, and those of libc's that are meant for one thread */
#define LIBCS              (BIT(CANCEL) | BIT(SETXID))
#define ALWAYS             (BIT(SIGSYS) | BIT(SLICE_SIGNAL) | LIBCS | UNBLOCKABLE)
#define IGNORED_BY_DEFAULT (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define STOPS_BY_DEFAULT   (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

typedef void handler_fn(int sig, siginfo_t *info, void *context);

#define DEFAULT ((handler_fn *)0) /* SIG_DFL, SIG_IGN */
#define IGNORE  ((handler_fn *)1)

/* As the kernel has it. */
struct action {
    handler_fn *fn; /* or SIG_DFL, SIG_IGN */
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

static struct action actions[SIGNALS + 1]; /* the program's */

struct arrived {
    struct arrived *next;
    int sig;
    siginfo_t info;
};

/* What handlers put down, on the carrier, with all signals blocked; taken out on it as well. */
static struct {
    go_sched *sched;
    struct inbox_msg msg;
    atomic_bool queued;
    atomic_uint from, to;
    siginfo_t infos[RING];
} ring;

static uint32_t blocked[SIGNALS]; /* how many threads block it */
static uint64_t kernels;          /* the carrier's mask */
static const stack_t *kernels_alt;

/* ---- masks ---- */

static void kernel_mask(uint64_t mask)
{
    mask &= ~ALWAYS;
    if (mask == kernels)
        return;
    kernels = mask;
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void deliver_kernels_mask(ucontext_t *uc)
{
    memcpy(&uc->uc_sigmask, &kernels, sizeof kernels);
}

static uint64_t blocked_by_all(void)
{
    uint64_t all = 0;

    for (int i = 0; i < SIGNALS; i++)
        if (blocked[i] == threads_count)
            all |= UINT64_C(1) << i;
    return all;
}

static void count(uint64_t bits, int by)
{
    for (; bits; bits &= bits - 1)
        blocked[__builtin_ctzll(bits)] += (uint32_t)by;
}

static void set_mask(struct thread *t, uint64_t mask)
{
    uint64_t changed, all = kernels;

    mask &= ~UNBLOCKABLE;
    changed = t->mask ^ mask;
    t->mask = mask;
    for (uint64_t b = changed; b; b &= b - 1) {
        int i = __builtin_ctzll(b);

        blocked[i] += mask >> i & 1 ? 1 : (uint32_t)-1;
        if (blocked[i] == threads_count)
            all |= UINT64_C(1) << i;
        else
            all &= ~(UINT64_C(1) << i);
    }
    if (changed)
        kernel_mask(all);
    if (t->pending & ~mask)
        t->fiber->attention = true;
}

void deliver_mask_until(struct thread *t, const uint64_t *mask)
{
    if (t->mask_is_until) /* the call is made again */
        return;
    t->mask_after = t->mask;
    t->mask_is_until = true;
    t->fiber->attention = true;
    set_mask(t, *mask);
}

void deliver_mask_exec(const struct thread *t, bool before)
{
    uint64_t mask = before ? t->mask : kernels;

    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* ---- pending ---- */

bool deliver_due(const struct thread *t)
{
    return (t->pending & ~t->mask) != 0;
}

static bool is_function(const struct action *a)
{
    return a->fn != DEFAULT && a->fn != IGNORE;
}

static bool is_ignored(int sig)
{
    return actions[sig].fn == IGNORE ||
           (actions[sig].fn == DEFAULT && BIT(sig) & IGNORED_BY_DEFAULT);
}

/* One more for t; its wait ends if it is to see it. 0 or -EAGAIN. */
static int pend(struct thread *t, int sig, const siginfo_t *info)
{
    struct arrived *a, **at = &t->told;
    bool wanted = !(t->mask & BIT(sig)) || t->awaits & BIT(sig);

    if (is_ignored(sig) && wanted && !(t->awaits & BIT(sig)))
        return 0;
    if (!(sig < 34 && t->pending & BIT(sig))) { /* real-time signals queue up */
        a = memory_get(sizeof *a);
        if (!a)
            return -EAGAIN;
        *a = (struct arrived){.sig = sig, .info = *info};
        while (*at)
            at = &(*at)->next;
        *at = a;
        t->pending |= BIT(sig);
    }
    if (!wanted)
        return 0;
    t->fiber->attention = true;
    if (t->fiber->state == FIBER_PARKED && t->fiber->interrupts)
        fiber_wake_up(t->fiber, WAKE_INTERRUPT);
    return 0;
}

/* The oldest of the lowest of these, out of t's; 0: none. */
static int take(struct thread *t, uint64_t of, siginfo_t *info)
{
    uint64_t bits = t->pending & of;
    struct arrived **at, *a, *more;
    int sig;

    if (!bits)
        return 0;
    if (bits & FAULTS)
        bits &= FAULTS;
    sig = __builtin_ctzll(bits) + 1;
    for (at = &t->told; *at && (*at)->sig != sig; at = &(*at)->next)
        ;
    a = *at;
    *at = a->next;
    *info = a->info;
    memory_put(a);
    for (more = t->told; more && more->sig != sig; more = more->next)
        ;
    if (!more)
        t->pending &= ~BIT(sig);
    return sig;
}

static void forget(struct thread *t, uint64_t of)
{
    siginfo_t info;

    while (take(t, of, &info))
        ;
}

/* ---- whose it is ---- */

static bool takes(const struct thread *t, int sig)
{
    return !(t->mask & BIT(sig));
}

static struct thread *choose(go_sched *s, int sig)
{
    struct thread *me = thread_of(s->current), *other = NULL;
    list *l;

    for (l = threads_all.next; l != &threads_all; l = l->next) {
        struct thread *t = list_entry(l, struct thread, all);

        if (!takes(t, sig))
            continue;
        if (t->fiber == s->main)
            return t;
        if (!other || (t->fiber->state == FIBER_PARKED && t->fiber->interrupts))
            other = t;
        if (me && takes(me, sig))
            return me;
        if (other->fiber->state == FIBER_PARKED && other->fiber->interrupts)
            return other;
    }
    if (other)
        return other;
    /* the masks have changed since: the first will see it when it lets it in */
    return threads_count ? list_entry(threads_all.next, struct thread, all) : NULL;
}

static void give_out(go_sched *s)
{
    unsigned from = atomic_load_explicit(&ring.from, memory_order_relaxed);

    while (from != atomic_load_explicit(&ring.to, memory_order_acquire)) {
        siginfo_t info = ring.infos[from % RING];
        struct thread *t = info.si_code == SI_TIMER ? ids_timer_thread(info.si_timerid) : NULL;

        atomic_store_explicit(&ring.from, ++from, memory_order_release);
        if (!t)
            t = choose(s, info.si_signo);
        if (t)
            pend(t, info.si_signo, &info);
    }
}

static void tell(void *arg)
{
    (void)arg;
    atomic_store(&ring.queued, false);
    give_out(ring.sched);
}

/* ---- handlers ---- */

static void set_kernels(int sig, const struct action *a);

/* What a signal does that has no handler. */
static void by_default(int sig)
{
    struct action none = {0};
    uint64_t bit = BIT(sig);

    if (bit & IGNORED_BY_DEFAULT)
        return;
    if (bit & STOPS_BY_DEFAULT) {
        SYS2(SYS_kill, getpid(), SIGSTOP);
        return;
    }
    SYS4(SYS_rt_sigaction, sig, &none, NULL, sizeof(uint64_t));
    SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
    SYS3(SYS_tgkill, getpid(), sys_gettid(), sig);
}

static struct action begin_handler(struct thread *t, int sig)
{
    struct action a = actions[sig];

    if (a.flags & SA_RESETHAND && sig != SIGTRAP && sig != SIGILL) {
        actions[sig].fn = DEFAULT;
        set_kernels(sig, &actions[sig]);
    }
    set_mask(t, t->mask | a.mask | (a.flags & SA_NODEFER ? 0 : BIT(sig)));
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
    set_mask(t, before);
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
    give_out(s);
    while ((sig = take(t, ~t->mask, &info))) {
        const struct action *a = &actions[sig];

        if (is_ignored(sig))
            continue;
        if (!is_function(a)) {
            by_default(sig);
            continue;
        }
        any = true;
        restart = restart && a->flags & SA_RESTART;
        run(t, sig, &info);
    }
    f->attention = false;
    if (rc == -EINTR && (!any || (restart && restarts)))
        return true;
    if (t->mask_is_until) {
        t->mask_is_until = false;
        set_mask(t, t->mask_after);
    }
    return f->attention ? deliver_left(s, 0) : false;
}

/* Then and there, where the kernel has interrupted the thread itself. */
static void run_here(struct thread *t, int sig, siginfo_t *info, ucontext_t *uc)
{
    uint64_t before = t->mask;
    struct action a = begin_handler(t, sig);

    memcpy(&uc->uc_sigmask, &before, sizeof before);
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &kernels, NULL, sizeof kernels);
    a.fn(sig, info, uc);
    memcpy(&before, &uc->uc_sigmask, sizeof before);
    set_mask(t, before);
    t->fiber->inside++;
    while (t->fiber->attention)
        deliver_left(t->fiber->sched, 0);
    t->fiber->inside--;
    deliver_kernels_mask(uc);
}

static void put_down(const siginfo_t *info)
{
    unsigned to = atomic_load_explicit(&ring.to, memory_order_relaxed);

    if (to - atomic_load_explicit(&ring.from, memory_order_acquire) == RING)
        return; /* as the kernel, when its queue is full */
    ring.infos[to % RING] = *info;
    atomic_store_explicit(&ring.to, to + 1, memory_order_release);
    if (!atomic_exchange(&ring.queued, true))
        inbox_push(&ring.sched->inbox, &ring.msg);
}

static void arrives(int sig, siginfo_t *info, void *context)
{
    go_sched *s = sched_self();
    struct thread *t = s && s->current ? thread_of(s->current) : NULL;
    ucontext_t *uc = context;
    bool fault = BIT(sig) & FAULTS && info->si_code > 0;
    int saved = errno;

    if (!s) { /* a thread that is none of the program's */
        if (is_function(&actions[sig]))
            actions[sig].fn(sig, info, context);
        return;
    }
    if (fault && t) {
        t->fiber->inside = 0;
        run_here(t, sig, info, uc);
    } else if (fault) {
        by_default(sig);
    } else if (t && !t->fiber->inside && !s->no_park && takes(t, sig) &&
               is_function(&actions[sig]) && info->si_code != SI_TIMER &&
               (t->fiber == s->main || thread_of(s->main)->mask & BIT(sig) || s->main->attention) &&
               !slice_is_ours((uintptr_t)uc->uc_mcontext.gregs[REG_RIP])) {
        run_here(t, sig, info, uc);
    } else {
        put_down(info);
        if (t)
            t->fiber->attention = true;
    }
    errno = saved;
}

/* ---- what is to be done ---- */

static void set_kernels(int sig, const struct action *a)
{
    const unsigned long kept = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_ONSTACK | SA_RESTART;
    struct action mine = {.fn = a->fn, .flags = a->flags & kept};

    if (sig == SLICE_SIGNAL || sig == SIGSYS)
        return;
    if (is_function(a) || sig == CANCEL || sig == SETXID) {
        mine.fn = arrives;
        mine.mask = ~(FAULTS | UNBLOCKABLE);
        mine.flags |= SA_SIGINFO;
    }
    mine.flags |= SA_RESTORER;
    mine.restorer = sites_text.restorer;
    SYS4(SYS_rt_sigaction, sig, &mine, NULL, sizeof mine.mask);
}

/* The traps' signal is theirs; they tell the program's own handler of what is not. */
static long set_trap(const struct action *new, struct action *old)
{
    struct sigaction to, was;
    long rc;

    memset(&to, 0, sizeof to);
    if (new) {
        to.sa_sigaction = new->fn;
        to.sa_flags = (int)new->flags;
        memcpy(&to.sa_mask, &new->mask, sizeof new->mask);
    }
    rc = trap_action(new ? &to : NULL, &was);
    if (rc == 0 && old) {
        *old = (struct action){.fn = was.sa_sigaction, .flags = (unsigned)was.sa_flags};
        memcpy(&old->mask, &was.sa_mask, sizeof old->mask);
    }
    return rc;
}

static long set_action(int sig, const struct action *new, struct action *old, size_t size)
{
    struct action was, now;

    if (size != sizeof new->mask || sig < 1 || sig > SIGNALS)
        return -EINVAL;
    if (new &&BIT(sig) & UNBLOCKABLE)
        return -EINVAL;
    if (sig == SIGSYS)
        return set_trap(new, old);
    was = actions[sig];
    if (new) {
        now = *new;
        now.mask &= ~UNBLOCKABLE;
        actions[sig] = now;
        set_kernels(sig, &now);
        if (is_ignored(sig))
            for (list *l = threads_all.next; l != &threads_all; l = l->next)
                forget(list_entry(l, struct thread, all), BIT(sig));
    }
    if (old)
        *old = was;
    return 0;
}

/* ---- sending ---- */

static void describe(siginfo_t *info, int sig, int code)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = code;
    info->si_pid = getpid();
    info->si_uid = getuid();
}

static long send_thread(go_sched *s, int group, int tid, int sig, const siginfo_t *given)
{
    struct thread *t = thread_by_id(tid);
    siginfo_t info;

    if (sig < 0 || sig > SIGNALS || tid <= 0)
        return -EINVAL;
    if (!t || (group > 0 && group != getpid()))
        return given       ? SYS4(SYS_rt_tgsigqueueinfo, group, tid, sig, given)
               : group > 0 ? SYS3(SYS_tgkill, group, tid, sig)
                           : SYS2(SYS_tkill, tid, sig);
    if (sig == 0)
        return 0;
    if (BIT(sig) & UNBLOCKABLE)
        return SYS2(SYS_kill, getpid(), sig);
    if (given)
        info = *given;
    else
        describe(&info, sig, SI_TKILL);
    info.si_signo = sig;
    if (takes(t, sig) && !is_function(&actions[sig]) && !is_ignored(sig)) {
        by_default(sig);
        return 0;
    }
    (void)s;
    return pend(t, sig, &info);
}

void threads_raise(go_sched *s, int sig)
{
    const struct thread *t = thread_of(s->current);

    if (t)
        send_thread(s, getpid(), t->tid, sig, NULL);
    else
        raise(sig);
}

/* The ids of threads are processes' too. */
static long send_process(int pid, int sig)
{
    const struct thread *t = pid > 0 ? thread_by_id(pid) : NULL;

    return SYS2(SYS_kill, t ? getpid() : pid, sig);
}

/* ---- waiting ---- */

static long suspend(go_sched *s, struct thread *t)
{
    static const struct waitable any = {.name = "signal"};
    struct wait w = {.ops = &any};

    list_init(&w.link);
    return SHIM_WAITS(s, SHIM_INTERRUPTS,
                      deliver_due(t) ? -EINTR
                                     : wait_park(&w, 1, WAIT_OUTSIDE | PARK_SLEEP, GO_FOREVER));
}

static long take_kernels(const uint64_t *set, siginfo_t *info)
{
    static const struct timespec now;

    return SYS4(SYS_rt_sigtimedwait, set, info, &now, sizeof *set);
}

static long take_any(struct thread *t, const uint64_t *set, siginfo_t *info)
{
    int sig = take(t, *set, info);

    return sig ? sig : take_kernels(set, info);
}

long deliver_wait(go_sched *s, struct thread *t, const uint64_t *set, siginfo_t *info,
                  const struct timespec *timeout)
{
    siginfo_t room;
    go_time until, ns;
    long rc = shim_timespec(timeout, &ns);
    int fd;

    if (rc < 0)
        return rc;
    if (!info)
        info = &room;
    give_out(s);
    rc = take_any(t, set, info);
    if (rc != -EAGAIN || ns == 0)
        return rc;
    until = shim_until(s, ns);
    fd = (int)SYS4(SYS_signalfd4, -1, set, sizeof *set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return fd;
    t->awaits = *set;
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        go_time left = until == GO_FOREVER ? -1 : until - sched_now(s);
        long waited = SHIM_WAITS(s, SHIM_INTERRUPTS,
                                 go_poll(&one, 1, until == GO_FOREVER || left > 0 ? left : 0));

        rc = take_any(t, set, info);
        if (rc != -EAGAIN)
            break;
        if (waited == -EINTR) {
            rc = -EINTR;
            break;
        }
        if (waited == 0 && until != GO_FOREVER && sched_now(s) >= until)
            break;
    }
    t->awaits = 0;
    go_close(fd);
    return rc;
}

/* ---- the calls ---- */

static long change_mask(struct thread *t, int how, const uint64_t *set, uint64_t *old, size_t size)
{
    uint64_t was = t->mask;

    if (size != sizeof *set)
        return -EINVAL;
    if (set) {
        switch (how) {
        case SIG_BLOCK:
            set_mask(t, was | *set);
            break;
        case SIG_UNBLOCK:
            set_mask(t, was & ~*set);
            break;
        case SIG_SETMASK:
            set_mask(t, *set);
            break;
        default:
            return -EINVAL;
        }
    }
    if (old)
        *old = was;
    return 0;
}

static long pending(const struct thread *t, uint64_t *set, size_t size)
{
    uint64_t kernel = 0;

    if (size > sizeof *set)
        return -EINVAL;
    SYS2(SYS_rt_sigpending, &kernel, sizeof kernel);
    kernel = (kernel | t->pending) & t->mask;
    memcpy(set, &kernel, size);
    return 0;
}

/* The kernel has one stack for handlers, for the carrier: who runs brings its own. */
static void load_alt(go_sched *s, const fiber *to)
{
    const struct thread *t = thread_of(to);

    (void)s;
    if (!t || &t->alt == kernels_alt)
        return;
    if (SYS2(SYS_sigaltstack, &t->alt, NULL) == 0)
        kernels_alt = &t->alt;
}

static long set_alt(go_sched *s, struct thread *t, const stack_t *new, stack_t *old)
{
    stack_t room;
    long rc;

    load_alt(s, t->fiber);
    rc = SYS2(SYS_sigaltstack, new, old ? old : &room);
    if (rc < 0 || !new)
        return rc;
    t->alt = *new;
    s->on_switch = load_alt;
    return 0;
}

long deliver_call(go_sched *s, struct thread *t, const struct site_registers *r)
{
#define INT(i) ((int)r->a[i])
#define PTR(i) ((void *)r->a[i])
    switch (r->nr) {
    case SYS_rt_sigaction:
        return set_action(INT(0), PTR(1), PTR(2), (size_t)r->a[3]);
    case SYS_rt_sigprocmask:
        return change_mask(t, INT(0), PTR(1), PTR(2), (size_t)r->a[3]);
    case SYS_rt_sigpending:
        return pending(t, PTR(0), (size_t)r->a[1]);
    case SYS_rt_sigtimedwait:
        return deliver_wait(s, t, PTR(0), PTR(1), PTR(2));
    case SYS_rt_sigsuspend:
        deliver_mask_until(t, PTR(0));
        return suspend(s, t);
    case SYS_pause:
        return suspend(s, t);
    case SYS_sigaltstack:
        return set_alt(s, t, PTR(0), PTR(1));
    case SYS_kill:
        return send_process(INT(0), INT(1));
    case SYS_rt_sigqueueinfo:
        return SYS3(r->nr, thread_by_id(INT(0)) ? getpid() : INT(0), r->a[1], r->a[2]);
    case SYS_tkill:
        return send_thread(s, 0, INT(0), INT(1), NULL);
    case SYS_tgkill:
        return send_thread(s, INT(0), INT(1), INT(2), NULL);
    default: /* rt_tgsigqueueinfo */
        return send_thread(s, INT(0), INT(1), INT(2), PTR(3));
    }
#undef INT
#undef PTR
}

/* ---- threads come and go ---- */

void deliver_begin(go_sched *s, struct thread *first)
{
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &first->mask, sizeof first->mask);
    SYS2(SYS_sigaltstack, NULL, &first->alt);
    kernels_alt = &first->alt;
    kernels = first->mask;
    count(first->mask, 1);
    ring.sched = s;
    ring.msg = (struct inbox_msg){.fn = tell};
    for (int sig = 1; sig <= SIGNALS; sig++) {
        struct sigaction was;

        if (sig == SIGSYS || BIT(sig) & UNBLOCKABLE)
            continue;
        if (sig == CANCEL || sig == SETXID) { /* libc shows those to nobody */
            SYS4(SYS_rt_sigaction, sig, NULL, &actions[sig], sizeof(uint64_t));
        } else {
            if (shim_sigaction(sig, NULL, &was) < 0)
                continue;
            actions[sig] = (struct action){.fn = was.sa_sigaction, .flags = (unsigned)was.sa_flags};
            memcpy(&actions[sig].mask, &was.sa_mask, sizeof(uint64_t));
        }
        if (is_function(&actions[sig]) || sig == CANCEL || sig == SETXID)
            set_kernels(sig, &actions[sig]);
    }
    slice_prepare();
}

void deliver_thread_begins(struct thread *t, const struct thread *maker)
{
    t->mask = maker->mask;
    t->alt.ss_flags = SS_DISABLE;
    count(t->mask, 1);
    if (blocked_by_all() != kernels) /* a mask that lasts as long as a call of the maker's */
        kernel_mask(blocked_by_all());
}

void deliver_thread_ends(struct thread *t)
{
    count(t->mask, -1);
    forget(t, ~UINT64_C(0));
    if (kernels_alt == &t->alt)
        kernels_alt = NULL;
    kernel_mask(blocked_by_all());
}

void deliver_forked(struct thread *t)
{
    memset(blocked, 0, sizeof blocked);
    count(t->mask, 1);
    t->told = NULL;
    t->pending = 0;
    t->awaits = 0;
    atomic_store(&ring.from, atomic_load(&ring.to));
    atomic_store(&ring.queued, false);
    kernel_mask(blocked_by_all());
}

#endif
