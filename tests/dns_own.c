/* SPDX-License-Identifier: MIT
 *
 * What the resolver does that libc does not: what it remembers and for how long, what it asks once
 * for many, how it is cancelled, when it notices a change. Mostly in virtual time, with the name
 * server as fibers of the same run. */
#include "net/nscache.h"
#include "net/resolve.h"
#include "tests/dns_kit.h"
#include <limits.h>

static const char *world = "not tried";

/* ---- the server as a fiber ---- */

static struct {
    int asked;      /* questions */
    char last[256]; /* the last one's name */
    go_time delay;  /* before each answer */
    bool mute;
} server;

static int serve_names(void *arg)
{
    static struct dns_message out[2];
    const char *addr = arg;
    struct sockaddr_storage from;
    int fd = go_udp_bind(addr, "53");
    uint8_t q[1024];
    ssize_t n = 0;

    if (fd < 0)
        return fd;
    while (n >= 0) {
        socklen_t len = sizeof from;
        size_t end;
        int type, count;

        n = go_recvfrom(fd, q, sizeof q, 0, (struct sockaddr *)&from, &len);
        if (n < 0 || !dns_question(q, (size_t)n, server.last, &type, &end))
            continue;
        server.asked++;
        if (server.delay && go_sleep(server.delay) < 0)
            break;
        count = server.mute ? 0 : dns_script(q, (size_t)n, false, false, out);
        for (int i = 0; i < count; i++)
            go_sendto(fd, out[i].bytes, out[i].n, 0, (struct sockaddr *)&from, len);
    }
    go_close(fd);
    return 0;
}

struct scene {
    void (*act)(void);
};

static int play(void *arg)
{
    static const go_nursery_opts service = {.policy = GO_SERVICE};
    int rc;

    GO_NURSERY_OPTS(n, rc, &service) {
        go_spawn(n, serve_names, "127.0.0.1");
        go_spawn(n, serve_names, "127.0.0.2");
        go_yield();
        ((struct scene *)arg)->act();
    }
    return rc;
}

static void in_virtual_time(void (*act)(void))
{
    struct scene scene = {act};

    if (world) {
        TAP_SKIP(world);
        return;
    }
    memset(&server, 0, sizeof server);
    dns_etc("hosts", "127.0.0.1 localhost\n");
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    dns_etc("resolv.conf", "nameserver 127.0.0.1\n");
    CHECK_EQ(virtual_run(play, &scene), 0);
}

#define LAW_DNS(name, text) LAW_AROUND(in_virtual_time, name, text)

/* The EAI code; the first address in `answer`. */
static char answer[64];

static int ask(const char *name, int family)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list;
    int rc = go_getaddrinfo(name, NULL, &hints, &list);

    answer[0] = '\0';
    if (rc)
        return rc;
    getnameinfo(list->ai_addr, list->ai_addrlen, answer, sizeof answer, NULL, 0, NI_NUMERICHOST);
    go_freeaddrinfo(list);
    return 0;
}

static int asker(void *name)
{
    return ask(name, AF_INET) == 0 ? 0 : -EIO;
}

static int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* ---- remembering ---- */

LAW_DNS(ttl, "S8.100 an answer is kept for its time to live, and not longer")
{
    CHECK_EQ(ask("short.test", AF_INET), 0);
    CHECK_STR(answer, "192.0.2.31");
    CHECK_EQ(server.asked, 1);
    go_sleep(GO_SEC);
    CHECK_EQ(ask("short.test", AF_INET), 0);
    CHECK_STR(answer, "192.0.2.31");
    CHECK_EQ(server.asked, 1);
    go_sleep(GO_SEC);
    CHECK_EQ(ask("short.test", AF_INET), 0);
    CHECK_EQ(server.asked, 2);
    /* an alias's shorter time counts */
    CHECK_EQ(ask("alias.test", AF_INET), 0);
    go_sleep(59 * GO_SEC);
    CHECK_EQ(ask("alias.test", AF_INET), 0);
    CHECK_EQ(server.asked, 3);
    go_sleep(GO_SEC);
    CHECK_EQ(ask("alias.test", AF_INET), 0);
    CHECK_EQ(server.asked, 4);
    /* and 0 is not at all */
    CHECK_EQ(ask("zero.test", AF_INET), 0);
    CHECK_EQ(ask("zero.test", AF_INET), 0);
    CHECK_EQ(server.asked, 6);
}

