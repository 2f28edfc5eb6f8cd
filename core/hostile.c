/* SPDX-License-Identifier: MIT */
#include "core/hostile.h"

#ifdef GOSLING_HOSTILE

#include "core/sys.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_EVERY = 64, WAKE_EVERY = 4, WHOLE_EVERY = 16, SMALL = 4096 };
#define CLOCK_JUMP (3600 * GO_SEC)

static unsigned modes = (GOSLING_HOSTILE);
static uint64_t seed = 1;
static __thread uint64_t dice __attribute__((tls_model("initial-exec"))); /* 0: not thrown yet */

static const struct {
    const char *word;
    unsigned mode;
} words[] = {{"yield", HOSTILE_YIELD},
             {"wake", HOSTILE_WAKE},
             {"eintr", HOSTILE_EINTR},
             {"short", HOSTILE_SHORT},
             {"clock", HOSTILE_CLOCK}};

/* Before main, so that threads and signal handlers find it done. */
__attribute__((constructor(101))) static void choose(void)
{
    const char *at = getenv("GOSLING_HOSTILE"), *number = getenv("GOSLING_DICE");

    if (number)
        seed = strtoull(number, NULL, 0);
    if (!at)
        return;
    modes = 0;
    for (; *at; at += strcspn(at, ","), at += *at == ',')
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcspn(at, ",") == strlen(words[i].word) &&
                strncmp(at, words[i].word, strlen(words[i].word)) == 0)
                modes |= words[i].mode;
}

/* 0 … n - 1; xorshift64*. A signal handler in the middle of it throws the same number twice. */
static unsigned throw(unsigned n)
{
    uint64_t x = dice ? dice : (seed << 1 | 1) * UINT64_C(0x9E3779B97F4A7C15);

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dice = x;
    return (unsigned)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % n;
}

bool hostile(unsigned which)
{
    return modes & which;
}

bool hostile_wakes(void)
{
    return modes & HOSTILE_WAKE && throw(WAKE_EVERY) == 0;
}

bool hostile_interrupts(void)
{
    return modes & HOSTILE_EINTR && throw(2);
}

/* ---- short calls ---- */

/* What reads and writes bytes one after the other. An eventfd, a datagram, a line of a tty would
 * not be the same in pieces. */
static bool divisible(int fd)
{
    struct stat st;
    int type = 0, rc;
    socklen_t len = sizeof type;

    if (sys_fstat(fd, &st) < 0)
        return false;
    if (S_ISREG(st.st_mode))
        return true;
    if (S_ISFIFO(st.st_mode)) {
        rc = sys_fcntl(fd, F_GETFL, 0);
        return rc >= 0 && !(rc & O_DIRECT); /* a pipe of packets */
    }
    rc = S_ISSOCK(st.st_mode) ? sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) : -1;
    return rc == 0 && type == SOCK_STREAM;
}

size_t hostile_short(int fd, size_t n)
{
    if (!(modes & HOSTILE_SHORT) || n < 2 || !divisible(fd))
        return n;
    if (n > SMALL) /* tests move megabytes, too */
        return 1 + throw(n < INT32_MAX ? (unsigned)n : INT32_MAX);
    return throw(WHOLE_EVERY) == 0 ? n : 1;
}

unsigned hostile_few(unsigned n)
{
    return modes & HOSTILE_SHORT && n > 1 ? 1 : n;
}

const struct iovec *hostile_short_iov(int fd, const struct iovec *v, int *count, struct iovec *one)
{
    int first = 0;
    size_t n;

    if (!(modes & HOSTILE_SHORT) || *count < 1)
        return v;
    while (first < *count && v[first].iov_len == 0)
        first++;
    if (first == *count)
        return v;
    n = hostile_short(fd, v[first].iov_len);
    if (n == v[first].iov_len && (n > 1 || *count == 1 || !divisible(fd)))
        return v;
    *one = (struct iovec){v[first].iov_base, n};
    *count = 1;
    return one;
}

ssize_t hostile_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct msghdr m = *msg;
    int count = (int)msg->msg_iovlen;
    struct iovec one;
    ssize_t n;

    m.msg_iov = (struct iovec *)(uintptr_t)hostile_short_iov(fd, msg->msg_iov, &count, &one);
    m.msg_iovlen = (size_t)count;
    n = SYS3(SYS_recvmsg, fd, &m, flags);
    msg->msg_namelen = m.msg_namelen;
    msg->msg_controllen = m.msg_controllen;
    msg->msg_flags = m.msg_flags;
    return n;
}

ssize_t hostile_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct msghdr m = *msg;
    int count = (int)msg->msg_iovlen;
    struct iovec one;

    m.msg_iov = (struct iovec *)(uintptr_t)hostile_short_iov(fd, msg->msg_iov, &count, &one);
    m.msg_iovlen = (size_t)count;
    return SYS3(SYS_sendmsg, fd, &m, flags);
}

/* ---- the clock ---- */

static _Atomic go_time jumped;

go_time hostile_clock(go_time real)
{
    if (modes & HOSTILE_CLOCK && throw(CLOCK_EVERY) == 0)
        atomic_fetch_add(&jumped, CLOCK_JUMP);
    return real + atomic_load(&jumped);
}

go_time hostile_kernel(go_time shown)
{
    go_time at = shown - atomic_load(&jumped);

    return shown <= 0 || at > 0 ? shown <= 0 ? shown : at : 1;
}

#endif
