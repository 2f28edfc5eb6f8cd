/* SPDX-License-Identifier: MIT
 *
 * Section 3: no memory. A program of everything that may allocate runs again and again, each time
 * with another allocation that fails: whatever it was, there is a code, every fiber ends, and what
 * an error's code is does not depend on the memory for its words. */
#include "tests/kit.h"

#if TAP_SANITIZED || !defined(__GLIBC__)

int main(void)
{
    TAP_SKIP_ALL("the allocator is somebody else's");
}

#else

/* ---- an allocator that fails on demand ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool counting;
static long allocations, fail_from, fail_count;

static bool fails_now(void)
{
    if (!counting)
        return false;
    allocations++;
    if (allocations < fail_from || allocations >= fail_from + fail_count)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails_now() ? NULL : __libc_realloc(p, size);
}

/* ---- the program ---- */

static go_key own, inherited;
static long begun, ended, refused;

static void nothing(void *arg)
{
    (void)arg;
}

static void on_exit_nothing(go_task *t, void *arg)
{
    (void)t;
    (void)arg;
}

static void spawned(int rc)
{
    if (rc != 0 && rc != -ENOMEM)
        CHECK_EQ(rc, -ENOMEM);
    refused += rc != 0;
}

static int leaf(void *arg)
{
    int rc;

    begun++;
    (void)arg;
    go_name("leaf");
    rc = go_set(&own, &begun);
    CHECK(rc == 0 || rc == -ENOMEM);
    rc = go_set(&inherited, &ended);
    CHECK(rc == 0 || rc == -ENOMEM);
    rc = go_defer(nothing, NULL);
    CHECK(rc == 0 || rc == -ENOMEM);
    rc = go_sleep(GO_MS);
    ended++;
    return rc < 0 ? rc : go_fail(EIO, "leaf %ld", begun);
}

static int returns_early(void *arg)
{
    int rc;

    begun++;
    GO_NURSERY(n, rc) {
        spawned(go_spawn(n, leaf, arg));
        ended++;
        return 0;
    }
    return 1;
}

static int takes_cause(void *arg)
{
    int rc;

    begun++;
    GO_NURSERY(n, rc) {
        spawned(go_spawn(n, leaf, arg));
    }
    ended++;
    return rc < 0 ? go_fail(-rc, "because of it") : rc;
}

static int starts(void *arg, go_starter *starter)
{
    (void)arg;
    go_sleep(1);
    return go_started(starter, 1);
}

static void uses_supervisor(void)
{
    go_task t[6], *done;
    char copied[100] = "";
    int rc, failed = 0;

    memset(t, 0, sizeof t);
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE, .max_errors = 5}) {
        for (int i = 0; i < 6; i++) {
            rc = go_spawn_with(n, &(go_spawn_opts){.task = &t[i]}, leaf, NULL);
            spawned(rc);
            if (rc == 0)
                go_task_on_exit(&t[i], on_exit_nothing, NULL);
        }
        spawned(go_spawn(n, returns_early, NULL));
        spawned(go_spawn(n, takes_cause, NULL));
        spawned(go_spawn_copy(n, leaf, copied, sizeof copied));
        rc = go_start(n, starts, NULL, NULL);
        CHECK(rc == 0 || rc == -ENOMEM);
        for (int i = 0; i < 300; i++) /* the heap of deadlines grows */
            spawned(go_spawn(n, sleeper, &moment));
        while ((rc = go_nursery_next(n, &done)) == 1)
            failed += go_task_result(done) == -EIO;
        CHECK_EQ(rc, 0);
    }
    CHECK(rc == -EIO); /* of those without a handle */
    CHECK(failed >= 5);
}

static void uses_others(void)
{
    go_case cases[20];
    go_chan c;
    int rc, item = 1;

    rc = go_chan_init(&c, sizeof item, 10, 0);
    if (rc == 0) {
        CHECK_EQ(go_chan_send(&c, &item), 0);
        CHECK_EQ(go_chan_recv(&c, &item), 1);
        go_chan_fini(&c);
    }
    CHECK(rc == 0 || rc == -ENOMEM);
    for (int i = 0; i < 20; i++)
        cases[i] = GO_AFTER(5 + i);
    rc = go_select(cases, 20);
    CHECK(rc == 0 || rc == -ENOMEM);
}

static int program(void *arg)
{
    (void)arg;
    counting = true;
    go_set(&inherited, &begun);
    uses_others();
    uses_supervisor();
    counting = false;
    return 0;
}

static int runs_short_of_memory(void *arg)
{
    (void)arg;
    CHECK_EQ(virtual_run(program, NULL), 0);
    CHECK_EQ(begun, ended);
    return 0;
}

static void fail_each(long how_many)
{
    long most;

    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("valgrind's malloc stands before ours");
        return;
    }
    fail_from = 0;
    fail_count = 0;
    allocations = 0;
    CHECK_EQ(virtual_run(program, NULL), 0);
    most = allocations;
    CHECK(most > 20);
    fail_count = how_many;
    for (fail_from = 1; fail_from <= most + 1; fail_from++) {
        allocations = begun = ended = 0;
        if (!CHECK_EXITS(runs_short_of_memory, NULL, 0)) {
            tap_note("allocation %ld of %ld", fail_from, most);
            break;
        }
    }
}

LAW(each_once, "S3.53 whatever allocation fails, there is a code for it, and nothing is lost")
{
    CHECK_EQ(go_key_init(&own, nothing), 0);
    CHECK_EQ(go_key_init_inherited(&inherited), 0);
    fail_each(1);
}

LAW(three_in_a_row, "S3.53 and when three in a row fail")
{
    fail_each(3);
}

LAW(all_from_there, "S3.53 and when all from there on fail")
{
    fail_each(1L << 30);
}

TAP_MAIN

#endif
