/* SPDX-License-Identifier: MIT
 *
 * Files: what is read and written at a position, opened, closed, locked. */
#include "core/low.h"
#include "core/scope.h"
#include "shim/kept.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include <dirent.h>
#include <fcntl.h>
#include <gosling/fiber.h>
#include <gosling/io.h>
#include <gosling/offload.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- at a position ---- */

long shim_pread(go_sched *s, int fd, void *buf, size_t n, off64_t at)
{
    (void)s;
    return go_pread(fd, buf, n, at);
}

long shim_pwrite(go_sched *s, int fd, const void *buf, size_t n, off64_t at)
{
    (void)s;
    return go_pwrite(fd, buf, n, at);
}

static long vector_at(go_sched *s, unsigned dir, int fd, const struct iovec *v, int n, off64_t at)
{
    struct io op = {.attempt = io_positioned_attempt,
                    .sched = s,
                    .dir = (uint8_t)dir,
                    .how = WAIT_CANCEL,
                    .shared = true,
                    .at = at};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (rc < 0)
        return rc;
    if (at < 0)
        return -EINVAL;
    rc = io_vector(&op, v, n);
    if (rc == 0)
        rc = fd_get(s, fd, &r);
    return rc < 0 ? rc : io_run(&op, r);
}

long shim_preadv(go_sched *s, int fd, const struct iovec *v, int n, off64_t at)
{
    return vector_at(s, LOOP_READ, fd, v, n, at);
}

long shim_pwritev(go_sched *s, int fd, const struct iovec *v, int n, off64_t at)
{
    return vector_at(s, LOOP_WRITE, fd, v, n, at);
}

struct flagged {
    int fd, n, flags;
    unsigned dir;
    const struct iovec *v;
    off64_t at;
    long rc;
};

static int run_flagged(void *arg)
{
    struct flagged *f = arg;

    f->rc = f->dir == LOOP_READ ? sys_preadv2(f->fd, f->v, f->n, f->at, f->flags)
                                : sys_pwritev2(f->fd, f->v, f->n, f->at, f->flags);
    return 0;
}

/* With flags of its own it is one system call, on another thread if it may wait. */
static long with_flags(unsigned dir, int fd, const struct iovec *v, int n, off64_t at, int flags)
{
    struct flagged f = {.fd = fd, .v = v, .n = n, .at = at, .flags = flags, .dir = dir};
    int rc;

    rc = flags & RWF_NOWAIT ? run_flagged(&f) : go_offload(run_flagged, &f);
    if (rc == -EAGAIN)
        rc = run_flagged(&f);
    return rc < 0 ? rc : f.rc;
}

long shim_preadv2(go_sched *s, int fd, const struct iovec *v, int n, off64_t at, int flags)
{
    if (flags)
        return with_flags(LOOP_READ, fd, v, n, at, flags);
    return at == -1 ? shim_readv(s, fd, v, n) : shim_preadv(s, fd, v, n, at);
}

long shim_pwritev2(go_sched *s, int fd, const struct iovec *v, int n, off64_t at, int flags)
{
    if (flags)
        return with_flags(LOOP_WRITE, fd, v, n, at, flags);
    return at == -1 ? shim_writev(s, fd, v, n) : shim_pwritev(s, fd, v, n, at);
}

/* ---- numbers ---- */

/* Programs that close every number there is mean theirs. */
static bool is_loops(go_sched *s, int fd)
{
    char path[32], what[32];
    struct fd *r;
    ssize_t n;

    if (likely(fd < low_end()) || (fd_get(s, fd, &r) == 0 && fd_is_socket(r)))
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, what, sizeof what - 1);
    what[n > 0 ? n : 0] = '\0';
    return strncmp(what, "anon_inode:", 11) == 0 && sys_fcntl(fd, F_GETFD, 0) == FD_CLOEXEC;
}

/* Not a checkpoint: what is closed on the way out of a cancelled scope is closed. */
long shim_close(go_sched *s, int fd)
{
    if (is_loops(s, fd))
        return -EBADF;
    kept_keep(s, fd);
    return go_close(fd);
}

/* As long as a range may have a number of the loop's in it, one by one. */
static void close_high(go_sched *s, int first, int last)
{
    struct dirent64 *e;
    DIR *all = opendir("/proc/self/fd");

    while (all && (e = readdir64(all))) {
        int fd = atoi(e->d_name);

        if (e->d_name[0] != '.' && fd >= first && fd <= last && fd != dirfd(all))
            shim_close(s, fd);
    }
    if (all)
        closedir(all);
}

long shim_close_range(go_sched *s, unsigned first, unsigned last, unsigned flags)
{
    unsigned end = (unsigned)low_end();

    if (flags || first > last)
        return SYS3(SYS_close_range, first, last, flags);
    for (unsigned fd = first; fd <= last && fd < end && fd < (unsigned)fd_end(s); fd++) {
        kept_keep(s, (int)fd);
        fd_replaced(s, (int)fd);
    }
    if (last >= end)
        close_high(s, (int)(first > end ? first : end), last > INT_MAX ? INT_MAX : (int)last);
    return first >= end ? 0 : SYS3(SYS_close_range, first, last < end ? last : end - 1, 0);
}

