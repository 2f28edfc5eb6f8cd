/* SPDX-License-Identifier: MIT
 *
 * Section 8: any descriptor works, and stays as it was. */
#include "tests/net_kit.h"
#include "tests/probe.h"
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

/* A fiber that reads fd waits; when `say` has been done it has n bytes. The flags of fd are as
 * before. */
static void waits_for(int fd, void (*say)(void *arg), void *arg, ssize_t n)
{
    struct call c = CALL(fd);
    int rc, flags = flags_of(fd);

    GO_NURSERY(nursery, rc) {
        go_spawn(nursery, reads, &c);
        settle();
        CHECK_EQ(c.result, NOT_YET);
        say(arg);
        for (int i = 0; i < 100 && c.result == NOT_YET; i++)
            settle_io();
        CHECK_EQ(c.result, n);
        go_nursery_cancel(nursery, NULL);
    }
    CHECK_EQ(flags_of(fd), flags);
}

static void say_abc(void *fd)
{
    put(*(int *)fd, "abc");
}

static void say_line(void *fd)
{
    put(*(int *)fd, "abc\n");
}

static void add_one(void *fd)
{
    CHECK_EQ(eventfd_write(*(int *)fd, 1), 0);
}

LAW_REAL(sockets, "S8.01 any fd works: a blocking socket, read and written")
{
    int fds[2];
    struct call c;

    plain_pair(fds);
    waits_for(fds[0], say_abc, &fds[1], 3);
    c = CALL(fds[0]);
    CHECK_EQ(go_write(fds[0], "xy", 2), 2);
    CHECK_EQ(hear(fds[1], c.buf, 9), 2);
    close_both(fds);
}

LAW_REAL(pipes, "S8.01 any fd works: a blocking pipe; a full one makes the writer wait")
{
    int fds[2], rc;
    struct call c;
    static char buf[1 << 20];

    plain_pipe(fds);
    waits_for(fds[0], say_abc, &fds[1], 3);
    c = CALL(fds[1]);
    GO_NURSERY(n, rc) {
        go_spawn(n, fills, &c);
        settle();

        CHECK(go_read(fds[0], buf, sizeof buf) > 0);
        settle_io();
        CHECK(go_read(fds[0], buf, sizeof buf) > 0); /* it has gone on */
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(c.result, -ECANCELED);
    close_both(fds);
}

LAW_REAL(ttys, "S8.01 any fd works: a tty, to whose other side a fiber writes more than it takes")
{
    int master, slave, rc;
    struct call in, out;
    static char buf[1 << 16];
    ssize_t n, total = 0;

    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    waits_for(slave, say_line, &master, 4);
    in = CALL(master);
    GO_NURSERY(nursery, rc) {
        CHECK_EQ(go_read_exact(master, in.buf, 5), 1); /* the echo */
        CHECK_EQ(go_write_all(slave, "one\ntwo\n", 8), 0);
        CHECK_EQ(go_read_exact(master, in.buf, 10), 1);
        CHECK(memcmp(in.buf, "one\r\ntwo\r\n", 10) == 0);
        out = CALL(slave);
        go_spawn(nursery, fills, &out);
        settle();
        settle_io();
        while (total < 100000 && (n = go_read(master, buf, sizeof buf)) > 0) {
            total += n;
            settle();
        }
        CHECK(total >= 100000);
        go_nursery_cancel(nursery, NULL);
    }
    close_both((int[]){master, slave});
}

LAW_REAL(tty_line_mode, "S8.01 any fd works: on a tty half a line is no data yet")
{
    int master, slave, rc;
    struct call c;

    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    c = CALL(slave);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        put(master, "ab");
        settle_io();
        CHECK_EQ(c.result, NOT_YET);
        put(master, "c\n");
        settle_io();
        CHECK_EQ(c.result, 4);
    }
    close_both((int[]){master, slave});
}

LAW_REAL(eventfds, "S8.01 any fd works: an eventfd, read and written")
{
    int fd = eventfd(0, 0);
    uint64_t n = 7;

    waits_for(fd, add_one, &fd, 8);
    CHECK_EQ(go_write(fd, &n, sizeof n), 8);
    n = 0;
    CHECK_EQ(go_read(fd, &n, sizeof n), 8);
    CHECK_EQ(n, 7);
    go_close(fd);
}

static void set_timer(void *fd)
{
    struct itimerspec in = {.it_value.tv_nsec = 1000000};

    CHECK_EQ(timerfd_settime(*(int *)fd, 0, &in, NULL), 0);
}

LAW_REAL(timerfds, "S8.01 any fd works: a timerfd")
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);

    waits_for(fd, set_timer, &fd, 8);
    go_close(fd);
}

