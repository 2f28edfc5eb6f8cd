/* SPDX-License-Identifier: MIT
 *
 * A thread that traps may make system calls in the thunks alone (sites.c), by which nearly all of
 * libc's go. Everything else, the program's own code and its libraries', the loader's, and the rest
 * of libc's, gets SIGSYS, at 1.5 µs a call. The handler does for the fiber what
 * the engine does, so a fiber may park inside it, on its own stack; or makes the call.
 *
 * The library's own calls become calls of a stub among the thunks: its text is copied, changed, and
 * moved over the original, so that it is never writable and executable at once.
 *
 * A thread that traps pays some 10 ns more for every system call. So it does only where there is
 * something to stop: where the program, or a library that is loaded when the run begins, has the
 * bytes of a `syscall` instruction in its code. (They may be others that look so: then it traps in
 * vain.)
 *
 * Dispatch belongs to a thread and is not inherited: other threads, and children, are not touched.
 * A fork child begins anew (sched_entered). */
#include "shim/trap.h"
#include "shim/action.h"
#include "shim/clone.h"
#include "shim/shim.h"
#include "shim/sites.h"
#include "shim/threads.h"
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>

#if defined(SHIM_SITES) && defined(__x86_64__)

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF          0
#define PR_SYS_DISPATCH_ON           1
#endif
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2 /* si_code */
#endif

enum { PAGE = 4096, CALL = 5 };

extern const int32_t __start_gosling_syscalls[] __attribute__((visibility("hidden")));
extern const int32_t __stop_gosling_syscalls[] __attribute__((visibility("hidden")));

/* "Stop": what is allowed is allowed by its address. */
static char selector = 1;

static struct sigaction programs; /* the program's own handler */

_Noreturn void trap_return(unsigned long sp, void *stub); /* trap.S */

/* ---- which thread ---- */

static int dispatch(bool on)
{
    return (int)SYS5(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH,
                     on ? PR_SYS_DISPATCH_ON : PR_SYS_DISPATCH_OFF, on ? sites_text.at : 0,
                     on ? sites_text.size : 0, on ? &selector : NULL);
}

static bool works;

/* ---- whether it is worth it ---- */

static struct {
    unsigned long long adds; /* how many objects have been loaded, when it was looked */
    bool found;
} calls_of_others;

/* libc's and ours are known; the kernel's own (the vdso) and the loader's are not meant. */
static bool is_others(const struct dl_phdr_info *info, const ElfW(Phdr) * p)
{
    const unsigned char *at = (const unsigned char *)info->dlpi_addr + p->p_vaddr;
    const char *name = strrchr(info->dlpi_name, '/');

    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || !(p->p_flags & PF_R))
        return false;
    if (name && strncmp(name, "/libc.so.6", 10) == 0)
        return false;
    if ((uintptr_t)is_others - (uintptr_t)at < p->p_memsz)
        return false;
    return *info->dlpi_name == '\0' ? info->dlpi_addr != getauxval(AT_SYSINFO_EHDR)
                                    : name && strncmp(name, "/ld-linux", 9) != 0;
}

static int look_for_calls(struct dl_phdr_info *info, size_t size, void *arg)
{
    static const unsigned char bytes[] = {0x0f, 0x05};

    (void)size;
    (void)arg;
    if (calls_of_others.adds == info->dlpi_adds)
        return 1;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (is_others(info, &info->dlpi_phdr[i]) &&
            memmem((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                   info->dlpi_phdr[i].p_filesz, bytes, sizeof bytes))
            calls_of_others.found = true;
    return calls_of_others.found;
}

static int remember_adds(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    calls_of_others.adds = info->dlpi_adds;
    return 1;
}

static bool others_call(void)
{
    if (!calls_of_others.found) {
        dl_iterate_phdr(look_for_calls, NULL);
        dl_iterate_phdr(remember_adds, NULL);
    }
    return calls_of_others.found;
}

void trap_entered(go_sched *s, bool in)
{
    (void)s;
    if (works && (threads_on || others_call()))
        dispatch(in);
}

const sigset_t *trap_mask(int how, const sigset_t *set, sigset_t *room)
{
    if (!works || !set || how == SIG_UNBLOCK || !sigismember(set, SIGSYS))
        return set;
    *room = *set;
    sigdelset(room, SIGSYS);
    return room;
}

/* ---- a call that was stopped ---- */

/* Those that the kernel does to the caller's own registers or stack, and not to a handler's. */
static long special(long nr, greg_t *g)
{
    long rc;

    switch (nr) {
    case SYS_rt_sigreturn:
        trap_return((unsigned long)g[REG_RSP], sites_text.stub);
    case SYS_vfork:
        return shim_site(&(const struct site_registers){.nr = SYS_fork});
    default:
        if (clone_call(sched_self(), nr, g, &rc))
            return rc;
        if (nr == SYS_clone3)
            return SYS2(nr, g[REG_RDI], g[REG_RSI]);
        return SYS5(nr, g[REG_RDI], g[REG_RSI], g[REG_RDX], g[REG_R10], g[REG_R8]);
    }
}

static bool is_special(long nr)
{
    return nr == SYS_rt_sigreturn || nr == SYS_vfork || nr == SYS_clone || nr == SYS_clone3;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
    struct sigaction own = programs;

    if (own.sa_flags & SA_SIGINFO && own.sa_sigaction) {
        own.sa_sigaction(sig, info, context);
    } else if (own.sa_handler == SIG_DFL) {
        signal(sig, SIG_DFL); /* as it would have ended */
        raise(sig);
    } else if (own.sa_handler != SIG_IGN) {
        own.sa_handler(sig);
    }
}

static void stopped(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    struct site_registers r = {.nr = g[REG_RAX],
                               .a = {g[REG_RDI], g[REG_RSI], g[REG_RDX], g[REG_R10], g[REG_R8],
                                     g[REG_R9]},
                               .pc = g[REG_RIP]};

    if (info->si_code != SYS_USER_DISPATCH) {
        pass_on(sig, info, context);
        return;
    }
    if (r.nr == SYS_rt_sigprocmask && r.a[1]) { /* see trap_mask; the kernel's sets are shorter */
        uint64_t before = 0, set = *(const uint64_t *)r.a[1] & ~(UINT64_C(1) << (SIGSYS - 1));

        if (r.a[0] != SIG_UNBLOCK)
            r.a[1] = (long)&set;
        SYS4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &before, sizeof before);
        g[REG_RAX] = shim_site(&r);
        tcb_mask_changed(sched_self(), before);
    } else
        g[REG_RAX] = is_special(r.nr) ? special(r.nr, g) : shim_site(&r);
    if (r.nr == SYS_sigaltstack)
        SYS2(SYS_sigaltstack, NULL, &uc->uc_stack);
    /* who goes on has the thread's mask, which others may have changed meanwhile */
    SYS4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &uc->uc_sigmask, _NSIG / 8);
}

