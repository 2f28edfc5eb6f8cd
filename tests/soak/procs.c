/* SPDX-License-Identifier: MIT
 *
 * Forks in the midst of it all, programs, and work on the pool's threads. */
#include "tests/soak/soak.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- work for threads ---- */

static int naps(void *arg)
{
    struct timespec t = {0, *(long *)arg};

    nanosleep(&t, NULL);
    return 42;
}

int offloads_work(void *number)
{
    struct dice d = dice_of("offload", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        uint64_t faults = faults_now();
        long ns = throw_dice(&d, 3000000);
        int rc, timed;

        GO_MOVE_ON(throw_dice(&d, 4) ? GO_FOREVER : throw_dice(&d, 2000) * GO_US, timed) {
            rc = go_offload(naps, &ns);
            timed = 0;
        }
        soak.count[N_OFFLOADS]++;
        soak.count[N_CANCELS] += rc == -ECANCELED;
        if (rc < 0 && rc != -ECANCELED)
            explained(rc, faults, "an offload");
        else if (rc >= 0 && rc != 42)
            complain("an offload returned %d", rc);
        go_sleep(throw_dice(&d, 10) * GO_MS);
    }
    return 0;
}

/* ---- programs ---- */

static void run_cat(struct dice *d)
{
    char *const argv[] = {"cat", NULL};
    size_t n = throw_dice(d, 100000), got = 0;
    uint64_t faults = faults_now(), key = soak_mix(d->state);
    uint8_t *input = malloc(n + 1);
    bool hurried = throw_dice(d, 4) == 0;
    char *output = NULL;
    int rc = 0, timed;

    if (!input)
        return;
    soak_fill(key, input, n);
    GO_MOVE_ON(hurried ? throw_dice(d, 4000) * GO_US : GO_FOREVER, timed) {
        rc = go_process_run(argv, input, n, &output, &got,
                            &(go_process_opts){.grace = throw_dice(d, 2) ? 0 : -1});
        timed = 0;
    }
    soak.count[N_PROGRAMS]++;
    soak.count[N_CANCELS] += rc == -ECANCELED;
    if (rc == 0 && (got != n || !soak_same(key, (uint8_t *)output, n)))
        complain("a program gave back %zu of %zu bytes, or others", got, n);
    else if (rc > 0 && !faults_since(faults)) /* its own start felt the shortage */
        complain("a program ended with %d", rc);
    else if (rc < 0 && !(rc == -ECANCELED && hurried))
        explained(rc, faults, "a program");
    free(output);
    free(input);
}

int runs_programs(void *number)
{
    struct dice d = dice_of("programs", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        run_cat(&d);
        go_sleep((20 + throw_dice(&d, 100)) * GO_MS);
    }
    return 0;
}

/* ---- forks ---- */

static int pongs(void *arg)
{
    int *pair = arg;
    char c;
    int rc;

    while ((rc = (int)go_read(pair[1], &c, 1)) == 1)
        if ((rc = go_write_all(pair[1], &c, 1)) < 0)
            break;
    return rc;
}

static int pings(void *arg)
{
    int *pair = arg, rc = 0;

    for (int i = 0; i < 20 && rc == 0; i++) {
        char c = (char)i, back = 0;

        if ((rc = go_write_all(pair[0], &c, 1)) == 0 &&
            (rc = go_read_exact(pair[0], &back, 1)) == 1)
            rc = back == c ? 0 : -EPROTO;
    }
    shutdown(pair[0], SHUT_WR);
    return rc;
}

static int looks_up(void *arg)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *list;
    int rc = go_getaddrinfo(arg, NULL, &hints, &list);

    if (rc)
        return go_fail(-EIO, "%s: %s", (char *)arg, gai_strerror(rc));
    go_freeaddrinfo(list);
    return 0;
}

static int works(void *arg)
{
    int rc = go_offload(naps, arg);

    return rc == 42 ? 0 : rc < 0 ? rc : -EPROTO;
}

/* A world of its own: whatever the parent's fibers were at, here nobody is at it. */
static int child_life(uint32_t which)
{
    static long ns = 200000;
    /* libc's resolver may fail or hang in a child, if another thread was in it at the fork */
    bool by_us = soak.names && soak.resolver != GO_RESOLVER_THREAD;
    int pair[2], rc, wrong;

    if ((rc = go_spawn(soak.actors, pongs, NULL)) != -ESHUTDOWN) {
        complain("a fork child may spawn in its parent's nursery: %d", rc);
        return 1;
    }
    if ((rc = go_socketpair(pair)) < 0) {
        complain("a fork child has no pair of sockets: %d", rc);
        return 1;
    }
    GO_NURSERY(n, rc) {
        wrong = go_spawn(n, pongs, pair);
        wrong = wrong ? wrong : go_spawn(n, pings, pair);
        if (!wrong && which & 1)
            wrong = go_spawn(n, looks_up, by_us ? "zero.test" : "127.0.0.1");
        if (!wrong && which & 2)
            wrong = go_spawn(n, works, &ns);
        rc = wrong ? wrong : go_sleep(GO_MS);
    }
    if (rc < 0) {
        complain("a fork child's fibers say %s", strerrorname_np(-rc));
        go_error_print(go_last_error(), stderr);
    }
    go_close(pair[0]);
    go_close(pair[1]);
    return rc < 0;
}

static void await_child(pid_t pid)
{
    int status;
    pid_t got;

    while ((got = waitpid(pid, &status, WNOHANG)) == 0)
        go_sleep(2 * GO_MS);
    if (got < 0)
        complain("a fork child has been reaped by somebody else");
    else if (WIFSIGNALED(status))
        complain("a fork child died of signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
    else if (WEXITSTATUS(status))
        complain("a fork child ended with status %d", WEXITSTATUS(status));
}

int forks_children(void *number)
{
    struct dice d = dice_of("forks", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        uint32_t which = throw_dice(&d, 8);
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            signal(SIGALRM, SIG_DFL);
            alarm(20);
            faults_off();
#ifdef __SANITIZE_ADDRESS__
            which |= 4; /* the threads' memory would be its leaks */
#endif
            if (which & 4)
                _exit(child_life(which));
            go_yield();
            return child_life(which) ? -EIO : 0;
        }
        if (pid > 0) {
            soak.count[N_FORKS]++;
            await_child(pid);
        }
        go_sleep((20 + throw_dice(&d, 150)) * GO_MS);
    }
    return 0;
}
