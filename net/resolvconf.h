/* SPDX-License-Identifier: MIT
 *
 * /etc/resolv.conf as glibc reads it, with LOCALDOMAIN and RES_OPTIONS of the environment. */
#ifndef NET_RESOLVCONF_H
#define NET_RESOLVCONF_H

#include <gosling/types.h>
#include <sys/socket.h>

#define RESOLVCONF_PATH "/etc/resolv.conf"
enum { RESOLVCONF_SERVERS = 3 };

struct resolvconf {
    struct sockaddr_storage servers[RESOLVCONF_SERVERS];
    unsigned n_servers; /* at least one */
    char *search;       /* n_search domains, each with its NUL, one behind the other */
    unsigned n_search;
    unsigned ndots;
    unsigned timeout; /* seconds */
    unsigned attempts;
    bool rotate, tcp, edns, no_tld, no_aaaa;
    bool exotic; /* it asks for something that only libc does: sortlist */
};

/* 0, or what is short: -ENOMEM, -EMFILE, -ENFILE. Without the file: a server on 127.0.0.1. */
int resolvconf_read(struct resolvconf *rc);

void resolvconf_free(struct resolvconf *rc);

#endif
