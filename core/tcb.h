/* SPDX-License-Identifier: MIT
 *
 * Thread control blocks. `errno`, `__thread`, the locale, malloc's cache, pthread_self, keys and
 * the owners of recursive and error-checking mutexes all live behind the thread pointer. A fiber
 * that runs foreign code may have a block of its own, which comes and goes with it at each switch:
 * then such code sees what it would see in a thread.
 *
 * A block comes from a *donor*: a real thread, made by pthread_create, that ends by a bare system
 * call, so that libc does not take its block away. (One made by hand lacks what pthread_create
 * fills in, in a layout that is libc's own.) A block that is used again is set back to a new
 * thread's state, as far as a program can see it.
 *
 * Not under sanitizers, whose runtimes keep a thread's state there themselves, and not where the
 * architecture's folder does not define ARCH_TP: there all fibers share their thread's block. */
#ifndef CORE_TCB_H
#define CORE_TCB_H

#include "arch/arch.h"
#include <gosling/types.h>
#include <stdint.h>

struct go_fiber;
struct go_sched;

struct tcb {
    void *tp;      /* the thread pointer */
    int *errno_at; /* its errno */
    void **eh;     /* its C++ exception state, or NULL */
    struct tcb *next;
    void *robust;  /* struct robust_list_head: of the mutexes that are held */
    uint32_t *tid; /* libc's idea of the thread's id, or NULL: not known */
    uint32_t gone; /* 1 until the donor is */
    bool used;
    bool thread; /* it came with a thread of the program's (shim/threads.h) */
    /* its fiber's signal mask, the kernel's 64 bits; none of its own: the thread's */
    bool masked;
    uint64_t mask;
    struct tcb *next_masked;
};

/* Whether fibers have one of their own whose spawn says nothing (go_spawn_opts.foreign). */
extern bool tcb_by_default;

bool tcb_possible(void);

/* The id that libc has for that thread; 0: not known. */
int tcb_tid(unsigned long pthread);

/* libc ends the process with the last thread that it knows of: these are not for it to wait for. Of
 * one that ends as others do, -1 before. */
void tcb_uncount(int threads);

/* The calling thread's own. */
void tcb_of_thread(struct tcb *t);

/* tp is a block that libc has made, for a thread that is to be a fiber of s. */
void tcb_adopt(struct tcb *t, void *tp, struct go_sched *s);

/* The running fiber, before its function is called: a block of its own from here on; without one
 * it shares its thread's. */
void tcb_begin(struct go_fiber *f);

/* And after: destructors of thread_local variables and of keys have run; they may wait. Then the
 * thread's block again. */
void tcb_end(struct go_fiber *f);

/* The running fiber, or the thread for those without a block, has just changed the signal mask; it
 * was that before. */
void tcb_mask_changed(struct go_sched *s, uint64_t before);

/* `to` is about to run: with its mask; the loop with what all have in common, so that a signal
 * comes that any of them lets in. Only while some fiber has a mask of its own. */
void tcb_mask_load(struct go_sched *s, const struct go_fiber *to);

/* Whether f does not let that signal in. */
bool tcb_blocks(const struct go_fiber *f, int sig);

/* fn(arg) with the thread's own block: for libc's calls that tell all threads, and would wait for
 * an answer from one that is the caller itself. It must not wait. */
void tcb_on_carrier(struct go_sched *s, void (*fn)(void *arg), void *arg);

/* In a fork child; s is the running scheduler, or NULL. */
void tcb_forked(struct go_sched *s);

#ifdef ARCH_TP
#define tcb_load(s, t)                   \
    do {                                 \
        const struct tcb *load_ = (t);   \
                                         \
        (s)->errno_at = load_->errno_at; \
        (s)->eh = load_->eh;             \
        arch_tp_set(load_->tp);          \
    } while (0)
#else
#define tcb_load(s, t) ((void)(s))
#endif

#endif
