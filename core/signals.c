/* SPDX-License-Identifier: MIT */
#include "core/signals.h"
#include "core/claim.h"
#include "core/fork.h"
#include "core/misuse.h"
#include "core/scope.h"
#include "core/sys.h"
#include "core/term.h"
#include "core/watchdog.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Rejected: signalfd. It needs the signals blocked in every thread of the process, those of other
 * libraries included, and children would inherit that. */

enum { SIGNALS = 64 };

/* One signal, in the process. arrived and received count for ever; of a standard signal, all that
 * arrived since the last receipt are received as one. */
struct traffic {
    atomic_uint arrived;
    atomic_uint received;    /* the most that any source has received of it */
    atomic_uint users;       /* sources; changes under the lock */
    struct sigaction before; /* with users: what to restore */
};

struct go_signal_source {
    list link; /* in its scheduler's */
    list waiters;
    uint64_t set;
    int turn; /* the signal that was received last: the next look begins after it */
    unsigned received[SIGNALS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct traffic traffic[SIGNALS]; /* signal n is at n - 1 */
static sigset_t mask_before_fork;

static inline uint64_t bit(int sig)
{
    return UINT64_C(1) << (sig - 1);
}

/* SIGRTMIN is libc's idea: it keeps the first few for itself. */
static unsigned count_once(int sig, unsigned n)
{
    return sig < SIGRTMIN && n > 1 ? 1 : n;
}

/* ---- the handler ---- */

/* Raises again what arrived and nobody received, when nobody is there to receive it. By whoever is
 * first to claim it: the last source's close, or a handler that came too late for it. */
static void raise_again(int sig)
{
    struct traffic *t = &traffic[sig - 1];
    unsigned arrived = atomic_load(&t->arrived), received = atomic_load(&t->received);

    do
        if (received == arrived)
            return;
    while (!atomic_compare_exchange_weak(&t->received, &received, arrived));
    for (unsigned n = count_once(sig, arrived - received); n > 0; n--)
        kill(getpid(), sig);
}

static void handler(int sig)
{
    struct traffic *t = &traffic[sig - 1];
    int saved = errno;

    atomic_fetch_add(&t->arrived, 1);
    for (go_sched *s = sched_all(); s; s = s->all_next)
        if (atomic_load(&s->sources.set) & bit(sig) && !atomic_exchange(&s->sources.queued, true))
            inbox_push(&s->inbox, &s->sources.msg);
    if (atomic_load(&t->users) == 0)
        raise_again(sig);
    errno = saved;
}

/* ---- dispositions, under the lock ---- */

static bool acceptable(int sig)
{
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction now;

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (sig == never[i])
            return false;
    return sig > 0 && sig <= SIGNALS && sigaction(sig, NULL, &now) == 0;
}

static void take(int sig)
{
    struct traffic *t = &traffic[sig - 1];
    struct sigaction mine = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};

    if (atomic_load(&t->users) == 0) {
        sigfillset(&mine.sa_mask);
        atomic_store(&t->users, 1); /* before the handler can run */
        sigaction(sig, &mine, &t->before);
    } else {
        atomic_fetch_add(&t->users, 1);
    }
}

/* Only what is still ours is restored: the program may have set another meanwhile. */
static void restore(int sig)
{
    struct traffic *t = &traffic[sig - 1];
    struct sigaction now;

    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == handler) {
        sigaction(sig, &t->before, NULL);
        term_refresh(sig);
    }
}

/* ---- receiving ---- */

static bool is_pending(const struct go_signal_source *src, int sig)
{
    return src->set & bit(sig) && atomic_load(&traffic[sig - 1].arrived) != src->received[sig - 1];
}

static void note_received(int sig, unsigned upto)
{
    atomic_uint *most = &traffic[sig - 1].received;
    unsigned received = atomic_load(most);

    while ((int)(upto - received) > 0)
        if (atomic_compare_exchange_weak(most, &received, upto))
            break;
}

