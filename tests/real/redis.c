/* SPDX-License-Identifier: MIT
 *
 * hiredis in fibers: argument, the port of a server on the loopback. */
#include "tests/tap.h"
#include <gosling.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1000 };

static int port;

static redisContext *connected(void)
{
    redisContext *c = redisConnect("127.0.0.1", port);

    if (c && c->err) {
        tap_note("%s", c->errstr);
        redisFree(c);
        c = NULL;
    }
    return c;
}

static int increments(void *arg)
{
    redisContext *c = connected();
    redisReply *r;
    int rc = c ? 0 : -ECONNREFUSED;

    (void)arg;
    for (int i = 0; c && i < 10 && rc == 0; i++) {
        r = redisCommand(c, "INCR counter");
        rc = r && r->type == REDIS_REPLY_INTEGER ? 0 : -EIO;
        freeReplyObject(r);
    }
    if (c)
        redisFree(c);
    return rc;
}

static int many(void *arg)
{
    redisContext *c;
    redisReply *r;
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < MANY; i++)
            go_spawn(n, increments, NULL);
    }
    c = connected();
    r = redisCommand(c, "GET counter");
    CHECK(r && r->str && atoi(r->str) == MANY * 10);
    freeReplyObject(r);
    redisFree(c);
    return rc;
}

static int pipelines(void *arg)
{
    redisContext *c = connected();
    redisReply *r;

    (void)arg;
    for (int i = 0; i < 10000; i++)
        redisAppendCommand(c, "ECHO %d", i);
    for (int i = 0; i < 10000; i++) {
        if (!CHECK_EQ(redisGetReply(c, (void **)&r), REDIS_OK))
            break;
        CHECK_EQ(atoi(r->str), i);
        freeReplyObject(r);
    }
    redisFree(c);
    return 0;
}

static int limits(void *arg)
{
    const struct timeval soon = {0, 30000};
    redisContext *c = connected();
    redisReply *r;

    (void)arg;
    CHECK_EQ(redisSetTimeout(c, soon), REDIS_OK);
    r = redisCommand(c, "BLPOP nothing 0");
    CHECK(!r && c->err == REDIS_ERR_IO && errno == EAGAIN);
    redisFree(c);
    return 0;
}

static int pushes(void *arg)
{
    redisContext *c = connected();

    (void)arg;
    go_sleep(20 * GO_MS);
    freeReplyObject(redisCommand(c, "RPUSH list item"));
    redisFree(c);
    return 0;
}

static int pops(void *arg)
{
    redisContext *c = connected();
    redisReply *r;
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, pushes, NULL);
        r = redisCommand(c, "BLPOP list 5");
        CHECK(r && r->type == REDIS_REPLY_ARRAY && strcmp(r->element[1]->str, "item") == 0);
        freeReplyObject(r);
    }
    redisFree(c);
    return rc;
}

static int cancelled(void *arg)
{
    redisContext *c = connected();
    int rc;

    (void)arg;
    GO_MOVE_ON(20 * GO_MS, rc) {
        CHECK(!redisCommand(c, "BLPOP nothing 0"));
        CHECK_EQ(c->err, REDIS_ERR_IO);
    }
    redisFree(c);
    return 0;
}

LAW(thousand, "S11.42 hiredis: a thousand fibers")
{
    CHECK_EQ(go_run(many, NULL), 0);
}

LAW(pipelining, "S11.42 hiredis: pipelining")
{
    CHECK_EQ(go_run(pipelines, NULL), 0);
}

LAW(timeouts, "S11.42 hiredis: redisSetTimeout holds")
{
    CHECK_EQ(go_run(limits, NULL), 0);
}

LAW(blocking, "S11.42 hiredis: BLPOP beside its RPUSH")
{
    CHECK_EQ(go_run(pops, NULL), 0);
}

LAW(ended, "S11.41 hiredis: a deadline ends a command, with its own error")
{
    CHECK_EQ(go_run(cancelled, NULL), 0);
}

int main(int argc, char **argv)
{
    port = argc > 1 ? atoi(argv[1]) : 0;
    return tap_laws(1, argv);
}
