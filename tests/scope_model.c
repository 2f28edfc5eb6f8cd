/* SPDX-License-Identifier: MIT
 *
 * Section 4 and 5 against a model: random trees of scopes, deadlines, shields and cancellations, in
 * one fiber and across nurseries, and what the sentences of the contract say about them. */
#include "tests/kit.h"

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)seed * sides) >> 32);
}

/* ---- one fiber: entering, leaving, cancelling and sleeping at random ---- */

enum { DEPTH = 8 };

struct modelled {
    go_scope s;
    go_time deadline, shield; /* absolute; shield INT64_MIN: none */
    bool cancelled, delivered, move_on;
};

struct model {
    struct modelled scope[DEPTH];
    int depth;
};

/* The outermost cancelled one that no shield hides, or NULL. */
static struct modelled *model_catcher(struct model *m)
{
    struct modelled *found = NULL;

    for (int i = m->depth - 1; i >= 0; i--) {
        struct modelled *sc = &m->scope[i];

        if (sc->cancelled || sc->deadline <= go_now())
            found = sc;
        if (sc->shield > go_now())
            break;
    }
    return found;
}

static go_time model_deadline(struct model *m)
{
    go_time least = GO_FOREVER;

    for (int i = m->depth - 1; i >= 0; i--) {
        struct modelled *sc = &m->scope[i];

        if (sc->deadline < least)
            least = sc->deadline;
        if (sc->shield > go_now())
            break;
    }
    return least;
}

static void check_model(struct model *m)
{
    struct modelled *catcher = model_catcher(m);

    CHECK_EQ(go_cancelled(), catcher != NULL);
    CHECK_EQ(go_cancel_reason() != NULL, catcher != NULL);
    if (catcher)
        CHECK(go_deadline() < go_now());
    else
        CHECK_EQ(go_deadline(), model_deadline(m));
}

static void model_enter(struct model *m)
{
    struct modelled *sc = &m->scope[m->depth];
    go_scope_opts opts = {0};

    memset(sc, 0, sizeof *sc);
    sc->deadline = GO_FOREVER;
    sc->shield = INT64_MIN;
    if (dice(3) == 0)
        sc->deadline = go_now() + (opts.timeout = 1 + dice(20));
    if (dice(3) == 0)
        sc->shield = go_now() + (opts.shield = 1 + dice(20));
    sc->move_on = opts.move_on = dice(2);
    CHECK_EQ(go_scope_enter(&sc->s, &opts), 0);
    m->depth++;
}

static void model_exit(struct model *m)
{
    struct modelled *sc = &m->scope[--m->depth];
    int rc = go_scope_exit(&sc->s, -EIO);

    CHECK_EQ(go_scope_caught(&sc->s), sc->delivered);
    if (!sc->delivered)
        CHECK_EQ(rc, -EIO);
    else if (sc->cancelled)
        CHECK_EQ(rc, -ECANCELED);
    else
        CHECK_EQ(rc, sc->move_on ? 0 : -ETIMEDOUT);
}

/* Sleeps, and works out when that must end, and how. */
static void model_sleep(struct model *m)
{
    go_time ns = dice(10), start = go_now(), end = start;
    struct modelled *catcher = NULL;
    int rc = go_sleep(ns);

    /* Nothing else happens meanwhile: the sleep ends at the first time at which something is
     * visible. */
    for (go_time now = start; now <= start + ns && !catcher; now++) {
        struct modelled *found = NULL;

        for (int i = m->depth - 1; i >= 0; i--) {
            struct modelled *sc = &m->scope[i];

            if (sc->cancelled || sc->deadline <= now)
                found = sc;
            if (sc->shield > now)
                break;
        }
        end = now;
        catcher = found;
    }
    if (catcher && (end < start + ns || ns == 0 || rc < 0)) {
        CHECK_EQ(rc, -ECANCELED);
        catcher->delivered = true;
    } else {
        CHECK_EQ(rc, 0);
    }
    CHECK_EQ(go_now(), end);
}

