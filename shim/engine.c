/* SPDX-License-Identifier: MIT
 *
 * The engine by system calls' numbers, for what arrives without a name. */
#include "core/low.h"
#include "shim/call.h"
#include "shim/clone.h"
#include "shim/aio.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include "shim/sites.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#define KERNEL_MASK_SIZE (_NSIG / 8)

/* Where there are two, the old one finds its arguments elsewhere. */
#ifdef SYS__newselect
#define SELECT SYS__newselect
#elif defined(SYS_select)
#define SELECT SYS_select
#endif

/* The kernel's signal set is shorter than libc's: only its first word. */
static const sigset_t *mask_of(const struct site_registers *r, int i, sigset_t *room)
{
    if (!r->a[i])
        return NULL;
    sigemptyset(room);
    __builtin_memcpy(room, PTR(i), KERNEL_MASK_SIZE);
    return room;
}

/* pselect6's last argument is a pair: the mask and its size. What is left of the time is said in
 * its own argument, from which libc's select has it. */
static long pselect6(go_sched *s, const struct site_registers *r)
{
    const struct {
        const sigset_t *mask;
        size_t size;
    } *pair = PTR(5);
    struct timespec *t = PTR(4);
    sigset_t room, *mask = NULL;
    go_time ns;
    long rc = shim_timespec(t, &ns);
    go_time until = rc < 0 ? GO_FOREVER : shim_until(s, ns);

    if (pair && pair->mask) {
        sigemptyset(&room);
        __builtin_memcpy(&room, pair->mask, KERNEL_MASK_SIZE);
        mask = &room;
    }
    rc = shim_pselect(s, INT(0), PTR(1), PTR(2), PTR(3), t, mask);
    shim_left(s, until, t);
    return rc;
}

static long ppoll_call(go_sched *s, const struct site_registers *r)
{
    struct timespec *t = PTR(2);
    sigset_t room;
    go_time ns;
    long rc = shim_timespec(t, &ns);
    go_time until = rc < 0 ? GO_FOREVER : shim_until(s, ns);

    rc = shim_ppoll(s, PTR(0), (nfds_t)r->a[1], t, mask_of(r, 3, &room));
    shim_left(s, until, t);
    return rc;
}

static long transfer(go_sched *s, const struct site_registers *r)
{
    switch (r->nr) {
    case SYS_read:
        return shim_read(s, INT(0), PTR(1), SIZE(2));
    case SYS_write:
        return shim_write(s, INT(0), PTR(1), SIZE(2));
    case SYS_readv:
        return shim_readv(s, INT(0), PTR(1), INT(2));
    case SYS_writev:
        return shim_writev(s, INT(0), PTR(1), INT(2));
#ifdef __LP64__ /* else the offset is in two, and who knows which */
    case SYS_pread64:
        return shim_pread(s, INT(0), PTR(1), SIZE(2), r->a[3]);
    case SYS_pwrite64:
        return shim_pwrite(s, INT(0), PTR(1), SIZE(2), r->a[3]);
    case SYS_preadv:
        return shim_preadv(s, INT(0), PTR(1), INT(2), r->a[3]);
    case SYS_pwritev:
        return shim_pwritev(s, INT(0), PTR(1), INT(2), r->a[3]);
    case SYS_preadv2:
        return shim_preadv2(s, INT(0), PTR(1), INT(2), r->a[3], INT(5));
    case SYS_pwritev2:
        return shim_pwritev2(s, INT(0), PTR(1), INT(2), r->a[3], INT(5));
#endif
    case SYS_dup:
        return shim_dup(s, INT(0));
    case SYS_dup3:
        return shim_dup3(s, INT(0), INT(1), INT(2));
    case SYS_sendfile:
        return shim_sendfile(s, INT(0), INT(1), PTR(2), SIZE(3));
#ifdef SYS_sendfile64
    case SYS_sendfile64:
        return shim_sendfile64(s, INT(0), INT(1), PTR(2), SIZE(3));
#endif
    case SYS_close:
        return shim_close(s, INT(0));
    case SYS_close_range:
        return shim_close_range(s, (unsigned)r->a[0], (unsigned)r->a[1], (unsigned)r->a[2]);
    case SYS_flock:
        return shim_flock(s, INT(0), INT(1));
    case SYS_fcntl:
        return shim_fcntl(s, INT(0), INT(1), r->a[2]);
#ifdef SYS_open
    case SYS_open:
        return shim_openat(s, AT_FDCWD, PTR(0), INT(1), (unsigned)r->a[2]);
    case SYS_creat:
        return shim_creat(s, PTR(0), (mode_t)r->a[1]);
    case SYS_dup2:
        return shim_dup2(s, INT(0), INT(1));
#endif
    case SYS_io_uring_enter:
        return shim_ring_enter(s, r);
    case SYS_io_getevents:
        return shim_aio_events(s, r);
    case SYS_openat:
        return shim_openat(s, INT(0), PTR(1), INT(2), (unsigned)r->a[3]);
    default:
        return site_pass(r);
    }
}

