/* SPDX-License-Identifier: MIT
 *
 * libc's own getaddrinfo and getnameinfo, on a thread of the offload pool: for what nsswitch.conf
 * lists and this library does not know. A fiber that is cancelled leaves at once; what its thread
 * brings back later, the thread frees. No checkpoint precedes these. Return libc's code; EAI_SYSTEM
 * with errno, ECANCELED when the caller was cancelled. */
#ifndef NET_LIBCNAMES_H
#define NET_LIBCNAMES_H

#include "core/sched.h"
#include <netdb.h>

/* *res: libc's list, for freeaddrinfo. */
int libc_getaddrinfo(go_sched *s, const char *node, const char *service,
                     const struct addrinfo *hints, struct addrinfo **res);
int libc_getnameinfo(go_sched *s, const struct sockaddr *sa, socklen_t len, char *host,
                     socklen_t hostlen, char *serv, socklen_t servlen, int flags);

#endif
