/* SPDX-License-Identifier: MIT
 *
 * overload [CLIENTS]: more requests than a database can bear. Its connections (here they only take
 * their time) are lent by a pool of 5; 20 requests may wait for one, and the others are told at
 * once that it is too much, which they could pass on. So who is served, is served in time. */
#include <errno.h>
#include <gosling.h>
#include <stdlib.h>

enum { CONNECTIONS = 5, WAITING = 20 };

static go_connpool pool;
static struct {
    int opened, served, refused;
    go_time longest;
} seen;

static int open_one(void **conn, void *arg)
{
    int rc = go_sleep(5 * GO_MS);

    (void)arg;
    *conn = &seen; /* whatever it is */
    seen.opened += rc == 0;
    return rc;
}

static int request(void *arg)
{
    go_time began = go_now();
    void *conn;
    int rc = go_connpool_get(&pool, &conn);

    (void)arg;
    if (rc == -EAGAIN) {
        seen.refused++;
        return 0;
    }
    if (rc < 0)
        return rc;
    if (go_now() - began > seen.longest)
        seen.longest = go_now() - began;
    rc = go_sleep(10 * GO_MS); /* the query */
    seen.served += rc == 0;
    go_connpool_put(&pool, conn, rc < 0);
    return rc;
}

static int clients(void *arg)
{
    go_connpool_opts opts = {.open = open_one, .max = CONNECTIONS, .max_waiting = WAITING};
    int rc = go_connpool_init(&pool, &opts);

    if (rc < 0)
        return rc;
    GO_NURSERY(n, rc) {
        for (int i = 0; rc == 0 && i < *(int *)arg; i++) {
            rc = go_spawn(n, request, NULL);
            if (rc == 0)
                rc = go_sleep(GO_MS); /* a thousand a second, and 500 can be served */
        }
    }
    go_connpool_close(&pool);
    printf("%d served by %d connections, %d refused at once; nobody waited longer than %.2f s\n",
           seen.served, seen.opened, seen.refused, (double)seen.longest / 1e9);
    return rc;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 100;

    return go_run(clients, &n) < 0;
}
