/* SPDX-License-Identifier: MIT
 *
 * Scheduler operations against a model. The bytes are a program: up to five fibers, each with a row
 * of operations, some of which stand in blocks with a deadline or a shield. It runs in virtual
 * time; and it is played by a model, a hundred lines of arrays without stacks or timers. Both write
 * down what every operation returned, when, and in which order: the two must agree to the last
 * line. */
#include "tests/fuzz/fuzz.h"

enum { FIBERS = 5, OPS = 14, MUTEXES = 2, EVENTS = 2, CHANS = 3, LOG = 1024, DEPTH = OPS + 2 };
enum {
    YIELD,
    SLEEP,
    LOCK,
    UNLOCK,
    TRY_LOCK,
    WAIT,
    SET,
    CLEAR,
    SEND,
    RECV,
    TRY_SEND,
    TRY_RECV,
    CLOSE,
    CANCEL,
    JOIN,
    TIMEOUT,
    SHIELD,
    CHECK,
    OP_CODES
};

static const size_t capacity[CHANS] = {0, 1, 2};

struct op {
    uint8_t code, arg;
};

static struct program {
    unsigned fibers, ops[FIBERS];
    struct op op[FIBERS][OPS];
} program;

/* ---- what happened ---- */

struct line {
    int fiber, op, rc;
    go_time when;
};

static struct record {
    struct line line[LOG];
    unsigned n;
} played, modelled;

static void note(struct record *r, int fiber, int op, int rc, go_time when)
{
    if (r->n < LOG)
        r->line[r->n++] = (struct line){fiber, op, rc, when};
}

/* Blocks: how long, and how many of the operations behind it are in it. Each fiber's whole row
 * stands in a block of its own, so that nobody waits for ever; nor do shields last so long. */
static go_time length(const struct op *op)
{
    return op->arg >> 3;
}

static int block_end(const struct op *op, int i, int end)
{
    int to = i + 2 + (op->arg & 7);

    return to < end ? to : end;
}

static go_time patience(int fiber)
{
    return 1000 + 10 * fiber;
}

static int item_of(int fiber, int op)
{
    return fiber * OPS + op;
}

/* ---- the program, for real ---- */

static struct {
    go_mutex mutex[MUTEXES];
    go_event event[EVENTS];
    go_chan chan[CHANS];
    go_task task[FIBERS];
    go_time start;
} world;

static int perform(int fiber, int i, const struct op *op)
{
    unsigned a = op->arg;
    int item = item_of(fiber, i), rc;

    switch (op->code) {
    case YIELD:
        return go_yield();
    case SLEEP:
        return go_sleep(a & 15);
    case LOCK:
        return go_mutex_lock(&world.mutex[a % MUTEXES]);
    case UNLOCK:
        return go_mutex_unlock(&world.mutex[a % MUTEXES]);
    case TRY_LOCK:
        return go_mutex_try_lock(&world.mutex[a % MUTEXES]);
    case WAIT:
        return go_event_wait(&world.event[a % EVENTS]);
    case SET:
        go_event_set(&world.event[a % EVENTS]);
        return 0;
    case CLEAR:
        go_event_clear(&world.event[a % EVENTS]);
        return 0;
    case SEND:
        return go_chan_send(&world.chan[a % CHANS], &item);
    case TRY_SEND:
        return go_chan_try_send(&world.chan[a % CHANS], &item);
    case RECV:
    case TRY_RECV:
        rc = op->code == RECV ? go_chan_recv(&world.chan[a % CHANS], &item)
                              : go_chan_try_recv(&world.chan[a % CHANS], &item);
        return rc == 1 ? 1000 + item : rc;
    case CLOSE:
        go_chan_close(&world.chan[a % CHANS]);
        return 0;
    case CANCEL:
        go_task_cancel(&world.task[a % program.fibers], NULL);
        return 0;
    case JOIN:
        return go_task_join(&world.task[a % program.fibers]);
    default:
        return go_checkpoint();
    }
}

