/* SPDX-License-Identifier: MIT
 *
 * What the library itself uses of libc, also in the middle of the scheduler, and in which its fiber
 * must not wait: stdio, for reports; malloc, whose locks other threads may hold, and which is not
 * called at all where such a thread may be a fiber of ours (memory.h); its own locks. The library's
 * calls of these names come here (own.syms). */
#include "shim/memory.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OWN __attribute__((visibility("hidden")))

OWN int gosling_own_fprintf(FILE *f, const char *format, ...);
OWN int gosling_own_fputs(const char *text, FILE *f);
OWN int gosling_own_fputc(int c, FILE *f);
OWN size_t gosling_own_fwrite(const void *p, size_t size, size_t n, FILE *f);

OWN int gosling_own_fprintf(FILE *f, const char *format, ...)
{
    go_sched *s = shim_own_begin();
    va_list ap;
    int n;

    va_start(ap, format);
    n = vfprintf(f, format, ap);
    va_end(ap);
    shim_own_end(s);
    return n;
}

OWN int gosling_own_fputs(const char *text, FILE *f)
{
    go_sched *s = shim_own_begin();
    int result = fputs(text, f);

    shim_own_end(s);
    return result;
}

OWN int gosling_own_fputc(int c, FILE *f)
{
    go_sched *s = shim_own_begin();
    int result = fputc(c, f);

    shim_own_end(s);
    return result;
}

OWN size_t gosling_own_fwrite(const void *p, size_t size, size_t n, FILE *f)
{
    go_sched *s = shim_own_begin();
    size_t result = fwrite(p, size, n, f);

    shim_own_end(s);
    return result;
}

/* ---- memory, locks ---- */

OWN void *gosling_own_malloc(size_t n);
OWN void *gosling_own_calloc(size_t n, size_t size);
OWN void *gosling_own_realloc(void *p, size_t n);
OWN void gosling_own_free(void *p);
OWN char *gosling_own_strdup(const char *text);
OWN void *gosling_own_aligned_alloc(size_t alignment, size_t n);
OWN int gosling_own_pthread_mutex_lock(pthread_mutex_t *m);

OWN void *gosling_own_malloc(size_t n)
{
    go_sched *s;
    void *p;

    if (threads_on)
        return memory_get(n);
    s = shim_own_begin();
    p = malloc(n);
    shim_own_end(s);
    return p;
}

OWN void *gosling_own_calloc(size_t n, size_t size)
{
    go_sched *s;
    void *p;

    if (threads_on)
        return memory_clear(n, size);
    s = shim_own_begin();
    p = calloc(n, size);
    shim_own_end(s);
    return p;
}

OWN void *gosling_own_realloc(void *p, size_t n)
{
    go_sched *s;

    if (memory_is(p) || (threads_on && !p))
        return memory_resize(p, n);
    s = shim_own_begin();
    p = realloc(p, n);
    shim_own_end(s);
    return p;
}

OWN void gosling_own_free(void *p)
{
    go_sched *s;

    if (memory_is(p)) {
        memory_put(p);
        return;
    }
    s = shim_own_begin();
    free(p);
    shim_own_end(s);
}

OWN void *gosling_own_aligned_alloc(size_t alignment, size_t n)
{
    go_sched *s;
    void *p;

    if (threads_on)
        return memory_aligned(alignment, n);
    s = shim_own_begin();
    p = aligned_alloc(alignment, n);
    shim_own_end(s);
    return p;
}

OWN char *gosling_own_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = gosling_own_malloc(n);

    return copy ? memcpy(copy, text, n) : NULL;
}

OWN int gosling_own_pthread_mutex_lock(pthread_mutex_t *m)
{
    go_sched *s = shim_own_begin();
    int rc = pthread_mutex_lock(m);

    shim_own_end(s);
    return rc;
}
