/* SPDX-License-Identifier: MIT
 *
 * What is taken and given back: semaphore, read-write lock, capacity limiter. The laws that all of
 * them have in common run over a table of them. */
#include "tests/kit.h"

/* ---- one interface for all ---- */

static go_mutex mutex;
static go_sem sem;
static go_rwlock rwlock;
static go_limiter limiter;

struct kind {
    const char *name;
    int (*take)(void);
    int (*try_take)(void); /* NULL: it has none */
    int (*give)(void);
};

static int take_mutex(void)
{
    return go_mutex_lock(&mutex);
}
static int try_mutex(void)
{
    return go_mutex_try_lock(&mutex);
}
static int give_mutex(void)
{
    return go_mutex_unlock(&mutex);
}
static int take_sem(void)
{
    return go_sem_acquire(&sem);
}
static int try_sem(void)
{
    return go_sem_try_acquire(&sem);
}
static int give_sem(void)
{
    return go_sem_release(&sem);
}
static int take_write(void)
{
    return go_rwlock_write(&rwlock);
}
static int try_write(void)
{
    return go_rwlock_try_write(&rwlock);
}
static int give_rwlock(void)
{
    return go_rwlock_unlock(&rwlock);
}
static int take_limiter(void)
{
    return go_limiter_acquire(&limiter);
}
static int give_limiter(void)
{
    return go_limiter_release(&limiter);
}

static const struct kind kinds[] = {
    {"mutex", take_mutex, try_mutex, give_mutex},
    {"sem", take_sem, try_sem, give_sem},
    {"rwlock", take_write, try_write, give_rwlock},
    {"limiter", take_limiter, NULL, give_limiter},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void init_all(int flags)
{
    go_mutex_init(&mutex, flags);
    go_sem_init(&sem, 1, 1, flags);
    go_rwlock_init(&rwlock, flags);
    go_limiter_init(&limiter, 1, flags);
}

struct taker {
    const struct kind *kind;
    const char *name;
    go_time limit, hold;
    int rc;
};

static int takes(void *arg)
{
    struct taker *t = arg;

    GO_MOVE_ON(t->limit ? t->limit : GO_FOREVER, t->rc) {
        t->rc = t->kind->take();
        mark("%s:%d", t->name, t->rc);
        if (t->rc == 0) {
            go_checkpoint_shielded();
            go_sleep(t->hold);
            CHECK_EQ(t->kind->give(), 0);
        }
    }
    return 0;
}

static int flags_of_law;

/* Runs law(kind) for all kinds, of one scheduler and shared. */
static void for_all(void (*law)(const struct kind *k))
{
    for (flags_of_law = 0; flags_of_law <= GO_SHARED; flags_of_law++)
        for (int i = 0; i < KINDS; i++) {
            int wrong = tap.wrong;

            init_all(flags_of_law);
            law(&kinds[i]);
            if (tap.wrong != wrong)
                tap_note("that was the %s %s", flags_of_law ? "shared" : "local", kinds[i].name);
        }
}

/* ---- in common ---- */

static void in_order(const struct kind *k)
{
    struct taker t[] = {{k, "a", 0, GO_MS, 1}, {k, "b", 0, GO_MS, 1}, {k, "c", 0, GO_MS, 1}};
    int rc;

    CHECK_EQ(k->take(), 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, takes, &t[i]);
        go_sleep(GO_MS);
        mark("give:%d", k->give());
        if (k->try_take)
            CHECK_EQ(k->try_take(), -EAGAIN); /* it is a's already */
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("give:0 a:0 b:0 c:0");
    CHECK_EQ(k->take(), 0);
    CHECK_EQ(k->give(), 0);
}

LAW_VIRTUAL(fifo, "S7.01 who comes first is served first, and no try call overtakes")
{
    for_all(in_order);
}

static void middle_leaves(const struct kind *k)
{
    struct taker t[] = {{k, "a", 0, GO_MS, 1}, {k, "b", GO_MS, GO_MS, 1}, {k, "c", 0, GO_MS, 1}};
    int rc;

    CHECK_EQ(k->take(), 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, takes, &t[i]);
        go_sleep(2 * GO_MS);
        CHECK_EQ(k->give(), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("b:-ECANCELED a:0 c:0");
}

LAW_VIRTUAL(middle, "S7.03 a cancelled waiter leaves no trace: the middle one of three")
{
    for_all(middle_leaves);
}

static void same_turn(const struct kind *k)
{
    struct taker t = {k, "a", GO_MS, GO_MS, 1};
    int rc;

    CHECK_EQ(k->take(), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, takes, &t);
        go_yield();
        CHECK_EQ(k->give(), 0); /* it has it */
        go_nursery_cancel(n, "too late");
    }
    CHECK_EQ(t.rc, 0);
    trace_reset();
    CHECK_EQ(k->take(), 0); /* and has given it back */
    CHECK_EQ(k->give(), 0);
}

LAW_VIRTUAL(handed_over, "S4.15 who was handed it and is cancelled in the same turn has it")
{
    for_all(same_turn);
}

static int takes_and_ends(void *arg)
{
    const struct kind *k = arg;

    CHECK_EQ(k->take(), 0);
    go_sleep(GO_MS);
    return 0;
}

static void owner_ends(const struct kind *k)
{
    struct taker t[] = {{k, "a", 0, 0, 1}, {k, "b", 0, 0, 1}};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, takes_and_ends, (void *)(uintptr_t)k);
        go_spawn(n, takes, &t[0]);
        go_spawn(n, takes, &t[1]);
        if (k->take == take_sem) {
            go_sleep(2 * GO_MS);
            k->give(); /* a semaphore has no owner: somebody else gives */
        }
    }
    CHECK_EQ(rc, 0);
    if (k->take == take_sem || k->take == take_limiter) {
        CHECK_TRACE("a:0 b:0");
    } else {
        CHECK_TRACE("a:-EOWNERDEAD b:-EOWNERDEAD");
        CHECK_EQ(k->take(), -EOWNERDEAD);
        CHECK_EQ(k->try_take(), -EOWNERDEAD);
    }
}

