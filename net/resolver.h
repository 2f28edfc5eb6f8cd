/* SPDX-License-Identifier: MIT
 *
 * A scheduler's resolver: what it has read of /etc, what it remembers, the lookups under way and
 * the channels to name servers. Made at the first lookup of a run, gone with the run. In a fork
 * child the lookups are dropped and the channels made anew; what was read and remembered stays. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "core/sched.h"
#include "net/ares.h"
#include "net/hosts.h"
#include "net/nscache.h"
#include "net/nsswitch.h"
#include "net/resolvconf.h"
#include "net/rfc6724.h"
#include "net/services.h"

enum { RESOLVER_BUCKETS = 64 };

/* One reading of resolv.conf. A lookup keeps the one that it has begun with. */
struct dnsconf {
    struct resolvconf rc;
    struct cares *channels[RESOLVCONF_SERVERS]; /* NULL: not opened */
    unsigned users;                             /* lookups, and the resolver for the present one */
    unsigned turn;                              /* `rotate`: who is asked first */
    struct dnsconf *next;                       /* in the list of those without users */
};

struct resolver {
    go_sched *sched;
    struct hosts hosts;
    struct services services;
    struct nsswitch nsswitch;
    struct policy policy; /* gai.conf */
    struct etc_file conf_file;
    struct dnsconf *conf;   /* NULL: not read */
    struct dnsconf *unused; /* to be closed when no callback of theirs is on the stack */
    struct nscache cache;
    list lookups[RESOLVER_BUCKETS]; /* under way and wanted, by name */
    list timed;                     /* those that wait for an answer, the next time-out first */
    struct timer timer;
    go_time armed; /* what the timer is set for; GO_FOREVER: nothing */
};

/* This scheduler's: 0, or -ENOMEM. */
int resolver_get(go_sched *s, struct resolver **out);

/* Brings resolv.conf and nsswitch.conf up to date; what was remembered is forgotten if they have
 * changed. 0, or what is short: -ENOMEM, -EMFILE, -ENFILE. */
int resolver_refresh(struct resolver *r);

void dnsconf_release(struct resolver *r, struct dnsconf *conf);

#endif
