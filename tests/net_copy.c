/* SPDX-License-Identifier: MIT
 *
 * go_copy and go_sendfile: every kind of source with every kind of target, whole and in order, by
 * whatever way the kernel lets them. */
#include "tests/net_kit.h"

enum { WHOLE = 10 << 20, PART = 1 << 20 };
static char sent[WHOLE], got[WHOLE + 1];

static void fill(void)
{
    uint32_t x = 1;

    for (size_t i = 0; i < WHOLE; i++) {
        x = x * 1664525 + 1013904223;
        sent[i] = (char)(x >> 24);
    }
}

/* ---- the ends ---- */

static void plain(int fds[2], bool is_pipe)
{
    CHECK_EQ(is_pipe ? pipe2(fds, O_CLOEXEC)
                     : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
             0);
}

static void tcp(int fds[2])
{
    int port, listener = listen_local(&port);
    char text[8];

    snprintf(text, sizeof text, "%d", port);
    fds[1] = go_tcp_connect("127.0.0.1", text, NULL);
    fds[0] = go_accept(listener, NULL, NULL);
    go_close(listener);
}

static int plain_file(void)
{
    char path[] = "/tmp/gosling-copy-XXXXXX";
    int fd = mkstemp(path);

    unlink(path);
    return fd;
}

enum kind { UNIX, TCP, PIPE, FOREIGN_SOCKET, FOREIGN_PIPE, APPENDING, FILE_END, KINDS };
static const char *const names[] = {"a Unix socket",   "TCP",      "a pipe", "a blocking socket",
                                    "a blocking pipe", "O_APPEND", "a file"};

/* fds[0] reads what fds[1] is given. */
static void open_kind(enum kind kind, int fds[2])
{
    fds[0] = fds[1] = -1;
    if (kind == TCP)
        tcp(fds);
    else if (kind == PIPE)
        CHECK_EQ(go_pipe(fds), 0);
    else if (kind == FOREIGN_SOCKET || kind == FOREIGN_PIPE)
        plain(fds, kind == FOREIGN_PIPE);
    else if (kind == FILE_END)
        fds[0] = fds[1] = plain_file();
    else
        CHECK_EQ(go_socketpair(fds), 0);
    if (kind == APPENDING) /* splice refuses to write there */
        CHECK_EQ(fcntl(fds[1], F_SETFL, fcntl(fds[1], F_GETFL) | O_APPEND), 0);
}

static void close_kind(int fds[2])
{
    if (fds[0] >= 0)
        go_close(fds[0]);
    if (fds[1] >= 0 && fds[1] != fds[0])
        go_close(fds[1]);
}

/* ---- fibers ---- */

struct job {
    int fd, to;
    size_t n; /* how much to write, or was read */
    int64_t result;
};

static int writes(void *arg)
{
    struct job *j = arg;

    j->result = go_write_all(j->fd, sent, j->n);
    go_close(j->fd);
    j->fd = -1;
    return 0;
}

static int reads_it(void *arg)
{
    struct job *j = arg;
    ssize_t n;

    j->n = 0;
    while ((n = go_read(j->fd, got + j->n, sizeof got - j->n)) > 0)
        j->n += (size_t)n;
    j->result = n;
    return 0;
}

static int copies(void *arg)
{
    struct job *j = arg;

    j->result = go_copy(j->fd, j->to);
    return 0;
}

/* ---- all pairs ---- */

