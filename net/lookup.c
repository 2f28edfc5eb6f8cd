/* SPDX-License-Identifier: MIT
 *
 * Looking a name up in DNS.
 *
 * Three loops, one in the other, as in glibc: over the *names* (as it is, or with each domain of
 * the search list behind it), over the *servers* and attempts, and over the one or two *questions*
 * (A, AAAA) that are asked of a server at once. A server's refusal, or silence, passes to the next
 * one; an answer to either question ends the loop over the servers, whatever becomes of the other,
 * which gets two more tries if it is merely late. glibc's own peculiarities are kept where they
 * decide about an answer: that is the point of all this.
 *
 * Each server has a channel of its own, which is opened when it is first asked: c-ares' own walk
 * over servers knows neither glibc's time-outs nor its rule for pairs.
 *
 * Time-outs are the scheduler's, by one timer for all lookups; a question that has timed out stays
 * asked, since a late answer is an answer.
 *
 * A callback of c-ares may come while a question is being asked; it then only notes what came
 * (`asking`), and whoever asks goes on with it. So nothing here recurses. */
#include "net/lookup.h"
#include "core/scope.h"
#include "net/dnsmsg.h"
#include <stdlib.h>
#include <string.h>

enum question_state { Q_ASKED, Q_ANSWERED, Q_REFUSED };
enum { SECOND_TRIES = 2 };

struct question {
    int type;
    uint8_t state; /* enum question_state, at the present server */
    uint8_t *answer;
    size_t len;
};

/* A question on its way. */
struct asked {
    struct cares_ask ask;
    struct lookup *lookup;
    struct asked *next;
    uint8_t which;  /* question */
    unsigned round; /* in which it was asked */
};

struct lookup {
    list link;  /* in the resolver's, while it is wanted */
    list timed; /* in the resolver's list by deadline */
    list waiters;
    struct resolver *resolver;
    struct dnsconf *conf;
    uint8_t kind;
    bool asking;   /* a question is being asked: callbacks only take notes */
    bool starting; /* its first fiber has not parked yet */
    bool done;
    struct question questions[2];
    unsigned n;
    struct asked *asked;
    go_time deadline;

    /* the servers */
    unsigned round, server, attempt, second_tries;
    int short_of;   /* errno: for want of what it must fail; 0 */
    int err;        /* errno of the present name's questions: 0, ECONNREFUSED, ETIMEDOUT */
    bool reached;   /* some server could be asked */
    unsigned rcode; /* the last that came */

    /* the names */
    const char *domain; /* the search list's next one */
    unsigned domains;   /* how many are left */
    bool as_is_first, as_is_done, searched, root_listed, stop;
    bool impossible; /* the present name cannot be asked for */
    bool no_data, failed;
    int first_herr;        /* of the name as it is, asked first; -1: it was not */
    int herr;              /* of the last name */
    uint32_t negative_ttl; /* the least of the names that do not exist; 0: one must not be kept */
    bool negative;

    struct found found;
    char name[];
};

/* ---- time ---- */

static void timer_arm(struct resolver *r)
{
    go_time at = GO_FOREVER;

    if (!list_empty(&r->timed))
        at = list_entry(r->timed.next, struct lookup, timed)->deadline;
    /* one that is set too early only fires for nothing */
    if (at < r->armed || (at == GO_FOREVER && r->armed != GO_FOREVER)) {
        timer_set(r->sched, &r->timer, at);
        r->armed = at;
    }
}

/* Deadlines mostly come in their order: it is looked for from the end. */
static void deadline_set(struct lookup *l, go_time ns)
{
    struct resolver *r = l->resolver;
    list *after = r->timed.prev;

    list_remove(&l->timed);
    after = r->timed.prev;
    l->deadline = sched_now(r->sched) + ns;
    while (after != &r->timed && list_entry(after, struct lookup, timed)->deadline > l->deadline)
        after = after->prev;
    list_push(after->next, &l->timed); /* before the one behind it */
    timer_arm(r);
}

static void deadline_clear(struct lookup *l)
{
    list_remove(&l->timed);
    timer_arm(l->resolver);
}

/* ---- the questions ---- */

static void asked_free(struct lookup *l, struct asked *a)
{
    struct asked **at = &l->asked;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free(a);
}

