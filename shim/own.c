/* SPDX-License-Identifier: MIT
 *
 * What the library itself uses of libc, also in the middle of the scheduler, and in which its fiber
 * must not wait: stdio, for reports; malloc, whose locks other threads may hold; its own locks. The
 * library's calls of these names come here (own.syms). */
#include "shim/shim.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

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
OWN int gosling_own_pthread_mutex_lock(pthread_mutex_t *m);

OWN void *gosling_own_malloc(size_t n)
{
    go_sched *s = shim_own_begin();
    void *p = malloc(n);

    shim_own_end(s);
    return p;
}

OWN void *gosling_own_calloc(size_t n, size_t size)
{
    go_sched *s = shim_own_begin();
    void *p = calloc(n, size);

    shim_own_end(s);
    return p;
}

OWN void *gosling_own_realloc(void *p, size_t n)
{
    go_sched *s = shim_own_begin();

    p = realloc(p, n);
    shim_own_end(s);
    return p;
}

OWN void gosling_own_free(void *p)
{
    go_sched *s = shim_own_begin();

    free(p);
    shim_own_end(s);
}

OWN int gosling_own_pthread_mutex_lock(pthread_mutex_t *m)
{
    go_sched *s = shim_own_begin();
    int rc = pthread_mutex_lock(m);

    shim_own_end(s);
    return rc;
}
