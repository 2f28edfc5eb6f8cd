/* SPDX-License-Identifier: MIT
 *
 * getaddrinfo(3) for fibers: what its arguments ask for, before and after the names themselves are
 * looked up. The order of the checks is glibc's, since it decides which error a caller sees. */
#include "net/libcnames.h"
#include "net/names.h"
#include "net/resolve_front.h"
#include <errno.h>
#include <gosling/resolve.h>
#include <stdlib.h>
#include <string.h>

enum { DEPRECATED_IDN = 0x300, TYPES_MOST = 8 };

/* A kind of socket that the answer has each address for. */
struct type {
    int socktype, protocol;
    uint16_t port; /* host's byte order */
};

/* What there is, in libc's order; the first that fits is taken, or, when neither socktype nor
 * protocol was given, all that are `usual`. */
static const struct proto {
    int socktype, protocol;
    bool any; /* of protocols; and it has no services */
    bool usual;
    const char *name;
} protos[] = {
    {SOCK_STREAM, IPPROTO_TCP, false, true, "tcp"},
    {SOCK_DGRAM, IPPROTO_UDP, false, true, "udp"},
    {SOCK_DCCP, IPPROTO_DCCP, false, false, "dccp"},
    {SOCK_DGRAM, IPPROTO_UDPLITE, false, false, "udplite"},
    {SOCK_STREAM, IPPROTO_SCTP, false, false, "sctp"},
    {SOCK_SEQPACKET, IPPROTO_SCTP, false, false, "sctp"},
    {SOCK_RAW, 0, true, true, "raw"},
};
enum { PROTOS = sizeof protos / sizeof *protos };

/* One call's state. */
struct request {
    go_sched *sched;
    const char *node, *service;
    int flags, family, socktype, protocol;
    bool v4, v6;         /* AI_ADDRCONFIG has looked */
    bool asked;          /* sources were: it is a name */
    bool has_interfaces; /* so these are there */
    struct interfaces interfaces;
    struct type types[TYPES_MOST];
    unsigned n_types;
    struct found found;
};

/* ---- services ---- */

static bool fits(const struct request *q, const struct proto *p)
{
    return (!q->socktype || q->socktype == p->socktype) &&
           (!q->protocol || p->any || q->protocol == p->protocol);
}

static void add_type(struct request *q, const struct proto *p, uint16_t port)
{
    q->types[q->n_types++] = (struct type){p->socktype, p->any ? q->protocol : p->protocol, port};
}

/* A service by name: -ENOENT, there is none; or what is short. */
static int named_port(struct request *q, const char *proto)
{
    struct resolver *r;
    int rc = resolver_get(q->sched, &r);

    return rc < 0 ? rc : services_port(&r->services, q->service, proto);
}

static int no_port(struct request *q, int rc)
{
    q->found.err = -rc;
    return rc == -ENOENT ? EAI_SERVICE : front_short(-rc);
}

static int fill_named(struct request *q, const struct proto *only)
{
    int port;

    if (only) {
        port = named_port(q, only->name);
        if (port < 0)
            return no_port(q, port);
        add_type(q, only, (uint16_t)port);
        return 0;
    }
    for (unsigned i = 0; i < PROTOS; i++) {
        if (protos[i].any)
            continue;
        port = named_port(q, protos[i].name);
        if (port >= 0)
            add_type(q, &protos[i], (uint16_t)port);
        else if (port != -ENOENT)
            return no_port(q, port);
    }
    return q->n_types ? 0 : EAI_SERVICE;
}

/* Which sockets, on which port. */
static int fill_types(struct request *q)
{
    const struct proto *only = NULL;
    bool given = q->service && *q->service;
    char *end;
    int port = 0;

    if (given) {
        port = (int)strtoul(q->service, &end, 10);
        if (*end && q->flags & AI_NUMERICSERV)
            return EAI_NONAME;
        if (*end)
            port = -1;
    }
    if (q->socktype || q->protocol) {
        for (unsigned i = 0; i < PROTOS && !only; i++)
            only = fits(q, &protos[i]) ? &protos[i] : NULL;
        if (!only)
            return q->socktype ? EAI_SOCKTYPE : EAI_SERVICE;
        if (given && only->any)
            return EAI_SERVICE;
    }
    if (port < 0)
        return fill_named(q, only);
    for (unsigned i = 0; i < PROTOS; i++)
        if (only ? &protos[i] == only : protos[i].usual)
            add_type(q, &protos[i], (uint16_t)port);
    return 0;
}

/* ---- the answer ---- */

static struct addrinfo *new_entry(const struct request *q, const struct found_addr *a,
                                  const struct type *t)
{
    socklen_t len = a->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    struct addrinfo *ai = calloc(1, sizeof *ai + len);
    struct sockaddr_storage room;

    if (!ai)
        return NULL;
    front_sockaddr(a, t->port, &room);
    ai->ai_flags = q->flags;
    ai->ai_family = a->family;
    ai->ai_socktype = t->socktype;
    ai->ai_protocol = t->protocol;
    ai->ai_addrlen = len;
    ai->ai_addr = memcpy(ai + 1, &room, len);
    return ai;
}

/* Each entry one block, with the canonical name another: then libc's freeaddrinfo can free it, too.
 */
