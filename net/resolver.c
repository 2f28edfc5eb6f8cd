/* SPDX-License-Identifier: MIT */
#include "net/resolver.h"
#include "net/lookup.h"
#include <stdlib.h>

/* ---- resolv.conf ---- */

static void dnsconf_free(struct dnsconf *conf)
{
    for (unsigned i = 0; i < RESOLVCONF_SERVERS; i++)
        if (conf->channels[i])
            cares_close(conf->channels[i]);
    resolvconf_free(&conf->rc);
    free(conf);
}

/* The last lookup may end inside a callback of its channel, which cannot be closed there. */
void dnsconf_release(struct resolver *r, struct dnsconf *conf)
{
    if (--conf->users > 0)
        return;
    conf->next = r->unused;
    r->unused = conf;
}

static void close_unused(struct resolver *r)
{
    struct dnsconf **at = &r->unused, *conf;

    while ((conf = *at)) {
        bool busy = false;

        for (unsigned i = 0; i < RESOLVCONF_SERVERS; i++)
            busy |= conf->channels[i] && cares_busy(conf->channels[i]);
        if (busy) {
            at = &conf->next;
            continue;
        }
        *at = conf->next;
        dnsconf_free(conf);
    }
}

int resolver_refresh(struct resolver *r)
{
    struct etc_file file = r->conf_file;
    struct dnsconf *conf;
    int rc;

    rc = nsswitch_refresh(&r->nsswitch);
    if (rc < 0)
        return rc;
    if (rc > 0)
        nscache_flush(&r->cache);
    if (r->unused)
        close_unused(r);
    if (!etc_changed(&file, RESOLVCONF_PATH) && r->conf)
        return 0;
    conf = calloc(1, sizeof *conf);
    if (!conf)
        return -ENOMEM;
    rc = resolvconf_read(&conf->rc);
    if (rc < 0) {
        free(conf);
        return rc;
    }
    conf->users = 1;
    nscache_flush(&r->cache);
    if (r->conf)
        dnsconf_release(r, r->conf);
    r->conf = conf;
    r->conf_file = file;
    return 0;
}

/* ---- life ---- */

static void resolver_fini(go_sched *s, void *state)
{
    struct resolver *r = state;

    lookup_drop_all(r);
    if (r->conf)
        dnsconf_release(r, r->conf);
    close_unused(r);
    timer_release(s, &r->timer);
    nscache_flush(&r->cache);
    hosts_free(&r->hosts);
    services_free(&r->services);
    policy_free(&r->policy);
    free(r);
}

/* The fibers that waited are gone, and so are their waits. */
static void resolver_forked(go_sched *s, void *state)
{
    struct resolver *r = state;

    (void)s;
    lookup_drop_all(r);
    r->armed = GO_FOREVER;
    for (unsigned i = 0; r->conf && i < RESOLVCONF_SERVERS; i++)
        if (r->conf->channels[i]) {
            cares_forked(r->conf->channels[i]);
            r->conf->channels[i] = NULL;
        }
}

int resolver_get(go_sched *s, struct resolver **out)
{
    struct sched_slot *slot = &s->slots[SLOT_RESOLVER];
    struct resolver *r = slot->state;

    if (likely(r != NULL)) {
        *out = r;
        return 0;
    }
    r = calloc(1, sizeof *r);
    if (!r || timer_reserve(s) < 0) {
        free(r);
        return -ENOMEM;
    }
    r->sched = s;
    r->timer.fire = lookup_timer;
    r->armed = GO_FOREVER;
    list_init(&r->timed);
    for (unsigned i = 0; i < RESOLVER_BUCKETS; i++)
        list_init(&r->lookups[i]);
    nscache_init(&r->cache);
    *slot = (struct sched_slot){.state = r, .fini = resolver_fini, .forked = resolver_forked};
    *out = r;
    return 0;
}
