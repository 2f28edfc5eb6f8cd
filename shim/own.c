/* SPDX-License-Identifier: MIT
 *
 * stdio as the library itself uses it, for reports: it writes where it stands, also from the middle
 * of the scheduler, and so its fiber must not wait. The library's calls of these names come here
 * (own.syms). */
#include "shim/shim.h"
#include <stdarg.h>

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
