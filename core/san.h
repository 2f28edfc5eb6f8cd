/* SPDX-License-Identifier: MIT
 *
 * What the sanitizers must be told. AddressSanitizer, ThreadSanitizer and MemorySanitizer believe
 * that a thread has one stack, and do not see what a bare system call reads and writes; TSan does
 * not see either what code that it has not compiled does in which order. It is said here, so that
 * programs on fibers can be checked; the switch stays the fast one.
 *
 * Two ways lead here. A library that is built with a sanitizer (SAN=address, thread, memory) knows
 * at compile time. One that is built without asks at start whether the program brought a
 * sanitizer's runtime along: a user's `cc -fsanitize=address server.c -lgosling` is checked like
 * anything else, and everybody else pays for one branch that is never taken. (MSan holds whatever
 * plain code wrote for uninitialised, so that it is only of use with a library of its own.)
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

enum san_tool { SAN_NONE, SAN_ADDRESS, SAN_THREAD, SAN_MEMORY };

#if defined(__SANITIZE_ADDRESS__) || SAN_FEATURE(address_sanitizer)
#define san_kind SAN_ADDRESS
#define SAN_BARE
#elif defined(__SANITIZE_THREAD__) || SAN_FEATURE(thread_sanitizer)
#define san_kind SAN_THREAD
/* For a function whose calls and returns TSan shall not count: the first on a stack. */
#define SAN_BARE __attribute__((noinline, no_sanitize("thread")))
#elif SAN_FEATURE(memory_sanitizer)
#define san_kind SAN_MEMORY
#define SAN_BARE
#else
extern enum san_tool san_found; /* the program's, since before main */
#define SAN_FOUND_AT_START 1
#define san_kind           san_found
#define SAN_BARE
#endif

#define SAN __builtin_expect(san_kind != SAN_NONE, 0)

struct go_fiber;

void san_switch(struct go_fiber *from, struct go_fiber *to); /* arch_switch */

/* ---- what follows is told the sanitizer, if there is one ---- */

/* Not to be called themselves. */
void san_fiber_begin_(struct go_fiber *f);
void san_entered_(struct go_fiber *f);
void san_drop_(struct go_fiber *f);
void san_main_begin_(struct go_fiber *f);
void san_main_end_(struct go_fiber *f);
void san_unmapped_(void *base, size_t size);
void san_wrote_(const void *p, size_t n);
void san_reads_(const void *p, size_t n);
void san_wrote_iov_(const struct iovec *v, int count, ssize_t n);
void san_reads_iov_(const struct iovec *v, int count);
void san_acquire_(void *object);
void san_release_(void *object);

#define SAN_TELL(call) (SAN ? (call) : (void)0)

#define san_fiber_begin(f) SAN_TELL(san_fiber_begin_(f))
#define san_entered(f)     SAN_TELL(san_entered_(f))
#define san_drop(f)        SAN_TELL(san_drop_(f))
#define san_main_begin(f)  SAN_TELL(san_main_begin_(f))
#define san_main_end(f)    SAN_TELL(san_main_end_(f))
/* memory that held stacks goes back to the system */
#define san_unmapped(base, size) SAN_TELL(san_unmapped_(base, size))
void san_forked(void); /* in a fork child */

/* The kernel has written, or is about to read, what p points to; of v, the first n bytes. */
#define san_wrote(p, n)            SAN_TELL(san_wrote_(p, n))
#define san_reads(p, n)            SAN_TELL(san_reads_(p, n))
#define san_wrote_iov(v, count, n) SAN_TELL(san_wrote_iov_(v, count, n))
#define san_reads_iov(v, count)    SAN_TELL(san_reads_iov_(v, count))

/* What was done before an object's release comes before what is done after its acquisition. In a
 * library that TSan has compiled it sees the atomic operations themselves. */
#define san_acquire(object) SAN_TELL(san_acquire_(object))
#define san_release(object) SAN_TELL(san_release_(object))

/* Bytes have come from, or are about to go, to another thread through the kernel: what was done
 * before they went comes before what is done after they came. One order for all descriptors, as
 * TSan itself has one for all sockets. */
extern char san_kernel;
#define san_bytes_came() san_acquire(&san_kernel)
#define san_bytes_go()   san_release(&san_kernel)

/* A library that is not instrumented has filled this, or calls us with that many arguments; it is
 * entered, and has returned: what it passes to libc in between is not looked at. */
#if SAN_FEATURE(memory_sanitizer)
void __msan_scoped_disable_interceptor_checks(void);
void __msan_scoped_enable_interceptor_checks(void);
#define san_library_enter() __msan_scoped_disable_interceptor_checks()
#define san_library_leave() __msan_scoped_enable_interceptor_checks()
void __msan_unpoison_param(size_t count);
#define san_called_back(count) __msan_unpoison_param(count)
#define san_filled(p, n)       san_wrote_(p, n)
#else
#define san_library_enter()    ((void)0)
#define san_library_leave()    ((void)0)
#define san_called_back(count) ((void)0)
#define san_filled(p, n)       ((void)(p), (void)(n))
#endif

#endif
