/* SPDX-License-Identifier: MIT */
#include "net/libcnames.h"
#include "core/pool.h"
#include "core/scope.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Whoever comes second, the thread with its result or the fiber that leaves, sees to the end. */
enum { CALL_WANTED, CALL_LEFT, CALL_DONE };

/* Everything that the thread touches, since the fiber may be gone. */
struct call {
    struct pool_job job;
    struct inbox_msg msg;
    struct wait *wait;
    go_sched *sched;
    atomic_int state;
    int rc, err;
    bool name; /* getnameinfo */
    const char *node, *service;
    bool hinted;
    struct addrinfo hints;
    struct addrinfo *list;
    struct sockaddr_storage addr;
    socklen_t len;
    int flags;
    char host[NI_MAXHOST], serv[NI_MAXSERV];
    char text[]; /* node and service */
};

static void call_free(struct call *c)
{
    if (c->list)
        freeaddrinfo(c->list);
    free(c);
}

/* ---- on the pool's thread ---- */

static int call_run(void *arg)
{
    struct call *c = arg;

    errno = 0;
    if (c->name)
        c->rc = getnameinfo((const struct sockaddr *)&c->addr, c->len, c->host,
                            c->host[0] ? sizeof c->host : 0, c->serv,
                            c->serv[0] ? sizeof c->serv : 0, c->flags);
    else
        c->rc = getaddrinfo(c->node, c->service, c->hinted ? &c->hints : NULL, &c->list);
    c->err = errno;
    return 0;
}

static void call_done(struct pool_job *job)
{
    struct call *c = list_entry(job, struct call, job);

    if (atomic_exchange(&c->state, CALL_DONE) == CALL_LEFT)
        call_free(c);
    else
        inbox_push(&c->sched->inbox, &c->msg); /* its fiber waits, so it is there */
}

/* ---- on the scheduler's ---- */

static void call_arrived(void *arg)
{
    struct call *c = arg;

    c->sched->offloads--;
    wait_win(c->wait, 0);
}

/* Once the result is on its way, so is the fiber's wake-up. */
static bool call_withdraw(struct wait *w)
{
    struct call *c = w->object;
    int wanted = CALL_WANTED;

    if (pool_withdraw(&c->job))
        return true;
    if (!atomic_compare_exchange_strong(&c->state, &wanted, CALL_LEFT))
        return false;
    w->object = NULL; /* the thread's now */
    return true;
}

static void call_disarm(struct wait *w)
{
    (void)w;
}

static void call_describe(const struct wait *w, FILE *out)
{
    const struct call *c = w->object;

    fprintf(out, "libc to look up \"%s\"", c->name ? "an address" : c->node ? c->node : c->service);
}

static const struct waitable call_waitable = {.name = "lookup",
                                              .disarm = call_disarm,
                                              .describe = call_describe,
                                              .withdraw = call_withdraw};

static struct call *call_new(go_sched *s, const char *node, const char *service)
{
    size_t n = node ? strlen(node) + 1 : 0, v = service ? strlen(service) + 1 : 0;
    struct call *c = calloc(1, sizeof *c + n + v);

    if (!c)
        return NULL;
    c->job = (struct pool_job){.fn = call_run, .arg = c, .done = call_done};
    c->msg = (struct inbox_msg){.fn = call_arrived, .arg = c};
    c->sched = s;
    if (node)
        c->node = memcpy(c->text, node, n);
    if (service)
        c->service = memcpy(c->text + n, service, v);
    return c;
}

static int failed(int err)
{
    errno = err;
    return EAI_SYSTEM;
}

/* Waits for c. 0: it is there, and the caller's; else the result, and c is gone. */
static int call_wait(struct call *c)
{
    struct wait w = {.ops = &call_waitable, .object = c};
    go_sched *s = c->sched;
    int rc;

    c->wait = &w;
    rc = pool_submit(&c->job);
    if (rc < 0) {
        call_free(c);
        return rc == -EAGAIN ? EAI_AGAIN : failed(-rc);
    }
    s->offloads++;
    rc = wait_park(&w, 1, WAIT_CANCEL | WAIT_ASK, GO_FOREVER);
    if (rc >= 0)
        return 0;
    s->offloads--;
    if (w.object)
        call_free(c);
    return failed(-rc);
}

int libc_getaddrinfo(go_sched *s, const char *node, const char *service,
                     const struct addrinfo *hints, struct addrinfo **res)
{
    struct call *c = call_new(s, node, service);
    int rc, err;

    if (!c)
        return EAI_MEMORY;
    if (hints) {
        c->hinted = true;
        c->hints = (struct addrinfo){.ai_flags = hints->ai_flags,
                                     .ai_family = hints->ai_family,
                                     .ai_socktype = hints->ai_socktype,
                                     .ai_protocol = hints->ai_protocol};
    }
    rc = call_wait(c);
    if (rc)
        return rc;
    rc = c->rc;
    err = c->err;
    if (rc == 0) {
        *res = c->list;
        c->list = NULL;
    }
    call_free(c);
    return rc == EAI_SYSTEM ? failed(err) : rc;
}

static bool fits(const char *text, char *to, socklen_t len)
{
    if (!to || len == 0)
        return true;
    if (strlen(text) >= len)
        return false;
    strcpy(to, text);
    return true;
}

int libc_getnameinfo(go_sched *s, const struct sockaddr *sa, socklen_t len, char *host,
                     socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
    struct call *c;
    int rc, err;

    if (len > sizeof c->addr)
        return EAI_FAMILY;
    c = call_new(s, NULL, NULL);
    if (!c)
        return EAI_MEMORY;
    c->name = true;
    memcpy(&c->addr, sa, len);
    c->len = len;
    c->flags = flags;
    c->host[0] = host && hostlen > 0; /* whether it is wanted */
    c->serv[0] = serv && servlen > 0;
    rc = call_wait(c);
    if (rc)
        return rc;
    rc = c->rc;
    err = c->err;
    if (rc == 0 && (!fits(c->host, host, hostlen) || !fits(c->serv, serv, servlen)))
        rc = EAI_OVERFLOW;
    call_free(c);
    return rc == EAI_SYSTEM ? failed(err) : rc;
}
