/* SPDX-License-Identifier: MIT
 *
 * Section 9: fork in the middle. What is said about the child is checked in the child, which tells
 * through a pipe. */
#include "tests/kit.h"
#include "tests/probe.h"

struct story {
    go_nursery *n; /* the outer one */
    int (*child)(struct story *);
    pid_t pid;
    int told[2];    /* pipe: the child writes, the parent reads */
    int parents[2]; /* a pipe that the parent's fibers use */
    bool parent_went_on;
    go_time slept;
};

static void tell(struct story *s, const char *what)
{
    (void)!write(s->told[1], what, strlen(what));
}

static int forks(void *arg)
{
    struct story *s = arg;

    go_name("forker");
    go_sleep(GO_MS); /* the others wait or are ready by now */
    fflush(NULL);
    s->pid = fork();
    if (s->pid == 0) {
        int rc;

        alarm(tap_patience(10));
        signal(SIGALRM, SIG_DFL);
        tap.wrong = 0;
        rc = s->child(s);
        if (tap.wrong)
            tell(s, " wrong");
        return rc;
    }
    s->parent_went_on = true;
    return 0;
}

static int bystander(void *arg)
{
    struct story *s = arg;
    int rc = go_sleep(20 * GO_MS);

    tell(s, " bystander");
    return rc;
}

static int ready_bystander(void *arg)
{
    struct story *s = arg;

    while (!s->parent_went_on)
        if (go_yield() < 0)
            break;
    tell(s, " ready");
    return 0;
}

static int reads_pipe(void *arg)
{
    struct story *s = arg;
    char byte = 0;
    ssize_t n = go_read(s->parents[0], &byte, 1);

    CHECK_EQ(n, 1);
    tell(s, " read");
    return n < 0 ? (int)n : 0;
}

static int story_run(void *arg)
{
    struct story *s = arg;
    int rc, inner;

    GO_NURSERY(n, rc) {
        s->n = n;
        go_spawn(n, bystander, s);
        go_spawn(n, ready_bystander, s);
        go_spawn(n, reads_pipe, s);
        GO_NURSERY(m, inner) { /* the forker's parent and grandparent */
            go_spawn(m, forks, s);
        }
        (void)!write(s->parents[1], "x", 1);
    }
    return rc;
}

/* Runs the story; what both processes told is in text, the child's first. Its wait status. */
static int run_story(struct story *s, char *text, size_t size)
{
    char more[256];
    size_t len = 0;
    ssize_t n;
    int status = -1, wrong = tap.wrong;

    CHECK_EQ(pipe(s->told), 0);
    CHECK_EQ(pipe(s->parents), 0);
    CHECK_EQ(real_run(story_run, s), 0);
    waitpid(s->pid, &status, 0);
    close(s->told[1]);
    while ((n = read(s->told[0], more, sizeof more)) > 0)
        for (ssize_t i = 0; i < n && len < size - 1; i++)
            text[len++] = more[i];
    text[len] = '\0';
    close(s->told[0]);
    close(s->parents[0]);
    close(s->parents[1]);
    CHECK_LACKS(text, "wrong");
    (void)wrong;
    return status;
}

