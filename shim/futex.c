/* SPDX-License-Identifier: MIT
 *
 * Futexes, on which all of pthreads' objects wait: by libc's call sites. A fiber that waits is in a
 * table of the process's, in which a wake-up by another fiber finds it, and where the program's
 * threads are fibers one by any thread: whatever of libc runs on a thread of the library's own.
 *
 * One by another thread of the program's, or by another process, goes to the kernel, which knows
 * nothing of the fiber; but each such wake-up follows a change of the word, and so, where there may
 * be one, the fiber looks at it now and then, ever less often. Where the program's threads are
 * fibers, and the kernel can do it (io_uring, Linux 6.7), what may be shared between processes is
 * left to it alone: both queues for one word would lose wake-ups that are meant for one waiter.
 *
 * These waits are no cancellation points of scopes: who waits for a mutex cannot give up. */
#include "core/pool.h"
#include "core/scope.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/uring.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>

enum { BUCKETS = 1024 };
#define LOOK      (GO_MS / 4)
#define LOOK_MOST (8 * GO_MS)

/* On its fiber's stack. */
struct waiter {
    list link; /* in its bucket, until it is woken or gives up */
    const void *word;
    uint32_t bits;
    uint32_t pi;    /* the id of the thread, if it waits for a mutex that inherits priorities */
    const void *to; /* that mutex, while it waits for something else, to be moved there */
    go_sched *sched;
    struct wait wait;
    bool taken; /* under the bucket's lock: by another thread, whose message is on its way */
    bool woken; /* on its own thread */
    struct inbox_msg msg;
};

static struct bucket {
    atomic_flag lock;
    list waiters;
} table[BUCKETS];

static unsigned several; /* waits for one of several words, by fibers, in the kernel */

static struct bucket *bucket_of(const void *word)
{
    uint64_t hash = ((uintptr_t)word >> 2) * UINT64_C(0x9e3779b97f4a7c15);

    return &table[hash >> 54];
}

/* For some instructions, in the engine, which nothing stops. */
static struct bucket *lock(const void *word)
{
    struct bucket *b = bucket_of(word);

    while (atomic_flag_test_and_set_explicit(&b->lock, memory_order_acquire))
        arch_pause();
    if (!b->waiters.next)
        list_init(&b->waiters);
    return b;
}

static void unlock(struct bucket *b)
{
    atomic_flag_clear_explicit(&b->lock, memory_order_release);
}

/* The others are gone. */
static void forked(go_sched *s, void *state)
{
    (void)state;
    memset(table, 0, sizeof table);
    several = 0;
    uring_forked(s);
}

static void told_of_forks(go_sched *s)
{
    struct sched_slot *slot = &s->slots[SLOT_FUTEX];

    slot->state = table;
    slot->forked = forked;
}

static void futex_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "a mutex, condition or semaphore of pthreads, at %p", w->object);
}

static const struct waitable futex_waitable = {.name = "futex", .describe = futex_describe};

static uint32_t load(const void *word)
{
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_acquire);
}

static bool swap(void *word, uint32_t *was, uint32_t to)
{
    return atomic_compare_exchange_strong((_Atomic uint32_t *)word, was, to);
}

/* ---- waking ---- */

static void win(struct wait *w)
{
    const fiber *f = w->fiber;

    if (f && f->state == FIBER_PARKED && f->nwaits == 1 && f->waits == w)
        wait_win(w, 0);
}

static void wake_here(void *arg)
{
    struct waiter *w = arg;

    w->woken = true;
    win(&w->wait);
}

/* Under the lock; w leaves the table. From another thread it is told by a message, which it waits
 * for. */
static void wake(struct waiter *w)
{
    list_remove(&w->link);
    if (w->sched == sched_self()) {
        wake_here(w);
    } else {
        w->taken = true;
        w->msg = (struct inbox_msg){.fn = wake_here, .arg = w};
        inbox_push(&w->sched->inbox, &w->msg);
    }
}

static struct waiter *first_of(struct bucket *b, const void *word, uint32_t bits)
{
    for (list *l = b->waiters.next; l != &b->waiters; l = l->next) {
        struct waiter *w = list_entry(l, struct waiter, link);

        if (w->word == word && w->bits & bits && !w->to)
            return w;
    }
    return NULL;
}

