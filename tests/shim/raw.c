/* SPDX-License-Identifier: MIT
 *
 * System calls that pass no name of libc's: made by this program itself. */
#include "tests/shim/kit.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __x86_64__

static const go_run_opts opts = {.no_signals = true, .watchdog = -1};

static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define RAW(nr, a, b, c) raw(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static bool trapped(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    bool yes;

    go_shim_entries(f);
    fclose(f);
    yes = strstr(text, "by traps: yes") != NULL;
    free(text);
    return yes;
}

#define NEEDS_TRAPS                                               \
    if (!trapped()) {                                             \
        TAP_SKIP("nothing stops other code's system calls here"); \
        return;                                                   \
    }                                                             \
    (void)0

/* ---- beside a fiber that counts ---- */

static int beside(void *arg)
{
    int rc;

    counting = true;
    GO_NURSERY(n, rc) {
        go_spawn(n, counts, NULL);
        go_sleep(GO_MS);
        counted = 0;
        rc = go_spawn(n, *(go_fn **)arg, n);
        go_sleep(30 * GO_MS);
        counting = false;
    }
    return rc;
}

static void lets_run(go_fn *fn)
{
    CHECK_EQ(go_run_with(&opts, beside, &fn), 0);
    CHECK(counted >= 3);
}

/* ---- calls that wait ---- */

static int ends[2];

static int reads(void *arg)
{
    char c = 0;

    (void)arg;
    CHECK_EQ(RAW(SYS_read, ends[0], &c, 1), 1);
    CHECK_EQ(c, 'x');
    CHECK_EQ(RAW(SYS_read, -1, &c, 1), -EBADF);
    return 0;
}

static int writes(void *arg)
{
    struct timespec t = {0, 10000000};

    (void)arg;
    CHECK_EQ(RAW(SYS_nanosleep, &t, NULL, 0), 0);
    CHECK_EQ(RAW(SYS_write, ends[1], "x", 1), 1);
    return 0;
}

static int reads_and_writes(void *arg)
{
    int rc;

    (void)arg;
    CHECK_EQ(pipe(ends), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, NULL);
        go_spawn(n, writes, NULL);
    }
    close(ends[0]);
    close(ends[1]);
    return rc;
}

LAW(waits, "S11.70 a system call that the program makes itself waits in the fiber")
{
    NEEDS_TRAPS;
    lets_run(reads_and_writes);
}

static uint32_t word;

static int waits_word(void *arg)
{
    (void)arg;
    CHECK_EQ(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL), 0);
    CHECK_EQ(word, 1);
    return 0;
}

static int wakes_word(void *arg)
{
    (void)arg;
    CHECK_EQ(syscall(SYS_nanosleep, &(struct timespec){0, 10000000}, NULL), 0);
    word = 1;
    CHECK_EQ(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1), 1);
    CHECK_EQ(syscall(SYS_read, -1, NULL, 0), -1);
    CHECK_EQ(errno, EBADF);
    return 0;
}

static int futexes(void *arg)
{
    int rc;

    (void)arg;
    word = 0;
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_word, NULL);
        go_spawn(n, wakes_word, NULL);
    }
    return rc;
}

LAW(by_number, "S11.71 a call by syscall() waits in the fiber")
{
    lets_run(futexes);
}

/* ---- what is kept ---- */

