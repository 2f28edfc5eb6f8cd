/* SPDX-License-Identifier: MIT
 *
 * Streams: lines, marks, exact amounts, what leaves when, and that no cancellation loses or doubles
 * a byte. */
#include "tests/net_kit.h"
#include <gosling/stream.h>

static int fds[2];
static go_stream in;

/* What the other side says, and then it goes. */
static void hears(const char *text, size_t n)
{
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write_all(fds[1], text, n), 0);
    go_close(fds[1]);
    CHECK_EQ(go_stream_init(&in, fds[0]), 0);
}

static void done(void)
{
    go_stream_fini(&in);
    go_close(fds[0]);
}

#define HEARS(text) hears(text, sizeof text - 1)

static void check_line(const char *want, size_t want_len, int at)
{
    char *line = NULL;
    size_t len = 0;

    if (!CHECK_EQ(go_stream_read_line(&in, &line, &len), 1) || !CHECK_EQ(len, want_len) ||
        !CHECK(memcmp(line, want, len + 1) == 0))
        tap_note("in line %d", at);
}

#define CHECK_LINE(want) check_line(want, sizeof want - 1, __LINE__)

/* ---- lines ---- */

LAW_VIRTUAL(lines, "S8.20 lines end at LF or CR LF; the last needs no end; then 0")
{
    HEARS("one\ntwo\r\n\r\n\nthr\ree\r\r\nwith\0nul\n\rlast");
    CHECK_LINE("one");
    CHECK_LINE("two");
    CHECK_LINE("");
    CHECK_LINE("");
    CHECK_LINE("thr\ree\r");
    CHECK_LINE("with\0nul");
    CHECK_LINE("\rlast");
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
    done();
    HEARS("whole\n");
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 1);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
    done();
    HEARS("ends with CR\r");
    CHECK_LINE("ends with CR\r");
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
    done();
    HEARS("");
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
    done();
}

struct dribble {
    const char *text;
    size_t n, piece;
    int fd;
};

static int dribbles(void *arg)
{
    struct dribble *d = arg;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < d->n; i += d->piece) {
        rc = go_write_all(d->fd, d->text + i, d->n - i < d->piece ? d->n - i : d->piece);
        go_sleep(GO_MS);
    }
    go_close(d->fd);
    return rc;
}

LAW_VIRTUAL(dribbled, "S8.20 the same when it comes in pieces of any size")
{
    static const char text[] = "first\r\nsecond\n\r\nfourth\r";
    int rc;

    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct dribble d = {text, sizeof text - 1, piece, -1};

        CHECK_EQ(go_socketpair(fds), 0);
        d.fd = fds[1];
        go_stream_init(&in, fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, dribbles, &d);
            CHECK_LINE("first");
            CHECK_LINE("second");
            CHECK_LINE("");
            CHECK_LINE("fourth\r");
            CHECK_EQ(go_stream_read_line(&in, NULL, NULL), 0);
        }
        done();
    }
}

LAW_VIRTUAL(many_lines, "S8.20 a hundred thousand lines of all lengths, through one buffer")
{
    enum { LINES = 100000 };
    FILE *f = tmpfile();
    char *line, want[256];
    size_t len;
    int bad = 0;

    for (int i = 0; i < LINES; i++)
        fprintf(f, "%d %.*s%s", i, i % 199,
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                i % 3 ? "\n" : "\r\n");
    fflush(f);
    lseek(fileno(f), 0, SEEK_SET);
    go_stream_init(&in, fileno(f)); /* any descriptor will do */
    for (int i = 0; i < LINES; i++) {
        size_t n = (size_t)sprintf(want, "%d %.*s", i, i % 199,
                                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");

        bad += go_stream_read_line(&in, &line, &len) != 1 || len != n ||
               memcmp(line, want, n + 1) != 0;
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(go_stream_read_line(&in, &line, &len), 0);
    CHECK(in.in.size <= 2 * 64 * 1024);
    go_stream_fini(&in);
    fclose(f);
}

/* ---- limits ---- */

LAW_VIRTUAL(limit, "S8.21 a line longer than the limit is -EMSGSIZE, one as long as it is not")
{
    char buf[8];

    HEARS("12345\n12345\r\n123456\nnext\n");
    go_stream_limit(&in, 5);
    CHECK_LINE("12345");
    CHECK_LINE("12345");
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE); /* it stays where it is */
    go_stream_limit(&in, 6);
    CHECK_LINE("123456");
    CHECK_LINE("next");
    done();
    HEARS("123456\nnext");
    go_stream_limit(&in, 5);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE);
    CHECK_EQ(go_stream_read_exact(&in, buf, 7), 1); /* or it is read past */
    CHECK(memcmp(buf, "123456\n", 7) == 0);
    CHECK_LINE("next");
    done();
    HEARS("12345\r"); /* a CR without its LF belongs to the line */
    go_stream_limit(&in, 5);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE);
    done();
    HEARS("123456");
    go_stream_limit(&in, 5);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE);
    done();
}

