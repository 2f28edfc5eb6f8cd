/* SPDX-License-Identifier: MIT
 *
 * The order in which addresses are tried: RFC 6724 as glibc does it, which still has the tables of
 * RFC 3484, with gai.conf's labels, precedences and scopes. Rule 7 (native transport before
 * tunnels) is not looked at. Nothing here waits: the kernel is asked for its addresses by netlink,
 * and for each destination's source address by connecting a datagram socket, which sends
 * nothing. */
#ifndef NET_RFC6724_H
#define NET_RFC6724_H

#include "net/found.h"

struct prefix {
    struct in6_addr addr;
    unsigned bits;
    int value;
};

/* gai.conf, which is read once. A table that is NULL: the default one. */
struct policy {
    bool known;
    struct prefix *labels, *precedence, *scopes; /* ended by an entry of 0 bits; v4: mapped */
};

void policy_free(struct policy *p);

/* An address of this machine, IPv4 ones mapped. */
struct interface_addr {
    struct in6_addr addr;
    uint8_t prefix_len;
    bool deprecated, home;
};

struct interfaces {
    struct interface_addr *addrs;
    size_t n;
    bool v4, v6; /* it has one that is not the loopback address */
};

/* Without memory, or netlink, they are none. */
void interfaces_get(struct interfaces *out);
void interfaces_free(struct interfaces *i);

/* Sorts addrs[0..n). in NULL: they are got here. False: no memory, and the order is as it was. */
bool rfc6724_sort(struct policy *p, const struct interfaces *in, struct found_addr *addrs,
                  size_t n);

#endif