static int count(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* ---- the child ---- */

static int keeps_only_itself(struct story *s)
{
    CHECK_EQ(go_sleep(40 * GO_MS), 0); /* the bystanders' time comes and goes */
    for (int i = 0; i < 10; i++)
        CHECK_EQ(go_yield(), 0);
    tell(s, " child");
    return 0;
}

LAW(only_the_caller,
    "S9.11 fork: the child keeps only the calling fiber, which becomes its main fiber")
{
    struct story s = {.child = keeps_only_itself};
    char text[256];
    int status = run_story(&s, text, sizeof text);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(count(text, "child"), 1);
}

LAW(others_are_dropped,
    "S9.14 fork: the other fibers are dropped without running, ready or waiting")
{
    struct story s = {.child = keeps_only_itself};
    char text[256];

    run_story(&s, text, sizeof text);
    CHECK_EQ(count(text, "bystander"), 1); /* the parent's */
    CHECK_EQ(count(text, "ready"), 1);
    CHECK_EQ(count(text, "read"), 2); /* and "ready" */
}

static int outer_is_closed(struct story *s)
{
    int rc = go_spawn(s->n, marker, "never");

    CHECK_EQ(rc, -ESHUTDOWN);
    go_sleep(GO_MS);
    CHECK_EQ(go_spawn(s->n, marker, "never"), -ESHUTDOWN);
    CHECK_STR(kit_trace, "");
    tell(s, " child");
    return 0;
}

LAW(outer_nurseries, "S9.12 fork: in the child outer nurseries are closed (-ESHUTDOWN)")
{
    struct story s = {.child = outer_is_closed};
    char text[256];

    trace_reset();
    run_story(&s, text, sizeof text);
    CHECK_EQ(count(text, "child"), 1);
}

static int just_returns(struct story *s)
{
    tell(s, " child");
    return 0;
}

static int returns_error(struct story *s)
{
    tell(s, " child");
    return -EIO;
}

LAW(return_ends, "S9.13 fork: in the child, returning from the fiber's function ends the process")
{
    struct story s = {.child = just_returns}, e = {.child = returns_error};
    char text[256];
    pid_t self = getpid();
    int status = run_story(&s, text, sizeof text);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(count(text, "child"), 1);
    status = run_story(&e, text, sizeof text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    if (!CHECK_EQ(getpid(), self))
        _exit(1);
}

static int doubles(void *arg)
{
    return 2 * *(int *)arg;
}

static int lives_on(struct story *s)
{
    struct plan p[3] = {{.delay = 2 * GO_MS}, {.delay = GO_MS}, {.delay = GO_MS, .result = -EIO}};
    go_time start = real_now();
    int rc, twenty = 20, fds[2];
    char byte = 0;

    CHECK_EQ(go_sleep(5 * GO_MS), 0);
    CHECK(real_now() - start >= 5 * GO_MS);
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE}) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, follow, &p[i]);
    }
    CHECK_EQ(rc, -EIO);
    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(GO_SEC);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_offload(doubles, &twenty), 40);
    CHECK_EQ(go_pipe(fds), 0);
    GO_TIMEOUT(GO_MS, rc) {
        rc = (int)go_read(fds[0], &byte, 1);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_write(fds[1], "y", 1), 1);
    CHECK_EQ(go_read(fds[0], &byte, 1), 1);
    tell(s, " child");
    return 0;
}

LAW(built_anew, "S9.15 fork: the child's loop, pool and timers work")
{
    struct story s = {.child = lives_on};
    char text[256];
    int status = run_story(&s, text, sizeof text);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(count(text, "child"), 1);
}

LAW(parent_undisturbed, "S9.15 fork: the parent's fibers, timers and descriptors go on undisturbed")
{
    struct story s = {.child = lives_on};
    char text[256];

    run_story(&s, text, sizeof text);
    CHECK(s.parent_went_on);
    CHECK_EQ(count(text, "bystander"), 1);
    CHECK_EQ(count(text, "read"), 2);
}

/* ---- the pool ---- */

static int naps(void *arg)
{
    nap(*(go_time *)arg);
    return 7;
}

struct pool_story {
    go_time thirty;
    int result, status;
};

static int offloads_nap(void *arg)
{
    struct pool_story *p = arg;

    p->result = go_offload(naps, &p->thirty);
    return 0;
}

static int forks_beside_pool(void *arg)
{
    struct pool_story *p = arg;
    int rc, twenty = 20;
    pid_t pid;

    GO_NURSERY(n, rc) {
        go_spawn(n, offloads_nap, p);
        go_sleep(5 * GO_MS);
        fflush(NULL);
        pid = fork();
        if (pid == 0)
            _exit(go_offload(doubles, &twenty) == 40 ? 3 : 4);
        waitpid(pid, &p->status, 0);
    }
    return rc;
}

LAW(pool,
    "S9.15 fork: beside running pool work; the child's pool is its own, the parent's work goes on")
{
    struct pool_story p = {.thirty = 30 * GO_MS};

    if (!probe_fork_threads()) {
        TAP_SKIP(PROBE_NO_FORK_THREADS);
        return;
    }
    CHECK_EQ(real_run(forks_beside_pool, &p), 0);
    CHECK_EQ(p.result, 7);
    CHECK(WIFEXITED(p.status) && WEXITSTATUS(p.status) == 3);
}

/* ---- the first thing that the child does may be anything ---- */

struct first {
    int (*act)(struct first *);
    go_chan c;
    go_task t;
    int fds[2];
    int status;
};

