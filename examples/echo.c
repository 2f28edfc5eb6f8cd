/* SPDX-License-Identifier: MIT
 *
 * echo [PORT]: sends back whatever it is sent, to as many at once as there are. PORT 0: a free one.
 *
 * SIGUSR1 prints the tree of fibers on stderr. SIGTERM or Ctrl-C stop accepting; who is still
 * connected a second later is cut off. */
#include <gosling.h>
#include <signal.h>
#include <string.h>

/* One connection: plain sequential code. The server closes fd afterwards. */
static int echo(int fd, void *arg)
{
    char buf[4096];
    ssize_t n;
    int rc = 0;

    (void)arg;
    while (rc == 0 && (n = go_read(fd, buf, sizeof buf)) > 0)
        rc = go_write_all(fd, buf, (size_t)n);
    return n < 0 ? (int)n : rc;
}

/* A signal handler may do next to nothing, but it may post: the scheduler calls dump when it is
 * safe to. */
static go_sched *sched;

static void dump(void *arg)
{
    (void)arg;
    go_dump(stderr);
}

static void on_usr1(int signo)
{
    (void)signo;
    go_post(sched, dump, NULL);
}

static int serve(void *port)
{
    int fd = go_tcp_listen(NULL, port, NULL), rc;

    if (fd < 0) {
        fprintf(stderr, "echo: port %s: %s\n", (char *)port, strerror(-fd));
        return fd;
    }
    sched = go_sched_self();
    signal(SIGUSR1, on_usr1);
    printf("echo: listening on port %d\n", go_local_port(fd));
    fflush(stdout);

    rc = go_serve(fd, echo, NULL, &(go_serve_opts){.grace = GO_SEC});
    go_close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    return go_run(serve, argc > 1 ? argv[1] : "7000") < 0;
}
