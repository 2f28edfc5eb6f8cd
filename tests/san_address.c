/* SPDX-License-Identifier: MIT
 *
 * AddressSanitizer sees the errors of programs on fibers, and only these. It ends what it reports,
 * so errors are made in children. */
#include "tests/kit.h"

#if !TAP_ADDRESS

int main(void)
{
    TAP_SKIP_ALL("built without AddressSanitizer");
}

#else

#include <sys/socket.h>

int __lsan_do_recoverable_leak_check(void);
void *volatile kept;

/* Runs fn as the main fiber of a child, which ASan must end with a report that has these words. */
static void reported(int (*fn)(void *), const char *kind, const char *function)
{
    CHECK_EXITS(fn, NULL, 1);
    CHECK_HAS(kit_output, kind);
    CHECK_HAS(kit_output, function);
}

/* ---- errors ---- */

static int *volatile dangling;

static int leaves_a_pointer(void *arg)
{
    int local = 1;

    (void)arg;
    dangling = &local;
    go_yield();
    return local - 1;
}

static int reads_the_dead(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, leaves_a_pointer, NULL);
    }
    return *dangling;
}

static int reads_the_dead_program(void *arg)
{
    return virtual_run(reads_the_dead, arg);
}

LAW(dead_stack, "S9.72 ASan: a variable of a fiber that has ended is not used unseen")
{
    CHECK_EXITS(reads_the_dead_program, NULL, 1);
    CHECK_HAS(kit_output, "AddressSanitizer: ");
    CHECK_HAS(kit_output, "reads_the_dead");
}

__attribute__((noinline)) static int overruns(volatile char *p, int n)
{
    int rc = go_yield();

    for (int i = 0; i <= n; i++)
        p[i] = (char)i;
    return rc;
}

static int overruns_its_stack(void *arg)
{
    volatile char local[40];

    (void)arg;
    return overruns(local, sizeof local) + local[0];
}

static int in_a_child_fiber(go_fn *fn)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, fn, NULL);
    }
    return rc;
}

static int overruns_run(void *arg)
{
    (void)arg;
    return in_a_child_fiber(overruns_its_stack);
}

static int overruns_program(void *arg)
{
    return virtual_run(overruns_run, arg);
}

LAW(overrun, "S9.72 ASan: an overrun on a fiber's stack is reported, with a walk to its entry")
{
    reported(overruns_program, "stack-buffer-overflow", "overruns");
    CHECK_HAS(kit_output, "overruns_its_stack");
    CHECK_HAS(kit_output, "fiber_main");
    CHECK_LACKS(kit_output, "run_main"); /* it ends there */
}

static int uses_freed(void *arg)
{
    char *volatile p = malloc(10);

    (void)arg;
    go_yield();
    free(p);
    go_yield();
    return p[3];
}

static int uses_freed_run(void *arg)
{
    (void)arg;
    return in_a_child_fiber(uses_freed);
}

static int uses_freed_program(void *arg)
{
    return virtual_run(uses_freed_run, arg);
}

LAW(freed, "S9.72 ASan: a use of freed memory in a fiber is reported")
{
    reported(uses_freed_program, "heap-use-after-free", "uses_freed");
}

static int reads_too_much(void *arg)
{
    char *small = malloc(10);
    int fds[2];

    (void)arg;
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write(fds[0], "a text of 23 characters", 23), 23);
    return go_read(fds[1], small, 100) > 0 ? small[0] : 0;
}

static int reads_too_much_program(void *arg)
{
    return real_run(reads_too_much, arg);
}

LAW(kernel_overrun, "S9.72 ASan: a go_read of more than the buffer holds is reported")
{
    reported(reads_too_much_program, "heap-buffer-overflow", "go_read");
}

/* ---- no errors ---- */

__attribute__((noinline)) static int deep(int n)
{
    volatile char frame[200];

    memset((void *)(uintptr_t)frame, n, sizeof frame);
    if (n % 5 == 0)
        go_yield();
    return n > 0 ? deep(n - 1) + frame[n % 200] - n : 0;
}

static int goes_deep(void *arg)
{
    return deep(*(int *)arg);
}

LAW_VIRTUAL(reused, "S9.72 ASan: stacks that are used again carry no marks of their last fibers")
{
    int depth[] = {60, 3, 25, 100, 1}, rc;

    for (int round = 0; round < 50; round++) {
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 20; i++)
                go_spawn(n, goes_deep, &depth[(round + i) % 5]);
        }
        CHECK_EQ(rc, 0);
    }
}

static int ends_early(void *arg)
{
    volatile char frame[300];

    frame[299] = 1;
    (void)arg;
    exit(frame[299] == 1 && go_sleep(0) == 0 ? 7 : 8); /* with everybody's stack in use */
}

static int ends_early_run(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, sleeper, NULL);
        go_spawn(n, ends_early, NULL);
    }
    return rc;
}

static int ends_early_program(void *arg)
{
    kept = malloc(100);
    return virtual_run(ends_early_run, arg);
}

LAW(exits, "S9.72 ASan: exit in a fiber is an exit like any other")
{
    CHECK_EXITS(ends_early_program, NULL, 7);
    CHECK_STR(kit_output, "");
}

/* ---- leaks ---- */

/* Not on the stack of whoever looks, and in no register. */
__attribute__((noinline)) static int holds(void *arg)
{
    void *volatile *held = __builtin_alloca(sizeof *held);
    int rc;

    *held = malloc(1234);
    memset(*held, 1, 1234);
    rc = go_sleep(arg ? GO_MS : GO_FOREVER);
    free(*held);
    return rc == -ECANCELED ? 0 : rc;
}

__attribute__((noinline)) static int loses(void *arg)
{
    void *volatile lost = malloc(4321);

    (void)arg;
    memset(lost, 1, 4321);
    lost = NULL;
    return go_yield();
}

static int looks(void *arg)
{
    (void)arg;
    return __lsan_do_recoverable_leak_check();
}

__attribute__((noinline)) static int parks_three(void)
{
    int rc;

    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SERVICE}) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, holds, NULL);
        go_yield();
        rc = in_a_child_fiber(looks);
    }
    return rc;
}

/* By alloca, which is never on a fake stack: with detect_stack_use_after_return=1 a variable may
 * be, and LeakSanitizer looks there for the running fiber only. */
static int parked_holds(void *arg)
{
    void *volatile *held = __builtin_alloca(sizeof *held);
    int rc;

    (void)arg;
    *held = malloc(77);
    rc = parks_three();
    free(*held);
    return rc;
}

static int parked_holds_program(void *arg)
{
    return virtual_run(parked_holds, arg);
}

LAW(no_leak, "S9.73 LeakSanitizer: what a parked fiber holds is not lost")
{
#ifdef __clang__
    TAP_SKIP("clang's fake stacks hold this too, and are looked into while their fiber runs only");
    return;
#endif
    CHECK_EXITS(parked_holds_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

static int loses_it(void *arg)
{
    (void)arg;
    in_a_child_fiber(loses);
    return looks(NULL) ? 5 : 6;
}

static int loses_program(void *arg)
{
    return virtual_run(loses_it, arg);
}

LAW(leak, "S9.73 LeakSanitizer: what a fiber has lost is reported")
{
    CHECK_EXITS(loses_program, NULL, 5);
    CHECK_HAS(kit_output, "4321 byte");
    CHECK_HAS(kit_output, "loses");
}

TAP_MAIN

#endif
