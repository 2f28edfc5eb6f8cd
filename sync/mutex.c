/* SPDX-License-Identifier: MIT
 *
 * A lock is handed to the first who waits, so a free lock has no waiters: owner_id alone decides.
 * The owner is named by its fiber's id, which is never used twice, so that a later fiber on the
 * same stack is not taken for it, and an owner that has ended is recognised without a list of the
 * locks that it held. */
#include "sync/mutex.h"
#include "core/hold.h"
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>

#define BROKEN UINT64_MAX /* in owner_id: nobody will ever hold it */

static void abandoned(void *object, int how);

void go_mutex_init(go_mutex *m, int flags)
{
    lot_init(&m->lot, flags, 0);
    m->owner_id = 0;
    m->owner = NULL;
    m->hold = (struct go_hold){.object = m, .abandoned = abandoned, .embedded = true};
}

static inline void take(go_mutex *m, fiber *f)
{
    m->owner = f;
    m->owner_id = f->id;
    f->locks++;
}

/* The living owner, or NULL. The memory of a fiber of this run stays mapped. */
static fiber *owner(const go_mutex *m)
{
    if (m->owner_id == 0 || m->owner_id == BROKEN || !m->lot.sched ||
        m->owner_id < m->lot.sched->first_id)
        return NULL;
    return m->owner->id == m->owner_id && m->owner->state != FIBER_ENDED ? m->owner : NULL;
}

/* m cannot be taken at once. Its own codes, or -EAGAIN. */
static int why_not(go_mutex *m, const fiber *f)
{
    if (m->owner_id == f->id)
        return -EDEADLK;
    if (!owner(m)) {
        m->owner_id = BROKEN;
        return -EOWNERDEAD;
    }
    return -EAGAIN;
}

static inline int try_lock(go_mutex *m, go_sched *s, const char *function)
{
    lot_claim(&m->lot.sched, s, function);
    if (likely(m->owner_id == 0)) {
        take(m, s->current);
        return 0;
    }
    return why_not(m, s->current);
}

/* ---- between threads ----
 *
 * owner_id alone decides as long as nobody waits: a compare-exchange takes it and another gives it
 * back. Who has to wait first sets WAITED in it, under the lot's lock, so that the owner's
 * compare-exchange fails and it comes for the lock, too. The owner is not looked at: it says itself
 * when it ends. */

#define WAITED (UINT64_C(1) << 62)
/* in every owner of a shared one, so that no fast path takes it for a fiber's id */
#define SHARED   (UINT64_C(1) << 61)
#define OWNER(m) ((_Atomic uint64_t *)&(m)->owner_id)

static inline uint64_t shared_id(go_sched *s)
{
    return holder_self(s) | SHARED;
}

static void abandoned(void *object, int how)
{
    go_mutex *m = object;
    struct lot_turn t;
    struct wait *w;

    (void)how;
    lot_enter(&m->lot, &t, sched_self(), "the end of a fiber");
    atomic_store_explicit(OWNER(m), BROKEN, memory_order_relaxed);
    while ((w = lot_pop(&m->lot.waiters, &t)))
        lot_win(&m->lot, &t, w, -EOWNERDEAD);
    lot_leave(&m->lot, &t);
}

