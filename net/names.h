/* SPDX-License-Identifier: MIT
 *
 * The sources of nsswitch.conf, asked in their order, and what their answers come to: libc's EAI
 * code. No checkpoint precedes these; all may wait. On EAI_SYSTEM out->err is the errno, ECANCELED
 * when the caller was cancelled. */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include "net/resolver.h"

/* name's addresses, in the sources' order; flags: AI_CANONNAME, AI_V4MAPPED, AI_ALL matter. The
 * caller frees out in any case. */
int names_by_name(struct resolver *r, const char *name, int family, int flags, struct found *out);

/* The name of an address, in out->name. EAI_NONAME: it has none. */
int names_by_addr(struct resolver *r, int family, const void *addr, struct found *out);

/* An address in text: 0, EAI_ADDRFAMILY (it is of another family, and cannot be mapped), EAI_NONAME
 * (a bad scope id). 1: it is no address. */
int names_literal(const char *text, int family, int flags, struct found_addr *out);

#endif
