/* SPDX-License-Identifier: MIT
 *
 * The answer is the one that libc would have given: tables of queries through both, in a world
 * where /etc and the name servers are ours. */
#include "tests/dns_kit.h"
#include <resolv.h>

#define STREAM .ai_socktype = SOCK_STREAM

struct query {
    const char *node, *service;
    struct addrinfo hints;
    bool no_hints;
};

#define Q(n, s, ...)                                          \
    {                                                         \
        .node = (n), .service = (s), .hints = { __VA_ARGS__ } \
    }

/* ---- results as text ---- */

static void print_addr(FILE *out, const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    char text[INET6_ADDRSTRLEN] = "?";

    if (sa->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    fprintf(out, "%s:%u", text, ntohs(v4->sin_port));
    if (sa->sa_family == AF_INET6)
        fprintf(out, "%%%u", v6->sin6_scope_id);
}

static void print_list(FILE *out, int rc, const struct addrinfo *list)
{
    fprintf(out, "%s", rc == 0 ? "ok" : gai_strerror(rc));
    for (const struct addrinfo *ai = list; rc == 0 && ai; ai = ai->ai_next) {
        fprintf(out, " {%d %d %d %x ", ai->ai_family, ai->ai_socktype, ai->ai_protocol,
                (unsigned)ai->ai_flags);
        print_addr(out, ai->ai_addr);
        if (ai->ai_addrlen != (ai->ai_family == AF_INET ? 16 : 28))
            fprintf(out, " LENGTH %u", ai->ai_addrlen);
        if (ai->ai_canonname)
            fprintf(out, " (%s)", ai->ai_canonname);
        fputc('}', out);
    }
}

typedef int ask_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void ask(const struct query *q, ask_fn *fn, void (*release)(struct addrinfo *), char *buf,
                size_t size)
{
    struct addrinfo *list = NULL;
    FILE *out = fmemopen(buf, size, "w");
    int rc;

    errno = h_errno = 0; /* glibc's answer to some questions depends on what they were */
    rc = fn(q->node, q->service, q->no_hints ? NULL : &q->hints, &list);

    print_list(out, rc, list);
    if (rc == 0)
        release(list);
    fclose(out);
    buf[size - 1] = '\0';
}

/* ---- comparing ---- */

static const struct query slow[] = {
    Q("silent.test", "80", STREAM, .ai_family = AF_INET),
    Q("sixsilent.test", "80", STREAM),
};

struct comparison {
    const struct query *queries;
    size_t n;
    char (*libc)[8192];
    bool slow; /* once is enough */
};

static void compare_one(struct comparison *c, size_t i, const char *how)
{
    const struct query *q = &c->queries[i];
    char ours[8192] = "";

    ask(q, go_getaddrinfo, go_freeaddrinfo, ours, sizeof ours);
    if (strcmp(ours, c->libc[i]) == 0)
        return;
    CHECK(!"the same answer");
    tap_note("%s: node %s service %s family %d socktype %d protocol %d flags %#x", how,
             q->node ? q->node : "NULL", q->service ? q->service : "NULL", q->hints.ai_family,
             q->hints.ai_socktype, q->hints.ai_protocol, (unsigned)q->hints.ai_flags);
    tap_note("  libc: %s", c->libc[i]);
    tap_note("  ours: %s", ours);
}

/* Asked alone; and once more, from what is remembered. */
static int compare_all(void *arg)
{
    struct comparison *c = arg;

    for (size_t i = 0; i < c->n; i++)
        compare_one(c, i, "first");
    for (size_t i = 0; i < c->n && !c->slow; i++)
        if (!strstr(c->libc[i], "Temporary"))
            compare_one(c, i, "again");
    return 0;
}

static void compare_with(const struct query *queries, size_t n, go_resolver resolver)
{
    struct comparison c = {queries, n, calloc(n, sizeof *c.libc), queries == slow};
    go_run_opts opts = {.no_signals = true, .watchdog = -1, .resolver = resolver};

    /* Once an answer was late (a slow machine is enough), glibc asks one question at a time, and
     * never reads resolv.conf again. */
    res_init();
    for (size_t i = 0; i < n; i++)
        ask(&queries[i], getaddrinfo, freeaddrinfo, c.libc[i], sizeof c.libc[i]);
    CHECK_EQ(go_run_with(&opts, compare_all, &c), 0);
    tap_note("%zu queries", n);
    free(c.libc);
}

static const char *world = "not tried";

static void compare(const struct query *queries, size_t n)
{
    if (world) {
        TAP_SKIP(world);
        return;
    }
    compare_with(queries, n, GO_RESOLVER_AUTO);
}

#define COMPARE(table) compare(table, sizeof table / sizeof *table)

/* ---- arguments, literals, services ---- */

static const struct query literals[] = {
    Q("127.0.0.1", "80", STREAM),
    Q("127.1", "80", STREAM),
    Q("127.0.1", "80", STREAM),
    Q("0x7f.1", "80", STREAM),
    Q("0177.0.0.1", "80", STREAM),
    Q("2130706433", "80", STREAM),
    Q("0x7f000001", "80"),
    Q("1.2.3.4", NULL),
    Q("1.2.3.4 ", "80", STREAM),
    Q(" 1.2.3.4", "80", STREAM),
    Q("1.2.3.256", "80", STREAM, .ai_family = AF_INET),
    Q("1.2.3.4.5", "80", STREAM, .ai_family = AF_INET),
    Q("1.2.3.", "80", STREAM, .ai_family = AF_INET),
    Q("1.2.3.4", "80", STREAM, .ai_family = AF_INET6),
    Q("1.2.3.4", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("1.2.3.4", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_ALL),
    Q("1.2.3.4", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("0x7f.1", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("::1", "80", STREAM),
    Q("::1", "80", STREAM, .ai_family = AF_INET),
    Q("::1", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_CANONNAME),
    Q("::ffff:1.2.3.4", "80", STREAM),
    Q("::ffff:1.2.3.4", "80", STREAM, .ai_family = AF_INET),
    Q("fe80::1%lo", "80", STREAM),
    Q("fe80::1%1", "80", STREAM),
    Q("fe80::1%77", "80", STREAM),
    Q("fe80::1%nope", "80", STREAM),
    Q("ff02::1%lo", "80", STREAM),
    Q("2001:db8::1%lo", "80", STREAM),
    Q("2001:db8::1%5", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("fe80::1%", "80", STREAM),
    Q("fe80::1%99999999999", "80", STREAM),
    Q("::1::", "80", STREAM, .ai_family = AF_INET),
    Q("1:2:3:4:5:6:7", "80", STREAM, .ai_family = AF_INET),
    Q("127.0.0.1", "80", STREAM, .ai_flags = AI_NUMERICHOST),
    Q("localhost", "80", STREAM, .ai_flags = AI_NUMERICHOST),
    Q(NULL, "80", STREAM),
    Q(NULL, "80", STREAM, .ai_flags = AI_PASSIVE),
    Q(NULL, "80", STREAM, .ai_flags = AI_PASSIVE, .ai_family = AF_INET),
    Q(NULL, "80", STREAM, .ai_flags = AI_PASSIVE, .ai_family = AF_INET6),
    Q(NULL, "80", .ai_flags = AI_NUMERICHOST),
    Q(NULL, "80", .ai_flags = AI_CANONNAME),
    Q(NULL, NULL),
    Q("*", "80", STREAM),
    Q("*", "*"),
    Q("127.0.0.1", "*", STREAM),
    Q("127.0.0.1", "", STREAM),
    Q("127.0.0.1", "0", STREAM),
    Q("127.0.0.1", "65535", STREAM),
    Q("127.0.0.1", "65536", STREAM),
    Q("127.0.0.1", "99999999999999999999", STREAM),
    Q("127.0.0.1", "-1", STREAM),
    Q("127.0.0.1", " 80", STREAM),
    Q("127.0.0.1", "+80", STREAM),
    Q("127.0.0.1", "80x", STREAM),
    Q("127.0.0.1", "http"),
    Q("127.0.0.1", "http", STREAM),
    Q("127.0.0.1", "www", STREAM),
    Q("127.0.0.1", "HTTP", STREAM),
    Q("127.0.0.1", "domain"),
    Q("127.0.0.1", "domain", .ai_socktype = SOCK_DGRAM),
    Q("127.0.0.1", "http", .ai_socktype = SOCK_DGRAM),
    Q("127.0.0.1", "http", .ai_socktype = SOCK_RAW),
    Q("127.0.0.1", "80", .ai_socktype = SOCK_RAW),
    Q("127.0.0.1", NULL, .ai_socktype = SOCK_RAW),
    Q("127.0.0.1", NULL, .ai_socktype = SOCK_RAW, .ai_protocol = 1),
    Q("127.0.0.1", "80", .ai_socktype = SOCK_SEQPACKET),
    Q("127.0.0.1", "80", .ai_protocol = IPPROTO_UDP),
    Q("127.0.0.1", "80", .ai_protocol = IPPROTO_SCTP),
    Q("127.0.0.1", "sctponly"),
    Q("127.0.0.1", "80", .ai_protocol = IPPROTO_UDPLITE),
    Q("127.0.0.1", "80", .ai_protocol = IPPROTO_ICMP),
    Q("127.0.0.1", "80", STREAM, .ai_protocol = IPPROTO_UDP),
    Q("127.0.0.1", "80", .ai_socktype = 99),
    Q("127.0.0.1", "nosuch", STREAM),
    Q("127.0.0.1", "nosuch"),
    Q("127.0.0.1", "http", STREAM, .ai_flags = AI_NUMERICSERV),
    Q("127.0.0.1", "80", STREAM, .ai_flags = AI_NUMERICSERV),
    Q("127.0.0.1", "80", STREAM, .ai_family = AF_UNIX),
    Q("127.0.0.1", "80", STREAM, .ai_flags = 0x10000),
    Q("127.0.0.1", "80", STREAM, .ai_flags = AI_V4MAPPED | AI_ALL),
    {.node = "127.0.0.1", .service = "80", .no_hints = true},
    {.node = "::1", .service = "80", .no_hints = true},
    {.node = "localhost", .service = "80", .no_hints = true},
    Q("127.0.0.1", "80", STREAM, .ai_flags = AI_ADDRCONFIG),
    Q("localhost", "80", STREAM, .ai_flags = AI_ADDRCONFIG),
    Q("localhost", "80", STREAM, .ai_flags = AI_ADDRCONFIG, .ai_family = AF_INET),
    Q("localhost", "80", STREAM, .ai_flags = AI_ADDRCONFIG, .ai_family = AF_INET6),
};

LAW(literal, "S8.112 literals, flags, sockets and services: libc's answers")
{
    COMPARE(literals);
}

/* ---- /etc/hosts ---- */

static const struct query in_hosts[] = {
    Q("localhost", "80", STREAM),
    Q("LOCALHOST", "80", STREAM),
    Q("localhost", "80", STREAM, .ai_family = AF_INET),
    Q("localhost", "80", STREAM, .ai_family = AF_INET6),
    Q("localhost", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("alpha", "80", STREAM),
    Q("alpha", "80", STREAM, .ai_family = AF_INET),
    Q("alpha", "80", STREAM, .ai_family = AF_INET6),
    Q("alpha", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("alpha", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED | AI_ALL),
    Q("al", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("al", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET),
    Q("al", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET6),
    Q("only4", "80", STREAM, .ai_family = AF_INET6),
    Q("only4", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED | AI_CANONNAME),
    Q("only6", "80", STREAM, .ai_family = AF_INET),
    Q("mapped", "80", STREAM),
    Q("mapped", "80", STREAM, .ai_family = AF_INET),
    Q("six1", "80", STREAM, .ai_family = AF_INET),
    Q("six1", "80", STREAM),
    Q("commented", "80", STREAM),
    Q("twice", "80", STREAM),
    Q("bad-line", "80", STREAM),
    Q("scoped", "80", STREAM),
    Q("tabbed", "80", STREAM),
    Q("last", "80", STREAM),
    Q("alpha.", "80", STREAM),
};

LAW(hosts, "S8.113 /etc/hosts: libc's answers")
{
    static const char text[] = "# a comment\n"
                               "127.0.0.1\tlocalhost localhost.localdomain\n"
                               "::1 localhost ip6-localhost\n"
                               "192.0.2.100 alpha al # commented\n"
                               "  192.0.2.101 alpha.example alpha\n"
                               "2001:db8::100 alpha6 alpha al\n"
                               "192.0.2.102 only4\n"
                               "2001:db8::102 only6\n"
                               "::ffff:192.0.2.103 mapped\n"
                               "::1 six1\n"
                               "192.0.2.104 twice twice twice\n"
                               "192.0.2.104 twice\n"
                               "192.0.2 bad-line\n"
                               "fe80::1%lo scoped\n"
                               "\t192.0.2.105\t\ttabbed  \r\n"
                               "\n192.0.2.106\n"
                               "192.0.2.107 last";

    if (!world)
        dns_etc("hosts", text);
    COMPARE(in_hosts);
}

/* ---- DNS ---- */

static const struct query in_dns[] = {
    Q("one.test", "80", STREAM),
    Q("one.test", NULL),
    Q("one.test", "80", STREAM, .ai_family = AF_INET),
    Q("one.test", "80", STREAM, .ai_family = AF_INET6),
    Q("one.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("one.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("one.test.", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("ONE.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("one.test", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET),
    Q("one.test", "80", STREAM, .ai_flags = AI_CANONNAME | AI_V4MAPPED, .ai_family = AF_INET6),
    Q("many.test", "80", STREAM),
    Q("many.test", "80", STREAM, .ai_family = AF_INET),
    Q("both.test", "80", STREAM),
    Q("both.test", "80"),
    Q("both.test", "80", STREAM, .ai_family = AF_INET),
    Q("both.test", "80", STREAM, .ai_family = AF_INET6),
    Q("both.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("both.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED | AI_ALL),
    Q("both.test", "80", STREAM, .ai_flags = AI_ADDRCONFIG),
    Q("crowd.test", "80", STREAM),
    Q("crowd.test", "80", STREAM, .ai_family = AF_INET6),
    Q("crowd.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("crowd.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED | AI_ALL),
    Q("crowd.test", "http"),
    Q("six.test", "80", STREAM),
    Q("six.test", "80", STREAM, .ai_family = AF_INET),
    Q("six.test", "80", STREAM, .ai_family = AF_INET, .ai_flags = AI_CANONNAME),
    Q("alias.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("alias.test", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET),
    Q("alias.test", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET6),
    Q("dangling.test", "80", STREAM),
    Q("dangling.test", "80", STREAM, .ai_family = AF_INET),
    Q("dangling.test", "80", STREAM, .ai_family = AF_INET6),
    Q("strange.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("strange.test", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET),
    Q("strange2.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("strange2.test", "80", STREAM, .ai_flags = AI_CANONNAME, .ai_family = AF_INET),
    Q("under_score.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("-dash.test", "80", STREAM),
    Q("-dash.test", "80", STREAM, .ai_family = AF_INET),
    Q("mixed.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("empty.test", "80", STREAM),
    Q("empty.test", "80", STREAM, .ai_family = AF_INET),
    Q("empty.test", "80", STREAM, .ai_family = AF_INET6),
    Q("empty.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("empty.test", "80", STREAM, .ai_family = AF_INET, .ai_flags = AI_CANONNAME),
    Q("nxdomain.test", "80", STREAM),
    Q("nxdomain.test", "80", STREAM, .ai_family = AF_INET),
    Q("nxdomain.test", "80", STREAM, .ai_family = AF_INET6),
    Q("nxdomain.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("nosoa.test", "80", STREAM),
    Q("servfail.test", "80", STREAM),
    Q("servfail.test", "80", STREAM, .ai_family = AF_INET),
    Q("servfail.test", "80", STREAM, .ai_family = AF_INET6),
    Q("servfail.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("refused.test", "80", STREAM),
    Q("notimp.test", "80", STREAM, .ai_family = AF_INET),
    Q("formerr.test", "80", STREAM),
    Q("formerr.test", "80", STREAM, .ai_family = AF_INET),
    Q("formerr.test", "80", STREAM, .ai_family = AF_INET6),
    Q("referral.test", "80", STREAM, .ai_family = AF_INET),
    Q("big.test", "80", STREAM),
    Q("big.test", "80", STREAM, .ai_family = AF_INET),
    Q("big.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_CANONNAME),
    Q("v4mapped.test", "80", STREAM),
    Q("v4mapped.test", "80", STREAM, .ai_family = AF_INET6),
    Q("v4mapped.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("sixfail.test", "80", STREAM),
    Q("sixfail.test", "80", STREAM, .ai_family = AF_INET6),
    Q("sixfail.test", "80", STREAM, .ai_family = AF_INET6, .ai_flags = AI_V4MAPPED),
    Q("fourfail.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("wrongid.test", "80", STREAM),
    Q("wrongid.test", "80", STREAM, .ai_family = AF_INET),
    Q("wrongname.test", "80", STREAM),
    Q("rubbish.test", "80", STREAM, .ai_family = AF_INET),
    Q("cut.test", "80", STREAM, .ai_family = AF_INET),
    Q("cut.test", "80", STREAM, .ai_family = AF_INET6),
    Q("cut.test", "80", STREAM),
    Q("not ok!.test", "80", STREAM),
    Q("not ok!.test", "80", STREAM, .ai_family = AF_INET),
    Q("a..b.test", "80", STREAM),
    Q("", "80", STREAM),
    Q("", "80", STREAM, .ai_family = AF_INET),
    Q(".", "80", STREAM),
    Q("b\xc3\xbc"
      "cher.test",
      "80", STREAM),
    Q("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.test", "80",
      STREAM),
    Q("1.2.3.256", "80", STREAM),
    Q("1.2.3.256", "80", STREAM, .ai_family = AF_INET6),
    {.node = "both.test", .service = "80", .no_hints = true},
    {.node = "one.test", .service = "http", .no_hints = true},
};

static void in_order(void)
{
    if (world)
        return;
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    dns_etc("hosts", "127.0.0.1 localhost\n");
}

LAW(dns, "S8.114 records, aliases, truncation, failures, rubbish: libc's answers")
{
    in_order();
    COMPARE(in_dns);
}

LAW(machine, "S8.115 addresses in libc's order, whatever addresses the machine has")
{
    in_order();
    if (!world) {
        dns_add_v4("192.0.2.200");
        compare_with(in_dns, 25, GO_RESOLVER_AUTO);
        dns_add_v6("2001:db8::200");
    }
    COMPARE(in_dns);
    COMPARE(literals);
}

/* ---- silence, and servers that help each other ---- */

LAW(silence, "S8.116 silence: libc's answers")
{
    in_order();
    COMPARE(slow);
}

static const struct query served[] = {
    Q("one.test", "80", STREAM),      Q("both.test", "80", STREAM),
    Q("nxdomain.test", "80", STREAM), Q("servfail.test", "80", STREAM),
    Q("sixfail.test", "80", STREAM),
};

LAW(servers, "S8.117 several servers, and none: libc's answers")
{
    static const char *const confs[] = {
        "nameserver 127.0.0.2\nnameserver 127.0.0.1\n",
        "nameserver 127.0.0.3\nnameserver 127.0.0.1\n",
        "nameserver 127.0.0.3\noptions timeout:1\n",
        "nameserver 127.0.0.2\n",
        "nameserver 127.0.0.1\noptions attempts:0\n",
        "nameserver 127.0.0.1\noptions use-vc\n",
        "nameserver 127.0.0.1\noptions edns0 rotate\n",
        "nameserver 127.0.0.1\noptions no-aaaa\n",
        "nameserver bogus\noptions timeout:1\n",
        "",
        NULL,
    };

    for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) {
        if (!world) {
            dns_etc("resolv.conf", confs[i]);
            tap_note("%s", confs[i] ? confs[i] : "no resolv.conf");
        }
        COMPARE(served);
    }
}

/* ---- search lists ---- */

static const struct query searched[] = {
    Q("host", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("host", "80", STREAM, .ai_family = AF_INET),
    Q("host.", "80", STREAM),
    Q("sub.host", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("five.a.b.c", "80", STREAM),
    Q("nodata", "80", STREAM),
    Q("nodata", "80", STREAM, .ai_family = AF_INET6),
    Q("fail", "80", STREAM),
    Q("fail", "80", STREAM, .ai_family = AF_INET),
    Q("nothere", "80", STREAM),
    Q("nothere", "80", STREAM, .ai_family = AF_INET6),
    Q("one.test", "80", STREAM),
    Q("empty.test", "80", STREAM),
    Q("servfail.test", "80", STREAM),
    Q("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxx",
      "80", STREAM),
};

LAW(search, "S8.118 search lists and ndots: libc's answers")
{
    static const char *const confs[] = {
        "nameserver 127.0.0.1\nsearch corp.test lab.test\noptions attempts:1\n",
        "nameserver 127.0.0.1\nsearch lab.test corp.test\noptions attempts:1 ndots:3\n",
        "nameserver 127.0.0.1\nsearch corp.test\nsearch lab.test\noptions attempts:1 ndots:0\n",
        "nameserver 127.0.0.1\ndomain lab.test  corp.test\noptions attempts:1\n",
        "nameserver 127.0.0.1\nsearch . lab.test\noptions attempts:1\n",
        "nameserver 127.0.0.1\nsearch .lab.test\noptions attempts:1 no-tld-query\n",
        " nameserver 127.0.0.2\nnameserver 127.0.0.1\n; search x\nsearch lab.test.\n"
        "options\tattempts:1\n",
    };

    for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) {
        if (!world) {
            dns_etc("resolv.conf", confs[i]);
            tap_note("%s", confs[i]);
        }
        COMPARE(searched);
    }
}

/* ---- nsswitch.conf ---- */

static const struct query switched[] = {
    Q("localhost", "80", STREAM),
    Q("one.test", "80", STREAM),
    Q("both.test", "80", STREAM, .ai_flags = AI_CANONNAME),
    Q("nxdomain.test", "80", STREAM),
    Q("nxdomain.test", "80", STREAM, .ai_family = AF_INET),
    Q("servfail.test", "80", STREAM),
    Q("servfail.test", "80", STREAM, .ai_family = AF_INET6),
    Q("127.0.0.1", "http", STREAM),
};

LAW(sources, "S8.119 nsswitch.conf's sources and actions: libc's answers")
{
    static const char *const confs[] = {
        "hosts: files\nservices: files\n",
        "hosts: dns\n",
        "hosts: dns files\nservices: db files\n",
        "hosts: dns [NOTFOUND=return] files\n",
        "hosts: files [!SUCCESS=return] dns\n",
        "hosts:\tfiles [notfound=continue unavail=return]dns # comment\n",
        "hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname\n",
        "hosts: files nosuchsource dns\n",
        "services: files\n",
        NULL,
    };

    in_order();
    if (!world)
        dns_etc("hosts", "127.0.0.1 localhost\n192.0.2.99 one.test servfail.test\n");
    for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) {
        if (!world) {
            dns_etc("nsswitch.conf", confs[i]);
            tap_note("%s", confs[i] ? confs[i] : "no nsswitch.conf");
        }
        COMPARE(switched);
    }
}

LAW(threads, "S8.120 GO_RESOLVER_THREAD gives libc's answers, too")
{
    if (world) {
        TAP_SKIP(world);
        return;
    }
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    in_order();
    compare_with(in_dns, 10, GO_RESOLVER_THREAD);
    compare_with(literals, 10, GO_RESOLVER_THREAD);
}

/* ---- the other way round ---- */

struct name_query {
    const char *addr;
    uint32_t scope;
    int flags, port;
    socklen_t hostlen, servlen;
};

static const struct name_query name_queries[] = {
    {"127.0.0.1", 0, 0, 80, 100, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST | NI_NUMERICSERV, 80, 100, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST, 80, 0, 100},
    {"127.0.0.1", 0, 0, 123, 100, 100},
    {"127.0.0.1", 0, NI_DGRAM, 123, 100, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST, 65000, 100, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST, 80, 5, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST, 80, 10, 100},
    {"127.0.0.1", 0, NI_NUMERICHOST, 80, 9, 100},
    {"127.0.0.1", 0, 0, 80, 9, 100},
    {"127.0.0.1", 0, 0, 80, 10, 4},
    {"127.0.0.1", 0, 0, 80, 10, 5},
    {"127.0.0.1", 0, NI_NUMERICSERV, 12345, 100, 5},
    {"127.0.0.1", 0, 0x10000, 80, 100, 100},
    {"::1", 0, 0, 80, 100, 100},
    {"::1", 7, NI_NUMERICHOST, 80, 100, 100},
    {"fe80::1", 1, NI_NUMERICHOST, 80, 100, 100},
    {"fe80::1", 99, NI_NUMERICHOST, 80, 100, 100},
    {"fe80::1", 1, NI_NUMERICHOST, 80, 9, 100},
    {"ff02::1", 1, NI_NUMERICHOST, 80, 100, 100},
    {"::", 0, 0, 80, 100, 100},
    {"0.0.0.0", 0, 0, 80, 100, 100},
    {"192.0.2.1", 0, 0, 80, 100, 100},
    {"192.0.2.1", 0, NI_NAMEREQD, 80, 100, 100},
    {"192.0.2.2", 0, 0, 80, 100, 100},
    {"192.0.2.2", 0, NI_NAMEREQD, 80, 100, 100},
    {"192.0.2.3", 0, 0, 80, 100, 100},
    {"192.0.2.4", 0, 0, 80, 100, 100},
    {"192.0.2.4", 0, NI_NAMEREQD, 80, 100, 100},
    {"192.0.2.5", 0, 0, 80, 100, 100},
    {"192.0.2.5", 0, NI_NAMEREQD, 80, 100, 100},
    {"192.0.2.6", 0, 0, 80, 100, 100},
    {"192.0.2.6", 0, NI_NUMERICHOST | NI_NAMEREQD, 80, 100, 100},
    {"::ffff:192.0.2.1", 0, 0, 80, 100, 100},
    {"::192.0.2.1", 0, 0, 80, 100, 100},
    {"2001:db8::2", 0, 0, 80, 100, 100},
    {"2001:db8::3", 0, 0, 80, 100, 100},
    {"6.6.6.6", 0, 0, 80, 100, 100},
    {"192.0.2.110", 0, 0, 80, 100, 100},
    {"::ffff:192.0.2.110", 0, 0, 80, 100, 100},
    {"2001:db8::110", 0, NI_NOFQDN, 80, 100, 100},
};
enum { NAME_QUERIES = sizeof name_queries / sizeof *name_queries };

typedef int name_fn(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);

static int call_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen,
                            char *serv, socklen_t servlen, int flags)
{
    return getnameinfo(sa, len, host, hostlen, serv, servlen, flags);
}

static void ask_name(const struct name_query *q, name_fn *fn, char *buf, size_t size)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_scope_id = q->scope};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    bool six = strchr(q->addr, ':') != NULL;
    char host[100] = "", serv[100] = "";
    int rc;

    inet_pton(six ? AF_INET6 : AF_INET, q->addr,
              six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
    v6.sin6_port = v4.sin_port = htons((uint16_t)q->port);
    rc = fn(six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, six ? sizeof v6 : sizeof v4,
            q->hostlen ? host : NULL, q->hostlen, q->servlen ? serv : NULL, q->servlen, q->flags);
    snprintf(buf, size, "%s \"%s\" \"%s\"", rc == 0 ? "ok" : gai_strerror(rc), rc ? "" : host,
             rc ? "" : serv);
}

static int compare_names(void *arg)
{
    char(*libc)[512] = arg, ours[512];

    for (int again = 0; again < 2; again++)
        for (int i = 0; i < NAME_QUERIES; i++) {
            const struct name_query *q = &name_queries[i];

            ask_name(q, go_getnameinfo, ours, sizeof ours);
            if (strchr(libc[i], '\\'))
                continue; /* a name that is none: older glibcs pass those on */
            if (!CHECK(strcmp(ours, libc[i]) == 0))
                tap_note("%s%%%u port %d flags %d lengths %u %u: libc %s, ours %s", q->addr,
                         q->scope, q->port, q->flags, q->hostlen, q->servlen, libc[i], ours);
        }
    return 0;
}

LAW(names, "S8.121 go_getnameinfo: libc's answers")
{
    static char libc[NAME_QUERIES][512];

    if (world) {
        TAP_SKIP(world);
        return;
    }
    in_order();
    dns_etc("hosts", "127.0.0.1 localhost\n::1 six.local six\n192.0.2.110 hosted h\n"
                     "2001:db8::110 hosted.six.test\n");
    for (int i = 0; i < NAME_QUERIES; i++)
        ask_name(&name_queries[i], call_getnameinfo, libc[i], sizeof libc[i]);
    CHECK_EQ(real_run(compare_names, libc), 0);
}

int main(int argc, char **argv)
{
    world = dns_world();
    if (!world)
        dns_process();
    return tap_laws(argc, argv);
}
