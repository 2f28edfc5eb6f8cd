/* SPDX-License-Identifier: MIT
 *
 * One name, looked up in DNS as glibc does it: which names are asked for (search list, ndots), of
 * which servers, how long and how often, and what all that comes to. A lookup is a state machine on
 * the loop. It belongs to the fibers that wait for it, who may be several: who asks for what is
 * being looked up already joins. When the last of them is cancelled it is dropped at once, and what
 * its servers still say is ignored. */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include "net/resolver.h"

enum lookup_kind {
    LOOKUP_A,
    LOOKUP_AAAA,
    LOOKUP_BOTH, /* A and AAAA at once; not the sum of the two: see dns_pair */
    LOOKUP_PTR   /* name is the in-addr.arpa one; no search list */
};

/* The answer: from the cache, from a lookup under way, or from a new one. No checkpoint precedes
 * it; resolver_refresh did. 0, and f says what was found; -ECANCELED, the delivery being recorded.
 */
int lookup_run(struct resolver *r, const char *name, enum lookup_kind kind, struct found *f);

/* For resolver.c. */
void lookup_timer(struct timer *t);
void lookup_drop_all(struct resolver *r);

#endif
