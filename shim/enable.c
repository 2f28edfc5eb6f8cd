/* SPDX-License-Identifier: MIT
 *
 * Switching the shim on and off, and finding what it stands before. */
#include "shim/originals.h"
#include <dlfcn.h>
#include <gosling/offload.h>
#include <string.h>

unsigned shim_families = GO_SHIM_ALL;
struct shim_originals shim_originals;

static const struct {
    const char *name;
    void **at;
} names[] = {
#define X(name, family, ret, params) {#name, (void **)(void *)&shim_originals.name},
#include "gen/names.h"
#undef X
};

enum { NAMES = sizeof names / sizeof *names };

/* Several threads may do this at once: they write the same. */
void shim_resolve(void)
{
    for (unsigned i = 0; i < NAMES; i++)
        __atomic_store_n(names[i].at, dlsym(RTLD_NEXT, names[i].name), __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void resolve_early(void)
{
    shim_resolve();
}

int go_shim_enable(unsigned what)
{
    if (what & ~(unsigned)GO_SHIM_ALL)
        return -EINVAL;
    return (int)__atomic_exchange_n(&shim_families, what, __ATOMIC_RELAXED);
}

void *go_shim_original(const char *name)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0) {
            if (!*names[i].at)
                shim_resolve();
            return *names[i].at;
        }
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
