/* SPDX-License-Identifier: MIT
 *
 * The small state machines between threads, every interleaving of them: the claim (core/claim.h)
 * with a select over two objects, the inbox's going to sleep (core/inbox.c), the ring
 * (sync/ring.c). They are written down here once more, a memory operation a step; what is proved is
 * the protocol, and which orders it needs.
 *
 * The memory is weaker than x86's: a thread's stores lie in a buffer of its own, which the thread
 * itself reads from, and reach memory at any time and in any order, but for two to one place, and a
 * release, which comes after all earlier ones; a sequentially consistent one waits for all, and for
 * itself. Loads are not reordered. Each law also breaks the protocol, and must then find a trace
 * that goes wrong: so it could have failed. */
#include "tests/tap.h"
#include <stdint.h>

enum order { RELAXED, RELEASE, SEQ_CST };
enum { PLACES = 14, THREADS = 4, BUFFER = 4, REGISTERS = 4, END = 99, STATES = 1 << 20 };

struct state {
    int8_t memory[PLACES];
    struct {
        int8_t pc, buffered, r[REGISTERS];
        struct {
            int8_t place, value, release;
        } buffer[BUFFER];
    } t[THREADS];
};

/* One step of thread t; false: it waits, and nothing has changed. */
typedef bool step_fn(struct state *s, int t);

static struct model {
    int threads;
    step_fn *step[THREADS];
    bool (*good)(const struct state *s); /* when nobody can go on any more */
    bool broken;                         /* in the one place that the law is about */
} model;

/* ---- memory ---- */

static int load(const struct state *s, int t, int place)
{
    for (int i = s->t[t].buffered - 1; i >= 0; i--)
        if (s->t[t].buffer[i].place == place)
            return s->t[t].buffer[i].value;
    return s->memory[place];
}

/* False: the buffer must drain first. */
static bool store(struct state *s, int t, int place, int value, enum order order)
{
    int n = s->t[t].buffered;

    if (order == SEQ_CST) {
        if (n > 0)
            return false;
        s->memory[place] = (int8_t)value;
        return true;
    }
    if (n == BUFFER)
        return false;
    s->t[t].buffer[n].place = (int8_t)place;
    s->t[t].buffer[n].value = (int8_t)value;
    s->t[t].buffer[n].release = order == RELEASE;
    s->t[t].buffered++;
    return true;
}

static bool may_drain(const struct state *s, int t, int i)
{
    if (s->t[t].buffer[i].release)
        return i == 0;
    for (int k = 0; k < i; k++)
        if (s->t[t].buffer[k].place == s->t[t].buffer[i].place)
            return false;
    return true;
}

static void drain(struct state *s, int t, int i)
{
    s->memory[s->t[t].buffer[i].place] = s->t[t].buffer[i].value;
    memmove(&s->t[t].buffer[i], &s->t[t].buffer[i + 1],
            sizeof s->t[t].buffer[0] * (size_t)(BUFFER - 1 - i));
    memset(&s->t[t].buffer[BUFFER - 1], 0, sizeof s->t[t].buffer[0]);
    s->t[t].buffered--;
}

/* An exchange, or a compare-exchange if it expects something: on memory itself. acquires or
 * releases: after the thread's own stores. *old: what was there. */
static bool exchange(struct state *s, int t, int place, int expected, int value, int *old)
{
    if (s->t[t].buffered > 0)
        return false;
    *old = s->memory[place];
    if (expected < 0 || *old == expected)
        s->memory[place] = (int8_t)value;
    return true;
}

/* ---- exploring ---- */

static struct state *seen;
static bool *used;
static unsigned states, wrong;

static bool is_new(const struct state *s)
{
    uint64_t h = 14695981039346656037u;
    const uint8_t *p = (const uint8_t *)s;

    for (size_t i = 0; i < sizeof *s; i++)
        h = (h ^ p[i]) * 1099511628211u;
    for (size_t i = h % STATES;; i = (i + 1) % STATES) {
        if (!used[i]) {
            used[i] = true;
            seen[i] = *s;
            states++;
            return true;
        }
        if (memcmp(&seen[i], s, sizeof *s) == 0)
            return false;
    }
}

static void explore(const struct state *s)
{
    bool stuck = true;

    if (states > STATES / 2 || !is_new(s))
        return;
    for (int t = 0; t < model.threads; t++) {
        struct state next = *s;

        if (s->t[t].pc != END && model.step[t](&next, t)) {
            stuck = false;
            explore(&next);
        }
        for (int i = 0; i < s->t[t].buffered; i++) {
            if (!may_drain(s, t, i))
                continue;
            next = *s;
            drain(&next, t, i);
            stuck = false;
            explore(&next);
        }
    }
    if (stuck && !model.good(s))
        wrong++;
}

