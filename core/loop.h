/* SPDX-License-Identifier: MIT
 *
 * The event loop: libev, behind this header alone. One private loop per scheduler. It knows
 * descriptors, one wake-up time, and wake-ups from other threads and signal handlers; it knows
 * nothing of fibers. Callbacks run inside loop_poll, and may start and stop watchers. */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <gosling/time.h>

struct loop;

/* A watcher of one direction of one descriptor, embedded in its owner; level-triggered, and active
 * until it is stopped. */
struct loop_io {
    /* events: LOOP_READ, LOOP_WRITE; both when the fd failed */
    void (*cb)(struct loop_io *io, int events);
    int fd;
    bool active;
    _Alignas(8) unsigned char ev[64]; /* libev's watcher; loop.c's own */
};

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

int loop_new(struct loop **out); /* 0, -ENOMEM, -EMFILE, … */
void loop_free(struct loop *l);  /* no watcher may be active */
/* in a fork child, before anything else: new kernel objects; watchers stay started */
int loop_fork(struct loop *l);

void loop_io_init(struct loop_io *io, int fd, void (*cb)(struct loop_io *, int));
/* the fd must be open: libev asserts it */
void loop_io_start(struct loop *l, struct loop_io *io, int events);
void loop_io_stop(struct loop *l, struct loop_io *io);
/* an active one: register anew, its number may be another file */
void loop_io_renew(struct loop *l, struct loop_io *io);
unsigned loop_calls(const struct loop *l);  /* of watchers' callbacks, so far */
unsigned loop_active(const struct loop *l); /* watchers started by users of this interface */

/* Polls once and runs the callbacks of what is ready. until: GO_FOREVER waits for an event or a
 * wake-up; INT64_MIN does not wait; else waits until that time of CLOCK_MONOTONIC, with nanosecond
 * precision (a timerfd, armed anew only when an earlier time is wanted or it has fired). May return
 * early. */
void loop_poll(struct loop *l, go_time until);
/* the same, for who has just read the clock: now is CLOCK_MONOTONIC's */
void loop_poll_at(struct loop *l, go_time until, go_time now);

/* Makes a loop_poll that waits now, or the next one, return. Any thread, any signal handler. */
void loop_wake(struct loop *l);

#endif