static int first_read(struct first *f)
{
    char byte = 0;
    int rc, fds[2];

    if (go_pipe(fds) < 0)
        return 9;
    GO_TIMEOUT(2 * GO_MS, rc) {
        rc = (int)go_read(fds[0], &byte, 1);
    }
    (void)f;
    return rc == -ETIMEDOUT ? 3 : 4;
}

static int first_shared_read(struct first *f)
{
    char byte = 0;
    int rc;

    GO_TIMEOUT(2 * GO_MS, rc) {
        rc = (int)go_read(f->fds[0], &byte, 1); /* a dropped fiber was reading it: no -EBUSY */
    }
    return rc == -ETIMEDOUT ? 3 : 4;
}

static int first_join(struct first *f)
{
    int rc;

    GO_TIMEOUT(2 * GO_MS, rc) {
        rc = go_task_join(&f->t); /* dropped: whatever it says, it comes back */
    }
    return 3;
}

static int first_recv(struct first *f)
{
    int rc, item = 4;

    CHECK_EQ(go_chan_try_send(&f->c, &item), -EAGAIN); /* its receiver was dropped */
    GO_TIMEOUT(2 * GO_MS, rc) {
        rc = go_chan_recv(&f->c, &item);
    }
    return rc == -ETIMEDOUT && !tap.wrong ? 3 : 4;
}

static int first_nursery(struct first *f)
{
    struct plan p = {.delay = GO_MS, .result = 1};
    int rc;

    (void)f;
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_RACE}) {
        go_spawn(n, follow, &p);
    }
    return rc == 1 ? 3 : 4;
}

static int first_empty_nursery(struct first *f)
{
    int rc;

    (void)f;
    GO_NURSERY(n, rc) {
        rc = 2;
    }
    return rc == 2 ? 3 : 4;
}

static int first_wait_fd(struct first *f)
{
    int rc;

    GO_TIMEOUT(2 * GO_MS, rc) {
        rc = go_wait_fd(f->fds[0], POLLIN);
    }
    return rc == -ETIMEDOUT ? 3 : 4;
}

static int first_post(struct first *f)
{
    go_event e;

    (void)f;
    go_event_init(&e, 0);
    if (go_post(go_sched_self(), (void (*)(void *))go_event_set, &e) != 0)
        return 9;
    return go_event_wait(&e) == 0 ? 3 : 4;
}

static int reads_fds(void *arg)
{
    char byte;

    return go_read(((struct first *)arg)->fds[0], &byte, 1) < 0 ? 0 : -EIO;
}

static int receives(void *arg)
{
    int item;

    return go_chan_recv(&((struct first *)arg)->c, &item) < 0 ? 0 : -EIO;
}

static int forks_and_acts(void *arg)
{
    struct first *f = arg;
    pid_t pid;

    go_sleep(GO_MS);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(tap_patience(5));
        signal(SIGALRM, SIG_DFL);
        tap.wrong = 0;
        _exit(f->act(f));
    }
    waitpid(pid, &f->status, 0);
    return 0;
}

static int first_run(void *arg)
{
    struct first *f = arg;
    int rc, inner;

    go_chan_init(&f->c, sizeof(int), 0, 0);
    CHECK_EQ(go_socketpair(f->fds), 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &f->t}, sleeper, NULL);
        go_spawn(n, reads_fds, f);
        go_spawn(n, receives, f);
        GO_NURSERY(m, inner) {
            go_spawn(m, forks_and_acts, f);
        }
        go_nursery_cancel(n, NULL);
    }
    go_close(f->fds[0]);
    go_close(f->fds[1]);
    go_chan_fini(&f->c);
    return rc == -ECANCELED ? 0 : rc;
}

LAW(first_of_all, "S9.15 fork: whatever the child does first works")
{
    static const struct {
        const char *name;
        int (*act)(struct first *);
    } acts[] = {
        {"read", first_read},       {"a read of the same fd", first_shared_read},
        {"join", first_join},       {"receive", first_recv},
        {"nursery", first_nursery}, {"empty nursery", first_empty_nursery},
        {"wait_fd", first_wait_fd}, {"post", first_post},
    };

    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct first f = {.act = acts[i].act, .status = -1};

        CHECK_EQ(real_run(first_run, &f), 0);
        if (!CHECK(WIFEXITED(f.status) && WEXITSTATUS(f.status) == 3))
            tap_note("%s: status %x", acts[i].name, (unsigned)f.status);
    }
}

/* ---- locks, scopes, and a run inside ---- */

