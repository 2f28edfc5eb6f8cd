/* SPDX-License-Identifier: MIT
 *
 * How many connections each peer address has. A chained hash table; an address without connections
 * is not in it. IPv4 and the same address mapped into IPv6 count as one; what has no address (a
 * Unix socket's peer) is not counted. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "net/addr.h"

struct peer {
    uint8_t address[16];
    unsigned count;
    struct peer *next;
};

struct peers {
    struct peer **slots;
    unsigned size; /* a power of two, or 0 */
    unsigned used;
    uint64_t seed; /* of the hash: strangers choose the addresses */
};

void peers_init(struct peers *p);
void peers_fini(struct peers *p); /* whatever is still in it */

/* One connection more from a: 0 and its peer (NULL: not counted); -EAGAIN: it has `most` already;
 * -ENOMEM. */
int peers_add(struct peers *p, const union addr *a, unsigned most, struct peer **out);

/* One less; NULL is harmless. */
void peers_remove(struct peers *p, struct peer *peer);

#endif
