/* SPDX-License-Identifier: MIT
 *
 * libc maps each thread's stack by itself, and takes rights from its lowest pages, the guard: two
 * mappings a thread, of which a process may have 65,530 (vm.max_map_count). Here the whole is
 * mapped with one protection, so that neighbours are one mapping, and the guard is the kernel's
 * (Linux 6.13), which needs none. Huge pages are not wanted in such a row of stacks, of each of
 * which some pages are used. */
#include "core/stack.h"
#include "core/sys.h"
#include "shim/threads.h"
#include <sys/mman.h>

#ifdef SHIM_CLONE

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* The one that libc has just mapped. It says next where the guard ends. */
static uintptr_t last, last_end;

static long map(go_sched *s, const struct site_registers *r)
{
    struct site_registers whole = *r;
    long at;

    if (!(r->a[3] & MAP_STACK) || !(r->a[3] & MAP_ANONYMOUS) || r->a[2] != PROT_NONE ||
        stack_guards() != STACK_GUARDS_MADVISE)
        return site_pass(r);
    whole.a[2] = PROT_READ | PROT_WRITE;
    whole.a[3] |= MAP_NORESERVE;
    at = site_pass(&whole);
    if (at == -ENOMEM) { /* those made before may have nothing left to do but to end */
        sched_yield_now(s);
        at = site_pass(&whole);
    }
    if (at < 0 && at > -4096)
        return at;
    SYS3(SYS_madvise, at, r->a[1], MADV_NOHUGEPAGE);
    last = (uintptr_t)at;
    last_end = last + (uintptr_t)r->a[1];
    return at;
}

static long protect(const struct site_registers *r)
{
    uintptr_t from = (uintptr_t)r->a[0], guard = last;

    if (!last || from < last || from + (uintptr_t)r->a[1] != last_end ||
        r->a[2] != (PROT_READ | PROT_WRITE))
        return site_pass(r);
    last = 0;
    if (from == guard || SYS3(SYS_madvise, guard, from - guard, MADV_GUARD_INSTALL) == 0)
        return 0;
    return SYS3(SYS_mprotect, guard, from - guard, PROT_NONE); /* memory is locked: mlockall */
}

long stacks_call(go_sched *s, const struct site_registers *r)
{
    return r->nr == SYS_mmap ? map(s, r) : protect(r);
}

#endif