static void perform_all(int fiber, int from, int end)
{
    for (int i = from; i < end; i++) {
        const struct op *op = &program.op[fiber][i];

        if (op->code == TIMEOUT || op->code == SHIELD) {
            int to = block_end(op, i, end), rc;
            go_scope_opts o = {0};
            go_scope s = {0};

            if (op->code == TIMEOUT)
                o.timeout = length(op) ? length(op) : -1;
            else
                o.shield = length(op);
            go_scope_enter(&s, &o);
            perform_all(fiber, i + 1, to);
            rc = go_scope_exit(&s, -EXDEV);
            note(&played, fiber, i, rc, go_now() - world.start);
            i = to - 1;
        } else {
            int rc = perform(fiber, i, op);

            note(&played, fiber, i, rc, go_now() - world.start);
        }
    }
}

static int fiber_main(void *arg)
{
    int fiber = (int)(intptr_t)arg;
    go_scope s = {0};

    go_scope_enter(&s, &(go_scope_opts){.timeout = patience(fiber)});
    perform_all(fiber, 0, (int)program.ops[fiber]);
    go_scope_exit(&s, 0);
    for (int m = 0; m < MUTEXES; m++)
        note(&played, fiber, OPS, go_mutex_unlock(&world.mutex[m]), go_now() - world.start);
    return 0;
}

static int play(void *arg)
{
    int rc;

    (void)arg;
    memset(&world, 0, sizeof world);
    for (int i = 0; i < MUTEXES; i++)
        go_mutex_init(&world.mutex[i], 0);
    for (int i = 0; i < EVENTS; i++)
        go_event_init(&world.event[i], 0);
    for (int i = 0; i < CHANS; i++)
        go_chan_init(&world.chan[i], sizeof(int), capacity[i], 0);
    world.start = go_now();
    GO_NURSERY(n, rc) {
        for (unsigned i = 0; i < program.fibers; i++)
            go_spawn_with(n, &(go_spawn_opts){.task = &world.task[i]}, fiber_main,
                          (void *)(intptr_t)i);
    }
    for (int i = 0; i < CHANS; i++)
        go_chan_fini(&world.chan[i]);
    return rc;
}

/* ---- the model ---- */

struct mscope {
    go_time deadline, shield; /* shield -1: none */
    bool cancelled, late, delivered;
    int op, end; /* the block's operation, -1: none; where it ends */
};

enum state { READY, PARKED, ENDED };

static struct model {
    go_time now;
    unsigned seq;
    int queue[FIBERS + 1], queued;
    struct mfiber {
        enum state state;
        int at;       /* the operation */
        bool waiting; /* it has been begun */
        struct mscope scope[DEPTH];
        int depth;
        int rc;           /* of the wait that has ended; INT_MAX: a cancellation ended it */
        go_time until;    /* of a sleep */
        go_time due;      /* when time wakes it */
        unsigned seq;     /* and its place among equals */
        unsigned arrival; /* when it began to wait, among those that wait for the same */
    } fiber[FIBERS];
    int owner[MUTEXES]; /* -1: nobody */
    bool set[EVENTS], closed[CHANS];
    int ring[CHANS][2], count[CHANS];
} m;

static go_time alarm_of(const struct mfiber *f)
{
    go_time a = GO_FOREVER;

    for (int i = 0; i < f->depth; i++) {
        const struct mscope *sc = &f->scope[i];
        go_time own = sc->cancelled ? INT64_MIN : sc->deadline;

        if (sc->shield >= 0 && sc->shield > a)
            a = sc->shield;
        if (own < a)
            a = own;
    }
    return a;
}

/* What f sees of its scopes: from `first` on. */
static int first_visible(const struct mfiber *f)
{
    int i = f->depth - 1;

    while (i > 0 && f->scope[i].shield <= m.now)
        i--;
    return i;
}

