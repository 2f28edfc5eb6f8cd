/* SPDX-License-Identifier: MIT
 *
 * The switch sits in one function that is not instrumented, never inlined, and does nothing else:
 * TSan counts the calls and returns of instrumented functions on a stack of its own for each
 * fiber, and a call on one must not be followed by its return on another. */
#include "core/san.h"
#include "core/fiber.h"
#include "core/sys.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#if SAN_FEATURE(memory_sanitizer)
#define SAN_NOT_MEMORY no_sanitize("memory")
#else
#define SAN_NOT_MEMORY
#endif
#define BARE \
    __attribute__((noinline, no_sanitize("address"), no_sanitize("thread"), SAN_NOT_MEMORY))

/* The sanitizers' interface, declared here because not every compiler that has them has all of
 * their headers. Weak: at most one of the three is there, brought by the program or by this
 * library's own instrumentation. */
#pragma GCC visibility push(default)
#define RUNTIME __attribute__((weak))
RUNTIME void __sanitizer_start_switch_fiber(void **fake_save, const void *lo, size_t size);
RUNTIME void __sanitizer_finish_switch_fiber(void *fake, const void **lo_left, size_t *size_left);
RUNTIME void __asan_poison_memory_region(const volatile void *p, size_t n);
RUNTIME void __asan_unpoison_memory_region(const volatile void *p, size_t n);
RUNTIME void __asan_loadN(void *p, long n); /* as gcc has them built in */
RUNTIME void __asan_storeN(void *p, long n);
RUNTIME void __lsan_register_root_region(const void *p, size_t n);
RUNTIME void __lsan_unregister_root_region(const void *p, size_t n);
RUNTIME void *__tsan_get_current_fiber(void);
RUNTIME void *__tsan_create_fiber(unsigned flags);
RUNTIME void __tsan_destroy_fiber(void *fiber);
RUNTIME void __tsan_switch_to_fiber(void *fiber, unsigned flags);
RUNTIME void __tsan_acquire(void *p);
RUNTIME void __tsan_release(void *p);
RUNTIME void AnnotateIgnoreReadsBegin(const char *file, int line);
RUNTIME void AnnotateIgnoreWritesBegin(const char *file, int line);
RUNTIME void AnnotateIgnoreReadsEnd(const char *file, int line);
RUNTIME void AnnotateIgnoreWritesEnd(const char *file, int line);
RUNTIME void __tsan_read_range(void *p, long n);
RUNTIME void __tsan_write_range(void *p, long n);
RUNTIME void __msan_start_switch_fiber(const void *lo, size_t size);
RUNTIME void __msan_finish_switch_fiber(const void **lo_left, size_t *size_left);
RUNTIME void __msan_unpoison(const volatile void *p, size_t n);
RUNTIME void __msan_check_mem_is_initialized(const volatile void *p, size_t n);
#pragma GCC visibility pop

/* Is the runtime that we speak to this one? */
#define IS(which) (san_kind == (which))

static void spare_init(void);

#if SAN_FOUND_AT_START
enum san_tool san_found;
#endif

/* Early: constructors may start runs. */
__attribute__((constructor(101))) static void find(void)
{
#if SAN_FOUND_AT_START
    if (__tsan_switch_to_fiber && __tsan_acquire && __tsan_write_range && AnnotateIgnoreReadsBegin)
        san_found = SAN_THREAD;
    else if (__msan_start_switch_fiber && __msan_unpoison)
        san_found = SAN_MEMORY;
    else if (__sanitizer_start_switch_fiber && __asan_poison_memory_region && __asan_storeN)
        san_found = SAN_ADDRESS;
#endif
    if (IS(SAN_THREAD))
        spare_init();
}

/* This thread's, while it has a run. */
static __thread struct {
    fiber *left;    /* who left last */
    const void *lo; /* the main fiber's stack; NULL: not known before it first leaves */
    size_t size;
} here __attribute__((tls_model("initial-exec")));

/* ---- stacks ---- */

static bool is_main(const fiber *f)
{
    return !f->stack.lo;
}

