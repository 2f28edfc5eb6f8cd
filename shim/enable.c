/* SPDX-License-Identifier: MIT
 *
 * Switching the shim on and off, and finding what it stands before. */
#include "shim/handlers.h"
#include "shim/originals.h"
#include "shim/seen.h"
#include "shim/sites.h"
#include "shim/threads.h"
#include "shim/trap.h"
#include <dlfcn.h>
#include <gosling/offload.h>
#include <string.h>

unsigned shim_families = GO_SHIM_ALL;
struct shim_originals shim_originals;

/* The originals without any entry, also not by libc's call sites. */
#define X(name, family, ret, params) ret gosling_own_##name params;
#include "gen/names.h"
#undef X

static const struct {
    const char *name;
    void **at;
    void *own;
} names[] = {
#define X(name, family, ret, params) \
    {#name, (void **)(void *)&shim_originals.name, (void *)gosling_own_##name},
#include "gen/names.h"
#undef X
};

enum { NAMES = sizeof names / sizeof *names };

/* Several threads may do this at once: they write the same. */
void shim_resolve_one(const char *name, void **at)
{
    __atomic_store_n(at, dlsym(RTLD_NEXT, name), __ATOMIC_RELAXED);
}

/* Of the entry by call sites: how many, or why there is none. */
static unsigned patched;
static const char *why_not_patched;
static const char *why_not_trapped; /* and of the entry by traps */

static void entered(go_sched *s, bool in)
{
    if (in && threads_on) /* a fork child */
        threads_forked(s);
    handlers_entered(s, in);
    trap_entered(s, in);
}

__attribute__((constructor)) static void begin(void)
{
    for (unsigned i = 0; i < NAMES; i++)
        shim_resolve_one(names[i].name, names[i].at);
    tcb_by_default = true;
    why_not_patched = sites_patch(&patched);
    why_not_trapped = trap_begin();
    sched_entered = entered;
}

const char *shim_without_sites(void)
{
    return why_not_patched;
}

const char *shim_without_traps(void)
{
    return why_not_trapped;
}

void go_shim_entries(FILE *out)
{
    fprintf(out, "entry A, libc's names: %u functions\n", NAMES);
    if (why_not_patched)
        fprintf(out, "entry B, libc's own call sites: none: %s\n", why_not_patched);
    else
        fprintf(out, "entry B, libc's own call sites: %u\n", patched);
    if (why_not_trapped)
        fprintf(out, "entry C, calls of other code, by traps: none: %s\n", why_not_trapped);
    else
        fprintf(out, "entry C, calls of other code, by traps: yes\n");
    fprintf(out, "thread control blocks of fibers' own: %s\n", tcb_possible() ? "yes" : "no");
    if (threads_why_not())
        fprintf(out, "gosling run, threads as fibers: none: %s\n", threads_why_not());
    else
        fprintf(out, "gosling run, threads as fibers: yes\n");
}

int go_shim_enable(unsigned what)
{
    if (what & ~(unsigned)GO_SHIM_ALL)
        return -EINVAL;
    tcb_by_default = what != 0;
    if (~what & (GO_SHIM_IO | GO_SHIM_SOCKET | GO_SHIM_PROCESS))
        seen_end();
    return (int)__atomic_exchange_n(&shim_families, what, __ATOMIC_RELAXED);
}

void *go_shim_original(const char *name)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return *names[i].at ? names[i].own : NULL;
    return NULL;
}

/* ---- on a pool thread ---- */

struct errand {
    void (*fn)(void *arg);
    void *arg;
    int error, resolver_error;
};

static int run_errand(void *arg)
{
    struct errand *e = arg;

    errno = e->error;
    e->fn(e->arg);
    e->error = errno;
    e->resolver_error = h_errno;
    return 0;
}

int shim_pool(void (*fn)(void *arg), void *arg)
{
    struct errand e = {.fn = fn, .arg = arg, .error = errno};
    int rc = go_offload(run_errand, &e);

    if (rc == -EAGAIN) { /* no thread to be had: rather wait than fail */
        fn(arg);
        return 0;
    }
    errno = rc < 0 ? -rc : e.error;
    if (rc >= 0)
        h_errno = e.resolver_error;
    return rc;
}
