/* SPDX-License-Identifier: MIT
 *
 * A buffered reader and writer over a descriptor: lines, exact amounts, formatted output.
 *
 * A call that is cancelled, or fails, loses nothing and doubles nothing: what a reading call did
 * not return is still there for the next one; what a writing call did not take (it takes all or
 * nothing) may be written again; and what was taken leaves in order, once, whenever a flush gets
 * around to it. So a call that returned -ECANCELED may simply be repeated.
 *
 * A stream is one fiber's at a time: -EBUSY for a second. Where one fiber reads and another one
 * writes, each has a stream of its own over the same descriptor. Buffers come with the first use
 * and grow as needed, 4 KiB at first. */
#ifndef GOSLING_STREAM_H
#define GOSLING_STREAM_H

#include <gosling/io.h>

GO_BEGIN_DECLS

/* Private: bytes [at, end) of a buffer. */
struct go_stream_buffer {
    char *mem;
    size_t size, at, end;
};

/* A stream, caller-allocated. Fields are private. */
typedef struct go_stream {
    struct go_stream_buffer in, out;
    size_t limit; /* of a line */
    size_t chunk; /* how much a read asks for: more, when it was given all that it asked for */
    int fd;
    int broken; /* the error that has made a hole in what was read or written; 0: none */
    bool busy;  /* a fiber is in a call */
} go_stream;

/* A stream over fd, which stays the caller's. Allocates nothing. Not a checkpoint. Returns 0, or
 * -EBADF for a negative number. */
GO_API int go_stream_init(go_stream *s, int fd);

/* Gives the buffers back. Neither flushes nor closes: what was not flushed is gone. Not a
 * checkpoint. */
GO_API void go_stream_fini(go_stream *s);

/* The longest line, or data before a mark, in bytes; 0: the default of 1 MiB. Not a checkpoint. */
GO_API void go_stream_limit(go_stream *s, size_t longest_line);

/* ---- reading ---- Every call flushes first what was written, whose errors are then its own. All
 * return besides what go_read does, -ECANCELED, -EBUSY, -ENOMEM. */

/* [checkpoint] Up to n bytes: what is there, or else what one read brings. 0: the end. */
GO_API ssize_t go_stream_read(go_stream *s, void *buf, size_t n);

/* [checkpoint] Exactly n bytes, as go_read_exact: 1; 0 when the end came before the first one;
 * -EPIPE when it came later. What there was can still be read by the other calls then. */
GO_API int go_stream_read_exact(go_stream *s, void *buf, size_t n);

/* [checkpoint] The next line, without its LF or CR LF, and with a NUL behind it. The last one needs
 * no end. Returns 1, and the line in the stream's own memory, which is valid and the caller's to
 * change until the next call that reads; 0 at the end; -EMSGSIZE for a line that is longer than the
 * limit: it stays where it is, so that the same call gives the same answer until the limit is
 * raised, or the line is taken by go_stream_read. line and len may be NULL. */
GO_API int go_stream_read_line(go_stream *s, char **line, size_t *len);

/* [checkpoint] The same for what is before mark, mark_len bytes of whatever kind. -EINVAL for an
 * empty one. */
GO_API int go_stream_read_until(go_stream *s, const void *mark, size_t mark_len, char **data,
                                size_t *len);

/* ---- writing ---- */

/* [checkpoint] Takes n bytes. They leave with the next flush, and when 64 KiB have come together.
 * Returns 0: all were taken; -ECANCELED, -EBUSY, -ENOMEM: none; another error: the stream is only
 * good for reading. What go_write returns. */
GO_API int go_stream_write(go_stream *s, const void *buf, size_t n);

/* [checkpoint] The same for what printf would print. Also -EINVAL for a format that is none. */
GO_API int go_stream_printf(go_stream *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* [checkpoint] Writes whatever was taken and has not left yet. Returns 0 or an error; the rest has
 * stayed then, and the next flush goes on with it. */
GO_API int go_stream_flush(go_stream *s);

GO_END_DECLS

#endif
