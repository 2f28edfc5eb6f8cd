/* SPDX-License-Identifier: MIT
 *
 * Connecting by name, as RFC 8305 ("Happy Eyeballs") has it. happy.c is the algorithm and touches
 * neither the network nor the resolver: it goes through the two functions below, so that tests can
 * script what they answer, and when, and run it under the virtual clock. */
#ifndef NET_HAPPY_H
#define NET_HAPPY_H

#include "net/resolve.h"
#include <gosling/net.h>

/* RFC 8305, section 8. */
#define HAPPY_RESOLUTION_DELAY (50 * GO_MS) /* what A waits for AAAA */
#define HAPPY_ATTEMPT_DELAY    (250 * GO_MS)
#define HAPPY_ATTEMPT_LEAST    (10 * GO_MS) /* whatever the caller asks for */

struct happy_ways {
    /* as resolve_addresses */
    int (*lookup)(const char *host, int family, uint16_t port, struct resolve_list *out);
    /* [checkpoint] A connected descriptor, which is closed by go_close if another was first; or
     * -errno, and then nothing is left. */
    int (*attempt)(const struct sockaddr *to, socklen_t len, const go_connect_opts *opts);
};

extern const struct happy_ways happy_real; /* the resolver, and TCP */

/* go_tcp_connect by these ways. A numeric host is not looked up. */
int happy_connect(const struct happy_ways *ways, const char *host, const char *service,
                  const go_connect_opts *opts);

#endif
