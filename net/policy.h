/* SPDX-License-Identifier: MIT
 *
 * The tables behind rfc6724.c: gai.conf's, or glibc's. IPv4 addresses are looked up mapped. */
#ifndef NET_POLICY_H
#define NET_POLICY_H

#include "net/rfc6724.h"

void policy_read(struct policy *p); /* gai.conf, if it has not been read */

int policy_label(const struct policy *p, const struct in6_addr *a);
int policy_precedence(const struct policy *p, const struct in6_addr *a);
int policy_scope(const struct policy *p, const struct in6_addr *a, int family);

#endif
