/* SPDX-License-Identifier: MIT
 *
 * What `gosling run` asked for. */
#ifndef SHIM_WRAP_H
#define SHIM_WRAP_H

#include <gosling/time.h>
#include <stdbool.h>

extern struct wrap {
    go_time timeout;         /* of each call that waits; 0: none */
    go_time connect_timeout; /* of connect; 0: as timeout */
    bool audit;              /* print go_shim_report at the end */
    bool active;             /* the program is wrapped */
    bool follow;             /* so is what it executes */
    bool native_threads;     /* its threads are the kernel's */
    bool strict;             /* a call that would block the thread ends the program */
    bool named;              /* one of those has been named */
} wrap;

#endif
