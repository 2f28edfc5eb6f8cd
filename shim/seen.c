/* SPDX-License-Identifier: MIT */
#include "shim/seen.h"
#include "shim/kept.h"
#include "shim/aio.h"
#include "shim/shim.h"
#include <sys/ioctl.h>

/* `made` and `asked` of a record hold while these are the same. Never 0, which is a new
 * record's. */
static uint32_t sharing = 1, changes = 1;

void seen_begin(void)
{
    numbers_seen = true;
}

void seen_end(void)
{
    numbers_seen = false;
}

static void next(uint32_t *counter)
{
    if (++*counter == 0)
        *counter = 1;
}

void seen_shared(void)
{
    next(&sharing);
}

void seen_changed(void)
{
    next(&changes);
}

void seen_made(go_sched *s, int fd)
{
    struct fd *r;

    if (numbers_seen && fd_get(s, fd, &r) == 0)
        r->made = sharing;
}

bool seen_waits(const struct fd *r, unsigned dir)
{
    return numbers_seen && r->made == sharing && r->asked == changes && r->waits & dir;
}

void seen_to_wait(struct fd *r, unsigned dir)
{
    if (!numbers_seen || r->made != sharing)
        return;
    r->waits = (uint8_t)(r->asked == changes ? r->waits | dir : dir);
    r->asked = changes;
}

/* ---- calls ---- */

#ifdef SHIM_CLONE

static long set_option(const struct site_registers *r)
{
    if (INT(1) == SOL_SOCKET)
        switch (INT(2)) {
        case SO_RCVTIMEO_OLD:
        case SO_SNDTIMEO_OLD:
        case SO_RCVTIMEO_NEW:
        case SO_SNDTIMEO_NEW:
            seen_changed();
            break;
        default:
            break;
        }
    return site_pass(r);
}

long seen_call(go_sched *s, const struct site_registers *r)
{
    const int *pair = PTR(3);
    long rc;

    switch (r->nr) {
    case SYS_socket:
        rc = site_pass(r);
        if (rc >= 0)
            seen_made(s, (int)rc);
        return rc;
    case SYS_socketpair:
        rc = site_pass(r);
        for (int i = 0; rc == 0 && i < 2; i++)
            seen_made(s, pair[i]);
        return rc;
    case SYS_setsockopt:
        return set_option(r);
    case SYS_ioctl:
        if (WORD(1) == FIONBIO)
            seen_changed();
        return site_pass(r);
    default: /* io_uring_setup: what a ring does, we do not see */
        seen_end();
        return shim_ring_setup(r);
    }
}

#endif