LAW_VIRTUAL(limit_at_once, "S8.21 as soon as it is too long, whatever else would come")
{
    int rc, got = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    go_stream_init(&in, fds[0]);
    go_stream_limit(&in, 5);
    CHECK_EQ(go_write_all(fds[1], "12345\r", 6), 0);
    GO_TIMEOUT(GO_SEC, rc) {
        got = rc = go_stream_read_line(&in, NULL, NULL); /* may still become one */
    }
    CHECK_EQ(got, -ECANCELED);
    CHECK_EQ(go_write_all(fds[1], "6", 1), 0);
    CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EMSGSIZE);
    go_close(fds[1]);
    done();
}

static int writes_long(void *arg)
{
    char block[4096];
    int rc = 0;

    memset(block, 'x', sizeof block);
    for (int i = 0; rc == 0 && i < 256; i++)
        rc = go_write_all(*(int *)arg, block, sizeof block);
    if (rc == 0)
        rc = go_write_all(*(int *)arg, "\nx\n", 3);
    go_close(*(int *)arg);
    return rc;
}

LAW_VIRTUAL(default_limit, "S8.21 the limit is 1 MiB unless go_stream_limit says otherwise")
{
    size_t len = 0;
    int rc;

    for (int less = 0; less < 2; less++) {
        CHECK_EQ(go_socketpair(fds), 0);
        go_stream_init(&in, fds[0]);
        if (less)
            go_stream_limit(&in, (1 << 20) - 1);
        GO_NURSERY(n, rc) {
            go_spawn(n, writes_long, &fds[1]);
            CHECK_EQ(go_stream_read_line(&in, NULL, &len), less ? -EMSGSIZE : 1);
            if (!less)
                CHECK_EQ(len, 1 << 20);
            go_stream_limit(&in, 0); /* the default again */
            if (less)
                CHECK_EQ(go_stream_read_line(&in, NULL, &len), 1);
            CHECK_LINE("x");
        }
        CHECK_EQ(rc, 0);
        done();
    }
}

/* ---- marks, amounts ---- */

LAW_VIRTUAL(marks, "S8.70 go_stream_read_until: any mark, also one that begins twice, in pieces")
{
    static const char text[] = "aaab--aaabEND\0MARK\rrest";
    char *data;
    size_t len;
    int rc;

    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct dribble d = {text, sizeof text - 1, piece, -1};

        CHECK_EQ(go_socketpair(fds), 0);
        d.fd = fds[1];
        go_stream_init(&in, fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, dribbles, &d);
            CHECK_EQ(go_stream_read_until(&in, "aab", 3, &data, &len), 1);
            CHECK(len == 1 && strcmp(data, "a") == 0);
            CHECK_EQ(go_stream_read_until(&in, "aab", 3, &data, &len), 1);
            CHECK(len == 3 && strcmp(data, "--a") == 0);
            CHECK_EQ(go_stream_read_until(&in, "\0MARK", 5, &data, &len), 1);
            CHECK(len == 3 && strcmp(data, "END") == 0);
            CHECK_EQ(go_stream_read_until(&in, "r", 1, &data, &len), 1);
            CHECK(len == 1 && strcmp(data, "\r") == 0); /* a CR is data here */
            CHECK_EQ(go_stream_read_until(&in, "never", 5, &data, &len), 1);
            CHECK(len == 3 && strcmp(data, "est") == 0);
            CHECK_EQ(go_stream_read_until(&in, "x", 1, &data, &len), 0);
            CHECK_EQ(go_stream_read_until(&in, "", 0, &data, &len), -EINVAL);
        }
        done();
    }
    HEARS("12345--123456--");
    go_stream_limit(&in, 5);
    CHECK_EQ(go_stream_read_until(&in, "--", 2, &data, &len), 1);
    CHECK_EQ(len, 5);
    CHECK_EQ(go_stream_read_until(&in, "--", 2, &data, &len), -EMSGSIZE);
    done();
}