static void copy_one(enum kind from, enum kind to, size_t size)
{
    int a[2], b[2], rc;
    struct job w, c, r;

    open_kind(from, a);
    open_kind(to, b);
    w = (struct job){a[1], -1, size, 0};
    c = (struct job){a[0], b[1], 0, 0};
    r = (struct job){b[0], -1, 0, 0};
    memset(got, 0, size);
    if (from == FILE_END) {
        CHECK_EQ(go_write_all(a[1], sent, size), 0);
        lseek(a[0], 0, SEEK_SET);
    }
    GO_NURSERY(n, rc) {
        if (from != FILE_END)
            go_spawn(n, writes, &w);
        if (to != FILE_END)
            go_spawn(n, reads_it, &r);
        copies(&c);
        if (to != FILE_END) {
            go_close(b[1]);
            b[1] = -1;
        }
    }
    if (to == FILE_END) {
        lseek(b[0], 0, SEEK_SET);
        reads_it(&r);
    }
    if (!CHECK_EQ(c.result, size) || !CHECK_EQ(r.n, size) || !CHECK(memcmp(sent, got, size) == 0))
        tap_note("from %s to %s", names[from], names[to]);
    a[1] = w.fd;
    close_kind(a);
    close_kind(b);
}

LAW_REAL(pairs, "S8.74 go_copy copies until the end, from anything to anything, whole and in order")
{
    int fds = open_fds();

    fill();
    for (int from = 0; from < KINDS; from++)
        for (int to = 0; to < KINDS; to++)
            copy_one((enum kind)from, (enum kind)to, PART / (tap_slow() ? 4 : 1));
    CHECK_EQ(open_fds(), fds);
}

LAW_REAL(ten_megabytes, "S8.74 ten megabytes, through sockets, pipes and files")
{
    fill();
    copy_one(TCP, TCP, WHOLE);
    copy_one(UNIX, PIPE, WHOLE);
    copy_one(FILE_END, TCP, WHOLE);
    copy_one(PIPE, FILE_END, WHOLE);
}

LAW_REAL(from_the_middle, "S8.74 a file is copied from its position on, and left at its end")
{
    int file = plain_file(), fds[2];

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write_all(file, "0123456789", 10), 0);
    lseek(file, 4, SEEK_SET);
    CHECK_EQ(go_copy(file, fds[1]), 6);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 10);
    CHECK_EQ(go_read(fds[0], got, 100), 6);
    CHECK(memcmp(got, "456789", 6) == 0);
    CHECK_EQ(go_copy(file, fds[1]), 0);
    close_both(fds);
    close(file);
    file = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* says that it has no size */
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK(go_copy(file, fds[1]) > 100);
    CHECK(go_read(fds[0], got, 5) == 5 && memcmp(got, "Name:", 5) == 0);
    close_both(fds);
    close(file);
}

/* ---- the way that it takes ---- */

/* Half of what is sent has arrived: then the copy is in the middle of it. */
static int counts_fds(enum kind kind, size_t piece)
{
    int a[2], b[2], rc, during = 0, before;
    struct job c;

    open_kind(kind, a);
    open_kind(kind, b);
    before = open_fds();
    c = (struct job){a[0], b[1], 0, 0};
    GO_NURSERY(n, rc) {
        go_spawn(n, copies, &c);
        for (int i = 0; i < 8; i++) {
            CHECK_EQ(go_write_all(a[1], sent, piece), 0);
            CHECK_EQ(go_read_exact(b[0], got, piece), 1);
        }
        during = open_fds() - before;
        go_close(a[1]);
    }
    CHECK_EQ(c.result, 8 * piece);
    CHECK_EQ(open_fds(), before - 1);
    a[1] = -1;
    close_kind(a);
    close_kind(b);
    return during;
}

LAW_REAL(ways, "S8.75 bulk is spliced, through a pipe; a conversation costs no descriptor")
{
    CHECK_EQ(counts_fds(UNIX, 100), 0);
    CHECK_EQ(counts_fds(UNIX, 32768), 2);
    CHECK_EQ(counts_fds(TCP, 32768), 2);
    CHECK_EQ(counts_fds(PIPE, 32768), 2);
    CHECK_EQ(counts_fds(FOREIGN_SOCKET, 32768), 0); /* it might wait */
}

