/* SPDX-License-Identifier: MIT
 *
 * /etc/hosts, as glibc's "files" source reads it: kept in memory with an index by name, and read
 * again when the file has changed. host.conf's `multi` says whether a name may stand on several
 * lines; it is read once. A scheduler's own. */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include "net/etc.h"
#include "net/found.h"

struct hosts_line;
struct hosts_name;

struct hosts {
    struct etc_file file;
    char *text; /* the lines' names point into it */
    struct hosts_line *lines;
    struct hosts_name *names;
    uint32_t *buckets;
    size_t n_lines, n_names, mask;
    bool multi, multi_known;
};

/* What the file says about name: family AF_UNSPEC, all its addresses as they are; AF_INET, also
 * those that are mapped into IPv6, and ::1 as 127.0.0.1; AF_INET6, those of IPv6. */
void hosts_by_name(struct hosts *h, const char *name, int family, struct found *f);

/* The first name of the first line with this address. */
void hosts_by_addr(struct hosts *h, int family, const void *addr, struct found *f);

void hosts_free(struct hosts *h);

#endif
