/* SPDX-License-Identifier: MIT
 *
 * Names. The answer must be the one that libc would have given; only the waiting is ours.
 *
 * Who does what:
 *   getaddrinfo.c, getnameinfo.c   the calls' arguments and results; resolve.c: for net/ itself
 *   resolve_front.c                who answers: this library, or libc on a pool thread
 *   names.c                        the sources of nsswitch.conf, and what they come to
 *   hosts.c services.c nsswitch.c resolvconf.c policy.c    files of /etc; etc.c: read once
 *   nscache.c                      what was found, for its time to live
 *   lookup.c                       a name in DNS: search list, servers, time-outs; joined, orphaned
 *   ares.c                         a question to a server, by c-ares; dnsmsg.c: its answer
 *   rfc6724.c                      the order of addresses
 *
 * What c-ares is not used for, and why. Its own getaddrinfo (1.18.1) crashes on a NULL node, sends
 * queries for IPv4 literals, ignores resolv.conf's timeout and attempts, reads /etc/hosts and
 * /etc/services at each call, and has other rules than glibc for search lists, pairs of questions
 * and error codes. Its channel for several servers has other time-outs, and a clock that a virtual
 * one cannot replace. So it carries single questions to single servers, and the rest, which decides
 * about the answer, is written down here once, from glibc 2.36's behaviour; tests/dns_libc.c
 * compares the two.
 *
 * What is left to libc: sources and actions of nsswitch.conf that names.c does not know, AI_IDN and
 * NI_IDN, NI_NOFQDN, $HOSTALIASES, resolv.conf's sortlist. What is not done at all: nscd (its
 * answers come from the same sources), RFC 6724's rule 7, `reload` in gai.conf, `trim` and
 * `reorder` in host.conf. */
#include "net/resolve.h"
#include "net/libcnames.h"
#include "net/names.h"
#include "net/resolve_front.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

resolve_script_fn *resolve_script;

void resolve_list_free(struct resolve_list *list)
{
    free(list->addrs);
    *list = (struct resolve_list){0};
}

static int append(struct resolve_list *list, const struct sockaddr_storage *a)
{
    struct sockaddr_storage *more = realloc(list->addrs, (list->n + 1) * sizeof *more);

    if (!more)
        return EAI_MEMORY;
    list->addrs = more;
    list->addrs[list->n++] = *a;
    return 0;
}

static int append_found(struct resolve_list *list, const struct found_addr *a, uint16_t port)
{
    struct sockaddr_storage room = {0};

    front_sockaddr(a, port, &room);
    return append(list, &room);
}

int resolve_list_add(struct resolve_list *list, const char *numeric, uint16_t port)
{
    struct found_addr a;

    return names_literal(numeric, AF_UNSPEC, 0, &a) == 0 ? append_found(list, &a, port)
                                                         : EAI_NONAME;
}

static int by_libc(go_sched *s, const char *host, int family, uint16_t port,
                   struct resolve_list *out)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list;
    int rc = libc_getaddrinfo(s, host, NULL, &hints, &list);

    if (rc)
        return rc;
    for (const struct addrinfo *ai = list; ai && rc == 0; ai = ai->ai_next) {
        struct sockaddr_storage a = {0};

        memcpy(&a, ai->ai_addr, ai->ai_addrlen);
        ((struct sockaddr_in *)&a)->sin_port = htons(port); /* at the same place in both */
        rc = append(out, &a);
    }
    freeaddrinfo(list);
    return rc;
}

static int by_us(go_sched *s, const char *host, int family, uint16_t port, struct resolve_list *out)
{
    struct found f = {0};
    struct resolver *r;
    int rc;

    if (resolver_get(s, &r) < 0)
        return EAI_MEMORY;
    rc = names_by_name(r, host, family, 0, &f);
    if (rc == 0 && f.n > 1)
        rfc6724_sort(&r->policy, NULL, f.addrs, f.n); /* without memory, as they came */
    for (size_t i = 0; i < f.n && rc == 0; i++)
        rc = append_found(out, &f.addrs[i], port);
    if (rc == EAI_SYSTEM)
        errno = f.err;
    found_free(&f);
    return rc;
}

static int numeric(const char *host, int family, uint16_t port, struct resolve_list *out)
{
    struct found_addr a;
    int rc;

    if (!host)
        host = family == AF_INET ? "127.0.0.1" : "::1";
    rc = names_literal(host, family, 0, &a);
    return rc ? rc : append_found(out, &a, port);
}

int resolve_addresses(const char *host, int family, uint16_t port, struct resolve_list *out)
{
    go_sched *s = sched_self();
    int rc = checkpoint(s);

    *out = (struct resolve_list){0};
    if (rc < 0) {
        errno = -rc;
        return EAI_SYSTEM;
    }
    if (resolve_script) {
        rc = resolve_script(host, family, port, out);
    } else {
        rc = numeric(host, family, port, out);
        if (rc == 1)
            switch (front_who(s, host, NULL, 0)) {
            case FRONT_LIBC:
                rc = by_libc(s, host, family, port, out);
                break;
            case FRONT_SHORT:
                rc = front_short(errno);
                break;
            default:
                rc = by_us(s, host, family, port, out);
                if (front_libc_after(s, rc))
                    rc = by_libc(s, host, family, port, out);
            }
    }
    if (rc)
        resolve_list_free(out);
    return rc;
}

int resolve_service(const char *service, const char *proto, uint16_t *port)
{
    struct services own = {0}, *services = &own;
    go_sched *s = sched_self();
    struct resolver *r;
    char *end;
    unsigned long n;
    int rc;

    *port = 0;
    if (!service || !*service)
        return 0;
    if (*service >= '0' && *service <= '9') {
        n = strtoul(service, &end, 10);
        if (*end == '\0') {
            *port = (uint16_t)n;
            return n <= UINT16_MAX ? 0 : EAI_SERVICE;
        }
    }
    if (s && resolver_get(s, &r) == 0)
        services = &r->services;
    rc = services_port(services, service, proto);
    services_free(&own);
    if (rc < 0)
        return rc == -ENOENT ? EAI_SERVICE : front_short(errno = -rc);
    *port = (uint16_t)rc;
    return 0;
}