static void drop_asked(struct lookup *l)
{
    while (l->asked) {
        cares_drop(&l->asked->ask);
        asked_free(l, l->asked);
    }
}

static void forget_answers(struct lookup *l)
{
    for (unsigned i = 0; i < 2; i++) {
        free(l->questions[i].answer);
        l->questions[i].answer = NULL;
        l->questions[i].len = 0;
    }
}

static void go_on(struct lookup *l);
static void lookup_free(struct lookup *l);

static void take_answer(struct lookup *l, struct question *q, bool late, const uint8_t *answer,
                        size_t len)
{
    struct dns_head head;

    if (q->state == Q_ANSWERED)
        return;
    l->reached = true;
    if (!dns_head(answer, len, &head))
        return;
    l->rcode = head.rcode;
    if (head.rcode == DNS_SERVFAIL || head.rcode == DNS_NOTIMP || head.rcode == DNS_REFUSED ||
        head.referral) {
        if (!late)
            q->state = Q_REFUSED;
        return;
    }
    q->answer = malloc(len);
    if (!q->answer) {
        l->short_of = ENOMEM;
        return;
    }
    memcpy(q->answer, answer, len);
    q->len = len;
    q->state = Q_ANSWERED;
}

static bool is_shortage(int rc)
{
    return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static void on_answer(struct cares_ask *ask, int status, const uint8_t *answer, size_t len)
{
    struct asked *a = list_entry(ask, struct asked, ask);
    struct lookup *l = a->lookup;
    struct question *q = &l->questions[a->which];
    bool late = a->round != l->round;

    asked_free(l, a);
    if (status == 0)
        take_answer(l, q, late, answer, len);
    else if (is_shortage(status))
        l->short_of = -status;
    else if (!late && q->state == Q_ASKED)
        q->state = Q_REFUSED;
    if (!l->asking)
        go_on(l);
}

static int channel_get(struct lookup *l, unsigned server, struct cares **out)
{
    const struct resolvconf *rc = &l->conf->rc;
    struct cares **c = &l->conf->channels[server];
    int err = 0;

    if (!*c)
        err = cares_open(l->resolver->sched, (const struct sockaddr *)&rc->servers[server],
                         (rc->tcp ? CARES_TCP : 0) | (rc->edns ? CARES_EDNS : 0), c);
    *out = *c;
    return err;
}

static void ask_one(struct lookup *l, unsigned which, unsigned server, const char *name)
{
    struct asked *a = malloc(sizeof *a);
    struct cares *c;
    int rc = a ? channel_get(l, server, &c) : -ENOMEM;

    if (rc < 0)
        goto refused;
    *a = (struct asked){{on_answer, NULL}, l, l->asked, (uint8_t)which, l->round};
    l->asked = a;
    rc = cares_ask(c, &a->ask, name, l->questions[which].type);
    if (rc == 0)
        return;
    l->asked = a->next;
refused:
    free(a);
    l->questions[which].state = Q_REFUSED;
    if (is_shortage(rc))
        l->short_of = -rc;
}

/* The name that is asked for now; NULL: there cannot be such a name. */
static const char *full_name(const struct lookup *l, char *buf, size_t size)
{
    int n;

    if (!l->domain)
        return l->name;
    n = snprintf(buf, size, "%s.%s", l->name, l->domain);
    return n > 0 && (size_t)n < size && dns_host_name(buf) ? buf : NULL;
}

/* Asks the present server what is not answered yet. */
static void ask_round(struct lookup *l)
{
    const struct resolvconf *rc = &l->conf->rc;
    unsigned server = (l->server + (rc->rotate ? l->conf->turn : 0)) % rc->n_servers;
    go_time wait = (go_time)rc->timeout << l->server;
    char buf[2 * DNS_NAME];
    const char *name = full_name(l, buf, sizeof buf);

    l->impossible = !name;
    if (!name || rc->attempts == 0)
        return;
    if (l->server > 0)
        wait /= rc->n_servers;
    l->round++;
    l->asking = true;
    for (unsigned i = 0; i < l->n; i++)
        if (l->questions[i].state != Q_ANSWERED) {
            l->questions[i].state = Q_ASKED;
            ask_one(l, i, server, name);
        }
    l->asking = false;
    deadline_set(l, (wait > 0 ? wait : 1) * GO_SEC);
}

static bool any(const struct lookup *l, unsigned state)
{
    return l->questions[0].state == state || (l->n > 1 && l->questions[1].state == state);
}

/* The present server is done with: the next one. False: that was the last. */
static bool next_server(struct lookup *l)
{
    const struct resolvconf *rc = &l->conf->rc;

    if (++l->server == rc->n_servers) {
        l->server = 0;
        l->attempt += rc->tcp ? rc->attempts : 1;
    }
    return l->attempt < rc->attempts;
}

/* ---- the names ---- */

/* What all questions about one name come to, as res_query sees it: 0, an answer with records; or
 * h_errno. */
static int name_result(struct lookup *l)
{
    struct dns_head heads[2], *first = NULL, *second = NULL;

    l->err = 0;
    if (l->impossible)
        return NO_RECOVERY;
    for (unsigned i = 0; i < l->n; i++)
        if (l->questions[i].state == Q_ANSWERED &&
            dns_head(l->questions[i].answer, l->questions[i].len, &heads[i]))
            *(first ? &second : &first) = &heads[i];
    if (!first) {
        l->err = l->reached ? ETIMEDOUT : ECONNREFUSED;
        return TRY_AGAIN;
    }
    if (!second)
        second = first;
    if ((first->rcode == 0 && first->answers > 0) || (second->rcode == 0 && second->answers > 0))
        return 0;
    switch (first->rcode ? first->rcode : second->rcode) {
    case DNS_NOERROR:
        return NO_DATA;
    case DNS_NXDOMAIN:
        return HOST_NOT_FOUND;
    default:
        return NO_RECOVERY;
    }
}

static void note_negative(struct lookup *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct question *q = &l->questions[i];
        uint32_t ttl = q->state == Q_ANSWERED ? dns_negative_ttl(q->answer, q->len) : 0;

        if (!l->negative || ttl < l->negative_ttl)
            l->negative_ttl = ttl;
        l->negative = true;
    }
}

