/* SPDX-License-Identifier: MIT
 *
 * The switch sits in one function that is not instrumented, never inlined, and does nothing else:
 * TSan counts the calls and returns of instrumented functions on a stack of its own for each
 * fiber, and a call on one must not be followed by its return on another. */
#include "core/san.h"

#if SAN

#include "core/fiber.h"
#include <pthread.h>

#define BARE \
    __attribute__((noinline, no_sanitize("address"), no_sanitize("thread"), SAN_NOT_MEMORY))
#if SAN_MEMORY
#define SAN_NOT_MEMORY no_sanitize("memory")
#else
#define SAN_NOT_MEMORY
#endif

/* The sanitizers' interface, declared here because not every compiler that has them has all of
 * their headers. */
#if SAN_ADDRESS
void __sanitizer_start_switch_fiber(void **fake_save, const void *lo, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **lo_left, size_t *size_left);
void __asan_poison_memory_region(const volatile void *p, size_t n);
void __asan_unpoison_memory_region(const volatile void *p, size_t n);
void __asan_loadN(void *p, long n); /* as gcc has them built in */
void __asan_storeN(void *p, long n);
void __lsan_register_root_region(const void *p, size_t n) __attribute__((weak));
void __lsan_unregister_root_region(const void *p, size_t n) __attribute__((weak));
#elif SAN_THREAD
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *p);
void __tsan_release(void *p);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void __tsan_read_range(void *p, long n);
void __tsan_write_range(void *p, long n);
#else
void __msan_start_switch_fiber(const void *lo, size_t size);
void __msan_finish_switch_fiber(const void **lo_left, size_t *size_left);
void __msan_unpoison(const volatile void *p, size_t n);
void __msan_check_mem_is_initialized(const volatile void *p, size_t n);
#endif

/* Who left last, on this thread. */
static __thread fiber *left __attribute__((tls_model("initial-exec")));

/* ---- stacks ---- */

#if SAN_ADDRESS

/* Below its record: nothing of a fiber that has ended may be used any more. */
BARE static void poison(fiber *f)
{
    __asan_poison_memory_region(f->stack.lo, (size_t)((char *)f - f->stack.lo));
}

BARE static void unpoison(fiber *f)
{
    __asan_unpoison_memory_region(f->stack.lo, stack_size(&f->stack));
}

/* LeakSanitizer looks for pointers on the stack that a thread runs on: the others are told to it.
 */
BARE static void root_add(fiber *f)
{
    if (__lsan_register_root_region)
        __lsan_register_root_region(f->san.lo, f->san.size);
}

BARE static void root_remove(fiber *f)
{
    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(f->san.lo, f->san.size);
}

BARE void san_unmapped(void *base, size_t size)
{
    __asan_unpoison_memory_region(base, size);
}

#else

#define poison(f)      ((void)0)
#define root_add(f)    ((void)0)
#define root_remove(f) ((void)0)

BARE static void unpoison(fiber *f)
{
#if SAN_MEMORY
    __msan_unpoison(f->stack.lo, stack_size(&f->stack));
#endif
    (void)f;
}

BARE void san_unmapped(void *base, size_t size)
{
    (void)base;
    (void)size;
}

#endif

/* ---- fork ---- */

/* TSan takes a process with fibers for one with threads, and in a fork child of such it stops to
 * look: at the caller of fork, and at the order that it makes. The other fibers must follow, or
 * everything there would be a race. */
static bool forked;

void san_forked(void)
{
    forked = true;
}

BARE static void follow(fiber *f)
{
#if SAN_THREAD
    if (!forked || f->san.blind)
        return;
    f->san.blind = true;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
    (void)f;
}

/* On f's last way out: TSan reports who ends without looking again. */
BARE static void unfollow(fiber *f)
{
#if SAN_THREAD
    if (!f->san.blind)
        return;
    f->san.blind = false;
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
#endif
    (void)f;
}

/* ---- TSan's fibers ---- */

#if SAN_THREAD

/* To make and to destroy one takes 300 to 700 us in gcc 12's TSan, so a thread uses them again
 * until its end. One that has ended may be: all that was called on it has returned, since
 * fiber_main, which does not, is bare. And what a thread's earlier fibers did comes before what its
 * later ones do in any case. */
enum { SPARE_MOST = 1024 };
static __thread struct {
    void *fiber[SPARE_MOST];
    unsigned count;
    bool watched; /* spare_end will be called at the end of the thread */
} spare;

static pthread_key_t spare_key;

BARE static void spare_end(void *arg)
{
    (void)arg;
    while (spare.count && !forked)
        __tsan_destroy_fiber(spare.fiber[--spare.count]);
    spare.count = SPARE_MOST; /* no more */
}

__attribute__((constructor)) static void spare_init(void)
{
    pthread_key_create(&spare_key, spare_end);
}

BARE static void *tsan_begin(void)
{
    return spare.count && !forked ? spare.fiber[--spare.count] : __tsan_create_fiber(0);
}

