/* SPDX-License-Identifier: MIT
 *
 * What all synchronisation objects have in common. Everything is first come, first served, with
 * direct hand-off: who releases gives to the first who waits, and a `_try` call never overtakes a
 * waiter. An object is caller-allocated; it belongs to the scheduler that initialises it
 * (initialised outside a run: to the first one that uses it) and costs no atomic operation. Use
 * from another OS thread is misuse and aborts. Waiters must be gone before its memory is. */
#ifndef GOSLING_SYNC_H
#define GOSLING_SYNC_H

#include <gosling/run.h>

GO_BEGIN_DECLS

enum {
    /* usable between OS threads; not implemented yet: an init with it aborts, or returns -ENOSYS */
    GO_SHARED = 1,
    GO_SOURCE = 2 /* on a channel: receiving is refused with -ECANCELED once a soft cancel asks to
                     stop */
};

GO_END_DECLS

#endif