LAW_VIRTUAL(amounts, "S8.71 go_stream_read gives what there is; read_exact 1, 0 or -EPIPE")
{
    char buf[32];

    HEARS("line\nabcdefgh");
    CHECK_LINE("line");
    CHECK_EQ(go_stream_read(&in, buf, 0), 0);
    CHECK_EQ(go_stream_read(&in, buf, 3), 3);
    CHECK_EQ(go_stream_read_exact(&in, buf + 3, 0), 1);
    CHECK_EQ(go_stream_read_exact(&in, buf + 3, 2), 1);
    CHECK_EQ(go_stream_read_exact(&in, buf + 5, 4), -EPIPE);
    CHECK_EQ(go_stream_read(&in, buf + 5, 10), 3); /* it is still there */
    CHECK(memcmp(buf, "abcdefgh", 8) == 0);
    CHECK_EQ(go_stream_read(&in, buf, 10), 0);
    CHECK_EQ(go_stream_read_exact(&in, buf, 1), 0);
    done();
}

enum { BIG = 300000 };
static char big[BIG], got_big[BIG];

static void fill_big(void)
{
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 + i / 251);
}

LAW_VIRTUAL(large_exact, "S8.71 a large one as well, also when the end comes in its middle")
{
    struct dribble d = {big, BIG, 7000, -1};
    int rc;

    fill_big();
    for (size_t extra = 0; extra < 2; extra++) {
        size_t n = 0;
        ssize_t some;

        memset(got_big, 0, BIG);
        CHECK_EQ(go_socketpair(fds), 0);
        d.fd = fds[1];
        go_stream_init(&in, fds[0]);
        GO_NURSERY(nursery, rc) {
            go_spawn(nursery, dribbles, &d);
            CHECK_EQ(go_stream_read_exact(&in, got_big, 100), 1);
            CHECK_EQ(go_stream_read_exact(&in, got_big + 100, BIG - 100 + extra),
                     extra ? -EPIPE : 1);
            if (extra) {
                memset(got_big + 100, 0, BIG - 100);
                while ((some = go_stream_read(&in, got_big + 100 + n, 50000)) > 0)
                    n += (size_t)some;
                CHECK_EQ(n, BIG - 100);
            }
        }
        CHECK(memcmp(big, got_big, BIG) == 0);
        CHECK_EQ(go_stream_read(&in, got_big, 1), 0);
        done();
    }
}

/* ---- writing ---- */

static ssize_t heard(int fd, char *buf, size_t n)
{
    return recv(fd, buf, n, MSG_DONTWAIT);
}

LAW_VIRTUAL(writing, "S8.72 what is written leaves with the flush, or when something is read")
{
    char buf[2048], xs[1001];
    go_stream out;

    memset(xs, 'x', sizeof xs - 1);
    xs[1000] = '\0';
    CHECK_EQ(go_socketpair(fds), 0);
    go_stream_init(&out, fds[0]);
    CHECK(!out.out.mem && !out.in.mem);
    CHECK_EQ(go_stream_write(&out, "GET ", 4), 0);
    CHECK_EQ(go_stream_printf(&out, "%s %d\r\n", "/", 5), 0);
    CHECK_EQ(go_stream_write(&out, NULL, 0), 0);
    CHECK_EQ(heard(fds[1], buf, sizeof buf), -1);
    CHECK_EQ(go_stream_flush(&out), 0);
    CHECK_EQ(heard(fds[1], buf, sizeof buf), 9);
    CHECK(memcmp(buf, "GET / 5\r\n", 9) == 0);
    CHECK_EQ(go_stream_flush(&out), 0);
    CHECK_EQ(heard(fds[1], buf, sizeof buf), -1);
    CHECK_EQ(go_stream_printf(&out, "<%s>", xs), 0);
    CHECK_EQ(go_write_all(fds[1], "answer\n", 7), 0);
    CHECK_EQ(go_stream_read_line(&out, NULL, NULL), 1);
    CHECK_EQ(heard(fds[1], buf, sizeof buf), 1002);
    CHECK(buf[0] == '<' && buf[1001] == '>' && memcmp(buf + 1, xs, 1000) == 0);
    CHECK_EQ(go_stream_write(&out, "lost", 4), 0);
    go_stream_fini(&out); /* neither flushes nor closes */
    CHECK_EQ(heard(fds[1], buf, sizeof buf), -1);
    CHECK_EQ(go_write_all(fds[0], "open", 4), 0);
    close_both(fds);
}

static int hears_all(void *arg)
{
    struct call *c = arg;
    size_t n = 0;
    ssize_t got;

    while ((got = go_read(c->fd, got_big + n, BIG - n)) > 0)
        n += (size_t)got;
    c->result = (int64_t)n;
    return 0;
}

