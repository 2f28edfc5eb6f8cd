/* SPDX-License-Identifier: MIT
 *
 * The calls about signals of a program whose threads are fibers: what is to be done, sending,
 * waiting, masks, alternate stacks. */
#include "shim/altstack.h"
#include "shim/pending.h"
#include "shim/trap.h"
#include <gosling/io.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#ifdef SHIM_CLONE

/* ---- what is to be done ---- */

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
    if (new != NULL && BIT(sig) & UNBLOCKABLE)
        return -EINVAL;
    if (sig == SIGSYS)
        return set_trap(new, old);
    was = signal_actions[sig];
    if (new) {
        now = *new;
        now.mask &= ~UNBLOCKABLE;
        signal_actions[sig] = now;
        action_to_kernel(sig, &now);
        if (action_is_ignored(sig))
            for (list *l = threads_all.next; l != &threads_all; l = l->next)
                pending_forget(list_entry(l, struct thread, all), BIT(sig));
    }
    if (old)
        *old = was;
    return 0;
}

/* ---- sending ---- */

static void describe(siginfo_t *info, int sig)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = SI_TKILL;
    info->si_pid = getpid();
    info->si_uid = getuid();
}

static long send_thread(int group, int tid, int sig, const siginfo_t *given)
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
    if (sig == SETXID)
        ids_users_from(thread_of(sched_self()->current));
    if (given)
        info = *given, info.si_signo = sig;
    else
        describe(&info, sig);
    if (mask_takes(t, sig) && !action_is_function(&signal_actions[sig]) &&
        !action_is_ignored(sig)) {
        action_default(sig);
        return 0;
    }
    return pending_add(t, sig, &info);
}

void threads_raise(go_sched *s, int sig)
{
    const struct thread *t = thread_of(s->current);

    if (t)
        send_thread(getpid(), t->tid, sig, NULL);
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

static long take_kernels(const uint64_t *set, siginfo_t *info)
{
    static const struct timespec now;

    return SYS4(SYS_rt_sigtimedwait, set, info, &now, sizeof *set);
}

static long take_any(struct thread *t, const uint64_t *set, siginfo_t *info)
{
    int sig = pending_take(t, *set, info);

    return sig ? sig : take_kernels(set, info);
}

static long deliver_wait(go_sched *s, struct thread *t, const uint64_t *set, siginfo_t *info,
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
    pending_give_out(s);
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
        altstack_left(t); /* siglongjmp sets a mask */
        switch (how) {
        case SIG_BLOCK:
            mask_set(t, was | *set);
            break;
        case SIG_UNBLOCK:
            mask_set(t, was & ~*set);
            break;
        case SIG_SETMASK:
            mask_set(t, *set);
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

long signal_call(go_sched *s, const struct site_registers *r)
{
    struct thread *t = thread_of(s->current);

    /* what has come before is handled as it was to be then */
    if (t->fiber->attention && (r->nr == SYS_rt_sigaction || r->nr == SYS_rt_sigprocmask))
        deliver_left(s, 0);
    switch (r->nr) {
    case SYS_rt_sigaction:
        return set_action(INT(0), PTR(1), PTR(2), SIZE(3));
    case SYS_rt_sigprocmask:
        return change_mask(t, INT(0), PTR(1), PTR(2), SIZE(3));
    case SYS_rt_sigpending:
        return pending(t, PTR(0), SIZE(1));
    case SYS_rt_sigtimedwait:
        return deliver_wait(s, t, PTR(0), PTR(1), PTR(2));
    case SYS_rt_sigsuspend:
        deliver_mask_until(t, PTR(0));
        return shim_pause(s);
    case SYS_pause:
        return shim_pause(s);
    case SYS_sigaltstack:
        return altstack_call(s, t, PTR(0), PTR(1));
    case SYS_kill:
        return send_process(INT(0), INT(1));
    case SYS_rt_sigqueueinfo:
        return SYS3(r->nr, thread_by_id(INT(0)) ? getpid() : INT(0), r->a[1], r->a[2]);
    case SYS_tkill:
        return send_thread(0, INT(0), INT(1), NULL);
    case SYS_tgkill:
        return send_thread(INT(0), INT(1), INT(2), NULL);
    default: /* rt_tgsigqueueinfo */
        return send_thread(INT(0), INT(1), INT(2), PTR(3));
    }
}

#endif
