/* SPDX-License-Identifier: MIT
 *
 * The library's own memory, while the program's threads are fibers: one of them may have been
 * stopped in the middle of malloc, and the library, which runs on the same kernel thread, must not
 * meet its locks. From any thread; not from a signal handler. */
#ifndef SHIM_MEMORY_H
#define SHIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* 16-byte aligned; NULL: none. */
void *memory_get(size_t n);
void memory_put(void *p); /* NULL: nothing */

/* p's bytes in n, at another place perhaps. */
void *memory_resize(void *p, size_t n);

/* Whether p came from here. */
bool memory_is(const void *p);

/* Aligned to that power of two. */
void *memory_aligned(size_t alignment, size_t n);

/* Zeroed. */
void *memory_clear(size_t n, size_t size);

#endif
