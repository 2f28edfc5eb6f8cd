/* SPDX-License-Identifier: MIT
 *
 * The shim: libc's blocking calls, for code that has never heard of fibers. This header is what its
 * files share.
 *
 * Of each function in names.tab there is an *interposer*, which the dynamic linker finds before
 * libc's: made by interposers.awk. In a fiber, and when its family is enabled, it calls the
 * *engine*, the functions declared here, which do what libc's does but let the other fibers run;
 * anywhere else it calls the *original*, for the price of a branch.
 *
 * The engine returns as the system call does: >= 0 or -errno. It never blocks the thread, never
 * changes a flag of an open file that the library has not made (but connect, see connect.c), and
 * fails with -ECANCELED in a cancelled scope, like every checkpoint. */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include "core/sched.h"
#include "net/io.h"
#include <gosling/shim.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <mqueue.h>
#include <time.h>

/* Which families are enabled. Changed rarely, read at each call. */
extern unsigned shim_families;

/* ---- whose call is it ---- */

/* no_park is set: only by a signal handler that has been left by siglongjmp? Then it is so no more.
 */
bool shim_handler_left(go_sched *s);

/* The scheduler of the calling fiber, if this is one, which may wait, is not in a call of ours
 * already, and whose calls of that family are ours. Code of the library itself comes by here only
 * through functions of the program's (see own.h in the makefile: its own calls are libc's). */
static inline go_sched *shim_fiber(unsigned family)
{
    go_sched *s = sched_self();

    if (likely(!s))
        return NULL;
    if (!(shim_families & family) || !s->current || s->current == s->loop_fiber ||
        s->current->inside)
        return NULL;
    return likely(!s->no_park) || shim_handler_left(s) ? s : NULL;
}

/* Whether the program's threads are fibers (threads.h). */
extern bool threads_on;

/* The same for calls that libc's function makes as well, at a site of its own. */
static inline go_sched *shim_by_name(unsigned family)
{
    return unlikely(threads_on) ? NULL : shim_fiber(family);
}

/* ---- signals ---- */

/* Which calls a handler without SA_RESTART ends with EINTR, and which any handler (signal(7)). */
enum shim_interrupts { SHIM_NEVER, SHIM_RESTARTS, SHIM_INTERRUPTS };

/* After -EINTR: runs the handlers, and says whether the call goes on. Where the program's threads
 * are fibers, they run at the end of the whole call, which then is made again (call.h): a handler
 * may end its thread, or leave for elsewhere. */
bool shim_restarts(go_sched *s, enum shim_interrupts kind);

/* Before a wait that signals may interrupt: whether one is there. */
bool shim_due_now(const go_sched *s);

static inline bool shim_due(const go_sched *s)
{
    return unlikely(s->current->attention) && shim_due_now(s);
}

/* The value of call, a wait of this fiber, which signals may interrupt. */
#define SHIM_WAITS(s, kind, call)                                       \
    ({                                                                  \
        fiber *waits_ = (s)->current;                                   \
        long value_;                                                    \
                                                                        \
        do {                                                            \
            waits_->interrupts = (kind);                                \
            value_ = shim_due(s) ? -EINTR : (call);                     \
            waits_->interrupts = SHIM_NEVER;                            \
        } while (unlikely(value_ == -EINTR) && shim_restarts(s, kind)); \
        value_;                                                         \
    })

/* again.c: before the next look. *pause is 0 at first. 0, -EAGAIN: it is past `until`; -EINTR,
 * -ECANCELED. */
long shim_again(go_sched *s, go_time *pause, go_time until, enum shim_interrupts kind);

/* How many handlers have run where they arrived: did a change of the mask let one in? */
unsigned shim_handlers_run(go_sched *s);

/* pthread_sigmask for the fiber. Returns as that. */
int shim_sigmask(go_sched *s, int how, const sigset_t *set, sigset_t *old);

int shim_sigaction(int sig, const struct sigaction *new, struct sigaction *old);
__sighandler_t shim_signal(int sig, __sighandler_t handler, int flags);
int shim_siginterrupt(int sig, int flag);

/* -errno as libc has it. */
static inline long shim_result(long rc)
{
    if (likely(rc >= 0))
        return rc;
    errno = (int)-rc;
    return -1;
}

/* Why there is no entry by libc's call sites, or by traps; NULL: there is. */
const char *shim_without_sites(void);
const char *shim_without_traps(void);

/* ---- originals ---- */

/* Runs fn(arg), an original with its arguments, on a pool thread; errno and h_errno are brought
 * along. 0, or -ECANCELED: it was not called. */
int shim_pool(void (*fn)(void *arg), void *arg);

