/* SPDX-License-Identifier: MIT
 *
 * What this system cannot do, found out by trying: emulators and sandboxes leave out one thing or
 * another. Each question is answered in a forked child, so that asking changes nothing, and is
 * asked once. A law that needs what is missing is skipped, and says so. */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "tests/tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Whether try, in a child that says nothing, returns true; *known keeps the answer. */
static TAP_UNUSED bool probe(int *known, bool (*try)(void))
{
    int status = -1;
    pid_t pid;

    if (*known)
        return *known > 0;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, 1);
        dup2(null, 2);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGALRM, SIG_DFL);
        alarm(5);
        _exit(!try());
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *known = status == 0 ? 1 : -1;
    return *known > 0;
}

/* ---- is the limit of the address space in force? qemu-user ignores it ---- */

static TAP_UNUSED bool probe_try_address_space(void)
{
    struct rlimit low = {1 << 20, RLIM_INFINITY};

    return setrlimit(RLIMIT_AS, &low) == 0 &&
           mmap(NULL, (size_t)64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
               MAP_FAILED;
}

static TAP_UNUSED bool probe_address_space(void)
{
    static int known;

    return probe(&known, probe_try_address_space);
}

#define PROBE_NO_ADDRESS_SPACE "RLIMIT_AS is not in force here"

/* ---- is the limit of descriptors in force? valgrind 3.19 has one of its own ---- */

static TAP_UNUSED bool probe_try_few_fds(void)
{
    int fd = dup(0), fds[2];
    struct rlimit low = {(rlim_t)fd, (rlim_t)fd};

    close(fd);
    return setrlimit(RLIMIT_NOFILE, &low) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 &&
           errno == EMFILE;
}

static TAP_UNUSED bool probe_few_fds(void)
{
    static int known;

    return probe(&known, probe_try_few_fds);
}

#define PROBE_NO_FEW_FDS "RLIMIT_NOFILE is not in force here"

/* ---- may a fork child of a process with threads make threads? Under qemu-user 7.2, and with
 * ThreadSanitizer, it is ended for that ---- */

static TAP_UNUSED void *probe_nothing(void *arg)
{
    return arg;
}

static TAP_UNUSED void *probe_waits(void *arg)
{
    char byte;

    (void)!read(*(int *)arg, &byte, 1);
    return NULL;
}

static TAP_UNUSED bool probe_try_fork_threads(void)
{
    pthread_t beside, t;
    int fds[2], status = -1;
    pid_t pid;

    if (pipe(fds) || pthread_create(&beside, NULL, probe_waits, &fds[0]))
        return false;
    pid = fork();
    if (pid == 0) {
        alarm(5);
        _exit(pthread_create(&t, NULL, probe_nothing, NULL) || pthread_join(t, NULL));
    }
    waitpid(pid, &status, 0);
    return status == 0;
}

static TAP_UNUSED bool probe_fork_threads(void)
{
    static int known;

    return probe(&known, probe_try_fork_threads);
}

#define PROBE_NO_FORK_THREADS "a fork child of a process with threads cannot make threads here"

/* ---- does the kernel read without waiting (RWF_NOWAIT)? qemu-user 7.2 has no preadv2 ---- */

static TAP_UNUSED bool probe_try_nowait(void)
{
    char byte;
    struct iovec v = {&byte, 1};
    int fds[2];

    return pipe(fds) == 0 &&
           syscall(SYS_preadv2, fds[0], &v, 1, -1L, -1L, 8 /* RWF_NOWAIT */) == -1 &&
           errno == EAGAIN;
}

static TAP_UNUSED bool probe_nowait(void)
{
    static int known;

    return probe(&known, probe_try_nowait);
}

#define PROBE_NO_NOWAIT "no RWF_NOWAIT here"

#endif
