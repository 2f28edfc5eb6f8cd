/* SPDX-License-Identifier: MIT
 *
 * What the tests of fibers share: laws that run as the main fiber under the virtual clock, a trace
 * of what happened in which order, children whose death is looked at, and some fibers that every
 * second test needs. */
#ifndef TESTS_KIT_H
#define TESTS_KIT_H

#include "tests/tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <gosling.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

/* ---- the trace: what happened, in order, as words ---- */

static char kit_trace[1 << 16];

static TAP_UNUSED void mark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void mark(const char *fmt, ...)
{
    size_t n = strlen(kit_trace);
    int saved = errno;
    va_list ap;

    if (n && n < sizeof kit_trace - 1)
        kit_trace[n++] = ' ';
    va_start(ap, fmt);
    vsnprintf(kit_trace + n, sizeof kit_trace - n, fmt, ap);
    va_end(ap);
    errno = saved;
}

static TAP_UNUSED void trace_reset(void)
{
    kit_trace[0] = '\0';
}

/* A wanted text in which errors are names, as in "a:-ECANCELED", with their numbers, which are not
 * the same everywhere. */
static TAP_UNUSED const char *kit_numbers(const char *names)
{
    static char text[sizeof kit_trace];
    size_t n = 0, length;

    if (!strstr(names, "-E"))
        return names;
    while (*names && n < sizeof text - 8) {
        const char *known = NULL;
        int error = 0;

        length = names[0] == '-' && names[1] == 'E'
                     ? strspn(names + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                     : 0;
        while (length && error < 4096 && !known) {
            known = strerrorname_np(++error);
            if (known && (strlen(known) != length || strncmp(known, names + 1, length) != 0))
                known = NULL;
        }
        if (known) {
            n += (size_t)sprintf(text + n, "-%d", error);
            names += 1 + length;
        } else {
            text[n++] = *names++;
        }
    }
    text[n] = '\0';
    return text;
}

/* Compares the trace, and starts a new one. */
#define CHECK_TRACE(want)                                                                 \
    (tap_check_str(kit_trace, kit_numbers(want), false, __FILE__, __LINE__, "the trace"), \
     trace_reset())

/* ---- runs ---- */

/* Runs fn(arg) under the virtual clock: time jumps when everybody waits. */
static TAP_UNUSED int virtual_run(go_fn *fn, void *arg)
{
    go_run_opts opts;

    memset(&opts, 0, sizeof opts);
    opts.clock = GO_CLOCK_VIRTUAL;
    opts.no_signals = true;
    opts.watchdog = -1; /* tests compute as long as they like */
    return go_run_with(&opts, fn, arg);
}

/* The same under the real clock. */
static TAP_UNUSED int real_run(go_fn *fn, void *arg)
{
    go_run_opts opts;

    memset(&opts, 0, sizeof opts);
    opts.no_signals = true;
    opts.watchdog = -1; /* tests compute as long as they like */
    return go_run_with(&opts, fn, arg);
}

struct kit_call {
    void (*fn)(void);
};

static TAP_UNUSED int kit_main(void *arg)
{
    ((struct kit_call *)arg)->fn();
    return 0;
}

/* The order of things, which most laws name, is the one without a seed; but $KIT_SEED puts one in,
 * for those that must hold in every order. */
static TAP_UNUSED void kit_seed(void)
{
    const char *seed = getenv("KIT_SEED");

    if (seed)
        setenv("GO_SEED", seed, 1);
    else
        unsetenv("GO_SEED");
}

static TAP_UNUSED void kit_virtual(void (*fn)(void))
{
    struct kit_call call = {fn};

    kit_seed();
    trace_reset();
    CHECK_EQ(virtual_run(kit_main, &call), 0);
}

static TAP_UNUSED void kit_real(void (*fn)(void))
{
    struct kit_call call = {fn};

    kit_seed();
    trace_reset();
    CHECK_EQ(real_run(kit_main, &call), 0);
}

/* A law whose function is the main fiber of a run, whose result must be 0. */
#define LAW_VIRTUAL(name, text) LAW_AROUND(kit_virtual, name, text)
#define LAW_REAL(name, text)    LAW_AROUND(kit_real, name, text)

/* ---- children ---- */

/* Runs fn(arg) in a forked process, which ends with exit status fn's result, or 99 when a CHECK in
 * it failed. What it wrote to stdout and stderr is in buf, NUL-terminated. *status is waitpid's.
 * For what must die. */
static TAP_UNUSED void run_in_child(int (*fn)(void *), void *arg, int *status, char *buf,
                                    size_t size)
{
    int out[2];
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    fflush(NULL);
    if (pipe(out) < 0 || (pid = fork()) < 0) {
        perror("run_in_child");
        exit(1);
    }
    if (pid == 0) {
        int rc;

        dup2(out[1], 1);
        dup2(out[1], 2);
        close(out[0]);
        close(out[1]);
        signal(SIGALRM, SIG_DFL);
        alarm(tap_patience(20));
        tap.wrong = 0;
        rc = fn(arg);
        fflush(NULL);
        _exit(tap.wrong ? 99 : rc);
    }
    close(out[1]);
    while (n < size - 1 &&
           ((got = read(out[0], buf + n, size - 1 - n)) > 0 || (got < 0 && errno == EINTR)))
        n += got > 0 ? (size_t)got : 0;
    buf[n] = '\0';
    close(out[0]);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
}

static char kit_output[1 << 16]; /* of the last child */

/* The child must end with exit status want. */
static TAP_UNUSED bool child_exits(int (*fn)(void *), void *arg, int want, const char *file,
                                   int line)
{
    int status;

    run_in_child(fn, arg, &status, kit_output, sizeof kit_output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == want)
        return true;
    tap.wrong++;
    tap_note("%s:%d: the child ended with %s %d, not with status %d; it wrote:", file, line,
             WIFEXITED(status) ? "status" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), want);
    tap_note("%s", kit_output);
    return false;
}

