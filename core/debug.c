/* SPDX-License-Identifier: MIT */
#include "core/debug.h"

#if defined(GOSLING_DEBUG) || defined(GOSLING_HOSTILE)

#include "core/deadlock.h"
#include "core/fiber.h"
#include "core/misuse.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <unistd.h>

enum { MOST = 16, FRAMES = 24 };

/* What this thread's fibers hold of plain mutexes: few, and soon given back. */
static __thread struct {
    struct held {
        pthread_mutex_t *mutex;
        const fiber *by; /* NULL: no fiber */
        bool reported;
        int frames;
        void *pcs[FRAMES];
    } held[MOST];
    int count;
    bool busy; /* a backtrace may lock */
} plain __attribute__((tls_model("initial-exec")));

static void note(pthread_mutex_t *m)
{
    go_sched *s = sched_self();
    struct held *h;

    if (!s || !s->current || s->current == s->loop_fiber || plain.busy || plain.count == MOST)
        return;
    plain.busy = true;
    h = &plain.held[plain.count++];
    h->mutex = m;
    h->by = s->current;
    h->reported = false;
    h->frames = backtrace(h->pcs, FRAMES);
    plain.busy = false;
}

static void forget(pthread_mutex_t *m)
{
    for (int i = plain.count - 1; i >= 0; i--)
        if (plain.held[i].mutex == m) {
            plain.held[i] = plain.held[--plain.count];
            return;
        }
}

static void report_plain(const fiber *f, const struct wait *w)
{
    char name[FIBER_NAME + 32];
    void *pcs[FRAMES];

    for (int i = 0; i < plain.count; i++) {
        struct held *h = &plain.held[i];

        if (h->by != f || h->reported)
            continue;
        h->reported = true;
        plain.busy = true;
        report(
            "%s waits (%s) while it holds the pthread mutex %p. Another fiber of this thread that "
            "locks it stops the thread, and this fiber with it: unlock it first, or use a "
            "go_mutex. "
            "Locked at:",
            fiber_label(f, name, sizeof name), w ? w->ops->name : "nothing", (void *)h->mutex);
        backtrace_symbols_fd(h->pcs, h->frames, STDERR_FILENO);
        report("waiting at:");
        backtrace_symbols_fd(pcs, backtrace(pcs, FRAMES), STDERR_FILENO);
        plain.busy = false;
    }
}

void debug_parks(fiber *f, const struct wait *waits, unsigned n)
{
    if (plain.count > 0 && !plain.busy)
        report_plain(f, n ? &waits[0] : NULL);
    if (n == 1)
        deadlock_closing(f, &waits[0]);
}

/* ---- libc's, with a note ---- */

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (!real)                     \
    real = (__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name)

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_lock);
    int rc = real(m);

    if (rc == 0 || rc == EOWNERDEAD)
        note(m);
    return rc;
}

__attribute__((visibility("default"))) int pthread_mutex_trylock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_trylock);
    int rc = real(m);

    if (rc == 0 || rc == EOWNERDEAD)
        note(m);
    return rc;
}

__attribute__((visibility("default"))) int pthread_mutex_timedlock(pthread_mutex_t *m,
                                                                   const struct timespec *until)
{
    REAL(pthread_mutex_timedlock);
    int rc = real(m, until);

    if (rc == 0 || rc == EOWNERDEAD)
        note(m);
    return rc;
}

__attribute__((visibility("default"))) int pthread_mutex_unlock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_unlock);

    forget(m);
    return real(m);
}

#endif
