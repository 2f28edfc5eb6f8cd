/* SPDX-License-Identifier: MIT
 *
 * A chat room: the server numbers each line that it accepts and gives it to every member. Whoever
 * stays gets every number from the one after it joined, in order, without a hole; whoever says
 * goodbye is told the last one that it must have got. */
#include "core/list.h"
#include "tests/soak/soak.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 256, LINE = 96 };

struct line {
    uint32_t number;
    char text[LINE];
};

struct member {
    list link;
    go_chan queue;
    uint32_t last; /* the number that was last when it left */
    bool slow, bye;
};

static list members;
static uint32_t said;

/* ---- the server ---- */

static void says(const char *text)
{
    struct line l = {.number = ++said};
    list *next;

    snprintf(l.text, sizeof l.text, "%s", text);
    soak.count[N_LINES]++;
    for (list *i = members.next; i != &members; i = next) {
        struct member *m = list_entry(i, struct member, link);

        next = i->next;
        if (go_chan_try_send(&m->queue, &l) == 0)
            continue;
        m->slow = true; /* it does not stay */
        m->last = said - 1;
        list_remove(&m->link);
        list_init(&m->link);
        go_chan_close(&m->queue);
    }
}

struct seat {
    struct member m;
    go_stream in, out;
};

static int writes_lines(void *arg)
{
    struct seat *s = arg;
    struct line l;
    int rc;

    while ((rc = go_chan_recv(&s->m.queue, &l)) == 1) {
        rc = go_stream_printf(&s->out, "%u %s\n", l.number, l.text);
        if (rc < 0 || (rc = go_stream_flush(&s->out)) < 0)
            return rc;
    }
    if (rc == 0 && (s->m.slow || s->m.bye)) {
        rc = go_stream_printf(&s->out, "%s %u\n", s->m.slow ? "slow" : "bye", s->m.last);
        if (rc == 0)
            rc = go_stream_flush(&s->out);
    }
    return rc;
}

static void leaves(struct member *m)
{
    if (m->link.next != &m->link) {
        list_remove(&m->link);
        list_init(&m->link);
        m->last = said;
        go_chan_close(&m->queue);
    }
}

static int reads_lines(struct seat *s)
{
    char *text;
    size_t n;
    int rc;

    while ((rc = go_stream_read_line(&s->in, &text, &n)) > 0) {
        if (strcmp(text, "quit") == 0) {
            s->m.bye = true;
            break;
        }
        /* What one says who has not stayed is read all the same: closing with something unread
         * would cost it what it has not heard yet. */
        if (s->m.link.next != &s->m.link)
            says(text);
    }
    leaves(&s->m);
    return rc < 0 ? rc : 0;
}

static int chat_handler(int fd, void *arg)
{
    struct seat s;
    int rc;

    (void)arg;
    memset(&s, 0, sizeof s);
    if ((rc = go_chan_init(&s.m.queue, sizeof(struct line), 64, 0)) < 0)
        return rc;
    go_stream_init(&s.in, fd);
    go_stream_init(&s.out, fd);
    go_stream_limit(&s.in, LINE);
    list_push(&members, &s.m.link);
    rc = go_stream_printf(&s.out, "hello %u\n", said); /* what is said from now on is queued */
    if (rc == 0)
        GO_NURSERY(n, rc) {
            rc = go_spawn(n, writes_lines, &s);
            if (rc == 0)
                rc = reads_lines(&s);
        }
    leaves(&s.m);
    go_stream_fini(&s.in);
    go_stream_fini(&s.out);
    go_chan_fini(&s.m.queue);
    return rc;
}

int chat_server(void *listener)
{
    int rc;

    list_init(&members);
    said = 0;
    rc = go_serve(*(int *)listener, chat_handler, NULL, &(go_serve_opts){.stack_size = 128 << 10});
    return rc == -ECANCELED ? 0 : rc;
}

/* ---- a client ---- */