/* acquire: pairs with whoever gave it back; what they did inside comes before what we do */
static inline bool take_free(go_mutex *m, uint64_t me)
{
    uint64_t none = 0;

    if (!atomic_compare_exchange_strong_explicit(OWNER(m), &none, me, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    san_acquire(&m->owner_id);
    return true;
}

/* In the lot. -EAGAIN: it is held, and its owner will look at the lot. */
static int shared_now(go_mutex *m, uint64_t me)
{
    for (;;) {
        uint64_t owner = atomic_load_explicit(OWNER(m), memory_order_relaxed);

        if (owner == BROKEN)
            return -EOWNERDEAD;
        if ((owner & ~WAITED) == me)
            return -EDEADLK;
        if (owner == 0 ? take_free(m, me)
                       : (owner & WAITED) ||
                             atomic_compare_exchange_weak_explicit(OWNER(m), &owner, owner | WAITED,
                                                                   memory_order_relaxed,
                                                                   memory_order_relaxed))
            return owner == 0 ? 0 : -EAGAIN;
    }
}

static __attribute__((noinline)) int lock_shared_slow(go_mutex *m, go_sched *s, uint64_t me,
                                                      const struct waitable *ops, unsigned how)
{
    struct wait w = {.ops = ops, .object = m, .arg = (int64_t)me};
    struct lot_turn t;
    int rc;

    lot_enter(&m->lot, &t, s, "go_mutex_lock");
    rc = shared_now(m, me);
    if (rc == -EAGAIN && ops)
        rc = lot_wait(&m->lot, &m->lot.waiters, &w, &t, how | PARK_LOCK);
    else
        lot_leave(&m->lot, &t);
    if (rc == 0)
        hold_embedded(s, &m->hold);
    return rc;
}

static int lock_shared(go_mutex *m, go_sched *s, const struct waitable *ops, unsigned how)
{
    uint64_t me = shared_id(s);

    if (unlikely(!take_free(m, me)))
        return lock_shared_slow(m, s, me, ops, how);
    hold_embedded(s, &m->hold);
    return 0;
}

static __attribute__((noinline)) int hand_over(go_mutex *m, go_sched *s)
{
    struct lot_turn t;
    struct wait *w;

    lot_enter(&m->lot, &t, s, "go_mutex_unlock");
    w = lot_pop(&m->lot.waiters, &t);
    san_release(&m->owner_id);
    /* release: for who takes it without the lot's lock */
    atomic_store_explicit(OWNER(m),
                          !w                            ? 0
                          : list_empty(&m->lot.waiters) ? (uint64_t)w->arg
                                                        : (uint64_t)w->arg | WAITED,
                          memory_order_release);
    if (w)
        lot_win(&m->lot, &t, w, 0);
    lot_leave(&m->lot, &t);
    return 0;
}

/* It is the caller's. */
static inline void give_back(go_mutex *m, go_sched *s, uint64_t me)
{
    san_release(&m->owner_id);
    if (unlikely(!atomic_compare_exchange_strong_explicit(OWNER(m), &me, 0, memory_order_release,
                                                          memory_order_relaxed)))
        hand_over(m, s);
}

static __attribute__((noinline)) int unlock_shared_slow(go_mutex *m, go_sched *s)
{
    uint64_t me = shared_id(s);

    if ((atomic_load_explicit(OWNER(m), memory_order_relaxed) & ~WAITED) != me)
        return -EPERM;
    hold_drop(s, m); /* while it is still ours */
    give_back(m, s, me);
    return 0;
}

/* A fiber's last hold, and nobody waits. Whatever may need more is a jump, this function's last
 * deed: each register that is saved for a call is a store, and the exchange waits for all stores
 * before it. */
static __attribute__((noinline)) int unlock_shared(go_mutex *m, go_sched *s)
{
    fiber *f;
    uint64_t me;

    if (unlikely(SAN || !s || s->current->holds != &m->hold))
        return unlock_shared_slow(m, s);
    f = s->current;
    me = f->id | SHARED;
    f->holds = m->hold.next;
    if (unlikely(!atomic_compare_exchange_strong_explicit(OWNER(m), &me, 0, memory_order_release,
                                                          memory_order_relaxed)))
        return hand_over(m, s);
    return 0;
}

/* ---- the waitable ---- */

static int mutex_now(struct wait *w, struct lot_turn *t)
{
    go_mutex *m = w->object;

    if (!m->lot.shared)
        return try_lock(m, t->s, "go_select");
    w->arg = (int64_t)shared_id(t->s);
    return shared_now(m, (uint64_t)w->arg);
}

static int mutex_commit(struct wait *w)
{
    return lot_commit(w, mutex_now);
}

static int mutex_arm(struct wait *w)
{
    return lot_arm(w, &((go_mutex *)w->object)->lot.waiters, mutex_now);
}

/* A select has locked it. */
static void mutex_won(struct wait *w)
{
    go_mutex *m = w->object;

    if (m->lot.shared && w->result == 0)
        hold_embedded(sched_self(), &m->hold);
}

static fiber *mutex_holder(const struct wait *w)
{
    return owner(w->object); /* of a shared one none: it may be another thread's */
}

static void mutex_describe(const struct wait *w, FILE *out)
{
    char name[FIBER_NAME + 32];
    fiber *f = owner(w->object);

    if (((go_mutex *)w->object)->lot.shared)
        fprintf(out, "shared mutex %p", w->object);
    else
        fprintf(out, "mutex %p, held by %s", w->object,
                f ? fiber_label(f, name, sizeof name) : "a fiber that has ended");
}

static void mutex_orphaned(struct wait *w)
{
    go_mutex *m = w->object;
    struct lot_turn t;
    struct wait *each;

    m->owner_id = BROKEN;
    lot_enter(&m->lot, &t, sched_self(), "the end of a fiber");
    while ((each = lot_pop(&m->lot.waiters, &t)))
        lot_win(&m->lot, &t, each, -EOWNERDEAD);
}

const struct waitable mutex_waitable = {.name = "mutex",
                                        .commit = mutex_commit,
                                        .arm = mutex_arm,
                                        .disarm = lot_disarm,
                                        .won = mutex_won,
                                        .lot = true,
                                        .describe = mutex_describe,
                                        .holder = mutex_holder,
                                        .orphaned = mutex_orphaned};

static __attribute__((noinline)) int lock_slow(go_mutex *m, struct lot_turn *t, unsigned how)
{
    struct wait w = {.ops = &mutex_waitable, .object = m};

    return lot_wait(&m->lot, &m->lot.waiters, &w, t, how | PARK_LOCK);
}

/* Only the holder changes that, so it needs no lock to look. */
bool mutex_is_mine(const go_mutex *m, go_sched *s)
{
    return (__atomic_load_n(&m->owner_id, __ATOMIC_RELAXED) & ~(WAITED | SHARED)) == holder_self(s);
}

int mutex_lock_how(go_mutex *m, go_sched *s, unsigned how)
{
    struct lot_turn t = {.s = s};
    int rc;

    if (m->lot.shared)
        return lock_shared(m, s, &mutex_waitable, how);
    rc = try_lock(m, s, "go_mutex_lock");
    return rc != -EAGAIN ? rc : lock_slow(m, &t, how);
}

/* As unlock_shared. The checkpoint was counted, and found nothing. */
static __attribute__((noinline)) int lock_shared_fast(go_mutex *m, go_sched *s)
{
    fiber *f = s->current;
    uint64_t none = 0;

    if (unlikely(SAN || !atomic_compare_exchange_strong_explicit(OWNER(m), &none, f->id | SHARED,
                                                                 memory_order_acquire,
                                                                 memory_order_relaxed)))
        return mutex_lock_how(m, s, WAIT_CANCEL);
    m->hold.next = f->holds;
    f->holds = &m->hold;
    return 0;
}

/* What the few instructions of the fast path could not do; the checkpoint was counted. */
static __attribute__((noinline)) int lock_general(go_mutex *m, go_sched *s)
{
    int rc;

    rc = s ? s->fuel < 0 ? checkpoint_slow(s) : 0 : m->lot.shared ? 0 : -ESHUTDOWN;

    return rc < 0 ? rc : mutex_lock_how(m, s, WAIT_CANCEL);
}

int go_mutex_lock(go_mutex *m)
{
    go_sched *s = sched_self();

    if (unlikely(!s || --s->fuel < 0 || m->lot.sched != s || m->owner_id != 0))
        return m->lot.shared && s && s->fuel >= 0 ? lock_shared_fast(m, s) : lock_general(m, s);
    take(m, s->current);
    return 0;
}

int go_mutex_try_lock(go_mutex *m)
{
    go_sched *s = sched_self();

    if (m->lot.shared)
        return lock_shared(m, s, NULL, 0);
    return s ? try_lock(m, s, "go_mutex_try_lock") : -ESHUTDOWN;
}

static __attribute__((noinline)) int unlock_general(go_mutex *m, go_sched *s)
{
    if (!s)
        return -ESHUTDOWN;
    lot_claim(&m->lot.sched, s, "go_mutex_unlock");
    return -EPERM;
}

int go_mutex_unlock(go_mutex *m)
{
    go_sched *s = sched_self();
    struct lot_turn t;
    fiber *f;
    struct wait *w;

    /* atomic for the shared ones, whose owner is never a bare id */
    if (unlikely(!s || atomic_load_explicit(OWNER(m), memory_order_relaxed) != s->current->id))
        return m->lot.shared ? unlock_shared(m, s) : unlock_general(m, s);
    f = s->current;
    f->unlocks++;
    if (likely(list_empty(&m->lot.waiters))) {
        m->owner_id = 0;
        return 0;
    }
    t.mine = NULL;
    w = lot_pop(&m->lot.waiters, &t);
    if (unlikely(!w)) { /* its claim was lost: it is leaving */
        m->owner_id = 0;
        return 0;
    }
    take(m, w->fiber);
    lot_win(&m->lot, &t, w, 0);
    return 0;
}
