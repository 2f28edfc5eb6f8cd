/* SPDX-License-Identifier: MIT
 *
 * What the calls that take names have in common: who answers, and sockaddrs. */
#ifndef NET_RESOLVE_FRONT_H
#define NET_RESOLVE_FRONT_H

#include "net/found.h"
#include "net/resolver.h"

enum front { FRONT_OURS, FRONT_LIBC, FRONT_SHORT };

/* Who answers for this name, and this service, by the run's policy and by nsswitch.conf, which is
 * brought up to date, as is resolv.conf. Either may be NULL, or numeric: these are always ours. */
enum front front_who(go_sched *s, const char *node, const char *service, int flags);

/* FRONT_SHORT: memory or descriptors are, and errno says which; what to return for such an
 * errno. */
int front_short(int err);

/* The same for the name of an address, or a port's. */
enum front front_who_names(go_sched *s, const struct sockaddr *sa, bool host, bool service,
                           int flags);

/* Whether libc must be asked after all, since this failed (an EAI code). */
bool front_libc_after(go_sched *s, int rc);

/* port: host's byte order. Its length. */
socklen_t front_sockaddr(const struct found_addr *a, uint16_t port, struct sockaddr_storage *out);

#endif
