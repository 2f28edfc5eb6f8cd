/* SPDX-License-Identifier: MIT
 *
 * gosling: runs programs under the shim, and says beforehand what it can do for them. Exit codes
 * are env's and timeout's: 125, it failed itself; 126, the program cannot be executed; 127, it was
 * not found; else the program's. */
#include "tools/elf.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAILED = 125, CANNOT = 126, NOT_FOUND = 127 };

static const char usage[] =
    "usage: gosling run [OPTIONS] [--] PROGRAM [ARGUMENTS]\n"
    "       gosling check PROGRAM\n"
    "\n"
    "run: the program runs under the shim; its threads are fibers of one kernel thread.\n"
    "  --timeout SECONDS          a call that waits longer fails with ETIMEDOUT\n"
    "  --connect-timeout SECONDS  the same, of connect\n"
    "  --resolver ares|thread|auto  who looks names up\n"
    "  --trace FILE               a line for each call that waited; -: standard error\n"
    "  --audit                    at the end, print what blocked the OS thread\n"
    "  --strict                   refuse what would block the OS thread\n"
    "  --slice MILLISECONDS       after which a thread that does not wait makes room (2; 0: "
    "never)\n"
    "  --native-threads           threads are the kernel's; main alone is a fiber\n"
    "  --follow                   the programs that it executes are wrapped as well\n"
    "  --or-native                run it as it is where it cannot be wrapped\n"
    "check: what the shim can do for the program, and what not, and why.\n"
    "\n"
    "  -h, --help    -V, --version\n";

static int __attribute__((format(printf, 2, 3))) fail(int code, const char *format, ...)
{
    va_list ap;

    fputs("gosling: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}

/* ---- finding things ---- */

/* As execvp finds it; NULL: not there. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    char *copy, *rest, *dir, *found = NULL;

    if (strchr(name, '/'))
        return access(name, F_OK) == 0 ? strdup(name) : NULL;
    copy = rest = strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
    while (!found && copy && (dir = strsep(&rest, ":"))) {
        char *at;
        struct stat st;

        if (asprintf(&at, "%s/%s", *dir ? dir : ".", name) < 0)
            break;
        if (access(at, X_OK) == 0 && stat(at, &st) == 0 && S_ISREG(st.st_mode))
            found = at;
        else
            free(at);
    }
    free(copy);
    return found;
}

/* libgosling-shim, beside this program or where it was installed. NULL: nowhere. */
static char *find_shim(void)
{
    static const char *const places[] = {"%s/libgosling-shim.so", "%s/../lib/libgosling-shim.so.0",
                                         LIBDIR "/libgosling-shim.so.0"};
    char self[PATH_MAX], *slash, *at;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
        if (asprintf(&at, places[i], self) < 0)
            return NULL;
#pragma GCC diagnostic pop
        if (access(at, R_OK) == 0)
            return at;
        free(at);
    }
    return NULL;
}

/* A script's interpreter, or path itself. The caller frees it. */
static char *interpreter(const char *path)
{
    char line[256] = "", *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    char *p = line + 2;

    if (fd >= 0)
        close(fd);
    if (n < 4 || line[0] != '#' || line[1] != '!')
        return strdup(path);
    p += strspn(p, " \t");
    end = p + strcspn(p, " \t\n");
    *end = '\0';
    return strdup(p);
}

/* ---- check ---- */

static void list(const char *title, char *const *names, size_t n)
{
    printf("%s", title);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i % 10 == 0 ? "\n    " : ", ", names[i]);
    printf("%s\n", n ? "" : " none");
}

/* By which entries the shim is reached on this machine, as it says itself. */
static void entries(void)
{
    char *shim = find_shim();
    void *lib = shim ? dlopen(shim, RTLD_NOW | RTLD_LOCAL) : NULL;
    void (*tell)(FILE *) = NULL;

    if (lib)
        *(void **)(void *)&tell = dlsym(lib, "go_shim_entries");
    if (tell) {
        puts("Here:");
        tell(stdout);
    } else {
        printf("The shim cannot be loaded: %s\n",
               shim ? dlerror() : "libgosling-shim.so is not there");
    }
    free(shim);
}

static int check(const char *name)
{
    char *path = find_program(name), *real;
    struct elf e;
    int rc;

    if (!path)
        return fail(NOT_FOUND, "%s: not found", name);
    real = interpreter(path);
    if (strcmp(real, path) != 0)
        printf("%s: a script of %s, which is looked at instead\n", path, real);
    rc = elf_read(real, &e);
    if (rc < 0) {
        rc = fail(CANNOT, "%s: %s", real, strerror(-rc));
        goto out;
    }
    printf("%s: %s\n", real, e.kind);
    if (e.why_not) {
        printf("It cannot be wrapped: %s.\n", e.why_not);
        rc = 1;
        goto out;
    }
    list("Calls that it makes by name, and that wait for their fiber alone (entry A):", e.covered,
         e.covered_n);
    list("Calls that libc makes for it inside (entry B, call sites):", e.inner, e.inner_n);
    list("Calls that block the OS thread:", e.blocking, e.blocking_n);
    if (e.threads)
        puts("It makes threads: fibers of one kernel thread, where that is possible (below).");
    entries();
    rc = 0;
out:
    elf_free(&e);
    free(real);
    free(path);
    return rc;
}

