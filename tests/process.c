/* SPDX-License-Identifier: MIT
 *
 * Section 8: child processes: starting, streams, ends. */
#include "tests/net_kit.h"
#include <pthread.h>
#include <spawn.h>

#define SH(script) ((char *const[]){(char *)"sh", (char *)"-c", (char *)(script), NULL})

static int wait_for(char *const argv[], const go_process_opts *opts)
{
    go_process p;
    int status = -1, rc = go_process_start(&p, argv, opts);

    if (rc == 0)
        rc = go_process_wait(&p, &status);
    return rc < 0 ? rc : status;
}

LAW_REAL(exit_status, "S8.40 go_process_wait gives waitpid's status: an exit code, or a signal")
{
    int status = wait_for(SH("exit 7"), NULL);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = wait_for(SH("kill -9 $$"), NULL);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_EQ(wait_for(SH("exit 0"), NULL), 0);
}

/* ---- what cannot be started ---- */

/* Under valgrind 3.19 and qemu-user a vfork is a fork: the child's failure to execute stays in the
 * child, and libc's posix_spawn has nothing to report. */
static bool spawn_reports(void)
{
    char *const none[] = {(char *)"gosling-no-such-program", NULL};
    pid_t pid;

    if (posix_spawnp(&pid, none[0], NULL, NULL, none, environ) != 0)
        return true;
    waitpid(pid, NULL, 0);
    TAP_SKIP("posix_spawn does not tell here that there is no such program");
    return false;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);

    put(fd, text);
    close(fd);
}

LAW_REAL(not_found, "S8.41 a program that does not exist is -ENOENT, one that must not be run "
                    "-EACCES, one that is none -ENOEXEC; 127 is a program's own")
{
    char dir[] = "/tmp/gosling-process-XXXXXX", plain[64], garbage[64];
    char *const none[] = {(char *)"gosling-no-such-program", NULL}, *const no_args[] = {NULL};
    int before = open_fds();
    go_process p;

    if (!spawn_reports())
        return;
    CHECK(mkdtemp(dir) != NULL);
    snprintf(plain, sizeof plain, "%s/plain", dir);
    snprintf(garbage, sizeof garbage, "%s/garbage", dir);
    write_file(plain, "text", 0644);
    write_file(garbage, "neither a script nor a program", 0755);

    CHECK_EQ(go_process_start(&p, none, NULL), -ENOENT);
    CHECK_EQ(p.pid, 0);
    CHECK_EQ(go_process_wait(&p, NULL), -EINVAL);
    CHECK_EQ(go_process_kill(&p, SIGTERM), -ESRCH);
    CHECK_EQ(go_process_start(&p, (char *const[]){plain, NULL}, NULL), -EACCES);
    CHECK_EQ(go_process_start(&p, (char *const[]){garbage, NULL}, NULL), -ENOEXEC);
    CHECK_EQ(go_process_start(&p, SH("exit 0"), &(go_process_opts){.dir = "/no/such/dir"}),
             -ENOENT);
    CHECK_EQ(go_process_start(&p, SH("exit 0"), &(go_process_opts){.dir = plain}), -ENOTDIR);
    CHECK_EQ(go_process_start(&p, no_args, NULL), -EINVAL);
    CHECK_EQ(go_process_start(&p, SH("exit 0"), &(go_process_opts){.out = -3}), -EINVAL);
    CHECK_EQ(go_process_start(&p, SH("exit 0"), &(go_process_opts){.err = 999}), -EBADF);
    CHECK_EQ(go_process_run(none, "x", 1, NULL, NULL, NULL), -ENOENT);
    CHECK_EQ(go_process_run(SH("gosling-no-such-program 2>&-"), NULL, 0, NULL, NULL, NULL), 127);
    CHECK_EQ(open_fds(), before);
    unlink(plain);
    unlink(garbage);
    rmdir(dir);
}

static int names_what_is_missing(void *arg)
{
    go_process p;
    int rc;

    (void)arg;
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE}) {
        rc = go_process_start(&p, SH("exit 0"), &(go_process_opts){.dir = "/no/such/dir"});
    }
    CHECK_EQ(rc, -ENOENT);
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)), "directory /no/such/dir");
    return 0;
}

LAW(names_it, "S8.41 and the message says whether the program or the directory is missing")
{
    if (spawn_reports())
        CHECK_EQ(real_run(names_what_is_missing, NULL), 0);
}

