/* SPDX-License-Identifier: MIT
 *
 * What libc keeps to itself is found by the symbols that it exports for debuggers (libthread_db):
 * the table of keys, the offset of the thread's id. Where one is missing, that much is not done.
 * The idea of a donor thread, and that a fiber's thread-local state moves with it, so that
 * addresses that compilers keep stay right: shadow and PhotonLibOS swap the thread pointer as
 * well. */
#include "core/tcb.h"
#include "core/misuse.h"
#include "core/robust.h"
#include "core/sched.h"
#include "core/sys.h"
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool tcb_by_default;

/* C++'s exception state of the calling thread, if the program has C++ at all. */
extern void *__cxa_get_globals(void) __attribute__((weak));

#ifdef ARCH_TP

/* Ids of fibers, as libc has them in a mutex's owner: above all of the kernel's (PID_MAX_LIMIT is
 * 1 << 22), and within FUTEX_TID_MASK. */
enum { TID_FIRST = 1 << 29, TID_LAST = (1 << 30) - 1, BATCH_MOST = 16 };

/* libc's own, in its oldest form: a number that says whether the key is in use, and what destroys
 * its values. */
struct key {
    uintptr_t sequence;
    void (*destructor)(void *value);
};

static struct {
    struct key *keys; /* PTHREAD_KEYS_MAX of them; NULL: not known */
    void (*call_tls_destructors)(void);
    const uint32_t *tid;   /* bits, elements, offset from pthread_self */
    unsigned *threads;     /* how many it believes to run */
    const char *libc;      /* an address in it */
    ptrdiff_t scheduler;   /* of sched_tls from the thread pointer */
    const ptrdiff_t *rseq; /* and of the kernel's restartable sequences */
} known;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tcb *spare;
static __attribute__((used)) struct tcb *parents; /* in a fork child: lost, but not leaked */
static unsigned made;
static _Atomic uint32_t last_tid = TID_FIRST;

static void *libc_private(const char *name)
{
    return dlvsym(RTLD_DEFAULT, name, "GLIBC_PRIVATE");
}

__attribute__((constructor)) static void find_known(void)
{
    const uint32_t *key_size = libc_private("_thread_db_sizeof_pthread_key_struct");

    known.keys = libc_private("__pthread_keys");
    known.libc = (const char *)known.keys;
    if (!key_size || *key_size != sizeof(struct key))
        known.keys = NULL;
    *(void **)(void *)&known.call_tls_destructors = libc_private("__call_tls_dtors");
    known.tid = libc_private("_thread_db_pthread_tid");
    known.threads = libc_private("__nptl_nthreads");
    known.rseq = dlsym(RTLD_DEFAULT, "__rseq_offset");
    known.scheduler = (char *)&sched_tls - (char *)arch_tp();
}

bool tcb_possible(void)
{
    return !SAN && known.libc;
}

int tcb_tid(unsigned long pthread)
{
    return known.tid && known.tid[0] == 32 ? *(int *)(pthread + known.tid[2]) : 0;
}

void tcb_uncount(int threads)
{
    if (known.threads)
        __atomic_fetch_sub(known.threads, (unsigned)threads, __ATOMIC_RELAXED);
}

static uint32_t *tid_of_caller(void)
{
    uint32_t *tid = NULL;

    if (known.tid && known.tid[0] == 32)
        tid = (uint32_t *)(void *)((char *)pthread_self() + known.tid[2]);
    return tid && *tid == (uint32_t)gettid() ? tid : NULL;
}

void tcb_of_thread(struct tcb *t)
{
    t->tp = arch_tp();
    t->errno_at = &errno;
    t->eh = __cxa_get_globals ? __cxa_get_globals() : NULL;
    t->tid = tid_of_caller();
}

/* ---- donors ---- */

/* From here on libc's thread is a block without a thread. Nothing of libc may run after the
 * kernel was told where to write that it is gone. */
static __attribute__((noreturn)) void *donate(void *arg)
{
    struct tcb *t = arg;
    size_t size;

    tcb_of_thread(t);
    SYS3(SYS_get_robust_list, 0, &t->robust, &size);
    SYS1(SYS_set_tid_address, &t->gone);
    for (;;)
        SYS1(SYS_exit, 0);
}

static int start_donor(struct tcb *t)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc)
        return -rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setguardsize(&attr, 0);
    t->gone = 1;
    /* libc takes static TLS from the stack's size; only it knows how much that is */
    for (size_t size = PTHREAD_STACK_MIN; size <= (size_t)8 << 20; size *= 2) {
        pthread_attr_setstacksize(&attr, size);
        rc = pthread_create(&thread, &attr, donate, t);
        if (rc != EINVAL)
            break;
    }
    pthread_attr_destroy(&attr);
    return -rc;
}

