/* SPDX-License-Identifier: MIT */
#include "core/low.h"
#include "core/sys.h"
#include <limits.h>
#include <sys/resource.h>

enum { END_MOST = 1000, OWN = 16 };

bool low_kept;
_Thread_local bool low_moves;

static unsigned char held[END_MOST / 8 + 1];
static bool holding;

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

    if (end == INT_MAX || holding)
        return;
    holding = true;
    fd = sys_openat(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0);
    while (fd >= 0 && fd < end) {
        held[fd / 8] |= (unsigned char)(1 << fd % 8);
        fd = sys_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
    }
    if (fd >= end)
        sys_close(fd);
}

static bool is_held(int fd)
{
    return held[fd / 8] >> fd % 8 & 1; /* the last byte holds none */
}

void low_release(void)
{
    if (!holding)
        return;
    for (int fd = 0; fd < END_MOST; fd++) {
        int from = fd;

        while (is_held(fd))
            fd++;
        if (fd > from && SYS3(SYS_close_range, from, fd - 1, 0) < 0) /* Linux 5.9 */
            while (from < fd)
                sys_close(from++);
    }
    __builtin_memset(held, 0, sizeof held);
    holding = false;
}

int low_move(int fd)
{
    int end = low_end(), high;

    if (fd < 0 || fd >= end || end == INT_MAX)
        return fd;
    high = sys_fcntl(fd, F_DUPFD_CLOEXEC, end);
    if (high < 0)
        return fd;
    sys_close(fd);
    return high;
}
