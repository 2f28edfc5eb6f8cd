/* SPDX-License-Identifier: MIT
 *
 * Older kernels, emulators and sandboxes lack system calls, refuse their newer flags, or accept
 * them and do nothing. Other test programs must pass there as they do here: each is run again
 * behind a filter that leaves one thing out. */
#include "tests/probe.h"
#include "tests/tap.h"
#include <libgen.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/* A call that does nothing but return a value: always, or when one of its arguments, its lower
 * half, has a bit of `bits`. */
struct refusal {
    int nr;
    int argument; /* -1: always */
    unsigned bits;
    unsigned error; /* 0: it says that it has worked */
};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOWER 0
#else
#define LOWER 4
#endif

/* Filters add up, and an exec keeps them. */
static bool install(const struct refusal *r)
{
    unsigned at = (unsigned)(offsetof(struct seccomp_data, args) + LOWER);
    struct sock_filter code[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)r->nr, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 8U * (unsigned)(r->argument < 0 ? 0 : r->argument)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, r->bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | r->error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};

    if (r->argument < 0)
        code[3] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool try_filter(void)
{
    struct refusal refusals[] = {{SYS_getppid, -1, 0, ENOSYS}, {SYS_dup, 0, 4, EXDEV}};

    return install(&refusals[0]) && install(&refusals[1]) && syscall(SYS_getppid) == -1 &&
           errno == ENOSYS && dup(0) >= 0 && dup(4) == -1 && errno == EXDEV;
}

/* ---- another program, behind them ---- */

static void run(const struct refusal *refusals, int count, const char *name, const char *law)
{
    char path[PATH_MAX] = "";

    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        _exit(126);
    dirname(path);
    strcat(strcat(path, "/"), name);
    for (int i = 0; i < count; i++)
        if (!install(&refusals[i]))
            _exit(125);
    execl(path, name, law, (char *)NULL);
    _exit(127);
}

/* The laws of that program whose text contains `law` (all: "") hold. At least one is not skipped.
 */
static void passes(const struct refusal *refusals, int count, const char *name, const char *law)
{
    char line[1024];
    int out[2], status = -1, proved = 0;
    FILE *from;
    pid_t pid;

    fflush(NULL);
    if (!CHECK(pipe(out) == 0))
        return;
    pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        close(out[0]);
        close(out[1]);
        run(refusals, count, name, law);
    }
    close(out[1]);
    from = fdopen(out[0], "r");
    while (fgets(line, sizeof line, from)) {
        if (strncmp(line, "ok ", 3) != 0 && strncmp(line, "1..", 3) != 0)
            tap_note("%s: %s", name, line);
        proved += strncmp(line, "ok ", 3) == 0 && !strstr(line, "# SKIP");
    }
    fclose(from);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    CHECK_EQ(status, 0);
    CHECK(proved > 0);
}

static void with_filters(void (*fn)(void))
{
    static int known;

    if (probe(&known, try_filter))
        fn();
    else
        TAP_SKIP("no seccomp filters here");
}

#define LAW_FILTERED(name, text) LAW_AROUND(with_filters, name, text)
#define WITHOUT(name, law, ...)             \
    passes((struct refusal[]){__VA_ARGS__}, \
           (int)(sizeof(struct refusal[]){__VA_ARGS__} / sizeof(struct refusal)), (name), (law))

/* ---- laws ---- */

#define NO_PREADV2                  \
    {SYS_preadv2, -1, 0, ENOSYS},   \
    {                               \
        SYS_pwritev2, -1, 0, ENOSYS \
    }
#define NO_FLAGS                         \
    {SYS_preadv2, 5, ~0U, EOPNOTSUPP},   \
    {                                    \
        SYS_pwritev2, 5, ~0U, EOPNOTSUPP \
    }
#define NO_BATCHES                         \
    {                                      \
        SYS_process_madvise, -1, 0, ENOSYS \
    }
/* MADV_GUARD_INSTALL and _REMOVE, 102 and 103, are the only ones with the bits 64 and 32. */
#define GUARDS(rc)               \
    {                            \
        SYS_madvise, 2, 64, (rc) \
    }

LAW_FILTERED(no_preadv2, "S8.01 any fd works where preadv2 and pwritev2 do not exist")
{
    WITHOUT("net_any", "", NO_PREADV2);
    WITHOUT("net_bytes", "", NO_PREADV2);
}

LAW_FILTERED(no_flags, "S8.01 any fd works where preadv2 and pwritev2 take no flags")
{
    WITHOUT("net_any", "", NO_FLAGS);
    WITHOUT("net_bytes", "", NO_FLAGS);
}

LAW_FILTERED(no_guards, "S10.10 guards are in force where the kernel has no MADV_GUARD_INSTALL")
{
    WITHOUT("stack", "guards are 64 KiB", GUARDS(EINVAL), NO_BATCHES);
    if (!TAP_SANITIZED) /* they take the signal */
        WITHOUT("overflow_report", "", GUARDS(EINVAL), NO_BATCHES);
}

LAW_FILTERED(sham_guards,
             "S10.10 guards are in force where MADV_GUARD_INSTALL says yes and does nothing")
{
    WITHOUT("stack", "guards are 64 KiB", GUARDS(0), NO_BATCHES);
    if (!TAP_SANITIZED)
        WITHOUT("overflow_report", "", GUARDS(0), NO_BATCHES);
}

LAW_FILTERED(no_batches, "S10.10 guards are in force where process_madvise does not exist")
{
    WITHOUT("stack", "guards are 64 KiB", NO_BATCHES);
}

LAW_FILTERED(no_timers, "S10.08 without timers of POSIX there is no watchdog, and all else works")
{
    WITHOUT("start", "", {SYS_timer_create, -1, 0, ENOSYS});
    WITHOUT("watchdog", "one that yields in time", {SYS_timer_create, -1, 0, ENOSYS});
}

TAP_MAIN
