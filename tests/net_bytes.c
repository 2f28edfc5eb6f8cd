/* SPDX-License-Identifier: MIT
 *
 * Moving bytes: ends, whole amounts, vectors, flags, copies. */
#include "tests/net_kit.h"

static int fds[2];

static void pair(void)
{
    CHECK_EQ(go_socketpair(fds), 0);
}

LAW_VIRTUAL(
    end_of_file,
    "S1.08 0 from a receive: end of file, on sockets and pipes, also for who waits, and for ever")
{
    char buf[8];
    struct call c;
    int rc;

    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0)
            pair();
        else if (kind == 1)
            go_pipe(fds);
        else
            plain_pair(fds);
        put(fds[1], "abc");
        CHECK_EQ(go_read(fds[0], buf, 8), 3);
        c = CALL(fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &c);
            settle_io();
            CHECK_EQ(c.result, NOT_YET);
            go_close(fds[1]);
        }
        CHECK_EQ(c.result, 0);
        CHECK_EQ(go_read(fds[0], buf, 8), 0);
        CHECK_EQ(go_read(fds[0], buf, 8), 0);
        go_close(fds[0]);
    }
}

LAW_VIRTUAL(broken, "S1.07 -EPIPE: the other side is gone, also for who waits")
{
    struct call c;
    int rc;

    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0)
            pair();
        else if (kind == 1)
            plain_pipe(fds);
        else
            go_pipe(fds);
        c = CALL(fds[1]);
        GO_NURSERY(n, rc) {
            go_spawn(n, fills, &c);
            settle_io();
            go_close(fds[0]);
        }
        CHECK(c.result == -EPIPE || (kind == 0 && c.result == -ECONNRESET)); /* data that nobody
                                                                                read */
        CHECK_EQ(go_write(fds[1], "x", 1), -EPIPE);
        CHECK_EQ(go_write_all(fds[1], "x", 1), -EPIPE);
        go_close(fds[1]);
    }
}

LAW_VIRTUAL(empty, "S8.01 reading and writing nothing answers at once")
{
    char buf[1];
    struct iovec none = {buf, 0};

    for (int kind = 0; kind < 2; kind++) {
        if (kind)
            go_pipe(fds);
        else
            pair();
        CHECK_EQ(go_read(fds[0], buf, 0), 0);
        CHECK_EQ(go_readv(fds[0], &none, 1), 0);
        CHECK_EQ(go_readv(fds[0], NULL, 0), 0);
        CHECK_EQ(go_write(fds[1], buf, 0), 0);
        CHECK_EQ(go_writev(fds[1], NULL, 0), 0);
        CHECK_EQ(go_write_all(fds[1], buf, 0), 0);
        CHECK_EQ(go_read_exact(fds[0], buf, 0), 1);
        CHECK_EQ(go_readv(fds[0], &none, -1), -EINVAL);
        CHECK_EQ(go_readv(fds[0], &none, 5000), -EINVAL);
        close_both(fds);
    }
}

static int writes_in_pieces(void *arg)
{
    const char *text = arg;

    for (; *text; text++) {
        go_sleep(GO_MS);
        CHECK_EQ(go_write(fds[1], text, 1), 1);
    }
    go_close(fds[1]);
    return 0;
}

LAW_VIRTUAL(
    exact,
    "S8.28 go_read_exact: 1; 0 when the end came before the first byte; -EPIPE when it came later")
{
    char buf[8] = "";
    int rc;

    pair();
    GO_NURSERY(n, rc) {
        go_spawn(n, writes_in_pieces, (char *)"abcdefg");
        CHECK_EQ(go_read_exact(fds[0], buf, 5), 1);
        CHECK_STR(buf, "abcde");
        CHECK_EQ(go_read_exact(fds[0], buf, 5), -EPIPE);
        CHECK_EQ(go_read_exact(fds[0], buf, 5), 0);
        CHECK_EQ(go_read_exact(fds[0], buf, 0), 1);
    }
    go_close(fds[0]);
}

static int reads_all(void *arg)
{
    struct call *c = arg;
    static unsigned char buf[10000];
    int64_t sum = 0;
    ssize_t n;

    while ((n = go_read(c->fd, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++, sum++)
            if (buf[i] != (unsigned char)(sum * 7))
                CHECK(!"the bytes are in order");
    c->result = n < 0 ? n : sum;
    return 0;
}

static unsigned char pattern[3 << 20];

static void fill_pattern(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i * 7);
}

LAW_VIRTUAL(all, "S8.01 go_write_all writes all, in order, however small the room")
{
    struct call c;
    int rc;
    size_t done = 0;

    fill_pattern();
    for (int kind = 0; kind < 4; kind++) {
        if (kind == 0)
            pair();
        else if (kind == 1)
            go_pipe(fds);
        else if (kind == 2)
            plain_pipe(fds);
        else
            plain_pair(fds);
        c = CALL(fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads_all, &c);
            if (kind % 2)
                CHECK_EQ(go_write_all(fds[1], pattern, sizeof pattern), 0);
            else
                CHECK_EQ(go_write_some(fds[1], pattern, sizeof pattern, &done), 0);
            go_close(fds[1]);
        }
        CHECK_EQ(c.result, sizeof pattern);
        go_close(fds[0]);
    }
    CHECK_EQ(done, sizeof pattern);
}

