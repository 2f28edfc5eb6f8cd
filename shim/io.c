/* SPDX-License-Identifier: MIT
 *
 * read and write as a blocking descriptor has them, and what all calls on descriptors share. Where
 * they differ from go_read and go_write: an open file that the program has made O_NONBLOCK answers
 * -EAGAIN; SO_RCVTIMEO and SO_SNDTIMEO hold; several fibers may read from one stream; a write goes
 * on until everything is written; and SIGPIPE is raised. */
#include "core/scope.h"
#include "shim/kept.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/wrap.h"
#include <fcntl.h>
#include <gosling/io.h>
#include <limits.h>

/* ---- how long ---- */

go_time shim_until(go_sched *s, go_time ns)
{
    go_time now;

    if (ns < 0)
        return GO_FOREVER;
    now = sched_now(s);
    return ns < GO_FOREVER - now ? now + ns : GO_FOREVER;
}

int shim_timespec(const struct timespec *ts, go_time *ns)
{
    go_time sec;

    if (!ts) {
        *ns = -1;
        return 0;
    }
    sec = ts->tv_sec;
    if (sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= GO_SEC)
        return -EINVAL;
    *ns = sec < GO_FOREVER / GO_SEC ? sec * GO_SEC + ts->tv_nsec : -1;
    return 0;
}

/* Asked only by who is about to wait, so that what is ready pays nothing for it. */
int shim_may_wait(go_sched *s, struct fd *r, unsigned dir, go_time *until)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;

    *until = 0;
    if (seen_waits(r, dir))
        return 0;
    if (!fd_ours(r)) {
        int flags = sys_fcntl(r->number, F_GETFL, 0);

        if (flags < 0)
            return flags;
        if ((flags & O_ACCMODE) == (dir == LOOP_READ ? O_WRONLY : O_RDONLY))
            return -EBADF; /* where poll was asked instead of the call */
        if (flags & O_NONBLOCK)
            return -EAGAIN;
    }
    if (fd_is_socket(r) &&
        sys_getsockopt(r->number, SOL_SOCKET, dir == LOOP_READ ? SO_RCVTIMEO : SO_SNDTIMEO, &tv,
                       &len) == 0 &&
        (tv.tv_sec || tv.tv_usec))
        *until = shim_until(s, tv.tv_sec * GO_SEC + tv.tv_usec * GO_US);
    else
        seen_to_wait(r, dir);
    return 0;
}

/* `gosling run --timeout`: true when it comes before until, and is until then. */
bool shim_limit(go_sched *s, go_time *until, go_time limit)
{
    go_time at;

    if (likely(!limit))
        return false;
    at = shim_until(s, limit);
    if (*until && *until <= at)
        return false;
    *until = at;
    return true;
}

/* As long as it takes, on the file that r is now, whatever becomes of its number. */
static ssize_t run_on(struct io *op, struct fd *r)
{
    struct waits_on w;
    ssize_t n;

    kept_begin(op->sched, &w, r->number);
    n = SHIM_WAITS(op->sched, op->until || op->begun || op->done ? SHIM_INTERRUPTS : SHIM_RESTARTS,
                   io_run(op, r));
    if (unlikely(n == -EBADF) && kept_number(&w) >= 0 &&
        fd_get(op->sched, kept_number(&w), &r) == 0) {
        op->tried = false;
        n = SHIM_WAITS(op->sched, op->until || op->done ? SHIM_INTERRUPTS : SHIM_RESTARTS,
                       io_run(op, r));
    }
    kept_end(&w);
    return n;
}

/* Whether the last read has left nothing, and this one may wait for more: then it does not look
 * first. */
static bool waits_at_once(const struct io *op, const struct fd *r)
{
    return op->dir == LOOP_READ && r->drained && !op->at_once && seen_waits(r, op->dir);
}