LAW_DNS(negative, "S8.101 that there is nothing is kept as its SOA says, and a failure never")
{
    CHECK_EQ(ask("nxdomain.test", AF_INET), EAI_NONAME);
    CHECK_EQ(ask("nxdomain.test", AF_INET), EAI_NONAME);
    CHECK_EQ(server.asked, 1);
    CHECK_EQ(ask("empty.test", AF_INET), EAI_NODATA);
    CHECK_EQ(ask("empty.test", AF_INET), EAI_NODATA);
    CHECK_EQ(server.asked, 2);
    go_sleep(30 * GO_SEC);
    CHECK_EQ(ask("nxdomain.test", AF_INET), EAI_NONAME);
    CHECK_EQ(server.asked, 3);
    CHECK_EQ(ask("nosoa.test", AF_INET), EAI_NONAME);
    CHECK_EQ(ask("nosoa.test", AF_INET), EAI_NONAME);
    CHECK_EQ(server.asked, 5);
    CHECK_EQ(ask("servfail.test", AF_INET), EAI_AGAIN);
    CHECK_EQ(server.asked, 7); /* attempts: 2 */
    CHECK_EQ(ask("servfail.test", AF_INET), EAI_AGAIN);
    CHECK_EQ(server.asked, 9);
}

LAW(bounded, "S8.102 the memory is bounded: who was asked for longest ago makes room")
{
    struct nscache cache;
    struct found f = {.ttl = 60, .status = FOUND_SUCCESS};
    struct in_addr a = {htonl(INADDR_LOOPBACK)};
    char name[32];

    nscache_init(&cache);
    found_add(&f, AF_INET, &a);
    for (int i = 0; i < 3 * NSCACHE_MOST; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        nscache_put(&cache, name, i % 2, 0, &f);
        CHECK(nscache_get(&cache, "n0.test", 0, GO_SEC) != NULL);
    }
    CHECK_EQ(cache.n, NSCACHE_MOST);
    CHECK(nscache_get(&cache, "n1.test", 1, GO_SEC) == NULL);
    CHECK(nscache_get(&cache, name, 1, GO_SEC) != NULL);
    CHECK(nscache_get(&cache, name, 0, GO_SEC) == NULL);
    CHECK(nscache_get(&cache, name, 1, 60 * GO_SEC) == NULL);
    CHECK_EQ(cache.n, NSCACHE_MOST - 1);
    nscache_flush(&cache);
    CHECK_EQ(cache.n, 0);
    found_free(&f);
}

/* ---- together ---- */

LAW_DNS(joined, "S8.103 who asks for what is being looked up joins")
{
    int rc;

    server.delay = 10 * GO_MS;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++)
            go_spawn(n, asker, "one.test");
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(server.asked, 1);
}

/* ---- leaving ---- */

struct leaver {
    go_scope scope;
    int rc, err, result;
};

static int leave(void *arg)
{
    struct leaver *l = arg;
    int rc;

    GO_SCOPE(&l->scope, rc, NULL) {
        l->rc = ask("one.test", AF_INET);
        l->err = errno;
        rc = l->rc ? -EIO : 1;
    }
    l->result = rc;
    return 0;
}

LAW_DNS(cancelled, "S8.104 a cancelled lookup is left at once: EAI_SYSTEM, ECANCELED")
{
    static struct leaver first, second;
    go_time start = go_now();
    int rc, fds = open_fds();

    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    server.delay = 100 * GO_MS;
    GO_NURSERY(n, rc) {
        go_spawn(n, leave, &first);
        go_spawn(n, leave, &second);
        go_sleep(10 * GO_MS);
        go_scope_cancel(&first.scope, "no time");
        go_sleep(GO_MS);
        CHECK_EQ(first.rc, EAI_SYSTEM);
        CHECK_EQ(first.err, ECANCELED);
        CHECK_EQ(first.result, -ECANCELED);
        CHECK(go_scope_caught(&first.scope));
    }
    /* who had joined stays */
    CHECK_EQ(second.rc, 0);
    CHECK_EQ(go_now() - start, 100 * GO_MS);
    CHECK_EQ(server.asked, 1);
    CHECK_EQ(open_fds(), fds);
    /* and when nobody does, nothing is left of it */
    GO_MOVE_ON(GO_MS, rc) {
        CHECK_EQ(ask("many.test", AF_UNSPEC), EAI_SYSTEM);
    }
    CHECK_EQ(open_fds(), fds);
    go_sleep(GO_SEC);
    CHECK_EQ(server.asked, 3);
}

/* ---- time ---- */