static void model_step(struct model *m)
{
    switch (dice(6)) {
    case 0:
    case 1:
        if (m->depth < DEPTH)
            model_enter(m);
        break;
    case 2:
        if (m->depth > 0)
            model_exit(m);
        break;
    case 3:
        if (m->depth > 0) {
            struct modelled *sc = &m->scope[dice((uint32_t)m->depth)];

            if (dice(3) == 0 && sc->deadline > go_now()) {
                go_scope_cancel(&sc->s, NULL);
                sc->cancelled = true;
                sc->deadline = GO_FOREVER;
            }
        }
        break;
    default:
        model_sleep(m);
    }
}

LAW_VIRTUAL(one_fiber, "S4.08 random scopes in one fiber: what is visible, who catches, and every "
                       "rc, as the model says")
{
    for (uint32_t round = 1; round <= 2000 && tap.wrong == 0; round++) {
        struct model m = {.depth = 0};

        seed = round * 2654435761u;
        for (int i = 0; i < 40 && tap.wrong == 0; i++) {
            check_model(&m);
            model_step(&m);
        }
        while (m.depth > 0) {
            check_model(&m);
            model_exit(&m);
        }
        if (tap.wrong)
            tap_note("round %u", round);
    }
}

LAW_VIRTUAL(
    late_look,
    "S4.08 a deadline that has passed counts, though nobody has looked: the outermost catches")
{
    go_scope s = {0};
    int outer, inner;

    GO_TIMEOUT(10, outer) {
        GO_TIMEOUT(5, inner) {
            GO_SHIELD(GO_FOREVER) {
                go_sleep(12);
            }
            inner = go_checkpoint();
        }
        CHECK_EQ(inner, -ECANCELED);
    }
    CHECK_EQ(outer, -ETIMEDOUT);
    GO_TIMEOUT(10, outer) {
        GO_SCOPE(&s, inner, NULL) {
            go_scope_cancel(&s, NULL);
            GO_SHIELD(GO_FOREVER) {
                go_sleep(12);
            }
            inner = go_checkpoint();
        }
        CHECK(!go_scope_caught(&s));
    }
    CHECK_EQ(outer, -ETIMEDOUT);
}

/* ---- a chain of fibers ---- */

enum { LEVELS = 6 };

/* One level: a fiber, which enters a scope or not, opens a nursery in it, and runs the next level
 * there. */
struct level {
    struct chain *chain;
    int depth;
    bool has_scope, service;
    go_scope s;
    go_scope *nursery_scope;
    go_time deadline, shield; /* of its scope */
    go_time cancel_scope, cancel_nursery, body_done;
    int rc, inner; /* of the scope, of the nursery */
};

struct chain {
    struct level level[LEVELS];
    go_time woke; /* when the leaf's wait ended */
    int slept;
    go_time start;
};

static int run_level(void *arg);

static void open_level(struct level *l)
{
    go_nursery_opts opts = {.policy = l->service ? GO_SERVICE : GO_FAIL_FAST};

    GO_NURSERY_OPTS(n, l->inner, &opts) {
        l->nursery_scope = go_nursery_scope(n);
        if (l->depth + 1 < LEVELS)
            go_spawn(n, run_level, &l->chain->level[l->depth + 1]);
        if (l->service) { /* its body is done at a time of its own, whatever is cancelled */
            GO_SHIELD(GO_FOREVER) {
                go_sleep_until(l->chain->start + l->body_done);
            }
        }
    }
}

static int run_level(void *arg)
{
    struct level *l = arg;
    struct chain *c = l->chain;

    if (l->depth == LEVELS - 1) {
        c->slept = go_sleep_until(c->start + 1000);
        c->woke = go_now() - c->start;
        return 0;
    }
    if (!l->has_scope) {
        open_level(l);
        return 0;
    }
    {
        go_scope_opts opts = {.deadline = l->deadline == GO_FOREVER ? 0 : c->start + l->deadline,
                              .shield = l->shield < 0 ? 0 : l->shield};

        GO_SCOPE(&l->s, l->rc, &opts) {
            open_level(l);
        }
    }
    return 0;
}

