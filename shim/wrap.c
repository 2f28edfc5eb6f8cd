/* SPDX-License-Identifier: MIT
 *
 * `gosling run`: the program's main runs in a fiber. The loader has put this library before libc,
 * so its __libc_start_main is ours; GOSLING_RUN in the environment says that it is wanted. */
#include "shim/wrap.h"
#include "core/low.h"
#include "core/misuse.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/trace.h"
#include <dlfcn.h>
#include <gosling/run.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wrap wrap;

typedef int main_fn(int argc, char **argv, char **env);
typedef int start_fn(main_fn *main, int argc, char **argv, main_fn *init, void (*fini)(void),
                     void (*rtld_fini)(void), void *stack_end);

__attribute__((visibility("default"))) int __libc_start_main(main_fn *main, int argc, char **argv,
                                                             main_fn *init, void (*fini)(void),
                                                             void (*rtld_fini)(void),
                                                             void *stack_end);

static struct program {
    main_fn *main;
    int argc, result;
    char **argv;
} program;

/* What the program executes is not wrapped, and has the environment that it would have had; unless
 * --follow. */
static void done_with(const char *name)
{
    if (!wrap.follow)
        unsetenv(name);
}

static go_time seconds(const char *name)
{
    const char *text = secure_getenv(name);
    double s = text ? atof(text) : 0;

    done_with(name);
    return s > 0 ? (go_time)(s * 1e9) : 0;
}

static go_resolver resolver(void)
{
    const char *text = secure_getenv("GOSLING_RESOLVER");
    go_resolver r = GO_RESOLVER_AUTO;

    if (text && strcmp(text, "ares") == 0)
        r = GO_RESOLVER_ARES;
    else if (text && strcmp(text, "thread") == 0)
        r = GO_RESOLVER_THREAD;
    done_with("GOSLING_RESOLVER");
    return r;
}

/* As it was before `gosling run`. */
static void restore_preload(void)
{
    const char *was = secure_getenv("GOSLING_PRELOAD_WAS");

    if (wrap.follow)
        return;
    if (was && *was)
        setenv("LD_PRELOAD", was, 1);
    else
        unsetenv("LD_PRELOAD");
    done_with("GOSLING_PRELOAD_WAS");
    done_with("GOSLING_RUN");
}

/* What this machine lacks, for --strict. NULL: nothing. */
static const char *lacks(void)
{
    static char text[256];
    const char *b = shim_without_sites(), *c = shim_without_traps();

    if (!b && !c)
        return NULL;
    snprintf(text, sizeof text, "there is no entry %s here: %s", b ? "B" : "C", b ? b : c);
    return text;
}

static void begin_strictly(void)
{
    const char *why = lacks();

    wrap.strict = secure_getenv("GOSLING_STRICT") != NULL;
    done_with("GOSLING_STRICT");
    if (!wrap.strict || !why)
        return;
    report("%s; --strict does not run it", why);
    _exit(126);
}

static void begin_trace(void)
{
    const char *path = secure_getenv("GOSLING_TRACE");
    int rc = path ? trace_open(path) : 0;

    if (rc < 0)
        report("--trace %s: %s; nothing is traced", path, strerrorname_np(-rc));
    done_with("GOSLING_TRACE");
}

/* --native-threads, --slice. */
static void begin_threads(void)
{
    const char *slice = secure_getenv("GOSLING_SLICE");

    wrap.native_threads = secure_getenv("GOSLING_NATIVE_THREADS") != NULL;
    if (slice)
        slice_time((unsigned)atoi(slice));
    done_with("GOSLING_NATIVE_THREADS");
    done_with("GOSLING_SLICE");
}

static int run_main(void *arg)
{
    go_sched *s = sched_self();

    (void)arg;
    if (!wrap.native_threads && !threads_why_not())
        threads_begin(s);
    program.result = program.main(program.argc, program.argv, environ);
    if (threads_on) /* as libc: threads do not outlive it, nor does it wait for them */
        exit(program.result);
    return 0;
}

static void report_at_end(void)
{
    if (wrap.audit)
        go_shim_report(stderr);
}

static int wrapped_main(int argc, char **argv, char **env)
{
    go_run_opts opts = {.no_signals = true,
                        .no_deadlock = true,
                        .watchdog = -1,
                        .resolver = resolver()};
    int rc;

    (void)env;
    wrap.follow = secure_getenv("GOSLING_FOLLOW") != NULL;
    wrap.timeout = seconds("GOSLING_TIMEOUT");
    wrap.connect_timeout = seconds("GOSLING_CONNECT_TIMEOUT");
    wrap.audit = secure_getenv("GOSLING_AUDIT") != NULL;
    done_with("GOSLING_AUDIT");
    begin_strictly();
    begin_trace();
    begin_threads();
    restore_preload();
    wrap.active = true;
    if (wrap.audit)
        atexit(report_at_end);
    low_kept = true;
    program.argc = argc;
    program.argv = argv;
    run_open = true;
    rc = go_run_with(&opts, run_main, NULL);
    if (rc < 0) {
        dprintf(2, "gosling: the program cannot run in a fiber: %s; it runs as it is\n",
                strerrorname_np(-rc));
        return program.main(argc, argv, environ);
    }
    return program.result;
}

int __libc_start_main(main_fn *main, int argc, char **argv, main_fn *init, void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

    if (secure_getenv("GOSLING_RUN")) {
        program.main = main;
        main = wrapped_main;
    }
    return start(main, argc, argv, init, fini, rtld_fini, stack_end);
}