LAW_VIRTUAL(owner_dies, "S7.10 an owner that ends: locks are broken, a limiter has its token back")
{
    for_all(owner_ends);
}

static void not_mine(const struct kind *k)
{
    if (k->take == take_sem)
        return;
    CHECK_EQ(k->give(), -EPERM);
    CHECK_EQ(k->take(), 0);
    CHECK_EQ(k->take(), -EDEADLK);
    CHECK_EQ(k->give(), 0);
    CHECK_EQ(k->give(), -EPERM);
}

LAW_VIRTUAL(owners, "S7.11 who knows its holders lends each one, and takes back from them alone")
{
    for_all(not_mine);
}

/* ---- semaphore ---- */

LAW_VIRTUAL(sem_counts, "S7.130 a semaphore counts up to its maximum")
{
    go_sem s;

    go_sem_init(&s, 2, 3, 0);
    CHECK_EQ(go_sem_acquire(&s), 0);
    CHECK_EQ(go_sem_try_acquire(&s), 0);
    CHECK_EQ(go_sem_try_acquire(&s), -EAGAIN);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_sem_release(&s), 0);
    CHECK_EQ(go_sem_release(&s), -EOVERFLOW);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_sem_acquire(&s), 0);
    go_sem_init(&s, 0, 0, 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(go_sem_release(&s), 0);
}

LAW(no_run, "S1.06 outside a run: -ESHUTDOWN, but for shared ones")
{
    init_all(0);
    for (int i = 0; i < KINDS; i++)
        CHECK_EQ(kinds[i].take(), -ESHUTDOWN);
    init_all(GO_SHARED);
    for (int i = 0; i < KINDS; i++) {
        CHECK_EQ(kinds[i].take(), 0);
        CHECK_EQ(kinds[i].give(), 0);
    }
}

/* ---- read-write lock ---- */

static int reads(void *arg)
{
    struct taker *t = arg;

    GO_MOVE_ON(t->limit ? t->limit : GO_FOREVER, t->rc) {
        t->rc = go_rwlock_read(&rwlock);
        mark("%s:%d", t->name, t->rc);
        if (t->rc == 0) {
            go_sleep(t->hold);
            mark("%s.", t->name);
            CHECK_EQ(go_rwlock_unlock(&rwlock), 0);
        }
    }
    return 0;
}

