/* SPDX-License-Identifier: MIT
 *
 * What an open file is, and whether its calls wait, may change between one call and the next: by
 * this thread, by another, by another process. */
#include "tests/wrap/table.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

static int near, far, parts[2];

/* A connection: near was accepted, far is the client's. */
static void connection(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int l = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(l, (struct sockaddr *)&at, sizeof at) < 0 || listen(l, 4) < 0 ||
        getsockname(l, (struct sockaddr *)&at, &len) < 0)
        say("listen: %s ", err(errno));
    far = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(far, (struct sockaddr *)&at, sizeof at) < 0)
        say("connect: %s ", err(errno));
    near = accept(l, NULL, NULL);
    close(l);
}

static void sends(const char *text)
{
    if (write(far, text, strlen(text)) < 0)
        say("write: %s ", err(errno));
}

static void *sends_late(void *arg)
{
    rest(10);
    sends(arg);
    return NULL;
}

static void reads(int fd)
{
    char buf[64];
    ssize_t n = read(fd, buf, sizeof buf);

    if (n < 0)
        say("%s ", err(errno));
    else
        say("%.*s ", (int)n, n ? buf : "end");
}

/* Twice, so that all is known of it that can be: it has waited, and has had a short read. */
static void waits(void)
{
    for (int i = 0; i < 2; i++) {
        pthread_t t = start(sends_late, "abc");

        reads(near);
        join(t);
    }
}

#define CHANGED(name, ...) \
    ROW(file_##name)       \
    {                      \
        connection();      \
        waits();           \
        __VA_ARGS__;       \
        reads(near);       \
        say("\n");         \
    }

static void non_blocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void *makes_non_blocking(void *arg)
{
    non_blocking(*(int *)arg);
    return NULL;
}

static void limit(int fd)
{
    struct timeval tv = {0, 20000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

static void in_child(void (*fn)(int fd), int fd)
{
    pid_t pid = fork();

    if (pid == 0) {
        fn(fd);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void ends(int fd)
{
    shutdown(fd, SHUT_RD);
}

CHANGED(as_it_was, start(sends_late, "def"))
CHANGED(made_non_blocking, non_blocking(near))
CHANGED(made_non_blocking_by_thread, join(start(makes_non_blocking, &near)))
CHANGED(made_non_blocking_by_dup, non_blocking(dup(near)))
CHANGED(made_non_blocking_by_ioctl, int on = 1; ioctl(near, FIONBIO, &on))
CHANGED(made_non_blocking_by_child, in_child(non_blocking, near))
CHANGED(limited, limit(near))
CHANGED(limited_by_dup, limit(dup(near)))
CHANGED(limited_by_child, in_child(limit, near))
CHANGED(ended, ends(near))
CHANGED(ended_by_peer, close(far))
CHANGED(ended_by_child, in_child(ends, near))
CHANGED(replaced, int other = open("/dev/null", O_RDONLY); dup2(other, near))
CHANGED(closed, close(near))
CHANGED(closed_by_range, close_range((unsigned)near, (unsigned)near, 0))
CHANGED(another_with_its_number, close(near); close(far); connection(); start(sends_late, "new"))

/* A process that was there before the connection gets it by a message. */
ROW(file_made_non_blocking_by_receiver)
{
    char control[CMSG_SPACE(sizeof(int))] = {0}, x = 'x';
    struct iovec one = {&x, 1};
    struct msghdr m = {.msg_iov = &one,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    pid_t pid;

    socketpair(AF_UNIX, SOCK_STREAM, 0, parts);
    pid = fork();
    if (pid == 0) {
        recvmsg(parts[1], &m, 0);
        memcpy(&near, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof near);
        non_blocking(near);
        _exit(0);
    }
    connection();
    waits();
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &near, sizeof near);
    sendmsg(parts[0], &m, 0);
    waitpid(pid, NULL, 0);
    reads(near);
    say("\n");
}

static void *reads_near(void *arg)
{
    reads(near);
    return arg;
}

/* Who waits on a file goes on with it, whatever becomes of its number. */
ROW(file_closed_by_range_while_it_waits)
{
    pthread_t t;

    connection();
    far = dup2(far, 200);
    t = start(reads_near, NULL);
    rest(10);
    say("%s ", err(close_range(3, 199, 0) < 0 ? errno : 0));
    say("%s ", fcntl(near, F_GETFD) < 0 ? err(errno) : "open");
    sends("late");
    join(t);
    say("\n");
}

/* All that a daemon has: it goes on, threads and all. */
ROW(file_closed_by_range_all)
{
    say("%s ", err(close_range(3, ~0U, 0) < 0 ? errno : 0));
    connection();
    waits();
    rest(5);
    say("%d %d\n", near, far);
}
