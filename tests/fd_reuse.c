/* SPDX-License-Identifier: MIT
 *
 * A call lets others run at its checkpoint; one of them closes its descriptor, and the number
 * becomes another file before the call goes on. */
#include "tests/kit.h"
#include <sys/socket.h>

static int pair[2]; /* a socket pair; then another one, of the same numbers */

static int writes(void *arg)
{
    (void)arg;
    return go_write_all(pair[0], "wrong", 5);
}

static int sends(void *arg)
{
    (void)arg;
    return (int)go_send(pair[0], "wrong", 5, 0);
}

static int reads(void *arg)
{
    char buf[5];

    (void)arg;
    return (int)go_read(pair[0], buf, sizeof buf);
}

static int reads_exactly(void *arg)
{
    char buf[5];

    (void)arg;
    return go_read_exact(pair[0], buf, sizeof buf);
}

static int reads_line(void *arg)
{
    go_stream s;
    int rc;

    (void)arg;
    go_stream_init(&s, pair[0]);
    rc = go_stream_read_line(&s, NULL, NULL);
    go_stream_fini(&s);
    return rc;
}

static int replaces(void *arg)
{
    int old = pair[0];

    CHECK_EQ(go_close(pair[0]), 0);
    CHECK_EQ(go_close(pair[1]), 0);
    CHECK_EQ(go_socketpair(pair), 0);
    CHECK_EQ(pair[0], old);
    CHECK_EQ(write(pair[1], "right\n", 6), 6);
    *(bool *)arg = true;
    return 0;
}

/* Calls with so much of the slice used up. Whether the number was another file's when the call went
 * on. */
static bool with_little_left(go_fn *call, int used)
{
    bool replaced = false, during = false;
    char buf[8];
    int rc, result = 0;

    CHECK_EQ(go_socketpair(pair), 0);
    GO_NURSERY(n, rc) {
        go_yield(); /* a new slice */
        go_spawn(n, replaces, &replaced);
        for (int i = 0; i < used && !replaced; i++)
            go_checkpoint();
        if (!replaced) {
            result = call(NULL);
            during = replaced;
        }
    }
    CHECK_EQ(rc, 0);
    if (during)
        CHECK_EQ(result, -EBADF);
    CHECK_EQ(recv(pair[1], buf, sizeof buf, MSG_DONTWAIT), -1); /* nothing was written to it */
    CHECK_EQ(recv(pair[0], buf, sizeof buf, MSG_DONTWAIT), 6);  /* nor read from it */
    go_close(pair[0]);
    go_close(pair[1]);
    return during;
}

static void check_all(go_fn *call)
{
    int during = 0;

    for (int used = 56; used <= 70 && tap.wrong == 0; used++) /* a slice is 64 of them */
        during += with_little_left(call, used);
    CHECK(during > 0);
}

#define LAW_REUSE(call, text)               \
    LAW_VIRTUAL(law_##call, "S10.43 " text) \
    {                                       \
        check_all(call);                    \
    }

LAW_REUSE(writes, "closed at its checkpoint: go_write_all")
LAW_REUSE(sends, "and go_send")
LAW_REUSE(reads, "and go_read")
LAW_REUSE(reads_exactly, "and go_read_exact")
LAW_REUSE(reads_line, "and a stream")

TAP_MAIN
