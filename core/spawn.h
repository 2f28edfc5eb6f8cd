/* SPDX-License-Identifier: MIT */
#ifndef CORE_SPAWN_H
#define CORE_SPAWN_H

#include "core/fiber.h"

/* The first function on a fiber's stack. */
void fiber_main(void *f);

/* A new fiber, child of n, not yet in the run queue: the common half of every spawn. NULL: no
 * memory, nothing happened. */
fiber *fiber_new(go_sched *s, go_nursery *n, size_t stack_size, go_fn *fn, void *arg,
                 void *spawned_at);

/* `size` bytes at the top of a new fiber's stack, 16-byte aligned: its frames begin below them.
 * Once per fiber. */
void *fiber_reserve(fiber *f, size_t size);

/* go_spawn_with for code inside the library; copy (of copy_size bytes, may be NULL) becomes the
 * child's argument. */
int spawn(go_nursery *n, const go_spawn_opts *opts, go_fn *fn, void *arg, const void *copy,
          size_t copy_size, void *at);

#endif