LAW_DNS(timeouts, "S8.105 resolv.conf's timeout and attempts, as glibc counts them")
{
    go_time start = go_now();

    server.mute = true;
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:3 attempts:2\n");
    CHECK_EQ(ask("one.test", AF_INET), EAI_AGAIN);
    CHECK_EQ(go_now() - start, 6 * GO_SEC);
    CHECK_EQ(server.asked, 2);
    start = go_now();
    /* the second server's time is doubled, and divided by how many there are */
    dns_etc("resolv.conf",
            "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:4 attempts:3\n");
    CHECK_EQ(ask("one.test", AF_INET), EAI_AGAIN);
    CHECK_EQ(go_now() - start, 3 * (4 + 4) * GO_SEC);
    CHECK_EQ(server.asked, 2 + 6);
}

LAW_DNS(late, "S8.106 a late answer is an answer")
{
    go_time start = go_now();

    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:3\n");
    server.delay = 3 * GO_SEC;
    CHECK_EQ(ask("one.test", AF_INET), 0);
    CHECK_EQ(go_now() - start, 3 * GO_SEC);
}

/* ---- changes ---- */

LAW_DNS(changes, "S8.107 changed files are noticed at the next call")
{
    uint16_t port = 0;

    CHECK_EQ(ask("changing", AF_INET), EAI_NONAME);
    dns_etc("hosts", "192.0.2.61 changing\n");
    CHECK_EQ(ask("changing", AF_INET), 0);
    CHECK_STR(answer, "192.0.2.61");
    dns_etc("hosts", "192.0.2.162 changing\n");
    CHECK_EQ(ask("changing", AF_INET), 0);
    CHECK_STR(answer, "192.0.2.162");
    CHECK_EQ(ask("one.test", AF_INET), 0);
    dns_etc("nsswitch.conf", "hosts: files\nservices: files\n");
    CHECK_EQ(ask("one.test", AF_INET), EAI_NONAME);
    dns_etc("nsswitch.conf", "hosts: dns\nservices: files\n");
    CHECK_EQ(ask("one.test", AF_INET), 0);
    CHECK_EQ(ask("host", AF_INET), EAI_NONAME);
    dns_etc("resolv.conf", "search lab.test\nnameserver 127.0.0.1\n");
    CHECK_EQ(ask("host", AF_INET), 0);
    CHECK_STR(answer, "192.0.2.21");
    CHECK_EQ(resolve_service("own", "tcp", &port), EAI_SERVICE);
    dns_etc("services", "own 4242/tcp\n");
    CHECK_EQ(resolve_service("own", "tcp", &port), 0);
    CHECK_EQ(port, 4242);
}

/* ---- for the rest of net/ ---- */

LAW_DNS(internal, "S8.108 one family at a time: addresses with their port, in their order")
{
    struct resolve_list list;

    CHECK_EQ(resolve_addresses("both.test", AF_INET6, 80, &list), 0);
    if (CHECK_EQ(list.n, 1)) {
        const struct sockaddr_in6 *a = (void *)list.addrs;

        CHECK_EQ(a->sin6_family, AF_INET6);
        CHECK_EQ(ntohs(a->sin6_port), 80);
        CHECK_EQ(a->sin6_addr.s6_addr[15], 2);
    }
    resolve_list_free(&list);
    CHECK_EQ(resolve_addresses("both.test", AF_INET, 80, &list), 0);
    CHECK_EQ(list.n, 1);
    resolve_list_free(&list);
    CHECK_EQ(resolve_addresses("many.test", AF_INET, 80, &list), 0);
    CHECK_EQ(list.n, 5);
    resolve_list_free(&list);
    CHECK_EQ(resolve_addresses("127.1", AF_INET, 80, &list), 0);
    resolve_list_free(&list);
    CHECK_EQ(resolve_addresses(NULL, AF_INET6, 80, &list), 0);
    resolve_list_free(&list);
    CHECK_EQ(resolve_addresses("127.1", AF_INET6, 80, &list), EAI_ADDRFAMILY);
    CHECK_EQ(list.n, 0);
    CHECK_EQ(resolve_addresses("six.test", AF_INET, 80, &list), EAI_NODATA);
    CHECK_EQ(resolve_addresses("nxdomain.test", AF_INET, 80, &list), EAI_NONAME);
    CHECK_EQ(resolve_addresses("servfail.test", AF_INET6, 80, &list), EAI_AGAIN);
    CHECK_EQ(list.n, 0);
}

static int by_script(const char *host, int family, uint16_t port, struct resolve_list *out)
{
    if (strcmp(host, "scripted") != 0)
        return EAI_NONAME;
    if (go_sleep(family == AF_INET ? GO_SEC : 2 * GO_SEC) < 0)
        return EAI_SYSTEM;
    return resolve_list_add(out, family == AF_INET ? "192.0.2.9" : "2001:db8::9", port);
}