/* ---- run ---- */

static bool is_seconds(const char *text)
{
    char *end;
    double s = strtod(text, &end);

    return end != text && *end == '\0' && s > 0 && s < 1e9;
}

/* Why path cannot be wrapped, or NULL. */
static const char *why_not(const char *path, bool strict)
{
    static char reason[256];
    char *real = interpreter(path);
    struct elf e;
    int rc = elf_read(real, &e);

    if (rc == -ENOEXEC)
        snprintf(reason, sizeof reason, "%s is no ELF program", real);
    else if (rc < 0)
        snprintf(reason, sizeof reason, "%s: %s", real, strerror(-rc));
    else if (e.why_not)
        snprintf(reason, sizeof reason, "%s", e.why_not);
    else if (strict && e.blocking_n)
        snprintf(reason, sizeof reason, "it calls %s, which blocks the OS thread", e.blocking[0]);
    else
        reason[0] = '\0';
    elf_free(&e);
    free(real);
    return reason[0] ? reason : NULL;
}

static bool can_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void preload(const char *shim)
{
    const char *was = getenv("LD_PRELOAD");
    char *both;

    setenv("GOSLING_PRELOAD_WAS", was ? was : "", 1);
    if (asprintf(&both, "%s%s%s", shim, was && *was ? ":" : "", was ? was : "") >= 0)
        setenv("LD_PRELOAD", both, 1);
    setenv("GOSLING_RUN", "1", 1);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'},
                                            {"connect-timeout", required_argument, NULL, 'c'},
                                            {"resolver", required_argument, NULL, 'r'},
                                            {"trace", required_argument, NULL, 'f'},
                                            {"audit", no_argument, NULL, 'a'},
                                            {"strict", no_argument, NULL, 's'},
                                            {"slice", required_argument, NULL, 'm'},
                                            {"native-threads", no_argument, NULL, 'k'},
                                            {"follow", no_argument, NULL, 'w'},
                                            {"or-native", no_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    bool or_native = false, strict = false;
    const char *reason;
    char *path, *shim;
    int o;

    while ((o = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (o) {
        case 't':
        case 'c':
            if (!is_seconds(optarg))
                return fail(FAILED, "\"%s\" is no number of seconds", optarg);
            setenv(o == 't' ? "GOSLING_TIMEOUT" : "GOSLING_CONNECT_TIMEOUT", optarg, 1);
            break;
        case 'r':
            if (strcmp(optarg, "ares") && strcmp(optarg, "thread") && strcmp(optarg, "auto"))
                return fail(FAILED, "--resolver is ares, thread or auto, not \"%s\"", optarg);
            setenv("GOSLING_RESOLVER", optarg, 1);
            break;
        case 'a':
            setenv("GOSLING_AUDIT", "1", 1);
            break;
        case 'f':
            if (strcmp(optarg, "-") != 0 && !can_write(optarg))
                return fail(FAILED, "--trace %s: %s", optarg, strerror(errno));
            setenv("GOSLING_TRACE", optarg, 1);
            break;
        case 's':
            setenv("GOSLING_STRICT", "1", 1);
            strict = true;
            break;
        case 'm':
            if (strspn(optarg, "0123456789") != strlen(optarg) || !*optarg || atoi(optarg) > 1000)
                return fail(FAILED, "--slice is 0 to 1000 milliseconds, not \"%s\"", optarg);
            setenv("GOSLING_SLICE", optarg, 1);
            break;
        case 'k':
            setenv("GOSLING_NATIVE_THREADS", "1", 1);
            break;
        case 'w':
            setenv("GOSLING_FOLLOW", "1", 1);
            break;
        case 'n':
            or_native = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return FAILED;
        }
    }
    if (optind == argc)
        return fail(FAILED, "run: which program? gosling --help has the usage");
    path = find_program(argv[optind]);
    if (!path)
        return fail(NOT_FOUND, "%s: not found", argv[optind]);
    reason = why_not(path, strict);
    shim = find_shim();
    if (!reason && !shim)
        reason = "libgosling-shim.so is neither beside this program nor installed";
    if (reason && !or_native)
        return fail(CANNOT, "%s cannot be wrapped: %s; --or-native runs it as it is", argv[optind],
                    reason);
    if (!reason)
        preload(shim);
    if (getenv("_")) /* as the shell would have it */
        setenv("_", path, 1);
    execv(path, argv + optind);
    return fail(errno == ENOENT ? NOT_FOUND : CANNOT, "%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "run") == 0)
        return run(argc - 1, argv + 1);
    if (strcmp(what, "check") == 0 && argc == 3)
        return check(argv[2]);
    if (strcmp(what, "-V") == 0 || strcmp(what, "--version") == 0) {
        puts("gosling " VERSION);
        return 0;
    }
    if (strcmp(what, "-h") == 0 || strcmp(what, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    fputs(usage, stderr);
    return FAILED;
}