static int keeps(void *arg)
{
    double x = 1.5, y;
    sigset_t usr1, now;
    long rc;

    (void)arg;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    errno = 77;
    /* vector registers are kept across, as the kernel does */
    __asm__ volatile("movsd %2, %%xmm9\n\t"
                     "movl $24, %%eax\n\t"
                     "syscall\n\t"
                     "movsd %%xmm9, %1"
                     : "=a"(rc), "=m"(y)
                     : "m"(x)
                     : "rcx", "r11", "xmm9", "memory");
    CHECK_EQ(rc, 0); /* sched_yield */
    CHECK(y == 1.5);
    CHECK_EQ(errno, 77);
    CHECK_EQ(raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)&usr1, 0, 8, 0, 0), 0);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
    CHECK_EQ(raw(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&usr1, 0, 8, 0, 0), 0);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(!sigismember(&now, SIGUSR1));
    CHECK_EQ(raw(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
    return 0;
}

LAW(state, "S11.72 registers, errno and the signal mask are as after an ordinary system call")
{
    NEEDS_TRAPS;
    lets_run(keeps);
}

static int forks(void *arg)
{
    int status = 0;
    long child = RAW(SYS_vfork, 0, 0, 0);

    (void)arg;
    if (child == 0)
        raw(SYS_exit_group, 3, 0, 0, 0, 0, 0);
    CHECK(child > 0);
    CHECK_EQ(waitpid((pid_t)child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 3);
    child = raw(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (child == 0)
        raw(SYS_exit_group, 4, 0, 0, 0, 0, 0);
    CHECK_EQ(waitpid((pid_t)child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 4);
    child = fork(); /* whose child has traps again */
    if (child == 0) {
        struct timespec t = {0, 1000000};

        _exit(RAW(SYS_nanosleep, &t, NULL, 0) == 0 && trapped() ? 5 : 6);
    }
    CHECK_EQ(waitpid((pid_t)child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 5);
    return 0;
}

static uint32_t cloned;

/* On a stack of its own, with what it was given in a register. */
static int clones(void *arg)
{
    static char stack[65536] __attribute__((aligned(16)));
    uint32_t *where = &cloned;
    int status = 0;
    long child;

    (void)arg;
    cloned = 0;
    __asm__ volatile("movl $0x1234, %%r13d\n\t"
                     "xorl %%edx, %%edx\n\t"
                     "xorl %%r10d, %%r10d\n\t"
                     "xorl %%r8d, %%r8d\n\t"
                     "syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "movl %%r13d, (%%rbx)\n\t"
                     "pushq %%rax\n\t"
                     "popq %%rdi\n\t"
                     "movl $60, %%eax\n\t"
                     "syscall\n\t"
                     "1:"
                     : "=a"(child)
                     : "a"(SYS_clone), "D"((long)(CLONE_VM | CLONE_FILES | SIGCHLD)),
                       "S"(stack + sizeof stack), "b"(where)
                     : "rcx", "rdx", "r8", "r10", "r11", "r13", "memory");
    CHECK(child > 0);
    CHECK_EQ(waitpid((pid_t)child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(cloned, 0x1234);
    return 0;
}

LAW(children, "S11.73 children of a bare fork, vfork or clone run as they would")
{
    NEEDS_TRAPS;
    lets_run(forks);
    lets_run(clones);
}

/* ---- SIGSYS ---- */

static volatile int handled;

static void handles(int sig, siginfo_t *info, void *context)
{
    (void)context;
    handled += sig == SIGSYS && info->si_code == SI_TKILL;
}

static int raises(void *arg)
{
    struct sigaction sa = {.sa_sigaction = handles, .sa_flags = SA_SIGINFO}, old;
    char c;

    (void)arg;
    handled = 0;
    CHECK_EQ(sigaction(SIGSYS, &sa, NULL), 0);
    CHECK_EQ(sigaction(SIGSYS, NULL, &old), 0);
    CHECK(old.sa_sigaction == handles);
    CHECK_EQ(raise(SIGSYS), 0);
    CHECK_EQ(handled, 1);
    CHECK_EQ(RAW(SYS_read, -1, &c, 1), -EBADF); /* and the shim's goes on */
    signal(SIGSYS, SIG_DFL);
    return 0;
}

static int blocks_all(void *arg)
{
    uint64_t every = ~UINT64_C(0), saved = 0;
    sigset_t all, before;
    char c;

    (void)arg;
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    CHECK_EQ(RAW(SYS_read, -1, &c, 1), -EBADF);
    CHECK_EQ(raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&every, (long)&saved, 8, 0, 0), 0);
    CHECK_EQ(RAW(SYS_read, -1, &c, 1), -EBADF);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    return 0;
}

LAW(all_blocked, "S11.74 the program may block all signals")
{
    NEEDS_TRAPS;
    lets_run(blocks_all);
}

LAW(sigsys, "S11.74 the program may have a handler of SIGSYS of its own")
{
    NEEDS_TRAPS;
    lets_run(raises);
}

#endif

TAP_MAIN