static int make_list(const struct request *q, struct addrinfo **res)
{
    struct addrinfo *first = NULL, **end = &first;
    const struct found *f = &q->found;

    for (size_t i = 0; i < f->n; i++)
        for (unsigned k = 0; k < q->n_types; k++) {
            *end = new_entry(q, &f->addrs[i], &q->types[k]);
            if (!*end)
                goto no_memory;
            end = &(*end)->ai_next;
        }
    if (q->flags & AI_CANONNAME) {
        first->ai_canonname = strdup(f->name ? f->name : q->node);
        if (!first->ai_canonname)
            goto no_memory;
    }
    *res = first;
    return 0;

no_memory:
    go_freeaddrinfo(first);
    return EAI_MEMORY;
}

void go_freeaddrinfo(struct addrinfo *res)
{
    while (res) {
        struct addrinfo *next = res->ai_next;

        free(res->ai_canonname);
        free(res);
        res = next;
    }
}

/* ---- the call ---- */

static int check(struct request *q, const struct addrinfo *hints)
{
    const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_ADDRCONFIG | AI_V4MAPPED |
                      AI_IDN | AI_CANONIDN | DEPRECATED_IDN | AI_NUMERICSERV | AI_ALL;

    if (q->node && strcmp(q->node, "*") == 0)
        q->node = NULL;
    if (q->service && strcmp(q->service, "*") == 0)
        q->service = NULL;
    if (!q->node && !q->service)
        return EAI_NONAME;
    q->flags = hints ? hints->ai_flags : AI_V4MAPPED | AI_ADDRCONFIG;
    if (hints) {
        q->family = hints->ai_family;
        q->socktype = hints->ai_socktype;
        q->protocol = hints->ai_protocol;
    }
    if (q->flags & ~known || (q->flags & AI_CANONNAME && !q->node))
        return EAI_BADFLAGS;
    if (q->family != AF_UNSPEC && q->family != AF_INET && q->family != AF_INET6)
        return EAI_FAMILY;
    return 0;
}

/* AI_ADDRCONFIG: only families of which this machine has an address besides the loopback's. */
static int narrow(struct request *q)
{
    const struct interfaces *in = &q->interfaces;

    if (!(q->flags & AI_ADDRCONFIG))
        return 0;
    interfaces_get(&q->interfaces);
    q->has_interfaces = true;
    if (q->family == AF_UNSPEC && in->v4 != in->v6)
        q->family = in->v4 ? AF_INET : AF_INET6;
    else if ((q->family == AF_INET && !in->v4) || (q->family == AF_INET6 && !in->v6))
        return EAI_NONAME;
    return 0;
}

/* Nobody's name: this machine. */
static int own_addresses(struct request *q)
{
    bool any = q->flags & AI_PASSIVE;
    struct in_addr v4 = {htonl(any ? INADDR_ANY : INADDR_LOOPBACK)};

    if (q->family != AF_INET &&
        !found_add(&q->found, AF_INET6, any ? &in6addr_any : &in6addr_loopback))
        return EAI_MEMORY;
    if (q->family != AF_INET6 && !found_add(&q->found, AF_INET, &v4))
        return EAI_MEMORY;
    return 0;
}

static int find_addresses(struct request *q)
{
    struct found_addr literal;
    struct resolver *r;
    int rc;

    if (!q->node)
        return own_addresses(q);
    rc = names_literal(q->node, q->family, q->flags, &literal);
    if (rc == 0) {
        if (!found_add(&q->found, literal.family, &literal.v6))
            return EAI_MEMORY;
        q->found.addrs->scope = literal.scope;
        return 0;
    }
    if (rc != 1 || q->flags & AI_NUMERICHOST)
        return rc != 1 ? rc : EAI_NONAME;
    if (resolver_get(q->sched, &r) < 0)
        return EAI_MEMORY;
    q->asked = true;
    return names_by_name(r, q->node, q->family, q->flags, &q->found);
}

static int sort_addresses(struct request *q)
{
    struct resolver *r;

    if (q->found.n < 2)
        return 0;
    if (resolver_get(q->sched, &r) < 0 ||
        !rfc6724_sort(&r->policy, q->has_interfaces ? &q->interfaces : NULL, q->found.addrs,
                      q->found.n))
        return EAI_MEMORY;
    return 0;
}

static int run(struct request *q, struct addrinfo **res)
{
    int rc = narrow(q);

    rc = rc ? rc : fill_types(q);
    rc = rc ? rc : find_addresses(q);
    rc = rc ? rc : sort_addresses(q);
    rc = rc ? rc : make_list(q, res);
    if (rc == EAI_SYSTEM)
        errno = q->found.err;
    found_free(&q->found);
    interfaces_free(&q->interfaces);
    return rc;
}

int go_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                   struct addrinfo **res)
{
    struct request q = {.sched = sched_self(), .node = node, .service = service};
    int saved = errno, rc = checkpoint(q.sched);

    if (rc < 0) {
        errno = -rc;
        return EAI_SYSTEM;
    }
    rc = check(&q, hints);
    if (rc)
        return rc;
    switch (front_who(q.sched, q.node, q.service, q.flags)) {
    case FRONT_LIBC:
        return libc_getaddrinfo(q.sched, q.node, q.service, hints, res);
    case FRONT_SHORT:
        return front_short(errno);
    default:
        rc = run(&q, res);
    }
    if (q.asked && front_libc_after(q.sched, rc))
        rc = libc_getaddrinfo(q.sched, q.node, q.service, hints, res);
    if (rc != EAI_SYSTEM)
        errno = saved;
    return rc;
}
