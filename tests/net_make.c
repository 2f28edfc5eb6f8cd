/* SPDX-License-Identifier: MIT
 *
 * Making descriptors: listeners, addresses, Unix sockets, pairs; and what is said when it does not
 * work. */
#include "tests/net_kit.h"
#include "tests/probe.h"

static bool is_good(int fd)
{
    return fd >= 0 && flags_of(fd) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    getsockopt(fd, level, name, &value, &len);
    return value;
}

static char path[64];

static const char *in_tmp(const char *name)
{
    static char dir[] = "/tmp/gosling-make-XXXXXX";

    if (!path[0] && !mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

LAW_REAL(flags, "S8.10 descriptors that we create are O_NONBLOCK and CLOEXEC")
{
    int fds[2], port, listener = listen_local(&port), out, in, unix_listener, unix_out;

    CHECK(is_good(listener));
    out = connect_local(port);
    in = go_accept(listener, NULL, NULL);
    CHECK(is_good(in));
    close_both((int[]){in, listener});
    close(out);
    CHECK_EQ(go_pipe(fds), 0);
    CHECK(is_good(fds[0]) && is_good(fds[1]));
    close_both(fds);
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK(is_good(fds[0]) && is_good(fds[1]));
    close_both(fds);
    out = go_udp_bind("127.0.0.1", "0");
    CHECK(is_good(out));
    go_close(out);
    unix_listener = go_unix_listen("@gosling-make", NULL);
    unix_out = go_unix_connect("@gosling-make");
    in = go_accept(unix_listener, NULL, NULL);
    CHECK(is_good(unix_listener) && is_good(unix_out) && is_good(in));
    go_close(unix_listener);
    close_both((int[]){unix_out, in});
}

LAW_REAL(reuse,
         "S8.11 listeners have SO_REUSEADDR: a port is free again while old connections linger")
{
    int port, fd = listen_local(&port), out = connect_local(port), in = go_accept(fd, NULL, NULL);
    char service[8];

    CHECK(option(fd, SOL_SOCKET, SO_REUSEADDR) != 0);
    go_close(in); /* this side closes first: its connection stays in TIME_WAIT */
    settle_io();
    close(out);
    go_close(fd);
    snprintf(service, sizeof service, "%d", port);
    fd = go_tcp_listen("127.0.0.1", service, NULL);
    CHECK(fd >= 0);
    go_close(fd);
}

static int port_in_use(void *service)
{
    return go_tcp_listen("127.0.0.1", service, NULL);
}

LAW_REAL(in_use, "S8.26 a port in use is -EADDRINUSE, and the message says which address")
{
    int port, fd = listen_local(&port), rc;
    char service[8], text[64];

    snprintf(service, sizeof service, "%d", port);
    snprintf(text, sizeof text, "listen on 127.0.0.1:%d: ", port);
    GO_NURSERY(n, rc) {
        go_spawn(n, port_in_use, service);
    }
    CHECK_EQ(rc, -EADDRINUSE);
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)), text);
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)), "in use");
    go_close(fd);
}

static int bad_host(void *arg)
{
    (void)arg;
    return go_tcp_listen("localhost", "http", NULL);
}

LAW_REAL(numeric, "S8.26 hosts and ports that are not numeric are -EINVAL, and the message says so")
{
    int rc;

    CHECK_EQ(go_tcp_listen("1.2.3.4.5", "0", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::g", "0", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("", "0", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1%", "0", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1%nosuchif", "0", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1", "65536", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1", "-1", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1", "", NULL), -EINVAL);
    CHECK_EQ(go_tcp_listen("::1", NULL, NULL), -EINVAL);
    CHECK_EQ(go_udp_bind("localhost", "0"), -EINVAL);
    GO_NURSERY(n, rc) {
        go_spawn(n, bad_host, NULL);
    }
    CHECK_EQ(rc, -EINVAL);
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)), "localhost");
}

static int low_port(void *arg)
{
    (void)arg;
    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 77;
    return go_tcp_listen("127.0.0.1", "80", NULL);
}

static int no_permission(void *arg)
{
    int rc, first = -1;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");

    (void)arg;
    if (!f || fscanf(f, "%d", &first) != 1 || first <= 80)
        return 77;
    fclose(f);
    GO_NURSERY(n, rc) {
        go_spawn(n, low_port, NULL);
    }
    if (rc == 0)
        return 77;
    CHECK_EQ(rc, -EACCES);
    go_error_print(go_last_error(), stderr);
    return 0;
}

static int no_permission_run(void *arg)
{
    return real_run(no_permission, arg);
}

LAW(permission, "S8.26 no permission for a port: -EACCES, and the message says what would help")
{
    int status;

    run_in_child(no_permission_run, NULL, &status, kit_output, sizeof kit_output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        TAP_SKIP("not root, or port 80 is free for all");
        return;
    }
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_HAS(kit_output, "listen on 127.0.0.1:80: permission denied");
    CHECK_HAS(kit_output, "CAP_NET_BIND_SERVICE");
}

