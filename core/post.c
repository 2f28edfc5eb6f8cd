/* SPDX-License-Identifier: MIT */
#include "core/sched.h"
#include <errno.h>

go_sched *go_sched_self(void)
{
    return sched_self();
}

int go_post(go_sched *s, void (*fn)(void *), void *arg)
{
    return s && fn ? inbox_post(&s->inbox, fn, arg) : -EINVAL;
}

int go_sched_hold(go_sched *s)
{
    if (!s)
        return -EINVAL;
    atomic_fetch_add(&s->holds, 1);
    return 0;
}

/* Nobody needs to be woken by the last drop: what it allows is a report, at the next turn; the turn
 * is provoked. */
static void look_again(void *arg)
{
    (void)arg;
}

int go_sched_drop(go_sched *s)
{
    unsigned held = s ? atomic_load(&s->holds) : 0;

    do {
        if (held == 0)
            return -EINVAL;
    } while (!atomic_compare_exchange_weak(&s->holds, &held, held - 1));
    if (held == 1)
        inbox_post(&s->inbox, look_again, NULL);
    return 0;
}