/* The kernel has written 0 to t->gone, and writes nothing there any more. */
static void finish_donor(struct tcb *t)
{
    while (__atomic_load_n(&t->gone, __ATOMIC_ACQUIRE))
        SYS4(SYS_futex, &t->gone, FUTEX_WAIT, 1, NULL);
    if (known.rseq && *known.rseq) { /* on no processor: libc asks the kernel then */
        int32_t *cpu = (int32_t *)(void *)((char *)t->tp + *known.rseq);

        cpu[0] = 0;
        cpu[1] = -1;
    }
    tcb_uncount(1);
}

/* Several at once, since most of it is waiting; more, the more there are. */
static int make(void)
{
    struct tcb *batch[BATCH_MOST];
    unsigned want = 1 + made / 2 < BATCH_MOST ? 1 + made / 2 : BATCH_MOST, n = 0;
    sigset_t all, saved;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    while (n < want && rc == 0) {
        struct tcb *t = calloc(1, sizeof *t);

        rc = t ? start_donor(t) : -ENOMEM;
        if (rc == 0)
            batch[n++] = t;
        else
            free(t);
    }
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    for (unsigned i = 0; i < n; i++) {
        finish_donor(batch[i]);
        batch[i]->next = spare;
        spare = batch[i];
    }
    made += n;
    return n ? 0 : rc;
}

static struct tcb *take(go_sched *s)
{
    struct tcb *t = NULL;
    int rc = 0;

    s->no_park++; /* this is no fiber's wait, also where libc's calls are ours */
    pthread_mutex_lock(&lock);
    if (!spare)
        rc = make();
    if (rc == 0) {
        t = spare;
        spare = t->next;
    }
    pthread_mutex_unlock(&lock);
    s->no_park--;
    if (rc < 0) {
        static atomic_bool told;

        if (!atomic_exchange(&told, true))
            report("no thread can be made for a fiber's thread control block (%s): such fibers "
                   "share their thread's",
                   strerrorname_np(-rc));
    }
    return t;
}

static void put(go_sched *s, struct tcb *t)
{
    t->used = true;
    s->no_park++;
    pthread_mutex_lock(&lock);
    t->next = spare;
    spare = t;
    pthread_mutex_unlock(&lock);
    s->no_park--;
}

/* ---- as new ---- */

/* libc's own variables stay: malloc's cache, tables of characters. */
static int renew_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    const ElfW(Phdr) *tls = NULL;

    (void)size;
    (void)arg;
    if (!info->dlpi_tls_data)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && (uintptr_t)known.libc - at < p->p_memsz)
            return 0;
        if (p->p_type == PT_TLS)
            tls = p;
    }
    if (!tls)
        return 0;
    memcpy(info->dlpi_tls_data, (const char *)info->dlpi_addr + tls->p_vaddr, tls->p_filesz);
    memset((char *)info->dlpi_tls_data + tls->p_filesz, 0, tls->p_memsz - tls->p_filesz);
    return 0;
}

static __attribute__((noinline)) void renew(struct tcb *t)
{
    if (t->used) {
        dl_iterate_phdr(renew_module, NULL);
        uselocale(LC_GLOBAL_LOCALE);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    }
    if (t->tid) {
        uint32_t id = atomic_fetch_add(&last_tid, 1);

        *t->tid = TID_FIRST | (id & TID_LAST);
    }
    *t->errno_at = 0;
}

static inline void set_scheduler(const struct tcb *t, go_sched *s)
{
    *(go_sched **)(void *)((char *)t->tp + known.scheduler) = s;
}

void tcb_adopt(struct tcb *t, void *tp, go_sched *s)
{
    *t = (struct tcb){.tp = tp, .thread = true};
    t->errno_at = (int *)(void *)((char *)tp + ((char *)s->own.errno_at - (char *)s->own.tp));
    set_scheduler(t, s);
}

void tcb_begin(fiber *f)
{
    go_sched *s = f->sched;
    struct tcb *t;

    if (!tcb_possible() || !(t = take(s)))
        return;
    s->switch_extras = true;
    s->no_park++;
    set_scheduler(t, s);
    tcb_load(s, t);
    renew(t);
    set_scheduler(t, s);
    s->no_park--;
    f->tcb = t;
}

/* ---- signal masks ---- */

static uint64_t kernels_mask(void)
{
    uint64_t mask = 0;

    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, sizeof mask);
    return mask;
}

static void set_mask(go_sched *s, uint64_t mask)
{
    if (mask == s->mask)
        return;
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    s->mask = mask;
}

void tcb_mask_changed(go_sched *s, uint64_t before)
{
    struct tcb *t = s->current->tcb;

    if (!t) {
        if (s->masked)
            s->own.mask = s->mask = kernels_mask();
        return;
    }
    if (!t->masked) {
        if (!s->masked)
            s->own.mask = before; /* and all the others' */
        t->masked = true;
        t->next_masked = s->masked;
        s->masked = t;
    }
    t->mask = s->mask = kernels_mask();
}

void tcb_mask_load(go_sched *s, const fiber *to)
{
    uint64_t mask = to->tcb && to->tcb->masked ? to->tcb->mask : s->own.mask;

    if (to == s->loop_fiber)
        for (const struct tcb *t = s->masked; t; t = t->next_masked)
            mask &= t->mask;
    set_mask(s, mask);
}

