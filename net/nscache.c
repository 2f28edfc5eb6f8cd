/* SPDX-License-Identifier: MIT */
#include "net/nscache.h"
#include <stdlib.h>
#include <string.h>

struct nscache_entry {
    list used;
    struct nscache_entry *next; /* in its bucket */
    struct found found;
    go_time until;
    uint32_t hash;
    int kind;
    char name[];
};

uint32_t nscache_hash(const char *name)
{
    uint32_t h = 2166136261; /* FNV-1a, of the lower case */

    for (; *name; name++)
        h = (h ^ (uint8_t)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name)) * 16777619;
    return h;
}

void nscache_init(struct nscache *c)
{
    memset(c, 0, sizeof *c);
    list_init(&c->used);
}

static struct nscache_entry **slot(struct nscache *c, const char *name, int kind, uint32_t hash)
{
    struct nscache_entry **at = &c->buckets[hash % NSCACHE_BUCKETS];

    while (*at && ((*at)->hash != hash || (*at)->kind != kind || strcmp((*at)->name, name) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct nscache *c, struct nscache_entry **at)
{
    struct nscache_entry *e = *at;

    *at = e->next;
    list_remove(&e->used);
    found_free(&e->found);
    free(e);
    c->n--;
}

static void drop_oldest(struct nscache *c)
{
    struct nscache_entry *e = list_entry(c->used.next, struct nscache_entry, used);

    drop(c, slot(c, e->name, e->kind, e->hash));
}

void nscache_flush(struct nscache *c)
{
    while (!list_empty(&c->used))
        drop_oldest(c);
}

const struct found *nscache_get(struct nscache *c, const char *name, int kind, go_time now)
{
    struct nscache_entry **at = slot(c, name, kind, nscache_hash(name)), *e = *at;

    if (!e)
        return NULL;
    if (e->until <= now) {
        drop(c, at);
        return NULL;
    }
    list_remove(&e->used);
    list_push(&c->used, &e->used);
    return &e->found;
}

void nscache_put(struct nscache *c, const char *name, int kind, go_time now, const struct found *f)
{
    uint32_t hash = nscache_hash(name);
    struct nscache_entry **at = slot(c, name, kind, hash), *e;

    if (*at)
        drop(c, at);
    if (f->ttl == 0 || !(e = malloc(sizeof *e + strlen(name) + 1)))
        return;
    if (!found_copy(&e->found, f)) {
        free(e);
        return;
    }
    if (c->n == NSCACHE_MOST)
        drop_oldest(c);
    e->until = now + f->ttl * GO_SEC;
    e->hash = hash;
    e->kind = kind;
    strcpy(e->name, name);
    at = &c->buckets[hash % NSCACHE_BUCKETS];
    e->next = *at;
    *at = e;
    list_push(&c->used, &e->used);
    c->n++;
}
