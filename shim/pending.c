/* SPDX-License-Identifier: MIT
 *
 * Which signals threads block, and which wait for them. The carrier blocks what all block
 * (deliver.c). */
#include "shim/pending.h"
#include "shim/memory.h"
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#ifdef SHIM_CLONE

enum { RING = 1024 };

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
static uint64_t wanted;           /* those that all of them block */
volatile uint64_t mask_of_kernel;

/* What has been put down, and is nobody's yet: more of it waits in the kernel. Else who is to have
 * it never came so far, where a timer expires as fast as its signal is put down. */
static _Atomic uint64_t held;

/* ---- masks ---- */

static void kernel_mask(uint64_t mask)
{
    uint64_t now;

    wanted = mask & ~ALWAYS;
    now = wanted | atomic_load(&held);
    if (now == mask_of_kernel)
        return;
    do { /* once more: a handler that came meanwhile holds another */
        now = wanted | atomic_load(&held);
        mask_of_kernel = now;
        SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &now, NULL, sizeof now);
    } while (now != (wanted | atomic_load(&held)));
}

void deliver_kernels_mask(ucontext_t *uc)
{
    uint64_t mask = mask_of_kernel;

    memcpy(&uc->uc_sigmask, &mask, sizeof mask);
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

void mask_set(struct thread *t, uint64_t mask)
{
    uint64_t changed, all = wanted;

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
    mask_set(t, *mask);
}

void deliver_exec(const struct thread *t, bool before)
{
    uint64_t mask = before ? t->mask : mask_of_kernel;

    for (int sig = CANCEL; sig <= SETXID; sig++) /* libc's: what was ignored before it stays so */
        if (action_is_ignored(sig)) {
            struct action ignored = {.fn = IGNORE};

            if (before)
                SYS4(SYS_rt_sigaction, sig, &ignored, NULL, sizeof ignored.mask);
            else
                action_to_kernel(sig, &signal_actions[sig]);
        }
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* ---- pending ---- */

bool deliver_due(const struct thread *t)
{
    return (t->pending & ~t->mask) != 0;
}

/* A timer that has expired since its signal was sent counts on in that one. */
static bool overruns(const struct thread *t, const siginfo_t *info)
{
    for (struct arrived *a = t->told; info->si_code == SI_TIMER && a; a = a->next)
        if (a->info.si_code == SI_TIMER && a->info.si_timerid == info->si_timerid) {
            a->info.si_overrun += info->si_overrun + 1;
            return true;
        }
    return false;
}

int pending_add(struct thread *t, int sig, const siginfo_t *info)
{
    struct arrived *a, **at = &t->told;
    bool wanted = !(t->mask & BIT(sig)) || t->awaits & BIT(sig);

    if (action_is_ignored(sig) && wanted && !(t->awaits & BIT(sig)))
        return 0;
    if (!(sig < 34 && t->pending & BIT(sig)) && !overruns(t, info)) { /* real-time ones queue up */
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

int pending_take(struct thread *t, uint64_t of, siginfo_t *info)
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

void pending_forget(struct thread *t, uint64_t of)
{
    siginfo_t info;

    while (pending_take(t, of, &info))
        ;
}

/* ---- whose it is ---- */

static struct thread *choose(go_sched *s, int sig)
{
    struct thread *me = thread_of(s->current), *other = NULL;
    list *l;

    for (l = threads_all.next; l != &threads_all; l = l->next) {
        struct thread *t = list_entry(l, struct thread, all);

        if (!mask_takes(t, sig))
            continue;
        if (t->fiber == s->main)
            return t;
        if (!other || (t->fiber->state == FIBER_PARKED && t->fiber->interrupts))
            other = t;
        if (me && mask_takes(me, sig))
            return me;
        if (other->fiber->state == FIBER_PARKED && other->fiber->interrupts)
            return other;
    }
    if (other)
        return other;
    /* the masks have changed since: the first will see it when it lets it in */
    return threads_count ? list_entry(threads_all.next, struct thread, all) : NULL;
}

/* The next may come. */
static void let_go(void)
{
    if (atomic_load(&held) == 0)
        return;
    atomic_store(&held, 0);
    kernel_mask(wanted);
}

/* Whether there was any. */
static bool give_out(go_sched *s)
{
    unsigned from = atomic_load_explicit(&ring.from, memory_order_relaxed);

    if (from == atomic_load_explicit(&ring.to, memory_order_acquire))
        return false;
    while (from != atomic_load_explicit(&ring.to, memory_order_acquire)) {
        siginfo_t info = ring.infos[from % RING];
        struct thread *t = info.si_code == SI_TIMER ? ids_timer_thread(info.si_timerid) : NULL;

        atomic_store_explicit(&ring.from, ++from, memory_order_release);
        if (!t)
            t = choose(s, info.si_signo);
        if (t)
            pending_add(t, info.si_signo, &info);
    }
    return true;
}

/* What waits in the kernel comes as it is let go, and is given out as well, before a thread that
 * would have it has ended; but not for ever, see `held`. */
void pending_give_out(go_sched *s)
{
    bool any;

    for (int i = 0; i < SIGNALS; i++) {
        any = give_out(s);
        let_go();
        if (!any)
            break;
    }
}

static void tell(void *arg)
{
    (void)arg;
    atomic_store(&ring.queued, false);
    pending_give_out(ring.sched);
}

void pending_put_down(const siginfo_t *info, ucontext_t *uc)
{
    uint64_t mask, bit = BIT(info->si_signo);
    unsigned to = atomic_load_explicit(&ring.to, memory_order_relaxed);

    if (to - atomic_load_explicit(&ring.from, memory_order_acquire) == RING)
        return; /* as the kernel, when its queue is full */
    ring.infos[to % RING] = *info;
    atomic_store_explicit(&ring.to, to + 1, memory_order_release);
    atomic_fetch_or(&held, bit);
    mask_of_kernel |= bit;
    memcpy(&mask, &uc->uc_sigmask, sizeof mask);
    mask |= bit;
    memcpy(&uc->uc_sigmask, &mask, sizeof mask);
    if (!atomic_exchange(&ring.queued, true))
        inbox_push(&ring.sched->inbox, &ring.msg);
}

/* ---- threads come and go ---- */

void pending_begin(go_sched *s, const struct thread *first)
{
    mask_of_kernel = wanted = first->mask;
    count(first->mask, 1);
    ring.sched = s;
    ring.msg = (struct inbox_msg){.fn = tell};
}

void deliver_thread_begins(struct thread *t, const struct thread *maker)
{
    t->mask = maker->mask;
    t->alt.ss_flags = SS_DISABLE;
    count(t->mask, 1);
    kernel_mask(blocked_by_all()); /* the maker's may last as long as a call of its only */
}

void deliver_thread_ends(struct thread *t)
{
    count(t->mask, -1);
    pending_forget(t, ~UINT64_C(0));
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
    atomic_store(&held, 0);
    kernel_mask(blocked_by_all());
}

#endif
