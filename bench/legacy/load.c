/* SPDX-License-Identifier: MIT
 *
 * Load for a legacy server: CONNECTIONS connections, of which ACTIVE send 64 bytes at a time and
 * wait for the answer, for SECONDS; with `http`, a request instead. By epoll, on one thread.
 *
 *     load PORT CONNECTIONS ACTIVE SECONDS PID [http]
 *
 * Prints: requests a second, requests per second of CPU time of the server PID, their p50 and p99
 * in microseconds, the seconds until all were connected and had their first answer, and how many
 * failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20, SIZE = 64 };

static struct conn {
    int fd;
    double sent;
    int answered, active;
} * conns;
static int ep, total, ready, failed;
static float *times;
static long taken;
static const char *request;
static size_t request_size;
static char line[SIZE];

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void ask(struct conn *c)
{
    c->sent = now();
    if (write(c->fd, request, request_size) != (ssize_t)request_size)
        failed++;
}

static int dial(int port, int i)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct epoll_event e = {.events = EPOLLIN};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    e.data.u32 = (unsigned)i;
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    return fd;
}

static void answer(struct conn *c)
{
    char buf[4096];
    ssize_t n = read(c->fd, buf, sizeof buf);

    if (n <= 0) {
        failed++;
        epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
        c->active = 0;
        return;
    }
    if (!c->answered) {
        c->answered = 1;
        ready++;
        return;
    }
    if (taken < MOST)
        times[taken] = (float)((now() - c->sent) * 1e6);
    taken++;
    if (c->active)
        ask(c);
}

static void turn(int ms)
{
    struct epoll_event e[256];
    int n = epoll_wait(ep, e, 256, ms);

    for (int i = 0; i < n; i++)
        answer(&conns[e[i].data.u32]);
}

/* The server's, user and system, in seconds. */
static double cpu_of(const char *pid)
{
    char path[64], text[1024] = "", *p;
    unsigned long user = 0, system = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f) || !(p = strrchr(text, ')')))
        return 0;
    fclose(f);
    sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct rlimit most;
    double began, all, end, cpu;
    int port, active, step;
    long kept;

    if (argc < 6)
        return 2;
    port = atoi(argv[1]);
    total = atoi(argv[2]);
    active = atoi(argv[3]);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    request = argc > 6 ? "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\n\r\n" : line;
    request_size = argc > 6 ? strlen(request) : sizeof line;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    conns = calloc((size_t)total, sizeof *conns);
    times = malloc(MOST * sizeof *times);
    ep = epoll_create1(EPOLL_CLOEXEC);
    began = now();
    for (int i = 0; i < total; i++) {
        conns[i].fd = dial(port, i);
        if (conns[i].fd < 0) {
            failed++;
            continue;
        }
        ask(&conns[i]);
        if (i % 64 == 0)
            turn(0);
    }
    end = now() + 30;
    while (ready + failed < total && now() < end)
        turn(100);
    all = now() - began;
    taken = 0;
    step = total / active;
    for (int i = 0; i < active; i++) {
        conns[i * step].active = 1;
        if (conns[i * step].fd >= 0)
            ask(&conns[i * step]);
    }
    began = now();
    cpu = cpu_of(argv[5]);
    end = began + atof(argv[4]);
    while (now() < end)
        turn(10);
    cpu = cpu_of(argv[5]) - cpu;
    kept = taken < MOST ? taken : MOST;
    qsort(times, (size_t)kept, sizeof *times, by_size);
    printf("%.0f %.0f %.0f %.0f %.3f %d\n", (double)taken / (end - began),
           cpu > 0 ? (double)taken / cpu : 0, kept ? (double)times[kept / 2] : 0,
           kept ? (double)times[kept * 99 / 100] : 0, all, failed);
    return 0;
}
