/* SPDX-License-Identifier: MIT
 *
 * Names to addresses, for the rest of net/: one family at a time, so that whoever connects can
 * start with the family that answers first. The answer comes from, in this order: the text itself
 * (numeric forms), /etc/hosts, the cache, DNS; or from libc on a pool thread, as
 * go_run_opts.resolver and nsswitch.conf say. resolve.c's essay has the whole. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <gosling/time.h>
#include <netdb.h>
#include <sys/socket.h>

/* Addresses in the order in which they should be tried, each with its port; the list is one block
 * of the caller's to free. */
struct resolve_list {
    struct sockaddr_storage *addrs;
    size_t n;
};

static inline socklen_t resolve_len(const struct sockaddr_storage *a);

/* [checkpoint] host's addresses of one family, AF_INET or AF_INET6, for TCP, in the order of
 * RFC 6724, with this port (host's byte order). host NULL: the loopback address. Returns 0 and at
 * least one address; EAI_NONAME (no such name, or none of that family; an address of the other
 * family), EAI_AGAIN, EAI_FAIL, EAI_MEMORY; EAI_SYSTEM with errno ECANCELED, ESHUTDOWN outside a
 * run, or another; EAI_NODATA, EAI_ADDRFAMILY. out is empty on failure. */
int resolve_addresses(const char *host, int family, uint16_t port, struct resolve_list *out);

void resolve_list_free(struct resolve_list *list); /* and empties it */

/* A port by number or by its name in /etc/services for proto ("tcp", "udp"; NULL: any of them).
 * NULL service: port 0. 0, EAI_SERVICE, EAI_MEMORY. Not a checkpoint; outside a run too. */
int resolve_service(const char *service, const char *proto, uint16_t *port);

/* For tests: when not NULL, resolve_addresses asks this instead of anything else, numeric hosts
 * included, on the caller's fiber: it may wait (go_sleep), and fills out by resolve_list_add. Its
 * result is resolve_addresses'. */
typedef int resolve_script_fn(const char *host, int family, uint16_t port,
                              struct resolve_list *out);
extern resolve_script_fn *resolve_script;

/* Appends one address, numeric, "192.0.2.1" or "2001:db8::1": 0, EAI_NONAME, EAI_MEMORY. */
int resolve_list_add(struct resolve_list *list, const char *numeric, uint16_t port);

static inline socklen_t resolve_len(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET ? 16 : 28; /* struct sockaddr_in, struct sockaddr_in6 */
}

#endif