/* Begins with a name, at the first server: domain NULL, as it is; else an entry of the search list,
 * of which "." is the root. */
static void begin_name(struct lookup *l, const char *domain)
{
    forget_answers(l);
    drop_asked(l);
    if (domain) {
        l->searched = true;
        domain += *domain == '.';
        l->root_listed |= !*domain;
    }
    l->domain = domain;
    l->server = l->attempt = l->second_tries = 0;
    l->reached = false;
    l->rcode = 0;
    l->questions[0].state = l->questions[1].state = Q_REFUSED;
    l->conf->turn++;
    ask_round(l);
}

/* A name has been found not to help: the search list's next one, or the name as it is, if it has
 * not been asked for. False: there is none. */
static bool next_name(struct lookup *l)
{
    const struct resolvconf *rc = &l->conf->rc;
    const char *next;

    if (!l->domain) {
        if (l->as_is_done && !l->as_is_first)
            return false;
        next = rc->search;
        l->domains = l->stop ? 0 : rc->n_search;
    } else {
        next = l->domain + strlen(l->domain) + 1;
        l->domains--;
    }
    if (l->domains > 0 && !l->stop) {
        begin_name(l, next);
        return true;
    }
    if (l->as_is_done || l->root_listed || (rc->no_tld && l->searched && !strchr(l->name, '.')))
        return false;
    l->as_is_done = true;
    begin_name(l, NULL);
    return true;
}

/* res_search's rules for a name that has not been found. */
static void note_failure(struct lookup *l, int herr)
{
    l->herr = herr;
    if (herr == HOST_NOT_FOUND || herr == NO_DATA)
        note_negative(l);
    if (!l->domain) {
        if (l->as_is_first && l->first_herr < 0)
            l->first_herr = herr;
        return;
    }
    if (herr == NO_DATA)
        l->no_data = true;
    else if (herr == TRY_AGAIN && l->rcode == DNS_SERVFAIL && l->err != ECONNREFUSED)
        l->failed = true;
    else if (herr != HOST_NOT_FOUND)
        l->stop = true;
}

/* ---- the end ---- */

