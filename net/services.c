/* SPDX-License-Identifier: MIT */
#include "net/services.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_PATH "/etc/services"
enum { BUCKETS = 512 }; /* Debian's file has 350 names */

/* A name or an alias. Those of one bucket stand in the order of the file. */
struct service {
    const char *name, *proto;
    uint16_t port;
    bool alias;
    uint32_t next_name, next_port; /* + 1 */
};

static unsigned name_bucket(const char *name)
{
    uint32_t h = 2166136261;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619;
    return h % BUCKETS;
}

void services_free(struct services *v)
{
    free(v->text);
    free(v->entries);
    free(v->by_name);
    free(v->by_port);
    *v = (struct services){0};
}

static bool add(struct services *v, const char *name, const char *proto, uint16_t port, bool alias)
{
    struct service *more;

    if ((v->n & (v->n - 1)) == 0 && (v->n == 0 || v->n >= 16)) {
        more = realloc(v->entries, (v->n ? 2 * v->n : 16) * sizeof *more);
        if (!more)
            return false;
        v->entries = more;
    }
    v->entries[v->n++] = (struct service){name, proto, port, alias, 0, 0};
    return true;
}

/* "name port/proto alias…" */
static bool read_line(struct services *v, char *line)
{
    char *name = etc_word(&line), *number = etc_word(&line), *proto, *alias;
    unsigned long port;

    if (!name || !number)
        return true;
    port = strtoul(number, &proto, 10);
    if (proto == number || *proto != '/' || port > UINT16_MAX)
        return true;
    proto += strspn(proto, "/");
    if (!add(v, name, proto, (uint16_t)port, false))
        return false;
    while ((alias = etc_word(&line)))
        if (!add(v, alias, proto, (uint16_t)port, true))
            return false;
    return true;
}

static bool make_index(struct services *v)
{
    v->by_name = calloc(BUCKETS, sizeof *v->by_name);
    v->by_port = calloc(BUCKETS, sizeof *v->by_port);
    if (!v->by_name || !v->by_port)
        return false;
    for (size_t i = v->n; i-- > 0;) {
        struct service *e = &v->entries[i];
        uint32_t *name = &v->by_name[name_bucket(e->name)], *port = &v->by_port[e->port % BUCKETS];

        e->next_name = *name;
        *name = (uint32_t)i + 1;
        e->next_port = *port;
        *port = (uint32_t)i + 1;
    }
    return true;
}

/* 0, or what is short. */
static int refresh(struct services *v)
{
    struct etc_file file = v->file;
    char *at, *line;
    int rc;

    if (!etc_changed(&file, SERVICES_PATH))
        return 0;
    services_free(v);
    rc = etc_read(SERVICES_PATH, &v->text);
    if (rc < 0)
        return rc;
    at = v->text;
    while (at && (line = etc_line(&at, "#")))
        if (!read_line(v, line))
            goto no_memory;
    if (!make_index(v))
        goto no_memory;
    v->file = file;
    return 0;

no_memory:
    services_free(v);
    return -ENOMEM;
}

int services_port(struct services *v, const char *name, const char *proto)
{
    int rc = refresh(v);

    if (rc < 0)
        return rc;
    for (uint32_t i = v->by_name[name_bucket(name)]; i; i = v->entries[i - 1].next_name) {
        const struct service *e = &v->entries[i - 1];

        if (strcmp(e->name, name) == 0 && (!proto || strcmp(e->proto, proto) == 0))
            return e->port;
    }
    return -ENOENT;
}

const char *services_name(struct services *v, uint16_t port, const char *proto)
{
    if (refresh(v) < 0)
        return NULL;
    for (uint32_t i = v->by_port[port % BUCKETS]; i; i = v->entries[i - 1].next_port) {
        const struct service *e = &v->entries[i - 1];

        if (e->port == port && !e->alias && (!proto || strcmp(e->proto, proto) == 0))
            return e->name;
    }
    return NULL;
}
