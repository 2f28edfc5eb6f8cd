/* SPDX-License-Identifier: MIT
 *
 * Echo: numbered records with checksums. A record that comes back was acknowledged, and then the
 * server has it: what it has taken, and in which order, stands in a book that both sides see. */
#include "tests/soak/soak.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 6000, SESSIONS = 64, MAGIC = 0x60511e };

struct record {
    uint32_t magic, number, size, client;
    uint64_t key; /* of its bytes, and of the session */
};

/* What the server knows of each client's session. */
static struct session {
    uint64_t key;
    uint32_t taken; /* records */
    bool dropped;   /* the server has ended it of its own accord */
} sessions[SESSIONS];

static uint64_t record_key(uint64_t session, uint32_t number)
{
    return soak_mix(session + number);
}

/* ---- the server ---- */

static bool take_record(const struct record *r, const uint8_t *bytes)
{
    struct session *s = &sessions[r->client % SESSIONS];

    if (r->magic != MAGIC || r->key != s->key || r->number != s->taken) {
        /* the client may have gone on to its next session: then this one is of the past */
        if (r->magic != MAGIC || r->key == s->key)
            complain("the echo server got record %u after %u", r->number, s->taken);
        return false;
    }
    if (!soak_same(record_key(r->key, r->number), bytes, r->size)) {
        complain("the echo server got other bytes than were sent in record %u", r->number);
        return false;
    }
    s->taken++;
    return true;
}

static int by_calls(int fd, struct dice *d, uint8_t *bytes)
{
    struct record r;
    int rc;

    while ((rc = go_read_exact(fd, &r, sizeof r)) > 0) {
        if (r.magic != MAGIC || r.size > MOST) {
            complain("the echo server read no record");
            return -EPROTO;
        }
        if (r.size && (rc = go_read_exact(fd, bytes, r.size)) <= 0)
            break;
        if (!take_record(&r, bytes))
            return 0;
        if (throw_dice(d, 400) == 0) { /* leaves without an answer */
            sessions[r.client % SESSIONS].dropped = true;
            soak.count[N_DROPS]++;
            return 0;
        }
        if ((rc = go_write_all(fd, &r, sizeof r)) < 0 || (rc = go_write_all(fd, bytes, r.size)) < 0)
            break;
    }
    return rc;
}

static int by_stream(int fd, uint8_t *bytes)
{
    struct record r;
    go_stream s;
    int rc = go_stream_init(&s, fd);

    if (rc < 0)
        return rc;
    while ((rc = go_stream_read_exact(&s, &r, sizeof r)) > 0) {
        if (r.magic != MAGIC || r.size > MOST) {
            complain("the echo server's stream read no record");
            rc = -EPROTO;
            break;
        }
        if (r.size && (rc = go_stream_read_exact(&s, bytes, r.size)) <= 0)
            break;
        if (!take_record(&r, bytes))
            break;
        if ((rc = go_stream_write(&s, &r, sizeof r)) < 0 ||
            (rc = go_stream_write(&s, bytes, r.size)) < 0)
            break;
    }
    go_stream_fini(&s);
    return rc;
}

static int echo_handler(int fd, void *arg)
{
    static unsigned served;
    struct dice d = dice_of("echo handler", ++served);
    uint8_t bytes[MOST];
    int rc = throw_dice(&d, 2) ? by_calls(fd, &d, bytes) : by_stream(fd, bytes);

    (void)arg;
    return rc < 0 ? rc : 0;
}

static struct {
    int code;
    uint64_t faults;
    char text[128];
} last_error; /* of a handler */

static void on_error(const go_error *e, void *arg)
{
    (void)arg;
    last_error.code = go_error_code(e);
    last_error.faults = faults_now();
    snprintf(last_error.text, sizeof last_error.text, "%s", go_error_message(e));
}

static int serves(int listener, go_handler *handler)
{
    int rc = go_serve(listener, handler, NULL, &(go_serve_opts){.on_error = on_error});

    return rc == -ECANCELED ? 0 : rc;
}

int echo_server(void *listener)
{
    return serves(*(int *)listener, echo_handler);
}

static int copy_handler(int fd, void *arg)
{
    int64_t rc = go_copy(fd, fd);

    (void)arg;
    return rc < 0 ? (int)rc : 0;
}

int copy_server(void *listener)
{
    return serves(*(int *)listener, copy_handler);
}

/* ---- the client ---- */

struct talk {
    struct dice *d;
    struct session *s;
    uint64_t key, faults;
    uint32_t client, count, acknowledged;
    int fd;
    bool copied;  /* by the server that knows no records */
    bool closing; /* somebody of ours has closed fd */
    uint8_t bytes[MOST];
};

static int write_records(void *arg)
{
    struct talk *t = arg;
    struct dice d = {t->key};
    uint8_t bytes[MOST];

    for (uint32_t i = 0; i < t->count; i++) {
        struct record r = {MAGIC, i, throw_dice(&d, throw_dice(&d, 8) ? 300 : MOST), t->client,
                           t->key};
        int rc;

        soak_fill(record_key(t->key, i), bytes, r.size);
        if ((rc = go_write_all(t->fd, &r, sizeof r)) < 0 ||
            (rc = go_write_all(t->fd, bytes, r.size)) < 0)
            return rc;
        if (throw_dice(&d, 16) == 0 && (rc = go_sleep(throw_dice(&d, 2) * GO_MS)) < 0)
            return rc;
    }
    return 0;
}