/* Calls that blocked the OS thread: from, its return address, and how long. */
struct shim_blocked {
    const char *name;
    void *caller;
    go_time began;
};
void shim_blocks(struct shim_blocked *b, const char *name, void *caller);
void shim_blocked(struct shim_blocked *b);

/* Around a call of libc's that the library makes itself, also from the middle of the scheduler: its
 * fiber must not wait in it, by whichever entry. */
static inline go_sched *shim_own_begin(void)
{
    go_sched *s = sched_self();

    if (s)
        s->no_park++;
    return s;
}

static inline void shim_own_end(go_sched *s)
{
    if (s)
        s->no_park--;
}

/* ---- how long a call may wait ---- */

/* A relative time in nanoseconds; < 0: for ever. */
go_time shim_until(go_sched *s, go_time ns);
/* What is left of it; GO_FOREVER: nothing is said. */
void shim_left(go_sched *s, go_time until, struct timespec *left);
/* Of a timespec; -EINVAL when it is not one. */
int shim_timespec(const struct timespec *ts, go_time *ns);

/* What a call on r that would have to wait must know first: 0; -EAGAIN: the program has made the
 * file non-blocking; -errno. *until: SO_RCVTIMEO's or SO_SNDTIMEO's end, or 0. */
int shim_may_wait(go_sched *s, struct fd *r, unsigned dir, go_time *until);

bool shim_limit(go_sched *s, go_time *until, go_time limit);

/* op on fd as a blocking descriptor of libc's: -EAGAIN when its time is up, or it must not wait. */
ssize_t shim_run(struct io *op, struct fd *r);

/* -EPIPE as the kernel has it: with SIGPIPE. A run ignores that signal, so it is sent here; but
 * where the whole program runs (run_open) the kernel has sent it itself, for what is no socket. */
long shim_epipe(long rc, int flags, bool by_kernel);

/* ---- the engine, by families ---- */

/* io.c */
long shim_read(go_sched *s, int fd, void *buf, size_t n);
ssize_t shim_read_chk(go_sched *s, int fd, void *buf, size_t n, size_t room);
long shim_write(go_sched *s, int fd, const void *buf, size_t n);
long shim_readv(go_sched *s, int fd, const struct iovec *v, int n);
long shim_writev(go_sched *s, int fd, const struct iovec *v, int n);
long shim_eventfd_read(go_sched *s, int fd, eventfd_t *value);
long shim_eventfd_write(go_sched *s, int fd, eventfd_t value);
long shim_sendfile(go_sched *s, int out, int in, off_t *at, size_t n);
long shim_sendfile64(go_sched *s, int out, int in, off64_t *at, size_t n);

/* file.c */
long shim_pread(go_sched *s, int fd, void *buf, size_t n, off64_t at);
ssize_t shim_pread_chk(go_sched *s, int fd, void *buf, size_t n, off64_t at, size_t room);
long shim_pwrite(go_sched *s, int fd, const void *buf, size_t n, off64_t at);
long shim_preadv(go_sched *s, int fd, const struct iovec *v, int n, off64_t at);
long shim_pwritev(go_sched *s, int fd, const struct iovec *v, int n, off64_t at);
long shim_preadv2(go_sched *s, int fd, const struct iovec *v, int n, off64_t at, int flags);
long shim_pwritev2(go_sched *s, int fd, const struct iovec *v, int n, off64_t at, int flags);
long shim_close(go_sched *s, int fd);
long shim_close_range(go_sched *s, unsigned first, unsigned last, unsigned flags);
long shim_dup(go_sched *s, int fd);
long shim_dup2(go_sched *s, int fd, int to);
long shim_dup3(go_sched *s, int fd, int to, int flags);
long shim_flock(go_sched *s, int fd, int how);
long shim_lockf(go_sched *s, int fd, int command, off64_t n);
long shim_fcntl(go_sched *s, int fd, int command, long arg);
long shim_openat(go_sched *s, int dir, const char *path, int flags, unsigned mode);
long shim_open_2(go_sched *s, const char *path, int flags);
long shim_openat_2(go_sched *s, int dir, const char *path, int flags);
long shim_creat(go_sched *s, const char *path, mode_t mode);

/* sock.c */
long shim_recv(go_sched *s, int fd, void *buf, size_t n, int flags);
ssize_t shim_recv_chk(go_sched *s, int fd, void *buf, size_t n, size_t room, int flags);
long shim_recvfrom(go_sched *s, int fd, void *buf, size_t n, int flags, struct sockaddr *from,
                   socklen_t *len);
ssize_t shim_recvfrom_chk(go_sched *s, int fd, void *buf, size_t n, size_t room, int flags,
                          struct sockaddr *from, socklen_t *len);
