/* SPDX-License-Identifier: MIT
 *
 * Error codes for people. Not strerrorname_np and strerrordesc_np: they are glibc's since 2.32
 * only. */
#ifndef CORE_ERRNAME_H
#define CORE_ERRNAME_H

/* "ECANCELED" for -ECANCELED; NULL for a code that gosling and its users have no name for. */
const char *errname(int code);

/* "Operation canceled" for -ECANCELED; never NULL. A constant, or libc's translation of one. */
const char *errtext(int code);

#endif