/* Below its record: nothing of a fiber that has ended may be used any more. */
BARE static void poison(fiber *f)
{
    if (IS(SAN_ADDRESS) && !is_main(f))
        __asan_poison_memory_region(f->stack.lo, (size_t)((char *)f - f->stack.lo));
}

BARE static void unpoison(fiber *f)
{
    if (IS(SAN_ADDRESS))
        __asan_unpoison_memory_region(f->stack.lo, stack_size(&f->stack));
    else if (IS(SAN_MEMORY))
        __msan_unpoison(f->stack.lo, stack_size(&f->stack));
}

/* LeakSanitizer looks for pointers on the stack that a thread runs on: the others are told to it.
 */
BARE static void root_add(const void *lo, size_t size)
{
    if (IS(SAN_ADDRESS) && __lsan_register_root_region)
        __lsan_register_root_region(lo, size);
}

BARE static void root_remove(const void *lo, size_t size)
{
    if (IS(SAN_ADDRESS) && __lsan_unregister_root_region)
        __lsan_unregister_root_region(lo, size);
}

BARE void san_unmapped_(void *base, size_t size)
{
    if (IS(SAN_ADDRESS))
        __asan_unpoison_memory_region(base, size);
}

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
    if (!IS(SAN_THREAD) || !forked || f->blind)
        return;
    f->blind = true;
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

/* On f's last way out: TSan reports who ends without looking again. */
BARE static void unfollow(fiber *f)
{
    if (!f->blind)
        return;
    f->blind = false;
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

/* ---- TSan's fibers ---- */

/* To make and to destroy one takes 300 to 700 us in gcc 12's TSan, so a thread uses them again
 * until its end. One that has ended may be: all that was called on it has returned, since
 * fiber_main, which does not, is bare. And what a thread's earlier fibers did comes before what its
 * later ones do in any case. The thread has this memory only when there is a TSan. */
enum { SPARE_MOST = 1024 };
struct spare {
    unsigned count;
    void *fiber[SPARE_MOST];
};

static pthread_key_t spare_key;

BARE static void spare_end(void *arg)
{
    struct spare *s = arg;

    while (s->count && !forked)
        __tsan_destroy_fiber(s->fiber[--s->count]);
    free(s);
}

static void spare_init(void)
{
    pthread_key_create(&spare_key, spare_end);
}

BARE static struct spare *spares(void)
{
    struct spare *s = pthread_getspecific(spare_key);

    if (!s && (s = malloc(sizeof *s))) {
        s->count = 0;
        if (pthread_setspecific(spare_key, s)) {
            free(s);
            s = NULL;
        }
    }
    return s;
}

BARE static void *tsan_begin(void)
{
    struct spare *s = spares();

    return s && s->count && !forked ? s->fiber[--s->count] : __tsan_create_fiber(0);
}

/* Called on the thread's next fiber, so that what f did is behind it. */
BARE static void tsan_end(void *ended)
{
    struct spare *s = spares();

    if (s && s->count < SPARE_MOST && !forked)
        s->fiber[s->count++] = ended;
    else
        __tsan_destroy_fiber(ended);
}

/* TSan keeps a signal that came outside the calls that it knows for the next one of these, by the
 * same fiber: which may be a long time, or never. So it gets one before a fiber stops running, with
 * signals blocked, lest one comes between that and the switch. */
BARE static void tsan_switch(void *to)
{
    static size_t (*volatile known)(const char *) = strlen;
    uint64_t all = UINT64_MAX, mask;

    arch_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&mask, sizeof mask, 0, 0);
    known("");
    __tsan_switch_to_fiber(to, 0);
    arch_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask, 0, 0);
}

/* ---- switching ---- */

BARE static void start(void **fake_save, fiber *to)
{
    const void *lo = is_main(to) ? here.lo : to->stack.lo;
    size_t size = is_main(to) ? here.size : stack_size(&to->stack);

    if (IS(SAN_ADDRESS))
        __sanitizer_start_switch_fiber(fake_save, lo, size);
    else if (IS(SAN_THREAD))
        tsan_switch(to->san);
    else
        __msan_start_switch_fiber(lo, size);
}

