/* SPDX-License-Identifier: MIT
 *
 * An old-fashioned server: a thread for each connection, blocking sockets, a stdio log behind a
 * mutex, a thread's own counters. It knows nothing of fibers.
 *
 *     echo PORT [http]: echoes lines; or answers each HTTP request with a small page */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long served, connections;
static __thread long mine;
static int http;

static void count(long n)
{
    pthread_mutex_lock(&lock);
    served += n;
    connections += n ? 0 : 1;
    pthread_mutex_unlock(&lock);
}

static int put(int fd, const char *buf, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, buf, n);

        if (w <= 0)
            return -1;
        buf += w;
        n -= (size_t)w;
    }
    return 0;
}

static void echoes(int fd)
{
    char buf[512];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0) {
        if (put(fd, buf, (size_t)n) < 0)
            break;
        if (++mine % 64 == 0)
            count(64);
    }
}

static void answers(int fd)
{
    static const char page[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
    char buf[2048];
    size_t have = 0;
    ssize_t n;

    while ((n = read(fd, buf + have, sizeof buf - 1 - have)) > 0) {
        have += (size_t)n;
        buf[have] = '\0';
        if (!strstr(buf, "\r\n\r\n")) {
            if (have == sizeof buf - 1)
                break;
            continue;
        }
        have = 0;
        if (put(fd, page, sizeof page - 1) < 0)
            break;
        if (++mine % 64 == 0)
            count(64);
    }
}

static void *serve(void *arg)
{
    int fd = (int)(long)arg, one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    count(0);
    if (http)
        answers(fd);
    else
        echoes(fd);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    pthread_attr_t a;

    if (argc < 2)
        return 2;
    http = argc > 2 && strcmp(argv[2], "http") == 0;
    at.sin_port = htons((unsigned short)atoi(argv[1]));
    signal(SIGPIPE, SIG_IGN);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l, (struct sockaddr *)&at, sizeof at) < 0 || listen(l, 4096) < 0) {
        perror("listen");
        return 1;
    }
    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int fd = accept(l, NULL, NULL), rc;
        pthread_t t;

        if (fd < 0)
            continue;
        rc = pthread_create(&t, &a, serve, (void *)(long)fd);
        if (rc) {
            fprintf(stderr, "no thread for a connection: %s\n", strerror(rc));
            close(fd);
        }
    }
}
