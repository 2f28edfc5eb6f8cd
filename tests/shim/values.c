/* SPDX-License-Identifier: MIT
 *
 * The shim's calls beside the native ones: how they tell of errors, and several at once. */
#include "tests/tap.h"
#include <errno.h>
#include <gosling.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const go_run_opts opts = {.no_signals = true, .watchdog = -1};

static int as_libc(void *arg)
{
    char c;

    (void)arg;
    errno = 0;
    CHECK_EQ(read(-1, &c, 1), -1);
    CHECK_EQ(errno, EBADF);
    CHECK_EQ(go_read(-1, &c, 1), -EBADF);
    errno = 77;
    CHECK_EQ(usleep(100), 0);
    CHECK_EQ(errno, 77); /* left alone by success */
    return 0;
}

LAW(values, "S1.03 the shim returns -1 and sets errno, as libc does")
{
    CHECK_EQ(go_run_with(&opts, as_libc, NULL), 0);
}

static int ends[2];
static char got[3];
static int count;

static int receives(void *arg)
{
    char c = 0;

    (void)arg;
    CHECK_EQ(recv(ends[0], &c, 1, 0), 1);
    got[count++] = c;
    return 0;
}

static int several(void *arg)
{
    int rc;

    (void)arg;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, receives, NULL);
        go_sleep(GO_MS);
        for (const char *p = "abc"; *p; p++) {
            CHECK_EQ(send(ends[1], p, 1, 0), 1);
            go_sleep(GO_MS);
        }
    }
    CHECK_EQ(count, 3);
    CHECK(got[0] == 'a' && got[1] == 'b' && got[2] == 'c');
    close(ends[0]);
    close(ends[1]);
    return rc;
}

LAW(one_stream, "S1.11 several fibers may read from one stream, as threads may: each gets its part")
{
    CHECK_EQ(go_run_with(&opts, several, NULL), 0);
}

/* ---- one listener, many who accept ---- */

enum { CONNECTIONS = 300 };

static struct sockaddr_un address;
static socklen_t address_len;
static int listener;
static _Atomic int by_thread, by_fiber;

static void *takes(void *arg)
{
    while (by_thread + by_fiber < CONNECTIONS) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        int fd = poll(&p, 1, 10) > 0 ? accept4(*(int *)arg, NULL, NULL, 0) : -1;

        if (fd >= 0) {
            by_thread++;
            close(fd);
        }
    }
    return NULL;
}

static int accepts(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            return errno == ECANCELED ? -ECANCELED : -EIO;
        by_fiber++;
        close(fd);
    }
}

static int connects(void *arg)
{
    int rc = 0;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts, NULL);
        for (int i = 0; i < CONNECTIONS; i++) {
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);

            CHECK_EQ(connect(fd, (struct sockaddr *)&address, address_len), 0);
            while (by_thread + by_fiber <= i)
                usleep(50);
            close(fd);
        }
        go_nursery_cancel(n, "enough");
    }
    return 0;
}

/* The thread stands for another process with the same listener: it is quicker now and then, between
 * the fiber's look and its call. */
LAW(shared_listener,
    "S11.79 a connection that another process takes first does not block the thread")
{
    pthread_t t;

    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    address_len = sizeof(sa_family_t);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, address_len), 0);
    address_len = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &address_len);
    CHECK_EQ(listen(listener, 16), 0);
    if (getenv("EMULATOR")) {
        TAP_SKIP("emulators have no io_uring");
        return;
    }
    by_thread = by_fiber = 0;
    CHECK_EQ(pthread_create(&t, NULL, takes, &listener), 0);
    CHECK_EQ(go_run_with(&opts, connects, NULL), 0);
    /* the thread may wait for one more in its own accept */
    shutdown(listener, SHUT_RDWR);
    pthread_join(t, NULL);
    close(listener);
    tap_note("%d by the fiber, %d by the thread", by_fiber, by_thread);
}

/* ---- signals that are meant for one ---- */

static void nothing(int sig)
{
    (void)sig;
}

static int raises(void *arg)
{
    CHECK_EQ(raise(SIGUSR1), 0);
    if (arg) {
        usleep(5000);
        kill(getpid(), SIGUSR1);
    }
    return 0;
}

static int raised_beside(void *arg)
{
    struct sigaction sa = {.sa_handler = nothing};
    int rc;

    (void)arg;
    sigaction(SIGUSR1, &sa, NULL);
    GO_NURSERY(n, rc) {
        go_spawn(n, raises, NULL);
        CHECK_EQ(usleep(10000), 0);
        go_spawn(n, raises, &sa);
        CHECK_EQ(usleep(1000000), -1);
        CHECK_EQ(errno, EINTR);
    }
    return rc;
}

LAW(raised, "S11.75 raise interrupts nobody else; kill of the process interrupts the main fiber")
{
    CHECK_EQ(go_run_with(&opts, raised_beside, NULL), 0);
}

TAP_MAIN
