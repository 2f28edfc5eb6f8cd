/* SPDX-License-Identifier: MIT */
#include "net/resolve_front.h"
#include "net/names.h"
#include <errno.h>
#include <string.h>

int front_short(int err)
{
    errno = err;
    return err == ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
}

static bool numeric_service(const char *service)
{
    return !service || service[strspn(service, "0123456789")] == '\0';
}

enum front front_who(go_sched *s, const char *node, const char *service, int flags)
{
    struct found_addr ignored;
    struct resolver *r;
    bool literal =
        !node || flags & AI_NUMERICHOST || names_literal(node, AF_UNSPEC, 0, &ignored) != 1;
    int rc;

    if (literal && numeric_service(service))
        return FRONT_OURS;
    if (s->opts.resolver == GO_RESOLVER_THREAD)
        return FRONT_LIBC;
    if ((rc = resolver_get(s, &r)) < 0 || (rc = resolver_refresh(r)) < 0) {
        errno = -rc;
        return FRONT_SHORT;
    }
    if (!literal && flags & (AI_IDN | AI_CANONIDN)) /* libidn2 is libc's */
        return FRONT_LIBC;
    if (s->opts.resolver == GO_RESOLVER_ARES)
        return FRONT_OURS;
    if (!numeric_service(service) && r->nsswitch.foreign_services)
        return FRONT_LIBC;
    if (!literal && (r->conf->rc.exotic || nsswitch_name_is_libcs(&r->nsswitch, node)))
        return FRONT_LIBC;
    return FRONT_OURS;
}

enum front front_who_names(go_sched *s, const struct sockaddr *sa, bool host, bool service,
                           int flags)
{
    const void *addr = sa->sa_family == AF_INET
                           ? (const void *)&((const struct sockaddr_in *)sa)->sin_addr
                           : (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
    struct resolver *r;
    int rc;

    if (!host && !service)
        return FRONT_OURS;
    if (s->opts.resolver == GO_RESOLVER_THREAD)
        return FRONT_LIBC;
    if ((rc = resolver_get(s, &r)) < 0 || (rc = resolver_refresh(r)) < 0) {
        errno = -rc;
        return FRONT_SHORT;
    }
    if (host && flags & (NI_IDN | NI_NOFQDN)) /* what the own domain is, libc finds out */
        return FRONT_LIBC;
    if (s->opts.resolver == GO_RESOLVER_ARES)
        return FRONT_OURS;
    if ((service && r->nsswitch.foreign_services) ||
        (host && nsswitch_addr_is_libcs(&r->nsswitch, sa->sa_family, addr)))
        return FRONT_LIBC;
    return FRONT_OURS;
}

bool front_libc_after(go_sched *s, int rc)
{
    struct resolver *r;

    return (rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_AGAIN) &&
           s->opts.resolver == GO_RESOLVER_AUTO && resolver_get(s, &r) == 0 && r->nsswitch.trailing;
}

socklen_t front_sockaddr(const struct found_addr *a, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;

    if (a->family == AF_INET) {
        *v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = a->v4};
        return sizeof *v4;
    }
    *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_addr = a->v6,
                                .sin6_scope_id = a->scope};
    return sizeof *v6;
}
