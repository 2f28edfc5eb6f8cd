/* SPDX-License-Identifier: MIT
 *
 * Happy eyeballs (RFC 8305).
 *
 * Two nurseries. In the outer one, a GO_RACE, each attempt to connect is a child: the first that
 * succeeds is the result, and the race cancels the others. In the inner one, a GO_SERVICE, the two
 * lookups are the children: they run for as long as somebody wants addresses, and are cancelled
 * when nobody does. The body of both is the coordinator. It begins the next attempt when it is due,
 * and otherwise waits for news: an answer, or a failure. Whatever ends the race, a winner or a
 * cancellation, reaches it as a cancelled wait.
 *
 * When the next attempt is due is one number, next_at: so long after the last one; at once when an
 * attempt has failed. Before the first, at once when AAAA has answered, for better or worse, and 50
 * ms after A has, if AAAA has not. Which address is next: the first untried one of the family that
 * was not tried last, IPv6 to begin with. So addresses that come late simply take their turn.
 *
 * Losers close their own descriptors. Two attempts may succeed before either's end is seen: the
 * second finds that there is a winner. */
#include "net/happy.h"
#include "core/errname.h"
#include "core/error.h"
#include "core/sys.h"
#include "net/addr.h"
#include "net/fd.h"
#include <gosling/event.h>
#include <gosling/fiber.h>
#include <netinet/tcp.h>
#include <string.h>

struct family {
    struct happy *happy;
    int family;
    bool pending;
    int err, sys; /* EAI_*; errno of EAI_SYSTEM */
    struct resolve_list found;
    size_t next; /* of found, the first that was not tried */
};

struct happy {
    const struct happy_ways *ways;
    const go_connect_opts *opts;
    const char *host, *service;
    uint16_t port;
    struct family families[2]; /* IPv6 first */
    int last;                  /* which of them was tried last */
    unsigned tried, running;   /* attempts */
    go_time delay, next_at;
    go_event news;
    int fd; /* the winner's, or -1 */
    int rc; /* of the failures, the one that says most */
};

/* ---- lookups ---- */

static int look_up(void *arg)
{
    struct family *f = arg;
    struct happy *h = f->happy;

    go_name("%s of %s", f->family == AF_INET6 ? "AAAA" : "A", h->host);
    f->err = h->ways->lookup(h->host, f->family, h->port, &f->found);
    f->sys = f->err == EAI_SYSTEM ? errno : 0;
    f->pending = false;
    if (h->tried == 0) {
        h->next_at = go_now();
        if (f->family == AF_INET && h->families[0].pending)
            h->next_at += HAPPY_RESOLUTION_DELAY;
    }
    go_event_set(&h->news);
    return 0; /* what an error means is known when all is */
}

static int lookup_code(int err)
{
    switch (err) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
    case EAI_SERVICE:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    default:
        return -EIO;
    }
}

static const char *lookup_text(int err, int sys)
{
    return err == EAI_SYSTEM ? errtext(-sys) : gai_strerror(err);
}

/* The lookup whose failure says most, or NULL: anything rather than that there is no such name,
 * since that may be true of one family only. */
static const struct family *failed_lookup(const struct happy *h)
{
    const struct family *said = NULL;

    for (int i = 0; i < 2; i++) {
        const struct family *f = &h->families[i];

        if (f->err && (!said || lookup_code(said->err) == -ENOENT))
            said = f;
    }
    return said;
}

/* After the last attempt has failed: what the tree of errors must have besides the attempts. */
static int lookups_verdict(const struct happy *h)
{
    const struct family *f = failed_lookup(h);

    if (!f || (h->tried > 0 && lookup_code(f->err) == -ENOENT))
        return 0;
    return go_fail(lookup_code(f->err), "lookup of %s: %s", h->host, lookup_text(f->err, f->sys));
}

/* ---- attempts ---- */

struct attempt {
    struct happy *happy;
    const struct sockaddr *to;
    socklen_t len;
    int failed; /* it was made already, and that is what came of it */
};

static void report(const struct attempt *a, int rc)
{
    const go_connect_opts *o = a->happy->opts;

    if (o->on_attempt)
        o->on_attempt(a->to, a->len, rc, o->arg);
}

/* An error that this machine makes itself says less than one that came from out there. */
static bool is_local(int rc)
{
    return rc == -ENETUNREACH || rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT || rc == -EINVAL;
}

static int try_it(struct attempt *a)
{
    struct happy *h = a->happy;
    int fd;

    report(a, -EINPROGRESS);
    fd = h->ways->attempt(a->to, a->len, h->opts);
    if (fd >= 0 && h->fd >= 0) {
        go_close(fd);
        fd = -ECANCELED;
    }
    if (fd >= 0)
        h->fd = fd;
    else if (fd != -ECANCELED && (h->rc == 0 || (is_local(h->rc) && !is_local(fd))))
        h->rc = fd;
    report(a, fd < 0 ? fd : 0);
    return fd;
}

static int attempt(void *arg)
{
    struct attempt *a = arg;
    struct happy *h = a->happy;
    char text[ADDR_TEXT];
    int fd;

    addr_print((const union addr *)a->to, text);
    go_name("%s", text);
    fd = a->failed ? a->failed : try_it(a);
    h->running--;
    if (fd >= 0 || fd == -ECANCELED)
        return fd;
    h->next_at = INT64_MIN;
    go_event_set(&h->news);
    return go_fail(fd, "connect to %s: %s", text, errtext(fd));
}

static bool has_more(const struct family *f)
{
    return f->next < f->found.n;
}

static struct family *next_family(struct happy *h)
{
    struct family *other = &h->families[!h->last], *same = &h->families[h->last];

    return has_more(other) ? other : has_more(same) ? same : NULL;
}

