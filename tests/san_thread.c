/* SPDX-License-Identifier: MIT
 *
 * ThreadSanitizer sees the races of programs on fibers, and only these: fibers of one scheduler
 * take turns, and what goes to another thread by a post, an offload or through the kernel is in
 * order. It ends a process that had a race with status 66, so each program is a child. */
#include "tests/kit.h"

#if !TAP_THREAD

int main(void)
{
    TAP_SKIP_ALL("built without ThreadSanitizer");
}

#else

#include <pthread.h>
#include <sys/syscall.h>

enum { RACED = 66 };

static int shared[4];

static int program(void *fn)
{
    return real_run(*(go_fn **)fn, NULL);
}

/* Runs fn as the main fiber of a child. */
static bool runs(go_fn *fn, int status)
{
    return CHECK_EXITS(program, &fn, status);
}

/* ---- races ---- */

static void *adds_in_a_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        shared[0]++;
    return NULL;
}

static int adds(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        shared[0]++;
        go_yield();
    }
    return 0;
}

static int races(void *arg)
{
    pthread_t t;
    int rc;

    (void)arg;
    pthread_create(&t, NULL, adds_in_a_thread, NULL);
    GO_NURSERY(n, rc) {
        go_spawn(n, adds, NULL);
    }
    pthread_join(t, NULL);
    return rc;
}

LAW(race, "S9.74 TSan: a fiber and a thread that share without a lock are reported")
{
    runs(races, RACED);
    CHECK_HAS(kit_output, "data race");
    CHECK_HAS(kit_output, "adds");
    CHECK_HAS(kit_output, "fiber_main");
}

/* ---- none ---- */

static int share(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 100; i++)
            go_spawn(n, adds, NULL);
    }
    return rc || shared[0] != 100 * 100;
}

LAW(turns, "S9.74 TSan: fibers of one scheduler share as they like")
{
    if (!runs(share, 0))
        return;
    CHECK_STR(kit_output, "");
}

static int many_after_each_other(void *arg)
{
    int rc;

    (void)arg;
    for (int i = 0; i < 200; i++) {
        GO_NURSERY(n, rc) {
            for (int k = 0; k < 50; k++)
                go_spawn(n, adds, NULL);
            adds(NULL);
        }
        if (rc < 0)
            return 1;
    }
    return 0;
}

LAW(many, "S9.74 TSan: 10,000 fibers, one after the other, are not too many threads for it")
{
    runs(many_after_each_other, 0);
    CHECK_STR(kit_output, "");
}

struct handover {
    go_sched *sched;
    go_event done;
    int value, answer;
};

static void arrives(void *arg)
{
    struct handover *h = arg;

    h->answer = h->value + 1;
    go_event_set(&h->done);
}

static void *posts(void *arg)
{
    struct handover *h = arg;

    h->value = 41;
    while (go_post(h->sched, arrives, h) == -EAGAIN)
        ;
    return NULL;
}

static int is_posted_to(void *arg)
{
    struct handover h = {.sched = go_sched_self()};
    pthread_t t;

    (void)arg;
    go_event_init(&h.done, 0);
    go_sched_hold(h.sched);
    pthread_create(&t, NULL, posts, &h);
    go_event_wait(&h.done);
    go_sched_drop(h.sched);
    h.value = 0; /* after its last use by the other thread */
    pthread_join(t, NULL);
    return h.answer != 42;
}

LAW(post, "S9.74 TSan: what comes before a post comes before what it runs")
{
    runs(is_posted_to, 0);
    CHECK_STR(kit_output, "");
}

static int doubles(void *arg)
{
    int *n = arg;

    return *n *= 2;
}

static int offloads(void *arg)
{
    int n = 1;

    (void)arg;
    for (int i = 0; i < 10; i++) {
        n++;
        if (go_offload(doubles, &n) != n)
            return 1;
    }
    return n != 3 * 1024 - 2;
}

LAW(offload, "S9.74 TSan: what an offloaded function does comes between what its caller does")
{
    runs(offloads, 0);
    CHECK_STR(kit_output, "");
}

struct peers {
    int fds[2];
    int data;
};

static int answers(void *arg)
{
    struct peers *p = arg;
    char c;

    if (go_read(p->fds[1], &c, 1) != 1)
        return 1;
    p->data++;
    return go_write(p->fds[1], &c, 1) != 1;
}

static void *answers_in_a_thread(void *arg)
{
    return (void *)(intptr_t)real_run(answers, arg);
}

static int asks(void *arg)
{
    struct peers p = {.data = 1};
    char c = 1;
    pthread_t t;
    int rc;

    (void)arg;
    if (go_socketpair(p.fds) < 0)
        return 1;
    pthread_create(&t, NULL, answers_in_a_thread, &p);
    p.data++;
    if (go_write(p.fds[0], &c, 1) != 1 || go_read(p.fds[0], &c, 1) != 1)
        return 1;
    rc = p.data != 3;
    p.data = 0;
    pthread_join(t, NULL);
    return rc;
}

LAW(bytes, "S9.74 TSan: bytes through a socket carry the order of what came before them")
{
    runs(asks, 0);
    CHECK_STR(kit_output, "");
}

/* ---- signals ---- */

/* A bare system call: TSan handles signals at the calls that it knows, and this is none. */
static int signals_itself(void *arg)
{
    go_event *never = arg;

    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGUSR1);
    return go_event_wait(never);
}

static int takes_signals(void *arg)
{
    go_event never;
    go_signals s;
    int rc = go_signals_open(&s, (int[]){SIGUSR1}, 1), got = 0;

    (void)arg;
    if (rc < 0)
        return rc;
    GO_NURSERY(n, rc) {
        go_event_init(&never, 0);
        go_spawn(n, signals_itself, &never);
        GO_MOVE_ON(5 * GO_SEC, rc) {
            got = go_signals_next(&s);
        }
        go_scope_cancel(go_nursery_scope(n), "done");
    }
    go_signals_close(&s);
    return got == SIGUSR1 ? 0 : 1;
}

LAW(signalled, "S9.74 TSan: a signal that came in a fiber which has parked since is not forgotten")
{
    runs(takes_signals, 0);
    CHECK_STR(kit_output, "");
}

/* ---- fork ---- */

static int forks_with_an_unborn(void *arg)
{
    int rc, status = -1;
    pid_t pid;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, adds, NULL);
        go_yield();
        go_spawn(n, adds, NULL); /* has never run when its process is copied */
        pid = fork();
        if (pid == 0) {
            go_sleep(GO_MS); /* settles: the others are dropped */
            GO_NURSERY(inner, rc) {
                go_spawn(inner, adds, NULL);
                go_spawn(inner, adds, NULL);
            }
            _exit(rc == 0 && shared[0] == 201 ? 0 : 1);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    return status;
}

LAW(unborn, "S9.74 TSan: a fork child drops fibers that never ran, and goes on")
{
    runs(forks_with_an_unborn, 0);
    CHECK_STR(kit_output, "");
}

TAP_MAIN

#endif
