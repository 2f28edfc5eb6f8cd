/* SPDX-License-Identifier: MIT
 *
 * Under the shim each fiber has a thread control block of its own: what libc and libraries take for
 * a thread's is the fiber's. */
#include "tests/tap.h"
#include <errno.h>
#include <gosling.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const go_run_opts opts = {.no_signals = true, .watchdog = -1};

static __thread int mine = 3;
static bool possible;

static int look(void *arg)
{
    (void)arg;
    possible = mine == 3;
    return 0;
}

static int run_fn(void *arg)
{
    int (*fn)(void) = *(int (**)(void))arg;
    int rc;

    mine = 4;
    GO_NURSERY(n, rc)
        go_spawn(n, look, NULL);
    return rc < 0 ? rc : possible ? fn() : 0;
}

#define RUN(fn)                                                 \
    do {                                                        \
        int (*fn_)(void) = (fn);                                \
                                                                \
        CHECK_EQ(go_run_with(&opts, run_fn, &fn_), 0);          \
        if (!possible)                                          \
            TAP_SKIP("fibers share their thread's block here"); \
    } while (0)

/* ---- one owner at a time ---- */

static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int inside, most;

static void enter_and_leave(void)
{
    inside++;
    most = inside > most ? inside : most;
    usleep(2000);
    inside--;
}

static int locks_twice(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    enter_and_leave();
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    return 0;
}

static int locks_to_write(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    enter_and_leave();
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return 0;
}

static FILE *file;

static int locks_file(void *arg)
{
    (void)arg;
    flockfile(file);
    flockfile(file);
    enter_and_leave();
    funlockfile(file);
    funlockfile(file);
    return 0;
}

static int four(go_fn *fn)
{
    int rc;

    inside = most = 0;
    GO_NURSERY(n, rc)
        for (int i = 0; i < 4; i++)
            go_spawn(n, fn, NULL);
    CHECK_EQ(most, 1);
    return rc;
}

static int owners(void)
{
    four(locks_twice);
    four(locks_to_write);
    file = tmpfile();
    four(locks_file);
    fclose(file);
    return 0;
}

LAW(one_owner, "S11.67 under the shim recursive mutexes, rwlocks and FILE locks are a fiber's, and "
               "the others wait")
{
    RUN(owners);
}

/* ---- one FILE ---- */

static int ends[2];

static int prints(void *arg)
{
    const char *word = arg;

    for (int i = 0; i < 200; i++)
        CHECK(fprintf(file, "%s-%s-%s-%s\n", word, word, word, word) > 0);
    fflush(file);
    return 0;
}

static int reads_slowly(void *arg)
{
    char line[400];
    FILE *in = fdopen(ends[0], "r");
    unsigned wrong = 0, n = 0;

    (void)arg;
    while (fgets(line, sizeof line, in)) {
        n++;
        for (char *p = line; p[1] != '\n'; p++)
            wrong += *p != '-' && *p != line[0];
        usleep(10);
    }
    fclose(in);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(n, 600);
    return 0;
}

static int one_file(void)
{
    static char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", b[] = "bbbbbbbbbbbbbbbbbbbbbb", c[] = "c";
    int rc;

    CHECK_EQ(pipe(ends), 0);
    file = fdopen(ends[1], "w");
    setvbuf(file, NULL, _IOFBF, 64); /* so that it waits in the middle of lines */
    GO_NURSERY(n, rc) {
        int inner;

        go_spawn(n, reads_slowly, NULL);
        GO_NURSERY(writers, inner) {
            go_spawn(writers, prints, a);
            go_spawn(writers, prints, b);
            go_spawn(writers, prints, c);
        }
        fclose(file);
    }
    return rc;
}

LAW(shared_file, "S11.68 fibers may print to one FILE: lines stay whole")
{
    RUN(one_file);
}

/* ---- who the process is ---- */

static int becomes(void *arg)
{
    (void)arg;
    CHECK_EQ(setuid(getuid()), 0);
    CHECK_EQ(setgid(getgid()), 0);
    CHECK_EQ(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1), 0);
    if (geteuid() != 0) {
        CHECK_EQ(setuid(0), -1);
        CHECK_EQ(errno, EPERM);
    }
    return 0;
}

static void *idle(void *arg)
{
    pause();
    return arg;
}

static int identity(void)
{
    pthread_t t;
    int rc;

    CHECK_EQ(pthread_create(&t, NULL, idle, NULL), 0);
    GO_NURSERY(n, rc)
        for (int i = 0; i < 3; i++)
            go_spawn(n, becomes, NULL);
    pthread_cancel(t);
    CHECK_EQ(pthread_join(t, NULL), 0);
    return rc;
}

LAW(identity_changes,
    "S11.69 setuid and its kin reach all threads from a fiber with a block of its "
    "own")
{
    RUN(identity);
}

/* ---- signal masks ---- */

static volatile sig_atomic_t handled;

static void handles(int sig)
{
    (void)sig;
    handled++;
}

static bool blocks(int sig)
{
    sigset_t now;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    return sigismember(&now, sig);
}

static void mask(int how, int sig)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    CHECK_EQ(pthread_sigmask(how, &set, NULL), 0);
}

static int blocks_it(void *arg)
{
    (void)arg;
    mask(SIG_BLOCK, SIGUSR1);
    usleep(5000);
    CHECK(blocks(SIGUSR1));
    usleep(5000);
    CHECK(blocks(SIGUSR1));
    return 0;
}

static int does_not(void *arg)
{
    (void)arg;
    usleep(1000);
    CHECK(!blocks(SIGUSR1));
    kill(getpid(), SIGUSR1);
    CHECK_EQ(handled, 1);
    return 0;
}

static int lets_in(void *arg)
{
    (void)arg;
    CHECK(blocks(SIGUSR2)); /* as the thread */
    mask(SIG_UNBLOCK, SIGUSR2);
    CHECK_EQ(pause(), -1);
    CHECK_EQ(errno, EINTR);
    CHECK(!blocks(SIGUSR2));
    return 0;
}

static int masks(void)
{
    int rc;

    handled = 0;
    signal(SIGUSR1, handles);
    signal(SIGUSR2, handles);
    GO_NURSERY(n, rc) {
        go_spawn(n, blocks_it, NULL);
        go_spawn(n, does_not, NULL);
        usleep(2000);
        CHECK(!blocks(SIGUSR1));
    }
    CHECK(!blocks(SIGUSR1));
    mask(SIG_BLOCK, SIGUSR2);
    GO_NURSERY(n, rc) {
        go_spawn(n, lets_in, NULL);
        usleep(2000);
        CHECK(blocks(SIGUSR2));
        kill(getpid(), SIGUSR2); /* waits until somebody lets it in: the loop, for that fiber */
        CHECK_EQ(handled, 1);
    }
    CHECK_EQ(handled, 2);
    CHECK(blocks(SIGUSR2));
    mask(SIG_UNBLOCK, SIGUSR2);
    return rc;
}

LAW(signal_masks, "S11.80 the signal mask is the fiber's own")
{
    RUN(masks);
}

TAP_MAIN