struct copying {
    int from, to;
    int64_t result;
};

static int copies(void *arg)
{
    struct copying *c = arg;

    c->result = go_copy(c->from, c->to);
    go_close(c->to);
    return 0;
}

LAW_VIRTUAL(copy, "S8.01 go_copy copies until the end, between any two")
{
    int a[2], b[2], rc;
    struct copying c;
    struct call in;

    fill_pattern();
    for (int kind = 0; kind < 3; kind++) {
        CHECK_EQ(kind == 0 ? go_socketpair(a) : go_pipe(a), 0);
        if (kind == 1)
            plain_pair(b);
        else
            CHECK_EQ(go_pipe(b), 0);
        c = (struct copying){a[0], b[1], NOT_YET};
        in = CALL(b[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, copies, &c);
            go_spawn(n, reads_all, &in);
            CHECK_EQ(go_write_all(a[1], pattern, sizeof pattern), 0);
            go_close(a[1]);
        }
        CHECK_EQ(c.result, sizeof pattern);
        CHECK_EQ(in.result, sizeof pattern);
        go_close(a[0]);
        go_close(b[0]);
    }
    CHECK_EQ(go_copy(-1, 1), -EBADF);
}

static int sends_file(void *arg)
{
    struct copying *c = arg;
    int64_t at = 1000, total = 0;
    ssize_t n;

    while ((n = go_sendfile(c->to, c->from, &at, 1 << 20)) > 0)
        total += n;
    CHECK_EQ(n, 0);
    CHECK_EQ(at, sizeof pattern);
    CHECK_EQ(lseek(c->from, 0, SEEK_CUR), 0);
    c->result = total;
    go_close(c->to);
    return 0;
}

LAW_REAL(
    sendfile_at,
    "S8.01 go_sendfile sends a file to a socket of ours, a foreign one, a pipe, cold or cached")
{
    char path[] = "/tmp/gosling-bytes-XXXXXX";
    int file = mkstemp(path), rc;
    struct copying c;
    struct call in;

    unlink(path);
    fill_pattern();
    CHECK_EQ(go_write_all(file, pattern, sizeof pattern), 0);
    for (int kind = 0; kind < 6; kind++) {
        if (kind / 2 == 0)
            pair();
        else if (kind / 2 == 1)
            plain_pair(fds);
        else
            go_pipe(fds);
        if (kind % 2) {
            fsync(file);
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        }
        lseek(file, 0, SEEK_SET);
        c = (struct copying){file, fds[1], NOT_YET};
        in = CALL(fds[0]);
        CHECK_EQ(write(fds[1], pattern, 1000), 1000);
        GO_NURSERY(n, rc) {
            go_spawn(n, sends_file, &c);
            go_spawn(n, reads_all, &in);
        }
        CHECK_EQ(c.result, sizeof pattern - 1000);
        CHECK_EQ(in.result, sizeof pattern);
        go_close(fds[0]);
    }
    pair();
    lseek(file, 10, SEEK_SET);
    CHECK_EQ(go_sendfile(fds[1], file, NULL, 5), 5);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 15);
    CHECK_EQ(go_read(fds[0], in.buf, 64), 5);
    CHECK(memcmp(in.buf, pattern + 10, 5) == 0);
    close_both(fds);
    go_close(file);
}

LAW_VIRTUAL(dontwait, "S1.12 -EAGAIN: with MSG_DONTWAIT a call that would have to wait does not")
{
    char buf[8];
    static char block[1 << 20];

    for (int kind = 0; kind < 2; kind++) {
        if (kind)
            plain_pair(fds);
        else
            pair();
        CHECK_EQ(go_recv(fds[0], buf, 8, MSG_DONTWAIT), -EAGAIN);
        put(fds[1], "ab");
        CHECK_EQ(go_recv(fds[0], buf, 8, MSG_DONTWAIT), 2);
        put(fds[1], "c");
        CHECK_EQ(go_recv(fds[0], buf, 8, MSG_DONTWAIT), 1); /* tried, though the last one was short
                                                             */
        CHECK_EQ(go_recv(fds[0], buf, 8, MSG_DONTWAIT), -EAGAIN);
        while (go_send(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
            ;
        CHECK_EQ(go_send(fds[1], block, sizeof block, MSG_DONTWAIT), -EAGAIN);
        close_both(fds);
    }
}

LAW_VIRTUAL(peek, "S8.01 MSG_PEEK leaves the data, MSG_WAITALL waits for all of it or the end")
{
    char buf[8] = "";
    struct iovec v[2] = {{buf, 2}, {buf + 2, 4}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    int rc;

    pair();
    put(fds[1], "ab");
    CHECK_EQ(go_recv(fds[0], buf, 8, MSG_PEEK), 2);
    CHECK_EQ(go_recv(fds[0], buf, 8, MSG_PEEK), 2);
    CHECK_EQ(go_recv(fds[0], buf, 8, 0), 2);
    GO_NURSERY(n, rc) {
        go_spawn(n, writes_in_pieces, (char *)"abcdefghijklm");
        CHECK_EQ(go_recv(fds[0], buf, 6, MSG_WAITALL), 6);
        CHECK_STR(buf, "abcdef");
        CHECK_EQ(go_recvmsg(fds[0], &m, MSG_WAITALL), 6);
        CHECK_STR(buf, "ghijkl");
        CHECK_EQ(go_recv(fds[0], buf, 6, MSG_WAITALL), 1);
        CHECK_EQ(go_recv(fds[0], buf, 6, MSG_WAITALL), 0);
    }
    go_close(fds[0]);
}

LAW_VIRTUAL(passing, "S8.01 go_sendmsg and go_recvmsg pass a descriptor")
{
    int sent[2], got = -1;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u;
    char byte = 'x';
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = u.room,
                       .msg_controllen = sizeof u.room};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);

    pair();
    CHECK_EQ(go_pipe(sent), 0);
    memset(&u, 0, sizeof u);
    *h = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(h), &sent[0], sizeof(int));
    CHECK_EQ(go_sendmsg(fds[1], &m, 0), 1);
    memset(&u, 0, sizeof u);
    CHECK_EQ(go_recvmsg(fds[0], &m, 0), 1);
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    put(sent[1], "abc");
    CHECK_EQ(go_read(got, u.room, 8), 3);
    go_close(got);
    close_both(sent);
    close_both(fds);
}