static long socket_call(go_sched *s, const struct site_registers *r)
{
    switch (r->nr) {
    case SYS_recvfrom:
        return r->a[4] ? shim_recvfrom(s, INT(0), PTR(1), SIZE(2), INT(3), PTR(4), PTR(5))
                       : shim_recv(s, INT(0), PTR(1), SIZE(2), INT(3));
    case SYS_recvmsg:
        return shim_recvmsg(s, INT(0), PTR(1), INT(2));
    case SYS_recvmmsg:
        return shim_recvmmsg(s, INT(0), PTR(1), (unsigned)r->a[2], INT(3), PTR(4));
    case SYS_sendto:
        return r->a[4] ? shim_sendto(s, INT(0), PTR(1), SIZE(2), INT(3), PTR(4), (socklen_t)r->a[5])
                       : shim_send(s, INT(0), PTR(1), SIZE(2), INT(3));
    case SYS_sendmsg:
        return shim_sendmsg(s, INT(0), PTR(1), INT(2));
    case SYS_sendmmsg:
        return shim_sendmmsg(s, INT(0), PTR(1), (unsigned)r->a[2], INT(3));
#ifdef SYS_accept
    case SYS_accept:
        return shim_accept(s, INT(0), PTR(1), PTR(2));
#endif
    case SYS_accept4:
        return shim_accept4(s, INT(0), PTR(1), PTR(2), INT(3));
    case SYS_connect:
        return shim_connect(s, INT(0), PTR(1), (socklen_t)r->a[2]);
    default:
        return site_pass(r);
    }
}

static long poll_call(go_sched *s, const struct site_registers *r)
{
    sigset_t room;

    switch (r->nr) {
#ifdef SYS_poll
    case SYS_poll:
        return shim_poll(s, PTR(0), (nfds_t)r->a[1], INT(2));
#endif
#ifdef SELECT
    case SELECT:
        return shim_select(s, INT(0), PTR(1), PTR(2), PTR(3), PTR(4));
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
        return shim_epoll_wait(s, INT(0), PTR(1), INT(2), INT(3));
#endif
    case SYS_ppoll:
        return ppoll_call(s, r);
    case SYS_pselect6:
        return pselect6(s, r);
    case SYS_epoll_pwait2:
        return shim_epoll_pwait2(s, INT(0), PTR(1), INT(2), PTR(3), mask_of(r, 4, &room));
    case SYS_epoll_pwait:
        return shim_epoll_pwait(s, INT(0), PTR(1), INT(2), INT(3), mask_of(r, 4, &room));
    default:
        return site_pass(r);
    }
}

static long other_call(go_sched *s, const struct site_registers *r)
{
    switch (r->nr) {
    case SYS_nanosleep:
        return shim_nanosleep(s, PTR(0), PTR(1));
    case SYS_clock_nanosleep:
        return -shim_clock_nanosleep(s, (clockid_t)r->a[0], INT(1), PTR(2), PTR(3));
    case SYS_sched_yield:
        return shim_yield(s);
#ifdef SHIM_CLONE
    case SYS_fork:
        return clone_copy(r, 0);
    case SYS_clone: /* by syscall(): whose children return, so on our stack */
        return r->a[1] || INT(0) & CLONE_VM ? site_pass(r) : clone_copy(r, WORD(0));
#endif
    case SYS_wait4:
        return shim_wait4(s, (pid_t)r->a[0], PTR(1), INT(2), PTR(3));
    case SYS_waitid:
        return r->a[4] ? site_pass(r)
                       : shim_waitid(s, (idtype_t)r->a[0], (id_t)r->a[1], PTR(2), INT(3));
    default:
        return site_pass(r);
    }
}

