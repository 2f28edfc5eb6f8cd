/* SPDX-License-Identifier: MIT
 *
 * Socket addresses: numeric text to addresses and back. Nothing here waits or asks anybody. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <gosling/types.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union addr {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
};

enum { ADDR_TEXT = 80 }; /* "[…%scope]:65535" */

/* A numeric host (IPv6 with or without a scope id) and a numeric port. The address's length, or
 * -EINVAL. */
int addr_parse(union addr *a, const char *host, const char *service);

/* A path, or "@name" in the abstract namespace. The address's length, -ENAMETOOLONG, -EINVAL for an
 * empty one. */
int addr_unix(union addr *a, const char *path);

/* "192.0.2.1:80", "[2001:db8::1]:80", and an IPv4 address also where it is mapped into IPv6. The
 * text's length; size is at least ADDR_TEXT. Quick, since each accepted connection is named by it:
 * no printf. */
size_t addr_print(const union addr *a, char *to);

#endif