LAW_REAL(no_descriptors, "S8.75 without descriptors for a pipe it copies all the same")
{
    struct rlimit old, few;
    struct job w, c, r;
    int a[2], b[2], rc;

    fill();
    open_kind(UNIX, a);
    open_kind(UNIX, b);
    settle_io(); /* whatever the loop opens is open */
    w = (struct job){a[1], -1, PART, 0};
    c = (struct job){a[0], b[1], 0, 0};
    r = (struct job){b[0], -1, 0, 0};
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = (rlim_t)open_fds();
    setrlimit(RLIMIT_NOFILE, &few);
    GO_NURSERY(n, rc) {
        go_spawn(n, writes, &w);
        go_spawn(n, reads_it, &r);
        copies(&c);
        go_close(b[1]);
    }
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_EQ(c.result, PART);
    CHECK(r.n == PART && memcmp(sent, got, PART) == 0);
    go_close(a[0]);
    go_close(b[0]);
}

/* ---- ends, early and late ---- */

LAW_REAL(half_close, "S8.74 the end of one direction leaves the other open")
{
    int a[2], b[2], rc;
    struct job there, back;
    char answer[8];

    tcp(a);
    tcp(b);
    there = (struct job){a[0], b[1], 0, 0};
    back = (struct job){b[1], a[0], 0, 0};
    GO_NURSERY(n, rc) {
        go_spawn(n, copies, &there);
        go_spawn(n, copies, &back);
        CHECK_EQ(go_write_all(a[1], sent, 100000), 0);
        shutdown(a[1], SHUT_WR);
        CHECK_EQ(go_read_exact(b[0], got, 100000), 1);
        settle_io();
        CHECK_EQ(there.result, 100000);
        CHECK_EQ(go_write_all(b[0], "answer", 6), 0);
        CHECK_EQ(go_read(a[1], answer, sizeof answer), 6);
        go_close(b[0]);
    }
    CHECK_EQ(back.result, 6);
    go_close(b[1]);
    close_both(a);
}

LAW_REAL(reader_gone,
         "S8.74 the other side is gone: -EPIPE or -ECONNRESET, no signal, nothing left")
{
    static const enum kind kinds[] = {UNIX, TCP, PIPE};

    for (int i = 0; i < 3; i++) {
        int fds = open_fds(), a[2], b[2], rc;
        struct job w, c;

        open_kind(UNIX, a);
        open_kind(kinds[i], b);
        w = (struct job){a[1], -1, PART, 0};
        c = (struct job){a[0], b[1], 0, 0};
        GO_NURSERY(n, rc) {
            go_spawn(n, writes, &w);
            go_spawn(n, copies, &c);
            CHECK_EQ(go_read_exact(b[0], got, 100000), 1); /* spliced by now */
            go_close(b[0]);
            settle_io();
            CHECK(c.result == -EPIPE || c.result == -ECONNRESET);
            go_close(a[0]);
        }
        CHECK(w.result < 0);
        go_close(b[1]);
        CHECK_EQ(open_fds(), fds);
    }
}