struct guest {
    go_stream in, out;
    struct dice *d, writer;
    unsigned number;
    uint32_t last;
    uint32_t mine, heard; /* lines of its own: sent, and come back */
    bool slow, bye;
};

static int talks(void *arg)
{
    struct guest *g = arg;
    int rc = 0;

    for (uint32_t i = throw_dice(&g->writer, 20); i > 0 && rc == 0; i--) {
        g->mine++;
        rc = go_stream_printf(&g->out, "%u says %u %0*d\n", g->number, g->mine,
                              (int)throw_dice(&g->writer, 50) + 1, 0);
        if (rc == 0)
            rc = go_stream_flush(&g->out);
        if (rc == 0)
            rc = go_sleep(throw_dice(&g->writer, 8) * GO_MS);
    }
    if (rc == 0)
        rc = go_stream_printf(&g->out, "quit\n");
    return rc == 0 ? go_stream_flush(&g->out) : rc;
}

static void hears(struct guest *g, const char *text)
{
    unsigned number, who, what;

    if (sscanf(text, "%u %u says %u", &number, &who, &what) != 3) {
        complain("the chat says \"%s\"", text);
        return;
    }
    if (number != g->last + 1)
        complain("after line %u of the chat came %u", g->last, number);
    g->last = number;
    if (who == g->number && what != ++g->heard)
        complain("my line %u came back as %u", g->heard, what);
    soak.count[N_HEARD]++;
}

static int listens(struct guest *g)
{
    char *text;
    size_t n;
    int rc;
    unsigned last;

    while ((rc = go_stream_read_line(&g->in, &text, &n)) > 0) {
        if (sscanf(text, "hello %u", &g->last) == 1)
            continue;
        if (sscanf(text, "bye %u", &last) == 1)
            g->bye = true;
        else if (sscanf(text, "slow %u", &last) == 1)
            g->slow = true;
        else {
            hears(g, text);
            continue;
        }
        if (last != g->last)
            complain("the chat ended at line %u, and %u was the last that came", last, g->last);
        if (g->bye && g->heard != g->mine)
            complain("of my %u lines %u came back", g->mine, g->heard);
        return 0;
    }
    return rc < 0 ? rc : -EPIPE;
}

static void visit(struct guest *g, int fd, uint64_t faults)
{
    uint32_t end = throw_dice(g->d, 6);
    int rc, timed;

    go_stream_init(&g->in, fd);
    go_stream_init(&g->out, fd);
    GO_MOVE_ON(end == 0 ? throw_dice(g->d, 100) * GO_MS : 20 * GO_SEC, timed) {
        GO_NURSERY(n, rc) {
            rc = go_spawn(n, talks, g);
            if (rc == 0)
                rc = listens(g);
            if (g->slow)
                go_nursery_cancel(n, "slow");
        }
        timed = 0;
    }
    soak.count[N_CANCELS] += rc == -ECANCELED;
    if (rc < 0 && rc != -ECANCELED && !g->slow)
        explained(rc, faults, "a chat client");
    if (end > 0 && rc == -ECANCELED && !g->slow && !faults_since(faults))
        complain("a chat client has waited for 20 s, after line %u", g->last);
    go_stream_fini(&g->in);
    go_stream_fini(&g->out);
    if (end == 1) {
        soak.count[N_RESETS]++;
        soak_reset(fd);
    } else {
        go_close(fd);
    }
}

int chat_client(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;
    struct dice d = dice_of("chat", number);
    struct guest g;

    while (!soak.stop) {
        uint64_t faults = faults_now();
        int fd = soak_connect(&d, soak.chat_port, faults);

        memset(&g, 0, sizeof g);
        g.d = &d;
        g.writer.state = soak_mix(d.state);
        g.number = throw_dice(&d, 1000000) * 100 + number;
        if (fd >= 0) {
            soak.count[N_CONNECTIONS]++;
            visit(&g, fd, faults);
        }
        go_sleep(throw_dice(&d, 50) * GO_MS);
    }
    return 0;
}