static long queue_call(go_sched *s, const struct site_registers *r)
{
    switch (r->nr) {
#ifdef SYS_semop
    case SYS_semop:
        return shim_semop(s, INT(0), PTR(1), SIZE(2));
#endif
#ifdef SYS_semtimedop
    case SYS_semtimedop:
        return r->a[3] ? shim_semtimedop(s, INT(0), PTR(1), SIZE(2), PTR(3))
                       : shim_semop(s, INT(0), PTR(1), SIZE(2));
#endif
    case SYS_msgrcv:
        return shim_msgrcv(s, INT(0), PTR(1), SIZE(2), r->a[3], INT(4));
    case SYS_msgsnd:
        return shim_msgsnd(s, INT(0), PTR(1), SIZE(2), INT(3));
    case SYS_mq_timedreceive:
        return r->a[4] ? shim_mq_timedreceive(s, INT(0), PTR(1), SIZE(2), PTR(3), PTR(4))
                       : shim_mq_receive(s, INT(0), PTR(1), SIZE(2), PTR(3));
    default: /* mq_timedsend */
        return r->a[4] ? shim_mq_timedsend(s, INT(0), PTR(1), SIZE(2), (unsigned)r->a[3], PTR(4))
                       : shim_mq_send(s, INT(0), PTR(1), SIZE(2), (unsigned)r->a[3]);
    }
}

/* By families, as the interposers. */
enum {
    PASS,
    SYNC,
    IO,
    SOCKET,
    POLL,
    TIME,
    PROCESS,
    QUEUE,
    LOOPS /* libev's own */,
    THREAD,
    SIGNALS,
    IDS,
    STACKS,
    FILES
};

