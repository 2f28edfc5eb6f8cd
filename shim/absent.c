/* SPDX-License-Identifier: MIT
 *
 * libgosling without the shim. */
#include <dlfcn.h>
#include <errno.h>
#include <gosling/shim.h>

int go_shim_enable(unsigned what)
{
    (void)what;
    return -ENOSYS;
}

/* Nothing stands before libc's functions: they are what everybody finds. */
void *go_shim_original(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

void go_shim_report(FILE *out)
{
    (void)out;
}

void go_shim_entries(FILE *out)
{
    fputs("no entries: this is libgosling, without the shim\n", out);
}