/* Another number for an open file of ours is ours as well: the program never made it
 * non-blocking. */
static long same_file(go_sched *s, int from, long to)
{
    struct fd *r;

    if (to >= 0 && fd_get(s, from, &r) == 0 && fd_ours(r))
        fd_created((int)to, (enum fd_kind)r->kind);
    return to;
}

long shim_dup(go_sched *s, int fd)
{
    return same_file(s, fd, sys_dup(fd));
}

long shim_dup3(go_sched *s, int fd, int to, int flags)
{
    if (fd == to)
        return -EINVAL;
    if (to >= 0 && sys_fcntl(fd, F_GETFD, 0) >= 0) {
        kept_keep(s, to);
        fd_replaced(s, to);
    }
    return same_file(s, fd, sys_dup3(fd, to, flags));
}

long shim_dup2(go_sched *s, int fd, int to)
{
    if (fd == to)
        return sys_fcntl(fd, F_GETFD, 0) < 0 ? -EBADF : to;
    return shim_dup3(s, fd, to, 0);
}

/* ---- locks ----
 *
 * Nothing tells when a file's lock is free, and who waits for it on another thread cannot be
 * cancelled there: so it is asked for again. */

long shim_flock(go_sched *s, int fd, int how)
{
    go_time pause = 0;
    long rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (how & LOCK_NB)
        return SYS2(SYS_flock, fd, how);
    while ((rc = SYS2(SYS_flock, fd, how | LOCK_NB)) == -EWOULDBLOCK)
        if ((rc = shim_again(s, &pause, GO_FOREVER, SHIM_RESTARTS)) < 0)
            return rc;
    return rc;
}

/* Where struct flock has 32 bits, there is another command for 64. */
#ifdef __LP64__
#define SETLK64 F_SETLK
#else
#define SETLK64 F_SETLK64
#endif

static long lock_wait(go_sched *s, int fd, int command, long arg)
{
    go_time pause = 0;
    long rc = checkpoint(s);

    if (rc < 0)
        return rc;
    while ((rc = sys_fcntl(fd, command, arg)) == -EAGAIN || rc == -EACCES)
        if ((rc = shim_again(s, &pause, GO_FOREVER, SHIM_RESTARTS)) < 0)
            return rc;
    return rc;
}

long shim_lockf(go_sched *s, int fd, int command, off64_t n)
{
    struct flock64 l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = n};

    if (command != F_LOCK)
        return lockf64(fd, command, n) < 0 ? -errno : 0;
    return lock_wait(s, fd, SETLK64, SYS_ARG(&l));
}

long shim_fcntl(go_sched *s, int fd, int command, long arg)
{
    struct fd *r;

    switch (command) {
    case F_SETLKW:
        return lock_wait(s, fd, F_SETLK, arg);
#ifndef __LP64__
    case F_SETLKW64:
        return lock_wait(s, fd, F_SETLK64, arg);
#endif
    case F_OFD_SETLKW:
        return lock_wait(s, fd, F_OFD_SETLK, arg);
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return same_file(s, fd, sys_fcntl(fd, command, arg));
    case F_SETFL: /* from now on it is what the program makes of it */
        if (fd_get(s, fd, &r) == 0 && fd_ours(r))
            fd_disown(r);
        seen_changed();
        return sys_fcntl(fd, command, arg);
    default:
        return sys_fcntl(fd, command, arg);
    }
}

/* ---- opening ---- */

struct opening {
    int dir, flags, fd;
    const char *path;
    unsigned mode;
};

static int run_opening(void *arg)
{
    struct opening *o = arg;

    o->fd = sys_openat(o->dir, o->path, o->flags, o->mode);
    return 0;
}

/* Opening a FIFO waits for its other end, and a tty for its carrier. */
long shim_openat(go_sched *s, int dir, const char *path, int flags, unsigned mode)
{
    struct opening o = {.dir = dir, .flags = flags, .path = path, .mode = mode};
    int saved = errno, rc = checkpoint(s);
    struct stat st;
    bool waits;

    if (rc < 0)
        return rc;
    waits = !(flags & (O_NONBLOCK | O_PATH | O_DIRECTORY)) && fstatat(dir, path, &st, 0) == 0 &&
            (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
    errno = saved;
    if (!waits || go_offload(run_opening, &o) == -EAGAIN)
        run_opening(&o);
    return o.fd;
}

/* These refuse flags that need a mode, which was not given. */
static bool needs_mode(int flags)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

long shim_openat_2(go_sched *s, int dir, const char *path, int flags)
{
    if (needs_mode(flags))
        abort();
    return shim_openat(s, dir, path, flags, 0);
}

long shim_open_2(go_sched *s, const char *path, int flags)
{
    return shim_openat_2(s, AT_FDCWD, path, flags);
}

long shim_creat(go_sched *s, const char *path, mode_t mode)
{
    return shim_openat(s, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
