/* SPDX-License-Identifier: MIT
 *
 * Signals as something to wait for. While a source is open, the signals on its list do nothing but
 * reach it; when the last source on a signal closes, what was there before is back. */
#ifndef GOSLING_SIGNALS_H
#define GOSLING_SIGNALS_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* A source of signals. Caller-allocated; fields are private. It belongs to the scheduler that opens
 * it. */
typedef struct go_signals {
    go_sched *sched;
    uint64_t run;
    struct go_signal_source *source;
} go_signals;

/* Opens a source on the n signals of the list (repetitions count once). From then on they are
 * caught, whatever their disposition was: SIGTERM and SIGINT too, which do not stop the run any
 * more. Several sources, also of several threads' runs, may be open on one signal: each gets it.
 * A run with an open source is never reported as a deadlock. In a fork child the sources of the
 * thread that forked stay open, with nothing pending.
 *
 * Not a checkpoint. Returns 0. Otherwise nothing has changed: -EINVAL for an empty list, what is
 * no signal, or one of MIPS's beyond 64, SIGKILL, SIGSTOP, those that report a fault of the
 * program's own (SIGSEGV, SIGBUS, SIGFPE, SIGILL), and the few that libc keeps; -EBUSY for the one
 * real-time signal that the watchdog of a run uses; -ENOMEM; -ESHUTDOWN outside a run. */
GO_API int go_signals_open(go_signals *s, const int *signals, size_t n);

/* [checkpoint] Waits for a signal and returns it. Several fibers may wait: each signal goes to the
 * one that has waited longest. When several signals are pending they take turns, so that a frequent
 * one does not hide a rare one. As in the kernel, a signal that comes again before it was received
 * counts once, but real-time signals (SIGRTMIN and above) count each time.
 *
 * Returns -ECANCELED when cancelled, and also once a soft cancel asks to stop; -EBADF when s is not
 * open, or is closed meanwhile; -ESHUTDOWN outside a run. */
GO_API int go_signals_next(go_signals *s);

/* Closes s; who waits on it gets -EBADF. Where it was the last source on a signal, the former
 * disposition is back, unless the program has set another meanwhile; and what no source has
 * received of it is raised again, so that it meets that disposition: a SIGTERM that nobody took
 * stops the run, or ends the program. What is left open at the end of go_run is closed by it.
 * Idempotent; harmless for a zero-initialised one. Not a checkpoint. */
GO_API void go_signals_close(go_signals *s);

GO_END_DECLS

#endif