LAW_REAL(families,
         "S8.26 host NULL takes both families, v6_only one; scope ids; SO_REUSEPORT; the backlog")
{
    int fd = go_tcp_listen(NULL, "0", NULL), out, in, second;
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char service[8];

    CHECK(fd >= 0);
    out = connect_local(go_local_port(fd));
    in = go_accept(fd, (struct sockaddr *)&at, &len);
    CHECK(in >= 0);
    close_both((int[]){fd, in});
    close(out);
    fd = go_tcp_listen("::1", "0",
                       &(go_listen_opts){.v6_only = true, .reuse_port = true, .backlog = 3});
    if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT) {
        TAP_SKIP("no IPv6 here");
        return;
    }
    CHECK_EQ(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    snprintf(service, sizeof service, "%d", go_local_port(fd));
    second = go_tcp_listen("::1", service, &(go_listen_opts){.v6_only = true, .reuse_port = true});
    CHECK(second >= 0);
    close_both((int[]){fd, second});
    fd = go_tcp_listen("::1%lo", "0", NULL);
    CHECK(fd >= 0);
    go_close(fd);
    fd = go_tcp_listen("::1%1", "0", NULL);
    CHECK(fd >= 0);
    go_close(fd);
    fd = go_udp_bind(NULL, "0");
    CHECK(go_local_port(fd) > 0);
    go_close(fd);
    CHECK_EQ(go_tcp_listen("192.0.2.1", "0", NULL), -EADDRNOTAVAIL);
    CHECK_EQ(go_local_port(-1), -EBADF);
    CHECK_EQ(go_local_port(0) < 0, 1);
}

LAW_REAL(stale, "S8.26 a stale socket file is replaced, one that somebody listens on is "
                "-EADDRINUSE, another file as well")
{
    int fd, second;
    struct stat st;

    fd = go_unix_listen(in_tmp("sock"), &(go_listen_opts){.mode = 0600});
    CHECK(fd >= 0);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(go_unix_listen(path, NULL), -EADDRINUSE);
    second = go_unix_connect(path);
    CHECK(second >= 0);
    go_close(second);
    go_close(fd); /* the file stays behind */
    CHECK_EQ(go_unix_connect(path), -ECONNREFUSED);
    fd = go_unix_listen(path, NULL);
    CHECK(fd >= 0);
    second = go_unix_connect(path);
    CHECK(second >= 0);
    close_both((int[]){fd, second});
    unlink(path);
    CHECK_EQ(go_unix_connect(path), -ENOENT);
    close(open(in_tmp("file"), O_CREAT | O_WRONLY, 0600));
    CHECK_EQ(go_unix_listen(path, NULL), -EADDRINUSE);
    CHECK_EQ(stat(path, &st), 0);
    unlink(path);
    CHECK_EQ(go_unix_listen(in_tmp("no/such/dir"), NULL), -ENOENT);
    in_tmp("");
    rmdir(path);
}

LAW_REAL(unix_names, "S8.26 Unix names: abstract ones, too long ones, empty ones")
{
    char longest[120];
    int fd, out, in;

    memset(longest, 'x', sizeof longest);
    longest[0] = '@';
    longest[108] = '\0';
    fd = go_unix_listen(longest, NULL);
    CHECK(fd >= 0);
    out = go_unix_connect(longest);
    CHECK(out >= 0);
    in = go_accept(fd, NULL, NULL);
    CHECK_EQ(go_write(out, "x", 1), 1);
    CHECK_EQ(go_read(in, longest + 110, 8), 1);
    CHECK_EQ(go_unix_listen(longest, NULL), -EADDRINUSE);
    close_both((int[]){fd, out});
    go_close(in);
    longest[108] = 'x';
    longest[109] = '\0';
    CHECK_EQ(go_unix_listen(longest, NULL), -ENAMETOOLONG);
    CHECK_EQ(go_unix_connect(longest), -ENAMETOOLONG);
    longest[0] = '/';
    longest[108] = '\0';
    CHECK_EQ(go_unix_listen(longest, NULL), -ENAMETOOLONG);
    CHECK_EQ(go_unix_listen("", NULL), -EINVAL);
}

static int connects(void *arg)
{
    struct call *c = arg;

    c->result = go_unix_connect("@gosling-make-full");
    return 0;
}

LAW_REAL(full_backlog, "S8.26 go_unix_connect waits while the listener's queue is full")
{
    int fd = go_unix_listen("@gosling-make-full", &(go_listen_opts){.backlog = 1}), rc, in[6];
    struct call c[6];

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 6; i++) {
            c[i] = CALL(0);
            go_spawn(n, connects, &c[i]);
        }
        settle_io();
        CHECK_EQ(c[5].result, NOT_YET);
        for (int i = 0; i < 6; i++)
            in[i] = go_accept(fd, NULL, NULL);
    }
    for (int i = 0; i < 6; i++) {
        CHECK(c[i].result >= 0);
        close_both((int[]){(int)c[i].result, in[i]});
    }
    go_close(fd);
}

LAW_REAL(out_of_fds, "S8.10 out of descriptors: -EMFILE, and nothing leaks")
{
    struct rlimit old, low;
    int fds[2] = {-1, -1}, before = open_fds(), next = dup(0);

    close(next);
    if (!probe_few_fds()) {
        TAP_SKIP(PROBE_NO_FEW_FDS);
        return;
    }
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = (rlim_t)next + 1; /* one more */
    setrlimit(RLIMIT_NOFILE, &low);
    CHECK_EQ(go_pipe(fds), -EMFILE);
    CHECK_EQ(go_socketpair(fds), -EMFILE);
    low.rlim_cur = (rlim_t)next;
    setrlimit(RLIMIT_NOFILE, &low);
    CHECK_EQ(go_tcp_listen("127.0.0.1", "0", NULL), -EMFILE);
    CHECK_EQ(go_udp_bind("127.0.0.1", "0"), -EMFILE);
    CHECK_EQ(go_unix_listen("@gosling-make-mfile", NULL), -EMFILE);
    CHECK_EQ(go_unix_connect("@gosling-make-mfile"), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_EQ(open_fds(), before);
}

TAP_MAIN
