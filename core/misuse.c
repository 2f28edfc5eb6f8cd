/* SPDX-License-Identifier: MIT */
#include "core/misuse.h"
#include "core/sched.h"
#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* One write, so that lines of several threads do not mix. */
static void say(const char *before, const char *fmt, va_list args)
{
    char line[1024];
    int saved = errno, n = snprintf(line, sizeof line, "gosling: %s", before);

    n += vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, args);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        errno = saved; /* nobody is left to tell */
    errno = saved;
}

void report(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say("", fmt, args);
    va_end(args);
}

void misuse(const char *function, const char *fmt, ...)
{
    go_sched *s = sched_self();
    char before[160], name[FIBER_NAME + 32];
    void *pcs[32];
    va_list args;

    if (s && s->current)
        snprintf(before, sizeof before, "%s, in fiber %s: ", function,
                 fiber_label(s->current, name, sizeof name));
    else
        snprintf(before, sizeof before, "%s: ", function);
    va_start(args, fmt);
    say(before, fmt, args);
    va_end(args);
    backtrace_symbols_fd(pcs, backtrace(pcs, 32), STDERR_FILENO);
    abort();
}

void arch_escaped(int forced)
{
    if (forced)
        misuse("pthread_exit or pthread_cancel",
               "a thread must not end inside a fiber; let the fiber's function return");
    misuse("exception", "an exception left the fiber's function, and nobody is there to catch it; "
                        "catch it inside and "
                        "return an error instead");
}