LAW_VIRTUAL(readers, "S7.131 readers share; a writer that waits holds back later readers")
{
    const struct kind *k = &kinds[2];
    struct taker r[] = {{k, "r1", 0, 3 * GO_MS, 1},
                        {k, "r2", 0, 2 * GO_MS, 1},
                        {k, "r3", 0, GO_MS, 1},
                        {k, "r4", 0, GO_MS, 1}};
    struct taker w = {k, "w", 0, GO_MS, 1};
    int rc;

    for (int flags = 0; flags <= GO_SHARED; flags++) {
        go_rwlock_init(&rwlock, flags);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &r[0]);
            go_spawn(n, reads, &r[1]);
            go_spawn(n, takes, &w);
            go_spawn(n, reads, &r[2]);
            go_spawn(n, reads, &r[3]);
            go_yield();
            CHECK_EQ(go_rwlock_try_read(&rwlock), -EAGAIN);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("r1:0 r2:0 r2. r1. w:0 r3:0 r4:0 r3. r4.");
    }
}

LAW_VIRTUAL(writer_leaves, "S7.132 a writer that gives up waiting holds back nobody any more")
{
    const struct kind *k = &kinds[2];
    struct taker r[] = {{k, "r1", 0, 9 * GO_MS, 1}, {k, "r2", 0, GO_MS, 1}};
    struct taker w = {k, "w", 2 * GO_MS, GO_MS, 1};
    int rc;

    for (int flags = 0; flags <= GO_SHARED; flags++) {
        go_rwlock_init(&rwlock, flags);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &r[0]);
            go_spawn(n, takes, &w);
            go_spawn(n, reads, &r[1]);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("r1:0 r2:0 w:-ECANCELED r2. r1."); /* r2 is let in as w leaves the line */
    }
}

LAW_VIRTUAL(reader_again, "S7.08 a reader that reads or writes again is told: -EDEADLK")
{
    go_rwlock_init(&rwlock, 0);
    CHECK_EQ(go_rwlock_read(&rwlock), 0);
    CHECK_EQ(go_rwlock_read(&rwlock), -EDEADLK);
    CHECK_EQ(go_rwlock_write(&rwlock), -EDEADLK);
    CHECK_EQ(go_rwlock_try_write(&rwlock), -EDEADLK);
    CHECK_EQ(go_rwlock_unlock(&rwlock), 0);
    CHECK_EQ(go_rwlock_try_write(&rwlock), 0);
    CHECK_EQ(go_rwlock_unlock(&rwlock), 0);
}

static int reader_forgets(void *arg)
{
    (void)arg;
    return go_rwlock_read(&rwlock);
}

LAW_VIRTUAL(reader_dies, "S7.10 a reader that ends while it reads breaks the lock")
{
    int rc;

    go_rwlock_init(&rwlock, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, reader_forgets, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_rwlock_read(&rwlock), -EOWNERDEAD);
}

/* ---- limiter ---- */

LAW_VIRTUAL(resize, "S7.133 a limiter can be made larger and smaller in use")
{
    const struct kind *k = &kinds[3];
    struct taker t[5];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    int rc;

    go_limiter_init(&limiter, 1, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 5; i++) {
            t[i] = (struct taker){k, names[i], 0, 10 * GO_MS, 1};
            go_spawn(n, takes, &t[i]);
        }
        go_sleep(GO_MS);
        mark("more");
        go_limiter_resize(&limiter, 3);
        go_sleep(GO_MS);
        mark("less");
        go_limiter_resize(&limiter, 1);
        go_sleep(8 * GO_MS); /* a has ended: two are out, and one is all there are */
        mark("later");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0 more b:0 c:0 less later d:0 e:0");
}

LAW_VIRTUAL(none, "S7.134 a limiter with no token lends none until it has one")
{
    struct taker t = {&kinds[3], "a", 0, 0, 1};
    int rc;

    go_limiter_init(&limiter, 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, takes, &t);
        go_sleep(GO_MS);
        CHECK_TRACE("");
        go_limiter_resize(&limiter, 1);
    }
    CHECK_TRACE("a:0");
}

TAP_MAIN