BARE static void tsan_end(void *fiber)
{
    if (!spare.watched) {
        spare.watched = true;
        pthread_setspecific(spare_key, &spare);
    }
    if (spare.count < SPARE_MOST && !forked)
        spare.fiber[spare.count++] = fiber;
    else
        __tsan_destroy_fiber(fiber);
}

#else

#define tsan_begin()    NULL
#define tsan_end(fiber) ((void)(fiber))

#endif

/* ---- switching ---- */

BARE static void start(void **fake_save, fiber *to)
{
#if SAN_ADDRESS
    __sanitizer_start_switch_fiber(fake_save, to->san.lo, to->san.size);
#elif SAN_THREAD
    __tsan_switch_to_fiber(to->san.tsan, 0);
#else
    __msan_start_switch_fiber(to->san.lo, to->san.size);
#endif
    (void)fake_save;
}

BARE static void finish(void *fake, const void **lo, size_t *size)
{
#if SAN_ADDRESS
    __sanitizer_finish_switch_fiber(fake, lo, size);
#elif SAN_MEMORY
    __msan_finish_switch_fiber(lo, size);
#endif
    (void)fake, (void)lo, (void)size;
}

/* f runs again, or for the first time. */
BARE void san_entered(fiber *f)
{
    const void *lo = NULL;
    size_t size = 0;

    follow(f);
    finish(f->san.fake, &lo, &size);
    if (!left->san.lo && lo) { /* the main fiber: its stack is the thread's, as it now turns out */
        left->san.lo = lo;
        left->san.size = size;
        root_add(left);
    }
    if (left->state == FIBER_ENDED) {
        root_remove(left);
        poison(left);
    }
}

BARE void san_switch(fiber *from, fiber *to)
{
    if (from->state == FIBER_ENDED)
        unfollow(from);
    start(from->state == FIBER_ENDED ? NULL : &from->san.fake, to);
    if (from->state == FIBER_ENDED)
        tsan_end(from->san.tsan);
    left = from;
    arch_switch_inline(&from->context, &to->context);
    san_entered(from);
}

/* ---- fibers ---- */

BARE void san_fiber_begin(fiber *f)
{
    f->san = (struct san_fiber){.lo = f->stack.lo, .size = stack_size(&f->stack)};
    unpoison(f);
    root_add(f);
    f->san.tsan = tsan_begin();
}

/* ASan destroys the fake stack of who leaves for ever: so f is entered and left, on this stack. */
BARE void san_drop(fiber *f)
{
#if SAN_ADDRESS
    void *fake;
    const void *lo;
    size_t size;

    __sanitizer_start_switch_fiber(&fake, f->san.lo, f->san.size);
    __sanitizer_finish_switch_fiber(f->san.fake, &lo, &size);
    __sanitizer_start_switch_fiber(NULL, lo, size);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#elif SAN_THREAD
    if (f->san.blind) {
        void *here = __tsan_get_current_fiber();

        __tsan_switch_to_fiber(f->san.tsan, 0);
        unfollow(f);
        __tsan_switch_to_fiber(here, 0);
    }
    __tsan_destroy_fiber(f->san.tsan);
#endif
    f->san.fake = f->san.tsan = NULL;
}

BARE void san_main_begin(fiber *f)
{
    f->san = (struct san_fiber){0};
#if SAN_THREAD
    f->san.tsan = __tsan_get_current_fiber();
#endif
}

BARE void san_main_end(fiber *f)
{
    unfollow(f);
    if (f->san.lo)
        root_remove(f);
    left = NULL;
}

/* ---- what the kernel does ---- */

#if SAN_THREAD
static char through_the_kernel;
#endif

void san_bytes_came(void)
{
#if SAN_THREAD
    __tsan_acquire(&through_the_kernel);
#endif
}

void san_bytes_go(void)
{
#if SAN_THREAD
    __tsan_release(&through_the_kernel);
#endif
}

void san_wrote(const void *p, size_t n)
{
    void *at = (void *)(uintptr_t)p;

    if (!p || n == 0)
        return;
#if SAN_ADDRESS
    __asan_storeN(at, (long)n);
#elif SAN_THREAD
    __tsan_write_range(at, (long)n);
#else
    __msan_unpoison(at, n);
#endif
}

void san_reads(const void *p, size_t n)
{
    void *at = (void *)(uintptr_t)p;

    if (!p || n == 0)
        return;
#if SAN_ADDRESS
    __asan_loadN(at, (long)n);
#elif SAN_THREAD
    __tsan_read_range(at, (long)n);
#else
    __msan_check_mem_is_initialized(at, n);
#endif
}

void san_wrote_iov(const struct iovec *v, int count, ssize_t n)
{
    for (int i = 0; i < count && n > 0; i++) {
        size_t part = v[i].iov_len < (size_t)n ? v[i].iov_len : (size_t)n;

        san_wrote(v[i].iov_base, part);
        n -= (ssize_t)part;
    }
}

void san_reads_iov(const struct iovec *v, int count)
{
    for (int i = 0; i < count; i++)
        san_reads(v[i].iov_base, v[i].iov_len);
}

#endif
