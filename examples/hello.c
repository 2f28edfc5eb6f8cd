/* SPDX-License-Identifier: MIT
 *
 * Two children in a nursery: one sleeps for a second, the other for two, and the block ends when
 * both have. It takes two seconds and not three, on one thread. */
#include <gosling.h>

struct child {
    const char *name;
    go_time nap;
};

static int child(void *arg)
{
    struct child *me = arg;
    int rc;

    printf("  %s started\n", me->name);
    rc = go_sleep(me->nap);
    if (rc == 0)
        printf("  %s finished\n", me->name);
    return rc;
}

static int hello(void *arg)
{
    struct child one = {"child 1", 1 * GO_SEC}, two = {"child 2", 2 * GO_SEC};
    int rc;

    (void)arg;
    printf("main: starting nursery\n");
    GO_NURSERY(n, rc) {
        printf("main: spawning child1\n");
        go_spawn(n, child, &one);
        printf("main: spawning child2\n");
        go_spawn(n, child, &two);
    }
    printf("main: nursery finished\n");
    return rc;
}

int main(void)
{
    return go_run(hello, NULL) < 0;
}
