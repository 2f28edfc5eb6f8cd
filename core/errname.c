/* SPDX-License-Identifier: MIT */
#include "core/errname.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* clang-format off */
#define NAMES(X) \
    X(E2BIG) X(EACCES) X(EADDRINUSE) X(EADDRNOTAVAIL) X(EAFNOSUPPORT) X(EAGAIN) X(EALREADY) \
    X(EBADF) X(EBADMSG) X(EBUSY) X(ECANCELED) X(ECHILD) X(ECONNABORTED) X(ECONNREFUSED) \
    X(ECONNRESET) X(EDEADLK) X(EDESTADDRREQ) X(EDOM) X(EDQUOT) X(EEXIST) X(EFAULT) X(EFBIG) \
    X(EHOSTDOWN) X(EHOSTUNREACH) X(EILSEQ) X(EINPROGRESS) X(EINTR) X(EINVAL) X(EIO) X(EISCONN) \
    X(EISDIR) X(ELOOP) X(EMFILE) X(EMLINK) X(EMSGSIZE) X(ENAMETOOLONG) X(ENETDOWN) \
    X(ENETRESET) X(ENETUNREACH) X(ENFILE) X(ENOBUFS) X(ENODATA) X(ENODEV) X(ENOENT) X(ENOEXEC) \
    X(ENOLCK) X(ENOMEM) X(ENOMSG) X(ENOPROTOOPT) X(ENOSPC) X(ENOSYS) X(ENOTCONN) X(ENOTDIR) \
    X(ENOTEMPTY) X(ENOTSOCK) X(ENOTSUP) X(ENOTTY) X(ENXIO) X(EOVERFLOW) X(EOWNERDEAD) X(EPERM) \
    X(EPIPE) X(EPROTO) X(EPROTONOSUPPORT) X(EPROTOTYPE) X(ERANGE) X(EROFS) X(ESHUTDOWN) \
    X(ESPIPE) X(ESRCH) X(ESTALE) X(ETIME) X(ETIMEDOUT) X(ETXTBSY) X(EXDEV)
/* clang-format on */

static int positive(int code)
{
    return code < 0 ? -code : code;
}

const char *errname(int code)
{
    switch (positive(code)) {
#define NAME(e) \
    case e:     \
        return #e;
        NAMES(NAME)
    default:
        return NULL;
    }
}

const char *errtext(int code)
{
    char buf[64]; /* used for unknown codes only; all others are constants */
    const char *text = strerror_r(positive(code), buf, sizeof buf);

    return text == buf ? "unknown error" : text;
}