/* Whether f is cancelled by now: deadlines that have passed cancel. */
static bool is_due(struct mfiber *f)
{
    if (alarm_of(f) > m.now)
        return false;
    for (int i = first_visible(f); i < f->depth; i++)
        if (!f->scope[i].cancelled && f->scope[i].deadline <= m.now)
            f->scope[i].cancelled = f->scope[i].late = true;
    return true;
}

static int deliver(struct mfiber *f)
{
    for (int i = first_visible(f); i < f->depth; i++)
        if (f->scope[i].cancelled) {
            f->scope[i].delivered = true;
            break;
        }
    return -ECANCELED;
}

static void ready(struct mfiber *f, int rc)
{
    f->state = READY;
    f->rc = rc;
    m.queue[m.queued++] = (int)(f - m.fiber);
}

static void park(struct mfiber *f, go_time until)
{
    go_time alarm = alarm_of(f);

    f->state = PARKED;
    f->waiting = true;
    f->until = until;
    f->due = alarm < until ? alarm : until;
    f->seq = m.seq++;
    f->arrival = m.seq++;
}

/* The first of those that wait in an operation with this code on this object; NULL: nobody. */
static struct mfiber *first_waiter(int code, unsigned object, unsigned of)
{
    struct mfiber *first = NULL;

    for (unsigned i = 0; i < program.fibers; i++) {
        struct mfiber *f = &m.fiber[i];

        if (f->state == PARKED && program.op[i][f->at].code == code &&
            program.op[i][f->at].arg % of == object && (!first || f->arrival < first->arrival))
            first = f;
    }
    return first;
}

static int number(const struct mfiber *f)
{
    return (int)(f - m.fiber);
}

static int m_send(unsigned c, int item)
{
    struct mfiber *to;

    if (m.closed[c])
        return -EPIPE;
    if ((to = first_waiter(RECV, c, CHANS))) {
        ready(to, 1000 + item);
        return 0;
    }
    if (m.count[c] == (int)capacity[c])
        return -EAGAIN;
    m.ring[c][m.count[c]++] = item;
    return 0;
}

static int m_recv(unsigned c)
{
    struct mfiber *from = first_waiter(SEND, c, CHANS);
    int item = from ? item_of(number(from), from->at) : 0, got;

    if (m.count[c] > 0) {
        got = m.ring[c][0];
        m.ring[c][0] = m.ring[c][1];
        m.count[c]--;
        if (from) {
            m.ring[c][m.count[c]++] = item;
            ready(from, 0);
        }
        return 1000 + got;
    }
    if (from) {
        ready(from, 0);
        return 1000 + item;
    }
    return m.closed[c] ? 0 : -EAGAIN;
}

static int m_lock(unsigned i, int self)
{
    if (m.owner[i] == self)
        return -EDEADLK;
    if (m.owner[i] >= 0)
        return -EAGAIN;
    m.owner[i] = self;
    return 0;
}

static int m_unlock(unsigned i, int self)
{
    struct mfiber *next;

    if (m.owner[i] != self)
        return -EPERM;
    next = first_waiter(LOCK, i, MUTEXES);
    m.owner[i] = next ? number(next) : -1;
    if (next)
        ready(next, 0);
    return 0;
}

/* Cancels fiber i's task. */
static void m_cancel(struct mfiber *f)
{
    go_time alarm, due;

    if (f->state == ENDED || f->scope[0].cancelled)
        return;
    f->scope[0].cancelled = true;
    if (f->state != PARKED)
        return;
    alarm = alarm_of(f);
    due = alarm < f->until ? alarm : f->until;
    if (alarm == INT64_MIN) {
        ready(f, INT_MAX);
    } else if (due != f->due) { /* it waits on, for another time */
        f->due = due;
        f->seq = m.seq++;
    }
}

static bool is_checkpoint(int code)
{
    return code == YIELD || code == SLEEP || code == LOCK || code == WAIT || code == SEND ||
           code == RECV || code == JOIN || code == CHECK;
}