/* The child must die of signal want. */
static TAP_UNUSED bool child_dies(int (*fn)(void *), void *arg, int want, const char *file,
                                  int line)
{
    int status;

    run_in_child(fn, arg, &status, kit_output, sizeof kit_output);
    if (WIFSIGNALED(status) && WTERMSIG(status) == want)
        return true;
    tap.wrong++;
    tap_note("%s:%d: the child ended with %s %d, not with signal %d; it wrote:", file, line,
             WIFEXITED(status) ? "status" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), want);
    tap_note("%s", kit_output);
    return false;
}

#define CHECK_EXITS(fn, arg, want) child_exits((fn), (arg), (want), __FILE__, __LINE__)
#define CHECK_DIES(fn, arg, want)  child_dies((fn), (arg), (want), __FILE__, __LINE__)

/* The same for the main fiber of a virtual run: what must abort inside one. */
static TAP_UNUSED int kit_child_virtual(void *arg)
{
    return virtual_run(kit_main, arg) < 0 ? 98 : 0;
}

#define CHECK_MISUSE(body) \
    child_dies(kit_child_virtual, &(struct kit_call){(body)}, SIGABRT, __FILE__, __LINE__)

/* What go_error_print, go_dump and the like print, as a string; buf is the caller's. */
static TAP_UNUSED const char *printed(void (*print)(FILE *out, const void *arg), const void *arg,
                                      char *buf, size_t size)
{
    FILE *out = fmemopen(buf, size, "w");

    buf[0] = '\0';
    if (out) {
        print(out, arg);
        fclose(out);
    }
    TAP_FILLED(buf, size);
    buf[size - 1] = '\0';
    return buf;
}

/* ---- errors ---- */

static TAP_UNUSED size_t error_count(const go_error *e)
{
    size_t n = 0;

    while (go_error_child(e, n))
        n++;
    return n;
}

/* The first error with this code beneath e, at any depth, in depth-first order; fiber NULL:
 * whoever's. */
static TAP_UNUSED const go_error *error_find(const go_error *e, int code, const char *fiber)
{
    const go_error *child, *found;

    for (size_t i = 0; (child = go_error_child(e, i)); i++) {
        if (go_error_code(child) == code && (!fiber || strcmp(go_error_fiber(child), fiber) == 0))
            return child;
        if ((found = error_find(child, code, fiber)))
            return found;
    }
    return NULL;
}

/* ---- time and threads ---- */

static TAP_UNUSED go_time real_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * GO_SEC + t.tv_nsec;
}

/* Keeps the processor busy, and yields to nobody. */
static TAP_UNUSED void spin(go_time ns)
{
    go_time end = real_now() + ns;

    while (real_now() < end)
        ;
}

/* Blocks the OS thread. */
static TAP_UNUSED void nap(go_time ns)
{
    struct timespec t = {(time_t)(ns / GO_SEC), (long)(ns % GO_SEC)};

    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

static TAP_UNUSED int thread_count(void)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int n = 0;

    if (!dir)
        return -1;
    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* ---- fibers ---- */

/* Sleeps for *(go_time *)arg, for ever with NULL; its result is the sleep's. */
static TAP_UNUSED int sleeper(void *arg)
{
    return go_sleep(arg ? *(go_time *)arg : GO_FOREVER);
}

/* What a child points to must outlive its block: for a sleep of no importance. */
static TAP_UNUSED go_time moment = GO_US;

/* Ends with the int that arg points to. */
static TAP_UNUSED int returner(void *arg)
{
    return *(int *)arg;
}

/* A fiber that marks its name, and one that marks what a sleep in it returned. */
static TAP_UNUSED int marker(void *arg)
{
    mark("%s", (const char *)arg);
    return 0;
}

struct plan {
    const char *name; /* also marked at its end; NULL: silent */
    go_time delay;    /* sleeps that long first */
    int result;       /* returns that, or what the sleep said if that is an error */
    bool stubborn;    /* result even when the sleep was cancelled */
    bool fails;       /* makes its error by go_fail(result, "NAME failed") */
    int slept;        /* what the sleep returned */
    bool ran;
};

static TAP_UNUSED int follow(void *arg)
{
    struct plan *p = (struct plan *)arg;
    int rc;

    p->ran = true;
    if (p->name)
        go_name("%s", p->name);
    rc = p->slept = p->delay ? go_sleep(p->delay) : 0;
    if (p->name)
        mark("%s%s", p->name, rc == -ECANCELED ? "!" : "");
    if (rc < 0 && !p->stubborn)
        return rc;
    return p->fails ? go_fail(p->result, "%s failed", p->name) : p->result;
}

#endif
