/* SPDX-License-Identifier: MIT
 *
 * go_tcp_connect over the loopback: real sockets, and names whose addresses are scripted. */
#include "net/resolve.h"
#include "tests/net_kit.h"

static char port_text[8];

static const char *decimal(int port)
{
    snprintf(port_text, sizeof port_text, "%d", port);
    return port_text;
}

/* A port of the loopback where nobody listens, most likely. */
static int free_port(void)
{
    int port, fd = listen_local(&port);

    go_close(fd);
    return port;
}

/* ---- numeric hosts ---- */

LAW_REAL(loopback, "S8.69 connects to a listener: ours, O_NONBLOCK and CLOEXEC, both directions")
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    char buf[8];

    for (int i = 0; i < 2; i++) {
        int listener = go_tcp_listen(hosts[i], "0", NULL), fd, peer;

        if (i == 1 && listener == -EADDRNOTAVAIL)
            break; /* no IPv6 here */
        fd = go_tcp_connect(hosts[i], decimal(go_local_port(listener)), NULL);
        if (!CHECK(fd >= 0))
            return;
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        peer = go_accept(listener, NULL, NULL);
        CHECK_EQ(go_write_all(fd, "there", 5), 0);
        CHECK_EQ(go_read(peer, buf, sizeof buf), 5);
        CHECK_EQ(go_write_all(peer, "back", 4), 0);
        CHECK_EQ(go_read(fd, buf, sizeof buf), 4);
        go_close(fd);
        CHECK_EQ(go_read(peer, buf, sizeof buf), 0);
        go_close(peer);
        go_close(listener);
    }
}

LAW_REAL(refused, "S8.69 nobody listens: -ECONNREFUSED, the message says where, nothing is left")
{
    int fds = open_fds(), port = free_port(), rc;
    char text[80];

    GO_NURSERY(n, rc) {
        rc = go_tcp_connect("127.0.0.1", decimal(port), NULL);
    }
    CHECK_EQ(rc, -ECONNREFUSED);
    snprintf(text, sizeof text, "connect to 127.0.0.1 port %d: Connection refused", port);
    CHECK_STR(go_error_message(go_error_child(go_last_error(), 0)), text);
    CHECK_EQ(open_fds(), fds);
}

LAW_REAL(options, "S8.69 no_delay and bind_host")
{
    int port, listener = listen_local(&port), fd, value = 0;
    struct sockaddr_in at;
    socklen_t len = sizeof value;

    fd = go_tcp_connect("127.0.0.1", decimal(port),
                        &(go_connect_opts){.no_delay = true, .bind_host = "127.0.0.9"});
    if (!CHECK(fd >= 0))
        return;
    CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    CHECK_EQ(value, 1);
    len = sizeof at;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    CHECK_EQ(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK + 8);
    CHECK(at.sin_port != 0);
    end_hard(fd);
    fd = go_tcp_connect("127.0.0.1", decimal(port), &(go_connect_opts){.bind_host = "192.0.2.77"});
    CHECK_EQ(fd, -EADDRNOTAVAIL);
    fd = go_tcp_connect("127.0.0.1", decimal(port), NULL);
    CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    CHECK_EQ(value, 0);
    end_hard(fd);
    go_close(listener);
}

/* ---- names ---- */

static const char *script[4]; /* both families, in order */

static int scripted(const char *host, int family, uint16_t port, struct resolve_list *out)
{
    if (strcmp(host, "scripted.example") != 0)
        return EAI_NONAME;
    for (int i = 0; i < 4 && script[i]; i++)
        if ((strchr(script[i], ':') ? AF_INET6 : AF_INET) == family)
            CHECK_EQ(resolve_list_add(out, script[i], port), 0);
    return out->n ? 0 : EAI_NODATA;
}

/* A listener whose queue is full: who connects to it hears nothing, as from a black hole. */
struct hole {
    int listener, full[4];
};

