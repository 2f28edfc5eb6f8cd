/* SPDX-License-Identifier: MIT
 *
 * Streams. Each call is a bracket, begin and end, around work on two buffers; what makes a call
 * repeatable is that `at` moves only once the call has succeeded.
 *
 * Two calls go past the buffers where copying would cost: a large write, and a large exact read.
 * When one of them is cut short, the part that cannot stay in the caller's memory is put into the
 * buffer after all: the rest of a write that had begun, and then it counts as taken; and what a
 * read had brought. Only without memory for that is something lost, and the stream is broken then:
 * it says so for ever, rather than go on with a hole. */
#include "core/misuse.h"
#include "core/sched.h"
#include "net/fd.h"
#include <gosling/fiber.h>
#include <gosling/stream.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 4096, MOST = 64 * 1024, LIMIT = 1024 * 1024 };

/* ---- buffers ---- */

static size_t used(const struct go_stream_buffer *b)
{
    return b->end - b->at;
}

static void consume(struct go_stream_buffer *b, size_t n)
{
    b->at += n;
    if (b->at == b->end)
        b->at = b->end = 0;
}

/* Room for n bytes behind the end, and one more for a NUL: 0 or -ENOMEM. */
static int make_room(struct go_stream_buffer *b, size_t n)
{
    size_t need, size = b->size ? b->size : FIRST;
    char *mem;

    if (b->mem && b->size - b->end >= n)
        return 0;
    if (__builtin_add_overflow(used(b), n, &need) || need > SIZE_MAX / 4)
        return -ENOMEM;
    if (b->mem && b->size >= need) {
        memmove(b->mem, b->mem + b->at, used(b));
        b->end = used(b);
        b->at = 0;
        return 0;
    }
    while (size < need)
        size *= 2;
    mem = malloc(size + 1);
    if (!mem)
        return -ENOMEM;
    if (b->mem)
        memcpy(mem, b->mem + b->at, used(b));
    free(b->mem);
    *b = (struct go_stream_buffer){.mem = mem, .size = size, .end = used(b)};
    return 0;
}

static int append(struct go_stream_buffer *b, const void *from, size_t n)
{
    int rc = make_room(b, n);

    if (rc < 0)
        return rc;
    memcpy(b->mem + b->end, from, n);
    b->end += n;
    return 0;
}

/* ---- the bracket ---- */

static int flush(go_stream *s)
{
    size_t done = 0;
    int rc;

    if (used(&s->out) == 0)
        return 0;
    rc = go_write_some(s->fd, s->out.mem + s->out.at, used(&s->out), &done);
    consume(&s->out, done);
    return rc;
}

static int begin(go_stream *s)
{
    int rc = fd_checkpoint(sched_self(), s->fd);

    if (rc < 0)
        return rc;
    if (s->busy)
        return -EBUSY;
    s->busy = s->broken == 0;
    return s->broken;
}

static int begin_reading(go_stream *s)
{
    int rc = begin(s);

    if (rc < 0)
        return rc;
    rc = flush(s);
    s->busy = rc == 0;
    return rc;
}

static ssize_t end(go_stream *s, ssize_t rc)
{
    s->busy = false;
    return rc;
}

int go_stream_init(go_stream *s, int fd)
{
    *s = (go_stream){.fd = fd, .limit = LIMIT, .chunk = FIRST};
    return fd < 0 ? -EBADF : 0;
}

void go_stream_fini(go_stream *s)
{
    if (s->busy)
        misuse("go_stream_fini", "another fiber is in a call on this stream; end that one first");
    free(s->in.mem);
    free(s->out.mem);
    *s = (go_stream){.fd = -1};
}

void go_stream_limit(go_stream *s, size_t longest_line)
{
    s->limit = longest_line ? longest_line : LIMIT;
}

/* ---- reading ---- */

/* One read into the buffer: as go_read. */
static ssize_t fill(go_stream *s)
{
    size_t have = used(&s->in), room;
    ssize_t got = make_room(&s->in, have < s->chunk ? s->chunk - have : have);

    if (got < 0)
        return got;
    room = s->in.size - s->in.end;
    got = go_read(s->fd, s->in.mem + s->in.end, room);
    if (got > 0)
        s->in.end += (size_t)got;
    if ((size_t)got == room && s->chunk < MOST)
        s->chunk *= 2;
    return got;
}

static size_t take(go_stream *s, void *buf, size_t n)
{
    if (n > used(&s->in))
        n = used(&s->in);
    if (n > 0)
        memcpy(buf, s->in.mem + s->in.at, n);
    consume(&s->in, n);
    return n;
}

ssize_t go_stream_read(go_stream *s, void *buf, size_t n)
{
    ssize_t rc = begin_reading(s);

    if (rc < 0)
        return rc;
    if (used(&s->in) == 0 && n >= s->chunk)
        return end(s, go_read(s->fd, buf, n));
    if (used(&s->in) == 0 && n > 0)
        rc = fill(s);
    return end(s, rc < 0 ? rc : (ssize_t)take(s, buf, n));
}

/* The whole of it passes through the buffer. */
static int exact_small(go_stream *s, void *buf, size_t n)
{
    while (used(&s->in) < n) {
        ssize_t got = fill(s);

        if (got <= 0)
            return got < 0 ? (int)got : used(&s->in) ? -EPIPE : 0;
    }
    take(s, buf, n);
    return 1;
}

/* What the buffer has not is read into the caller's memory, and put back when not all of it came.
 */