static const struct {
    uint8_t family;
    const char *name;
} calls[] = {
    [SYS_read] = {IO, "read"},
    [SYS_write] = {IO, "write"},
    [SYS_readv] = {IO, "readv"},
    [SYS_writev] = {IO, "writev"},
#ifdef __LP64__
    [SYS_pread64] = {IO, "pread64"},
    [SYS_pwrite64] = {IO, "pwrite64"},
    [SYS_preadv] = {IO, "preadv"},
    [SYS_pwritev] = {IO, "pwritev"},
    [SYS_preadv2] = {IO, "preadv2"},
    [SYS_pwritev2] = {IO, "pwritev2"},
#endif
    [SYS_dup] = {IO, "dup"},
    [SYS_dup3] = {IO, "dup3"},
    [SYS_sendfile] = {IO, "sendfile"},
    [SYS_close] = {IO, "close"},
    [SYS_close_range] = {IO, "close_range"},
    [SYS_flock] = {IO, "flock"},
    [SYS_fcntl] = {IO, "fcntl"},
    [SYS_openat] = {IO, "openat"},
    [SYS_io_uring_enter] = {IO, "io_uring_enter"},
    [SYS_io_getevents] = {IO, "io_getevents"},
    [SYS_recvfrom] = {SOCKET, "recvfrom"},
    [SYS_recvmsg] = {SOCKET, "recvmsg"},
    [SYS_recvmmsg] = {SOCKET, "recvmmsg"},
    [SYS_sendto] = {SOCKET, "sendto"},
    [SYS_sendmsg] = {SOCKET, "sendmsg"},
    [SYS_sendmmsg] = {SOCKET, "sendmmsg"},
    [SYS_accept4] = {SOCKET, "accept4"},
    [SYS_connect] = {SOCKET, "connect"},
    [SYS_ppoll] = {POLL, "ppoll"},
    [SYS_pselect6] = {POLL, "pselect6"},
    [SYS_epoll_pwait] = {POLL, "epoll_pwait"},
    [SYS_epoll_pwait2] = {POLL, "epoll_pwait2"},
    [SYS_nanosleep] = {TIME, "nanosleep"},
    [SYS_clock_nanosleep] = {TIME, "clock_nanosleep"},
    [SYS_sched_yield] = {TIME, "sched_yield"},
    [SYS_futex] = {SYNC, "futex"},
#ifdef SYS_semop
    [SYS_semop] = {QUEUE, "semop"},
#endif
#ifdef SYS_semtimedop
    [SYS_semtimedop] = {QUEUE, "semtimedop"},
#endif
    [SYS_msgrcv] = {QUEUE, "msgrcv"},
    [SYS_msgsnd] = {QUEUE, "msgsnd"},
    [SYS_mq_timedreceive] = {QUEUE, "mq_timedreceive"},
    [SYS_mq_timedsend] = {QUEUE, "mq_timedsend"},
    [SYS_wait4] = {PROCESS, "wait4"},
    [SYS_waitid] = {PROCESS, "waitid"},
    [SYS_epoll_create1] = {LOOPS, "epoll_create1"},
/* names that some architectures do without */
#ifdef SYS_accept
    [SYS_accept] = {SOCKET, "accept"},
#endif
#ifdef SYS_open
    [SYS_open] = {IO, "open"},
#endif
#ifdef SYS_creat
    [SYS_creat] = {IO, "creat"},
#endif
#ifdef SYS_dup2
    [SYS_dup2] = {IO, "dup2"},
#endif
#ifdef SYS_poll
    [SYS_poll] = {POLL, "poll"},
#endif
#ifdef SELECT
    [SELECT] = {POLL, "select"},
#endif
#ifdef SYS_epoll_wait
    [SYS_epoll_wait] = {POLL, "epoll_wait"},
#endif
#ifdef SHIM_CLONE
    [SYS_fork] = {PROCESS, "fork"},
    [SYS_clone] = {PROCESS, "clone"},
    /* of threads that are fibers */
    [SYS_exit] = {THREAD, "exit"},
    [SYS_exit_group] = {THREAD, "exit_group"},
    [SYS_gettid] = {THREAD, "gettid"},
    [SYS_set_tid_address] = {THREAD, "set_tid_address"},
    [SYS_set_robust_list] = {THREAD, "set_robust_list"},
    [SYS_rseq] = {THREAD, "rseq"},
    [SYS_futex_waitv] = {THREAD, "futex_waitv"},
    [SYS_execve] = {THREAD, "execve"},
    [SYS_execveat] = {THREAD, "execveat"},
    [SYS_rt_sigaction] = {SIGNALS, "sigaction"},
    [SYS_rt_sigprocmask] = {SIGNALS, "sigprocmask"},
    [SYS_rt_sigpending] = {SIGNALS, "sigpending"},
    [SYS_rt_sigtimedwait] = {SIGNALS, "sigtimedwait"},
    [SYS_rt_sigsuspend] = {SIGNALS, "sigsuspend"},
    [SYS_rt_sigqueueinfo] = {SIGNALS, "sigqueue"},
    [SYS_rt_tgsigqueueinfo] = {SIGNALS, "pthread_sigqueue"},
    [SYS_sigaltstack] = {SIGNALS, "sigaltstack"},
    [SYS_pause] = {SIGNALS, "pause"},
    [SYS_kill] = {SIGNALS, "kill"},
    [SYS_tkill] = {SIGNALS, "tkill"},
    [SYS_tgkill] = {SIGNALS, "tgkill"},
    [SYS_timer_create] = {IDS, "timer_create"},
    [SYS_timer_delete] = {IDS, "timer_delete"},
    [SYS_sched_setscheduler] = {IDS, "sched_setscheduler"},
    [SYS_sched_setparam] = {IDS, "sched_setparam"},
    [SYS_sched_getscheduler] = {IDS, "sched_getscheduler"},
    [SYS_sched_getparam] = {IDS, "sched_getparam"},
    [SYS_sched_setattr] = {IDS, "sched_setattr"},
    [SYS_sched_getattr] = {IDS, "sched_getattr"},
    [SYS_sched_setaffinity] = {IDS, "sched_setaffinity"},
    [SYS_sched_getaffinity] = {IDS, "sched_getaffinity"},
    [SYS_sched_rr_get_interval] = {IDS, "sched_rr_get_interval"},
    [SYS_getpriority] = {IDS, "getpriority"},
    [SYS_setpriority] = {IDS, "setpriority"},
    [SYS_get_robust_list] = {IDS, "get_robust_list"},
    [SYS_prlimit64] = {IDS, "prlimit"},
    [SYS_prctl] = {IDS, "prctl"},
    [SYS_clock_gettime] = {IDS, "clock_gettime"},
    [SYS_clock_getres] = {IDS, "clock_getres"},
    [SYS_setuid] = {IDS, "setuid"},
    [SYS_setgid] = {IDS, "setgid"},
    [SYS_setreuid] = {IDS, "setreuid"},
    [SYS_setregid] = {IDS, "setregid"},
    [SYS_setresuid] = {IDS, "setresuid"},
    [SYS_setresgid] = {IDS, "setresgid"},
    [SYS_setgroups] = {IDS, "setgroups"},
    [SYS_mmap] = {STACKS, "mmap"},
    [SYS_mprotect] = {STACKS, "mprotect"},
    [SYS_socket] = {FILES, "socket"},
    [SYS_socketpair] = {FILES, "socketpair"},
    [SYS_setsockopt] = {FILES, "setsockopt"},
    [SYS_ioctl] = {FILES, "ioctl"},
    [SYS_io_uring_setup] = {FILES, "io_uring_setup"},
#endif
};

