/* SPDX-License-Identifier: MIT
 *
 * Private values are an array by the key's index, made on the first go_set. Inherited ones are an
 * array too, which a child shares with its parent until one of them writes: a spawn costs one
 * count. */
#include "core/local.h"
#include "core/scope.h"
#include <errno.h>
#include <gosling/fiber.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 1024 };
#define DEFER_BUDGET (10 * GO_SEC)

struct locals {
    uint32_t count;
    void *value[];
};

struct inherited {
    uint32_t users;
    uint32_t count;
    void *value[];
};

struct defer {
    struct defer *next;
    void (*fn)(void *);
    void *arg;
};

static void (*destructors[KEYS + 1])(void *);
static atomic_uint keys, inherited_keys;

static int new_key(go_key *k, atomic_uint *counter, bool inherited)
{
    unsigned index;

    if (k->index)
        return -EBUSY;
    index = atomic_fetch_add(counter, 1) + 1;
    if (index > KEYS) {
        atomic_fetch_sub(counter, 1);
        return -EAGAIN;
    }
    k->index = index;
    k->inherited = inherited;
    return 0;
}

int go_key_init(go_key *k, void (*destructor)(void *))
{
    int rc = new_key(k, &keys, false);

    if (rc == 0)
        destructors[k->index] = destructor;
    return rc;
}

int go_key_init_inherited(go_key *k)
{
    return new_key(k, &inherited_keys, true);
}

static int set_private(fiber *f, uint32_t i, void *value)
{
    struct locals *l = f->locals;

    if (!l || i >= l->count) {
        uint32_t count = i + 8;

        if (!value)
            return 0;
        l = realloc(l, sizeof *l + count * sizeof l->value[0]);
        if (!l)
            return -ENOMEM;
        memset(&l->value[f->locals ? l->count : 0], 0,
               (count - (f->locals ? l->count : 0)) * sizeof l->value[0]);
        l->count = count;
        f->locals = l;
    }
    l->value[i] = value;
    return 0;
}

static void inherited_drop(struct inherited *in)
{
    if (in && --in->users == 0)
        free(in);
}

static int set_inherited(fiber *f, uint32_t i, void *value)
{
    struct inherited *in = f->inherited;
    uint32_t count = in && in->count > i ? in->count : i + 8;
    struct inherited *copy;

    if (in && in->users == 1 && i < in->count) {
        in->value[i] = value;
        return 0;
    }
    copy = calloc(1, sizeof *copy + count * sizeof copy->value[0]);
    if (!copy)
        return -ENOMEM;
    copy->users = 1;
    copy->count = count;
    if (in)
        memcpy(copy->value, in->value, in->count * sizeof in->value[0]);
    copy->value[i] = value;
    inherited_drop(in);
    f->inherited = copy;
    return 0;
}

void local_inherit(fiber *child, const fiber *from)
{
    child->inherited = from->inherited;
    child->inherited->users++;
    child->extras = true;
}

int go_set(go_key *k, void *value)
{
    go_sched *s = sched_self();

    if (!s)
        return -ESHUTDOWN;
    if (!k->index)
        return -EINVAL;
    s->current->extras = true;
    return k->inherited ? set_inherited(s->current, k->index, value)
                        : set_private(s->current, k->index, value);
}

void *go_get(const go_key *k)
{
    go_sched *s = sched_self();

    if (!s || !k->index)
        return NULL;
    if (k->inherited)
        return s->current->inherited && k->index < s->current->inherited->count
                   ? s->current->inherited->value[k->index]
                   : NULL;
    return s->current->locals && k->index < s->current->locals->count
               ? s->current->locals->value[k->index]
               : NULL;
}

/* A destructor may set values again: a few rounds, as POSIX has it for threads. */
void local_end(fiber *f)
{
    bool again = f->locals != NULL;

    for (int round = 0; again && round < 4; round++) {
        again = false;
        for (uint32_t i = 1; i < f->locals->count; i++) {
            void *value = f->locals->value[i];

            f->locals->value[i] = NULL;
            if (!value || !destructors[i])
                continue;
            again = true;
            destructors[i](value);
        }
    }
    free(f->locals);
    f->locals = NULL;
    inherited_drop(f->inherited);
    f->inherited = NULL;
}

int go_defer(void (*fn)(void *), void *arg)
{
    go_sched *s = sched_self();
    struct defer *d;

    if (!s)
        return -ESHUTDOWN;
    d = malloc(sizeof *d);
    if (!d)
        return -ENOMEM;
    *d = (struct defer){s->current->defers, fn, arg};
    s->current->defers = d;
    s->current->extras = true;
    return 0;
}

void defer_run(go_sched *s, fiber *f)
{
    go_scope shield = {0};
    struct defer *d;

    scope_push(f, &shield, GO_FOREVER, sched_now(s) + DEFER_BUDGET);
    while ((d = f->defers)) {
        f->defers = d->next;
        d->fn(d->arg);
        free(d);
    }
    scope_pop(f, &shield);
}
