/* SPDX-License-Identifier: MIT
 *
 * The shim's calls beside the native ones: how they tell of errors, and several at once. */
#include "tests/tap.h"
#include <errno.h>
#include <gosling.h>
#include <signal.h>
#include <sys/socket.h>
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