/* Cancels what the plan says, when it says so; a scope that was left by then does not mind. */
static int cancels(void *arg)
{
    struct chain *c = arg;

    for (go_time now = 1; now <= 1000 && c->woke < 0; now++) {
        go_sleep_until(c->start + now);
        for (int i = 0; i < LEVELS - 1 && c->woke < 0; i++) {
            struct level *l = &c->level[i];

            if (l->has_scope && l->cancel_scope == now)
                go_scope_cancel(&l->s, NULL);
            if (l->cancel_nursery == now)
                go_scope_cancel(l->nursery_scope, NULL);
        }
    }
    return 0;
}

static go_time least(go_time a, go_time b)
{
    return a < b ? a : b;
}

/* When a cancellation becomes visible to the leaf. */
static go_time model_chain(const struct chain *c)
{
    go_time visible = GO_FOREVER;

    for (int i = 0; i < LEVELS - 1; i++) {
        const struct level *l = &c->level[i];

        if (l->has_scope) {
            if (l->shield > visible)
                visible = l->shield; /* the outside shows when the budget is used up */
            visible = least(visible, least(l->deadline, l->cancel_scope));
        }
        if (l->service && visible < l->body_done)
            visible = l->body_done;
        visible = least(visible, l->cancel_nursery);
        if (l->service)
            visible = least(visible, l->body_done); /* it cancels its children then */
    }
    return visible;
}

static void draw_chain(struct chain *c)
{
    memset(c, 0, sizeof *c);
    c->start = go_now();
    c->woke = -1;
    for (int i = 0; i < LEVELS; i++) {
        struct level *l = &c->level[i];

        l->chain = c;
        l->depth = i;
        l->has_scope = dice(4) != 0;
        l->service = dice(5) == 0;
        l->deadline = dice(3) == 0 ? 1 + dice(30) : GO_FOREVER;
        l->shield = dice(3) == 0 ? (go_time)1 + dice(40) : -1;
        l->cancel_scope = dice(4) == 0 ? 1 + dice(30) : GO_FOREVER;
        l->cancel_nursery = dice(6) == 0 ? 1 + dice(30) : GO_FOREVER;
        l->body_done = 1 + dice(60);
    }
}

LAW_VIRTUAL(
    across_fibers,
    "S4.22 random scopes, shields and nurseries across fibers: the leaf wakes when the model says")
{
    for (uint32_t round = 1; round <= 2000 && tap.wrong == 0; round++) {
        static struct chain c;
        go_time when;
        int rc;

        seed = round * 2654435761u;
        draw_chain(&c);
        when = model_chain(&c);
        GO_NURSERY(n, rc) {
            go_spawn(n, run_level, &c.level[0]);
            go_spawn(n, cancels, &c);
        }
        CHECK_EQ(rc, 0);
        CHECK_EQ(c.woke, least(when, 1000));
        CHECK_EQ(c.slept, when < 1000 ? -ECANCELED : 0);
        if (tap.wrong)
            tap_note("round %u", round);
    }
}

/* ---- timers ---- */

struct napper {
    go_time start, naps[4], timeouts[4];
};

static int naps_exactly(void *arg)
{
    struct napper *p = arg;
    int rc;

    CHECK_EQ(go_now(), p->start);
    for (int i = 0; i < 4; i++) {
        go_time before = go_now();

        GO_TIMEOUT(p->timeouts[i], rc) {
            rc = go_sleep(p->naps[i]);
        }
        CHECK_EQ(go_now() - before, least(p->naps[i], p->timeouts[i]));
        if (p->naps[i] < p->timeouts[i])
            CHECK_EQ(rc, 0);
        else if (p->naps[i] > p->timeouts[i])
            CHECK_EQ(rc, -ETIMEDOUT);
    }
    return 0;
}

LAW_VIRTUAL(exact_timers,
            "S5.10 a thousand sleepers under timeouts of their own wake to the nanosecond")
{
    struct napper *p = calloc(1000, sizeof *p);
    int rc;

    seed = 99;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 1000; i++) {
            go_time delay = dice(500);

            p[i].start = go_now() + delay;
            for (int k = 0; k < 4; k++) {
                p[i].naps[k] = 1 + dice(1000);
                p[i].timeouts[k] = 1 + dice(1000);
            }
            go_spawn_with(n, &(go_spawn_opts){.delay = delay}, naps_exactly, &p[i]);
        }
    }
    CHECK_EQ(rc, 0);
    free(p);
}

TAP_MAIN
