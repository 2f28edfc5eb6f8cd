/* SPDX-License-Identifier: MIT */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "core/sched.h"
#include <sys/socket.h>

/* go_connect after its checkpoint; until 0: without end, else -ETIMEDOUT at that time. */
int connect_until(go_sched *s, int fd, const struct sockaddr *to, socklen_t len, go_time until);

#endif