/* Begins f's operation. False: it waits. */
static bool begin(struct mfiber *f, const struct op *op, int *rc)
{
    unsigned a = op->arg, c = a % CHANS;
    struct mfiber *other;

    *rc = 0;
    if (is_checkpoint(op->code) && is_due(f)) {
        *rc = deliver(f);
        return true;
    }
    switch (op->code) {
    case SLEEP:
        if (a & 15) {
            park(f, m.now + (a & 15));
            return false;
        }
        /* fall through */
    case YIELD:
        f->waiting = true;
        ready(f, 0);
        return false;
    case LOCK:
    case TRY_LOCK:
        *rc = m_lock(a % MUTEXES, number(f));
        break;
    case UNLOCK:
        *rc = m_unlock(a % MUTEXES, number(f));
        break;
    case WAIT:
        *rc = m.set[a % EVENTS] ? 0 : -EAGAIN;
        break;
    case SET:
        m.set[a % EVENTS] = true;
        while ((other = first_waiter(WAIT, a % EVENTS, EVENTS)))
            ready(other, 0);
        break;
    case CLEAR:
        m.set[a % EVENTS] = false;
        break;
    case SEND:
    case TRY_SEND:
        *rc = m_send(c, item_of(number(f), f->at));
        break;
    case RECV:
    case TRY_RECV:
        *rc = m_recv(c);
        break;
    case CLOSE:
        m.closed[c] = true;
        while ((other = first_waiter(SEND, c, CHANS)))
            ready(other, -EPIPE);
        while ((other = first_waiter(RECV, c, CHANS)))
            ready(other, 0);
        break;
    case CANCEL:
        m_cancel(&m.fiber[a % program.fibers]);
        break;
    case JOIN:
        other = &m.fiber[a % program.fibers];
        *rc = other == f ? -EDEADLK : other->state == ENDED ? 0 : -EAGAIN;
        break;
    }
    if (*rc == -EAGAIN && is_checkpoint(op->code)) {
        park(f, GO_FOREVER);
        return false;
    }
    return true;
}

static void enter(struct mfiber *f, go_time timeout, go_time shield, int op, int end)
{
    f->scope[f->depth++] = (struct mscope){.deadline = timeout < 0    ? GO_FOREVER
                                                       : timeout == 0 ? INT64_MIN + 1
                                                                      : m.now + timeout,
                                           .shield = shield > 0 ? m.now + shield : -1,
                                           .op = op,
                                           .end = end};
}

static void leave(struct mfiber *f)
{
    struct mscope *sc = &f->scope[--f->depth];

    note(&modelled, number(f), sc->op,
         !sc->delivered ? -EXDEV
         : sc->late     ? -ETIMEDOUT
                        : -ECANCELED,
         m.now);
}

static void finish(struct mfiber *f)
{
    struct mfiber *joiner;

    f->depth = 1;
    for (unsigned i = 0; i < MUTEXES; i++)
        note(&modelled, number(f), OPS, m_unlock(i, number(f)), m.now);
    f->state = ENDED;
    while ((joiner = first_waiter(JOIN, (unsigned)number(f), program.fibers)))
        ready(joiner, 0);
}

/* f runs until it waits or ends. */
static void run(struct mfiber *f)
{
    int self = number(f), end = (int)program.ops[self];

    if (f->waiting) {
        f->waiting = false;
        note(&modelled, self, f->at, f->rc == INT_MAX ? deliver(f) : f->rc, m.now);
        f->at++;
    } else {
        enter(f, patience(self), 0, -1, end);
    }
    for (;;) {
        const struct op *op = &program.op[self][f->at];
        int rc;

        if (f->depth > 2 && f->at == f->scope[f->depth - 1].end) {
            leave(f);
            continue;
        }
        if (f->at == end) {
            finish(f);
            return;
        }
        if (op->code == TIMEOUT || op->code == SHIELD) {
            enter(f, op->code == TIMEOUT ? length(op) : -1, op->code == SHIELD ? length(op) : 0,
                  f->at, block_end(op, f->at, f->scope[f->depth - 1].end));
            f->at++;
            continue;
        }
        if (!begin(f, op, &rc))
            return;
        note(&modelled, self, f->at, rc, m.now);
        f->at++;
    }
}

