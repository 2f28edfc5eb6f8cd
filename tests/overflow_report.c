/* SPDX-License-Identifier: MIT
 *
 * Section 10: stack overflows, and the guards that find them. */
#include "tests/kit.h"
#include "core/sched.h"

static volatile int depth_limit = 1 << 30;

__attribute__((noinline)) static int recurses(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    if (depth < depth_limit)
        return recurses(depth + 1) + frame[0];
    return depth;
}

static int overflows(void *arg)
{
    (void)arg;
    go_name("deep");
    return recurses(0);
}

struct shape {
    size_t stack_size;
    go_fn *fn;
};

static int in_a_fiber(void *arg)
{
    struct shape *s = arg;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.stack_size = s->stack_size}, s->fn, NULL);
    }
    return rc;
}

static int overflow_program(void *arg)
{
    virtual_run(in_a_fiber, arg);
    return 0;
}

static bool no_guards_here(void)
{
    if (TAP_SANITIZED) {
        TAP_SKIP("the sanitizer takes the fault");
        return true;
    }
    return false;
}

LAW(names_the_fiber, "S10.09 a stack overflow: a report that names the fiber and its stack size")
{
    struct shape small = {0, overflows}, larger = {256 * 1024, overflows};

    if (no_guards_here())
        return;
    CHECK_DIES(overflow_program, &small, SIGSEGV);
    CHECK_HAS(kit_output, "gosling:");
    CHECK_HAS(kit_output, "deep");
    CHECK_HAS(kit_output, "overflow");
    CHECK(strstr(kit_output, "64 KiB") || strstr(kit_output, "65536"));
    CHECK_HAS(kit_output, "stack_size"); /* what to do about it */
    CHECK_DIES(overflow_program, &larger, SIGSEGV);
    CHECK(strstr(kit_output, "256 KiB") || strstr(kit_output, "262144"));
}

static void own_handler(int sig)
{
    static const char text[] = "own handler\n";

    (void)sig;
    (void)!write(2, text, sizeof text - 1);
    _exit(42);
}

static int handled_program(void *arg)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = own_handler;
    sa.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &sa, NULL);
    return overflow_program(arg);
}

static void own_info_handler(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    _exit(info->si_addr && context ? 43 : 44);
}

static int handled_info_program(void *arg)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sa.sa_sigaction = own_info_handler;
    sa.sa_flags = SA_ONSTACK | SA_SIGINFO;
    sigaction(SIGSEGV, &sa, NULL);
    return overflow_program(arg);
}

LAW(then_the_handler, "S10.09 then the handler that was there before")
{
    struct shape small = {0, overflows};

    if (no_guards_here())
        return;
    CHECK_EXITS(handled_program, &small, 42);
    CHECK_HAS(kit_output, "deep");
    CHECK_HAS(kit_output, "own handler");
    CHECK(strstr(kit_output, "deep") < strstr(kit_output, "own handler"));
    CHECK_EXITS(handled_info_program, &small, 43);
}

static int *volatile nowhere = (int *)16;

static int other_fault(void *arg)
{
    (void)arg;
    go_name("wild");
    *nowhere = 1;
    return 0;
}

LAW(other_faults, "S10.09 a fault that is no overflow is not called one")
{
    struct shape wild = {0, other_fault};

    if (no_guards_here())
        return;
    CHECK_DIES(overflow_program, &wild, SIGSEGV);
    CHECK_LACKS(kit_output, "overflow");
    if (!RUNNING_ON_VALGRIND) /* which has its own idea of such a program's end */
        CHECK_EXITS(handled_program, &wild, 42);
}

static int handler_state(void *arg)
{
    struct sigaction sa;

    (void)arg;
    sigaction(SIGSEGV, NULL, &sa);
    return sa.sa_handler == SIG_DFL ? 1 : 0;
}

LAW(restored, "S10.09 after the run SIGSEGV's disposition is what it was")
{
    if (no_guards_here())
        return;
    CHECK_EQ(handler_state(NULL), 1);
    CHECK_EQ(virtual_run(handler_state, NULL), 0);
    CHECK_EQ(handler_state(NULL), 1);
}

/* ---- guards ---- */

/* Whether the kernel may read a byte there. */
static bool readable(const char *at)
{
    int fds[2];
    bool yes;

    if (pipe(fds) < 0)
        return true;
    yes = write(fds[1], at, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return yes;
}

static int probes_guard(void *arg)
{
    const char *lo = sched_self()->current->stack.lo;

    (void)arg;
    CHECK(readable(lo));
    CHECK(readable(lo + 100));
    CHECK(!readable(lo - 1));
    CHECK(!readable(lo - 4096));
    CHECK(!readable(lo - 32 * 1024));
    CHECK(!readable(lo - 64 * 1024));
    return 0;
}

LAW_VIRTUAL(guards, "S10.10 guards are 64 KiB, and in force")
{
    int rc;

    if (no_guards_here() || stack_guards() == STACK_GUARDS_NONE)
        return;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 100; i++)
            go_spawn(n, probes_guard, NULL);
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, &(go_spawn_opts){.stack_size = (size_t)16384 << i}, probes_guard,
                          NULL);
    }
    CHECK_EQ(rc, 0);
}

__attribute__((noinline)) static int large_frame(volatile size_t size)
{
    volatile char *frame = __builtin_alloca(size);

    frame[0] = 1; /* the far end, first */
    return frame[0];
}

static int jumps(void *arg)
{
    (void)arg;
    go_name("jumper");
    return large_frame(400 * 1024);
}

LAW(large_frames, "S10.11 built with -fstack-clash-protection, a large frame does not jump a guard")
{
    struct shape jump = {0, jumps};

    if (no_guards_here())
        return;
    CHECK_DIES(overflow_program, &jump, SIGSEGV);
    CHECK_HAS(kit_output, "jumper");
    CHECK_HAS(kit_output, "overflow");
}

TAP_MAIN
