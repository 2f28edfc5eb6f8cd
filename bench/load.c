/* SPDX-License-Identifier: MIT
 *
 * load PORT CONNECTIONS SECONDS SIZE: drives the echo server at this machine's PORT (see load.h),
 * and prints what came of it. Exit status 1 when it could not begin, or when there were errors. */
#include "bench/load.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    static struct load l = {.warm_up = 0.1};
    int rc;

    if (argc == 5) {
        l.port = atoi(argv[1]);
        l.connections = (unsigned)atoi(argv[2]);
        l.seconds = atof(argv[3]);
        l.size = (size_t)atol(argv[4]);
    }
    if (l.port <= 0 || l.port > 65535 || l.connections == 0 || l.seconds <= 0 ||
        l.size < LOAD_MIN_SIZE || l.size > LOAD_MAX_SIZE) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS SIZE (%d to %d bytes)\n",
                LOAD_MIN_SIZE, LOAD_MAX_SIZE);
        return 2;
    }
    load_raise_fd_limit();
    rc = load_open(&l);
    if (rc < 0) {
        fprintf(stderr, "load: port %d, after %u connections: %s\n", l.port, l.connected,
                strerror(-rc));
        return 1;
    }
    load_window(&l);
    load_close(&l);
    printf("connections %u\n", l.connected);
    printf("requests %llu\n", (unsigned long long)l.requests);
    printf("rate %.0f req/s\n", (double)l.requests / l.elapsed);
    printf("p50 %.0f us\n", l.p50);
    printf("p99 %.0f us\n", l.p99);
    printf("max %.0f us\n", l.max);
    printf("errors %llu\n", (unsigned long long)l.errors);
    return l.errors != 0;
}