static int exact_large(go_stream *s, char *buf, size_t n)
{
    size_t had = used(&s->in), done = had;
    ssize_t got = 1;

    if (had > 0)
        memcpy(buf, s->in.mem + s->in.at, had);
    while (done < n && (got = go_read(s->fd, buf + done, n - done)) > 0)
        done += (size_t)got;
    if (got > 0) {
        consume(&s->in, had);
        return 1;
    }
    if (done > had && append(&s->in, buf + had, done - had) < 0)
        return s->broken = -ENOMEM;
    return got < 0 ? (int)got : done ? -EPIPE : 0;
}

int go_stream_read_exact(go_stream *s, void *buf, size_t n)
{
    int rc = begin_reading(s);

    if (rc < 0)
        return rc;
    if (n <= MOST || n <= used(&s->in))
        return (int)end(s, exact_small(s, buf, n));
    return (int)end(s, exact_large(s, buf, n));
}

/* ---- reading up to a mark ---- */

struct mark {
    const char *bytes;
    size_t len;
    bool line; /* a CR before it belongs to it */
};

/* The data before the mark, which begins at `at`; SIZE_MAX: it is not there. */
static size_t data_length(const struct mark *m, const char *from, size_t at)
{
    return m->line && at > 0 && at != SIZE_MAX && from[at - 1] == '\r' ? at - 1 : at;
}

/* The mark's place in what is there, from `scanned` on, or SIZE_MAX. */
static size_t find(const struct mark *m, const char *from, size_t have, size_t scanned)
{
    const char *hit = have - scanned < m->len ? NULL
                      : m->len == 1           ? memchr(from + scanned, *m->bytes, have - scanned)
                                    : memmem(from + scanned, have - scanned, m->bytes, m->len);

    return hit ? (size_t)(hit - from) : SIZE_MAX;
}

/* Without a mark so far: whether it would come too late, even if its first bytes are there. */
static bool too_long(const go_stream *s, const struct mark *m, const char *from, size_t have)
{
    size_t excess = have > s->limit ? have - s->limit : 0;

    if (m->line)
        return excess > (have > 0 && from[have - 1] == '\r');
    return excess >= m->len;
}

static int deliver(go_stream *s, size_t n, size_t with_mark, char **data, size_t *len)
{
    char *from = s->in.mem + s->in.at;

    from[n] = '\0';
    if (data)
        *data = from;
    if (len)
        *len = n;
    consume(&s->in, with_mark);
    return 1;
}

static int read_until(go_stream *s, const struct mark *m, char **data, size_t *len)
{
    size_t scanned = 0;

    for (;;) {
        const char *from = s->in.mem + s->in.at;
        size_t have = used(&s->in), at = have ? find(m, from, have, scanned) : SIZE_MAX;
        size_t n = data_length(m, from, at);
        ssize_t got;

        if (at == SIZE_MAX ? too_long(s, m, from, have) : n > s->limit)
            return -EMSGSIZE;
        if (at != SIZE_MAX)
            return deliver(s, n, at + m->len, data, len);
        scanned = have < m->len ? 0 : have - m->len + 1;
        got = fill(s);
        if (got == 0 && have > 0)
            return have > s->limit ? -EMSGSIZE : deliver(s, have, have, data, len);
        if (got <= 0)
            return (int)got;
    }
}

int go_stream_read_line(go_stream *s, char **line, size_t *len)
{
    static const struct mark lf = {"\n", 1, true};
    int rc = begin_reading(s);

    return rc < 0 ? rc : (int)end(s, read_until(s, &lf, line, len));
}

int go_stream_read_until(go_stream *s, const void *mark, size_t mark_len, char **data, size_t *len)
{
    const struct mark m = {mark, mark_len, false};
    int rc = begin_reading(s);

    if (rc < 0)
        return rc;
    return (int)end(s, mark_len ? read_until(s, &m, data, len) : -EINVAL);
}

/* ---- writing ---- */

/* Past the buffer, which is empty. Once a part has left the rest must follow: it is taken. */
static int write_large(go_stream *s, const char *buf, size_t n)
{
    size_t done = 0;
    int rc = go_write_some(s->fd, buf, n, &done);

    if (rc != -ECANCELED || done == 0)
        return rc;
    rc = append(&s->out, buf + done, n - done);
    return rc < 0 ? s->broken = rc : 0;
}

static int write_buffered(go_stream *s, const void *buf, size_t n)
{
    int rc = used(&s->out) + n > MOST ? flush(s) : 0;

    if (rc < 0)
        return rc;
    return n > MOST ? write_large(s, buf, n) : append(&s->out, buf, n);
}

int go_stream_write(go_stream *s, const void *buf, size_t n)
{
    int rc = begin(s);

    if (rc < 0)
        return rc;
    return (int)end(s, n ? write_buffered(s, buf, n) : 0);
}

int go_stream_printf(go_stream *s, const char *fmt, ...)
{
    char text[512], *long_text = NULL;
    int n, rc, saved = errno;
    va_list args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n >= (int)sizeof text) {
        long_text = malloc((size_t)n + 1);
        errno = saved; /* for %m */
        va_start(args, fmt);
        if (long_text)
            vsnprintf(long_text, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    errno = saved;
    if (n < 0)
        rc = -EINVAL;
    else if (n >= (int)sizeof text && !long_text)
        rc = -ENOMEM;
    else
        rc = go_stream_write(s, long_text ? long_text : text, (size_t)n);
    free(long_text);
    return rc;
}

int go_stream_flush(go_stream *s)
{
    int rc = begin(s);

    return rc < 0 ? rc : (int)end(s, flush(s));
}
