/* SPDX-License-Identifier: MIT
 *
 * Names, by the library's own resolver, whose answers are libc's. Its lists are made as libc makes
 * them, so that either one's freeaddrinfo frees both. */
#include "shim/shim.h"
#include <gosling/resolve.h>

int shim_getaddrinfo(go_sched *s, const char *node, const char *service,
                     const struct addrinfo *hints, struct addrinfo **res)
{
    (void)s;
    return go_getaddrinfo(node, service, hints, res);
}

int shim_getnameinfo(go_sched *s, const struct sockaddr *sa, socklen_t len, char *host,
                     socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
    (void)s;
    return go_getnameinfo(sa, len, host, hostlen, serv, servlen, flags);
}