/* ---- streams ---- */

LAW_REAL(pipes, "S8.42 a stream of -1 is a pipe, and our end of it O_NONBLOCK and CLOEXEC")
{
    int before = open_fds(), status;
    char buf[64] = "";
    go_process p;

    CHECK_EQ(go_process_start(&p, SH("read x; echo \"got $x\"; echo oops >&2"),
                              &(go_process_opts){.in = -1, .out = -1, .err = -1}),
             0);
    CHECK(flags_of(p.in) & O_NONBLOCK);
    CHECK(flags_of(p.out) & O_NONBLOCK);
    CHECK(fcntl(p.err, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(go_write_all(p.in, "it\n", 3), 0);
    CHECK_EQ(go_read_exact(p.out, buf, 7), 1);
    CHECK_STR(buf, "got it\n");
    memset(buf, 0, sizeof buf);
    CHECK_EQ(go_read_exact(p.err, buf, 5), 1);
    CHECK_STR(buf, "oops\n");
    CHECK_EQ(go_process_wait(&p, &status), 0);
    go_close(p.in);
    go_close(p.out);
    go_close(p.err);
    CHECK_EQ(open_fds(), before);
}

LAW_REAL(blocking_for_the_child, "S8.42 a child's end of a pipe blocks, as programs expect")
{
    char *out;

    /* O_NONBLOCK is octal 04000 in fdinfo's flags */
    CHECK_EQ(go_process_run(SH("sed -n 's/^flags:[^0-9]*//p' /proc/self/fdinfo/0 "
                               "/proc/self/fdinfo/1"),
                            "", 0, &out, NULL, NULL),
             0);
    CHECK_EQ(strtol(out, NULL, 8) & O_NONBLOCK, 0);
    CHECK_EQ(strtol(strchr(out, '\n'), NULL, 8) & O_NONBLOCK, 0);
    free(out);
}

LAW_REAL(given, "S8.42 another number is that descriptor, also when the streams are exchanged")
{
    char path[] = "/tmp/gosling-process-XXXXXX", buf[64] = "";
    int fd = mkstemp(path), saved[3] = {dup(0), dup(1), dup(2)}, a[2], b[2], status;
    go_process p;

    fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (int i = 0; i < 3; i++)
        fcntl(saved[i], F_SETFD, FD_CLOEXEC);
    CHECK_EQ(wait_for(SH("echo there"), &(go_process_opts){.out = fd}), 0);
    CHECK_EQ(pread(fd, buf, sizeof buf, 0), 6);
    CHECK_STR(buf, "there\n");
    plain_pipe(a);
    plain_pipe(b);
    dup2(a[1], 1);
    dup2(b[1], 2);
    CHECK_EQ(go_process_start(&p, SH("echo one; echo two >&2"),
                              &(go_process_opts){.out = 2, .err = 1}),
             0);
    CHECK_EQ(go_process_wait(&p, &status), 0);
    dup2(saved[1], 1);
    dup2(saved[2], 2);
    memset(buf, 0, sizeof buf);
    CHECK_EQ(hear(b[0], buf, sizeof buf), 4);
    CHECK_STR(buf, "one\n");
    CHECK_EQ(hear(a[0], buf, sizeof buf), 4);
    CHECK_STR(buf, "two\n");
    for (int i = 0; i < 3; i++)
        close(saved[i]);
    close_both(a);
    close_both(b);
    close(fd);
    unlink(path);
}

static int without_standard_streams(void *arg)
{
    char buf[16] = "";
    go_process p;

    (void)arg;
    close(0);
    close(1); /* so that pipes get these numbers */
    CHECK_EQ(go_process_start(&p, SH("cat; echo x >&2"),
                              &(go_process_opts){.in = -1, .out = -1, .err = -1}),
             0);
    CHECK_EQ(go_write_all(p.in, "hello", 5), 0);
    go_close(p.in);
    CHECK_EQ(go_read_exact(p.out, buf, 5), 1);
    CHECK_STR(buf, "hello");
    CHECK_EQ(go_read(p.out, buf, 1), 0);
    CHECK_EQ(go_read(p.err, buf, sizeof buf), 2);
    return go_process_wait(&p, NULL);
}

static int without_standard_streams_program(void *arg)
{
    return real_run(without_standard_streams, arg) < 0 ? 98 : 0;
}

LAW(numbers_below_three, "S8.42 also in a program whose own standard streams are closed")
{
    CHECK_EXITS(without_standard_streams_program, NULL, 0);
}

LAW_REAL(environment, "S8.42 the environment, the directory, and by default ours")
{
    char *const env[] = {(char *)"COLOUR=grey", (char *)"PATH=/usr/bin:/bin", NULL};
    char *out;

    CHECK_EQ(go_process_run(SH("echo $COLOUR; pwd"), NULL, 0, &out, NULL,
                            &(go_process_opts){.env = env, .dir = "/"}),
             0);
    CHECK_STR(out, "grey\n/\n");
    free(out);
    setenv("GOSLING_COLOUR", "white", 1);
    CHECK_EQ(go_process_run(SH("echo $GOSLING_COLOUR"), NULL, 0, &out, NULL, NULL), 0);
    CHECK_STR(out, "white\n");
    free(out);
}

/* ---- what a child inherits ---- */

LAW_REAL(no_descriptors, "S8.43 no descriptor that gosling made is open in a child")
{
    int pairs[8][2], before = open_fds();
    go_process other;
    char *out;

    for (int i = 0; i < 8; i++)
        CHECK_EQ(go_socketpair(pairs[i]), 0);
    CHECK_EQ(go_process_start(&other, SH("read x"), &(go_process_opts){.in = -1, .out = -1}), 0);
    CHECK(open_fds() > before + 16);
    CHECK_EQ(go_process_run(SH("ls /proc/$$/fd | wc -l"), "", 0, &out, NULL, NULL), 0);
    CHECK(atoi(out) <= before - 1); /* what this test was itself started with, at most */
    free(out);
    CHECK_EQ(go_process_run(SH("ls -l /proc/self/fd"), "", 0, &out, NULL, NULL), 0);
    CHECK_LACKS(out, "socket:");
    CHECK_LACKS(out, "anon_inode");
    CHECK_LACKS(out, "pidfd");
    free(out);
    go_close(other.in);
    go_close(other.out);
    CHECK_EQ(go_process_wait(&other, NULL), 0);
    for (int i = 0; i < 8; i++)
        close_both(pairs[i]);
    CHECK_EQ(open_fds(), before);
}

/* SigIgn and SigBlk of a child, as in /proc/self/status. */
static uint64_t child_mask(const char *which)
{
    char script[64], *out = NULL;
    uint64_t mask = UINT64_MAX;

    snprintf(script, sizeof script, "sed -n 's/^%s:[^0-9a-f]*//p' /proc/self/status", which);
    if (go_process_run(SH(script), NULL, 0, &out, NULL, NULL) == 0)
        mask = strtoull(out, NULL, 16);
    free(out);
    return mask;
}

LAW_REAL(sigpipe, "S8.09 SIGPIPE has its default action in children, though the run ignores it")
{
    struct sigaction sa;

    CHECK(sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
    CHECK_EQ(child_mask("SigIgn") & 1U << (SIGPIPE - 1), 0);
}

static int keeps_ignoring(void *arg)
{
    (void)arg;
    CHECK(child_mask("SigIgn") & 1U << (SIGPIPE - 1));
    return 0;
}

LAW(sigpipe_ignored, "S8.09 but where the program itself ignores it, so do they")
{
    signal(SIGPIPE, SIG_IGN);
    CHECK_EQ(real_run(keeps_ignoring, NULL), 0);
    signal(SIGPIPE, SIG_DFL);
}

LAW_REAL(no_mask, "S8.43 a child starts with no signal blocked")
{
    sigset_t usr1, before;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    CHECK_EQ(child_mask("SigBlk"), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- waiting ---- */

struct waiter {
    go_process *p;
    int rc, status;
};

static int waits(void *arg)
{
    struct waiter *w = arg;

    w->rc = go_process_wait(w->p, &w->status);
    mark("waited");
    return 0;
}

LAW_REAL(several, "S8.44 several fibers may wait for one process, before its end and after")
{
    int before = open_fds(), rc;
    struct waiter w[5];
    go_process p;

    CHECK_EQ(go_process_start(&p, SH("read x; exit 3"), &(go_process_opts){.in = -1}), 0);
    for (int i = 0; i < 5; i++)
        w[i] = (struct waiter){&p, 1, -1};
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 5; i++)
            go_spawn(n, waits, &w[i]);
        settle_io();
        CHECK_TRACE(""); /* only these fibers wait, and we go on */
        go_close(p.in);
    }
    for (int i = 0; i < 5; i++)
        CHECK(w[i].rc == 0 && WEXITSTATUS(w[i].status) == 3);
    CHECK_EQ(go_process_wait(&p, &rc), 0);
    CHECK_EQ(WEXITSTATUS(rc), 3);
    CHECK_EQ(open_fds(), before);
}

LAW_REAL(wait_cancelled, "S8.44 a cancelled wait leaves the process alone")
{
    go_process p;
    int rc, status = -1;

    CHECK_EQ(go_process_start(&p, SH("read x; exit 4"), &(go_process_opts){.in = -1}), 0);
    GO_TIMEOUT(5 * GO_MS, rc) {
        rc = go_process_wait(&p, &status);
        CHECK_EQ(rc, -ECANCELED);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(kill(p.pid, 0), 0);
    go_close(p.in);
    CHECK_EQ(go_process_wait(&p, &status), 0);
    CHECK_EQ(WEXITSTATUS(status), 4);
}

LAW_REAL(kills, "S8.44 go_process_kill reaches it while it is not reaped, and nobody afterwards")
{
    go_process p;
    int status;

    CHECK_EQ(go_process_start(&p, SH("read x"), &(go_process_opts){.in = -1}), 0);
    CHECK_EQ(go_process_kill(&p, 0), 0);
    CHECK_EQ(go_process_kill(&p, 1000), -EINVAL);
    CHECK_EQ(go_process_kill(&p, SIGUSR1), 0);
    CHECK_EQ(go_process_wait(&p, &status), 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    CHECK_EQ(go_process_kill(&p, SIGUSR1), -ESRCH);
    go_close(p.in);
}

static int auto_reaped(void *arg)
{
    int before = open_fds();

    (void)arg;
    signal(SIGCHLD, SIG_IGN);
    CHECK_EQ(wait_for(SH("exit 1"), NULL), -ECHILD);
    CHECK_EQ(go_process_run(SH("exit 1"), NULL, 0, NULL, NULL, NULL), -ECHILD);
    CHECK_EQ(open_fds(), before);
    return 0;
}

static int auto_reaped_program(void *arg)
{
    return real_run(auto_reaped, arg) < 0 ? 98 : 0;
}

LAW(lost, "S8.44 a process that somebody else has reaped is -ECHILD, and nobody hangs")
{
    CHECK_EXITS(auto_reaped_program, NULL, 0);
}

LAW_REAL(stops, "S8.45 go_process_stop: SIGTERM, SIGKILL after the grace; a cancelled caller too")
{
    go_process p;
    go_time start;
    int status, rc;
    char c;

    CHECK_EQ(go_process_start(&p, SH("exec sleep 100"), NULL), 0);
    CHECK_EQ(go_process_stop(&p, &status), 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    CHECK_EQ(go_process_start(&p, SH("trap '' TERM; echo; while :; do sleep 1; done"),
                              &(go_process_opts){.out = -1, .grace = 20 * GO_MS}),
             0);
    CHECK_EQ(go_read(p.out, &c, 1), 1);
    start = real_now();
    GO_TIMEOUT(-1, rc) {
        CHECK_EQ(go_process_stop(&p, &status), 0);
    }
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(real_now() - start >= 20 * GO_MS);
    CHECK_EQ(go_process_stop(&p, &status), 0);
    go_close(p.out);

    CHECK_EQ(go_process_start(&p, SH("exec sleep 100"), &(go_process_opts){.grace = -1}), 0);
    CHECK_EQ(go_process_stop(&p, &status), 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

LAW(outside, "S1.20 outside a run a process can be started, not waited for")
{
    go_process p;
    int status;

    CHECK_EQ(go_process_start(&p, SH("exit 2"), NULL), 0);
    CHECK_EQ(go_process_wait(&p, &status), -ESHUTDOWN);
    CHECK_EQ(go_process_run(SH("exit 2"), NULL, 0, NULL, NULL, NULL), -ESHUTDOWN);
    CHECK_EQ(waitpid(p.pid, &status, 0), p.pid);
    close(p.exit_fd);
}

TAP_MAIN
