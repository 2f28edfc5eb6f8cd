/* SPDX-License-Identifier: MIT */
#include "net/hosts.h"
#include "net/nscache.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_PATH "/etc/hosts"

struct hosts_line {
    struct found_addr addr;
    const char *name; /* the first */
};

/* One of a line's names; those of one bucket stand in the order of the file. */
struct hosts_name {
    const char *name;
    uint32_t line;
    uint32_t next; /* + 1; 0: the last */
};

void hosts_free(struct hosts *h)
{
    free(h->text);
    free(h->lines);
    free(h->names);
    free(h->buckets);
    *h = (struct hosts){.multi = h->multi, .multi_known = h->multi_known};
}

/* ---- reading ---- */

static bool parse_addr(const char *text, struct found_addr *a)
{
    a->scope = 0;
    a->family = AF_INET;
    if (inet_pton(AF_INET, text, &a->v4) == 1)
        return true;
    a->family = AF_INET6;
    return inet_pton(AF_INET6, text, &a->v6) == 1;
}

/* Room for one more of n things; they double. */
static bool grow(void *array, size_t n, size_t size)
{
    void **at = array, *more;

    if (n & (n - 1) || (n && n < 16))
        return true;
    more = realloc(*at, (n ? 2 * n : 16) * size);
    if (!more)
        return false;
    *at = more;
    return true;
}

static bool read_line(struct hosts *h, char *line)
{
    struct found_addr addr;
    char *word = etc_word(&line);

    if (!word || !parse_addr(word, &addr) || !(word = etc_word(&line)))
        return true;
    if (!grow(&h->lines, h->n_lines, sizeof *h->lines))
        return false;
    h->lines[h->n_lines++] = (struct hosts_line){addr, word};
    for (; word; word = etc_word(&line)) {
        if (!grow(&h->names, h->n_names, sizeof *h->names))
            return false;
        h->names[h->n_names++] = (struct hosts_name){word, (uint32_t)h->n_lines - 1, 0};
    }
    return true;
}

static bool make_index(struct hosts *h)
{
    size_t size = 16;

    while (size < h->n_names)
        size *= 2;
    h->buckets = calloc(size, sizeof *h->buckets);
    if (!h->buckets)
        return false;
    h->mask = size - 1;
    for (size_t i = h->n_names; i-- > 0;) {
        uint32_t *bucket = &h->buckets[nscache_hash(h->names[i].name) & h->mask];

        h->names[i].next = *bucket;
        *bucket = (uint32_t)i + 1;
    }
    return true;
}

/* host.conf, by glibc's own example, is read once in a process. */
static int read_multi(struct hosts *h)
{
    char *text, *at, *line, *word;
    const char *env = getenv("RESOLV_MULTI");
    int rc = etc_read("/etc/host.conf", &text);

    if (rc < 0)
        return rc;
    at = text;
    h->multi_known = true;
    while (text && (line = etc_line(&at, "#")))
        if ((word = etc_word(&line)) && strcasecmp(word, "multi") == 0 && (word = etc_word(&line)))
            h->multi = strcasecmp(word, "on") == 0;
    free(text);
    if (env)
        h->multi = strcasecmp(env, "on") == 0;
    return 0;
}

/* 0, or what is short. A file that is not there has no lines. */
static int refresh(struct hosts *h)
{
    struct etc_file file = h->file;
    char *at, *line;
    int rc = h->multi_known ? 0 : read_multi(h);

    if (rc < 0 || !etc_changed(&file, HOSTS_PATH))
        return rc;
    hosts_free(h);
    rc = etc_read(HOSTS_PATH, &h->text);
    if (rc < 0)
        return rc;
    at = h->text;
    while (at && (line = etc_line(&at, "#")))
        if (!read_line(h, line))
            goto no_memory;
    if (!make_index(h))
        goto no_memory;
    h->file = file;
    return 0;

no_memory:
    hosts_free(h);
    return -ENOMEM;
}

/* ---- asking ---- */

/* The line's address as one of this family: false, it is none. */
static bool as_family(const struct found_addr *a, int family, struct found_addr *out)
{
    *out = *a;
    if (family == AF_UNSPEC || family == a->family)
        return true;
    if (family == AF_INET6)
        return false;
    out->family = AF_INET;
    if (IN6_IS_ADDR_V4MAPPED(&a->v6))
        memcpy(&out->v4, a->v6.s6_addr + 12, sizeof out->v4);
    else if (IN6_IS_ADDR_LOOPBACK(&a->v6))
        out->v4.s_addr = htonl(INADDR_LOOPBACK);
    else
        return false;
    return true;
}

static void not_read(struct found *f, int rc)
{
    found_nothing(f, FOUND_TRYAGAIN, NETDB_INTERNAL);
    f->err = -rc;
}

void hosts_by_name(struct hosts *h, const char *name, int family, struct found *f)
{
    struct found_addr addr;
    uint32_t last = UINT32_MAX;
    int rc = refresh(h);

    if (rc < 0) {
        not_read(f, rc);
        return;
    }
    for (uint32_t i = h->buckets[nscache_hash(name) & h->mask]; i; i = h->names[i - 1].next) {
        const struct hosts_name *n = &h->names[i - 1];

        if (strcasecmp(n->name, name) != 0 || n->line == last ||
            !as_family(&h->lines[n->line].addr, family, &addr))
            continue;
        last = n->line;
        if (!found_add(f, addr.family, &addr.v6) ||
            (!f->name && !found_name(f, h->lines[n->line].name)))
            return;
        if (!h->multi)
            break;
    }
    if (f->n == 0)
        found_nothing(f, FOUND_NOTFOUND, HOST_NOT_FOUND);
}

void hosts_by_addr(struct hosts *h, int family, const void *wanted, struct found *f)
{
    struct found_addr addr;
    int rc = refresh(h);

    if (rc < 0) {
        not_read(f, rc);
        return;
    }
    for (size_t i = 0; i < h->n_lines; i++)
        if (as_family(&h->lines[i].addr, family, &addr) &&
            memcmp(&addr.v6, wanted, family == AF_INET ? 4 : 16) == 0) {
            found_name(f, h->lines[i].name);
            return;
        }
    found_nothing(f, FOUND_NOTFOUND, HOST_NOT_FOUND);
}
