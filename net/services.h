/* SPDX-License-Identifier: MIT
 *
 * /etc/services, kept in memory, and read again when it has changed. A scheduler's own. */
#ifndef NET_SERVICES_H
#define NET_SERVICES_H

#include "net/etc.h"

struct service;

struct services {
    struct etc_file file;
    char *text;
    struct service *entries;
    size_t n;
    uint32_t *by_name, *by_port; /* the first one's index + 1, per bucket */
};

/* The port of a service by name or alias, host's byte order; proto NULL: of any. -ENOENT, or
 * what is short: -ENOMEM, -EMFILE, -ENFILE. */
int services_port(struct services *v, const char *name, const char *proto);

/* The name of a port; NULL: none, or no memory. Valid until the next call. */
const char *services_name(struct services *v, uint16_t port, const char *proto);

void services_free(struct services *v);

#endif