ssize_t shim_run(struct io *op, struct fd *r)
{
    bool asked_not_to = op->at_once, limited;
    ssize_t n;
    int rc;

    op->shared = true;
    if (!op->tried && !waits_at_once(op, r)) {
        op->at_once = true;
        n = io_run(op, r);
        op->at_once = asked_not_to; /* it may be run again for the rest */
        if (n != -EAGAIN || asked_not_to)
            return n;
        op->tried = true;
    }
    rc = shim_may_wait(op->sched, r, op->dir, &op->until);
    if (rc < 0)
        return rc;
    limited = shim_limit(op->sched, &op->until, wrap.timeout);
    n = run_on(op, r);
    return n == -ETIMEDOUT && !limited ? -EAGAIN : n;
}

long shim_epipe(long rc, int flags, bool by_kernel)
{
    if (likely(rc != -EPIPE) || flags & MSG_NOSIGNAL || (by_kernel && run_open))
        return rc;
    if (threads_on)
        threads_raise(sched_self(), SIGPIPE);
    else
        raise(SIGPIPE);
    return rc;
}

/* Of nothing, on what is no socket: each kind of file has an opinion of its own, and none waits. */
static bool is_nothing(go_sched *s, struct fd *r, size_t n)
{
    return unlikely(n == 0) && (r->kind != FD_UNKNOWN || fd_identify(s, r) == 0) &&
           !fd_is_socket(r);
}

/* ---- reading ---- */

static __attribute__((noinline)) ssize_t read_slow(go_sched *s, struct fd *r, const struct iovec *v,
                                                   int n, bool tried)
{
    struct io op = {.attempt = io_read_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .tried = tried,
                    .at = -1};
    int rc = io_vector(&op, v, n);

    return rc < 0 ? rc : shim_run(&op, r);
}

long shim_read(go_sched *s, int fd, void *buf, size_t n)
{
    struct iovec one = {buf, n};
    struct fd *r;
    ssize_t got = fd_checkpoint(s, fd);

    if (unlikely(got < 0) || unlikely((got = fd_get(s, fd, &r)) < 0))
        return got;
    if (is_nothing(s, r, n))
        return sys_read(fd, buf, 0);
    if (unlikely(r->kind != FD_STREAM || n == 0) || r->drained)
        return read_slow(s, r, &one, 1, false);
    got = sys_recvfrom(fd, buf, n, MSG_DONTWAIT, NULL, NULL);
    if (likely(got > 0))
        return io_got(s, r, got, n);
    return got == -EAGAIN || got == -EINTR || got == -ENOTSOCK
               ? read_slow(s, r, &one, 1, got == -EAGAIN)
               : got;
}

long shim_readv(go_sched *s, int fd, const struct iovec *v, int n)
{
    struct fd *r;
    ssize_t rc = fd_checkpoint(s, fd);

    return rc < 0 || (rc = fd_get(s, fd, &r)) < 0 ? rc : read_slow(s, r, v, n, false);
}

long shim_eventfd_read(go_sched *s, int fd, eventfd_t *value)
{
    long n = shim_read(s, fd, value, sizeof *value);

    return n < 0 ? n : n == sizeof *value ? 0 : -EINVAL;
}

/* ---- writing ---- */

static ssize_t write_once(go_sched *s, struct fd *r, const struct iovec *v, int n, bool begun)
{
    struct io op = {.attempt = io_write_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .at = -1,
                    .begun = begun};
    int rc = io_vector(&op, v, n);

    return rc < 0 ? rc : shim_run(&op, r);
}

/* What has been written counts; an error after it comes up again at the next call. */
static ssize_t write_rest(go_sched *s, struct fd *r, const char *buf, size_t n, size_t done)
{
    uint32_t binding = r->binding;

    while (done < n && r->binding == binding) {
        struct iovec rest = {(void *)(uintptr_t)(buf + done), n - done};
        ssize_t put = write_once(s, r, &rest, 1, done > 0);

        if (put <= 0)
            return done ? (ssize_t)done : put;
        done += (size_t)put;
    }
    return (ssize_t)done;
}

/* A packet goes whole or not at all, and so does a file's write. */
static bool in_parts(const struct fd *r)
{
    return r->kind != FD_PACKET && r->kind != FD_FILE;
}

