/* SPDX-License-Identifier: MIT */
#include "net/names.h"
#include "net/dnsmsg.h"
#include "net/lookup.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* ---- numeric forms ---- */

static void map_v4(struct found_addr *a)
{
    struct in_addr v4 = a->v4;

    *a = (struct found_addr){.family = AF_INET6, .v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}}};
    memcpy(a->v6.s6_addr + 12, &v4, sizeof v4);
}

/* inet_aton takes what stands behind a blank for a comment. */
static bool aton_exact(const char *text, struct in_addr *a)
{
    return isdigit((unsigned char)*text) && !strpbrk(text, " \t\n\v\f\r") && inet_aton(text, a);
}

/* A link-local address's scope may be an interface; every address's a number. */
static bool read_scope(const struct in6_addr *a, const char *text, uint32_t *scope)
{
    unsigned long long n;
    char *end;

    if (IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MC_LINKLOCAL(a)) {
        *scope = if_nametoindex(text);
        if (*scope)
            return true;
    }
    if (!isdigit((unsigned char)*text))
        return false;
    n = strtoull(text, &end, 10);
    *scope = (uint32_t)n;
    return *end == '\0' && n <= UINT32_MAX;
}

static bool pton_v6(const char *text, size_t len, struct in6_addr *a)
{
    char copy[INET6_ADDRSTRLEN];

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(AF_INET6, copy, a) == 1;
}

int names_literal(const char *text, int family, int flags, struct found_addr *out)
{
    const char *scope;

    *out = (struct found_addr){.family = AF_INET};
    if (aton_exact(text, &out->v4)) {
        if (family == AF_INET6 && flags & AI_V4MAPPED)
            map_v4(out);
        else if (family == AF_INET6)
            return EAI_ADDRFAMILY;
        return 0;
    }
    if (!strchr(text, ':'))
        return 1;
    scope = strchrnul(text, '%');
    out->family = AF_INET6;
    if (!pton_v6(text, (size_t)(scope - text), &out->v6))
        return 1;
    if (family == AF_INET) {
        struct in6_addr v6 = out->v6;

        if (!IN6_IS_ADDR_V4MAPPED(&v6))
            return EAI_ADDRFAMILY;
        *out = (struct found_addr){.family = AF_INET};
        memcpy(&out->v4, v6.s6_addr + 12, sizeof out->v4);
        return 0;
    }
    if (*scope && !read_scope(&out->v6, scope + 1, &out->scope))
        return EAI_NONAME;
    return 0;
}

/* What gethostbyname takes for a malformed address and does not look up. */
static bool looks_numeric(const char *name)
{
    size_t n = strlen(name);

    if (isdigit((unsigned char)*name) && strspn(name, "0123456789.") == n && name[n - 1] != '.')
        return true;
    return strchr(name, ':') && strspn(name, "0123456789abcdefABCDEF:.") == n && name[n - 1] != '.';
}

/* ---- one source ---- */

static int cancelled(struct found *out)
{
    found_free(out);
    out->err = ECANCELED;
    return EAI_SYSTEM;
}

static int broken(struct found *out, int err)
{
    found_free(out);
    out->err = err;
    return EAI_SYSTEM;
}

/* 0, or -ECANCELED. */
static int ask(struct resolver *r, unsigned source, const char *name, int family, struct found *f)
{
    found_free(f);
    if (source == NSS_FILES) {
        hosts_by_name(&r->hosts, name, family, f);
        return 0;
    }
    if (!dns_host_name(name)) {
        found_nothing(f, FOUND_NOTFOUND, HOST_NOT_FOUND);
        return 0;
    }
    return lookup_run(r, name,
                      family == AF_INET    ? LOOKUP_A
                      : family == AF_INET6 ? LOOKUP_AAAA
                                           : LOOKUP_BOTH,
                      f);
}

/* Sources that concern certain names only are libc's, or not there: see nsswitch.c. */
static bool is_ours(unsigned source)
{
    return source == NSS_FILES || source == NSS_DNS;
}

/* ---- all of them ---- */

/* As gethostbyname2_r does it, which getaddrinfo calls for IPv4 without the canonical name. */
static int find_v4(struct resolver *r, const char *name, struct found *f)
{
    found_nothing(f, FOUND_UNAVAIL, NO_RECOVERY);
    if (looks_numeric(name))
        return EAI_NONAME;
    for (unsigned i = 0; i < r->nsswitch.n; i++) {
        if (!is_ours(r->nsswitch.hosts[i].source))
            continue;
        if (ask(r, r->nsswitch.hosts[i].source, name, AF_INET, f) < 0)
            return cancelled(f);
        if (f->status != FOUND_SUCCESS && f->herr == NETDB_INTERNAL) /* the next does not know */
            return EAI_SYSTEM;
        if (r->nsswitch.hosts[i].stops[f->status])
            break;
    }
    if (f->status == FOUND_SUCCESS)
        return 0;
    if (f->herr == TRY_AGAIN && f->status != FOUND_NOTFOUND)
        return EAI_AGAIN;
    /* an unavailable source that leaves no errno looks like one that knows no such name */
    if (f->status == FOUND_TRYAGAIN || f->err)
        return EAI_NODATA;
    return f->herr == NO_DATA ? EAI_NODATA : EAI_NONAME;
}

/* A search's state: what getaddrinfo keeps while it goes from source to source. */
struct search {
    struct resolver *r;
    const char *name;
    int family, flags;
    int status, herr, err;   /* of what was asked last */
    int no_data, no_v6_data; /* EAI_AGAIN; 1: the name exists, without such data; 0 */
    bool got_v6;
    struct found *out;
};