LAW_VIRTUAL(scripted, "S8.111 tests may script it")
{
    struct resolve_list list;
    go_time start = go_now();

    resolve_script = by_script;
    CHECK_EQ(resolve_addresses("scripted", AF_INET6, 80, &list), 0);
    CHECK_EQ(list.n, 1);
    resolve_list_free(&list);
    CHECK_EQ(go_now() - start, 2 * GO_SEC);
    CHECK_EQ(resolve_addresses("other", AF_INET6, 80, &list), EAI_NONAME);
    resolve_script = NULL;
}

LAW(outside, "S1.20 outside a run: EAI_SYSTEM, ESHUTDOWN")
{
    struct addrinfo *list = NULL;
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct resolve_list addrs;
    char host[64];

    errno = 0;
    CHECK_EQ(go_getaddrinfo("127.0.0.1", "80", NULL, &list), EAI_SYSTEM);
    CHECK_EQ(errno, ESHUTDOWN);
    CHECK(list == NULL);
    errno = 0;
    CHECK_EQ(go_getnameinfo((void *)&sa, sizeof sa, host, sizeof host, NULL, 0, 0), EAI_SYSTEM);
    CHECK_EQ(errno, ESHUTDOWN);
    CHECK_EQ(resolve_addresses("127.0.0.1", AF_INET, 80, &addrs), EAI_SYSTEM);
    go_freeaddrinfo(NULL);
}

LAW_VIRTUAL(checkpoints, "S6.08 a lookup is a checkpoint, whatever its answer needs")
{
    struct addrinfo *list;
    struct sockaddr_in sa = {.sin_family = AF_INET};
    char host[64];
    int rc;

    GO_TIMEOUT(0, rc) {
        CHECK_EQ(go_getaddrinfo("127.0.0.1", "80", NULL, &list), EAI_SYSTEM);
        CHECK_EQ(errno, ECANCELED);
        CHECK_EQ(go_getnameinfo((void *)&sa, sizeof sa, host, sizeof host, NULL, 0, NI_NUMERICHOST),
                 EAI_SYSTEM);
        CHECK_EQ(errno, ECANCELED);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    errno = EXDEV;
    CHECK_EQ(go_getaddrinfo("127.0.0.1", "80", NULL, &list), 0);
    CHECK_EQ(errno, EXDEV);
    go_freeaddrinfo(list);
}

/* ---- libc's threads ---- */

static int leave_libc(void *arg)
{
    struct addrinfo hints = {.ai_family = AF_INET}, *list;
    go_time start = go_now();
    int rc;

    (void)arg;
    GO_MOVE_ON(20 * GO_MS, rc) {
        CHECK_EQ(go_getaddrinfo("silent.test", NULL, &hints, &list), EAI_SYSTEM);
        CHECK_EQ(errno, ECANCELED);
    }
    CHECK(go_now() - start < 500 * GO_MS);
    return 0;
}

LAW(thread_left, "S8.109 a lookup on libc's thread is left at once, too")
{
    go_run_opts opts = {.no_signals = true, .watchdog = -1, .resolver = GO_RESOLVER_THREAD};
    struct pollfd none = {-1, 0, 0};

    if (world) {
        TAP_SKIP(world);
        return;
    }
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    int fd = dns_bind(SOCK_DGRAM, "127.0.0.1"); /* hears everything, and says nothing */

    CHECK_EQ(go_run_with(&opts, leave_libc, NULL), 0);
    poll(&none, 0, 1100); /* its thread ends, and frees what nobody waits for: ASan looks */
    close(fd);
}

/* ---- fork ---- */

static int fork_and_ask(void *arg)
{
    int status = 0;
    pid_t pid;

    (void)arg;
    CHECK_EQ(ask("one.test", AF_INET), 0);
    GO_NURSERY(n, status) {
        go_spawn(n, asker, "both.test");
        go_yield(); /* it waits now */
        pid = fork();
        if (pid == 0) {
            int bad = ask("many.test", AF_INET) != 0 || ask("one.test", AF_INET) != 0;

            _exit(bad);
        }
    }
    CHECK_EQ(status, 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    return 0;
}

LAW(forked, "S8.110 fork: the child's lookups are its own, the parent's go on")
{
    pid_t pid;

    if (world) {
        TAP_SKIP(world);
        return;
    }
    dns_etc("hosts", "127.0.0.1 localhost\n");
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    dns_etc("resolv.conf", "nameserver 127.0.0.1\n");
    pid = dns_process();
    CHECK_EQ(real_run(fork_and_ask, NULL), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    world = dns_world();
    return tap_laws(argc, argv);
}
