/* SPDX-License-Identifier: MIT
 *
 * chat [PORT]: what one says, all the others read. The first line that a client sends is its name.
 * Each client has two fibers, a reader and a writer, and between them a channel with room for 64
 * lines: nobody waits for a slow reader, who misses what does not fit. */
#include <gosling.h>
#include <string.h>

enum { SEATS = 256, LINE = 512 };

struct client {
    int fd;
    go_chan outbox; /* lines to be written */
    char name[LINE], ahead[LINE];
    size_t have; /* bytes read ahead */
};

static struct client *clients[SEATS]; /* all on one thread: no lock */

/* The next line, without its end. 1; 0 when there is none (or it is too long); or an error. */
static int read_line(struct client *c, char line[LINE])
{
    char *end;
    ssize_t n;

    while (!(end = memchr(c->ahead, '\n', c->have))) {
        if ((n = go_read(c->fd, c->ahead + c->have, LINE - c->have)) <= 0)
            return (int)n;
        c->have += (size_t)n;
    }
    *end++ = '\0';
    strcpy(line, c->ahead);
    c->have -= (size_t)(end - c->ahead);
    memmove(c->ahead, end, c->have);
    return 1;
}

static void tell_others(const struct client *me, const char *what)
{
    char line[LINE];

    snprintf(line, LINE, "%.31s: %.470s\n", me->name, what);
    for (int i = 0; i < SEATS; i++)
        if (clients[i] && clients[i] != me)
            go_chan_try_send(&clients[i]->outbox, line);
    go_yield(); /* the writers write it before there is more */
}

static int writer(void *arg)
{
    struct client *me = arg;
    char line[LINE];
    int rc = 0;

    while (rc == 0 && (rc = go_chan_recv(&me->outbox, line)) == 1)
        rc = go_write_all(me->fd, line, strlen(line));
    return rc;
}

static int talk(int fd, void *arg)
{
    struct client me = {.fd = fd};
    char line[LINE] = "(has joined)";
    int seat = 0, rc = go_chan_init(&me.outbox, LINE, 64, 0);

    (void)arg;
    if (rc < 0)
        return rc;
    while (clients[seat]) /* there is a free one: see max_conns */
        seat++;
    clients[seat] = &me;
    GO_NURSERY(n, rc) {
        go_spawn(n, writer, &me);
        for (rc = read_line(&me, me.name); rc > 0; rc = read_line(&me, line))
            tell_others(&me, line);
        go_chan_close(&me.outbox); /* the writer writes what is left, and ends */
    }
    clients[seat] = NULL;
    go_chan_fini(&me.outbox);
    return rc;
}

static int serve(void *port)
{
    int fd = go_tcp_listen(NULL, port, NULL);

    if (fd < 0) {
        fprintf(stderr, "chat: port %s: %s\n", (char *)port, strerror(-fd));
        return fd;
    }
    printf("chat: listening on port %d\n", go_local_port(fd));
    fflush(stdout);
    return go_serve(fd, talk, NULL, &(go_serve_opts){.max_conns = SEATS, .grace = GO_SEC});
}

int main(int argc, char **argv)
{
    return go_run(serve, argc > 1 ? argv[1] : "7000") < 0;
}