static void lookup_free(struct lookup *l)
{
    drop_asked(l);
    forget_answers(l);
    deadline_clear(l);
    list_remove(&l->link);
    dnsconf_release(l->resolver, l->conf);
    found_free(&l->found);
    free(l);
}

static void finish(struct lookup *l)
{
    struct resolver *r = l->resolver;
    list *w;

    if (l->found.ttl > 0)
        nscache_put(&r->cache, l->name, l->kind, sched_now(r->sched), &l->found);
    while ((w = list_pop(&l->waiters))) {
        struct wait *wait = list_entry(w, struct wait, link);

        found_copy(wait->item, &l->found);
        wait_win(wait, 0);
    }
    l->done = true;
    list_remove(&l->link);
    if (!l->starting)
        lookup_free(l);
}

static void finish_with_answer(struct lookup *l)
{
    struct question *q = l->questions;
    struct found *f = &l->found;

    if (l->kind == LOOKUP_PTR)
        dns_pointer(q->answer, q->len, f);
    else if (l->kind == LOOKUP_BOTH)
        dns_pair(q[0].answer, q[0].len, q[1].answer, q[1].len, f);
    else
        dns_single(q->answer, q->len, f);
    if (f->status != FOUND_SUCCESS || any(l, Q_REFUSED) || any(l, Q_ASKED))
        f->ttl = 0;
    else if (l->negative && l->negative_ttl > 0 && l->negative_ttl < f->ttl)
        f->ttl = l->negative_ttl;
    finish(l);
}

static void finish_without(struct lookup *l)
{
    int herr = l->first_herr >= 0 ? l->first_herr
               : l->no_data       ? NO_DATA
               : l->failed        ? TRY_AGAIN
                                  : l->herr;

    found_nothing(&l->found, l->err ? FOUND_UNAVAIL : FOUND_NOTFOUND, herr);
    if (herr == HOST_NOT_FOUND || herr == NO_DATA)
        l->found.ttl = l->err || l->failed || l->stop ? 0 : l->negative_ttl;
    finish(l);
}

/* What is short here is no answer of anybody's, nor a part of one. */
static void finish_short(struct lookup *l)
{
    found_nothing(&l->found, FOUND_UNAVAIL, NETDB_INTERNAL);
    l->found.err = l->short_of;
    finish(l);
}

/* Whether the search ends with what the present name has come to. */
static bool name_ends(struct lookup *l, int herr)
{
    size_t n = strlen(l->name);

    if (l->kind == LOOKUP_PTR || (n > 0 && l->name[n - 1] == '.'))
        return true;
    if (l->domain && l->err == ECONNREFUSED) { /* nobody there: no use going on */
        l->first_herr = herr;
        return true;
    }
    return false;
}

/* The state machine: as far as it gets without waiting. l may be gone afterwards. */
static void go_on(struct lookup *l)
{
    while (l->short_of || !any(l, Q_ASKED)) {
        int herr;

        if (l->short_of) {
            finish_short(l);
            return;
        }
        if (!any(l, Q_ANSWERED) && !l->impossible && next_server(l)) {
            ask_round(l);
            continue;
        }
        herr = name_result(l);
        if (herr == 0) {
            finish_with_answer(l);
            return;
        }
        note_failure(l, herr);
        if (name_ends(l, herr) || !next_name(l)) {
            finish_without(l);
            return;
        }
    }
}

static void timed_out(struct lookup *l)
{
    l->reached = true; /* it was, or c-ares would have said so */
    if (any(l, Q_ANSWERED) && l->second_tries++ < SECOND_TRIES) {
        ask_round(l);
        go_on(l);
        return;
    }
    for (unsigned i = 0; i < l->n; i++)
        if (l->questions[i].state == Q_ASKED)
            l->questions[i].state = Q_REFUSED;
    go_on(l);
}

void lookup_timer(struct timer *t)
{
    struct resolver *r = list_entry(t, struct resolver, timer);
    go_time now = r->sched->now;
    list late, *node;

    r->armed = GO_FOREVER;
    list_init(&late);
    while (!list_empty(&r->timed) &&
           list_entry(r->timed.next, struct lookup, timed)->deadline <= now)
        list_push(&late, list_pop(&r->timed));
    while ((node = list_pop(&late)))
        timed_out(list_entry(node, struct lookup, timed));
    timer_arm(r);
}

