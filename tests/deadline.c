/* SPDX-License-Identifier: MIT
 *
 * Section 5: deadlines and clocks. */
#include "tests/kit.h"
#include "core/sched.h"
#include <malloc.h>

/* ---- the clock ---- */

LAW(monotonic, "S5.01 go_time is int64_t nanoseconds of CLOCK_MONOTONIC")
{
    go_time before = real_now(), now = go_now(), after = real_now();

    CHECK(before <= now && now <= after);
    CHECK_EQ(sizeof(go_time), 8);
    CHECK((go_time)-1 < 0);
    CHECK_EQ(GO_SEC, 1000000000);
    CHECK_EQ(GO_MS, 1000000);
    CHECK_EQ(GO_US, 1000);
    CHECK_EQ(GO_FOREVER, INT64_MAX);
}

static int real_clock(void *arg)
{
    go_time before = real_now(), now = go_now(), after = real_now();

    (void)arg;
    CHECK(before <= now && now <= after);
    return 0;
}

LAW(monotonic_inside, "S5.01 inside a run with the real clock, too")
{
    CHECK_EQ(real_run(real_clock, NULL), 0);
}

LAW_VIRTUAL(jumps_exactly, "S5.10 the virtual clock jumps to the earliest deadline, exactly")
{
    go_time start = go_now(), real = real_now();
    struct plan late = {.delay = 7200 * GO_SEC + 1};
    int rc;

    CHECK_EQ(go_sleep(3600 * GO_SEC + 123456789), 0);
    CHECK_EQ(go_now() - start, 3600 * GO_SEC + 123456789);
    CHECK_EQ(go_sleep(1), 0);
    CHECK_EQ(go_now() - start, 3600 * GO_SEC + 123456790);
    start = go_now();
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &late);
        CHECK_EQ(go_sleep_until(start + 77), 0);
        CHECK_EQ(go_now(), start + 77);
        CHECK_EQ(go_sleep_until(start + 78), 0);
        CHECK_EQ(go_now(), start + 78);
    }
    CHECK_EQ(go_now(), start + 7200 * GO_SEC + 1);
    CHECK(real_now() - real < 5 * GO_SEC);
}

LAW_VIRTUAL(stands_still, "S5.10 while somebody is runnable, virtual time stands still")
{
    go_time start = go_now();
    struct plan p = {.name = "woke", .delay = 1};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p);
        for (int i = 0; i < 1000; i++)
            go_yield();
        CHECK_EQ(go_now(), start);
        CHECK_TRACE("");
    }
}

static int naps_for_real(void *arg)
{
    nap(20 * GO_MS);
    return *(int *)arg;
}

static int offloads(void *arg)
{
    int forty = 40, rc = go_offload(naps_for_real, &forty);

    mark("offload:%d", rc);
    *(go_time *)arg = go_now();
    return 0;
}

LAW_VIRTUAL(pool_work_holds, "S5.11 the virtual clock does not jump while pool work is outstanding")
{
    struct plan p = {.name = "sleep", .delay = GO_MS};
    go_time start = go_now(), at = 0;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p);
        go_spawn(n, offloads, &at);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("offload:40 sleep");
    CHECK_EQ(at, start);
    CHECK_EQ(go_now(), start + GO_MS);
}

struct reader {
    int fd, revents;
    go_time at;
};

static int waits_for_input(void *arg)
{
    struct reader *r = arg;

    r->revents = go_wait_fd(r->fd, POLLIN);
    r->at = go_now();
    mark("input");
    return 0;
}

LAW_VIRTUAL(ready_io_holds, "S5.12 the virtual clock does not jump while I/O is ready")
{
    struct plan p = {.name = "sleep", .delay = 1};
    struct reader r = {0};
    go_time start = go_now();
    int rc, fds[2];

    CHECK_EQ(pipe(fds), 0);
    r.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p);
        go_spawn(n, waits_for_input, &r);
        go_yield();
        go_yield();
        (void)!write(fds[1], "x", 1);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("input sleep");
    CHECK_EQ(r.revents, POLLIN);
    CHECK_EQ(r.at, start);
    close(fds[0]);
    close(fds[1]);
}

/* ---- effective deadlines ---- */