/* f joins what has been found; f is empty then. False: no memory. */
static bool take(struct search *q, struct found *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!found_add(q->out, f->addrs[i].family, &f->addrs[i].v6))
            return false;
        if (q->family == AF_INET6 && f->addrs[i].family == AF_INET)
            map_v4(&q->out->addrs[q->out->n - 1]);
    }
    if (!q->out->name) {
        q->out->name = f->name;
        f->name = NULL;
    }
    return true;
}

/* 0, or EAI_SYSTEM. */
static int ask_family(struct search *q, unsigned source, int family)
{
    struct found f = {0};
    int rc = 0;

    if (ask(q->r, source, q->name, family, &f) < 0)
        return cancelled(q->out);
    q->status = f.status;
    q->herr = f.herr;
    q->err = f.err;
    q->no_data = 0;
    if (f.status != FOUND_SUCCESS) {
        if (f.herr == NETDB_INTERNAL)
            rc = broken(q->out, f.err);
        q->no_data = f.herr == TRY_AGAIN ? EAI_AGAIN : f.herr == NO_DATA;
    } else if (!take(q, &f)) {
        rc = broken(q->out, ENOMEM);
    } else if (family == AF_INET6) {
        q->got_v6 = true;
    }
    found_free(&f);
    return rc;
}

/* IPv6, then IPv4 where it is wanted: as it is, or mapped. */
static int ask_each(struct search *q, unsigned source)
{
    int v6_status = FOUND_UNAVAIL, rc;

    q->status = FOUND_UNAVAIL;
    if (q->family == AF_INET6) {
        rc = ask_family(q, source, AF_INET6);
        if (rc)
            return rc;
        q->no_v6_data = q->no_data;
        v6_status = q->status;
    }
    if (q->family == AF_INET || (q->flags & AI_V4MAPPED && (q->flags & AI_ALL || !q->got_v6))) {
        rc = ask_family(q, source, AF_INET);
        if (rc)
            return rc;
        if (q->family == AF_INET) {
            q->no_v6_data = q->no_data;
            v6_status = q->status;
        }
    }
    if (v6_status == FOUND_SUCCESS || q->status == FOUND_SUCCESS)
        q->status = FOUND_SUCCESS;
    else if (v6_status == FOUND_TRYAGAIN || q->status == FOUND_UNAVAIL)
        q->status = v6_status;
    return 0;
}

/* Of IPv6 addresses and mapped ones, only the former, unless AI_ALL. */
static void drop_mapped(struct search *q)
{
    struct found *f = q->out;
    size_t n = 0;

    if (!q->got_v6 || (q->flags & (AI_V4MAPPED | AI_ALL)) != AI_V4MAPPED)
        return;
    for (size_t i = 0; i < f->n; i++)
        if (f->addrs[i].family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&f->addrs[i].v6))
            f->addrs[n++] = f->addrs[i];
    f->n = n;
}

int names_by_name(struct resolver *r, const char *name, int family, int flags, struct found *out)
{
    struct search q = {.r = r,
                       .name = name,
                       .family = family,
                       .flags = flags,
                       .status = FOUND_UNAVAIL,
                       .out = out};

    *out = (struct found){0};
    if (family == AF_INET && !(flags & AI_CANONNAME))
        return find_v4(r, name, out);
    for (unsigned i = 0; i < r->nsswitch.n; i++) {
        unsigned source = r->nsswitch.hosts[i].source;
        int rc;

        if (!is_ours(source))
            continue;
        rc = family == AF_UNSPEC ? ask_family(&q, source, AF_UNSPEC) : ask_each(&q, source);
        if (rc)
            return rc;
        if (family == AF_UNSPEC)
            q.no_v6_data = q.no_data;
        if (r->nsswitch.hosts[i].stops[q.status])
            break;
    }
    if (q.no_data && q.no_v6_data)
        return q.no_data == EAI_AGAIN && q.no_v6_data == EAI_AGAIN ? EAI_AGAIN : EAI_NODATA;
    drop_mapped(&q);
    return out->n > 0 ? 0 : EAI_NONAME;
}

/* ---- addresses ---- */

/* Mapped and compatible addresses are asked for as IPv4, but ::1 as itself. */
static void pointer_name(int family, const uint8_t *b, char *to)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, zero[12], local[4] = {[3] = 1};

    if (family == AF_INET6 && (memcmp(b, mapped, 12) == 0 ||
                               (memcmp(b, zero, 12) == 0 && memcmp(b + 12, local, 4) != 0))) {
        family = AF_INET;
        b += 12;
    }
    if (family == AF_INET) {
        sprintf(to, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
        return;
    }
    for (int i = 15; i >= 0; i--)
        to += sprintf(to, "%x.%x.", b[i] & 15u, b[i] >> 4u);
    strcpy(to, "ip6.arpa");
}

int names_by_addr(struct resolver *r, int family, const void *addr, struct found *out)
{
    char name[80];

    *out = (struct found){.status = FOUND_UNAVAIL, .herr = NO_RECOVERY};
    if (family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED((const struct in6_addr *)addr))
        return EAI_NONAME;
    pointer_name(family, addr, name);
    for (unsigned i = 0; i < r->nsswitch.n; i++) {
        unsigned source = r->nsswitch.hosts[i].source;

        if (!is_ours(source))
            continue;
        found_free(out);
        if (source == NSS_FILES)
            hosts_by_addr(&r->hosts, family, addr, out);
        else if (lookup_run(r, name, LOOKUP_PTR, out) < 0)
            return cancelled(out);
        if (out->status != FOUND_SUCCESS && out->herr == NETDB_INTERNAL)
            return EAI_SYSTEM;
        if (r->nsswitch.hosts[i].stops[out->status])
            break;
    }
    if (out->status == FOUND_SUCCESS)
        return 0;
    return out->herr == TRY_AGAIN ? EAI_AGAIN : EAI_NONAME;
}