LAW_VIRTUAL(datagrams,
            "S8.01 datagrams keep their borders, an empty one is one, and say who sent them")
{
    int a = go_udp_bind("127.0.0.1", "0"), b = go_udp_bind("127.0.0.1", "0");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)go_local_port(a))},
                       from;
    socklen_t len = sizeof from;
    char buf[16];

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(go_sendto(b, "one", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    CHECK_EQ(go_sendto(b, "", 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_EQ(go_sendto(b, "four", 4, 0, (struct sockaddr *)&to, sizeof to), 4);
    CHECK_EQ(go_recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from, &len), 3);
    CHECK_EQ(ntohs(from.sin_port), go_local_port(b));
    CHECK_EQ(go_recv(a, buf, sizeof buf, 0), 0);
    CHECK_EQ(go_read(a, buf, 2), 2); /* the rest of a datagram is gone, as ever */
    CHECK_EQ(go_recv(a, buf, 8, MSG_DONTWAIT), -EAGAIN);
    close_both((int[]){a, b});
}

LAW_VIRTUAL(refused,
            "S8.01 go_connect to where nobody listens is -ECONNREFUSED; connected twice -EISCONN")
{
    int port, listener = listen_local(&port), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(go_connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_EQ(go_connect(fd, (struct sockaddr *)&to, sizeof to), -EISCONN);
    go_close(fd);
    go_close(listener);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(go_connect(fd, (struct sockaddr *)&to, sizeof to), -ECONNREFUSED);
    CHECK_EQ(flags_of(fd) & O_NONBLOCK, 0);
    go_close(fd);
}

LAW_VIRTUAL(shut_down, "S8.01 shutdown wakes who waits, as the kernel says it")
{
    int port, listener = listen_local(&port), rc;
    struct call a, r;

    pair();
    a = CALL(listener);
    r = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts, &a);
        go_spawn(n, reads, &r);
        settle_io();
        shutdown(listener, SHUT_RDWR);
        shutdown(fds[0], SHUT_RDWR);
    }
    CHECK_EQ(a.result, -EINVAL);
    CHECK_EQ(r.result, 0);
    go_close(listener);
    close_both(fds);
}

static int sends_datagrams(void *arg)
{
    struct call *c = arg;
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0gosling-bytes"};
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 14;

    do
        c->result = go_sendto(c->fd, "x", 1, 0, (struct sockaddr *)&to, len);
    while (c->result == 1 && ++c->size < 1000);
    return 0;
}

LAW_REAL(full_queue,
         "S8.01 who sends to a full queue that the kernel calls writable waits, and does not spin")
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0gosling-bytes"};
    int in = socket(AF_UNIX, SOCK_DGRAM, 0), out = socket(AF_UNIX, SOCK_DGRAM, 0), rc;
    struct call c = CALL(out);
    struct timespec before, after;
    size_t sent;

    CHECK_EQ(bind(in, (struct sockaddr *)&at, offsetof(struct sockaddr_un, sun_path) + 14), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sends_datagrams, &c);
        settle_io();
        sent = c.size;
        CHECK(sent < 1000);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        go_sleep(40 * GO_MS);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        CHECK_EQ(c.size, sent);
        CHECK((after.tv_sec - before.tv_sec) * GO_SEC + after.tv_nsec - before.tv_nsec <
              20 * GO_MS);
        CHECK_EQ(go_read(in, c.buf, 8), 1);
        settle_io();
        CHECK(c.size > sent);
        go_nursery_cancel(n, NULL);
    }
    close_both((int[]){in, out});
}

TAP_MAIN
