/* SPDX-License-Identifier: MIT
 *
 * The engine by system calls' numbers, for what arrives without a name. */
#include "shim/shim.h"
#include "shim/sites.h"
#include "shim/trace.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/resource.h>

#define INT(i)           ((int)r->a[i])
#define SIZE(i)          ((size_t)r->a[i])
#define PTR(i)           ((void *)r->a[i])
#define KERNEL_MASK_SIZE (_NSIG / 8)

/* Where there are two, the old one finds its arguments elsewhere. */
#ifdef SYS__newselect
#define SELECT SYS__newselect
#elif defined(SYS_select)
#define SELECT SYS_select
#endif

static long pass(const struct site_registers *r)
{
    return arch_syscall6(r->nr, r->a[0], r->a[1], r->a[2], r->a[3], r->a[4], r->a[5]);
}

/* The kernel's signal set is shorter than libc's: only its first word. */
static const sigset_t *mask_of(const struct site_registers *r, int i, sigset_t *room)
{
    if (!r->a[i])
        return NULL;
    sigemptyset(room);
    __builtin_memcpy(room, PTR(i), KERNEL_MASK_SIZE);
    return room;
}

/* pselect6's last argument is a pair: the mask and its size. */
static long pselect6(go_sched *s, const struct site_registers *r)
{
    const struct {
        const sigset_t *mask;
        size_t size;
    } *pair = PTR(5);
    struct timespec *t = PTR(4);
    sigset_t room, *mask = NULL;

    if (pair && pair->mask) {
        sigemptyset(&room);
        __builtin_memcpy(&room, pair->mask, KERNEL_MASK_SIZE);
        mask = &room;
    }
    return shim_pselect(s, INT(0), PTR(1), PTR(2), PTR(3), t, mask);
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
#endif
    case SYS_sendfile:
        return shim_sendfile(s, INT(0), INT(1), PTR(2), SIZE(3));
#ifdef SYS_sendfile64
    case SYS_sendfile64:
        return shim_sendfile64(s, INT(0), INT(1), PTR(2), SIZE(3));
#endif
    case SYS_close:
        return shim_close(s, INT(0));
    case SYS_flock:
        return shim_flock(s, INT(0), INT(1));
    case SYS_fcntl:
        return shim_fcntl(s, INT(0), INT(1), r->a[2]);
#ifdef SYS_open
    case SYS_open:
        return shim_openat(s, AT_FDCWD, PTR(0), INT(1), (unsigned)r->a[2]);
#endif
    case SYS_openat:
        return shim_openat(s, INT(0), PTR(1), INT(2), (unsigned)r->a[3]);
    default:
        return pass(r);
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
        return pass(r);
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
        return shim_ppoll(s, PTR(0), (nfds_t)r->a[1], PTR(2), mask_of(r, 3, &room));
    case SYS_pselect6:
        return pselect6(s, r);
    case SYS_epoll_pwait:
        return shim_epoll_pwait(s, INT(0), PTR(1), INT(2), INT(3), mask_of(r, 4, &room));
    default:
        return pass(r);
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
    case SYS_wait4:
        return shim_wait4(s, (pid_t)r->a[0], PTR(1), INT(2), PTR(3));
    case SYS_waitid:
        return r->a[4] ? pass(r) : shim_waitid(s, (idtype_t)r->a[0], (id_t)r->a[1], PTR(2), INT(3));
    default:
        return pass(r);
    }
}

/* When a futex's wait ends. */
static int futex_until(go_sched *s, const struct site_registers *r, int op, go_time *until)
{
    const struct timespec *t = PTR(3);
    struct timespec now;
    go_time ns;
    int rc = shim_timespec(t, &ns);

    if (rc < 0)
        return rc;
    if (t && op == FUTEX_WAIT_BITSET) { /* by a clock, not from now on */
        clock_gettime(INT(1) & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
        ns -= now.tv_sec * GO_SEC + now.tv_nsec;
        if (ns < 0)
            ns = 0;
    }
    *until = shim_until(s, ns);
    return 0;
}

static long futex_wake(go_sched *s, const struct site_registers *r, uint32_t bits)
{
    struct site_registers rest = *r;
    int woken = shim_futex_wake(s, PTR(0), INT(2), bits);
    long rc;

    if (woken >= INT(2))
        return woken;
    rest.a[2] -= woken; /* and those that wait in the kernel */
    rc = pass(&rest);
    return rc < 0 ? (woken ? woken : rc) : woken + rc;
}

static long futex_call(go_sched *s, const struct site_registers *r)
{
    int op = INT(1) & FUTEX_CMD_MASK;
    go_time until;
    int rc;

    switch (op) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        rc = futex_until(s, r, op, &until);
        return rc < 0
                   ? rc
                   : shim_futex_wait(s, PTR(0), (uint32_t)r->a[2],
                                     op == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : (uint32_t)r->a[5],
                                     until);
    case FUTEX_WAKE:
        return futex_wake(s, r, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return futex_wake(s, r, (uint32_t)r->a[5]);
    default:
        return pass(r);
    }
}

/* By families, as the interposers. */
enum { PASS, SYNC, IO, SOCKET, POLL, TIME, PROCESS };

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
#endif
    [SYS_sendfile] = {IO, "sendfile"},
    [SYS_close] = {IO, "close"},
    [SYS_flock] = {IO, "flock"},
    [SYS_fcntl] = {IO, "fcntl"},
    [SYS_openat] = {IO, "openat"},
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
    [SYS_nanosleep] = {TIME, "nanosleep"},
    [SYS_clock_nanosleep] = {TIME, "clock_nanosleep"},
    [SYS_sched_yield] = {TIME, "sched_yield"},
    [SYS_futex] = {SYNC, "futex"},
    [SYS_wait4] = {PROCESS, "wait4"},
    [SYS_waitid] = {PROCESS, "waitid"},
/* names that some architectures do without */
#ifdef SYS_accept
    [SYS_accept] = {SOCKET, "accept"},
#endif
#ifdef SYS_open
    [SYS_open] = {IO, "open"},
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
};

bool shim_knows(long nr)
{
    return nr >= 0 && nr < (long)(sizeof calls / sizeof *calls) && calls[nr].family != PASS;
}

typedef long call_fn(go_sched *s, const struct site_registers *r);

static const struct {
    unsigned family;
    call_fn *call;
} families[] = {
    [SYNC] = {GO_SHIM_SYNC, futex_call},      [IO] = {GO_SHIM_IO, transfer},
    [SOCKET] = {GO_SHIM_SOCKET, socket_call}, [POLL] = {GO_SHIM_POLL, poll_call},
    [TIME] = {GO_SHIM_TIME, other_call},      [PROCESS] = {GO_SHIM_PROCESS, other_call}};

static bool about_descriptor(uint8_t family)
{
    return family == IO || family == SOCKET;
}

long shim_site(const struct site_registers *r)
{
    uint8_t family = shim_knows(r->nr) ? calls[r->nr].family : PASS;
    go_sched *s = family == PASS ? NULL : shim_fiber(families[family].family);
    struct traced t;
    long rc;

    if (!s)
        return pass(r);
    trace_begin(s, &t);
    rc = families[family].call(s, r);
    trace_end(&t, calls[r->nr].name, about_descriptor(family) ? INT(0) : -1, rc);
    return rc;
}
