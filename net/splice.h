/* SPDX-License-Identifier: MIT
 *
 * splice(2) and sendfile(2) take a descriptor's O_NONBLOCK for what it says, have no flag of their
 * own for it, and raise SIGPIPE. Where that is not how it should be, bytes go by read and write. */
#ifndef NET_SPLICE_H
#define NET_SPLICE_H

#include "net/fd.h"

bool splice_may_read(const struct fd *r); /* r: identified */
bool splice_may_write(const struct fd *r);

#endif
