/* SPDX-License-Identifier: MIT */
#include "net/found.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void found_free(struct found *f)
{
    free(f->addrs);
    free(f->name);
    *f = (struct found){0};
}

bool found_nothing(struct found *f, int status, int herr)
{
    found_free(f);
    f->status = status;
    f->herr = herr;
    return false;
}

static bool no_memory(struct found *f)
{
    found_nothing(f, FOUND_UNAVAIL, NETDB_INTERNAL);
    f->err = ENOMEM;
    return false;
}

static bool reserve(struct found *f, size_t room)
{
    struct found_addr *more;

    if (room <= f->room)
        return true;
    more = realloc(f->addrs, room * sizeof *more);
    if (!more)
        return no_memory(f);
    f->addrs = more;
    f->room = room;
    return true;
}

bool found_add(struct found *f, int family, const void *bytes)
{
    struct found_addr *a;

    if (f->n == f->room && !reserve(f, f->room ? f->room * 2 : 4))
        return false;
    a = &f->addrs[f->n++];
    *a = (struct found_addr){.family = family};
    memcpy(&a->v6, bytes, family == AF_INET ? sizeof a->v4 : sizeof a->v6);
    return true;
}

bool found_name(struct found *f, const char *name)
{
    char *copy = strdup(name);

    if (!copy)
        return no_memory(f);
    free(f->name);
    f->name = copy;
    return true;
}

bool found_copy(struct found *to, const struct found *from)
{
    *to = (struct found){.status = from->status,
                         .herr = from->herr,
                         .err = from->err,
                         .ttl = from->ttl};
    if (!reserve(to, from->n) || (from->name && !found_name(to, from->name)))
        return false;
    if (from->n > 0)
        memcpy(to->addrs, from->addrs, from->n * sizeof *to->addrs);
    to->n = from->n;
    return true;
}