long shim_recvmsg(go_sched *s, int fd, struct msghdr *m, int flags);
long shim_recvmmsg(go_sched *s, int fd, struct mmsghdr *m, unsigned n, int flags,
                   struct timespec *timeout);
long shim_send(go_sched *s, int fd, const void *buf, size_t n, int flags);
long shim_sendto(go_sched *s, int fd, const void *buf, size_t n, int flags,
                 const struct sockaddr *to, socklen_t len);
long shim_sendmsg(go_sched *s, int fd, const struct msghdr *m, int flags);
long shim_sendmmsg(go_sched *s, int fd, struct mmsghdr *m, unsigned n, int flags);
long shim_accept(go_sched *s, int fd, struct sockaddr *peer, socklen_t *len);
long shim_accept4(go_sched *s, int fd, struct sockaddr *peer, socklen_t *len, int flags);
long shim_connect(go_sched *s, int fd, const struct sockaddr *to, socklen_t len);

/* poll.c */
long shim_poll(go_sched *s, struct pollfd *fds, nfds_t n, int timeout);
int shim_poll_chk(go_sched *s, struct pollfd *fds, nfds_t n, int timeout, size_t room);
long shim_ppoll(go_sched *s, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                const sigset_t *mask);
int shim_ppoll_chk(go_sched *s, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                   const sigset_t *mask, size_t room);
long shim_select(go_sched *s, int n, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout);
long shim_pselect(go_sched *s, int n, fd_set *in, fd_set *out, fd_set *ex,
                  const struct timespec *timeout, const sigset_t *mask);
long shim_epoll_wait(go_sched *s, int fd, struct epoll_event *events, int n, int timeout);
long shim_epoll_pwait(go_sched *s, int fd, struct epoll_event *events, int n, int timeout,
                      const sigset_t *mask);
long shim_epoll_pwait2(go_sched *s, int fd, struct epoll_event *events, int n,
                       const struct timespec *timeout, const sigset_t *mask);

/* time.c */
unsigned shim_sleep(go_sched *s, unsigned seconds);
long shim_usleep(go_sched *s, useconds_t us);
long shim_nanosleep(go_sched *s, const struct timespec *want, struct timespec *left);
int shim_clock_nanosleep(go_sched *s, clockid_t clock, int flags, const struct timespec *want,
                         struct timespec *left);
int shim_thrd_sleep(go_sched *s, const struct timespec *want, struct timespec *left);
long shim_yield(go_sched *s);
void shim_thrd_yield(go_sched *s);

/* dns.c */
int shim_getaddrinfo(go_sched *s, const char *node, const char *service,
                     const struct addrinfo *hints, struct addrinfo **res);
int shim_getnameinfo(go_sched *s, const struct sockaddr *sa, socklen_t len, char *host,
                     socklen_t hostlen, char *serv, socklen_t servlen, int flags);

/* process.c */
long shim_wait(go_sched *s, int *status);
long shim_waitpid(go_sched *s, pid_t pid, int *status, int options);
long shim_wait3(go_sched *s, int *status, int options, struct rusage *usage);
long shim_wait4(go_sched *s, pid_t pid, int *status, int options, struct rusage *usage);
long shim_waitid(go_sched *s, idtype_t what, id_t id, siginfo_t *info, int options);

/* signal.c */
long shim_pause(go_sched *s);
long shim_sigsuspend(go_sched *s, const sigset_t *mask);
long shim_sigpause(go_sched *s, int sig);
int shim_sigwait(go_sched *s, const sigset_t *set, int *sig);
long shim_sigwaitinfo(go_sched *s, const sigset_t *set, siginfo_t *info);
long shim_sigtimedwait(go_sched *s, const sigset_t *set, siginfo_t *info,
                       const struct timespec *timeout);

/* ipc.c */
long shim_msgrcv(go_sched *s, int id, void *msg, size_t n, long type, int flags);
long shim_msgsnd(go_sched *s, int id, const void *msg, size_t n, int flags);
long shim_semop(go_sched *s, int id, struct sembuf *ops, size_t n);
long shim_semtimedop(go_sched *s, int id, struct sembuf *ops, size_t n,
                     const struct timespec *timeout);
long shim_mq_receive(go_sched *s, mqd_t q, char *buf, size_t n, unsigned *prio);
long shim_mq_timedreceive(go_sched *s, mqd_t q, char *buf, size_t n, unsigned *prio,
                          const struct timespec *until);
long shim_mq_send(go_sched *s, mqd_t q, const char *buf, size_t n, unsigned prio);
long shim_mq_timedsend(go_sched *s, mqd_t q, const char *buf, size_t n, unsigned prio,
                       const struct timespec *until);

#endif
