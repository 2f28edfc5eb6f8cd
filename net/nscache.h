/* SPDX-License-Identifier: MIT
 *
 * What lookups have found, and that they have found nothing, each for its time to live. Bounded:
 * the one that was used longest ago makes room. A scheduler's own, by its clock. */
#ifndef NET_NSCACHE_H
#define NET_NSCACHE_H

#include "core/list.h"
#include "net/found.h"
#include <gosling/time.h>

enum { NSCACHE_MOST = 1024, NSCACHE_BUCKETS = 256 };

struct nscache {
    struct nscache_entry *buckets[NSCACHE_BUCKETS];
    list used; /* longest ago first */
    unsigned n;
};

void nscache_init(struct nscache *c);
void nscache_flush(struct nscache *c);

/* NULL: nothing is known, or not any more. kind is the caller's. The case of letters counts: an
 * answer's canonical name has the question's. Valid until the next call. */
const struct found *nscache_get(struct nscache *c, const char *name, int kind, go_time now);

/* Keeps a copy of f for f->ttl seconds, if that is not 0 and there is memory. */
void nscache_put(struct nscache *c, const char *name, int kind, go_time now, const struct found *f);

/* Of a name, without regard to case. */
uint32_t nscache_hash(const char *name);

#endif