/* The next pending signal in turn; 0: none is. */
static int next_pending(const struct go_signal_source *src)
{
    for (int k = 0; k < SIGNALS; k++) {
        int sig = (src->turn + k) % SIGNALS + 1;

        if (is_pending(src, sig))
            return sig;
    }
    return 0;
}

/* The same, received. */
static int receive(struct go_signal_source *src)
{
    int sig = next_pending(src);
    unsigned *received;

    if (!sig)
        return 0;
    received = &src->received[sig - 1];
    if (sig < SIGRTMIN)
        *received = atomic_load(&traffic[sig - 1].arrived);
    else
        ++*received;
    note_received(sig, *received);
    src->turn = sig;
    return sig;
}

/* Those who wait come first. */
static void serve(struct go_signal_source *src)
{
    while (!list_empty(&src->waiters) && next_pending(src)) {
        struct wait *w = list_entry(list_pop(&src->waiters), struct wait, link);

        if (wait_claim(w))
            wait_win(w, receive(src));
    }
}

/* On the loop. */
static void arrived(void *arg)
{
    go_sched *s = arg;

    /* what arrives from here on is worth another message */
    atomic_store(&s->sources.queued, false);
    for (list *l = s->sources.open.next; l != &s->sources.open; l = l->next)
        serve(list_entry(l, struct go_signal_source, link));
}

/* ---- opening and closing ---- */

static struct go_signal_source *source_of(const go_signals *sig, go_sched *s, const char *function)
{
    if (!sig->source)
        return NULL;
    if (sig->sched != s)
        misuse(function, "this source belongs to another thread's scheduler; each opens its own");
    return sig->run == s->first_id ? sig->source : NULL; /* of an earlier run: closed by its end */
}

static void update_set(go_sched *s)
{
    uint64_t set = 0;

    for (list *l = s->sources.open.next; l != &s->sources.open; l = l->next)
        set |= list_entry(l, struct go_signal_source, link)->set;
    atomic_store(&s->sources.set, set);
}

static int set_of(const int *signals, size_t n, uint64_t *set)
{
    *set = 0;
    for (size_t i = 0; i < n; i++) {
        if (!acceptable(signals[i]))
            return -EINVAL;
        if (signals[i] == watchdog_signal())
            return -EBUSY;
        *set |= bit(signals[i]);
    }
    return n > 0 ? 0 : -EINVAL;
}

int go_signals_open(go_signals *sig, const int *signals, size_t n)
{
    go_sched *s = sched_self();
    struct go_signal_source *src;
    uint64_t set;
    int rc;

    *sig = (go_signals){.sched = NULL};
    if (!s)
        return -ESHUTDOWN;
    rc = set_of(signals, n, &set);
    if (rc < 0)
        return rc;
    src = calloc(1, sizeof *src);
    if (!src)
        return -ENOMEM;
    list_init(&src->waiters);
    src->set = set;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < SIGNALS; i++) /* what has arrived so far is not for this one */
        src->received[i] = atomic_load(&traffic[i].arrived);
    list_push(&s->sources.open, &src->link);
    s->sources.count++;
    update_set(s);
    for (int i = 1; i <= SIGNALS; i++)
        if (set & bit(i))
            take(i);
    pthread_mutex_unlock(&lock);
    *sig = (go_signals){.sched = s, .run = s->first_id, .source = src};
    return 0;
}

static void source_close(go_sched *s, struct go_signal_source *src)
{
    uint64_t last = 0;
    list *l;

    pthread_mutex_lock(&lock);
    list_remove(&src->link);
    s->sources.count--;
    update_set(s);
    for (int i = 1; i <= SIGNALS; i++)
        if (src->set & bit(i) && atomic_fetch_sub(&traffic[i - 1].users, 1) == 1) {
            restore(i);
            last |= bit(i);
        }
    pthread_mutex_unlock(&lock);
    while ((l = list_pop(&src->waiters))) {
        struct wait *w = list_entry(l, struct wait, link);

        if (wait_claim(w))
            wait_win(w, -EBADF);
    }
    free(src);
    for (int i = 1; i <= SIGNALS; i++) /* all dispositions are back by now: each meets its own */
        if (last & bit(i))
            raise_again(i);
}

