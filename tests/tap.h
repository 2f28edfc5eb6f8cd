/* SPDX-License-Identifier: MIT
 *
 * TAP, the protocol of prove, for our tests. The usual way to write one: one law, one function,
 * one line that is ok if no CHECK in it failed:
 *
 *     LAW(spawn_after_close, "S3.09 spawn after close is -ESHUTDOWN")
 *     {
 *         CHECK_EQ(go_spawn(&n, child, NULL), -ESHUTDOWN);
 *     }
 *     TAP_MAIN
 *
 * The bare one, for programs of another shape:
 *
 *     int main(void)
 *     {
 *         TAP_PLAN(2);
 *         TAP_OK(a == 1, "S1.01 a is %d", a);
 *         TAP_SKIP("no IPv6 here");
 *         return tap_done();
 *     }
 *
 * A CHECK that fails notes its place and values as a diagnostic, and the function goes on; it is
 * also an expression, for `if (!CHECK(p)) return;`. Laws run in the order of the file; arguments
 * on the command line choose those whose text contains one of them. A test that hangs dies of an
 * alarm, after half of $TEST_TIMEOUT, 30 seconds by default. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAP_UNUSED __attribute__((unused))

#if defined(__has_feature)
#define TAP_FEATURE(name) __has_feature(name)
#else
#define TAP_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TAP_FEATURE(address_sanitizer)
#define TAP_ADDRESS 1
#else
#define TAP_ADDRESS 0
#endif
#if defined(__SANITIZE_THREAD__) || TAP_FEATURE(thread_sanitizer)
#define TAP_THREAD 1 /* fibers count as threads for it, of which it bears 8,128 */
#else
#define TAP_THREAD 0
#endif
#define TAP_MEMORY TAP_FEATURE(memory_sanitizer)

/* Address space, stacks and signals are not only ours. */
#define TAP_SANITIZED (TAP_ADDRESS || TAP_THREAD || TAP_MEMORY)

#if defined(__has_include) && __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

/* Whether everything takes many times longer here: sizes may be smaller then. */
static TAP_UNUSED bool tap_slow(void)
{
    const char *emulator = getenv("EMULATOR");

    return TAP_SANITIZED || RUNNING_ON_VALGRIND || (emulator && *emulator);
}

/* How many seconds to wait for what takes less than n. */
static TAP_UNUSED unsigned tap_patience(unsigned n)
{
    return tap_slow() ? 10 * n : n;
}

struct tap_law {
    const char *text;
    void (*fn)(void);
    void (*around)(void (*fn)(void)); /* runs it; NULL: just a call */
    struct tap_law *next;
};

static struct {
    int planned, seen, failed; /* lines; planned 0: not said yet */
    int wrong;                 /* failed checks of the law that runs */
    const char *skip;          /* the law that runs was skipped, and why */
    const char *law;           /* which one runs, or NULL */
    struct tap_law *first, *last;
} tap;

/* ---- lines ---- */

