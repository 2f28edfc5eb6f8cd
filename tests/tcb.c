/* SPDX-License-Identifier: MIT
 *
 * Thread control blocks of fibers' own, in the plain library, by go_spawn_opts.foreign. */
#include "tests/kit.h"
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static const go_spawn_opts own = {.foreign = 1};

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Sanitizers' runtimes keep their own there, and some architectures have none. */
static bool possible(void)
{
    int rc, made = -ENOSYS;

    GO_NURSERY(n, rc)
        made = go_spawn_with(n, &own, nothing, NULL);
    CHECK_EQ(rc, 0);
    CHECK(made == 0 || made == -ENOSYS);
    return made == 0 && !TAP_SANITIZED;
}

#define NEEDS_BLOCKS                                                        \
    if (!possible()) {                                                      \
        TAP_SKIP("fibers have no thread control blocks of their own here"); \
        return;                                                             \
    }                                                                       \
    (void)0

static __thread int counted = 7;
static __thread char *text;

struct seen {
    int counted, after;
    pthread_t self;
};

static int look(void *arg)
{
    struct seen *s = arg;

    s->counted = counted;
    s->self = pthread_self();
    counted += 100;
    text = (char *)arg;
    errno = counted;
    CHECK_EQ(go_sleep(GO_MS), 0);
    CHECK_EQ(errno, counted);
    CHECK(text == (char *)arg);
    CHECK(pthread_equal(pthread_self(), s->self));
    s->after = counted;
    return 0;
}

LAW_VIRTUAL(separate, "S11.60 a fiber with a thread control block of its own has its own __thread "
                      "variables, errno and pthread_self")
{
    struct seen seen[5];
    int rc;

    NEEDS_BLOCKS;
    counted = 50;
    for (int round = 0; round < 3; round++) { /* blocks are used again, and are as new */
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 5; i++)
                CHECK_EQ(go_spawn_with(n, &own, look, &seen[i]), 0);
        }
        CHECK_EQ(rc, 0);
        for (int i = 0; i < 5; i++) {
            CHECK_EQ(seen[i].counted, 7);
            CHECK_EQ(seen[i].after, 107);
            CHECK(!pthread_equal(seen[i].self, pthread_self()));
            for (int k = 0; k < i; k++)
                CHECK(!pthread_equal(seen[i].self, seen[k].self));
        }
    }
    CHECK_EQ(counted, 50);
    CHECK(!text);
}

static int shares(void *arg)
{
    (void)arg;
    CHECK_EQ(counted, 50);
    counted++;
    return go_sleep(GO_MS);
}

LAW_VIRTUAL(shared, "S11.61 with foreign = -1, and by default in the plain library, a fiber shares "
                    "its thread's control block")
{
    int rc;

    counted = 50;
    GO_NURSERY(n, rc)
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.foreign = -1}, shares, NULL), 0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(counted, 51);
    counted = 50;
    GO_NURSERY(n, rc)
        CHECK_EQ(go_spawn(n, shares, NULL), 0);
    CHECK_EQ(counted, 51);
}

static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
    destroyed += *(int *)value;
    CHECK_EQ(go_yield(), 0); /* it may wait */
    if (--*(int *)value > 0)
        pthread_setspecific(key, value);
}

static int with_value(void *arg)
{
    CHECK(!pthread_getspecific(key));
    pthread_setspecific(key, arg);
    CHECK_EQ(go_sleep(GO_MS), 0);
    CHECK(pthread_getspecific(key) == arg);
    return 0;
}

LAW_VIRTUAL(keys,
            "S11.62 pthread keys are such a fiber's own, and their destructors run at its end")
{
    int a = 2, b = 1, rc;

    NEEDS_BLOCKS;
    CHECK_EQ(pthread_key_create(&key, destroy), 0);
    pthread_setspecific(key, NULL);
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn_with(n, &own, with_value, &a), 0);
        CHECK_EQ(go_spawn_with(n, &own, with_value, &b), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(destroyed, 2 + 1 + 1);
    CHECK_EQ(a, 0);
    CHECK(!pthread_getspecific(key));
    pthread_key_delete(key);
}

static int other_locale(void *arg)
{
    locale_t l = newlocale(LC_ALL_MASK, "C", NULL);

    (void)arg;
    CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
    CHECK(uselocale(l) == LC_GLOBAL_LOCALE);
    CHECK_EQ(go_sleep(GO_MS), 0);
    CHECK(uselocale(NULL) == l);
    uselocale(LC_GLOBAL_LOCALE);
    freelocale(l);
    return 0;
}

