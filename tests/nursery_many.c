/* SPDX-License-Identifier: MIT
 *
 * Section 3: many fibers, and no memory for one more. */
#include "tests/kit.h"
#include "tests/probe.h"
#include <sys/resource.h>

enum { MANY = 100000, SOME = TAP_THREAD ? 4000 : 10000 };

static int counts(void *arg)
{
    int rc = go_sleep(GO_SEC);

    ++*(int *)arg;
    return rc;
}

LAW_VIRTUAL(many_at_once, "S3.01 a nursery waits for 100,000 fibers at once")
{
    int count = 0, rc, refused = 0, many = tap_slow() || sizeof(void *) == 4 ? SOME / 2 : MANY;
    go_time start = go_now();

    GO_NURSERY(n, rc) {
        for (int i = 0; i < many; i++)
            refused += go_spawn(n, counts, &count) != 0;
        CHECK_EQ(go_sleep(GO_MS), 0); /* all of them sleep now */
        CHECK_EQ(count, 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(refused, 0);
    CHECK_EQ(count, many);
    CHECK_EQ(go_now() - start, GO_SEC);
}

LAW_VIRTUAL(many_cancelled, "S3.18 an error cancels 10,000 siblings")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO};
    int count = 0, rc;
    go_time start = go_now();

    GO_NURSERY(n, rc) {
        for (int i = 0; i < SOME; i++)
            go_spawn(n, counts, &count);
        go_spawn(n, follow, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(count, SOME);
    CHECK_EQ(go_now() - start, GO_MS);
    CHECK_EQ(error_count(go_last_error()), 1);
}

/* ---- no memory ---- */

static size_t address_space(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    if (!f || fscanf(f, "%zu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int spawns_until_refused(void *arg)
{
    struct rlimit limit, before;
    int rc, count = 0, spawned = 0, refused = 0, again;

    (void)arg;
    getrlimit(RLIMIT_AS, &before);
    limit = before;
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn(n, counts, &count), 0);
        spawned++;
        limit.rlim_cur = address_space() + ((size_t)96 << 20);
        CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
        for (int i = 0; i < 200000 && refused == 0; i++) {
            int err = go_spawn_with(n, &(go_spawn_opts){.stack_size = 256 * 1024}, counts, &count);

            spawned += err == 0;
            if (err != 0)
                refused = err;
        }
        again = go_spawn_with(n, &(go_spawn_opts){.stack_size = 256 * 1024}, counts, &count);
        CHECK_EQ(refused, -ENOMEM);
        CHECK_EQ(again, -ENOMEM);
        CHECK_EQ(go_sleep(GO_MS), 0); /* those that are there go on */
        setrlimit(RLIMIT_AS, &before);
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.stack_size = 256 * 1024}, counts, &count), 0);
        spawned++;
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, spawned);
    CHECK(spawned > 2);
    return 0;
}

static int out_of_memory(void *arg)
{
    return virtual_run(spawns_until_refused, arg) < 0 ? 98 : 0;
}

LAW(no_memory, "S3.53 out of memory for a stack: go_spawn is -ENOMEM, and nothing is lost")
{
    if (TAP_SANITIZED) {
        TAP_SKIP("the sanitizer needs the address space");
        return;
    }
    if (!probe_address_space()) {
        TAP_SKIP(PROBE_NO_ADDRESS_SPACE);
        return;
    }
    CHECK_EXITS(out_of_memory, NULL, 0);
}

static int starts_until_refused(void *arg)
{
    struct rlimit limit, before;
    go_task t = {.result = 0};
    int rc, count = 0, err = 0;

    (void)arg;
    getrlimit(RLIMIT_AS, &before);
    limit = before;
    GO_NURSERY(n, rc) {
        limit.rlim_cur = address_space() + ((size_t)16 << 20);
        setrlimit(RLIMIT_AS, &limit);
        err = go_spawn_with(n, &(go_spawn_opts){.stack_size = (size_t)512 << 20, .task = &t},
                            counts, &count);
        setrlimit(RLIMIT_AS, &before);
        CHECK_EQ(err, -ENOMEM);
        CHECK_EQ(go_task_join(&t), -EINVAL); /* the handle was never spawned */
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.task = &t}, counts, &count), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, 1);
    return 0;
}

static int no_memory_for_handle(void *arg)
{
    return virtual_run(starts_until_refused, arg) < 0 ? 98 : 0;
}

LAW(no_memory_task, "S3.53 after -ENOMEM the task handle is as it was")
{
    if (TAP_SANITIZED) {
        TAP_SKIP("the sanitizer needs the address space");
        return;
    }
    if (!probe_address_space()) {
        TAP_SKIP(PROBE_NO_ADDRESS_SPACE);
        return;
    }
    CHECK_EXITS(no_memory_for_handle, NULL, 0);
}

LAW_VIRTUAL(too_large,
            "S3.53 a stack of more than a gigabyte is -ENOMEM or -EINVAL, and nothing happens")
{
    int rc, count = 0, err;

    GO_NURSERY(n, rc) {
        err = go_spawn_with(n, &(go_spawn_opts){.stack_size = SIZE_MAX / 2}, counts, &count);
        CHECK(err == -ENOMEM || err == -EINVAL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, 0);
}

TAP_MAIN