static int read_records(struct talk *t, uint32_t until)
{
    while (t->acknowledged < until) {
        struct record r;
        int rc = go_read_exact(t->fd, &r, sizeof r);

        if (rc <= 0)
            return rc < 0 ? rc : -EPIPE;
        if (r.magic != MAGIC || r.number != t->acknowledged || r.key != t->key || r.size > MOST) {
            complain("record %u came back as %u, of %u bytes", t->acknowledged, r.number, r.size);
            return -EPROTO;
        }
        rc = r.size ? go_read_exact(t->fd, t->bytes, r.size) : 1;
        if (rc <= 0)
            return rc < 0 ? rc : -EPIPE;
        if (!soak_same(record_key(t->key, r.number), t->bytes, r.size))
            complain("record %u came back with other bytes", r.number);
        t->acknowledged++;
        if (!t->copied && t->s->key == t->key && t->s->taken < t->acknowledged)
            complain("%u records were acknowledged, and %u have arrived", t->acknowledged,
                     t->s->taken);
        soak.count[N_RECORDS]++;
        soak.count[t->copied ? N_COPIED : N_BYTES] += (long)(r.size + sizeof r);
    }
    return 0;
}

static int closes_soon(void *arg)
{
    struct talk *t = arg;
    int rc = go_sleep(throw_dice(t->d, 3000) * GO_US);

    if (rc < 0)
        return rc;
    soak.count[N_CLOSES]++;
    t->closing = true;
    rc = go_close(t->fd);
    t->fd = -1;
    return rc;
}

/* All that was written comes back, and then the end. */
static int whole_talk(struct talk *t)
{
    uint8_t end;
    int rc, err;
    ssize_t n;

    GO_NURSERY(n1, rc) {
        err = go_spawn(n1, write_records, t);
        rc = err < 0 ? err : read_records(t, t->count);
    }
    if (rc < 0)
        return rc;
    if (shutdown(t->fd, SHUT_WR) < 0)
        return errno == ENOTCONN ? -ECONNRESET : -errno;
    n = go_read(t->fd, &end, 1);
    if (n > 0)
        complain("there is more than was sent");
    return n < 0 ? (int)n : 0;
}

static int part_of_a_talk(struct talk *t, bool closer)
{
    int rc, err;

    GO_NURSERY(n, rc) {
        err = go_spawn(n, write_records, t);
        if (!err && closer)
            err = go_spawn(n, closes_soon, t);
        rc = err < 0 ? err : read_records(t, closer ? UINT32_MAX : throw_dice(t->d, t->count + 1));
        if (rc == 0)
            go_nursery_cancel(n, "enough");
    }
    return rc;
}

/* One connection, which ends in one of many ways. */
static void talk(struct talk *t, const char *port)
{
    uint32_t end = throw_dice(t->d, 10);
    int rc, timed;

    t->fd = soak_connect(t->d, port, t->faults);
    if (t->fd < 0)
        return;
    soak.count[N_CONNECTIONS]++;
    GO_MOVE_ON(end == 0 ? throw_dice(t->d, 3000) * GO_US : 20 * GO_SEC, timed) {
        rc = end < 5 ? whole_talk(t) : part_of_a_talk(t, end == 5);
        timed = rc == -ECANCELED ? rc : 0;
    }
    soak.count[N_CANCELS] += rc == -ECANCELED;
    if (end != 0 && rc < 0 && !t->closing && rc != -ECANCELED && !t->s->dropped)
        if (!explained(rc, t->faults, t->copied ? "a copy client" : "an echo client"))
            complain(
                "it had %u of %u records, the server %u; its way to end was %u; the last error "
                "of a handler was %s, %s",
                t->acknowledged, t->count, t->s->taken, end, last_error.text,
                last_error.faults == t->faults ? "meanwhile" : "earlier");
    if (end > 0 && end < 5 && rc == -ECANCELED && !faults_since(t->faults))
        complain("an echo client waits for record %u of %u for 20 s", t->acknowledged, t->count);
    if (t->fd < 0)
        return;
    if (end == 6) {
        soak.count[N_RESETS]++;
        soak_reset(t->fd);
    } else {
        go_close(t->fd);
    }
}

static int client(const char *kind, unsigned number, bool copied)
{
    struct dice d = dice_of(kind, number);
    struct talk t;

    while (!soak.stop) {
        t.d = &d;
        t.client = number + (copied ? SESSIONS / 2 : 0);
        t.s = &sessions[t.client];
        t.key = soak_mix(((uint64_t)throw_dice(&d, UINT32_MAX) << 32) + number);
        t.count = 1 + throw_dice(&d, 60);
        t.acknowledged = 0;
        t.copied = copied;
        t.closing = false;
        t.faults = faults_now();
        *t.s = (struct session){.key = t.key};
        talk(&t, copied ? soak.copy_port : soak.echo_port);
        go_sleep(throw_dice(&d, 20) * GO_MS);
    }
    return 0;
}

int echo_client(void *number)
{
    return client("echo", (unsigned)(uintptr_t)number, false);
}

int copy_client(void *number)
{
    return client("copy", (unsigned)(uintptr_t)number, true);
}
