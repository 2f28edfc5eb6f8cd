/* SPDX-License-Identifier: MIT
 *
 * mixed: a server's heartbeat beside code that blocks. One fiber must be on time every 10 ms;
 * others sleep with sleep(3), read what a command prints with popen and fgets, and look up a name
 * with gethostbyname: blocking calls, all of them, and the heartbeat does not notice.
 *
 *     cc mixed.c $(pkg-config --cflags --libs gosling-shim) */
#include <gosling.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

static bool over;
static go_time latest; /* how late the heartbeat ever was */
static unsigned beats;

static int heartbeat(void *arg)
{
    go_time due = go_now();

    (void)arg;
    while (!over) {
        due += 10 * GO_MS;
        go_sleep_until(due);
        if (go_now() - due > latest)
            latest = go_now() - due;
        beats++;
    }
    return 0;
}

static int sleeps(void *arg)
{
    (void)arg;
    sleep(1);
    puts("slept for a second");
    return 0;
}

static int asks(void *arg)
{
    FILE *f = popen("sleep 0.5; echo the answer of a slow command", "r");
    char line[80] = "";

    (void)arg;
    if (f && fgets(line, sizeof line, f))
        fputs(line, stdout);
    if (f)
        pclose(f);
    return 0;
}

static int looks_up(void *arg)
{
    struct hostent *h = gethostbyname("localhost");

    (void)arg;
    printf("localhost is %s\n", h ? "known" : "unknown");
    return 0;
}

static int blocking_work(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, sleeps, NULL);
        go_spawn(n, asks, NULL);
        go_spawn(n, looks_up, NULL);
    }
    over = true;
    return rc;
}

static int run(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, heartbeat, NULL);
        go_spawn(n, blocking_work, NULL);
    }
    return rc;
}

int main(void)
{
    int rc = go_run(run, NULL);

    printf("%u heartbeats, the latest by %.1f ms\n", beats, (double)latest / 1e6);
    return rc < 0;
}
