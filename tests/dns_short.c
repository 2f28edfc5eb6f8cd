/* SPDX-License-Identifier: MIT
 *
 * Names while memory or descriptors are short: an error that says so, and nothing of it stays. */
#include "tests/dns_kit.h"
#include <sys/resource.h>

#if TAP_SANITIZED || !defined(__GLIBC__)
#define OWN_MALLOC 0
#else
#define OWN_MALLOC 1
#endif

static const char *world = "not tried";

/* ---- an allocator that fails once ---- */

static long until_failure; /* allocations; 0: none fails */

#if OWN_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

extern char __executable_start, etext;

/* libev ends the process when it gets no memory: only callers in this program feel it. */
static bool fails_now(const char *caller)
{
    if (until_failure == 0 || caller < &__executable_start || caller > &etext ||
        --until_failure > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails_now(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails_now(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails_now(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}
#endif

/* ---- a server and its world ---- */

static int serve_names(void *arg)
{
    static struct dns_message out[2];
    struct sockaddr_storage from;
    int fd = go_udp_bind("127.0.0.1", "53");
    uint8_t q[1024];
    ssize_t n = 0;

    (void)arg;
    if (fd < 0)
        return fd;
    while (n >= 0) {
        socklen_t len = sizeof from;
        int count;

        n = go_recvfrom(fd, q, sizeof q, 0, (struct sockaddr *)&from, &len);
        count = n < 0 ? 0 : dns_script(q, (size_t)n, false, false, out);
        for (int i = 0; i < count; i++)
            go_sendto(fd, out[i].bytes, out[i].n, 0, (struct sockaddr *)&from, len);
    }
    go_close(fd);
    return 0;
}

static int play(void *arg)
{
    static const go_nursery_opts service = {.policy = GO_SERVICE};
    int rc;

    GO_NURSERY_OPTS(n, rc, &service) {
        go_spawn(n, serve_names, NULL);
        go_yield();
        ((struct kit_call *)arg)->fn();
    }
    return rc;
}

static void in_virtual_time(void (*fn)(void))
{
    struct kit_call call = {fn};

    if (world) {
        TAP_SKIP(world);
        return;
    }
    dns_etc("hosts", "127.0.0.1 localhost\n");
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n");
    CHECK_EQ(virtual_run(play, &call), 0);
}

static int ask(const char *name, const char *service)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
    int rc = go_getaddrinfo(name, service, &hints, &list);

    if (rc == 0)
        go_freeaddrinfo(list);
    return rc;
}

static void limit(bool none)
{
    static struct rlimit usual;
    struct rlimit l;

    if (none)
        getrlimit(RLIMIT_NOFILE, &usual);
    l = usual;
    if (none)
        l.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &l);
}

/* Asked without a descriptor to be had: that is what it says, and afterwards it is forgotten. */
static void check_short(const char *name, const char *service)
{
    limit(true);
    errno = 0;
    CHECK_EQ(ask(name, service), EAI_SYSTEM);
    CHECK_EQ(errno, EMFILE);
    limit(false);
    CHECK_EQ(ask(name, service), 0);
}

LAW_AROUND(in_virtual_time, first,
           "S10.40 no descriptor for the first look into /etc: EMFILE, "
           "and the next lookup looks again")
{
    check_short("localhost", NULL);
}

LAW_AROUND(in_virtual_time, changed,
           "S10.40 nor for a file that has changed: it is not taken for one that is not there")
{
    CHECK_EQ(ask("localhost", "http"), 0);
    dns_etc("hosts", "127.0.0.1 localhost\n192.0.2.99 fresh\n");
    check_short("fresh", NULL);
    dns_etc("services", "http 80/tcp\nfresh 4711/tcp\n");
    check_short("localhost", "fresh");
    dns_etc("nsswitch.conf", "hosts: files\nservices: files\n");
    check_short("fresh", NULL);
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1\n");
    check_short("fresh", NULL);
}

/* ---- memory ---- */

static int asks_silent(void *arg)
{
    (void)arg;
    return ask("silent.test", NULL) == 0 ? -EIO : 0;
}

static int one_failure(void *arg)
{
    static const go_nursery_opts service = {.policy = GO_SERVICE};
    go_time start;
    int rc;

    GO_NURSERY_OPTS(n, rc, &service) {
        go_spawn(n, serve_names, NULL);
        go_spawn(n, asks_silent, NULL);
        until_failure = *(long *)arg;
        go_sleep(GO_MS);
        *(long *)arg = until_failure;
        until_failure = 0;
        start = go_now();
        CHECK_EQ(ask("one.test", NULL), 0);
        CHECK(go_now() - start < GO_SEC);
    }
    return rc;
}

LAW(one_allocation, "S10.41 whichever allocation of a lookup fails, the next lookup is answered")
{
    long left = 0;

    if (world || !OWN_MALLOC) {
        TAP_SKIP(world ? world : "the allocator is somebody else's");
        return;
    }
    dns_etc("hosts", "127.0.0.1 localhost\n");
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n");
    for (long k = 1; left == 0 && k < 1000 && tap.wrong == 0; k++) {
        left = k;
        CHECK_EQ(virtual_run(one_failure, &left), 0);
        if (tap.wrong)
            tap_note("allocation %ld", k);
    }
    CHECK(left > 0);
}

int main(int argc, char **argv)
{
    world = dns_world();
    return tap_laws(argc, argv);
}