/* Set before the first call, and by nobody else. */
static bool wrapping(void)
{
    static int is;

    if (!is)
        is = secure_getenv("GOSLING_RUN") ? 1 : -1;
    return is > 0;
}

static uint8_t family_of(long nr)
{
    return nr >= 0 && nr < (long)(sizeof calls / sizeof *calls) ? calls[nr].family : PASS;
}

bool shim_knows(long nr)
{
    uint8_t family = family_of(nr);

    return family != PASS && (family < LOOPS || wrapping());
}

typedef long call_fn(go_sched *s, const struct site_registers *r);

static const struct {
    unsigned family;
    call_fn *call;
} families[] = {[SYNC] = {GO_SHIM_SYNC, futex_call},      [IO] = {GO_SHIM_IO, transfer},
                [SOCKET] = {GO_SHIM_SOCKET, socket_call}, [POLL] = {GO_SHIM_POLL, poll_call},
                [TIME] = {GO_SHIM_TIME, other_call},      [PROCESS] = {GO_SHIM_PROCESS, other_call},
                [QUEUE] = {GO_SHIM_IO, queue_call},
#ifdef SHIM_CLONE
                [THREAD] = {GO_SHIM_ALL, threads_call},   [SIGNALS] = {GO_SHIM_ALL, signal_call},
                [IDS] = {GO_SHIM_ALL, ids_call},          [STACKS] = {GO_SHIM_ALL, stacks_call},
                [FILES] = {GO_SHIM_ALL, seen_call}
#endif
};

static bool about_descriptor(uint8_t family)
{
    return family == IO || family == SOCKET;
}

/* Of no fiber, or none of the engine's. */
static long pass(const struct site_registers *r, uint8_t family)
{
    go_sched *s = sched_self();

    if (family == SYNC && threads_on)
        return s ? futex_inside(s, r) : futex_call(NULL, r);
    if (family == LOOPS && low_moves)
        return low_move((int)site_pass(r));
    return site_pass(r);
}

long shim_site(const struct site_registers *r)
{
    uint8_t family = family_of(r->nr);
    go_sched *s = family == PASS || family == LOOPS ? NULL : shim_fiber(families[family].family);
    struct shim_call c;
    long rc;

    if (!s || (family >= THREAD && !(threads_on && thread_of(s->current))))
        return pass(r, family);
    call_begin(s, &c);
    do
        rc = families[family].call(s, r);
    while (call_again(s, &c, rc));
    call_end(&c, calls[r->nr].name, about_descriptor(family) ? INT(0) : -1, rc);
    return rc;
}
