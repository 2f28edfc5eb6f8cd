/* SPDX-License-Identifier: MIT
 *
 * portforward PORT ADDRESS TARGET-PORT: whoever connects to PORT (0: a free one) talks to the
 * numeric ADDRESS.
 *
 * Each connection has two fibers, one for each direction. When one side has said all that it has to
 * say, the other is told so (a half-close), and may go on answering. When either direction fails,
 * the nursery cancels the other one. */
#include <errno.h>
#include <gosling.h>
#include <netdb.h>
#include <string.h>

struct direction {
    int from, to;
};

static int forward(void *arg)
{
    struct direction *d = arg;
    int64_t n = go_copy(d->from, d->to);

    if (n < 0)
        return (int)n;
    shutdown(d->to, SHUT_WR);
    return 0;
}

static int connection(int client, void *arg)
{
    const struct addrinfo *target = arg;
    int server = socket(target->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;
    struct direction there = {client, server}, back = {server, client};

    if (server < 0)
        return go_fail(errno, "socket: %s", strerror(errno));
    rc = go_connect(server, target->ai_addr, target->ai_addrlen);
    if (rc < 0)
        rc = go_fail(rc, "connecting to the target: %s", strerror(-rc));
    else
        GO_NURSERY(n, rc) {
            rc = go_spawn(n, forward, &there);
            if (rc == 0)
                rc = forward(&back);
        }
    go_close(server);
    return rc;
}

/* One connection has failed. The server goes on. */
static void report(const go_error *e, void *arg)
{
    (void)arg;
    fprintf(stderr, "portforward: %s\n", go_error_message(e));
}

struct config {
    const char *port;
    struct addrinfo *target;
};

static int serve(void *arg)
{
    struct config *c = arg;
    int fd = go_tcp_listen(NULL, c->port, NULL), rc;

    if (fd < 0) {
        fprintf(stderr, "portforward: port %s: %s\n", c->port, strerror(-fd));
        return fd;
    }
    printf("portforward: listening on port %d\n", go_local_port(fd));
    fflush(stdout);

    rc = go_serve(fd, connection, c->target, &(go_serve_opts){.grace = GO_SEC, .on_error = report});
    go_close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct config c = {0};
    int rc;

    if (argc != 4 || getaddrinfo(argv[2], argv[3], &hints, &c.target) != 0) {
        fprintf(stderr, "usage: portforward PORT ADDRESS TARGET-PORT (numeric)\n");
        return 2;
    }
    c.port = argv[1];
    rc = go_run(serve, &c);
    freeaddrinfo(c.target);
    return rc < 0;
}
