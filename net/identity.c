/* SPDX-License-Identifier: MIT
 *
 * What a number is now, and whether it is still the file that it was. */
#include "core/sys.h"
#include "net/fd.h"

/* A POSIX message queue looks like a regular file of 80 bytes, and epoll takes it. */
static bool is_queue(int fd, const struct stat *st)
{
    struct statfs fs;

    return st->st_size == 80 && sys_fstatfs(fd, &fs) == 0 && fs.f_type == 0x19800202;
}

int fd_identify(go_sched *s, struct fd *r)
{
    struct stat st;
    int type, rc = fd_verify(s, r);
    socklen_t len = sizeof type;

    if (rc < 0)
        return rc;
    rc = sys_fstat(r->number, &st);
    if (rc < 0)
        return rc;
    switch (st.st_mode & S_IFMT) {
    case S_IFSOCK:
        rc = sys_getsockopt(r->number, SOL_SOCKET, SO_TYPE, &type, &len);
        r->kind = rc == 0 && type == SOCK_STREAM ? FD_STREAM : FD_PACKET;
        break;
    case S_IFIFO:
        r->kind = FD_PIPE;
        break;
    case S_IFREG:
        r->kind = is_queue(r->number, &st) ? FD_OTHER : FD_FILE;
        break;
    case S_IFDIR:
    case S_IFBLK:
        r->kind = FD_FILE;
        break;
    default:
        r->kind = FD_OTHER;
    }
    return 0;
}

int fd_verify(go_sched *s, struct fd *r)
{
    struct stat st;

    if (sys_fstat(r->number, &st) < 0) {
        fd_unbind(s, r);
        fd_disown(r);
        return -EBADF;
    }
    if (r->known && (r->dev != st.st_dev || r->ino != st.st_ino)) {
        fd_unbind(s, r);
        fd_disown(r);
    }
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    r->known = true;
    r->fresh = false;
    return 0;
}

int fd_mistaken(go_sched *s, struct fd *r)
{
    uint32_t binding = r->binding;
    int rc = fd_verify(s, r);

    if (rc < 0)
        return rc;
    if (r->binding == binding) { /* it was never looked at before */
        fd_unbind(s, r);
        fd_disown(r);
    }
    return fd_identify(s, r);
}

short fd_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;

    do
        rc = sys_poll(&p, 1, 0);
    while (rc == -EINTR);
    return rc > 0 ? p.revents : 0;
}