struct locked {
    go_mutex m;
    int status;
};

static int holds(void *arg)
{
    CHECK_EQ(go_mutex_lock(arg), 0);
    go_sleep(20 * GO_MS);
    return go_mutex_unlock(arg);
}

static int queues(void *arg)
{
    if (go_mutex_lock(arg) == 0)
        go_mutex_unlock(arg);
    return 0;
}

static int forks_beside_lock(void *arg)
{
    struct locked *l = arg;
    int rc, timed;
    pid_t pid;

    go_mutex_init(&l->m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, holds, &l->m);
        go_spawn(n, queues, &l->m);
        go_sleep(GO_MS);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            GO_TIMEOUT(50 * GO_MS, timed) { /* its owner is gone without having ended: an error, or
                                               for ever */
                timed = go_mutex_lock(&l->m);
            }
            _exit(timed == -EOWNERDEAD || timed == -ETIMEDOUT ? 3 : 4);
        }
        waitpid(pid, &l->status, 0);
    }
    CHECK_EQ(go_mutex_try_lock(&l->m), 0);
    return rc;
}

LAW(locks,
    "S9.14 fork: a lock that a dropped fiber held is nobody's to take in the child; no crash")
{
    struct locked l;

    CHECK_EQ(real_run(forks_beside_lock, &l), 0);
    CHECK(WIFEXITED(l.status) && WEXITSTATUS(l.status) == 3);
}

static int forks_in_scope(void *arg)
{
    int rc;
    pid_t pid;

    GO_TIMEOUT(20 * GO_MS, rc) {
        fflush(NULL);
        pid = fork();
        if (pid == 0)
            rc = go_sleep(GO_SEC);
    }
    if (pid == 0)
        _exit(rc == -ETIMEDOUT ? 3 : 4);
    waitpid(pid, arg, 0);
    return 0;
}

static int scope_story(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, forks_in_scope, arg);
    }
    return rc;
}

LAW(scopes, "S9.11 fork: the calling fiber's own scopes and their deadlines are kept")
{
    int status = -1;

    CHECK_EQ(real_run(scope_story, &status), 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static int forks_in_nursery(void *arg)
{
    struct plan p = {.delay = GO_MS, .result = 5}, lost = {.delay = GO_MS};
    go_task t = {.result = 0};
    int rc, result = 0;
    pid_t pid;

    GO_NURSERY(n, rc) { /* its own: the children in it are dropped, and it is usable */
        go_spawn(n, follow, &lost);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
            if (go_spawn_with(n, &(go_spawn_opts){.task = &t}, follow, &p) == 0)
                result = go_task_join(&t);
        }
    }
    if (pid == 0)
        _exit(result == 5 && !lost.ran ? 3 : 4);
    waitpid(pid, arg, 0);
    CHECK(lost.ran);
    return rc;
}

static int nursery_story(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, forks_in_nursery, arg);
    }
    return rc;
}

LAW(own_nursery,
    "S9.14 fork: children of the caller's own nursery are dropped, and it goes on with new ones")
{
    int status = -1;

    CHECK_EQ(real_run(nursery_story, &status), 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static int forks_in_main(void *arg)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(go_sleep(GO_MS) == 0 ? 3 : 4);
    waitpid(pid, arg, 0);
    return 0;
}

LAW(from_the_main_fiber, "S9.11 fork: from the main fiber, too")
{
    int status = -1;

    CHECK_EQ(real_run(forks_in_main, &status), 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static int forks_under_virtual(void *arg)
{
    go_time start = go_now();
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(go_sleep(3600 * GO_SEC) == 0 && go_now() - start == 3600 * GO_SEC ? 3 : 4);
    waitpid(pid, arg, 0);
    CHECK_EQ(go_now(), start);
    return 0;
}

LAW(virtual_clock, "S9.15 fork: a virtual clock goes on by itself in each")
{
    int status = -1;

    CHECK_EQ(virtual_run(forks_under_virtual, &status), 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static int forks_outside(void *arg)
{
    (void)arg;
    return go_sleep(GO_MS);
}

LAW(outside_a_run, "S9.11 a fork outside a run changes nothing: both may run")
{
    int status = -1;
    pid_t pid;

    CHECK_EQ(real_run(forks_outside, NULL), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(real_run(forks_outside, NULL) == 0 ? 3 : 4);
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK_EQ(real_run(forks_outside, NULL), 0);
}

TAP_MAIN
