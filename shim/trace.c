/* SPDX-License-Identifier: MIT */
#include "shim/trace.h"
#include "core/clock.h"
#include "core/low.h"
#include "core/sys.h"
#include "net/addr.h"
#include <stdio.h>
#include <string.h>

enum { LINE = 512, WHAT = 192 };

int trace_fd = -1;
static go_time since;

int trace_open(const char *path)
{
    int fd, high;

    if (strcmp(path, "-") == 0)
        fd = sys_fcntl(2, F_DUPFD_CLOEXEC, 3);
    else
        fd = (int)SYS4(SYS_openat, AT_FDCWD, path,
                       O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return fd;
    /* low numbers are the program's, which may close and reopen them by number */
    high = sys_fcntl(fd, F_DUPFD_CLOEXEC, 900);
    if (high >= 0) {
        SYS1(SYS_close, fd);
        fd = high;
    }
    since = clock_real();
    trace_fd = fd;
    return 0;
}

/* What fd is: a socket's other side, or what /proc has to say. */
static void describe(int fd, char *buf, size_t size)
{
    char link[64], text[ADDR_TEXT];
    union addr peer;
    socklen_t len = sizeof peer;
    ssize_t n;

    if (SYS3(SYS_getpeername, fd, &peer, &len) == 0 && len > sizeof(sa_family_t) &&
        (peer.sa.sa_family == AF_INET || peer.sa.sa_family == AF_INET6)) {
        addr_print(&peer, text);
        snprintf(buf, size, "%d, %s", fd, text);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = SYS4(SYS_readlinkat, AT_FDCWD, link, text, sizeof text - 1);
    if (n <= 0) {
        snprintf(buf, size, "%d", fd);
        return;
    }
    text[n] = '\0';
    snprintf(buf, size, "%d, %s", fd, text);
}

void trace_begin_(go_sched *s, struct traced *t)
{
    t->fiber = s->current;
    t->parked = s->current->parked_at;
    t->began = sched_now(s);
}

void trace_end_(const struct traced *t, const char *name, int fd, long rc)
{
    char line[LINE], what[WHAT] = "", result[48];
    go_time now;
    int n;

    if (t->fiber->parked_at == t->parked) /* it has not waited */
        return;
    now = clock_real();
    if (fd >= 0)
        describe(fd, what, sizeof what);
    if (rc < 0 && rc > -4096)
        snprintf(result, sizeof result, "-1 %s", strerrorname_np((int)-rc));
    else
        snprintf(result, sizeof result, "%ld", rc);
    n = snprintf(line, sizeof line, "%.6f %s(%s) = %s, waited %.6f s\n",
                 (double)(now - since) / 1e9, name, what, result, (double)(now - t->began) / 1e9);
    SYS3(SYS_write, trace_fd, line, n < LINE ? n : LINE - 1);
}