bool tcb_blocks(const fiber *f, int sig)
{
    const go_sched *s = f->sched;
    uint64_t mask = f->tcb && f->tcb->masked ? f->tcb->mask : s->own.mask;

    return s->masked && mask >> (sig - 1) & 1;
}

static void unmask(go_sched *s, struct tcb *t)
{
    if (!t->masked)
        return;
    t->masked = false;
    for (struct tcb **at = &s->masked; *at; at = &(*at)->next_masked)
        if (*at == t) {
            *at = t->next_masked;
            break;
        }
    set_mask(s, s->own.mask);
}

/* ---- a thread's end ---- */

static __attribute__((noinline)) void destroy_values(void)
{
    bool again = true;

    for (int round = 0; again && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        again = false;
        for (unsigned i = 0; i < PTHREAD_KEYS_MAX; i++) {
            void (*destructor)(void *) = known.keys[i].destructor;
            void *value;

            if (!(known.keys[i].sequence & 1) || !(value = pthread_getspecific(i)))
                continue;
            pthread_setspecific(i, NULL);
            if (destructor) {
                destructor(value);
                again = true;
            }
        }
    }
}

static void wake_next_owner(uint32_t *word, bool waiters, bool inherits)
{
    (void)inherits;
    if (waiters)
        SYS3(SYS_futex, word, FUTEX_WAKE, 1);
}

/* Robust mutexes that it still holds: their next owners are told, as by the kernel. */
static void abandon_mutexes(struct tcb *t)
{
    struct robust_list_head *head = t->robust;

    if (!head || !t->tid)
        return;
    robust_abandon(head, *t->tid, wake_next_owner);
    head->list.next = &head->list;
}

void tcb_end(fiber *f)
{
    go_sched *s = f->sched;
    struct tcb *t = f->tcb;

    if (known.call_tls_destructors)
        known.call_tls_destructors();
    if (known.keys)
        destroy_values();
    abandon_mutexes(t);
    unmask(s, t);
    f->tcb = NULL;
    f->eh[0] = f->eh[1] = NULL;
    if (s->own.eh)
        s->own.eh[0] = s->own.eh[1] = NULL;
    tcb_load(s, &s->own);
    put(s, t);
}

void tcb_on_carrier(go_sched *s, void (*fn)(void *arg), void *arg)
{
    const struct tcb *t = s->current ? s->current->tcb : NULL;

    s->no_park++;
    if (t)
        arch_tp_set(s->own.tp);
    fn(arg);
    if (t) {
        arch_tp_set(t->tp);
        *t->errno_at = *s->own.errno_at;
    }
    s->no_park--;
}

/* ---- fork ---- */

static void set_tid(uint32_t *at, uint32_t tid)
{
    if (at)
        *at = tid;
}

/* libc has taken the blocks of all threads but the caller's for free stacks, and would make new
 * threads of them. One whose id is not 0 it does not touch. */
void tcb_forked(go_sched *s)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    const struct tcb *t = s && s->current ? s->current->tcb : NULL;

    lock = fresh;
    parents = spare;
    spare = NULL;
    made = 0;
    if (s) { /* the other fibers are gone */
        s->masked = t && t->masked ? s->current->tcb : NULL;
        if (s->masked)
            s->masked->next_masked = NULL;
    }
    if (!t || !known.tid || t->thread) /* libc has set that one's */
        return;
    set_tid(t->tid, TID_FIRST | (atomic_fetch_add(&last_tid, 1) & TID_LAST));
    set_tid(s->own.tid, (uint32_t)sys_gettid()); /* not the engine's answer */
}

#else

void tcb_adopt(struct tcb *t, void *tp, go_sched *s)
{
    (void)t;
    (void)tp;
    (void)s;
}

void tcb_of_thread(struct tcb *t)
{
    t->errno_at = &errno;
    t->eh = __cxa_get_globals ? __cxa_get_globals() : NULL;
}

bool tcb_possible(void)
{
    return false;
}

int tcb_tid(unsigned long pthread)
{
    (void)pthread;
    return 0;
}

void tcb_uncount(int threads)
{
    (void)threads;
}

void tcb_begin(struct go_fiber *f)
{
    (void)f;
}

void tcb_end(struct go_fiber *f)
{
    (void)f;
}

void tcb_on_carrier(go_sched *s, void (*fn)(void *arg), void *arg)
{
    (void)s;
    fn(arg);
}

void tcb_mask_changed(go_sched *s, uint64_t before)
{
    (void)s;
    (void)before;
}

void tcb_mask_load(go_sched *s, const struct go_fiber *to)
{
    (void)s;
    (void)to;
}

bool tcb_blocks(const struct go_fiber *f, int sig)
{
    (void)f;
    (void)sig;
    return false;
}

void tcb_forked(go_sched *s)
{
    (void)s;
}

#endif
