/* SPDX-License-Identifier: MIT
 *
 * Lookups, against the name server of tests/dns_kit.h: the right answer, the right refusal, or an
 * error that a fault explains. */
#include "tests/dns_kit.h"
#include "tests/soak/soak.h"
#include <sys/prctl.h>

static const struct question {
    const char *name;
    int family, want; /* what go_getaddrinfo returns */
    const char *text; /* the addresses, between spaces */
    unsigned n;
} questions[] = {
    {"one.test", AF_INET, 0, " 192.0.2.1 ", 1},
    {"many.test", AF_INET, 0, " 192.0.2.11 192.0.2.12 10.9.8.7 127.0.0.9 169.254.3.4 ", 5},
    {"both.test", AF_UNSPEC, 0, " 192.0.2.2 2001:db8::2 ", 2},
    {"six.test", AF_INET6, 0, " 2001:db8::6 ", 1},
    {"alias.test", AF_UNSPEC, 0, " 192.0.2.3 2001:db8::3 ", 2},
    {"zero.test", AF_INET, 0, " 192.0.2.30 ", 1},
    {"zero.test", AF_UNSPEC, 0, " 192.0.2.30 ", 1},
    {"short.test", AF_INET, 0, " 192.0.2.31 ", 1},
    {"big.test", AF_UNSPEC, 0, " 192.0.2.40 2001:db8::40 ", 2},
    {"wrongid.test", AF_INET, 0, " 192.0.2.54 ", 1},
    {"empty.test", AF_INET, EAI_NODATA, "", 0},
    {"servfail.test", AF_INET, EAI_AGAIN, "", 0},
    {"localhost", AF_INET, 0, " 127.0.0.1 ", 2}, /* ::1 counts too, as for libc */
    {"127.1", AF_UNSPEC, 0, " 127.0.0.1 ", 1},
    {"::ffff:1.2.3.4", AF_INET6, 0, " ::ffff:1.2.3.4 ", 1},
};
enum { QUESTIONS = sizeof questions / sizeof *questions, LITERALS = 2 };

/* The name server's process ends with ours; each TCP connection has one of its own, since a fork
 * child of ours may hold it open. */
static void start_server(void)
{
    struct pollfd fds[] = {{dns_bind(SOCK_DGRAM, "127.0.0.1"), POLLIN, 0},
                           {dns_bind(SOCK_STREAM, "127.0.0.1"), POLLIN, 0}};

    fflush(NULL);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
            if (fds[0].revents)
                dns_do_udp(fds[0].fd, false);
            if (fds[1].revents && fork() == 0) {
                alarm(30);
                dns_do_tcp(fds[1].fd, false);
                _exit(0);
            } else if (fds[1].revents) {
                nap(GO_MS); /* until it has accepted */
            }
        }
        _exit(0);
    }
    close(fds[0].fd);
    close(fds[1].fd);
}

const char *names_world(void)
{
    const char *why = dns_world();

    if (why)
        return why;
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n");
    start_server();
    return NULL;
}

static void check_answer(const struct question *q, const struct addrinfo *list, bool faulty)
{
    unsigned n = 0;

    for (; list; list = list->ai_next, n++) {
        char text[80] = " ";

        getnameinfo(list->ai_addr, list->ai_addrlen, text + 1, sizeof text - 2, NULL, 0,
                    NI_NUMERICHOST);
        strcat(text, " ");
        if (!strstr(q->text, text))
            complain("%s has an address%s", q->name, text);
    }
    if (n != q->n && !faulty)
        complain("%s has %u addresses, not %u", q->name, n, q->n);
}

static void ask(struct dice *d, const struct question *q, bool hurried)
{
    struct addrinfo hints = {.ai_family = q->family, .ai_socktype = SOCK_STREAM}, *list = NULL;
    uint64_t faults = faults_now();
    int rc = 0, err = 0, timed;
    bool faulty, caught = false;

    GO_MOVE_ON(hurried ? throw_dice(d, 3000) * GO_US : GO_FOREVER, timed) {
        rc = go_getaddrinfo(q->name, NULL, &hints, &list);
        err = errno;
        caught = rc == EAI_SYSTEM && err == ECANCELED;
        timed = 0;
    }
    faulty = faults_since(faults);
    soak.count[N_LOOKUPS]++;
    soak.count[N_CANCELS] += caught;
    soak.count[N_FELT] += rc && rc != q->want && !caught;
    if (rc == 0) {
        check_answer(q, list, faulty);
        go_freeaddrinfo(list);
    } else if (caught && !hurried) {
        complain("a lookup of %s was cancelled by nobody", q->name);
    } else if (rc != q->want && !caught) {
        if (!faulty || (rc != EAI_MEMORY && rc != EAI_AGAIN && rc != EAI_SYSTEM && rc != EAI_FAIL))
            complain("the lookup of %s says %s (errno %s)%s", q->name, gai_strerror(rc),
                     strerrorname_np(err), faulty ? ", with faults" : "");
    }
}

int asks_names(void *number)
{
    struct dice d = dice_of("names", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        uint32_t which = throw_dice(&d, QUESTIONS + 4);
        struct question q = {"silent.test", AF_UNSPEC, EAI_AGAIN, "", 0};
        char fresh[32];

        if (!soak.names) {
            q = questions[QUESTIONS - 1 - throw_dice(&d, LITERALS)];
        } else if (which < QUESTIONS) {
            q = questions[which];
        } else if (which < QUESTIONS + 3) { /* one that nobody has asked for yet */
            snprintf(fresh, sizeof fresh, "n%u.test", throw_dice(&d, UINT32_MAX));
            q = (struct question){fresh, which % 2 ? AF_INET : AF_UNSPEC, EAI_NONAME, "", 0};
        }
        ask(&d, &q, throw_dice(&d, 3) == 0 || strcmp(q.name, "silent.test") == 0);
        go_sleep(throw_dice(&d, 4) * GO_MS);
    }
    return 0;
}
