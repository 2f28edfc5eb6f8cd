/* SPDX-License-Identifier: MIT
 *
 * The waitables of sync/, for go_select. A wait's item is where the value goes to or comes from. */
#ifndef SYNC_WAITABLES_H
#define SYNC_WAITABLES_H

#include "core/wait.h"
#include <gosling/chan.h>
#include <gosling/event.h>
#include <gosling/future.h>
#include <gosling/mutex.h>
#include <gosling/sem.h>

extern const struct waitable chan_recv_waitable;
extern const struct waitable chan_send_waitable;
extern const struct waitable event_waitable;
extern const struct waitable future_waitable;
extern const struct waitable mutex_waitable;
extern const struct waitable sem_waitable;

/* A source that a soft cancel refuses: waits on it carry WAIT_SOURCE. */
static inline bool chan_is_source(const go_chan *c)
{
    return c->source;
}

#endif
