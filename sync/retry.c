/* SPDX-License-Identifier: MIT */
#include "core/sched.h"
#include <errno.h>
#include <gosling/fiber.h>
#include <gosling/retry.h>

#define PAUSE     (100 * GO_MS)
#define MAX_PAUSE (30 * GO_SEC)

/* Between a half and all of it. */
static go_time jittered(go_sched *s, go_time pause)
{
    go_time half = pause / 2;

    return pause - (go_time)((double)half * sched_random(s, 1u << 24) / (1u << 24));
}

int go_retry(const go_retry_opts *opts, go_fn *fn, void *arg)
{
    static const go_retry_opts defaults;
    const go_retry_opts *o = opts ? opts : &defaults;
    unsigned attempts = o->attempts ? o->attempts : 5;
    go_time most = o->max_pause > 0 ? o->max_pause : MAX_PAUSE;
    double factor = o->factor >= 1 ? o->factor : 2, pause = o->pause > 0 ? (double)o->pause : PAUSE;
    int rc = go_checkpoint(), slept;

    if (rc < 0)
        return rc;
    for (unsigned i = 1;; i++) {
        rc = fn(arg);
        if (rc >= 0 || rc == -ECANCELED || i == attempts || (o->worth && !o->worth(rc, arg)))
            return rc;
        if (pause > (double)most)
            pause = (double)most;
        slept = go_sleep(jittered(sched_self(), (go_time)pause));
        if (slept < 0)
            return slept;
        pause *= factor;
    }
}
