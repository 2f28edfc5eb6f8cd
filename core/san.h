/* SPDX-License-Identifier: MIT
 *
 * What the sanitizers must be told. AddressSanitizer, ThreadSanitizer and MemorySanitizer believe
 * that a thread has one stack, and do not see what a bare system call reads and writes. A library
 * built with one of them (SAN=address, thread, memory) says it here, so that whole programs on
 * fibers can be checked; the switch stays the fast one. Built without, everything here is nothing.
 *
 * A fiber's life: san_fiber_begin when its stack is handed out, san_entered first thing on that
 * stack, san_switch at each switch; at the switch after its end (state FIBER_ENDED) the sanitizers
 * forget it, and its stack is poisoned until it is handed out again. One that will not run again,
 * and did not end (the loop's, those that a fork child drops, also if they never ran): san_drop.
 * The main fiber, on the thread's own stack: san_main_begin and san_main_end. */
#ifndef CORE_SAN_H
#define CORE_SAN_H

#include <gosling/types.h>
#include <stdbool.h>
#include <sys/uio.h>

#if defined(__has_feature)
#define SAN_FEATURE(name) __has_feature(name)
#else
#define SAN_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SAN_FEATURE(address_sanitizer)
#define SAN_ADDRESS 1
#else
#define SAN_ADDRESS 0
#endif
#if defined(__SANITIZE_THREAD__) || SAN_FEATURE(thread_sanitizer)
#define SAN_THREAD 1
#else
#define SAN_THREAD 0
#endif
#define SAN_MEMORY SAN_FEATURE(memory_sanitizer)
#define SAN        (SAN_ADDRESS || SAN_THREAD || SAN_MEMORY)

/* For a function whose calls and returns the sanitizers shall not count: the first on a stack. */
#if SAN_THREAD
#define SAN_BARE __attribute__((noinline, no_sanitize("thread")))
#else
#define SAN_BARE
#endif

struct go_fiber;

void san_switch(struct go_fiber *from, struct go_fiber *to); /* arch_switch */

#if SAN

struct san_fiber {
    const void *lo; /* its stack; NULL: not known yet (the main fiber before it first leaves) */
    size_t size;
    void *fake; /* ASan: where variables lie that are watched after their function returned */
    void *tsan; /* TSan: its idea of this fiber */
    bool blind; /* TSan: does not look at what it does any more */
};

void san_fiber_begin(struct go_fiber *f);
void san_entered(struct go_fiber *f);
void san_drop(struct go_fiber *f);
void san_main_begin(struct go_fiber *f);
void san_main_end(struct go_fiber *f);
void san_forked(void);                      /* in a fork child */
void san_unmapped(void *base, size_t size); /* memory that held stacks goes back to the system */

/* The kernel has written, or is about to read, what p points to. */
void san_wrote(const void *p, size_t n);
void san_reads(const void *p, size_t n);
void san_wrote_iov(const struct iovec *v, int count, ssize_t n); /* the first n bytes of v */
void san_reads_iov(const struct iovec *v, int count);

/* Bytes have come from, or are about to go, to another thread through the kernel: what was done
 * before they went comes before what is done after they came. One order for all descriptors, as
 * TSan itself has one for all sockets. */
void san_bytes_came(void);
void san_bytes_go(void);

/* The arguments of a callback from a library that is not instrumented. */
#if SAN_MEMORY
void __msan_unpoison_param(size_t count);
#define san_called_back(count) __msan_unpoison_param(count)
#else
#define san_called_back(count) ((void)0)
#endif

#else

struct san_fiber {
}; /* no byte */

#define san_fiber_begin(f)         ((void)0)
#define san_entered(f)             ((void)0)
#define san_drop(f)                ((void)0)
#define san_main_begin(f)          ((void)0)
#define san_main_end(f)            ((void)0)
#define san_forked()               ((void)0)
#define san_unmapped(base, size)   ((void)0)
#define san_wrote(p, n)            ((void)(p), (void)(n))
#define san_reads(p, n)            ((void)(p), (void)(n))
#define san_wrote_iov(v, count, n) ((void)(v), (void)(count), (void)(n))
#define san_reads_iov(v, count)    ((void)(v), (void)(count))
#define san_bytes_came()           ((void)0)
#define san_bytes_go()             ((void)0)
#define san_called_back(count)     ((void)0)

#endif
#endif