LAW_VIRTUAL(locales, "S11.63 the locale is such a fiber's own")
{
    int rc;

    NEEDS_BLOCKS;
    GO_NURSERY(n, rc)
        for (int i = 0; i < 3; i++)
            CHECK_EQ(go_spawn_with(n, &own, other_locale, NULL), 0);
    CHECK_EQ(rc, 0);
    CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
}

static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t robust;

static int try_them(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_mutex_trylock(&recursive), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&checking), EPERM);
    return 0;
}

static int hold_them(void *arg)
{
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_lock(&checking), 0);
    CHECK_EQ(pthread_mutex_lock(&checking), EDEADLK);
    CHECK_EQ(go_spawn_with(arg, &own, try_them, NULL), 0);
    CHECK_EQ(go_sleep(GO_MS), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&checking), 0);
    return 0;
}

LAW_VIRTUAL(owners, "S11.64 such a fiber owns recursive and error-checking mutexes by itself")
{
    int rc;

    NEEDS_BLOCKS;
    GO_NURSERY(n, rc)
        CHECK_EQ(go_spawn_with(n, &own, hold_them, n), 0);
    CHECK_EQ(rc, 0);
}

static int forget(void *arg)
{
    (void)arg;
    return -pthread_mutex_lock(&robust);
}

static int inherit(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    return 0;
}

LAW_VIRTUAL(robust_mutex,
            "S11.65 a robust mutex that such a fiber holds at its end has a dead owner")
{
    pthread_mutexattr_t attr;
    void *head;
    size_t size;
    int rc;

    NEEDS_BLOCKS;
    if (syscall(SYS_get_robust_list, 0, &head, &size) < 0) {
        TAP_SKIP("an emulator without lists of robust mutexes");
        return;
    }
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    GO_NURSERY(n, rc)
        CHECK_EQ(go_spawn_with(n, &own, forget, NULL), 0);
    CHECK_EQ(rc, 0);
    GO_NURSERY(n, rc)
        CHECK_EQ(go_spawn_with(n, &own, inherit, NULL), 0);
    CHECK_EQ(rc, 0);
}

static int flush(void *arg)
{
    (void)arg;
    CHECK(sched_getcpu() >= 0);
    for (int i = 0; i < 100; i++) { /* malloc's caches and arenas are the block's */
        void *p = malloc((size_t)(i * 37 + 1));

        CHECK_EQ(go_yield(), 0);
        free(p);
    }
    return 0;
}

LAW_VIRTUAL(many, "S11.66 thousands of control blocks, and what libc keeps in them works")
{
    int rc;

    NEEDS_BLOCKS;
    GO_NURSERY(n, rc)
        for (int i = 0; i < 2000; i++)
            CHECK_EQ(go_spawn_with(n, &own, flush, NULL), 0);
    CHECK_EQ(rc, 0);
}

static void *look_alone(void *arg)
{
    (void)arg;
    return counted == 7 ? NULL : &counted;
}

static int in_child(void *arg)
{
    pid_t child;
    int status = 0;

    (void)arg;
    counted = 1;
    text = NULL;
    child = fork();
    if (child == 0) {
        struct seen seen[3];
        pthread_t t;
        int rc;

        if (counted != 1)
            _exit(10);
        GO_NURSERY(n, rc)
            for (int i = 0; i < 3; i++)
                rc = go_spawn_with(n, &own, look, &seen[i]);
        if (rc < 0 || counted != 1 || seen[0].counted != 7)
            _exit(11);
        /* threads that libc makes have their own blocks, not those of fibers */
        for (int i = 0; i < 20; i++) {
            void *result;

            if (pthread_create(&t, NULL, look_alone, NULL) || pthread_join(t, &result))
                _exit(12);
        }
        return counted == 1 ? 0 : 13;
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(counted, 1);
    return 0;
}

LAW_REAL(forked, "S9.16 fork: in the child cached thread control blocks are made anew, and the "
                 "caller keeps its own")
{
    int rc;

    NEEDS_BLOCKS;
    GO_NURSERY(n, rc) {
        struct seen seen;

        CHECK_EQ(go_spawn_with(n, &own, look, &seen), 0);
        CHECK_EQ(go_spawn_with(n, &own, in_child, NULL), 0);
    }
    CHECK_EQ(rc, 0);
}

TAP_MAIN
