/* SPDX-License-Identifier: MIT
 *
 * Section 8: go_process_run: feeding, capturing, time-outs. */
#include "tests/net_kit.h"

#define SH(script) ((char *const[]){(char *)"sh", (char *)"-c", (char *)(script), NULL})

static char *pattern(size_t n)
{
    char *bytes = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((i * 2654435761U) >> 13);
    return bytes;
}

/* Back and forth through cat, which writes as it reads: both pipes fill up. */
static void both_ways(size_t n)
{
    char *input = pattern(n), *output = NULL;
    size_t got = 1;

    CHECK_EQ(go_process_run((char *const[]){(char *)"cat", NULL}, input, n, &output, &got, NULL),
             0);
    CHECK_EQ(got, n);
    CHECK(output && got == n && memcmp(input, output, n) == 0);
    CHECK(output && output[got] == '\0');
    free(output);
    free(input);
}

LAW_REAL(two_ways, "S8.46 go_process_run feeds and captures 256 KiB at the same time, and more")
{
    int before = open_fds();

    both_ways(0);
    both_ways(1);
    both_ways(256 * 1024);
    both_ways(tap_slow() ? 1 << 20 : 20 << 20);
    CHECK_EQ(open_fds(), before);
}

LAW_REAL(no_reader,
         "S8.46 input that the program does not want is dropped, output before its input "
         "does not block it")
{
    int before = open_fds();
    size_t n = 1 << 20, got;
    char *input = pattern(n), *output;

    CHECK_EQ(go_process_run(SH("exit 5"), input, n, &output, &got, NULL), 5);
    CHECK_EQ(got, 0);
    CHECK_STR(output, "");
    free(output);
    CHECK_EQ(go_process_run(SH("head -c 3 >/dev/null; echo enough"), input, n, &output, &got, NULL),
             0);
    CHECK_STR(output, "enough\n");
    free(output);
    CHECK_EQ(go_process_run(SH("head -c 300000 /dev/zero; wc -c"), input, n, &output, &got, NULL),
             0);
    CHECK(got > 300000 && strncmp(output + 300000, "1048576", 7) == 0);
    free(output);
    CHECK_EQ(go_process_run(SH("exec <&-; sleep 0.05; echo late"), input, n, &output, &got, NULL),
             0);
    CHECK_STR(output, "late\n");
    free(output);
    free(input);
    CHECK_EQ(open_fds(), before);
}

LAW_REAL(results, "S8.46 it returns the exit status, or 128 + the signal")
{
    char *output = NULL;

    CHECK_EQ(go_process_run(SH("echo x; exit 42"), NULL, 0, &output, NULL, NULL), 42);
    CHECK_STR(output, "x\n");
    free(output);
    CHECK_EQ(go_process_run(SH("echo y; kill -USR1 $$"), NULL, 0, &output, NULL, NULL),
             128 + SIGUSR1);
    CHECK_STR(output, "y\n");
    free(output);
}

LAW_REAL(streams, "S8.46 stderr may go where stdout goes; without an output it is the options' own")
{
    int fds[2];
    char *output, buf[16] = "";

    CHECK_EQ(go_process_run(SH("echo out; echo err >&2; echo out"), NULL, 0, &output, NULL,
                            &(go_process_opts){.err = -1}),
             0);
    CHECK_STR(output, "out\nerr\nout\n");
    free(output);
    plain_pipe(fds);
    CHECK_EQ(go_process_run(SH("cat; echo err >&2"), "in", 2, NULL, NULL,
                            &(go_process_opts){.out = fds[1], .err = -1}),
             0);
    CHECK_EQ(hear(fds[0], buf, sizeof buf), 6);
    CHECK_STR(buf, "inerr\n");
    close_both(fds);
    CHECK_EQ(go_process_run(SH("head -c 500000 /dev/zero; cat"), NULL, 0, NULL, NULL,
                            &(go_process_opts){.in = -1, .out = -1}),
             0);
}

/* ---- cancelled ---- */