/* Nobody is ready: time jumps. False: nobody waits for it. */
static bool time_jumps(void)
{
    go_time least = GO_FOREVER;

    for (unsigned i = 0; i < program.fibers; i++)
        if (m.fiber[i].state == PARKED && m.fiber[i].due < least)
            least = m.fiber[i].due;
    if (least == GO_FOREVER)
        return false;
    if (least > m.now)
        m.now = least;
    for (;;) {
        struct mfiber *next = NULL;

        for (unsigned i = 0; i < program.fibers; i++) {
            struct mfiber *f = &m.fiber[i];

            if (f->state == PARKED && f->due <= m.now &&
                (!next || f->due < next->due || (f->due == next->due && f->seq < next->seq)))
                next = f;
        }
        if (!next)
            return true;
        ready(next, is_due(next) ? INT_MAX : 0);
    }
}

static void model(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < MUTEXES; i++)
        m.owner[i] = -1;
    for (unsigned i = 0; i < program.fibers; i++) {
        struct mfiber *f = &m.fiber[i];

        f->scope[f->depth++] = (struct mscope){.deadline = GO_FOREVER, .shield = -1, .end = OPS};
        ready(f, 0);
    }
    do
        while (m.queued) {
            int i = m.queue[0];

            memmove(m.queue, m.queue + 1, (size_t)--m.queued * sizeof *m.queue);
            run(&m.fiber[i]);
        }
    while (time_jumps());
}

/* ---- one input ---- */

static void decode(const uint8_t *data, size_t size)
{
    memset(&program, 0, sizeof program);
    program.fibers = 1 + fuzz_byte(&data, &size) % FIBERS;
    for (unsigned i = 0; i < program.fibers; i++) {
        program.ops[i] = fuzz_byte(&data, &size) % (OPS + 1);
        for (unsigned k = 0; k < program.ops[i]; k++) {
            program.op[i][k].code = fuzz_byte(&data, &size) % OP_CODES;
            program.op[i][k].arg = fuzz_byte(&data, &size);
        }
    }
}

static const char *const op_names[] = {"yield", "sleep",  "lock", "unlock",  "try_lock", "wait",
                                       "set",   "clear",  "send", "recv",    "try_send", "try_recv",
                                       "close", "cancel", "join", "timeout", "shield",   "check"};

static void show(const char *who, const struct record *r, unsigned i)
{
    const struct line *l = &r->line[i];
    const struct op *op = &program.op[l->fiber][l->op < OPS ? l->op : 0];

    if (i < r->n)
        fprintf(stderr, "%s %u: fiber %d, operation %d (%s %u): %d at %lld\n", who, i, l->fiber,
                l->op, l->op < OPS ? op_names[op->code] : "its end", op->arg, l->rc,
                (long long)l->when);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .no_signals = true, .watchdog = -1};
    unsigned i = 0;

    decode(data, size);
    played.n = modelled.n = 0;
    FUZZ_CHECK(go_run_with(&opts, play, NULL) == 0);
    model();
    while (i < played.n && i < modelled.n &&
           memcmp(&played.line[i], &modelled.line[i], sizeof played.line[i]) == 0)
        i++;
    if (i == played.n && i == modelled.n)
        return 0;
    for (unsigned k = i > 20 ? i - 20 : 0; k <= i; k++)
        show(k < i ? "both" : "real", &played, k);
    show("model", &modelled, i);
    FUZZ_CHECK(!"the model");
    return 0;
}
