/* SPDX-License-Identifier: MIT */
#include "net/rfc6724.h"
#include "core/sys.h"
#include "net/addr.h"
#include "net/policy.h"
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct destination {
    const struct found_addr *addr;
    struct in6_addr to, from; /* IPv4 ones mapped */
    uint8_t prefix_len;       /* of the source's network */
    bool reachable, deprecated, home;
    int to_scope, from_scope, to_label, from_label, precedence;
};

static struct in6_addr mapped(struct in_addr a)
{
    struct in6_addr out = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(out.s6_addr + 12, &a, sizeof a);
    return out;
}

/* ---- this machine's addresses ---- */

static void add_interface(struct interfaces *in, const struct ifaddrmsg *m, size_t len)
{
    const struct rtattr *rta = IFA_RTA(m);
    const void *addr = NULL;
    struct interface_addr *more, *a;

    for (; RTA_OK(rta, len); rta = RTA_NEXT(rta, len))
        if (rta->rta_type == IFA_LOCAL || (rta->rta_type == IFA_ADDRESS && !addr))
            addr = RTA_DATA(rta);
    if (!addr || (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
        return;
    more = realloc(in->addrs, (in->n + 1) * sizeof *more);
    if (!more)
        return;
    in->addrs = more;
    a = &more[in->n++];
    *a = (struct interface_addr){.prefix_len = m->ifa_prefixlen,
                                 .deprecated = m->ifa_flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC),
                                 .home = m->ifa_flags & IFA_F_HOMEADDRESS};
    if (m->ifa_family == AF_INET) {
        struct in_addr v4;

        memcpy(&v4, addr, sizeof v4);
        a->addr = mapped(v4);
        in->v4 |= v4.s_addr != htonl(INADDR_LOOPBACK);
    } else {
        memcpy(&a->addr, addr, sizeof a->addr);
        in->v6 |= !IN6_IS_ADDR_LOOPBACK(&a->addr);
    }
}

/* One datagram of the answer; false: it was the last. */
static bool read_addresses(struct interfaces *in, int fd, char *buf, size_t size)
{
    const struct nlmsghdr *h = (const void *)buf;
    ssize_t got;

    do
        got = sys_recvfrom(fd, buf, size, 0, NULL, NULL);
    while (got == -EINTR);
    if (got <= 0)
        return false;
    for (; NLMSG_OK(h, (size_t)got); h = NLMSG_NEXT(h, got)) {
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
            return false;
        if (h->nlmsg_type == RTM_NEWADDR)
            add_interface(in, NLMSG_DATA(h), IFA_PAYLOAD(h));
    }
    return true;
}

void interfaces_get(struct interfaces *in)
{
    enum { SIZE = 16384 };
    struct {
        struct nlmsghdr head;
        struct rtgenmsg body;
    } ask = {{.nlmsg_len = sizeof ask,
              .nlmsg_type = RTM_GETADDR,
              .nlmsg_flags = NLM_F_ROOT | NLM_F_MATCH | NLM_F_REQUEST},
             {.rtgen_family = AF_UNSPEC}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    char *buf = malloc(SIZE);
    ssize_t sent = 0;
    int fd;

    *in = (struct interfaces){0};
    fd = sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (buf && fd >= 0)
        do
            sent = sys_sendto(fd, &ask, sizeof ask, 0, &kernel, sizeof kernel);
        while (sent == -EINTR);
    if (sent > 0)
        while (read_addresses(in, fd, buf, SIZE))
            ;
    if (fd >= 0)
        sys_close(fd);
    free(buf);
}

void interfaces_free(struct interfaces *in)
{
    free(in->addrs);
    *in = (struct interfaces){0};
}

/* ---- what is known of a destination ---- */

/* Which address of ours would be its peer's peer. */
static bool find_source(const struct found_addr *a, struct in6_addr *from)
{
    union addr to = {0}, mine = {0};
    socklen_t len = sizeof mine;
    int fd = sys_socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

    if (fd < 0)
        return false;
    to.sa.sa_family = (sa_family_t)a->family;
    if (a->family == AF_INET) {
        to.v4.sin_addr = a->v4;
    } else {
        to.v6.sin6_addr = a->v6;
        to.v6.sin6_scope_id = a->scope;
    }
    rc = sys_connect(fd, &to, a->family == AF_INET ? sizeof to.v4 : sizeof to.v6);
    if (rc == 0)
        rc = sys_getsockname(fd, &mine, &len);
    sys_close(fd);
    if (rc < 0)
        return false;
    *from = a->family == AF_INET ? mapped(mine.v4.sin_addr) : mine.v6.sin6_addr;
    return true;
}

static void find_interface(struct destination *d, const struct interfaces *in)
{
    struct in6_addr from = d->from;

    /* on lo the source may be another address than the interface's */
    if (d->addr->family == AF_INET && from.s6_addr[12] == 127)
        from = mapped((struct in_addr){htonl(INADDR_LOOPBACK)});
    for (size_t i = 0; i < in->n; i++)
        if (IN6_ARE_ADDR_EQUAL(&in->addrs[i].addr, &from)) {
            d->prefix_len = in->addrs[i].prefix_len;
            d->deprecated = in->addrs[i].deprecated;
            d->home = in->addrs[i].home;
            return;
        }
}

static void examine(struct destination *d, const struct policy *p, const struct interfaces *in)
{
    const struct found_addr *a = d->addr;

    d->to = a->family == AF_INET ? mapped(a->v4) : a->v6;
    d->reachable = find_source(a, &d->from);
    d->to_scope = policy_scope(p, &d->to, a->family);
    d->precedence = policy_precedence(p, &d->to);
    if (!d->reachable)
        return;
    find_interface(d, in);
    d->from_scope = policy_scope(p, &d->from, a->family);
    d->to_label = policy_label(p, &d->to);
    d->from_label = policy_label(p, &d->from);
}

/* ---- the rules ---- */

static unsigned common_bits(const struct in6_addr *a, const struct in6_addr *b)
{
    unsigned n = 0;

    while (n < 128 && !((a->s6_addr[n / 8] ^ b->s6_addr[n / 8]) & (0x80 >> n % 8)))
        n++;
    return n;
}

/* Rule 9's measure. Between IPv4 addresses a common prefix means something within one network only,
 * and says how far they agree beyond that; glibc counts the same for both families. */
static unsigned affinity(const struct destination *d)
{
    unsigned n = common_bits(&d->to, &d->from);

    if (d->addr->family == AF_INET6)
        return n;
    return n - 96 >= (d->prefix_len ? d->prefix_len : 32u) ? n - 96 : 0;
}

/* < 0: a first. Each rule decides, or leaves it to the next. */
static int prefer(bool a, bool b)
{
    return (int)b - (int)a;
}

static int compare(const void *x, const void *y)
{
    const struct destination *a = x, *b = y;
    int rc = prefer(a->reachable, b->reachable); /* 1 */

    if (rc == 0 && a->reachable) {
        rc = prefer(a->to_scope == a->from_scope, b->to_scope == b->from_scope);           /* 2 */
        rc = rc ? rc : prefer(!a->deprecated, !b->deprecated);                             /* 3 */
        rc = rc ? rc : prefer(a->home, b->home);                                           /* 4 */
        rc = rc ? rc : prefer(a->to_label == a->from_label, b->to_label == b->from_label); /* 5 */
    }
    rc = rc ? rc : b->precedence - a->precedence; /* 6 */
    rc = rc ? rc : a->to_scope - b->to_scope;     /* 8 */
    if (rc == 0 && a->reachable && a->addr->family == b->addr->family)
        rc = (int)affinity(b) - (int)affinity(a);                /* 9 */
    return rc ? rc : a->addr < b->addr ? -1 : a->addr > b->addr; /* 10: as they came */
}

bool rfc6724_sort(struct policy *p, const struct interfaces *in, struct found_addr *addrs, size_t n)
{
    struct destination *d = calloc(n, sizeof *d);
    struct found_addr *sorted = malloc(n * sizeof *sorted);
    struct interfaces own = {0};
    bool ok = d && sorted;

    if (!ok)
        goto free_both;
    policy_read(p);
    if (!in)
        interfaces_get(&own);
    for (size_t i = 0; i < n; i++) {
        d[i].addr = &addrs[i];
        examine(&d[i], p, in ? in : &own);
    }
    qsort(d, n, sizeof *d, compare);
    for (size_t i = 0; i < n; i++)
        sorted[i] = *d[i].addr;
    memcpy(addrs, sorted, n * sizeof *sorted);
    interfaces_free(&own);
free_both:
    free(sorted);
    free(d);
    return ok;
}
