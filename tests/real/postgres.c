/* SPDX-License-Identifier: MIT
 *
 * libpq in fibers: argument, the connection string of a server. tests/shim_real.sh runs it. */
#include "tests/tap.h"
#include <gosling.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 100 };

static const char *conninfo;

static int ask(const char *sql, const char *wanted)
{
    PGconn *c = PQconnectdb(conninfo);
    PGresult *r;
    int rc = 0;

    if (PQstatus(c) != CONNECTION_OK) {
        tap_note("%s", PQerrorMessage(c));
        PQfinish(c);
        return -ECONNREFUSED;
    }
    r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        tap_note("%s", PQerrorMessage(c));
        rc = -EIO;
    } else if (wanted && strcmp(PQgetvalue(r, 0, 0), wanted) != 0) {
        rc = -EBADMSG;
    }
    PQclear(r);
    PQfinish(c);
    return rc;
}

static int sleeps(void *arg)
{
    (void)arg;
    return ask("select pg_sleep(0.2)", NULL);
}

static int at_once(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < MANY; i++)
            go_spawn(n, sleeps, NULL);
    }
    return rc;
}

static int large(void *arg)
{
    (void)arg;
    return ask("select length(repeat('x', 3000000) || string_agg(g::text, '')) > 3000000 "
               "from generate_series(1, 1000) g",
               "t");
}

static int out_of_time(void *arg)
{
    go_time began = go_now();
    int rc;

    (void)arg;
    GO_TIMEOUT(200 * GO_MS, rc) {
        rc = ask("select pg_sleep(20)", NULL);
    }
    CHECK(go_now() - began < 5 * GO_SEC);
    return rc;
}

/* One fiber listens, another notifies. */
static int notifies(void *arg)
{
    (void)arg;
    go_sleep(50 * GO_MS);
    return ask("select pg_notify('news', 'hello')", NULL);
}

static int listens(void *arg)
{
    PGconn *c = PQconnectdb(conninfo);
    PGnotify *got = NULL;
    int rc;

    (void)arg;
    PQclear(PQexec(c, "listen news"));
    GO_NURSERY(n, rc) {
        go_spawn(n, notifies, NULL);
        while (!got) {
            struct pollfd p = {PQsocket(c), POLLIN, 0};

            if (!CHECK_EQ(poll(&p, 1, 5000), 1))
                break;
            PQconsumeInput(c);
            got = PQnotifies(c);
        }
    }
    CHECK(got && strcmp(got->extra, "hello") == 0);
    PQfreemem(got);
    PQfinish(c);
    return rc;
}

static go_time took(go_fn *fn, int wanted)
{
    go_time began;
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    began = t.tv_sec * GO_SEC + t.tv_nsec;
    CHECK_EQ(go_run(fn, NULL), wanted);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * GO_SEC + t.tv_nsec - began;
}

LAW(together, "S11.40 libpq: a query of each of many fibers at once, on one thread")
{
    go_time ns = took(at_once, 0);

    tap_note("%d queries of 0.2 s: %.2f s", MANY, (double)ns / 1e9);
    CHECK(ns < MANY * GO_SEC / 10); /* in turn they would take twice that */
}

LAW(rows, "S11.40 libpq: a large answer")
{
    took(large, 0);
}

LAW(deadline, "S11.41 libpq: a deadline ends a query, with its own error")
{
    took(out_of_time, -ETIMEDOUT);
}

LAW(listening, "S11.40 libpq: LISTEN and NOTIFY")
{
    took(listens, 0);
}

int main(int argc, char **argv)
{
    conninfo = argc > 1 ? argv[1] : "";
    return tap_laws(1, argv);
}
