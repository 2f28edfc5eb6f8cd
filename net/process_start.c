/* SPDX-License-Identifier: MIT
 *
 * Starting a process. Everything that can fail is had before it runs, its exit descriptor's number
 * included; what fails all the same when it runs already ends it again. */
#include "core/sys.h"
#include "core/term.h"
#include "net/fd.h"
#include "net/process.h"
#include "net/reaper.h"
#include <gosling/error.h>
#include <gosling/io.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GRACE (5 * GO_SEC)

static const go_process_opts no_opts;

/* ---- its three streams ---- */

/* One stream while the process is being made. */
struct stream {
    int child; /* what it becomes in the child; -1: inherited */
    bool own;  /* ours to close when the child has it */
    int ours;  /* our end of a pipe, or -1 */
};

static void stream_close_child(struct stream *st)
{
    if (st->own)
        sys_close(st->child);
    st->own = false;
}

/* Only our end is O_NONBLOCK: the two ends are two open files. */
static int stream_pipe(struct stream *st, int number)
{
    int fds[2], ours = number == 0, rc = sys_pipe2(fds, O_CLOEXEC);

    if (rc < 0)
        return rc;
    sys_fcntl(fds[ours], F_SETFL, O_NONBLOCK | (ours ? O_WRONLY : O_RDONLY));
    fd_created(fds[ours], FD_PIPE);
    *st = (struct stream){.child = fds[!ours], .own = true, .ours = fds[ours]};
    return 0;
}