int futex_wake(void *word, int n, uint32_t bits)
{
    struct bucket *b = lock(word);
    struct waiter *w;
    int woken = 0;

    while (woken < n && (w = first_of(b, word, bits))) {
        woken++;
        wake(w);
    }
    unlock(b);
    return woken;
}

/* ---- waiting ---- */

/* One park. 0: woken. */
static int park(go_sched *s, struct wait *w, go_time until, enum shim_interrupts kind)
{
    int rc;

    list_init(&w->link);
    s->current->interrupts = kind;
    rc = wait_park(w, 1, WAIT_OUTSIDE | PARK_LOCK, until);
    s->current->interrupts = SHIM_NEVER;
    return rc;
}

/* Who has it in hand may have given it to another word meanwhile. */
static bool leave_table(struct waiter *w)
{
    for (;;) {
        const void *word = w->word;
        struct bucket *b = lock(word);
        bool same = w->word == word, taken = w->taken;

        if (same)
            list_remove(&w->link);
        unlock(b);
        if (same)
            return taken;
    }
}

static enum shim_interrupts interrupts_of(go_time until)
{
    return until == GO_FOREVER ? SHIM_RESTARTS : SHIM_INTERRUPTS;
}

/* w is in the table. looks: it may be woken by somebody who does not look there. */
static long wait_in(go_sched *s, struct waiter *w, uint32_t value, bool looks, go_time until)
{
    enum shim_interrupts kind = interrupts_of(until);
    go_time look = LOOK, now;
    long rc = 0;

    while (!w->woken) {
        go_time at = until;

        if (looks || until != GO_FOREVER) {
            now = sched_now(s);
            if (now >= until) {
                rc = -ETIMEDOUT;
                break;
            }
            if (looks && now + look < until)
                at = now + look;
        }
        rc = shim_due(s) ? -EINTR : park(s, &w->wait, at, kind);
        if (rc == -EINTR && !shim_restarts(s, kind))
            break;
        if (looks && load(w->word) != value) {
            rc = 0;
            break;
        }
        look = look * 2 < LOOK_MOST ? look * 2 : LOOK_MOST;
    }
    if (leave_table(w))
        while (!w->woken)
            park(s, &w->wait, GO_FOREVER, SHIM_NEVER);
    return w->woken || rc >= 0 ? 0 : rc;
}

static void waiter_init(go_sched *s, struct waiter *w, void *word, uint32_t bits)
{
    *w = (struct waiter){.wait = {.ops = &futex_waitable, .object = word},
                         .word = word,
                         .bits = bits,
                         .sched = s};
    list_init(&w->link);
    told_of_forks(s);
}

/* w is in the table, from where it may be woken. False: its word has another value. */
static bool enter_table(struct waiter *w, uint32_t value)
{
    struct bucket *b = lock(w->word);
    bool same = load(w->word) == value;

    if (same)
        list_push(&b->waiters, &w->link);
    unlock(b);
    return same;
}

/* ---- waiting among the kernel's own ---- */

struct shared {
    struct uring_futex futex;
    struct wait wait;
};

static void shared_done(struct uring_futex *w)
{
    win(&list_entry(w, struct shared, futex)->wait);
}

/* Until the kernel has answered. */
static long park_shared(go_sched *s, struct shared *w, go_time until)
{
    enum shim_interrupts kind = interrupts_of(until);
    long rc = 0;

    while (!w->futex.came) {
        rc = shim_due(s) ? -EINTR : park(s, &w->wait, until, kind);
        if (rc < 0 && !(rc == -EINTR && shim_restarts(s, kind)) && !w->futex.came)
            uring_futex_cancel(s, &w->futex);
    }
    return w->futex.result == -ECANCELED ? rc : w->futex.result;
}

static void shared_init(go_sched *s, struct shared *w, const void *word)
{
    *w = (struct shared){.futex.done = shared_done,
                         .wait = {.ops = &futex_waitable, .object = (void *)(uintptr_t)word}};
    told_of_forks(s);
}

/* As wait_on; -ENOSYS: not here. */
static long wait_shared(go_sched *s, const void *word, uint32_t value, uint32_t bits, go_time until)
{
    struct shared w;
    long rc;

    shared_init(s, &w, word);
    rc = uring_futex_wait(s, &w.futex, word, value, bits);
    return rc < 0 ? rc : park_shared(s, &w, until);
}

