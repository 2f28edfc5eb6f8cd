/* SPDX-License-Identifier: MIT */
#include "shim/kept.h"
#include "shim/shim.h"
#include <fcntl.h>
#include <gosling/io.h>
#include <stdlib.h>

enum { HIGH = 900 }; /* low numbers are the program's, which may count on them */

struct kept {
    int fd;
    unsigned users;
};

static void all_free(go_sched *s, void *all)
{
    (void)s;
    free(all);
}

/* Those fibers are gone. */
static void all_forget(go_sched *s, void *all)
{
    (void)s;
    list_init(all);
}

/* The scheduler's calls that wait; NULL: no memory. */
static list *all_of(go_sched *s)
{
    struct sched_slot *slot = &s->slots[SLOT_KEPT];

    if (!slot->state && (slot->state = malloc(sizeof(list)))) {
        list_init(slot->state);
        slot->fini = all_free;
        slot->forked = all_forget;
    }
    return slot->state;
}

void kept_begin(go_sched *s, struct waits_on *w, int fd)
{
    list *all = all_of(s);

    *w = (struct waits_on){.fd = fd};
    list_init(&w->link);
    if (all)
        list_push(all, &w->link);
}

void kept_end(struct waits_on *w)
{
    struct kept *k = w->kept;

    list_remove(&w->link);
    if (!k || --k->users > 0)
        return;
    go_close(k->fd);
    free(k);
}

int kept_number(const struct waits_on *w)
{
    return w->kept ? w->kept->fd : -1;
}

static struct kept *keep(go_sched *s, int fd)
{
    struct kept *k = malloc(sizeof *k);
    struct fd *r;

    if (!k)
        return NULL;
    k->users = 0;
    k->fd = sys_fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (k->fd < 0) {
        free(k);
        return NULL;
    }
    if (fd_get(s, fd, &r) == 0 && fd_ours(r))
        fd_created(k->fd, (enum fd_kind)r->kind);
    return k;
}

void kept_keep(go_sched *s, int fd)
{
    list *all = s->slots[SLOT_KEPT].state;
    struct kept *k = NULL;

    if (!all || !fd_in_use(s, fd))
        return;
    for (list *l = all->next; l != all; l = l->next) {
        struct waits_on *w = list_entry(l, struct waits_on, link);

        if (w->fd != fd)
            continue;
        if (!k && !(k = keep(s, fd)))
            return;
        w->kept = k;
        w->fd = -1;
        k->users++;
    }
}