/* ---- waiting for one ---- */

static void lookup_describe(const struct wait *w, FILE *out)
{
    const struct lookup *l = w->object;

    fprintf(out, "the name \"%s\" to be looked up", l->name);
}

/* w's fiber is cancelled: what nobody waits for any more is dropped at once. */
static void lookup_disarm(struct wait *w)
{
    struct lookup *l = w->object;

    list_remove(&w->link);
    if (list_empty(&l->waiters))
        lookup_free(l);
}

static const struct waitable lookup_waitable = {.name = "lookup",
                                                .disarm = lookup_disarm,
                                                .describe = lookup_describe};

static struct lookup *lookup_new(struct resolver *r, const char *name, enum lookup_kind kind,
                                 list *bucket)
{
    static const int types[] = {DNS_A, DNS_AAAA, DNS_A, DNS_PTR};
    struct lookup *l = calloc(1, sizeof *l + strlen(name) + 1);
    size_t dots = 0;

    if (!l)
        return NULL;
    strcpy(l->name, name);
    for (const char *p = name; *p; p++)
        dots += *p == '.';
    l->resolver = r;
    l->conf = r->conf;
    l->conf->users++;
    l->kind = (uint8_t)kind;
    l->questions[0].type = types[kind];
    l->questions[1].type = DNS_AAAA;
    l->n = kind == LOOKUP_BOTH && !r->conf->rc.no_aaaa ? 2 : 1;
    l->first_herr = -1;
    l->herr = HOST_NOT_FOUND;
    l->as_is_first = l->as_is_done =
        kind == LOOKUP_PTR || dots >= r->conf->rc.ndots || (dots && name[strlen(name) - 1] == '.');
    list_init(&l->waiters);
    list_init(&l->timed);
    list_init(&l->link);
    list_push(bucket, &l->link);
    return l;
}

/* Begins: the first name's first server. */
static void lookup_start(struct lookup *l)
{
    l->starting = true;
    l->domains = l->conf->rc.n_search;
    if (!l->as_is_first && l->domains > 0) {
        begin_name(l, l->conf->rc.search);
    } else {
        l->as_is_done = true;
        begin_name(l, NULL);
    }
    go_on(l);
    l->starting = false;
}

static struct lookup *lookup_find(list *bucket, const struct dnsconf *conf, const char *name,
                                  enum lookup_kind kind)
{
    for (list *n = bucket->next; n != bucket; n = n->next) {
        struct lookup *l = list_entry(n, struct lookup, link);

        if (l->kind == kind && l->conf == conf && strcmp(l->name, name) == 0)
            return l;
    }
    return NULL;
}

int lookup_run(struct resolver *r, const char *name, enum lookup_kind kind, struct found *f)
{
    const struct found *known = nscache_get(&r->cache, name, kind, sched_now(r->sched));
    list *bucket = &r->lookups[nscache_hash(name) % RESOLVER_BUCKETS];
    struct lookup *l;
    struct wait w = {.ops = &lookup_waitable, .item = f};

    if (known) {
        found_copy(f, known);
        return 0;
    }
    if (kind == LOOKUP_AAAA && r->conf->rc.no_aaaa) {
        found_nothing(f, FOUND_NOTFOUND, NO_DATA);
        return 0;
    }
    l = lookup_find(bucket, r->conf, name, kind);
    if (!l) {
        l = lookup_new(r, name, kind, bucket);
        if (!l) {
            found_nothing(f, FOUND_UNAVAIL, NETDB_INTERNAL);
            f->err = ENOMEM;
            return 0;
        }
        lookup_start(l);
        if (l->done) {
            found_copy(f, &l->found);
            lookup_free(l);
            return 0;
        }
    }
    w.object = l;
    list_push(&l->waiters, &w.link);
    return wait_park(&w, 1, WAIT_CANCEL | WAIT_OUTSIDE, GO_FOREVER);
}

void lookup_drop_all(struct resolver *r)
{
    list *node;

    for (unsigned i = 0; i < RESOLVER_BUCKETS; i++)
        while ((node = list_pop(&r->lookups[i])))
            lookup_free(list_entry(node, struct lookup, link));
}