LAW_VIRTUAL(from_entry, "S5.02 a relative timeout counts from the entry of its scope")
{
    go_time start = go_now();
    int rc;

    CHECK_EQ(go_sleep(GO_SEC), 0);
    GO_TIMEOUT(10 * GO_MS, rc) {
        CHECK_EQ(go_deadline(), start + GO_SEC + 10 * GO_MS);
        CHECK_EQ(go_sleep(4 * GO_MS), 0);
        CHECK_EQ(go_deadline(), start + GO_SEC + 10 * GO_MS);
        rc = go_sleep(GO_FOREVER);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_now(), start + GO_SEC + 10 * GO_MS);
}

static int notes_deadline(void *arg)
{
    *(go_time *)arg = go_deadline();
    return 0;
}

LAW_VIRTUAL(smallest,
            "S5.03 the effective deadline is the smallest one up the chain to the first shield")
{
    go_time now = go_now(), childs = 0;
    go_scope s = {0};
    int a, b, c;

    CHECK_EQ(go_deadline(), GO_FOREVER);
    GO_TIMEOUT(10 * GO_SEC, a) {
        CHECK_EQ(go_deadline(), now + 10 * GO_SEC);
        GO_TIMEOUT(20 * GO_SEC, b) {
            CHECK_EQ(go_deadline(), now + 10 * GO_SEC);
            GO_SCOPE(&s, c, &(go_scope_opts){.deadline = now + 5 * GO_SEC}) {
                CHECK_EQ(go_deadline(), now + 5 * GO_SEC);
            }
            CHECK_EQ(go_deadline(), now + 10 * GO_SEC);
            GO_SHIELD(GO_FOREVER) {
                CHECK_EQ(go_deadline(), GO_FOREVER);
                GO_TIMEOUT(30 * GO_SEC, c) {
                    CHECK_EQ(go_deadline(), now + 30 * GO_SEC);
                    GO_NURSERY(n, c) {
                        go_spawn(n, notes_deadline, &childs);
                    }
                    CHECK_EQ(childs, now + 30 * GO_SEC);
                }
            }
        }
    }
    CHECK_EQ(go_deadline(), GO_FOREVER);
}

LAW_VIRTUAL(both_options, "S5.03 a scope with a timeout and a deadline has the smaller one")
{
    go_scope a = {0}, b = {0};
    go_time now = go_now();
    int rc;

    GO_SCOPE(&a, rc, &(go_scope_opts){.timeout = GO_SEC, .deadline = now + GO_MS}) {
        CHECK_EQ(go_deadline(), now + GO_MS);
    }
    GO_SCOPE(&b, rc, &(go_scope_opts){.timeout = GO_MS, .deadline = now + GO_SEC}) {
        CHECK_EQ(go_deadline(), now + GO_MS);
    }
}

LAW_VIRTUAL(deadline_in_the_past, "S5.04 in a cancelled scope go_deadline is in the past")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, &(go_scope_opts){.timeout = GO_SEC}) {
        go_scope_cancel_soft(&s, GO_FOREVER, NULL);
        CHECK(go_deadline() > go_now()); /* softly: not yet */
        go_scope_cancel(&s, NULL);
        CHECK(go_deadline() < go_now());
    }
}

LAW_VIRTUAL(equal_nested, "S5.05 of equal nested deadlines the outer scope catches")
{
    go_time at = go_now() + GO_SEC;
    go_scope a = {0}, b = {0}, c = {0};
    int ra, rb, rc;

    GO_SCOPE(&a, ra, &(go_scope_opts){.deadline = at}) {
        GO_SCOPE(&b, rb, &(go_scope_opts){.timeout = GO_SEC}) {
            GO_SCOPE(&c, rc, &(go_scope_opts){.deadline = at}) {
                rc = go_sleep(GO_FOREVER);
            }
            CHECK_EQ(rc, -ECANCELED);
            rb = -EIO;
        }
        CHECK_EQ(rb, -EIO);
    }
    CHECK_EQ(ra, -ETIMEDOUT);
    CHECK(go_scope_caught(&a));
    CHECK(!go_scope_caught(&b));
    CHECK(!go_scope_caught(&c));
}

