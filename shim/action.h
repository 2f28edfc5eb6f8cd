/* SPDX-License-Identifier: MIT
 *
 * What a signal does, as the kernel has it. A handler of ours returns by our own text: the system
 * call that libc's returns by is one that traps. */
#ifndef SHIM_ACTION_H
#define SHIM_ACTION_H

#include "core/sys.h"
#include "shim/sites.h"
#include <signal.h>
#include <stdint.h>

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

typedef void handler_fn(int sig, siginfo_t *info, void *context);

struct action {
    handler_fn *fn; /* or SIG_DFL, SIG_IGN */
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

/* Its restorer is ours. 0 or -errno. */
static inline long action_install(int sig, struct action a)
{
    a.flags |= SA_RESTORER;
    a.restorer = sites_text.restorer;
    return SYS4(SYS_rt_sigaction, sig, &a, NULL, sizeof a.mask);
}

#endif
