/* SPDX-License-Identifier: MIT
 *
 * Just enough of HTTP for the examples that fetch: one GET of a plain http:// address. A program
 * that needs more uses libcurl. */
#ifndef EXAMPLES_HTTP_H
#define EXAMPLES_HTTP_H

#include <errno.h>
#include <gosling.h>
#include <stdlib.h>
#include <string.h>

struct http_url {
    char host[256], port[8], path[1024];
};

struct http_answer {
    int status;
    char *body; /* NUL-terminated, and the caller's to free */
    size_t size;
};

/* Returns 0, or -EINVAL with a message. */
static int http_parse(const char *text, struct http_url *u)
{
    const char *at = text;
    int n = 0;

    *u = (struct http_url){.port = "80", .path = "/"};
    if (sscanf(text, "http://[%255[^]]]%n", u->host, &n) < 1 || n == 0)
        sscanf(text, "http://%255[^][:/?#]%n", u->host, &n);
    at += n;
    if (n > 0 && sscanf(at, ":%7[0-9]%n", u->port, &n) == 1)
        at += n;
    if (n == 0 || (*at != '\0' && *at != '/') || strlen(at) >= sizeof u->path)
        return go_fail(EINVAL, "%s: not a plain http:// address", text);
    if (*at == '/')
        snprintf(u->path, sizeof u->path, "%s", at);
    u->path[strcspn(u->path, "#")] = '\0';
    return 0;
}

/* The body is what comes until the server closes. */
static int http_read_body(go_stream *s, struct http_answer *a)
{
    for (size_t room = 0;;) {
        ssize_t n;

        if (room - a->size < 2) {
            char *more = realloc(a->body, room = room ? 2 * room : 4096);

            if (!more)
                return -ENOMEM;
            a->body = more;
        }
        n = go_stream_read(s, a->body + a->size, room - a->size - 1);
        if (n <= 0) {
            a->body[a->size] = '\0';
            return (int)n;
        }
        a->size += (size_t)n;
    }
}

/* [checkpoint] Returns 0 when there is an answer, of whatever status, or an error. */
static int http_get(const struct http_url *u, struct http_answer *a)
{
    int fd = go_tcp_connect(u->host, u->port, NULL), rc;
    go_stream s;
    size_t len;
    char *line;

    *a = (struct http_answer){0};
    if (fd < 0)
        return fd;
    go_stream_init(&s, fd);
    go_stream_printf(&s, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", u->path, u->host);
    rc = go_stream_read_line(&s, &line, &len); /* which sends the request first */
    if (rc == 1 && sscanf(line, "HTTP/1.%*d %d", &a->status) != 1)
        rc = go_fail(EPROTO, "%s port %s: the answer is no HTTP", u->host, u->port);
    while (rc == 1 && len > 0) /* the head ends at an empty line */
        rc = go_stream_read_line(&s, &line, &len);
    if (rc == 0)
        rc = go_fail(EPIPE, "%s port %s: the answer ends too early", u->host, u->port);
    if (rc == 1)
        rc = http_read_body(&s, a);
    go_stream_fini(&s);
    go_close(fd);
    return rc;
}

#endif