static void hole_open(struct hole *h, const char *addr, const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;

    h->listener = go_tcp_listen(addr, port, &(go_listen_opts){.backlog = 1});
    CHECK_EQ(getsockname(h->listener, (struct sockaddr *)&at, &len), 0);
    for (int i = 0; i < 4; i++) {
        h->full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(h->full[i], (struct sockaddr *)&at, sizeof at);
    }
    nap(10 * GO_MS);
}

static void hole_close(struct hole *h)
{
    for (int i = 0; i < 4; i++)
        close(h->full[i]);
    go_close(h->listener);
}

static int connects_by_name(const char *port, const go_connect_opts *opts)
{
    int fd;

    resolve_script = scripted;
    fd = go_tcp_connect("scripted.example", port, opts);
    resolve_script = NULL;
    return fd;
}

LAW_REAL(second_address, "S8.69 a refused address costs nothing, the next one answers")
{
    int port, listener = listen_local(&port), fd;
    go_time began = go_now();

    memcpy(script, (const char *[4]){"::1", "127.0.0.3", "127.0.0.1"}, sizeof script);
    fd = connects_by_name(decimal(port), NULL);
    CHECK(fd >= 0);
    CHECK(go_now() - began < 200 * GO_MS);
    CHECK(error_count(go_last_error()) >= 1);
    end_hard(fd);
    go_close(listener);
}

LAW_REAL(black_hole, "S8.69 a black hole costs one attempt_delay, and leaves nothing open")
{
    int port, listener = listen_local(&port), fds, fd;
    struct hole hole;
    go_time began;

    hole_open(&hole, "127.0.0.2", decimal(port));
    fds = open_fds();
    memcpy(script, (const char *[4]){"127.0.0.2", "127.0.0.1"}, sizeof script);
    began = go_now();
    fd = connects_by_name(decimal(port), &(go_connect_opts){.attempt_delay = 30 * GO_MS});
    CHECK(fd >= 0);
    CHECK(go_now() - began >= 30 * GO_MS);
    end_hard(fd);
    CHECK_EQ(open_fds(), fds);
    hole_close(&hole);
    go_close(listener);
}

LAW_REAL(cancelled,
         "S8.66 cancelled in the middle of an attempt: nothing is left, the time is kept")
{
    int rc, got = 0, fds;
    struct hole hole;

    hole_open(&hole, "127.0.0.1", "0");
    fds = open_fds();
    GO_TIMEOUT(20 * GO_MS, rc) {
        got = rc = go_tcp_connect("127.0.0.1", decimal(go_local_port(hole.listener)), NULL);
    }
    CHECK_EQ(got, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(open_fds(), fds);
    hole_close(&hole);
}

LAW_REAL(unknown, "S8.19 an unknown name is -ENOENT, with the resolver's words")
{
    int rc;

    resolve_script = scripted;
    GO_NURSERY(n, rc) {
        rc = go_tcp_connect("nowhere.example", "80", NULL);
    }
    resolve_script = NULL;
    CHECK_EQ(rc, -ENOENT);
    CHECK_STR(go_error_message(go_error_child(go_last_error(), 0)),
              "connect to nowhere.example port 80: Name or service not known");
}

/* ---- many ---- */

enum { MANY = 200 };

static int one_of_many(void *arg)
{
    int fd = go_tcp_connect("127.0.0.1", arg, NULL);

    if (fd < 0)
        return fd;
    end_hard(fd);
    return 0;
}

static int accepts_all(void *arg)
{
    int fd = 0;

    for (int i = 0; i < MANY && fd >= 0; i++)
        if ((fd = go_accept(*(int *)arg, NULL, NULL)) >= 0)
            go_close(fd);
    return fd < 0 ? fd : 0;
}

LAW_REAL(many, "S8.69 two hundred at once")
{
    int port, listener = listen_local(&port), rc, fds = open_fds();

    decimal(port);
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts_all, &listener);
        for (int i = 0; i < MANY; i++)
            go_spawn(n, one_of_many, port_text);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(open_fds(), fds);
    go_close(listener);
}

TAP_MAIN