/* How many final states are wrong. */
static unsigned run(struct model m)
{
    struct state s;

    memset(&s, 0, sizeof s);
    seen = calloc(STATES, sizeof *seen);
    used = calloc(STATES, sizeof *used);
    if (!CHECK(seen && used))
        return 0;
    states = wrong = 0;
    model = m;
    explore(&s);
    tap_note("%u states%s", states, m.broken ? ", broken" : "");
    CHECK(states < STATES / 2);
    free(seen);
    free(used);
    return wrong;
}

static void holds_and_could_fail(struct model m)
{
    CHECK_EQ(run(m), 0);
    m.broken = true;
    CHECK(run(m) > 0);
}

#define NEXT     (s->t[t].pc++, true)
#define GOTO(at) (s->t[t].pc = (at), true)
#define R(i)     s->t[t].r[i]
#define TRY(call)         \
    do {                  \
        if (!(call))      \
            return false; \
    } while (0)

/* ---- the inbox: Dekker ---- */

enum { HEAD, ASLEEP, WOKEN };

static bool producer(struct state *s, int t)
{
    int old;

    switch (s->t[t].pc) {
    case 0: /* broken: the push is only a release */
        TRY(store(s, t, HEAD, 1, model.broken ? RELEASE : SEQ_CST));
        return NEXT;
    case 1:
        return load(s, t, ASLEEP) ? NEXT : GOTO(END);
    case 2: /* one of a batch wins this, and pays */
        TRY(exchange(s, t, ASLEEP, -1, 0, &old));
        return old ? NEXT : GOTO(END);
    default:
        TRY(store(s, t, WOKEN, 1, SEQ_CST));
        return GOTO(END);
    }
}

static bool consumer(struct state *s, int t)
{
    switch (s->t[t].pc) {
    case 0:
        TRY(store(s, t, ASLEEP, 1, model.broken ? RELAXED : SEQ_CST));
        return NEXT;
    case 1:
        return load(s, t, HEAD) ? GOTO(3) : NEXT;
    case 2: /* it sleeps */
        return load(s, t, WOKEN) ? GOTO(3) : false;
    default:
        return load(s, t, HEAD) ? GOTO(END) : false;
    }
}

static bool consumer_ended(const struct state *s)
{
    return s->t[0].pc == END;
}

LAW(dekker, "S7.152 the inbox: of 'it sleeps' and 'there is a message' one is seen, two producers")
{
    holds_and_could_fail((struct model){.threads = 3,
                                        .step = {consumer, producer, producer},
                                        .good = consumer_ended});
}

/* ---- the ring of two places, three items ---- */

enum { IN, OUT, CELL, ITEMS = 3, ROOM = 2 };

static bool putter(struct state *s, int t) /* r0: position, r1: the other's, as last seen */
{
    switch (s->t[t].pc) {
    case 0:
        if (R(0) == ITEMS)
            return GOTO(END);
        if (R(0) - R(1) < ROOM)
            return NEXT;
        R(1) = (int8_t)load(s, t, OUT);
        return R(0) - R(1) < ROOM ? NEXT : false;
    case 1:
        TRY(store(s, t, CELL + R(0) % ROOM, R(0) + 1, RELAXED));
        return NEXT;
    default:
        TRY(store(s, t, IN, R(0) + 1, model.broken ? RELAXED : RELEASE));
        R(0)++;
        return GOTO(0);
    }
}

static bool taker(struct state *s, int t) /* r2: whether all were right */
{
    switch (s->t[t].pc) {
    case 0:
        if (R(0) == ITEMS)
            return GOTO(END);
        if (R(1) == R(0))
            R(1) = (int8_t)load(s, t, IN);
        return R(1) > R(0) ? NEXT : false;
    case 1:
        if (load(s, t, CELL + R(0) % ROOM) != R(0) + 1)
            R(2) = 1;
        return NEXT;
    default:
        TRY(store(s, t, OUT, R(0) + 1, RELEASE));
        R(0)++;
        return GOTO(0);
    }
}

static bool all_right(const struct state *s)
{
    return s->t[0].pc == END && s->t[1].pc == END && s->t[1].r[2] == 0;
}

LAW(ring, "S7.153 the ring: who sees a position sees its items, and none is overwritten too early")
{
    holds_and_could_fail((struct model){.threads = 2, .step = {putter, taker}, .good = all_right});
}

/* ---- the claim: a select over two semaphores, a release of each, a cancellation ---- */

enum { CLAIM, LOCK, VALUE = LOCK + 2, LINE = VALUE + 2, GOT = LINE + 2, TOLD, ENDED };
enum { OPEN, TAKEN, HELD };

static bool lock(struct state *s, int t, int object)
{
    int old;

    TRY(exchange(s, t, LOCK + object, 0, 1, &old));
    return old == 0;
}

static bool unlock(struct state *s, int t, int object)
{
    return store(s, t, LOCK + object, 0, RELEASE);
}

/* Arms both objects (r0: which), as lot_arm does, then waits to be told, or for the cancellation
 * that is another thread's step here: in truth it is its own scheduler's. */