LAW_VIRTUAL(inner_later, "S5.05 of unequal ones the smaller catches, inner or outer")
{
    int outer, inner;

    GO_TIMEOUT(GO_SEC, outer) {
        GO_TIMEOUT(GO_SEC - 1, inner) {
            inner = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(inner, -ETIMEDOUT);
    }
    CHECK_EQ(outer, 0);
    GO_TIMEOUT(GO_SEC, outer) {
        GO_TIMEOUT(GO_SEC + 1, inner) {
            inner = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(inner, -ECANCELED);
    }
    CHECK_EQ(outer, -ETIMEDOUT);
}

LAW_REAL(no_timer,
         "S5.06 entering and leaving a scope with a deadline touches no heap and no timer")
{
    struct heap *timers = &sched_self()->heap;
    uint32_t armed = timers->count;
    uint64_t set = timers->seq;
    struct mallinfo2 before = mallinfo2(), after;
    int rc;

    for (int i = 0; i < 100; i++) {
        GO_TIMEOUT(GO_SEC, rc) {
            rc = go_checkpoint();
        }
    }
    after = mallinfo2();
    CHECK_EQ(rc, 0);
    CHECK_EQ(timers->count, armed);
    CHECK_EQ(timers->seq, set);
    if (!TAP_SANITIZED)
        CHECK_EQ(after.uordblks, before.uordblks);
}

/* ---- expiring ---- */

static int beaten(void *arg)
{
    struct reader *r = arg;
    int rc;

    GO_TIMEOUT(5 * GO_MS, rc) {
        rc = r->revents = go_wait_fd(r->fd, POLLIN);
    }
    return rc > 0 ? 0 : rc;
}

LAW_REAL(io_beats_deadline,
         "S5.07 I/O that is ready beats a deadline that expires in the same turn of the loop")
{
    struct reader r = {0};
    int rc, fds[2];

    CHECK_EQ(pipe(fds), 0);
    r.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, beaten, &r);
        go_yield();
        go_yield();
        spin(10 * GO_MS); /* the deadline passes, nobody looks */
        (void)!write(fds[1], "x", 1);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(r.revents, POLLIN);
    close(fds[0]);
    close(fds[1]);
}

LAW_REAL(computation, "S5.08 a long computation does not shorten the next timeout")
{
    go_time start;
    int rc;

    go_sleep(GO_MS);
    spin(20 * GO_MS);
    start = real_now();
    CHECK_EQ(go_sleep(5 * GO_MS), 0);
    CHECK(real_now() - start >= 5 * GO_MS);
    spin(20 * GO_MS);
    start = real_now();
    GO_TIMEOUT(10 * GO_MS, rc) {
        CHECK(go_deadline() >= start + 10 * GO_MS);
        rc = go_checkpoint();
    }
    CHECK_EQ(rc, 0);
    spin(20 * GO_MS);
    start = real_now();
    CHECK_EQ(go_poll(NULL, 0, 5 * GO_MS), 0);
    CHECK(real_now() - start >= 5 * GO_MS);
}

static int sleeps_until_then(void *arg)
{
    struct plan *p = arg;

    CHECK_EQ(go_sleep_until(p->delay), 0);
    mark("%s", p->name);
    return 0;
}

static int times_out_then(void *arg)
{
    struct plan *p = arg;
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, &(go_scope_opts){.deadline = p->delay}) {
        go_sleep(GO_FOREVER);
    }
    mark("%s", p->name);
    return 0;
}

LAW_VIRTUAL(equal_deadlines, "S5.09 equal deadlines expire in the order in which they were set")
{
    go_time at = go_now() + GO_SEC;
    struct plan p[] = {
        {.name = "1", .delay = at}, {.name = "2", .delay = at},     {.name = "3", .delay = at},
        {.name = "4", .delay = at}, {.name = "0", .delay = at - 1}, {.name = "5", .delay = at},
        {.name = "6", .delay = at}, {.name = "7", .delay = at + 1},
    };
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 8; i++)
            go_spawn(n, i % 2 ? times_out_then : sleeps_until_then, &p[i]);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("0 1 2 3 4 5 6 7");
}

static int sleeps_shielded(void *arg)
{
    GO_SHIELD(GO_FOREVER) {
        sleeps_until_then(arg);
    }
    return 0;
}

LAW_VIRTUAL(equal_kept, "S5.09 nor does a cancellation that a shield hides change that order")
{
    go_time at = go_now() + GO_SEC;
    struct plan p[] = {{.name = "1", .delay = at}, {.name = "2", .delay = at}};
    go_task first = {0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &first}, sleeps_shielded, &p[0]);
        go_spawn(n, sleeps_until_then, &p[1]);
        go_yield();
        go_task_cancel(&first, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("1 2");
}

