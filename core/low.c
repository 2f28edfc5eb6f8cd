/* SPDX-License-Identifier: MIT */
#include "core/low.h"
#include "core/sys.h"
#include <limits.h>
#include <sys/resource.h>

enum { END_MOST = 1000, OWN = 16 };

bool low_kept;

static unsigned char held[END_MOST / 8 + 1];
static int holds;

int low_end(void)
{
    static int end;
    struct rlimit r;

    if (!low_kept)
        return INT_MAX;
    if (!end) {
        end = END_MOST;
        if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < END_MOST + OWN)
            end = r.rlim_cur > 4 * OWN ? (int)r.rlim_cur - OWN : INT_MAX;
    }
    return end;
}

void low_hold(void)
{
    int fd, end = low_end();

    if (end == INT_MAX || holds++ > 0)
        return;
    fd = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    while (fd >= 0 && fd < end) {
        held[fd / 8] |= (unsigned char)(1 << fd % 8);
        fd = sys_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
    }
    if (fd >= end)
        sys_close(fd);
}

void low_release(void)
{
    if (low_end() == INT_MAX || holds == 0 || --holds > 0)
        return;
    for (int fd = 0; fd < END_MOST; fd++)
        if (held[fd / 8] >> fd % 8 & 1)
            sys_close(fd);
    __builtin_memset(held, 0, sizeof held);
}
