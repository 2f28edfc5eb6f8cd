/* SPDX-License-Identifier: MIT
 *
 * Debug builds (make DEBUG=1; hostile builds are some, too): two things are reported as they
 * happen, which cost too much to look for otherwise.
 *
 *  - A cycle of locks, when it closes: the fiber that is about to wait is itself waited for by who
 *    holds what it wants. The others, and who holds what, are in the report; the run goes on, as a
 *    deadline may yet undo it.
 *  - A fiber that waits while it holds a plain pthread mutex: the next fiber of this thread that
 *    wants that mutex stops the thread, and with it the one that would unlock it. Both backtraces.
 *    For this such a build brings pthread_mutex_lock, trylock, timedlock and unlock of its own,
 *    which note who holds what and call libc's. */
#ifndef CORE_DEBUG_H
#define CORE_DEBUG_H

#if defined(GOSLING_DEBUG) || defined(GOSLING_HOSTILE)

struct wait;
struct go_fiber;

/* f is about to park on waits[0..n). */
void debug_parks(struct go_fiber *f, const struct wait *waits, unsigned n);

#else

#define debug_parks(f, waits, n) ((void)(f), (void)(waits), (void)(n))

#endif
#endif