/* A join: libc takes it for shared, since the kernel wakes it so; but here the thread does. */
static bool is_join(const void *word, uint32_t value)
{
    const struct thread *t = value <= INT_MAX ? thread_by_id((int)value) : NULL;

    return t && t->clear_tid == word;
}

/* 0, -EAGAIN: the word is another; -ETIMEDOUT; -EINTR. */
static long wait_on(go_sched *s, void *word, uint32_t value, uint32_t bits, bool private,
                    go_time until)
{
    struct waiter w;
    long rc;

    if (bits == 0)
        return -EINVAL;
    private = private || (threads_on && is_join(word, value));
    if (threads_on && !private) {
        rc = load(word) == value ? wait_shared(s, word, value, bits, until) : -EAGAIN;
        if (rc != -ENOSYS)
            return rc;
    }
    waiter_init(s, &w, word, bits);
    if (!enter_table(&w, value))
        return -EAGAIN;
    return wait_in(s, &w, value, !threads_on || !private, until);
}

/* ---- moving on ---- */

/* The second of two buckets, which may be one. */
static struct bucket *lock_other(struct bucket *first, const void *word)
{
    return bucket_of(word) == first ? first : lock(word);
}

/* The buckets of both, in the table's order, so that nobody waits for who waits for him. */
static void lock_both(const void *word, struct bucket **from, const void *to, struct bucket **other)
{
    if (bucket_of(word) < bucket_of(to)) {
        *from = lock(word);
        *other = lock_other(*from, to);
    } else {
        *other = lock(to);
        *from = lock_other(*other, word);
    }
}

static void unlock_both(struct bucket *from, struct bucket *other)
{
    unlock(from);
    if (other != from)
        unlock(other);
}

static long requeue(void *word, int wakes, void *to, int moves)
{
    struct bucket *from, *other;
    struct waiter *w;
    int woken = 0, moved = 0;

    if (word == to) {
        from = lock(word);
        for (list *l = from->waiters.next; l != &from->waiters; l = l->next)
            moved += list_entry(l, struct waiter, link)->word == word;
        unlock(from);
        woken = futex_wake(word, wakes, FUTEX_BITSET_MATCH_ANY);
        moved -= woken;
        return woken + (moved < moves ? moved : moves);
    }
    lock_both(word, &from, to, &other);
    while (woken < wakes && (w = first_of(from, word, FUTEX_BITSET_MATCH_ANY))) {
        woken++;
        wake(w);
    }
    while (moved < moves && (w = first_of(from, word, FUTEX_BITSET_MATCH_ANY))) {
        moved++;
        list_remove(&w->link);
        w->word = to;
        list_push(&other->waiters, &w->link);
    }
    unlock_both(from, other);
    return woken + moved;
}

/* FUTEX_WAKE_OP's little program. */
static bool wake_op(void *word, uint32_t op)
{
    _Atomic uint32_t *at = word;
    int32_t arg = (int32_t)(op << 8) >> 20, cmp = (int32_t)(op << 20) >> 20, old;

    if (op & (uint32_t)FUTEX_OP_OPARG_SHIFT << 28)
        arg = 1 << (arg & 31);
    switch (op >> 28 & 7) {
    case FUTEX_OP_SET:
        old = (int32_t)atomic_exchange(at, (uint32_t)arg);
        break;
    case FUTEX_OP_ADD:
        old = (int32_t)atomic_fetch_add(at, (uint32_t)arg);
        break;
    case FUTEX_OP_OR:
        old = (int32_t)atomic_fetch_or(at, (uint32_t)arg);
        break;
    case FUTEX_OP_ANDN:
        old = (int32_t)atomic_fetch_and(at, ~(uint32_t)arg);
        break;
    default:
        old = (int32_t)atomic_fetch_xor(at, (uint32_t)arg);
        break;
    }
    switch (op >> 24 & 15) {
    case FUTEX_OP_CMP_EQ:
        return old == cmp;
    case FUTEX_OP_CMP_NE:
        return old != cmp;
    case FUTEX_OP_CMP_LT:
        return old < cmp;
    case FUTEX_OP_CMP_LE:
        return old <= cmp;
    case FUTEX_OP_CMP_GT:
        return old > cmp;
    default:
        return old >= cmp;
    }
}

