/* SPDX-License-Identifier: MIT
 *
 * What nsswitch.conf lists for hosts, as far as this library knows it: files, dns, and sources that
 * concern certain names only. Everything else is libc's. */
#ifndef NET_NSSWITCH_H
#define NET_NSSWITCH_H

#include "net/etc.h"
#include "net/found.h"

enum nss_source { NSS_FILES, NSS_DNS, NSS_MDNS_MINIMAL, NSS_MYHOSTNAME, NSS_OTHER };
enum { NSS_SOURCES = 8 };

struct nsswitch {
    struct etc_file file;
    struct {
        uint8_t source;   /* enum nss_source */
        uint8_t stops[4]; /* by enum found_status: whether that ends the search */
    } hosts[NSS_SOURCES];
    unsigned n;
    bool foreign;          /* a source or an action for hosts that only libc knows */
    bool trailing;         /* the last source concerns certain names only: what a failure comes to
                              depends on whether and how it is installed */
    bool foreign_services; /* for services */
};

/* Reads the file if it has changed: 1, it did; 0; or what is short, and then the next call tries
 * again. */
int nsswitch_refresh(struct nsswitch *sw);

/* Whether libc must answer for this name. */
bool nsswitch_name_is_libcs(const struct nsswitch *sw, const char *name);

/* Whether libc must say the name of this address. */
bool nsswitch_addr_is_libcs(const struct nsswitch *sw, int family, const void *addr);

#endif
