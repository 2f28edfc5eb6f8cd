/* SPDX-License-Identifier: MIT
 *
 * Who walks a fiber's stack comes to its entry, and stops there: backtrace(), and, in walk.sh, gdb
 * and perf. */
#include "tests/kit.h"
#include <execinfo.h>

enum { MOST = 64 };

static void *frames[MOST];
static int count;

/* For walk.sh: gdb stops here, and perf finds its samples here. */
__attribute__((noinline)) int walk_bottom(int ms);

int walk_bottom(int ms)
{
    go_time end = real_now() + ms * GO_MS;

    count = backtrace(frames, MOST);
    while (real_now() < end)
        ;
    return count;
}

__attribute__((noinline)) static int walk_middle(int n)
{
    int rc = n > 0 ? walk_middle(n - 1) : walk_bottom(getenv("WALK_MS") ? 300 : 0);

    __asm__ volatile("" ::: "memory"); /* no tail call */
    return rc;
}

static int walk_top(void *arg)
{
    int rc = walk_middle(*(int *)arg);

    go_yield();
    return rc < 0 ? rc : 0;
}

static bool named(int i, const char *name)
{
    char **text = backtrace_symbols(&frames[i], 1);
    bool is = text && strstr(text[0], name);

    free(text);
    return is;
}

/* How many of the frames are from functions of ours. */
static int middles(void)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        n += named(i, "fiber_main");
    return n;
}

LAW_VIRTUAL(entry, "S9.70 a backtrace from a fiber goes to its entry, and ends there")
{
    int rc, n, depth = 5;

    if (TAP_THREAD) {
        TAP_SKIP("libgcc's own walk is not TSan's business");
        return;
    }
    GO_NURSERY(nursery, rc) {
        go_spawn(nursery, walk_top, &depth);
    }
    CHECK_EQ(rc, 0);
    CHECK(count > depth + 2);
    /* the sanitizer's own, bottom, middles, top, fiber_main, arch_start */
    CHECK(count <= TAP_SANITIZED + depth + 6);
    CHECK(named(0, "walk_bottom") || (TAP_SANITIZED && named(1, "walk_bottom")));
    n = middles();
    CHECK(n <= 1);
}

LAW_VIRTUAL(after_a_switch, "S9.70 and so does one after switches, and from the loop's callbacks")
{
    int rc, depth = 3, first;

    GO_NURSERY(nursery, rc) {
        go_spawn(nursery, walk_top, &depth);
        go_spawn(nursery, walk_top, &depth);
    }
    first = count;
    GO_NURSERY(nursery, rc) {
        go_spawn(nursery, walk_top, &depth);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, first);
}

static void posted(void *arg)
{
    (void)arg;
    walk_bottom(0);
}

LAW_VIRTUAL(loop, "S9.70 from the loop's callbacks as well")
{
    CHECK_EQ(go_post(go_sched_self(), posted, NULL), 0);
    count = 0;
    go_sleep(GO_MS);
    CHECK(count > 3);
    CHECK(count < 14);
}

TAP_MAIN