static TAP_UNUSED void tap_line(bool ok, const char *skip, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void tap_line(bool ok, const char *skip, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    tap.seen++;
    tap.failed += !ok;
    printf("%s %d - %s%s%s\n", ok ? "ok" : "not ok", tap.seen, text, skip ? " # SKIP " : "",
           skip ? skip : "");
    fflush(stdout);
}

/* A diagnostic; every line of it starts with '#'. */
static TAP_UNUSED void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tap_note(const char *fmt, ...)
{
    char text[8192], *line = text, *end;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    while ((end = strchr(line, '\n'))) {
        printf("# %.*s\n", (int)(end - line), line);
        line = end + 1;
    }
    if (*line)
        printf("# %s\n", line);
    fflush(stdout);
}

static TAP_UNUSED void tap_hang(int sig)
{
    static const char text[] = "Bail out! the test hangs\n";

    (void)sig;
    if (tap.law) {
        (void)!write(1, "# in: ", 6);
        (void)!write(1, tap.law, strlen(tap.law));
        (void)!write(1, "\n", 1);
    }
    (void)!write(1, text, sizeof text - 1);
    _exit(1);
}

static TAP_UNUSED void tap_begin(int plan)
{
    const char *limit = getenv("TEST_TIMEOUT");

    setvbuf(stdout, NULL, _IOLBF, 0);
    tap.planned = plan;
    printf("1..%d\n", plan);
    signal(SIGALRM, tap_hang);
    alarm(limit && atoi(limit) > 1 ? (unsigned)atoi(limit) / 2 : 30);
}

/* The exit status: 0 when every line of the plan came and was ok. */
static TAP_UNUSED int tap_done(void)
{
    fflush(stdout);
    return tap.failed || tap.seen != tap.planned;
}

#define TAP_PLAN(n) tap_begin(n)

#define TAP_OK(cond, ...)                                     \
    do {                                                      \
        bool tap_ok_ = (cond);                                \
        tap_line(tap_ok_, NULL, __VA_ARGS__);                 \
        if (!tap_ok_)                                         \
            tap_note("%s:%d: %s", __FILE__, __LINE__, #cond); \
    } while (0)

/* In a law: it counts as skipped (return then); elsewhere: a line of its own. */
#define TAP_SKIP(reason)                         \
    do {                                         \
        if (tap.law)                             \
            tap.skip = (reason);                 \
        else                                     \
            tap_line(true, (reason), "skipped"); \
    } while (0)

/* The whole program has nothing to test here. */
#define TAP_SKIP_ALL(reason)                  \
    do {                                      \
        printf("1..0 # SKIP %s\n", (reason)); \
        exit(0);                              \
    } while (0)

/* libc, or another library, has written it, and MSan has not seen that. */
#if TAP_MEMORY
void __msan_unpoison(const volatile void *p, size_t n);
#define TAP_FILLED(p, n) __msan_unpoison(p, n)
#else
#define TAP_FILLED(p, n) ((void)0)
#endif

/* ---- checks ---- */

static TAP_UNUSED bool tap_check(bool ok, const char *file, int line, const char *expr)
{
    if (!ok) {
        __atomic_add_fetch(&tap.wrong, 1, __ATOMIC_RELAXED);
        tap_note("%s:%d: failed: %s", file, line, expr);
    }
    return ok;
}

static TAP_UNUSED const char *tap_value(long long v, char *buf, size_t size)
{
    const char *name = v < 0 && v > -4096 ? strerrorname_np((int)-v) : NULL;

    if (name)
        snprintf(buf, size, "%lld (-%s)", v, name);
    else
        snprintf(buf, size, "%lld", v);
    return buf;
}

static TAP_UNUSED bool tap_check_eq(long long got, long long want, const char *file, int line,
                                    const char *expr)
{
    char a[64], b[64];

    if (got == want)
        return true;
    __atomic_add_fetch(&tap.wrong, 1, __ATOMIC_RELAXED);
    tap_note("%s:%d: %s is %s, not %s", file, line, expr, tap_value(got, a, sizeof a),
             tap_value(want, b, sizeof b));
    return false;
}

static TAP_UNUSED bool tap_check_str(const char *got, const char *want, bool part, const char *file,
                                     int line, const char *expr)
{
    if (got && (part ? strstr(got, want) != NULL : strcmp(got, want) == 0))
        return true;
    __atomic_add_fetch(&tap.wrong, 1, __ATOMIC_RELAXED);
    tap_note("%s:%d: %s %s \"%s\":", file, line, expr, part ? "does not contain" : "is not", want);
    tap_note("%s", got ? got : "(NULL)");
    return false;
}

#define CHECK(cond) tap_check((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(got, want) \
    tap_check_eq((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_STR(got, want)    tap_check_str((got), (want), false, __FILE__, __LINE__, #got)
#define CHECK_HAS(text, part)   tap_check_str((text), (part), true, __FILE__, __LINE__, #text)
#define CHECK_LACKS(text, part) CHECK(!strstr((text), (part)))

/* ---- laws ---- */

static TAP_UNUSED void tap_add(struct tap_law *law)
{
    if (tap.last)
        tap.last->next = law;
    else
        tap.first = law;
    tap.last = law;
}

static bool tap_chosen(const struct tap_law *law, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(law->text, argv[i]))
            return true;
    return argc < 2;
}

/* Why a law is left out: $TAP_EXCEPT names a file of lines `mode | program | words | reason`,
 * $TAP_MODE the mode. The words stand in the law's text; "*" means all laws of the program. */
static const char *tap_excepted(const struct tap_law *law)
{
    static char reason[256];
    const char *path = getenv("TAP_EXCEPT"), *mode = getenv("TAP_MODE");
    FILE *from = path && mode ? fopen(path, "r") : NULL;
    char line[512], m[32], program[64], words[256];
    bool found = false;

    while (from && !found && fgets(line, sizeof line, from))
        found =
            sscanf(line, "%31[^ |] | %63[^ |] | %255[^|]| %255[^\n]", m, program, words, reason) ==
                4 &&
            strcmp(m, mode) == 0 && strcmp(program, program_invocation_short_name) == 0 &&
            (words[strlen(words) - 1] = '\0', strcmp(words, "*") == 0 || strstr(law->text, words));
    if (from)
        fclose(from);
    return found ? reason : NULL;
}

static TAP_UNUSED int tap_laws(int argc, char **argv)
{
    int n = 0;

    for (struct tap_law *law = tap.first; law; law = law->next)
        n += tap_chosen(law, argc, argv);
    TAP_PLAN(n);
    for (struct tap_law *law = tap.first; law; law = law->next) {
        if (!tap_chosen(law, argc, argv))
            continue;
        tap.law = law->text;
        tap.wrong = 0;
        tap.skip = tap_excepted(law);
        if (tap.skip)
            ;
        else if (law->around)
            law->around(law->fn);
        else
            law->fn();
        tap.law = NULL;
        tap_line(tap.wrong == 0, tap.wrong ? NULL : tap.skip, "%s", law->text);
    }
    return tap_done();
}

#define LAW_AROUND(around, name, text)                             \
    static void name(void);                                        \
    static struct tap_law name##_law = {text, name, around, NULL}; \
    __attribute__((constructor)) static void name##_add(void)      \
    {                                                              \
        tap_add(&name##_law);                                      \
    }                                                              \
    static void name(void)

#define LAW(name, text) LAW_AROUND(NULL, name, text)

#define TAP_MAIN                     \
    int main(int argc, char **argv)  \
    {                                \
        return tap_laws(argc, argv); \
    }

#endif