int trap_action(const struct sigaction *new, struct sigaction *old)
{
    struct sigaction was = programs;

    if (!works)
        return -ENOSYS;
    if (new)
        programs = *new;
    if (old)
        *old = was;
    return 0;
}

/* ---- the library's own ---- */

struct text {
    unsigned char *at;
    size_t size;
};

static int find_own(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct text *t = arg;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        unsigned char *at = (unsigned char *)info->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && p->p_flags & PF_X &&
            (uintptr_t)find_own - (uintptr_t)at < p->p_memsz) {
            t->at = (unsigned char *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1));
            t->size = (size_t)(at + p->p_memsz - t->at);
            t->size += -t->size & (PAGE - 1);
            return 1;
        }
    }
    return 0;
}

/* Every system call of the library's becomes a call of the stub. Between the copy and its move
 * nothing may happen that would be lost, and this very code runs on, in the copy. */
static const char *move_own(void)
{
    struct text t = {0};
    unsigned char *copy;

    dl_iterate_phdr(find_own, &t);
    if (!t.at)
        return "the library does not find itself";
    copy = mmap(NULL, t.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return "no memory for a copy of the library's code";
    memcpy(copy, t.at, t.size);
    for (const int32_t *p = __start_gosling_syscalls; p < __stop_gosling_syscalls; p++) {
        unsigned char *site = (unsigned char *)(uintptr_t)p + *p, *to = copy + (site - t.at);
        int64_t far = sites_text.stub - (site + CALL);
        int32_t near = (int32_t)far;

        if (near != far) {
            munmap(copy, t.size);
            return "libc is too far away";
        }
        to[0] = 0xe8;
        memcpy(to + 1, &near, sizeof near);
    }
    if (mprotect(copy, t.size, PROT_READ | PROT_EXEC) < 0 ||
        mremap(copy, t.size, t.size, MREMAP_MAYMOVE | MREMAP_FIXED, t.at) == MAP_FAILED) {
        munmap(copy, t.size);
        return "the kernel does not allow code to be changed";
    }
    return NULL;
}

/* Valgrind makes its own system calls on our thread, and the kernel would stop those. */
static bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "/vgpreload_");
}

const char *trap_begin(void)
{
    const char *why;

    if (!tcb_possible()) /* which this file, not instrumented, cannot ask for */
        return "sanitizers' runtimes make system calls of their own";
    if (!sites_text.stub)
        return "it needs entry B";
    if (under_valgrind())
        return "not under valgrind";
    selector = 0; /* until our own calls are where they may be */
    if (dispatch(true) < 0)
        return "the kernel has no Syscall User Dispatch";
    dispatch(false);
    selector = 1;
    why = move_own();
    if (why)
        return why;
    sigaction(SIGSYS, NULL, &programs);
    if (action_install(SIGSYS, (struct action){.fn = stopped, .flags = SA_SIGINFO | SA_NODEFER}) <
        0)
        return "the kernel does not take its handler";
    works = true;
    return NULL;
}

#else

void trap_entered(go_sched *s, bool in)
{
    (void)s;
    (void)in;
}

const sigset_t *trap_mask(int how, const sigset_t *set, sigset_t *room)
{
    (void)how;
    (void)room;
    return set;
}

const char *trap_begin(void)
{
    return "there is none on this architecture";
}

int trap_action(const struct sigaction *new, struct sigaction *old)
{
    (void)new;
    (void)old;
    return -ENOSYS;
}

#endif