LAW_VIRTUAL(many_equal, "S5.09 also a thousand of them, among others")
{
    struct plan *p = calloc(1000, sizeof *p);
    char(*names)[8] = calloc(1000, sizeof *names);
    char want[8000] = "";
    size_t len = 0;
    go_time at = go_now() + GO_SEC;
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 1000; i++) {
            snprintf(names[i], sizeof names[i], "%d", i);
            p[i] = (struct plan){.name = names[i], .delay = at};
            len += (size_t)snprintf(want + len, sizeof want - len, i ? " %d" : "%d", i);
            go_spawn(n, sleeps_until_then, &p[i]);
            go_spawn_with(n, &(go_spawn_opts){.delay = (go_time)(i * 7919 % 1000) * GO_US}, sleeper,
                          &moment);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE(want);
    free(p);
    free(names);
}

LAW_VIRTUAL(forever, "S5.13 GO_TIMEOUT(GO_FOREVER, ...) is no deadline")
{
    go_scope s = {0};
    int rc;

    GO_TIMEOUT(GO_FOREVER, rc) {
        CHECK_EQ(go_deadline(), GO_FOREVER);
        rc = go_sleep((go_time)100 * 365 * 24 * 3600 * GO_SEC);
    }
    CHECK_EQ(rc, 0);
    GO_TIMEOUT(GO_FOREVER - 1, rc) { /* so late that it overflows: none either */
        CHECK_EQ(go_deadline(), GO_FOREVER);
        rc = go_sleep(GO_SEC);
    }
    CHECK_EQ(rc, 0);
    GO_SCOPE(&s, rc, &(go_scope_opts){.timeout = GO_FOREVER, .shield = GO_FOREVER}) {
        CHECK_EQ(go_deadline(), GO_FOREVER);
    }
}

LAW_REAL(never_early, "S5.14 a sleep is never early")
{
    static const go_time naps[] = {1,     50 * GO_US,   300 * GO_US, 999 * GO_US,
                                   GO_MS, 1500 * GO_US, 2 * GO_MS,   3 * GO_MS};
    int rc;

    for (size_t i = 0; i < sizeof naps / sizeof *naps; i++) {
        for (int k = 0; k < 3; k++) {
            go_time start = real_now();

            CHECK_EQ(go_sleep(naps[i]), 0);
            CHECK(real_now() - start >= naps[i]);
        }
    }
    for (size_t i = 0; i < sizeof naps / sizeof *naps; i++) {
        go_time start = real_now();

        GO_TIMEOUT(naps[i], rc) {
            rc = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(rc, -ETIMEDOUT);
        CHECK(real_now() - start >= naps[i]);
    }
}

static int sleeps_checked(void *arg)
{
    go_time ns = *(go_time *)arg, start = real_now();

    CHECK_EQ(go_sleep(ns), 0);
    CHECK(real_now() - start >= ns);
    return 0;
}

LAW_REAL(never_early_crowd, "S5.14 nor among a thousand sleepers")
{
    go_time *ns = calloc(1000, sizeof *ns);
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 1000; i++) {
            ns[i] = (go_time)(i * 7919 % 1000) * 20 * GO_US;
            go_spawn(n, sleeps_checked, &ns[i]);
        }
    }
    CHECK_EQ(rc, 0);
    free(ns);
}

LAW_VIRTUAL(expired_already, "S5.15 a timeout <= 0 has expired already")
{
    static const go_time expired[] = {0, -1, INT64_MIN};
    go_scope s = {0}, none = {0};
    go_time start = go_now();
    int rc;

    for (int i = 0; i < 3; i++) {
        GO_TIMEOUT(expired[i], rc) {
            CHECK_EQ(go_checkpoint(), -ECANCELED);
            CHECK_STR(go_cancel_reason(), "deadline");
        }
        CHECK_EQ(rc, -ETIMEDOUT);
        GO_MOVE_ON(expired[i], rc) {
            rc = go_sleep(GO_SEC);
        }
        CHECK_EQ(rc, 0);
        GO_TIMEOUT(expired[i], rc) { /* no checkpoint: nothing is delivered */
            rc = -EIO;
        }
        CHECK_EQ(rc, -EIO);
    }
    GO_SCOPE(&s, rc, &(go_scope_opts){.timeout = -1}) {
        rc = go_yield();
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    GO_SCOPE(&none, rc, &(go_scope_opts){.timeout = 0}) { /* 0 in the options: none */
        rc = go_yield();
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_now(), start);
}

LAW_REAL(passes_between,
         "S5.02 a deadline that passes during a computation is seen by the next checkpoint")
{
    int rc;

    GO_TIMEOUT(2 * GO_MS, rc) {
        CHECK_EQ(go_checkpoint(), 0);
        spin(3 * GO_MS);
        rc = go_checkpoint();
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

TAP_MAIN
