/* SPDX-License-Identifier: MIT
 *
 * Numbers that are closed, or given to another file, while a call waits on them: with fibers under
 * the shim as with threads. */
#include "tests/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <gosling.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const go_run_opts opts = {.no_signals = true, .watchdog = -1, .no_deadlock = true};

static int ends[2], fd;
/* What the one who waits says, and the other one. */
static char by_waiter[128], by_other[128];

static void say(char *text, const char *what, long rc, char c)
{
    size_t n = strlen(text);

    snprintf(text + n, 128 - n, "%s %ld %s %c; ", what, rc, rc < 0 ? strerrorname_np(errno) : "",
             c ? c : '-');
}

/* ---- who waits ---- */

static void reads(void)
{
    char c = 0;

    say(by_waiter, "read", read(fd, &c, 1), c);
}

static void receives(void)
{
    char c = 0;

    say(by_waiter, "recv", recv(fd, &c, 1, 0), c);
}

static void polls(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    long rc = poll(&p, 1, 2000);

    say(by_waiter, "poll", rc,
        p.fd != fd              ? '!'
        : p.revents == POLLIN   ? 'i'
        : p.revents == POLLNVAL ? 'n'
                                : 'o');
}

static void accepts(void)
{
    long rc = accept(fd, NULL, NULL);

    if (rc >= 0)
        close((int)rc);
    say(by_waiter, "accept", rc < 0 ? rc : 0, 0);
}

static void writes(void)
{
    static char much[100000];

    say(by_waiter, "write", write(fd, much, sizeof much), 0);
}

/* ---- what happens meanwhile ---- */

static void later(void)
{
    usleep(20000);
}

static void pair(void)
{
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    fd = ends[0];
}

static void closed_then_data(void)
{
    close(ends[0]);
    later();
    say(by_other, "sent", send(ends[1], "x", 1, MSG_NOSIGNAL), 0);
}

static void closed_then_end(void)
{
    close(ends[0]);
    later();
    close(ends[1]);
}

static void replaced_then_data(void)
{
    int other[2];

    socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    dup2(other[0], ends[0]);
    send(other[1], "y", 1, 0);
    later();
    send(ends[1], "x", 1, 0);
    later();
}

static void shut(void)
{
    int second = dup(ends[0]);

    close(ends[0]);
    later();
    shutdown(second, SHUT_RD);
}

static void reused_then_data(void)
{
    int other[2];

    close(ends[0]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, other); /* one of them has the number now */
    later();
    send(ends[1], "x", 1, MSG_NOSIGNAL);
}

static struct sockaddr_un address;
static socklen_t address_len;

static void listener(void)
{
    fd = ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    address_len = sizeof(sa_family_t);
    bind(fd, (struct sockaddr *)&address, address_len);
    address_len = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &address_len);
    listen(fd, 1);
}

static void closed_then_connected(void)
{
    int c = socket(AF_UNIX, SOCK_STREAM, 0);

    close(ends[0]);
    later();
    say(by_other, "connect", connect(c, (struct sockaddr *)&address, address_len), 0);
    later();
    close(c);
}

static void full_pipe(void)
{
    if (pipe(ends) < 0)
        return;
    fd = ends[1];
}

static void closed_then_taken(void)
{
    static char much[65536];
    long n = 0, got;

    close(ends[1]);
    later();
    while ((got = read(ends[0], much, sizeof much)) > 0)
        n += got;
    say(by_other, "taken", n, 0);
}

static const struct row {
    const char *name;
    void (*prepare)(void), (*waits)(void), (*meanwhile)(void);
} rows[] = {
    {"read, closed, data", pair, reads, closed_then_data},
    {"recv, closed, data", pair, receives, closed_then_data},
    {"poll, closed, data", pair, polls, closed_then_data},
    {"read, closed, end", pair, reads, closed_then_end},
    {"recv, closed, end", pair, receives, closed_then_end},
    {"read, dup2, data", pair, reads, replaced_then_data},
    {"recv, dup2, data", pair, receives, replaced_then_data},
    {"poll, dup2, data", pair, polls, replaced_then_data},
    {"recv, closed, shutdown", pair, receives, shut},
    {"recv, closed, number used again, data", pair, receives, reused_then_data},
    {"accept, closed, connect", listener, accepts, closed_then_connected},
    {"write, closed, read", full_pipe, writes, closed_then_taken},
};

enum { ROWS = sizeof rows / sizeof *rows, TRIES = 5 };

/* ---- as threads, and as fibers ---- */

static void *thread_waits(void *arg)
{
    ((const struct row *)arg)->waits();
    return NULL;
}

static int fiber_waits(void *arg)
{
    ((const struct row *)arg)->waits();
    return 0;
}

static void as_threads(const struct row *r)
{
    pthread_t t;

    r->prepare();
    pthread_create(&t, NULL, thread_waits, (void *)(uintptr_t)r);
    later();
    r->meanwhile();
    pthread_join(t, NULL);
}

static int as_fibers(void *arg)
{
    const struct row *r = arg;
    int rc;

    r->prepare();
    GO_NURSERY(n, rc) {
        go_spawn(n, fiber_waits, arg);
        later();
        r->meanwhile();
    }
    return rc;
}

static void clear(void)
{
    by_waiter[0] = by_other[0] = '\0';
}

static bool same(const struct row *r, bool tell)
{
    char waiter[sizeof by_waiter], other[sizeof by_other];

    clear();
    as_threads(r);
    strcpy(waiter, by_waiter);
    strcpy(other, by_other);
    clear();
    CHECK_EQ(go_run_with(&opts, as_fibers, (void *)(uintptr_t)r), 0);
    if (strcmp(waiter, by_waiter) == 0 && strcmp(other, by_other) == 0)
        return true;
    if (tell)
        tap_note("%s: natively %s%s but in fibers %s%s", r->name, waiter, other, by_waiter,
                 by_other);
    return false;
}

LAW(closing, "S11.78 a call that waits goes on with its file when its number is closed, or becomes "
             "another's")
{
    if (TAP_THREAD) {
        TAP_SKIP("what the threads do here is what TSan warns of");
        return;
    }
    for (int i = 0; i < ROWS; i++) {
        unsigned tries = 0;

        /* On a busy machine a thread may not be waiting yet when its number is closed. */
        while (!same(&rows[i], ++tries == TRIES))
            if (tries == TRIES) {
                CHECK(!rows[i].name);
                break;
            }
    }
}

TAP_MAIN