static void raise_usr2(void *arg)
{
    (void)arg;
    raise(SIGUSR2);
}

LAW_REAL(signalfds, "S8.01 any fd works: a signalfd")
{
    sigset_t set, old;
    struct signalfd_siginfo info;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    fd = signalfd(-1, &set, 0);
    raise_usr2(NULL);
    CHECK_EQ(go_read(fd, &info, sizeof info), sizeof info);
    CHECK_EQ(info.ssi_signo, SIGUSR2);
    go_close(fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static char dir[64];

static void in_dir(char *path, const char *name)
{
    if (!dir[0]) {
        strcpy(dir, "/tmp/gosling-any-XXXXXX");
        if (!mkdtemp(dir))
            abort();
    }
    snprintf(path, 96, "%s/%s", dir, name);
}

static void make_file(void *arg)
{
    char path[96];

    (void)arg;
    in_dir(path, "new");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    unlink(path);
}

LAW_REAL(inotify, "S8.01 any fd works: inotify")
{
    int fd = inotify_init(), rc;
    char path[96], buf[1024];
    struct call c = CALL(fd);

    in_dir(path, "");
    CHECK(inotify_add_watch(fd, path, IN_CREATE) >= 0);
    GO_NURSERY(n, rc) {
        c.events = POLLIN;
        go_spawn(n, waits_fd, &c);
        settle();
        CHECK_EQ(c.result, NOT_YET);
        make_file(NULL);
        settle_io();
        CHECK_EQ(c.result, POLLIN);
    }
    CHECK(go_read(fd, buf, sizeof buf) > 0);
    GO_TIMEOUT(20 * GO_MS, rc) {
        CHECK_EQ(go_read(fd, buf, sizeof buf), -ECANCELED); /* there is no more, and the thread did
                                                               not block */
    }
    go_close(fd);
    rmdir(dir);
    dir[0] = '\0';
}

LAW_REAL(fifos, "S8.01 any fd works: a named FIFO, blocking; a full one makes the writer wait")
{
    char path[96];
    int in, out, rc;
    struct call c;
    static char buf[1 << 20];

    in_dir(path, "fifo");
    CHECK_EQ(mkfifo(path, 0600), 0);
    in = open(path, O_RDWR);
    out = open(path, O_WRONLY);
    CHECK(in >= 0 && out >= 0);
    waits_for(in, say_abc, &out, 3);
    c = CALL(out);
    GO_NURSERY(n, rc) {
        go_spawn(n, fills, &c);
        settle();
        CHECK(go_read(in, buf, sizeof buf) >= 4096);
        settle_io();
        CHECK(go_read(in, buf, sizeof buf) >= 4096);
        go_nursery_cancel(n, NULL);
    }
    close_both((int[]){in, out});
    unlink(path);
    rmdir(dir);
    dir[0] = '\0';
}

LAW_REAL(files,
         "S8.01 any fd works: a regular file, with and without positions, in pieces, and its end")
{
    char path[96], buf[16] = "";
    struct iovec out[2] = {{(char *)"hello ", 6}, {(char *)"world", 5}},
                 in[2] = {{buf, 3}, {buf + 3, 13}};
    int fd;

    in_dir(path, "file");
    fd = open(path, O_CREAT | O_RDWR, 0600);
    CHECK_EQ(go_writev(fd, out, 2), 11);
    CHECK_EQ(go_pwrite(fd, "H", 1, 0), 1);
    CHECK_EQ(go_pread(fd, buf, 5, 0), 5);
    CHECK_STR(buf, "Hello");
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(go_readv(fd, in, 2), 11);
    CHECK_STR(buf, "Hello world");
    CHECK_EQ(go_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(go_pread(fd, buf, 5, 100), 0);
    CHECK_EQ(go_pread(fd, buf, 5, -1), -EINVAL);
    CHECK_EQ(flags_of(fd) & O_NONBLOCK, 0);
    CHECK_EQ(go_wait_fd(fd, POLLIN), POLLIN);
    go_close(fd);
    unlink(path);
    rmdir(dir);
    dir[0] = '\0';
}

LAW_REAL(proc, "S8.01 any fd works: /proc, /dev/null, /dev/zero, a directory (-EISDIR)")
{
    char buf[256];
    int fd = open("/proc/self/status", O_RDONLY);

    CHECK(go_read(fd, buf, sizeof buf) > 0);
    CHECK(memcmp(buf, "Name:", 5) == 0);
    CHECK(go_pread(fd, buf, sizeof buf, 4) > 0);
    go_close(fd);
    fd = open("/dev/null", O_RDWR);
    CHECK_EQ(go_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(go_write(fd, buf, sizeof buf), (ssize_t)sizeof buf);
    go_close(fd);
    fd = open("/dev/zero", O_RDWR);
    CHECK_EQ(go_read(fd, buf, sizeof buf), (ssize_t)sizeof buf);
    CHECK_EQ(buf[100], 0);
    CHECK_EQ(go_pread(fd, buf, sizeof buf, 0), (ssize_t)sizeof buf);
    go_close(fd);
    fd = open("/", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(go_read(fd, buf, sizeof buf), -EISDIR);
    go_close(fd);
}

LAW_REAL(not_open, "S8.01 a number that is not open is -EBADF in every call")
{
    char buf[4];
    struct pollfd p = {1000, POLLIN, 0};

    for (int fd = -1; fd < 1002; fd += 1001) {
        CHECK_EQ(go_read(fd, buf, 4), -EBADF);
        CHECK_EQ(go_write(fd, buf, 4), -EBADF);
        CHECK_EQ(go_recv(fd, buf, 4, 0), -EBADF);
        CHECK_EQ(go_send(fd, buf, 4, 0), -EBADF);
        CHECK_EQ(go_pread(fd, buf, 4, 0), -EBADF);
        CHECK_EQ(go_accept(fd, NULL, NULL), -EBADF);
        CHECK_EQ(go_connect(fd, NULL, 0), -EBADF);
        CHECK_EQ(go_wait_fd(fd, POLLIN), -EBADF);
        CHECK_EQ(go_close(fd), -EBADF);
    }
    CHECK_EQ(go_poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLNVAL);
}

LAW_REAL(nonblock,
         "S8.02 O_NONBLOCK is never left set on a descriptor that the library did not create")
{
    int fds[2], listener, port, fd, in, rc;
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct call c;

    plain_pair(fds);
    waits_for(fds[0], say_abc, &fds[1], 3);
    CHECK_EQ(go_send(fds[0], "x", 1, 0), 1);
    CHECK_EQ(flags_of(fds[0]) & O_NONBLOCK, 0);
    close_both(fds);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(listen(listener, 5), 0);
    port = go_local_port(listener);
    c = CALL(listener);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts, &c);
        settle();
        getsockname(listener, (struct sockaddr *)&at, &len);
        CHECK_EQ(go_connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    }
    in = (int)c.result;
    CHECK(port > 0 && in >= 0);
    CHECK_EQ(flags_of(listener) & O_NONBLOCK, 0);
    CHECK_EQ(flags_of(fd) & O_NONBLOCK, 0);
    CHECK_EQ(flags_of(in) & O_NONBLOCK, O_NONBLOCK);
    go_close(in);
    close_both((int[]){fd, listener});
}

LAW_REAL(already_nonblocking,
         "S8.02 a foreign descriptor that is O_NONBLOCK already waits just so, and keeps it")
{
    int fds[2];

    CHECK_EQ(pipe2(fds, O_NONBLOCK), 0);
    waits_for(fds[0], say_abc, &fds[1], 3);
    CHECK_EQ(flags_of(fds[0]) & O_NONBLOCK, O_NONBLOCK);
    close_both(fds);
}

LAW_REAL(page_cache, "S8.22 regular files: what is in the page cache is read without the pool")
{
    char path[96], buf[8];
    int fd, before;

    if (!probe_nowait()) {
        TAP_SKIP(PROBE_NO_NOWAIT);
        return;
    }
    in_dir(path, "file");
    fd = open(path, O_CREAT | O_RDWR, 0600);
    put(fd, "12345678");
    before = thread_count();
    CHECK_EQ(go_pread(fd, buf, 8, 0), 8);
    CHECK_EQ(thread_count(), before);
    go_close(fd);
    unlink(path);
    rmdir(dir);
    dir[0] = '\0';
}

static volatile bool ticked;

static int ticks(void *arg)
{
    (void)arg;
    go_yield();
    ticked = true;
    return 0;
}

LAW_REAL(cold_files, "S8.22 regular files: what is not in the page cache does not freeze the loop")
{
    static char block[1 << 20];
    char path[96];
    int fd, rc;
    ssize_t n, total = 0;

    in_dir(path, "file");
    fd = open(path, O_CREAT | O_RDWR, 0600);
    CHECK_EQ(go_write_all(fd, block, sizeof block), 0);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    lseek(fd, 0, SEEK_SET);
    GO_NURSERY(nursery, rc) {
        go_spawn(nursery, ticks, NULL);
        while ((n = go_read(fd, block, sizeof block)) > 0)
            total += n;
        CHECK_EQ(n, 0);
    }
    CHECK_EQ(total, (ssize_t)sizeof block);
    CHECK(ticked);
    go_close(fd);
    unlink(path);
    rmdir(dir);
    dir[0] = '\0';
}

TAP_MAIN
