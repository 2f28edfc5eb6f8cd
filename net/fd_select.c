/* SPDX-License-Identifier: MIT
 *
 * A descriptor as one of go_select's cases. */
#include "net/fd.h"

static int select_commit(struct wait *w)
{
    go_sched *s = sched_self();
    struct fd *r;
    int rc = fd_get(s, (int)w->arg, &r); /* makes the record, so that arming needs no memory */

    if (rc == 0) {
        rc = fd_ready((int)w->arg, (short)(w->arg >> 32));
        if (rc == 0)
            return -EAGAIN;
        if (rc & POLLNVAL)
            rc = -EBADF;
    }
    w->result = rc;
    return 0;
}

static int select_arm(struct wait *w)
{
    go_sched *s = sched_self();
    struct fd *r;

    list_init(&w->link);
    /* It was open a moment ago, when commit looked. If another thread has closed it since then,
     * nobody will tell us: as with every plain close, the wait ends at its deadline. */
    if (fd_get(s, (int)w->arg, &r) == 0)
        fd_poll_arm(s, w, r);
    return 0;
}

static void select_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "fd %d to be %s", (int)w->arg,
            (short)(w->arg >> 32) & POLLIN ? "readable" : "writable");
}

static const struct waitable select_waitable = {.name = "fd",
                                                .commit = select_commit,
                                                .arm = select_arm,
                                                .describe = select_describe};

const struct waitable *fd_waitable(void)
{
    return &select_waitable;
}