static bool selecter(struct state *s, int t)
{
    int old;

    switch (s->t[t].pc) {
    case 0:
        TRY(lock(s, t, R(0)));
        return NEXT;
    case 1:
        TRY(exchange(s, t, CLAIM, OPEN, HELD, &old));
        return old == OPEN ? NEXT : GOTO(5);
    case 2: /* the look: broken: there is none, as if trying before had been enough */
        if (!model.broken && load(s, t, VALUE + R(0)) > 0 && !load(s, t, LINE + R(0))) {
            TRY(store(s, t, VALUE + R(0), load(s, t, VALUE + R(0)) - 1, RELAXED));
            return GOTO(8);
        }
        return NEXT;
    case 3:
        if (!load(s, t, LINE + R(0)))
            TRY(store(s, t, LINE + R(0), 1, RELAXED));
        return NEXT;
    case 4: /* let go: somebody has been turned away meanwhile: all over again */
        TRY(exchange(s, t, CLAIM, HELD, OPEN, &old));
        if (old != HELD) {
            R(1) = 1;
            return GOTO(10);
        }
        return NEXT;
    case 5:
        TRY(unlock(s, t, R(0)));
        if (R(1)) {
            R(1) = 0;
            R(0) = 0;
            return GOTO(0);
        }
        if (R(0) == 0) {
            R(0) = 1;
            return GOTO(0);
        }
        return NEXT;
    case 6:
        TRY(store(s, t, ENDED, 1, SEQ_CST)); /* parked: from here on it may be cancelled */
        return NEXT;
    case 7:
        return load(s, t, TOLD) ? GOTO(END) : false;
    case 8: /* it has one by itself, and the claim for good */
        TRY(unlock(s, t, R(0)));
        return NEXT;
    case 9:
        TRY(store(s, t, GOT, 1, SEQ_CST));
        return GOTO(11);
    case 10:
        TRY(store(s, t, CLAIM, OPEN, RELAXED));
        return GOTO(5);
    default: /* leaves both lines */
        TRY(store(s, t, LINE, 0, RELAXED));
        TRY(store(s, t, LINE + 1, 0, RELAXED));
        return GOTO(END);
    }
}

static bool releases(struct state *s, int t, int object)
{
    int old;

    switch (s->t[t].pc) {
    case 0:
        TRY(lock(s, t, object));
        return NEXT;
    case 1:
        if (!load(s, t, LINE + object))
            return GOTO(4);
        TRY(store(s, t, LINE + object, 0, RELAXED)); /* popped */
        return NEXT;
    case 2:
        TRY(exchange(s, t, CLAIM, -1, TAKEN, &old));
        if (old != OPEN)
            return GOTO(4); /* nobody else waits */
        TRY(store(s, t, GOT, load(s, t, GOT) + 1, RELAXED));
        return NEXT;
    case 3:
        TRY(unlock(s, t, object));
        return GOTO(6);
    case 4:
        TRY(store(s, t, VALUE + object, load(s, t, VALUE + object) + 1, RELAXED));
        return NEXT;
    case 5:
        TRY(unlock(s, t, object));
        return GOTO(END);
    default:
        TRY(store(s, t, TOLD, 1, RELEASE));
        return GOTO(END);
    }
}

static bool releases_a(struct state *s, int t)
{
    return releases(s, t, 0);
}

static bool releases_b(struct state *s, int t)
{
    return releases(s, t, 1);
}

static bool cancels(struct state *s, int t)
{
    int old;

    switch (s->t[t].pc) {
    case 0:
        return load(s, t, ENDED) ? NEXT : false;
    case 1:
        TRY(exchange(s, t, CLAIM, -1, TAKEN, &old));
        if (old != OPEN)
            return GOTO(END); /* it has won: it will be told */
        R(0) = 0;
        return NEXT;
    case 2:
        TRY(lock(s, t, R(0)));
        return NEXT;
    case 3:
        TRY(store(s, t, LINE + R(0), 0, RELAXED));
        return NEXT;
    case 4:
        TRY(unlock(s, t, R(0)));
        R(0)++;
        return R(0) == 2 ? NEXT : GOTO(2);
    default:
        TRY(store(s, t, TOLD, 2, RELEASE));
        return GOTO(END);
    }
}

/* Two were released: each is in a semaphore or has been got, at most one of them, and who waits
 * does so only when there is nothing. */
static bool conserved(const struct state *s)
{
    int left = s->memory[VALUE] + s->memory[VALUE + 1], got = s->memory[GOT];
    bool ended = s->t[0].pc == END;

    if (got > 1 || left + got != 2)
        return false;
    return ended && (got == 1 || s->memory[TOLD] == 2);
}

LAW(claim,
    "S7.154 the claim: a select gets one of two, or is cancelled; nothing is lost or doubled")
{
    holds_and_could_fail((
        struct model){.threads = 3, .step = {selecter, releases_a, releases_b}, .good = conserved});
    CHECK_EQ(run((struct model){.threads = 4,
                                .step = {selecter, releases_a, releases_b, cancels},
                                .good = conserved}),
             0);
}

TAP_MAIN
