/* SPDX-License-Identifier: MIT */
#ifndef SHIM_CLONE_H
#define SHIM_CLONE_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct go_sched;

#ifdef SHIM_CLONE

/* clone or clone3 (nr) of a fiber, with these registers. True: done, with that result. False: the
 * caller makes the call itself, in its own frame, as the registers now say. */
bool clone_call(struct go_sched *s, long nr, greg_t *g, long *result);

/* The call of a process that has a copy of our memory, from a fiber, on the same stack: its id, 0
 * in it, or -errno. */
struct site_registers;
long clone_copy(const struct site_registers *r, uint64_t flags);

/* Where a thread that is a fiber begins, with its registers at its stack pointer. */
void clone_child(void);
enum { CLONE_BLOCK = 144 };

#endif
#endif