LAW_VIRTUAL(large_writes,
            "S8.72 from 64 KiB on it leaves by itself, in order, small and large mixed")
{
    struct call c;
    go_stream out;
    size_t at = 0, size = 1;
    int rc;

    fill_big();
    CHECK_EQ(go_socketpair(fds), 0);
    go_stream_init(&out, fds[0]);
    c = CALL(fds[1]);
    GO_NURSERY(n, rc) {
        go_spawn(n, hears_all, &c);
        while (rc == 0 && at < BIG) {
            size = size * 3 % 100003;
            if (size > BIG - at)
                size = BIG - at;
            rc = go_stream_write(&out, big + at, size);
            CHECK(out.out.size <= 128 * 1024);
            at += size;
        }
        CHECK_EQ(go_stream_flush(&out), 0);
        go_close(fds[0]);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(c.result, BIG);
    CHECK(memcmp(big, got_big, BIG) == 0);
    go_stream_fini(&out);
    go_close(fds[1]);
}

LAW_VIRTUAL(gone, "S8.72 errors come out: -EPIPE of a flush, also from the call that reads; -EBADF")
{
    go_stream out;
    char byte;

    CHECK_EQ(go_socketpair(fds), 0);
    go_stream_init(&out, fds[0]);
    CHECK_EQ(go_stream_write(&out, "x", 1), 0);
    go_close(fds[1]);
    CHECK_EQ(go_stream_flush(&out), -EPIPE);
    CHECK_EQ(go_stream_read(&out, &byte, 1), -EPIPE);
    go_close(fds[0]);
    CHECK_EQ(go_stream_flush(&out), -EBADF);
    go_stream_fini(&out);
    CHECK_EQ(go_stream_init(&out, -1), -EBADF);
    go_stream_fini(&out);
}

/* ---- one fiber at a time ---- */

static int reads_line(void *arg)
{
    return go_stream_read_line(arg, NULL, NULL);
}

LAW_VIRTUAL(busy, "S8.73 a stream is one fiber's at a time: -EBUSY for a second")
{
    int rc;

    CHECK_EQ(go_socketpair(fds), 0);
    go_stream_init(&in, fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads_line, &in);
        go_yield();
        CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -EBUSY);
        CHECK_EQ(go_stream_write(&in, "x", 1), -EBUSY);
        CHECK_EQ(go_stream_flush(&in), -EBUSY);
        go_close(fds[1]);
    }
    CHECK_EQ(rc, 0);
    done();
}

/* ---- cancellation ---- */

/* Lines, amounts and marks are read with deadlines that always come too soon somewhere. */
LAW_VIRTUAL(cancelled_reading,
            "S4.47 a cancelled read loses and doubles nothing: it may be repeated")
{
    static char text[20000];
    struct dribble d = {text, 0, 61, -1};
    size_t len, n = 0;
    int rc = 0, cancels = 0, items = 0;
    char *line;

    for (int i = 0; n < sizeof text - 200; i++)
        n += (size_t)sprintf(text + n, "line %d\r\n%0*d|", i, 10 + i % 90, i);
    d.n = n;
    CHECK_EQ(go_socketpair(fds), 0);
    d.fd = fds[1];
    go_stream_init(&in, fds[0]);
    GO_NURSERY(nursery, rc) {
        static char exact[256], whole[20000];
        size_t at = 0;
        int got = 1, step = 0, out;

        go_spawn(nursery, dribbles, &d);
        while (got != 0 && items < 10000) {
            size_t width = (size_t)(step % 3 == 0 ? 5 : step % 3 == 1 ? 1 : 4);

            GO_TIMEOUT(700 * GO_US, out) { /* a piece comes every millisecond */
                if (step % 2 == 0)
                    got = go_stream_read_line(&in, &line, &len);
                else if (step % 4 == 1)
                    got = go_stream_read_until(&in, "|", 1, &line, &len);
                else
                    got = go_stream_read_exact(&in, exact, width);
                out = got;
            }
            if (got == -ECANCELED) {
                cancels++;
                continue;
            }
            if (!CHECK(got >= 0) || got == 0)
                break;
            if (step % 2 == 0) {
                memcpy(whole + at, line, len);
                at += len;
                if (at < n) { /* its end, as it was */
                    memcpy(whole + at, "\r\n", 2);
                    at += 2;
                }
            } else if (step % 4 == 1) {
                memcpy(whole + at, line, len);
                at += len;
                whole[at++] = '|';
            } else {
                memcpy(whole + at, exact, width);
                at += width;
            }
            items++;
            step++;
        }
        CHECK(at >= n && memcmp(whole, text, n - 1) == 0);
    }
    CHECK(cancels > 100);
    CHECK(items > 100);
    done();
}