LAW_REAL(cancelled,
         "S4.17 a cancelled go_copy may have copied a part, in order, and leaves nothing")
{
    static const enum kind kinds[] = {UNIX, TCP, PIPE};

    fill();
    for (int i = 0; i < 3; i++) {
        int a[2], b[2], fds, rc, outcome = 0, small = 1 << 16;
        int64_t copied = 0;
        struct job w, r;

        open_kind(kinds[i], a);
        open_kind(kinds[i], b);
        setsockopt(b[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        setsockopt(b[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        fds = open_fds();
        w = (struct job){a[1], -1, PART, 0};
        r = (struct job){b[0], -1, 0, 0};
        GO_NURSERY(n, rc) {
            go_spawn(n, writes, &w);
            GO_TIMEOUT(20 * GO_MS, outcome) {
                copied = go_copy(a[0], b[1]); /* nobody reads */
                outcome = (int)copied;
            }
            CHECK_EQ(open_fds(), fds - (w.fd < 0)); /* the writer may be through */
            go_nursery_cancel(n, NULL);
        }
        CHECK_EQ(copied, -ECANCELED);
        CHECK_EQ(outcome, -ETIMEDOUT);
        go_close(b[1]);
        b[1] = -1;
        reads_it(&r);
        CHECK(r.n > 0 && r.n < PART && memcmp(sent, got, r.n) == 0);
        a[1] = w.fd;
        close_kind(a);
        close_kind(b);
    }
}

static int reads_one(void *arg)
{
    struct job *j = arg;

    j->result = go_read(j->fd, got, 1);
    return 0;
}

LAW_REAL(busy, "S8.74 while it splices a side is one fiber's: -EBUSY for another")
{
    int a[2], b[2], rc;
    struct job c, r;

    open_kind(UNIX, a);
    open_kind(UNIX, b);
    c = (struct job){a[0], b[1], 0, 0};
    r = (struct job){a[0], -1, 0, 0};
    GO_NURSERY(n, rc) {
        go_spawn(n, copies, &c);
        CHECK_EQ(go_write_all(a[1], sent, 65536), 0);
        CHECK_EQ(go_read_exact(b[0], got, 65536), 1);
        settle_io();
        reads_one(&r);
        CHECK_EQ(r.result, -EBUSY);
        go_close(a[1]);
    }
    CHECK_EQ(c.result, 65536);
    go_close(a[0]);
    close_both(b);
}

/* ---- sendfile ---- */

static int sends(void *arg)
{
    struct job *j = arg;
    int64_t at = 0;
    ssize_t n;

    while ((n = go_sendfile(j->to, j->fd, &at, WHOLE)) > 0)
        j->result += n;
    CHECK_EQ(n, 0);
    CHECK_EQ(at, j->result);
    go_close(j->to);
    return 0;
}

LAW_REAL(sendfile_waits, "S8.76 go_sendfile waits for a slow reader, and sends all, in order")
{
    static const enum kind kinds[] = {UNIX, TCP, PIPE, FOREIGN_SOCKET, FOREIGN_PIPE};
    int file = plain_file();

    fill();
    CHECK_EQ(go_write_all(file, sent, WHOLE), 0);
    for (int i = 0; i < 5; i++) {
        int fds[2], rc;
        struct job s, r;

        open_kind(kinds[i], fds);
        s = (struct job){file, fds[1], 0, 0};
        r = (struct job){fds[0], -1, 0, 0};
        memset(got, 0, WHOLE);
        GO_NURSERY(n, rc) {
            go_spawn(n, sends, &s);
            go_sleep(2 * GO_MS); /* it has to wait */
            CHECK(s.result < WHOLE);
            reads_it(&r);
        }
        CHECK_EQ(s.result, WHOLE);
        if (!CHECK(r.n == WHOLE && memcmp(sent, got, WHOLE) == 0))
            tap_note("to %s", names[kinds[i]]);
        go_close(fds[0]);
    }
    close(file);
}

LAW_REAL(sendfile_cancelled, "S8.76 cancelled it has sent nothing; the reader gone: -EPIPE")
{
    int file = plain_file(), fds[2], rc, outcome;
    int64_t at = 0, before = 0;
    ssize_t n = 0;

    CHECK_EQ(go_write_all(file, sent, WHOLE), 0);
    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(20 * GO_MS, outcome) {
        do {
            before = at;
            n = go_sendfile(fds[1], file, &at, WHOLE);
        } while (n > 0);
        outcome = (int)n;
    }
    CHECK_EQ(n, -ECANCELED);
    CHECK_EQ(outcome, -ETIMEDOUT);
    CHECK_EQ(at, before);
    go_close(fds[0]);
    GO_NURSERY(nursery, rc) {
        CHECK_EQ(go_sendfile(fds[1], file, &at, 100), -EPIPE);
    }
    go_close(fds[1]);
    close(file);
}

TAP_MAIN