/* ---- mutexes that would inherit priorities: whoever has waited longest is next ---- */

static uint32_t others_wait(struct bucket *b, const void *word)
{
    return first_of(b, word, FUTEX_BITSET_MATCH_ANY) ? FUTEX_WAITERS : 0;
}

/* Under the lock: the first waiter has it now. False: there is none. */
static bool give(struct bucket *b, void *word, uint32_t bits)
{
    struct waiter *w = first_of(b, word, FUTEX_BITSET_MATCH_ANY);

    if (!w)
        return false;
    list_remove(&w->link);
    atomic_store((_Atomic uint32_t *)word, w->pi | bits | others_wait(b, word));
    wake(w);
    return true;
}

void futex_pi_abandoned(uint32_t *word)
{
    struct bucket *b = lock(word);

    give(b, word, FUTEX_OWNER_DIED);
    unlock(b);
}

/* The owner is a thread of another process, so that nobody can tell us: a look now and then. 0: try
 * again. */
static long look_again(go_sched *s, uint32_t owner, go_time *pause, go_time until)
{
    long rc = owner < THREAD_FIRST ? SYS2(SYS_tkill, owner, 0) : 0;

    if (rc == -ESRCH)
        return rc;
    rc = shim_again(s, pause, until, interrupts_of(until));
    return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

static long lock_pi(go_sched *s, struct thread *t, void *word, bool private, go_time until,
                    bool try)
{
    uint32_t me = (uint32_t)t->tid, was = load(word);
    go_time pause = 0;
    bool elsewhere;
    long rc;
    struct waiter w;

    for (;;) {
        if (!(was & FUTEX_TID_MASK)) {
            if (swap(word, &was, (was & ~(uint32_t)FUTEX_TID_MASK) | me))
                return 0;
            continue;
        }
        if ((was & FUTEX_TID_MASK) == me)
            return -EDEADLK;
        elsewhere = !thread_by_id((int)(was & FUTEX_TID_MASK));
        if (elsewhere && private)
            return -ESRCH;
        if (try)
            return -EAGAIN;
        if (!(was & FUTEX_WAITERS) && !swap(word, &was, was | FUTEX_WAITERS))
            continue;
        if (elsewhere) {
            rc = look_again(s, was & FUTEX_TID_MASK, &pause, until);
            if (rc < 0)
                return rc;
            was = load(word);
            continue;
        }
        waiter_init(s, &w, word, FUTEX_BITSET_MATCH_ANY);
        w.pi = me;
        if (enter_table(&w, was | FUTEX_WAITERS))
            return wait_in(s, &w, 0, false, until);
        was = load(word);
    }
}

/* Until some FUTEX_CMP_REQUEUE_PI has made it the owner of `to`, or a waiter for that. */
static long wait_to_be_moved(go_sched *s, const struct thread *t, void *word, uint32_t value,
                             const void *to, go_time until)
{
    struct waiter w;

    if (word == to || (uintptr_t)to & 3)
        return -EINVAL;
    waiter_init(s, &w, word, FUTEX_BITSET_MATCH_ANY);
    w.pi = (uint32_t)t->tid;
    w.to = to;
    if (!enter_table(&w, value))
        return -EAGAIN;
    return wait_in(s, &w, value, false, until);
}

/* Under the locks: w owns `to`, or waits for it from now on. */
static void move_to_pi(struct bucket *other, struct waiter *w, void *to)
{
    uint32_t was = load(to), now;

    do
        now = was & FUTEX_TID_MASK ? was | FUTEX_WAITERS
                                   : (was & FUTEX_OWNER_DIED) | w->pi | others_wait(other, to);
    while (!swap(to, &was, now));
    w->to = NULL;
    if (!(was & FUTEX_TID_MASK)) {
        wake(w);
        return;
    }
    list_remove(&w->link);
    w->word = to;
    list_push(&other->waiters, &w->link);
}

static long requeue_pi(void *word, uint32_t value, void *to, int moves)
{
    struct bucket *from, *other;
    struct waiter *w;
    list *next;
    long moved;

    lock_both(word, &from, to, &other);
    moved = load(word) == value ? 0 : -EAGAIN;
    for (list *l = from->waiters.next; l != &from->waiters && moved >= 0 && moved <= moves;
         l = next) {
        next = l->next;
        w = list_entry(l, struct waiter, link);
        if (w->word != word)
            continue;
        if (w->to != to) {
            moved = moved ? moved : -EINVAL;
            break;
        }
        move_to_pi(other, w, to);
        moved++;
    }
    unlock_both(from, other);
    return moved;
}

static long unlock_pi(const struct thread *t, void *word)
{
    struct bucket *b;

    if ((load(word) & FUTEX_TID_MASK) != (uint32_t)t->tid)
        return -EPERM;
    b = lock(word);
    if (!give(b, word, 0))
        atomic_store((_Atomic uint32_t *)word, 0);
    unlock(b);
    return 0;
}

/* ---- by system call ---- */

/* When a wait ends; `at`: by a clock, not from now on. */
static int until_of(go_sched *s, const struct timespec *t, bool at, clockid_t clock, go_time *until)
{
    struct timespec now;
    go_time ns;
    int rc = shim_timespec(t, &ns);

    if (rc < 0)
        return rc;
    if (t && at && ns >= 0) {
        clock_gettime(clock, &now);
        ns -= now.tv_sec * GO_SEC + now.tv_nsec;
        if (ns < 0)
            ns = 0;
    }
    *until = shim_until(s, ns);
    return 0;
}

static bool others; /* threads of the program's that are the kernel's: made before its main */

void futex_begin(bool has_others)
{
    others = has_others;
}

/* Whether somebody may wait in the kernel: another process, one of those, or a thread of the
 * library's. */
static bool kernel_has_some(int op)
{
    return !threads_on || others || several || !(op & FUTEX_PRIVATE_FLAG) || pool_has_threads();
}

static long wake_call(const struct site_registers *r, uint32_t bits)
{
    struct site_registers rest = *r;
    int woken;
    long rc;

    if (bits == 0)
        return -EINVAL;
    woken = futex_wake(PTR(0), INT(2) > 0 ? INT(2) : 1, bits);
    if (woken >= INT(2) || !kernel_has_some(INT(1)))
        return woken;
    rest.a[2] -= woken; /* and those that wait in the kernel */
    rc = site_pass(&rest);
    return rc < 0 ? (woken ? woken : rc) : woken + rc;
}

static long wake_op_call(const struct site_registers *r)
{
    bool also = wake_op(PTR(4), WORD(5));
    int woken = futex_wake(PTR(0), INT(2), FUTEX_BITSET_MATCH_ANY);

    if (kernel_has_some(INT(1)))
        SYS3(SYS_futex, PTR(0), FUTEX_WAKE_PRIVATE, INT(2));
    if (also) {
        woken += futex_wake(PTR(4), INT(3), FUTEX_BITSET_MATCH_ANY);
        if (kernel_has_some(INT(1)))
            SYS3(SYS_futex, PTR(4), FUTEX_WAKE_PRIVATE, INT(3));
    }
    return woken;
}

/* Who waits in the table for a word that is shared looks at it, in the end. */
static long requeue_call(const struct site_registers *r)
{
    if (!(INT(1) & FUTEX_PRIVATE_FLAG))
        return site_pass(r);
    return requeue(PTR(0), INT(2), PTR(4), INT(3));
}

static long wait_call(go_sched *s, const struct site_registers *r, bool set)
{
    go_time until;
    int rc = until_of(s, PTR(3), set,
                      INT(1) & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &until);

    if (rc < 0)
        return rc;
    return wait_on(s, PTR(0), WORD(2), set ? WORD(5) : FUTEX_BITSET_MATCH_ANY,
                   INT(1) & FUTEX_PRIVATE_FLAG, until);
}

static long pi_call(go_sched *s, const struct site_registers *r, int op)
{
    struct thread *t = thread_of(s->current);
    clockid_t clock =
        op == FUTEX_LOCK_PI || INT(1) & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    go_time until = GO_FOREVER;
    int rc;

    if (!t)
        return site_pass(r);
    if (op == FUTEX_UNLOCK_PI)
        return unlock_pi(t, PTR(0));
    if (op == FUTEX_CMP_REQUEUE_PI)
        return INT(2) == 1 && INT(3) >= 0 && PTR(0) != PTR(4) && !(r->a[4] & 3)
                   ? requeue_pi(PTR(0), WORD(5), PTR(4), INT(3))
                   : -EINVAL;
    rc = op == FUTEX_TRYLOCK_PI ? 0 : until_of(s, PTR(3), true, clock, &until);
    if (rc == 0 && op == FUTEX_WAIT_REQUEUE_PI)
        return wait_to_be_moved(s, t, PTR(0), WORD(2), PTR(4), until);
    return rc < 0
               ? rc
               : lock_pi(s, t, PTR(0), INT(1) & FUTEX_PRIVATE_FLAG, until, op == FUTEX_TRYLOCK_PI);
}

static bool good(const struct futex_waitv *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if ((words[i].flags & ~(unsigned)FUTEX_PRIVATE_FLAG) != FUTEX_32 || words[i].uaddr & 3 ||
            words[i].val > UINT32_MAX || words[i].__reserved)
            return false;
    return n > 0 && n <= FUTEX_WAITV_MAX;
}

long futex_waitv_call(go_sched *s, const struct site_registers *r)
{
    const struct futex_waitv *words = PTR(0);
    struct shared w;
    go_time until;
    long rc;

    if (WORD(2) || !good(words, WORD(1)) ||
        (PTR(3) && (clockid_t)r->a[4] != CLOCK_REALTIME && (clockid_t)r->a[4] != CLOCK_MONOTONIC))
        return -EINVAL;
    rc = until_of(s, PTR(3), true, (clockid_t)r->a[4], &until);
    if (rc < 0)
        return rc;
    shared_init(s, &w, (const void *)(uintptr_t)words->uaddr);
    several++;
    rc = uring_futex_waitv(s, &w.futex, words, WORD(1));
    if (rc == 0)
        rc = park_shared(s, &w, until);
    several--;
    return rc;
}

/* libc's call, of the library's own. Whoever has its lock is a thread of the library's, and gives
 * it back soon; or a fiber, which only runs if this one makes room. What libc waits for it looks at
 * again, so it is woken for nothing now and then. */
long futex_inside(go_sched *s, const struct site_registers *r)
{
    int op = INT(1) & FUTEX_CMD_MASK;
    struct timespec soon = {0, LOOK};
    struct wait w = {.ops = &futex_waitable, .object = PTR(0)};
    long rc;

    if ((op != FUTEX_WAIT && op != FUTEX_WAIT_BITSET) || r->a[3] || s->no_park || !s->current ||
        s->current == s->loop_fiber)
        return site_pass(r);
    rc = SYS4(SYS_futex, PTR(0), FUTEX_WAIT | (INT(1) & FUTEX_PRIVATE_FLAG), WORD(2), &soon);
    if (rc != -ETIMEDOUT)
        return rc;
    park(s, &w, sched_now(s) + LOOK, SHIM_NEVER);
    return 0;
}

long futex_call(go_sched *s, const struct site_registers *r)
{
    int op = INT(1) & FUTEX_CMD_MASK;

    if (r->a[0] & 3)
        return -EINVAL;
    switch (op) {
    case FUTEX_WAIT:
        return s ? wait_call(s, r, false) : site_pass(r);
    case FUTEX_WAIT_BITSET:
        return s ? wait_call(s, r, true) : site_pass(r);
    case FUTEX_WAKE:
        return wake_call(r, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return wake_call(r, WORD(5));
    case FUTEX_CMP_REQUEUE:
        if (threads_on && load(PTR(0)) != WORD(5))
            return -EAGAIN;
        __attribute__((fallthrough));
    case FUTEX_REQUEUE:
        return threads_on ? requeue_call(r) : site_pass(r);
    case FUTEX_WAKE_OP:
        return threads_on && INT(1) & FUTEX_PRIVATE_FLAG ? wake_op_call(r) : site_pass(r);
    case FUTEX_LOCK_PI:
    case 13: /* FUTEX_LOCK_PI2, Linux 5.14 */
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
        return threads_on && s ? pi_call(s, r, op) : site_pass(r);
    default:
        return threads_on && s ? -ENOSYS : site_pass(r);
    }
}
