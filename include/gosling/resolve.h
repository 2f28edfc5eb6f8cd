/* SPDX-License-Identifier: MIT
 *
 * Names: libc's getaddrinfo and getnameinfo for fibers. The arguments, the answers and their order
 * are libc's, as nsswitch.conf, hosts, resolv.conf, services, host.conf and gai.conf in /etc ask
 * for; only the calling fiber waits. Changed files are noticed at the next call.
 *
 * go_run_opts.resolver says who answers: GO_RESOLVER_ARES, this library; GO_RESOLVER_THREAD, libc
 * on a thread of the offload pool; GO_RESOLVER_AUTO, the default: this library wherever it knows
 * all the sources that nsswitch.conf lists for that name, and else libc. Answers of DNS are kept
 * for their time to live, those of libc are not. */
#ifndef GOSLING_RESOLVE_H
#define GOSLING_RESOLVE_H

#include <gosling/types.h>
#include <netdb.h>
#include <sys/socket.h>

GO_BEGIN_DECLS

/* [checkpoint] The addresses of node and service, as getaddrinfo(3): node is a name, an address, or
 * NULL; service a name in /etc/services, a number, or NULL; not both NULL. hints may be NULL.
 * Returns 0, and in *res a list that is the caller's to free with go_freeaddrinfo. On failure *res
 * is untouched, and it returns EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, EAI_AGAIN, EAI_FAIL,
 * EAI_SERVICE, EAI_SOCKTYPE, EAI_FAMILY, EAI_BADFLAGS, EAI_MEMORY, or EAI_SYSTEM with errno:
 * ECANCELED when the caller was cancelled (the lookup is left behind, and nobody waits for it),
 * ESHUTDOWN outside a run, or what failed. gai_strerror(3) has the words. */
GO_API int go_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **res);

/* [checkpoint] The host and service names of an address, as getnameinfo(3), each written to its
 * buffer with a NUL at the end; host or serv may be NULL. flags: NI_*. Returns 0, EAI_AGAIN,
 * EAI_BADFLAGS, EAI_FAMILY, EAI_MEMORY, EAI_NONAME (NI_NAMEREQD, and there is no name),
 * EAI_OVERFLOW (a buffer is too small), or EAI_SYSTEM with errno, as above. */
GO_API int go_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen,
                          char *serv, socklen_t servlen, int flags);

/* Frees what go_getaddrinfo gave, or any tail of it; NULL is harmless. Not a checkpoint; outside a
 * run, and in any thread. */
GO_API void go_freeaddrinfo(struct addrinfo *res);

GO_END_DECLS

#endif