/* A descriptor that another stream would overwrite before it is copied: copied to a place above. */
static int stream_lift(struct stream *st, int number)
{
    int fd;

    if (st->child < 0 || st->child > 2 || st->child == number)
        return 0;
    fd = sys_fcntl(st->child, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return fd;
    stream_close_child(st);
    st->child = fd;
    st->own = true;
    return 0;
}

static int stream_open(struct stream *st, int number, int want)
{
    int rc;

    *st = (struct stream){.child = -1, .ours = -1};
    if (want == 0 || want == PROCESS_LIKE_OUT)
        return 0;
    if (want == -1) {
        rc = stream_pipe(st, number);
    } else {
        st->child = want;
        rc = want < -1 ? -EINVAL : sys_fcntl(want, F_GETFD, 0);
    }
    return rc < 0 ? rc : stream_lift(st, number);
}

static void streams_close(struct stream st[3])
{
    for (int i = 0; i < 3; i++) {
        stream_close_child(&st[i]);
        if (st[i].ours >= 0)
            go_close(st[i].ours);
        st[i].ours = -1;
    }
}

/* ---- the exit descriptor ---- */

/* Before the process is there: a descriptor that keeps a number free for it, so that its end can be
 * told when it has begun. A pidfd (of ourselves), which shows that there are pidfds; or an eventfd,
 * for the reaper. */
static int exit_fd_reserve(bool *pidfds)
{
    int fd = sys_pidfd_open(getpid(), 0);

    *pidfds = fd >= 0;
    return fd >= 0 ? fd : sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* p->exit_fd, reserved, becomes what tells p's end. */
static int exit_fd_bind(go_process *p, bool pidfds)
{
    int rc;

    if (pidfds) {
        sys_close(p->exit_fd);
        p->exit_fd = sys_pidfd_open(p->pid, 0);
        if (p->exit_fd >= 0) {
            fd_created(p->exit_fd, FD_OTHER);
            return 0;
        }
        /* It has been reaped already, as SIGCHLD is ignored; or a thread has taken the number. */
        p->exit_fd = sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (p->exit_fd < 0)
            return p->exit_fd;
    }
    rc = reaper_watch(p->pid, p->exit_fd);
    if (rc == 0)
        fd_created(p->exit_fd, FD_OTHER);
    return rc;
}

/* ---- starting ---- */

static int add_streams(posix_spawn_file_actions_t *actions, const struct stream st[3],
                       bool err_like_out)
{
    int rc = 0;

    /* Of a descriptor onto itself too: that clears its CLOEXEC. */
    for (int i = 0; rc == 0 && i < 3; i++)
        if (st[i].child >= 0)
            rc = posix_spawn_file_actions_adddup2(actions, st[i].child, i);
    if (rc == 0 && err_like_out)
        rc = posix_spawn_file_actions_adddup2(actions, 1, 2);
    return rc;
}

/* A pool thread that runs gosling has all signals blocked, and a program may block some: a child
 * begins with none. */
static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;

    sigemptyset(&none);
    sigemptyset(&defaults);
    if (term_ignores_pipe())
        sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &defaults);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn_it(pid_t *pid, char *const argv[], const go_process_opts *o,
                    const struct stream st[3], bool err_like_out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc)
        return -rc;
    rc = posix_spawnattr_init(&attr);
    if (rc)
        goto destroy_actions;
    rc = set_signals(&attr);
    if (!rc)
        rc = add_streams(&actions, st, err_like_out);
    if (!rc && o->dir)
        rc = posix_spawn_file_actions_addchdir_np(&actions, o->dir);
    if (!rc)
        rc = posix_spawnp(pid, argv[0], &actions, &attr, argv, o->env ? o->env : environ);
    posix_spawnattr_destroy(&attr);
destroy_actions:
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

static int failed(int rc, const char *program, const go_process_opts *o)
{
    struct stat st;

    if (o->dir && stat(o->dir, &st) < 0)
        return go_fail(rc, "start %s in directory %s: %s", program, o->dir, strerrordesc_np(-rc));
    if (rc == -ENOENT)
        return go_fail(rc, "start %s: no such program, or no interpreter for it", program);
    return go_fail(rc, "start %s: %s", program, strerrordesc_np(-rc));
}

int process_start(go_process *p, char *const argv[], const go_process_opts *o, const int streams[3])
{
    struct stream st[3] = {{-1, false, -1}, {-1, false, -1}, {-1, false, -1}};
    int rc = 0, saved = errno;
    bool pidfds;

    *p = (go_process){.in = -1, .out = -1, .err = -1, .exit_fd = -1, .phase = PROCESS_NONE};
    p->grace = o->grace ? o->grace : GRACE;
    if (!argv || !argv[0])
        return -EINVAL;
    for (int i = 0; rc >= 0 && i < 3; i++)
        rc = stream_open(&st[i], i, streams[i]);
    if (rc < 0)
        goto close_streams;
    p->exit_fd = rc = exit_fd_reserve(&pidfds);
    if (rc < 0)
        goto close_streams;
    rc = spawn_it(&p->pid, argv, o, st, streams[2] == PROCESS_LIKE_OUT);
    if (rc < 0) {
        p->pid = 0;
        sys_close(p->exit_fd);
        goto close_streams;
    }
    p->phase = PROCESS_STARTED;
    rc = exit_fd_bind(p, pidfds);
    if (rc < 0) {
        process_end_now(p);
        p->phase = PROCESS_NONE;
        p->pid = 0;
        goto close_streams;
    }
    for (int i = 0; i < 3; i++)
        stream_close_child(&st[i]);
    p->in = st[0].ours;
    p->out = st[1].ours;
    p->err = st[2].ours;
    errno = saved;
    return 0;

close_streams:
    p->exit_fd = -1;
    streams_close(st);
    rc = failed(rc, argv[0], o);
    errno = saved;
    return rc;
}

int go_process_start(go_process *p, char *const argv[], const go_process_opts *opts)
{
    const go_process_opts *o = opts ? opts : &no_opts;

    if (o->in < -1 || o->out < -1 || o->err < -1) {
        memset(p, 0, sizeof *p);
        return -EINVAL;
    }
    return process_start(p, argv, o, (int[]){o->in, o->out, o->err});
}
