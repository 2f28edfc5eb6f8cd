/* SPDX-License-Identifier: MIT
 *
 * Section 4 and 5 against a model: random trees of scopes, deadlines, shields and cancellations, in one fiber and
 * across nurseries, and what the sentences of the contract say about them. */
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

    /* Nothing else happens meanwhile: the sleep ends at the first time at which something is visible. */
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

LAW_VIRTUAL(one_fiber, "S4.08 random scopes in one fiber: what is visible, who catches, and every rc, as the model says")
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

TAP_MAIN
