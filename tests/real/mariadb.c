/* SPDX-License-Identifier: MIT
 *
 * libmariadb in fibers: arguments, the port of a server on the loopback and a user without a
 * password. */
#include "tests/tap.h"
#include <gosling.h>
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 50 };

static unsigned port;
static const char *user;

static MYSQL *connected(void)
{
    MYSQL *m = mysql_init(NULL);

    if (m && !mysql_real_connect(m, "127.0.0.1", user, NULL, NULL, port, NULL, 0)) {
        tap_note("%s", mysql_error(m));
        mysql_close(m);
        m = NULL;
    }
    return m;
}

/* The first value of the first row; it must be freed. */
static char *ask(MYSQL *m, const char *query)
{
    MYSQL_RES *r = mysql_query(m, query) == 0 ? mysql_store_result(m) : NULL;
    MYSQL_ROW row = r ? mysql_fetch_row(r) : NULL;
    char *value = row && row[0] ? strdup(row[0]) : NULL;

    mysql_free_result(r);
    return value;
}

static int sleeps(void *arg)
{
    MYSQL *m = connected();
    char *answer;
    int rc;

    (void)arg;
    if (!m)
        return -ECONNREFUSED;
    answer = ask(m, "select sleep(0.2)");
    rc = answer && strcmp(answer, "0") == 0 ? 0 : -EIO;
    free(answer);
    mysql_close(m);
    return rc;
}

static int many(void *arg)
{
    go_time began = go_now();
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < MANY; i++)
            go_spawn(n, sleeps, NULL);
    }
    tap_note("%d queries of 0.2 s: %.2f s", MANY, (double)(go_now() - began) / 1e9);
    CHECK(go_now() - began < MANY * 200 * GO_MS / 4);
    return rc;
}

LAW(queries, "S11.46 libmariadb: a query of each of many fibers at once, on one thread")
{
    CHECK_EQ(go_run(many, NULL), 0);
}

static int large(void *arg)
{
    MYSQL *m = connected();
    MYSQL_RES *r;
    MYSQL_ROW row;
    unsigned long long bytes = 0, rows = 0;

    (void)arg;
    CHECK(m && mysql_query(m, "select repeat('x', 1000) from mysql.seq_1_to_20000") == 0);
    r = mysql_use_result(m); /* row by row, from the socket */
    while (r && (row = mysql_fetch_row(r))) {
        bytes += mysql_fetch_lengths(r)[0];
        rows++;
    }
    mysql_free_result(r);
    CHECK_EQ(rows, 20000);
    CHECK_EQ(bytes, 20000 * 1000);
    mysql_close(m);
    return 0;
}

LAW(large_answer, "S11.46 libmariadb: a large answer")
{
    CHECK_EQ(go_run(large, NULL), 0);
}

static int ends_in_time(void *arg)
{
    go_time began = go_now();
    MYSQL *m = connected();
    int rc;

    (void)arg;
    GO_MOVE_ON(100 * GO_MS, rc) {
        CHECK(mysql_query(m, "select sleep(30)") != 0);
        CHECK_EQ(mysql_errno(m), 2013); /* CR_SERVER_LOST */
    }
    tap_note("%s", mysql_error(m));
    CHECK(go_now() - began < 5 * GO_SEC);
    mysql_close(m);
    return 0;
}

LAW(deadline, "S11.41 libmariadb: a deadline ends a query, with its own error")
{
    CHECK_EQ(go_run(ends_in_time, NULL), 0);
}

static int wrong(void *arg)
{
    MYSQL *m = connected();

    (void)arg;
    CHECK(mysql_query(m, "selec 1") != 0);
    CHECK_EQ(mysql_errno(m), 1064);
    mysql_close(m);
    return 0;
}

LAW(errors, "S11.46 libmariadb: its own errors")
{
    CHECK_EQ(go_run(wrong, NULL), 0);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    port = (unsigned)atoi(argv[1]);
    user = argv[2];
    mysql_library_init(0, NULL, NULL);
    return tap_laws(1, argv);
}
