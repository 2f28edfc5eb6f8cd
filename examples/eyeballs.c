/* SPDX-License-Identifier: MIT
 *
 * eyeballs HOST PORT [SECONDS]: connects as go_tcp_connect does ("happy eyeballs", RFC 8305), and
 * shows what it tries and when. The time is limited to 10 seconds, or as many as are given.
 *
 * The name's IPv6 and IPv4 addresses are looked up at once, and tried in turn, a quarter of a
 * second apart, or at once when one has failed. The first that answers wins. */
#include <errno.h>
#include <gosling.h>
#include <stdlib.h>
#include <string.h>

struct target {
    const char *host, *port;
    go_time limit, began;
};

/* Called as each attempt begins, and as it ends. */
static void show(const struct sockaddr *to, socklen_t len, int result, void *arg)
{
    const struct target *t = arg;
    const char *what = result == -EINPROGRESS ? "begins"
                       : result == -ECANCELED ? "given up"
                       : result < 0           ? strerror(-result)
                                              : "connected";
    char host[64] = "?", port[8] = "?";

    getnameinfo(to, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    printf("%9.3f ms  %-24s %s\n", (double)(go_now() - t->began) / GO_MS, host, what);
}

/* What cannot be told by one number is in the tree of errors. */
static void explain(const char *host, const go_error *tree, int rc)
{
    const go_error *e;

    if (rc == -ETIMEDOUT)
        fprintf(stderr, "eyeballs: %s: the time is up\n", host);
    for (size_t i = 0; (e = go_error_child(tree, i)); i++)
        fprintf(stderr, "eyeballs: %s\n", go_error_message(e));
}

static int look(void *arg)
{
    struct target *t = arg;
    go_connect_opts opts = {.on_attempt = show, .arg = t};
    int rc;

    t->began = go_now();
    GO_TIMEOUT(t->limit, rc) {
        rc = go_tcp_connect(t->host, t->port, &opts);
    }
    if (rc < 0) {
        explain(t->host, go_last_error(), rc);
        return rc;
    }
    return go_close(rc);
}

int main(int argc, char **argv)
{
    struct target t = {.limit = 10 * GO_SEC};

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: eyeballs HOST PORT [SECONDS]\n");
        return 2;
    }
    t.host = argv[1];
    t.port = argv[2];
    if (argc == 4)
        t.limit = (go_time)(atof(argv[3]) * (double)GO_SEC);
    return go_run(look, &t) < 0;
}