static int begin_attempt(struct happy *h, go_nursery *race, struct family *f)
{
    const struct sockaddr_storage *to = &f->found.addrs[f->next++];
    struct attempt a = {h, (const struct sockaddr *)to, resolve_len(to), 0};
    int rc = go_spawn_copy(race, attempt, &a, sizeof a);

    if (rc < 0)
        return rc;
    h->last = f == &h->families[1];
    h->tried++;
    h->running++;
    h->next_at = go_now() + h->delay;
    return 0;
}

/* ---- the coordinator ---- */

static int wait_for_news(struct happy *h, go_time until)
{
    int rc;

    go_event_clear(&h->news);
    GO_MOVE_ON(until == GO_FOREVER ? until : until - go_now(), rc) {
        rc = go_event_wait(&h->news);
    }
    return rc;
}

/* Until nothing is left to try and every attempt has failed: 0. -ECANCELED: there is a winner, or
 * the caller was cancelled. */
static int coordinate(struct happy *h, go_nursery *race)
{
    int rc = 0;

    while (rc == 0) {
        struct family *f = next_family(h);

        if (f && h->next_at <= go_now())
            rc = begin_attempt(h, race, f);
        else if (f || h->running || h->families[0].pending || h->families[1].pending)
            rc = wait_for_news(h, f ? h->next_at : GO_FOREVER);
        else
            break;
    }
    return rc;
}

static int begin_lookups(struct happy *h, go_nursery *lookups)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < 2; i++)
        if (h->families[i].pending)
            rc = go_spawn(lookups, look_up, &h->families[i]);
    return rc;
}

static int race(struct happy *h)
{
    int rc, ended = 0;

    GO_NURSERY_OPTS(attempts, rc, &(go_nursery_opts){.policy = GO_RACE}) {
        GO_NURSERY_OPTS(lookups, ended, &(go_nursery_opts){.policy = GO_SERVICE}) {
            ended = begin_lookups(h, lookups);
            if (ended == 0)
                ended = coordinate(h, attempts);
        }
        rc = ended < 0 ? ended : lookups_verdict(h);
    }
    for (int i = 0; i < 2; i++)
        resolve_list_free(&h->families[i].found);
    if (h->fd >= 0)
        return h->fd;
    /* That attempts had failed before does not matter to whoever was cancelled. */
    return ended < 0 ? ended : h->tried > 0 ? h->rc : rc;
}

/* ---- the whole ---- */

/* The address to bind to decides the family. */
static int only_family(struct happy *h)
{
    struct family *other;
    union addr a;

    if (addr_parse(&a, h->opts->bind_host, "0") < 0)
        return go_fail(EINVAL, "connect from %s: not a numeric address", h->opts->bind_host);
    other = &h->families[a.sa.sa_family == AF_INET6];
    other->pending = false;
    other->err = EAI_ADDRFAMILY;
    return 0;
}

/* An address alone has nothing to race: it is tried here, without a fiber. If it fails, one says
 * so, and its end makes the tree of errors that a race would have made. */
static int connect_numeric(struct happy *h, union addr *to, socklen_t len)
{
    struct attempt a = {.happy = h, .to = &to->sa, .len = len};
    int rc;

    if (!h->families[to->sa.sa_family == AF_INET].pending)
        return -ENOENT;               /* bind_host is of the other family */
    to->v4.sin_port = htons(h->port); /* at the same place in both */
    h->tried = 1;
    a.failed = try_it(&a);
    if (a.failed >= 0) {
        error_set_last(sched_self()->current, NULL);
        return a.failed;
    }
    GO_NURSERY(n, rc) {
        go_spawn_copy(n, attempt, &a, sizeof a);
    }
    return a.failed;
}

static int failed(const struct happy *h, int rc)
{
    const struct family *f = failed_lookup(h);
    char many[32] = "";

    if (rc == -ECANCELED)
        return rc;
    if (h->tried > 1)
        snprintf(many, sizeof many, " (%u addresses tried)", h->tried);
    return go_fail(rc, "connect to %s port %s: %s%s", h->host, h->service,
                   h->tried == 0 && f ? lookup_text(f->err, f->sys) : errtext(rc), many);
}

int happy_connect(const struct happy_ways *ways, const char *host, const char *service,
                  const go_connect_opts *opts)
{
    static const go_connect_opts none;
    struct happy h = {.ways = ways,
                      .opts = opts ? opts : &none,
                      .host = host,
                      .service = service,
                      .families = {{.happy = &h, .family = AF_INET6, .pending = true},
                                   {.happy = &h, .family = AF_INET, .pending = true}},
                      .last = 1,
                      .fd = -1};
    union addr a;
    int len, rc = checkpoint(sched_self());

    if (rc < 0)
        return rc;
    if (!host || !service || h.opts->attempt_delay < 0)
        return go_fail(EINVAL, "go_tcp_connect: %s",
                       !host      ? "no host"
                       : !service ? "no service"
                                  : "a negative delay");
    rc = resolve_service(service, "tcp", &h.port);
    if (rc != 0)
        return go_fail(lookup_code(rc), "connect to %s port %s: %s", host, service,
                       gai_strerror(rc));
    h.delay = h.opts->attempt_delay ? h.opts->attempt_delay : HAPPY_ATTEMPT_DELAY;
    if (h.delay < HAPPY_ATTEMPT_LEAST)
        h.delay = HAPPY_ATTEMPT_LEAST;
    go_event_init(&h.news, 0);
    if (h.opts->bind_host)
        rc = only_family(&h);
    len = addr_parse(&a, host, "0");
    if (rc == 0)
        rc = len > 0 ? connect_numeric(&h, &a, (socklen_t)len) : race(&h);
    return rc < 0 ? failed(&h, rc) : rc;
}