static int reads_large(void *arg)
{
    int *cancels = arg, got, rc;

    do {
        GO_TIMEOUT(GO_MS + 500 * GO_US, rc) {
            got = rc = go_stream_read_exact(&in, got_big, BIG);
        }
        *cancels += got == -ECANCELED;
    } while (got == -ECANCELED);
    return got;
}

LAW_VIRTUAL(cancelled_large_read, "S4.47 nor does a large exact one")
{
    struct dribble d = {big, BIG, 9000, -1};
    int rc, cancels = 0;

    fill_big();
    memset(got_big, 0, BIG);
    CHECK_EQ(go_socketpair(fds), 0);
    d.fd = fds[1];
    go_stream_init(&in, fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, dribbles, &d);
        CHECK_EQ(reads_large(&cancels), 1);
    }
    CHECK(cancels > 3);
    CHECK(memcmp(big, got_big, BIG) == 0);
    done();
}

static int hears_slowly(void *arg)
{
    struct call *c = arg;
    size_t n = 0;
    ssize_t got;

    do {
        go_sleep(GO_MS);
        got = go_read(c->fd, got_big + n, BIG - n < 3000 ? BIG - n : 3000);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    c->result = (int64_t)n;
    return 0;
}

LAW_VIRTUAL(cancelled_writing, "S4.47 a cancelled write or flush loses and doubles nothing either")
{
    struct call c;
    go_stream out;
    size_t at = 0, size = 1;
    int rc, got, cancels = 0, small = 4096;

    fill_big();
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    go_stream_init(&out, fds[0]);
    c = CALL(fds[1]);
    GO_NURSERY(n, rc) {
        int outcome;

        go_spawn(n, hears_slowly, &c);
        do {
            size_t left = BIG - at, piece = size < left ? size : left;

            GO_TIMEOUT(700 * GO_US, outcome) {
                got = outcome =
                    piece ? go_stream_write(&out, big + at, piece) : go_stream_flush(&out);
            }
            if (got == -ECANCELED) {
                cancels++; /* and once more */
            } else {
                CHECK_EQ(got, 0);
                at += piece;
                size = size * 3 % 100003;
            }
        } while (at < BIG || got != 0 || out.out.end > 0);
        go_close(fds[0]);
    }
    CHECK(cancels > 20);
    CHECK_EQ(c.result, BIG);
    CHECK(memcmp(big, got_big, BIG) == 0);
    go_stream_fini(&out);
    go_close(fds[1]);
}

LAW_VIRTUAL(cancelled_before, "S6.08 every call on a stream is a checkpoint, whatever is buffered")
{
    go_scope s = {0};
    char buf[4];
    int rc;

    HEARS("one\ntwo\n");
    CHECK_LINE("one");
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK_EQ(go_stream_read_line(&in, NULL, NULL), -ECANCELED);
        CHECK_EQ(go_stream_read_until(&in, "w", 1, NULL, NULL), -ECANCELED);
        CHECK_EQ(go_stream_read(&in, buf, 1), -ECANCELED);
        CHECK_EQ(go_stream_read_exact(&in, buf, 1), -ECANCELED);
        CHECK_EQ(go_stream_write(&in, "x", 1), -ECANCELED);
        CHECK_EQ(go_stream_printf(&in, "x"), -ECANCELED);
        CHECK_EQ(go_stream_flush(&in), -ECANCELED);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_LINE("two");
    done();
}

LAW(outside, "S1.20 calls on a stream outside a run are -ESHUTDOWN")
{
    go_stream s;
    char byte;

    CHECK_EQ(go_stream_init(&s, 0), 0);
    CHECK_EQ(go_stream_read(&s, &byte, 1), -ESHUTDOWN);
    CHECK_EQ(go_stream_read_exact(&s, &byte, 1), -ESHUTDOWN);
    CHECK_EQ(go_stream_read_line(&s, NULL, NULL), -ESHUTDOWN);
    CHECK_EQ(go_stream_write(&s, "x", 1), -ESHUTDOWN);
    CHECK_EQ(go_stream_printf(&s, "x"), -ESHUTDOWN);
    CHECK_EQ(go_stream_flush(&s), -ESHUTDOWN);
    go_stream_fini(&s);
}

TAP_MAIN
