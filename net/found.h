/* SPDX-License-Identifier: MIT
 *
 * What one source of names has to say about one name: NSS's terms, since libc's answer is put
 * together from them. Owned by whoever holds it; zero-initialise it, and found_free it. */
#ifndef NET_FOUND_H
#define NET_FOUND_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What nsswitch.conf's actions speak of. */
enum found_status { FOUND_SUCCESS, FOUND_NOTFOUND, FOUND_UNAVAIL, FOUND_TRYAGAIN };

struct found_addr {
    int family;     /* AF_INET, AF_INET6 */
    uint32_t scope; /* of a link-local address in text */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    };
};

struct found {
    int status;   /* enum found_status */
    int herr;     /* unless FOUND_SUCCESS: HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA, or
                     NETDB_INTERNAL: see err */
    int err;      /* errno */
    uint32_t ttl; /* seconds; 0: not to be kept */
    struct found_addr *addrs;
    size_t n, room;
    char *name; /* the canonical one, or of an address; NULL: none */
};

void found_free(struct found *f); /* and empties it */

/* False: no memory; then f says so. */
bool found_add(struct found *f, int family, const void *bytes);
bool found_name(struct found *f, const char *name);
bool found_copy(struct found *to, const struct found *from);

/* Without addresses: status and herr; its result is false, for whoever wants to return it. */
bool found_nothing(struct found *f, int status, int herr);

#endif
