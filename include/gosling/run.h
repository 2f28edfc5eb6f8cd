/* SPDX-License-Identifier: MIT
 *
 * Running: one scheduler per OS thread, alive for the length of a go_run. */
#ifndef GOSLING_RUN_H
#define GOSLING_RUN_H

#include <gosling/time.h>

GO_BEGIN_DECLS

/* What a fiber runs. Its int is the fiber's result: >= 0, or -errno. */
typedef int go_fn(void *arg);

typedef enum { GO_CLOCK_REAL, GO_CLOCK_VIRTUAL } go_clock;
typedef enum { GO_RESOLVER_AUTO, GO_RESOLVER_ARES, GO_RESOLVER_THREAD } go_resolver;

/* Options of a run. A zero field means its default. */
typedef struct {
    /* bytes of a fiber's stack unless its spawn says otherwise; default 64 KiB, at least 16 KiB */
    size_t stack_size;
    /* not 0: shuffle each batch of ready fibers by it; default: the environment's GO_SEED, or
     * none */
    uint64_t seed;
    /* report a fiber that has not yielded for this long; default 100 ms, negative: never */
    go_time watchdog;
    go_clock clock; /* GO_CLOCK_VIRTUAL: time jumps to the next deadline when everything waits */
    /* who answers look-ups of names (used by the resolver; no effect without it) */
    go_resolver resolver;
    bool no_signals; /* leave SIGTERM and SIGINT alone */
    go_time grace;   /* how long a first SIGTERM or SIGINT stays soft; default 10 s */
    /* most threads of the offload pool, which all runs of the process share; default 16 */
    unsigned pool_max;
    bool no_deadlock; /* never report a global deadlock: wait for a go_post instead */
} go_run_opts;

/* a scheduler; never freed, so that a late go_post is refused and not a crash */
typedef struct go_sched go_sched;

/* Runs fn(arg) as the main fiber of this OS thread's scheduler, on this thread's own stack, until
 * it returned and every post that was accepted has run. Returns fn's result; -EDEADLK when nothing
 * could ever have woken the program (a report is on stderr); an error that no block delivered and
 * that climbed past the main fiber (its tree is on stderr), when fn itself returned none; -EBUSY
 * inside a run; -ENOMEM, -EMFILE and the like when the scheduler could not be built; -EINVAL for
 * options that make no sense. While it runs, SIGPIPE is ignored, and a first SIGTERM or SIGINT
 * cancels softly, a second hard, and a third takes the default action; each only where the program
 * left it SIG_DFL.
 *
 * After fork, the child has the calling fiber alone, as its main fiber: the nurseries around it are
 * closed (-ESHUTDOWN), and when its function returns, the process ends with that result as exit
 * status (an error: 1). If it was the main fiber that forked, go_run returns in the child as
 * well. */
GO_API int go_run(go_fn *fn, void *arg);
GO_API int go_run_with(const go_run_opts *opts, go_fn *fn, void *arg);

/* The scheduler of this OS thread, or NULL outside a run. */
GO_API go_sched *go_sched_self(void);

/* Has scheduler s run fn(arg) on its loop, in order of the posts of each thread. fn must not wait:
 * it may spawn, set, send with _try calls and cancel. From any OS thread and from any signal
 * handler. Not a checkpoint. Returns 0 (then fn runs before that go_run returns), -ESHUTDOWN when s
 * runs nothing now, -EINVAL, or -EAGAIN when memory for the record ran out: the post then did not
 * happen. */
GO_API int go_post(go_sched *s, void (*fn)(void *), void *arg);

/* While held, s reports no global deadlock: somebody that gosling does not know of may still wake
 * it by go_post. From any thread. Holds count. Return 0, or -EINVAL (a drop without a hold, s is
 * NULL). */
GO_API int go_sched_hold(go_sched *s);
GO_API int go_sched_drop(go_sched *s);

GO_END_DECLS

#endif
