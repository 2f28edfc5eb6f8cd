/* SPDX-License-Identifier: MIT
 *
 * go_sendfile: from a file into a socket without a detour through the program. */
#include "net/io.h"
#include "net/splice.h"
#include <gosling/offload.h>
#include <stdlib.h>

enum { SEND_CHUNK = 128 * 1024, BY_HAND = 64 * 1024 };

struct sendfile {
    int out, in;
    int64_t *at;
    size_t n;
    ssize_t result;
};

static int run_sendfile(void *arg)
{
    struct sendfile *f = arg;
    int64_t at = f->at ? *f->at : 0;

    do
        f->result = sys_sendfile(f->out, f->in, f->at ? &at : NULL, f->n);
    while (f->result == -EINTR);
    if (f->result > 0 && f->at)
        *f->at = at;
    return 0;
}

/* Whether the chunk's first and last byte are in memory: a guess at the rest. */
static bool in_memory(int in, int64_t at, size_t n)
{
    char byte;
    struct iovec v = {&byte, 1};

    return sys_preadv2(in, &v, 1, at, RWF_NOWAIT) >= 0 &&
           sys_preadv2(in, &v, 1, at + (int64_t)n - 1, RWF_NOWAIT) >= 0;
}

static ssize_t sendfile_attempt(struct io *op, struct fd *r)
{
    struct sendfile f = {.out = r->number,
                         .in = op->flags,
                         .at = op->at < 0 ? NULL : &op->at,
                         .n = op->total};
    int64_t at = op->at < 0 ? sys_lseek(f.in, 0, SEEK_CUR) : op->at;
    int rc = 0;

    if (at < 0)
        return at;
    if (in_memory(f.in, at, f.n)) {
        run_sendfile(&f);
    } else {
        struct fd *source;

        rc = fd_get(op->sched, f.in, &source);
        if (rc < 0)
            return rc;
        fd_offload_begin(r);
        fd_offload_begin(source);
        rc = go_offload(run_sendfile, &f);
        fd_offload_end(source);
        fd_offload_end(r);
        if (rc == -EAGAIN)
            run_sendfile(&f);
        else if (rc < 0)
            return rc;
    }
    if (f.result > 0)
        fd_moved(op->sched, r);
    return f.result;
}

/* Others get their bytes by read and write. */
static ssize_t send_by_hand(int out, int in, int64_t *at, size_t n)
{
    size_t room = n < BY_HAND ? n : BY_HAND, done = 0;
    char *buf = malloc(room);
    int64_t from;
    ssize_t got;
    int rc;

    if (!buf)
        return -ENOMEM;
    from = at ? *at : sys_lseek(in, 0, SEEK_CUR);
    got = from < 0 ? from : go_pread(in, buf, room, from);
    if (got > 0) {
        rc = go_write_some(out, buf, (size_t)got, &done);
        if (done > 0) {
            got = (ssize_t)done;
            if (at)
                *at = from + got;
            else
                sys_lseek(in, from + got, SEEK_SET);
        } else {
            got = rc;
        }
    }
    free(buf);
    return got;
}

ssize_t go_sendfile(int out, int in, int64_t *at, size_t n)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = sendfile_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .flags = in,
                    .at = at ? *at : -1};
    struct fd *r;
    ssize_t sent;
    int rc = fd_checkpoint(s, out);

    if (rc < 0)
        return rc;
    if (at && *at < 0)
        return -EINVAL;
    if (n == 0)
        return 0;
    rc = fd_get(s, out, &r);
    if (rc == 0 && r->kind == FD_UNKNOWN)
        rc = fd_identify(s, r);
    if (rc < 0)
        return rc;
    if (!splice_may_write(r))
        return send_by_hand(out, in, at, n);
    op.total = n < SEND_CHUNK ? n : SEND_CHUNK;
    sent = io_run(&op, r);
    if (sent > 0 && at)
        *at = op.at;
    return sent;
}
