/* SPDX-License-Identifier: MIT */
#ifndef SHIM_AIO_H
#define SHIM_AIO_H

#include "core/sched.h"
#include "shim/sites.h"

/* io_getevents. Returns as that. */
long shim_aio_events(go_sched *s, const struct site_registers *r);

/* io_uring_setup. Returns as that. */
long shim_ring_setup(const struct site_registers *r);

/* io_uring_enter. Returns as that. */
long shim_ring_enter(go_sched *s, const struct site_registers *r);

#endif
