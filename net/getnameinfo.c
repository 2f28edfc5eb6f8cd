/* SPDX-License-Identifier: MIT */
#include "net/libcnames.h"
#include "net/names.h"
#include "net/resolve_front.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gosling/resolve.h>
#include <net/if.h>
#include <string.h>
#include <sys/un.h>
#include <sys/utsname.h>

static int copy_text(const char *text, char *to, socklen_t len)
{
    size_t n = strlen(text) + 1;

    if (n > len)
        return EAI_OVERFLOW;
    memcpy(to, text, n);
    return 0;
}

static int check(const struct sockaddr *sa, socklen_t len, const char *host, const char *serv,
                 int flags)
{
    const int known = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM |
                      NI_IDN | 0xc0 /* NI_IDN's former friends, ignored */;

    if (flags & ~known)
        return EAI_BADFLAGS;
    if (!sa || len < sizeof sa->sa_family)
        return EAI_FAMILY;
    if (flags & NI_NAMEREQD && !host && !serv)
        return EAI_NONAME;
    if (sa->sa_family == AF_UNIX)
        return len < offsetof(struct sockaddr_un, sun_path) ? EAI_FAMILY : 0;
    if (sa->sa_family == AF_INET)
        return len < sizeof(struct sockaddr_in) ? EAI_FAMILY : 0;
    if (sa->sa_family == AF_INET6)
        return len < sizeof(struct sockaddr_in6) ? EAI_FAMILY : 0;
    return EAI_FAMILY;
}

/* ---- the host ---- */

static int numeric_v6(const struct sockaddr_in6 *a, char *host, socklen_t len)
{
    const struct in6_addr *addr = &a->sin6_addr;
    char scope[IF_NAMESIZE + 1] = "%";
    size_t used;

    if (!inet_ntop(AF_INET6, addr, host, len))
        return EAI_OVERFLOW;
    if (a->sin6_scope_id == 0)
        return 0;
    if (!(IN6_IS_ADDR_LINKLOCAL(addr) || IN6_IS_ADDR_MC_LINKLOCAL(addr)) ||
        !if_indextoname(a->sin6_scope_id, scope + 1))
        snprintf(scope, sizeof scope, "%%%u", a->sin6_scope_id);
    used = strlen(host);
    return copy_text(scope, host + used, len - (socklen_t)used);
}

static int host_numeric(const struct sockaddr *sa, char *host, socklen_t len)
{
    if (sa->sa_family == AF_INET6)
        return numeric_v6((const struct sockaddr_in6 *)sa, host, len);
    return inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, host, len)
               ? 0
               : EAI_OVERFLOW;
}

static int host_named(go_sched *s, const struct sockaddr *sa, char *host, socklen_t len)
{
    const void *addr = sa->sa_family == AF_INET
                           ? (const void *)&((const struct sockaddr_in *)sa)->sin_addr
                           : (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
    struct found f = {0};
    struct resolver *r;
    int rc;

    if (resolver_get(s, &r) < 0)
        return EAI_MEMORY;
    rc = names_by_addr(r, sa->sa_family, addr, &f);
    if (front_libc_after(s, rc))
        rc = libc_getnameinfo(s, sa,
                              sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                       : sizeof(struct sockaddr_in6),
                              host, len, NULL, 0, NI_NAMEREQD);
    else if (rc == 0)
        rc = copy_text(f.name, host, len);
    else if (rc == EAI_SYSTEM)
        errno = f.err;
    found_free(&f);
    return rc;
}

static int host_part(go_sched *s, const struct sockaddr *sa, char *host, socklen_t len, int flags)
{
    struct utsname me;
    int rc;

    if (sa->sa_family == AF_UNIX) {
        if (!(flags & NI_NUMERICHOST) && uname(&me) == 0)
            return copy_text(me.nodename, host, len);
        return flags & NI_NAMEREQD ? EAI_NONAME : copy_text("localhost", host, len);
    }
    if (!(flags & NI_NUMERICHOST)) {
        rc = host_named(s, sa, host, len);
        if (rc != EAI_NONAME)
            return rc;
    }
    return flags & NI_NAMEREQD ? EAI_NONAME : host_numeric(sa, host, len);
}

/* ---- the service ---- */

static int service_part(go_sched *s, const struct sockaddr *sa, char *serv, socklen_t len,
                        int flags)
{
    struct resolver *r;
    const char *name = NULL;
    char text[8];
    uint16_t port;

    if (sa->sa_family == AF_UNIX)
        return copy_text(((const struct sockaddr_un *)sa)->sun_path, serv, len);
    port = ntohs(((const struct sockaddr_in *)sa)->sin_port); /* at the same place in both */
    if (!(flags & NI_NUMERICSERV)) {
        if (resolver_get(s, &r) < 0)
            return EAI_MEMORY;
        name = services_name(&r->services, port, flags & NI_DGRAM ? "udp" : "tcp");
    }
    snprintf(text, sizeof text, "%u", port);
    return copy_text(name ? name : text, serv, len);
}

static int run(go_sched *s, const struct sockaddr *sa, char *host, socklen_t hostlen, char *serv,
               socklen_t servlen, int flags)
{
    int rc = 0;

    if (host && hostlen > 0)
        rc = host_part(s, sa, host, hostlen, flags);
    if (rc == 0 && serv && servlen > 0)
        rc = service_part(s, sa, serv, servlen, flags);
    return rc;
}

int go_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen,
                   char *serv, socklen_t servlen, int flags)
{
    go_sched *s = sched_self();
    int saved = errno, rc = checkpoint(s);
    bool ip;

    if (rc < 0) {
        errno = -rc;
        return EAI_SYSTEM;
    }
    rc = check(sa, len, host, serv, flags);
    if (rc)
        return rc;
    ip = sa->sa_family != AF_UNIX;
    switch (front_who_names(s, sa, ip && host && hostlen > 0 && !(flags & NI_NUMERICHOST),
                            ip && serv && servlen > 0 && !(flags & NI_NUMERICSERV), flags)) {
    case FRONT_LIBC:
        return libc_getnameinfo(s, sa, len, host, hostlen, serv, servlen, flags);
    case FRONT_SHORT:
        return front_short(errno);
    default:
        rc = run(s, sa, host, hostlen, serv, servlen, flags);
    }
    if (rc != EAI_SYSTEM)
        errno = saved;
    return rc;
}
