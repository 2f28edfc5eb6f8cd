/* SPDX-License-Identifier: MIT
 *
 * Entry B: system calls that libc makes by itself (stdio, popen, the resolver, …) never pass a
 * symbol. Their `syscall` instructions are replaced by jumps. */
#ifndef SHIM_SITES_H
#define SHIM_SITES_H

#include "syscall.h"
#include <stdbool.h>
#include <stddef.h>

/* The thunks, in whole pages, once there are any. A call of the stub in them makes a system call;
 * NULL: there is none. `restorer`: a return from signals. */
extern struct sites_text {
    unsigned char *at, *stub, *restorer;
    size_t size;
} sites_text;

/* What became of it: how many sites were patched, and NULL; or why not. */
const char *sites_patch(unsigned *count);

/* A patched site's registers: the number, then the arguments, then where it goes on. */
struct site_registers {
    long nr, a[6], pc;
};

/* Arguments of r's. */
#define INT(i)  ((int)r->a[i])
#define WORD(i) ((uint32_t)r->a[i])
#define SIZE(i) ((size_t)r->a[i])
#define PTR(i)  ((void *)r->a[i])

/* The call as it is. */
static inline long site_pass(const struct site_registers *r)
{
    return arch_syscall6(r->nr, r->a[0], r->a[1], r->a[2], r->a[3], r->a[4], r->a[5]);
}

/* One in libc's text. */
struct site {
    unsigned char *at;
    int nr;          /* or SITE_ANY: known only when it is called */
    unsigned length; /* of what is replaced */
    unsigned moved;  /* of the instructions between number and call, which move to the thunk */
    unsigned near;   /* where in them a displacement is from here; 0: nowhere */
};

enum { SITE_ANY = -1 };

/* What its thunk does: makes the call; goes by shim_clone_entry, or by shim_site_entry. */
enum site_kind { SITE_PLAIN, SITE_CLONE, SITE_KNOWN };

/* In a fiber's thread; the system call's result. */
long shim_site(const struct site_registers *r);

/* Whether that does anything for the call of this number but make it. */
bool shim_knows(long nr);

#endif