/* f runs again, or for the first time. */
BARE void san_entered_(fiber *f)
{
    const void *lo = NULL;
    size_t size = 0;

    follow(f);
    if (IS(SAN_ADDRESS))
        __sanitizer_finish_switch_fiber(f->san, &lo, &size);
    else if (IS(SAN_MEMORY))
        __msan_finish_switch_fiber(&lo, &size);
    if (is_main(here.left) && !here.lo && lo) { /* as it now turns out */
        here.lo = lo;
        here.size = size;
        root_add(lo, size);
    }
    if (here.left->state == FIBER_ENDED && !is_main(here.left)) {
        root_remove(here.left->stack.lo, stack_size(&here.left->stack));
        poison(here.left);
    }
}

BARE void san_switch(fiber *from, fiber *to)
{
    bool ended = from->state == FIBER_ENDED;
    void *tsan = from->san;

    if (ended)
        unfollow(from);
    start(ended ? NULL : &from->san, to);
    if (ended && IS(SAN_THREAD))
        tsan_end(tsan);
    here.left = from;
    arch_switch_inline(&from->context, &to->context);
    san_entered_(from);
}

/* ---- fibers ---- */

BARE void san_fiber_begin_(fiber *f)
{
    f->san = NULL;
    f->blind = false;
    unpoison(f);
    root_add(f->stack.lo, stack_size(&f->stack));
    if (IS(SAN_THREAD))
        f->san = tsan_begin();
}

/* ASan destroys the fake stack of who leaves for ever: so f is entered and left, on this stack. */
BARE void san_drop_(fiber *f)
{
    root_remove(f->stack.lo, stack_size(&f->stack));
    if (IS(SAN_ADDRESS)) {
        void *fake;
        const void *lo;
        size_t size;

        __sanitizer_start_switch_fiber(&fake, f->stack.lo, stack_size(&f->stack));
        __sanitizer_finish_switch_fiber(f->san, &lo, &size);
        __sanitizer_start_switch_fiber(NULL, lo, size);
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
    } else if (IS(SAN_THREAD)) {
        if (f->blind) {
            void *self = __tsan_get_current_fiber();

            __tsan_switch_to_fiber(f->san, 0);
            unfollow(f);
            __tsan_switch_to_fiber(self, 0);
        }
        __tsan_destroy_fiber(f->san);
    }
    f->san = NULL;
}

BARE void san_main_begin_(fiber *f)
{
    here.lo = NULL;
    if (IS(SAN_THREAD))
        f->san = __tsan_get_current_fiber();
}

BARE void san_main_end_(fiber *f)
{
    unfollow(f);
    if (here.lo)
        root_remove(here.lo, here.size);
    here.lo = NULL;
    here.left = NULL;
}

/* ---- memory and order ---- */

char san_kernel;

void san_acquire_(void *object)
{
    if (IS(SAN_THREAD))
        __tsan_acquire(object);
}

void san_release_(void *object)
{
    if (IS(SAN_THREAD))
        __tsan_release(object);
}

void san_wrote_(const void *p, size_t n)
{
    void *at = (void *)(uintptr_t)p;

    if (!p || n == 0)
        return;
    if (IS(SAN_ADDRESS))
        __asan_storeN(at, (long)n);
    else if (IS(SAN_THREAD))
        __tsan_write_range(at, (long)n);
    else
        __msan_unpoison(at, n);
}

void san_reads_(const void *p, size_t n)
{
    void *at = (void *)(uintptr_t)p;

    if (!p || n == 0)
        return;
    if (IS(SAN_ADDRESS))
        __asan_loadN(at, (long)n);
    else if (IS(SAN_THREAD))
        __tsan_read_range(at, (long)n);
    else
        __msan_check_mem_is_initialized(at, n);
}

void san_wrote_iov_(const struct iovec *v, int count, ssize_t n)
{
    for (int i = 0; i < count && n > 0; i++) {
        size_t part = v[i].iov_len < (size_t)n ? v[i].iov_len : (size_t)n;

        san_wrote_(v[i].iov_base, part);
        n -= (ssize_t)part;
    }
}

void san_reads_iov_(const struct iovec *v, int count)
{
    for (int i = 0; i < count; i++)
        san_reads_(v[i].iov_base, v[i].iov_len);
}