/* Whether no child of ours is left, alive or as a zombie. */
static bool no_children(void)
{
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

LAW_REAL(timed_out, "S8.23 a process run whose time is up gets SIGTERM, and is reaped")
{
    int before = open_fds(), rc;
    char *output = (char *)1;
    size_t got = 1;

    GO_TIMEOUT(20 * GO_MS, rc) {
        rc = go_process_run(SH("echo begun; exec sleep 100"), "x", 1, &output, &got, NULL);
        CHECK_EQ(rc, -ECANCELED);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(output == NULL && got == 0);
    CHECK(no_children());
    CHECK_EQ(open_fds(), before);
}

struct job {
    const char *script;
    go_process_opts opts;
    int rc;
    go_time took;
};

static int runs(void *arg)
{
    struct job *j = arg;
    go_time start = real_now();

    j->rc = go_process_run(SH(j->script), NULL, 0, NULL, NULL, &j->opts);
    j->took = real_now() - start;
    return 0;
}

/* Runs j, and cancels it when its program has written a byte to the file `out`. */
static void cancel_when_ready(struct job *j)
{
    go_task t = {.result = 0};
    int fds[2], rc;
    char c;

    plain_pipe(fds);
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    j->opts.err = fds[1];
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, runs, j);
        CHECK_EQ(go_read(fds[0], &c, 1), 1);
        go_task_cancel(&t, "enough");
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(j->rc, -ECANCELED);
    CHECK(no_children());
    close_both(fds);
}

LAW_REAL(terminated, "S8.23 SIGTERM comes first: a program may clean up, and say so")
{
    char path[] = "/tmp/gosling-run-XXXXXX", script[256], buf[32] = "";
    int fd = mkstemp(path), before = open_fds();
    struct job j = {.script = script, .opts = {.out = -1, .grace = 20 * GO_SEC}};

    /* It writes more than a pipe holds before it goes: its output is read on. */
    snprintf(script, sizeof script,
             "trap 'head -c 300000 /dev/zero; echo cleaned up >%s; exit' TERM; echo >&2; "
             "while :; do sleep 0.01; done",
             path);
    cancel_when_ready(&j);
    CHECK(j.took < 10 * GO_SEC);
    CHECK_EQ(pread(fd, buf, sizeof buf, 0), 11);
    CHECK_STR(buf, "cleaned up\n");
    CHECK_EQ(open_fds(), before);
    close(fd);
    unlink(path);
}

LAW_REAL(killed, "S8.23 then SIGKILL after its grace")
{
    struct job j = {.script = "trap '' TERM; echo >&2; while :; do sleep 0.01; done",
                    .opts = {.grace = 30 * GO_MS}};
    int before = open_fds();

    cancel_when_ready(&j);
    CHECK(j.took >= 30 * GO_MS && j.took < 5 * GO_SEC);
    CHECK_EQ(open_fds(), before);
}

LAW_REAL(stopped, "S8.23 also one that does not run just then")
{
    struct job j = {.script = "echo >&2; kill -STOP $$", .opts = {.grace = 30 * GO_MS}};

    cancel_when_ready(&j);
}

LAW_REAL(grandchild, "S8.23 a grandchild that holds the pipes does not hold a cancelled run up")
{
    struct job j = {.script = "sleep 3 & echo >&2; wait", .opts = {.out = -1}};

    cancel_when_ready(&j);
    CHECK(j.took < 2 * GO_SEC);
}

LAW_REAL(cancelled_before, "S4.14 cancelled before it began, nothing runs")
{
    char path[64], script[96];
    int rc;

    snprintf(path, sizeof path, "/tmp/gosling-run-%d", (int)getpid());
    snprintf(script, sizeof script, "echo >%s", path);
    GO_TIMEOUT(-1, rc) {
        CHECK_EQ(go_process_run(SH(script), NULL, 0, NULL, NULL, NULL), -ECANCELED);
    }
    CHECK(access(path, F_OK) < 0);
}

LAW_REAL(at_once, "S8.46 many at once, each in a fiber of its own")
{
    struct job j[20];
    int before = open_fds(), rc;
    go_time start = real_now();

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++) {
            j[i] = (struct job){.script = "sleep 0.1; exit 9", .opts = {.out = -1}};
            go_spawn(n, runs, &j[i]);
        }
    }
    for (int i = 0; i < 20; i++)
        CHECK_EQ(j[i].rc, 9);
    CHECK(tap_slow() || real_now() - start < 20 * 100 * GO_MS);
    CHECK_EQ(open_fds(), before);
}

/* ---- no descriptors ---- */

LAW_REAL(exhausted, "S8.47 out of descriptors a start is -EMFILE, nothing runs, and none is lost")
{
    struct rlimit all, few;
    int before = open_fds(), highest = dup(0), failures = 0, rc;

    close(highest);
    getrlimit(RLIMIT_NOFILE, &all);
    for (int more = 0; more < 12; more++) {
        few = (struct rlimit){(rlim_t)highest + (rlim_t)more, all.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        rc =
            go_process_run(SH("cat"), "x", 1, NULL, NULL, &(go_process_opts){.out = -1, .err = -1});
        setrlimit(RLIMIT_NOFILE, &all);
        CHECK(rc == -EMFILE || rc == 0 || rc == 2);
        failures += rc == -EMFILE;
        CHECK_EQ(open_fds(), before);
        CHECK(no_children());
    }
    CHECK(failures >= 3 && failures < 12);
}

TAP_MAIN
