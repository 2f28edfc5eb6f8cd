/* SPDX-License-Identifier: MIT
 *
 * Threads are written for a kernel that takes the processor away: they spin until another has done
 * something. So the carrier's own CPU time is counted, and after a slice of it who runs goes to the
 * end of the queue, inside the signal's handler: the frame stays on its stack. It may hold a lock
 * of its own there: those are futexes, and who wants them waits in the engine. The library's own
 * code is left alone, and libc's: what the library itself uses of it must not meet a lock whose
 * holder was stopped. Of libc only its spin lock spins.
 */
#include "core/sys.h"
#include "core/turn.h"
#include "shim/action.h"
#include "shim/altstack.h"
#include "shim/handlers.h"
#include "shim/threads.h"
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#ifdef SHIM_CLONE

static unsigned slice = 2; /* milliseconds */
static bool has_timer;

enum { LIBRARIES = 3, SPIN = 64 };

static struct text {
    uintptr_t at, end;
} ours, libcs[LIBRARIES];
static unsigned libraries;
static uintptr_t spin_lock;

void slice_time(unsigned milliseconds)
{
    slice = milliseconds;
}

static int find_texts(struct dl_phdr_info *info, size_t size, void *arg)
{
    const char *name = strrchr(info->dlpi_name, '/');
    bool libc = name && (strncmp(name, "/libc.so.6", 10) == 0 || strncmp(name, "/ld-", 4) == 0);

    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        if ((uintptr_t)find_texts - at < p->p_memsz)
            ours = (struct text){at, at + p->p_memsz};
        else if (libc && libraries < LIBRARIES)
            libcs[libraries++] = (struct text){at, at + p->p_memsz};
    }
    return 0;
}

bool slice_is_ours(uintptr_t pc)
{
    return pc - ours.at < ours.end - ours.at;
}

static bool is_libcs(uintptr_t pc)
{
    for (unsigned i = 0; i < libraries; i++)
        if (pc - libcs[i].at < libcs[i].end - libcs[i].at)
            return pc - spin_lock >= SPIN;
    return pc - (uintptr_t)sites_text.at < sites_text.size;
}

/* In the middle of the program's own code. */
static void on_slice(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    go_sched *s = sched_self();
    fiber *f = s ? s->current : NULL;
    uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

    (void)sig;
    (void)info;
    if (!f || f == s->loop_fiber || f->inside || s->no_park || slice_is_ours(pc))
        return;
    if (is_libcs(pc) && !f->attention)
        return;
    altstack_enter(uc);
    f->inside++;
    if (!is_libcs(pc)) {
        s->until_look = 0; /* the loop first: nobody may be ready but by what it would hear of */
        s->poll_after = 0;
        s->looks = TURN_POLL / TURN_LOOK;
        sched_yield_now(s);
    }
    while (f->attention)
        deliver_left(s, 0);
    f->inside--;
    deliver_kernels_mask(uc);
    altstack_leave(uc);
}

void slice_prepare(void)
{
    libraries = 0;
    dl_iterate_phdr(find_texts, NULL);
    spin_lock = (uintptr_t)dlsym(RTLD_DEFAULT, "pthread_spin_lock");
    action_install(SLICE_SIGNAL,
                   (struct action){.fn = on_slice,
                                   .flags = SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_ONSTACK});
}

void slice_forked(void)
{
    has_timer = false;
}

void slice_begin(void)
{
    struct sigevent e;
    struct itimerspec every = {{0, slice * 1000000L}, {0, slice * 1000000L}};
    int id;

    if (!slice || has_timer)
        return;
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD_ID;
    e.sigev_signo = SLICE_SIGNAL;
    e._sigev_un._tid = sys_gettid();
    if (SYS3(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &e, &id) < 0)
        return;
    has_timer = true;
    SYS4(SYS_timer_settime, id, 0, &every, NULL);
}

#endif
