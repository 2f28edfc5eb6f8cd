/* SPDX-License-Identifier: MIT */
#include "net/policy.h"
#include "net/etc.h"
#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(...)                 \
    {                              \
        .s6_addr = { __VA_ARGS__ } \
    }
#define MAPPED [10] = 0xff, [11] = 0xff

static const struct prefix default_labels[] = {
    {BYTES([15] = 1), 128, 0},  /* ::1 */
    {BYTES(0x20, 0x02), 16, 2}, /* 6to4 */
    {BYTES(0), 96, 3},          /* IPv4-compatible */
    {BYTES(MAPPED), 96, 4},     /* IPv4 */
    {BYTES(0xfe, 0xc0), 10, 5}, /* site-local */
    {BYTES(0xfc), 7, 6},        /* unique local */
    {BYTES(0x20, 0x01), 32, 7}, /* Teredo */
    {BYTES(0), 0, 1},
};

static const struct prefix default_precedence[] = {
    {BYTES([15] = 1), 128, 50}, {BYTES(0x20, 0x02), 16, 30}, {BYTES(0), 96, 20},
    {BYTES(MAPPED), 96, 10},    {BYTES(0), 0, 40},
};

static const struct prefix default_scopes[] = {
    {BYTES(MAPPED, [12] = 169, [13] = 254), 112, 2}, /* link-local */
    {BYTES(MAPPED, [12] = 127), 104, 2},             /* loopback */
    {BYTES(0), 0, 14},
};

static bool matches(const struct prefix *p, const struct in6_addr *a)
{
    unsigned bytes = p->bits / 8, rest = p->bits % 8;

    if (memcmp(p->addr.s6_addr, a->s6_addr, bytes) != 0)
        return false;
    return rest == 0 || !((p->addr.s6_addr[bytes] ^ a->s6_addr[bytes]) & (0xff00 >> rest) & 0xff);
}

static int match(const struct prefix *p, const struct in6_addr *a)
{
    while (!matches(p, a))
        p++;
    return p->value;
}

int policy_label(const struct policy *p, const struct in6_addr *a)
{
    return match(p->labels ? p->labels : default_labels, a);
}

int policy_precedence(const struct policy *p, const struct in6_addr *a)
{
    return match(p->precedence ? p->precedence : default_precedence, a);
}

int policy_scope(const struct policy *p, const struct in6_addr *a, int family)
{
    if (family == AF_INET)
        return match(p->scopes ? p->scopes : default_scopes, a);
    if (IN6_IS_ADDR_MULTICAST(a))
        return a->s6_addr[1] & 0xf;
    if (IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_LOOPBACK(a))
        return 2;
    return IN6_IS_ADDR_SITELOCAL(a) ? 5 : 14;
}

/* ---- gai.conf ---- */

struct table {
    struct prefix *entries;
    size_t n;
};

/* "address[/bits]", an IPv4 one mapped. */
static bool read_prefix(char *text, bool v4, struct prefix *out)
{
    char *slash = strchr(text, '/'), *end = NULL;
    unsigned long bits;

    if (slash)
        *slash++ = '\0';
    bits = slash ? strtoul(slash, &end, 10) : ULONG_MAX;
    if (slash && *end)
        return false;
    memset(&out->addr, 0, sizeof out->addr);
    if (inet_pton(AF_INET6, text, &out->addr) == 1) {
        out->bits = slash ? (unsigned)bits : 128;
        return (!slash || bits <= 128) &&
               (!v4 || (IN6_IS_ADDR_V4MAPPED(&out->addr) && out->bits >= 96));
    }
    if (!v4 || inet_pton(AF_INET, text, out->addr.s6_addr + 12) != 1 || (slash && bits > 32))
        return false;
    out->addr.s6_addr[10] = out->addr.s6_addr[11] = 0xff;
    out->bits = slash ? (unsigned)bits + 96 : 128;
    return true;
}

static void add_entry(struct table *t, char *text, const char *value, bool v4)
{
    struct prefix entry, *more;
    char *end;
    unsigned long n = strtoul(value, &end, 10);

    if (*end || end == value || n > INT_MAX || !read_prefix(text, v4, &entry))
        return;
    entry.value = (int)n;
    more = realloc(t->entries, (t->n + 2) * sizeof *more);
    if (!more)
        return;
    t->entries = more;
    more[t->n++] = entry;
}

static int longer_first(const void *x, const void *y)
{
    const struct prefix *a = x, *b = y;

    return a->bits > b->bits ? -1 : a->bits < b->bits;
}

/* The table, the longest prefixes first, and at its end one that matches everything. */
static struct prefix *close_table(struct table *t, int value)
{
    if (t->n == 0)
        return NULL;
    qsort(t->entries, t->n, sizeof *t->entries, longer_first);
    t->entries[t->n] = (struct prefix){.value = value};
    return t->entries;
}

void policy_read(struct policy *p)
{
    struct table labels = {0}, precedence = {0}, scopes = {0};
    char *text, *at, *line;

    if (p->known || etc_read("/etc/gai.conf", &text) < 0)
        return; /* what is short: by RFC 6724's own tables, this time */
    p->known = true;
    at = text;
    while (at && (line = etc_line(&at, "#"))) {
        char *keyword = etc_word(&line), *prefix = etc_word(&line), *value = etc_word(&line);

        if (!value)
            continue;
        if (strcmp(keyword, "label") == 0)
            add_entry(&labels, prefix, value, false);
        else if (strcmp(keyword, "precedence") == 0)
            add_entry(&precedence, prefix, value, false);
        else if (strcmp(keyword, "scopev4") == 0)
            add_entry(&scopes, prefix, value, true);
    }
    free(text);
    p->labels = close_table(&labels, 1);
    p->precedence = close_table(&precedence, 40);
    p->scopes = close_table(&scopes, 14);
}

void policy_free(struct policy *p)
{
    free(p->labels);
    free(p->precedence);
    free(p->scopes);
    *p = (struct policy){0};
}
