/* SPDX-License-Identifier: MIT
 *
 * The stack overflow report; see overflow.h. The handler uses nothing but the stack that it runs
 * on, write, sigaction and tgkill: the fault may have interrupted malloc. */
#include "core/overflow.h"
#include "core/fiber.h"
#include "core/stack.h"
#include "core/sys.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SIGNALS = 2,
    ALTSTACK_MIN = 64 * 1024
}; /* handlers that were there before may print backtraces */

/* Dispositions belong to the process, so this does: how many runs want the report, and what was
 * there before. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned runs;
static struct sigaction before[SIGNALS];
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS};

/* ---- the report ---- */

struct text {
    size_t length;
    char bytes[768];
};

static void say(struct text *t, const char *s)
{
    while (*s && t->length < sizeof t->bytes)
        t->bytes[t->length++] = *s++;
}

static void say_number(struct text *t, uint64_t n)
{
    char digits[24], *p = digits + sizeof digits;

    *--p = 0;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    say(t, p);
}

static void tell(const char *name, uint64_t id, size_t size)
{
    struct text t = {0};

    say(&t, "gosling: stack overflow: fiber #");
    say_number(&t, id);
    if (name && *name) {
        say(&t, " '");
        say(&t, name);
        say(&t, "'");
    }
    say(&t, " has used up its stack of ");
    say_number(&t, size / 1024);
    say(&t, " KiB; give it more (stack_size in go_run_opts or go_spawn_opts), or move large locals "
            "to the heap. "
            "A frame of more than ");
    say_number(&t, STACK_GUARD / 1024);
    say(&t, " KiB may jump over the guard unnoticed: build code that has such frames with "
            "-fstack-clash-protection\n");
    for (size_t done = 0; done < t.length;) {
        ssize_t n = sys_write(STDERR_FILENO, t.bytes + done, t.length - done);

        if (n > 0)
            done += (size_t)n;
        else if (n != -EINTR)
            return;
    }
}

/* ---- the handler ---- */

/* To what was there before us. Its mask and SA_NODEFER are ours too (see install), so that it finds
 * what it asked for. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
    struct sigaction old = before[sig == signals[1]], none = {.sa_handler = SIG_DFL};

    if (!(old.sa_flags & SA_SIGINFO) && (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN)) {
        if (info->si_code <= 0 && old.sa_handler == SIG_IGN)
            return; /* somebody's kill() */
        sigaction(sig, &old, NULL);
        if (info->si_code <= 0) /* a fault comes again when we return; this would not */
            (void)SYS3(SYS_tgkill, getpid(), sys_gettid(), sig);
        return;
    }
    if (old.sa_flags & SA_RESETHAND)
        sigaction(sig, &none, NULL);
    if (old.sa_flags & SA_SIGINFO)
        old.sa_sigaction(sig, info, context);
    else
        old.sa_handler(sig);
}

static void handle(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    const char *name;
    uint64_t id;
    size_t size;

    if (info->si_code > 0 && fiber_stack_of_fault(info->si_addr, &name, &id, &size))
        tell(name, id, size);
    errno = saved;
    pass_on(sig, info, context);
}

static void install(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction mine = {.sa_sigaction = handle};

        sigaction(signals[i], NULL, &before[i]);
        mine.sa_mask = before[i].sa_mask;
        mine.sa_flags = SA_SIGINFO | SA_ONSTACK | (before[i].sa_flags & SA_NODEFER);
        sigaction(signals[i], &mine, NULL);
    }
}

/* Somebody who put a handler over ours meanwhile keeps it, and may go on calling ours. */
static void restore(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;

        sigaction(signals[i], NULL, &now);
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle)
            sigaction(signals[i], &before[i], NULL);
    }
}

/* ---- entering and leaving ---- */

/* The handler cannot run on the stack that has overflowed. The kernel says how much its frame
 * takes. */
static int altstack_make(struct overflow *o)
{
    stack_t now, mine = {0};
    long size = ALTSTACK_MIN;

    if (sigaltstack(NULL, &now))
        return -errno;
    if (!(now.ss_flags & SS_DISABLE))
        return 0;
#ifdef _SC_SIGSTKSZ
    if (sysconf(_SC_SIGSTKSZ) > size)
        size = sysconf(_SC_SIGSTKSZ);
#endif
    mine.ss_size = (size_t)size;
    mine.ss_sp =
        mmap(NULL, mine.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mine.ss_sp == MAP_FAILED)
        return -ENOMEM;
    if (sigaltstack(&mine, NULL)) {
        int rc = -errno;

        munmap(mine.ss_sp, mine.ss_size);
        return rc;
    }
    o->altstack = mine.ss_sp;
    o->size = mine.ss_size;
    return 0;
}

int overflow_enter(struct overflow *o)
{
    int saved = errno, rc;

    *o = (struct overflow){0};
    rc = altstack_make(o);
    errno = saved;
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&lock);
    if (runs++ == 0)
        install();
    pthread_mutex_unlock(&lock);
    o->installed = true;
    return 0;
}

void overflow_leave(struct overflow *o)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};

    if (!o->installed)
        return;
    pthread_mutex_lock(&lock);
    if (--runs == 0)
        restore();
    pthread_mutex_unlock(&lock);
    if (o->altstack) {
        if (!sigaltstack(NULL, &now) && now.ss_sp == o->altstack)
            sigaltstack(&none, NULL);
        munmap(o->altstack, o->size);
    }
    *o = (struct overflow){0};
}
