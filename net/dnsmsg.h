/* SPDX-License-Identifier: MIT
 *
 * Answers of name servers, read as glibc reads them: which records count, which name is the
 * canonical one, and what an answer without addresses means. Pure functions over bytes that may be
 * anything; the message is the caller's. */
#ifndef NET_DNSMSG_H
#define NET_DNSMSG_H

#include "net/found.h"

enum { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_AAAA = 28 };
enum { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };
enum { DNS_NAME = 256 }; /* a host name as text, with its NUL */

struct dns_head {
    unsigned rcode;
    unsigned answers;
    bool referral; /* an empty answer of a server that knows nothing and asks nobody */
};

/* False: no answer at all. */
bool dns_head(const uint8_t *msg, size_t len, struct dns_head *out);

/* The answer to a question for A or AAAA that stood alone: f is the whole. */
void dns_single(const uint8_t *msg, size_t len, struct found *f);

/* The answers to A and AAAA, asked together; either may be NULL. f is the whole. */
void dns_pair(const uint8_t *a, size_t a_len, const uint8_t *aaaa, size_t aaaa_len,
              struct found *f);

/* To a question for an address's name. */
void dns_pointer(const uint8_t *msg, size_t len, struct found *f);

/* How long it may be remembered that there is nothing, in seconds, by RFC 2308; 0: not at all. */
uint32_t dns_negative_ttl(const uint8_t *msg, size_t len);

/* Whether name can be asked for at all: labels of letters, digits, '-' and '_'. */
bool dns_host_name(const char *name);

#endif