void go_signals_close(go_signals *sig)
{
    go_sched *s = sched_self();
    struct go_signal_source *src;

    if (!s)
        return; /* the run's end has closed it */
    if (s->fork_pending)
        fork_settle(s);
    src = source_of(sig, s, "go_signals_close");
    *sig = (go_signals){.sched = NULL};
    if (src)
        source_close(s, src);
}

/* ---- waiting ---- */

static int next_commit(struct wait *w)
{
    struct go_signal_source *src = source_of(w->object, sched_self(), "go_select");

    if (!src) {
        w->result = -EBADF;
        return 0;
    }
    serve(src);
    w->result = list_empty(&src->waiters) ? receive(src) : 0;
    return w->result ? 0 : -EAGAIN;
}

static int next_arm(struct wait *w)
{
    list_push(&((go_signals *)w->object)->source->waiters, &w->link);
    return 0;
}

static void next_describe(const struct wait *w, FILE *out)
{
    const struct go_signal_source *src = ((const go_signals *)w->object)->source;

    fputs("signals", out);
    for (int i = 1; src && i <= SIGNALS; i++)
        if (src->set & bit(i))
            fprintf(out, " %d", i);
}

const struct waitable signals_waitable = {.name = "signals",
                                          .commit = next_commit,
                                          .arm = next_arm,
                                          .describe = next_describe};

int go_signals_next(go_signals *sig)
{
    go_sched *s = sched_self();
    struct wait w = {.ops = &signals_waitable, .object = sig};
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (scope_stopping(s->current))
        return scope_refused();
    if (next_commit(&w) == 0)
        return w.result;
    next_arm(&w);
    rc = wait_park(&w, 1, WAIT_CANCEL | WAIT_SOURCE, GO_FOREVER);
    return rc < 0 ? rc : w.result;
}

/* ---- runs and forks ---- */

void signals_enter(go_sched *s)
{
    list_init(&s->sources.open);
    s->sources.count = 0;
    s->sources.msg = (struct inbox_msg){.fn = arrived, .arg = s};
    atomic_store(&s->sources.queued, false);
}

/* The inbox is closed: no message is under way, and none comes any more. */
void signals_leave(go_sched *s)
{
    list *l;

    while (!list_empty(&s->sources.open)) {
        l = s->sources.open.next;
        source_close(s, list_entry(l, struct go_signal_source, link));
    }
}

/* The child begins with nothing pending, as after any fork; and with the sources of this thread
 * alone, since the others' threads are not there. */
static void in_child(go_sched *self)
{
    unsigned users[SIGNALS] = {0};

    for (go_sched *s = sched_all(); s; s = s->all_next)
        if (s != self)
            atomic_store(&s->sources.set, 0);
    for (int i = 0; i < SIGNALS; i++)
        atomic_store(&traffic[i].received, atomic_load(&traffic[i].arrived));
    for (list *l = self ? self->sources.open.next : NULL; l && l != &self->sources.open;
         l = l->next) {
        struct go_signal_source *src = list_entry(l, struct go_signal_source, link);

        for (int i = 0; i < SIGNALS; i++) {
            src->received[i] = atomic_load(&traffic[i].arrived);
            users[i] += src->set >> i & 1;
        }
    }
    if (self)
        atomic_store(&self->sources.queued, false);
    for (int i = 0; i < SIGNALS; i++)
        if (atomic_exchange(&traffic[i].users, users[i]) > 0 && users[i] == 0)
            restore(i + 1);
}

/* Signals are held back meanwhile: one that came between the fork and the child's emptying of its
 * inbox would be lost. */
void signals_fork(int when)
{
    sigset_t all;

    if (when == FORK_ALONE)
        pthread_mutex_init(&lock, NULL);
    if (when == FORK_PREPARE || when == FORK_ALONE) {
        pthread_mutex_lock(&lock);
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &mask_before_fork);
        return;
    }
    if (when == FORK_CHILD)
        in_child(sched_self());
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_SETMASK, &mask_before_fork, NULL);
}
