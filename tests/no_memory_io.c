/* SPDX-License-Identifier: MIT
 *
 * No memory, for what reaches the outside: a program that connects, serves, looks up, copies, runs
 * programs and takes signals runs again and again, each time with another allocation of ours that
 * fails. There is a code for it, every fiber ends, and no descriptor stays open. Those of libc,
 * libev and c-ares do not fail: libev ends the program then, which is not ours to change. */
#include "tests/kit.h"
#include <netdb.h>
#include <sys/mman.h>
#include <sys/socket.h>

#if TAP_SANITIZED || !defined(__GLIBC__)

int main(void)
{
    TAP_SKIP_ALL("the allocator is somebody else's");
}

#else

/* ---- an allocator that fails on demand, for who is in this program's own code ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

extern const char __executable_start[], etext[];
static _Atomic bool counting;
static _Atomic long *allocations; /* shared with the children, that they can tell */
static long fail_at;

static bool fails_now(const void *caller)
{
    const char *at = caller;

    if (!counting || at < __executable_start || at >= etext)
        return false;
    if (++*allocations != fail_at)
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

/* ---- the program ---- */

#define FINE(call)                       \
    do {                                 \
        long fine = (long)(call);        \
        if (fine < 0 && fine != -ENOMEM) \
            CHECK_EQ(fine, -ENOMEM);     \
    } while (0)

static int open_fds(void)
{
    char name[32];
    int n = 0;

    for (int fd = 0; fd < 256; fd++) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        n += access(name, F_OK) == 0;
    }
    return n;
}

static void uses_stream(void)
{
    int fds[2] = {-1, -1};
    go_stream s = {0};
    char *line;
    size_t len;

    FINE(go_socketpair(fds));
    if (fds[0] < 0)
        return;
    FINE(go_write_all(fds[1], "one\ntwo\n", 8));
    if (go_stream_init(&s, fds[0]) == 0) {
        FINE(go_stream_read_line(&s, &line, &len));
        FINE(go_stream_printf(&s, "%d\n", 3));
        FINE(go_stream_flush(&s));
        go_stream_fini(&s);
    }
    go_close(fds[0]);
    go_close(fds[1]);
}

static int handler(int fd, void *arg)
{
    char byte;
    ssize_t n = go_read(fd, &byte, 1);

    (void)arg;
    return n > 0 ? go_write_all(fd, &byte, 1) : (int)n;
}

static int serves(void *arg)
{
    return go_serve(*(int *)arg, handler, NULL,
                    &(go_serve_opts){.idle_timeout = GO_SEC, .max_per_ip = 5});
}

static int asks(void *arg)
{
    char port[8], byte = 'x';
    int rc;

    snprintf(port, sizeof port, "%d", go_local_port(*(int *)arg));
    GO_MOVE_ON(2 * GO_SEC, rc) { /* who had no memory for a connection closes it */
        int fd = go_tcp_connect("localhost", port, NULL);

        CHECK(fd >= 0 || fd == -ENOMEM || fd == -EIO); /* -EIO: the lookup */
        if (fd >= 0) {
            if (go_write_all(fd, &byte, 1) == 0)
                go_read(fd, &byte, 1);
            go_close(fd);
        }
        rc = 0;
    }
    return 0;
}

static void uses_server(void)
{
    int fd = go_tcp_listen("127.0.0.1", "0", NULL), rc;

    FINE(fd);
    if (fd < 0)
        return;
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SERVICE}) {
        FINE(go_spawn(n, serves, &fd));
        asks(&fd);
        rc = 0;
    }
    FINE(rc);
    go_close(fd);
}

static void uses_programs(void)
{
    char *const echo[] = {"sh", "-c", "cat; echo done", NULL}, *out = NULL;
    size_t n = 0;
    int rc = go_process_run(echo, "input", 5, &out, &n, NULL);

    FINE(rc);
    free(out);
}

static void uses_signals(void)
{
    go_signals s = {0};
    int rc = go_signals_open(&s, (int[]){SIGUSR1, SIGUSR2}, 2);

    FINE(rc);
    if (rc == 0) {
        raise(SIGUSR1);
        CHECK_EQ(go_signals_next(&s), SIGUSR1);
    }
    go_signals_close(&s);
}

static int works(void *arg)
{
    (void)arg;
    return 7;
}

static void uses_names(void)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct sockaddr_in sin = {.sin_family = AF_INET};
    char host[64];
    int rc = go_getaddrinfo("localhost", "http", &hints, &list);

    CHECK(rc == 0 || rc == EAI_MEMORY || rc == EAI_SYSTEM);
    if (rc == 0)
        go_freeaddrinfo(list);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rc = go_getnameinfo((struct sockaddr *)&sin, sizeof sin, host, sizeof host, NULL, 0, 0);
    CHECK(rc == 0 || rc == EAI_MEMORY || rc == EAI_SYSTEM);
}

static void uses_polls(void)
{
    struct pollfd p[40];
    int fds[2] = {-1, -1};

    FINE(go_pipe(fds));
    if (fds[0] < 0)
        return;
    for (int i = 0; i < 40; i++)
        p[i] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    FINE(go_poll(p, 40, GO_MS));
    FINE(go_select((go_case[]){GO_READABLE(fds[0]), GO_AFTER(GO_MS)}, 2));
    go_write_all(fds[1], "x", 1);
    FINE(go_poll(p, 40, GO_MS));
    go_close(fds[1]);
    go_close(fds[0]);
}

static int program(void *arg)
{
    int before = open_fds(), rc;

    (void)arg;
    counting = true;
    uses_stream();
    uses_server();
    uses_programs();
    uses_signals();
    rc = go_offload(works, NULL);
    CHECK(rc == 7 || rc == -ENOMEM || rc == -EAGAIN);
    uses_names();
    uses_polls();
    counting = false;
    go_sleep(5 * GO_MS);
    CHECK(open_fds() <= before + 2); /* what the loop and the resolver open once and keep */
    return 0;
}

static int runs_short_of_memory(void *arg)
{
    int before = open_fds();

    (void)arg;
    CHECK_EQ(real_run(program, NULL), 0);
    CHECK_EQ(open_fds(), before);
    return 0;
}

LAW(each_once,
    "S3.53 whatever allocation fails on the way out, there is a code, and no descriptor stays")
{
    long most;

    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("valgrind's malloc stands before ours");
        return;
    }
    allocations =
        mmap(NULL, sizeof *allocations, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    /* Children all: who forks has no threads, which qemu 7.2 needs. */
    if (!CHECK(allocations != MAP_FAILED) || !CHECK_EXITS(runs_short_of_memory, NULL, 0))
        return;
    most = *allocations;
    CHECK(most > 30);
    tap_note("%ld allocations", most);
    for (fail_at = 1; fail_at <= most + 1; fail_at++) {
        *allocations = 0;
        if (!CHECK_EXITS(runs_short_of_memory, NULL, 0)) {
            tap_note("allocation %ld of %ld", fail_at, most);
            break;
        }
    }
}

TAP_MAIN

#endif