long shim_write(go_sched *s, int fd, const void *buf, size_t n)
{
    struct iovec one = {(void *)(uintptr_t)buf, n};
    struct fd *r;
    ssize_t put = fd_checkpoint(s, fd);

    if (unlikely(put < 0) || unlikely((put = fd_get(s, fd, &r)) < 0))
        return put;
    if (is_nothing(s, r, n))
        return sys_write(fd, buf, 0);
    if (likely(r->kind == FD_STREAM)) {
        put = sys_sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        if (likely(put == (ssize_t)n)) {
            fd_moved(s, r);
            return put;
        }
        if (put == -EAGAIN || put == -EINTR || put == -ENOTSOCK)
            put = write_once(s, r, &one, 1, false);
    } else {
        put = write_once(s, r, &one, 1, false);
    }
    if (put > 0 && (size_t)put < n && in_parts(r))
        return write_rest(s, r, buf, n, (size_t)put);
    return shim_epipe(put, 0, !fd_is_socket(r));
}

/* The pieces of v from byte `done` on: the one that was cut, then the others. */
static ssize_t writev_rest(go_sched *s, struct fd *r, const struct iovec *v, int n, size_t done)
{
    size_t all = done;

    for (; n > 0 && done >= v->iov_len; v++, n--)
        done -= v->iov_len;
    while (n > 0) {
        ssize_t put = write_rest(s, r, (char *)v->iov_base + done, v->iov_len - done, 0);

        if (put < 0)
            break;
        all += (size_t)put;
        if ((size_t)put < v->iov_len - done)
            break;
        done = 0;
        v++;
        n--;
    }
    return (ssize_t)all;
}

long shim_writev(go_sched *s, int fd, const struct iovec *v, int n)
{
    struct fd *r;
    size_t total = 0;
    ssize_t put = fd_checkpoint(s, fd);

    if (put < 0 || (put = fd_get(s, fd, &r)) < 0)
        return put;
    put = write_once(s, r, v, n, false);
    if (put <= 0 || !in_parts(r))
        return shim_epipe(put, 0, !fd_is_socket(r));
    for (int i = 0; i < n; i++)
        total += v[i].iov_len;
    return (size_t)put < total ? writev_rest(s, r, v, n, (size_t)put) : put;
}

long shim_eventfd_write(go_sched *s, int fd, eventfd_t value)
{
    long n = shim_write(s, fd, &value, sizeof value);

    return n < 0 ? n : n == sizeof value ? 0 : -EINVAL;
}

/* ---- from a file ---- */

long shim_sendfile64(go_sched *s, int out, int in, off64_t *at, size_t n)
{
    int64_t from = at ? *at : 0;
    struct stat st;
    go_time until;
    struct fd *r;
    int rc = fd_checkpoint(s, out);
    ssize_t put;

    if (rc < 0 || (rc = fd_get(s, out, &r)) < 0)
        return rc;
    if (r->kind == FD_UNKNOWN && (rc = fd_identify(s, r)) < 0)
        return rc;
    /* what is sent from anything else is an error, and what is sent to anything else does not
     * wait */
    if ((r->kind != FD_PIPE && !fd_is_socket(r)) || sys_fstat(in, &st) < 0 ||
        !S_ISREG(st.st_mode) || shim_may_wait(s, r, LOOP_WRITE, &until) == -EAGAIN) {
        put = sys_sendfile(out, in, at ? &from : NULL, n);
        if (at && put >= 0)
            *at = from;
        return put;
    }
    put = go_sendfile(out, in, at ? &from : NULL, n);
    if (at)
        *at = from;
    return shim_epipe(put, 0, true);
}

long shim_sendfile(go_sched *s, int out, int in, off_t *at, size_t n)
{
    off64_t from = at ? *at : 0;
    long put = shim_sendfile64(s, out, in, at ? &from : NULL, n);

    if (at)
        *at = (off_t)from;
    return put;
}
