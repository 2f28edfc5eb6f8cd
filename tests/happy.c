/* SPDX-License-Identifier: MIT
 *
 * Happy eyeballs, RFC 8305: what is tried, in which order and when. Answers and connections are
 * scripted, the clock is virtual, and every time is exact. */
#include "net/addr.h"
#include "net/happy.h"
#include "tests/net_kit.h"

/* ---- the script ---- */

struct answer {
    go_time delay;
    int err;
    const char *addrs[4];
};

struct outcome {
    const char *addr;
    go_time delay; /* GO_FOREVER: a black hole */
    int rc;        /* 0: connects */
};

static struct answer v6, v4;
static struct outcome outcomes[8];
static unsigned asked;
static go_time began;

static long long ms(void)
{
    return (go_now() - began) / GO_MS;
}

static int scripted_lookup(const char *host, int family, uint16_t port, struct resolve_list *out)
{
    const struct answer *a = family == AF_INET6 ? &v6 : &v4;

    (void)host;
    asked++;
    if (go_sleep(a->delay) < 0) {
        mark("%s:dropped@%lld", family == AF_INET6 ? "AAAA" : "A", ms());
        errno = ECANCELED;
        return EAI_SYSTEM;
    }
    if (a->err == EAI_SYSTEM)
        errno = EMFILE;
    for (int i = 0; !a->err && a->addrs[i]; i++)
        if (resolve_list_add(out, a->addrs[i], port))
            return EAI_FAIL;
    return a->err;
}

/* The address alone, as it is in the script. */
static const char *bare(const struct sockaddr *to)
{
    static char text[INET6_ADDRSTRLEN];
    const union addr *a = (const union addr *)to;

    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &a->v4.sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, sizeof text);
    return text;
}

static int scripted_attempt(const struct sockaddr *to, socklen_t len, const go_connect_opts *opts)
{
    struct outcome *o = outcomes;
    int rc;

    (void)opts;
    CHECK_EQ(len,
             to->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    CHECK_EQ(ntohs(((const union addr *)to)->v4.sin_port), 80);
    mark("%s@%lld", bare(to), ms());
    while (o->addr && strcmp(o->addr, bare(to)) != 0)
        o++;
    if (!CHECK(o->addr != NULL))
        return -EFAULT;
    rc = go_sleep(o->delay);
    if (rc < 0)
        mark("%s:given-up@%lld", o->addr, ms());
    if (rc == 0 && o->rc == 0)
        rc = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return rc ? rc : o->rc;
}

static const struct happy_ways scripted = {scripted_lookup, scripted_attempt};

static int connect_with(const go_connect_opts *opts)
{
    asked = 0;
    began = go_now();
    return happy_connect(&scripted, "example.org", "80", opts);
}

/* Connects, and closes what came of it: 0. */
static int connects(const go_connect_opts *opts)
{
    int fd = connect_with(opts);

    return fd < 0 ? fd : go_close(fd);
}

#define HOLE(a)            \
    {                      \
        (a), GO_FOREVER, 0 \
    }
#define GOOD(a, t)  \
    {               \
        (a), (t), 0 \
    }
#define BAD(a, t, e)  \
    {                 \
        (a), (t), (e) \
    }
#define SCRIPT(...) memcpy(outcomes, (struct outcome[8]){__VA_ARGS__}, sizeof outcomes)
#define ANSWER(...) ((struct answer){__VA_ARGS__})

/* ---- order and time ---- */

LAW_VIRTUAL(interleaved, "S8.60 the families take turns, IPv6 first, an attempt every 250 ms")
{
    int rc;

    v6 = ANSWER(0, 0, {"2001:db8::1", "2001:db8::2", "2001:db8::3"});
    v4 = ANSWER(0, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(HOLE("2001:db8::1"), HOLE("2001:db8::2"), GOOD("2001:db8::3", 7 * GO_MS),
           HOLE("192.0.2.1"), HOLE("192.0.2.2"));
    rc = connect_with(NULL);
    CHECK(rc >= 0);
    CHECK_EQ(go_close(rc), 0);
    CHECK_EQ(ms(), 1007);
    CHECK(!go_last_error()); /* nothing has failed */
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@250 2001:db8::2@500 192.0.2.2@750 2001:db8::3@1000 "
                "2001:db8::1:given-up@1007 192.0.2.1:given-up@1007 2001:db8::2:given-up@1007 "
                "192.0.2.2:given-up@1007");
}

LAW_VIRTUAL(one_family, "S8.60 a family alone is tried in its own order")
{
    v6 = ANSWER(0, EAI_NONAME, {NULL});
    v4 = ANSWER(3 * GO_MS, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(HOLE("192.0.2.1"), GOOD("192.0.2.2", GO_MS));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("192.0.2.1@3 192.0.2.2@253 192.0.2.1:given-up@254");
}

LAW_VIRTUAL(delay_option, "S8.60 attempt_delay is the caller's choice, and at least 10 ms")
{
    v6 = ANSWER(0, 0, {"2001:db8::1"});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(HOLE("2001:db8::1"), GOOD("192.0.2.1", 0));
    CHECK_EQ(connects(&(go_connect_opts){.attempt_delay = 40 * GO_MS}), 0);
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@40 2001:db8::1:given-up@40");
    CHECK_EQ(connects(&(go_connect_opts){.attempt_delay = 1}), 0);
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@10 2001:db8::1:given-up@10");
    CHECK_EQ(connects(&(go_connect_opts){.attempt_delay = -1}), -EINVAL);
}

LAW_VIRTUAL(failure_moves_on, "S8.61 when an attempt has failed the next begins at once")
{
    v6 = ANSWER(0, 0, {"2001:db8::1", "2001:db8::2"});
    v4 = ANSWER(0, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(BAD("2001:db8::1", 10 * GO_MS, -ECONNREFUSED), HOLE("192.0.2.1"),
           BAD("2001:db8::2", 20 * GO_MS, -ENETUNREACH), GOOD("192.0.2.2", 5 * GO_MS));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@10 2001:db8::2@260 192.0.2.2@280 192.0.2.1:given-up@285");
    CHECK_EQ(error_count(go_last_error()), 2); /* of those before the winner */
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 0)), -ECONNREFUSED);
    CHECK_STR(go_error_fiber(go_error_child(go_last_error(), 0)), "[2001:db8::1]:80");
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 1)), -ENETUNREACH);
}

LAW_VIRTUAL(earlier_fails, "S8.61 also when it is an earlier one that fails")
{
    v6 = ANSWER(0, 0, {"2001:db8::1", "2001:db8::2"});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(BAD("2001:db8::1", 300 * GO_MS, -EHOSTUNREACH), HOLE("192.0.2.1"),
           GOOD("2001:db8::2", 0));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@250 2001:db8::2@300 192.0.2.1:given-up@300");
}

/* ---- late answers ---- */

LAW_VIRTUAL(aaaa_late, "S8.62 A waits 50 ms for AAAA, which comes first if it comes by then")
{
    v6 = ANSWER(80 * GO_MS, 0, {"2001:db8::1"});
    v4 = ANSWER(40 * GO_MS, 0, {"192.0.2.1"});
    SCRIPT(GOOD("2001:db8::1", 0), GOOD("192.0.2.1", 0));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("2001:db8::1@80");
}

LAW_VIRTUAL(aaaa_fails_late, "S8.62 that AAAA has failed ends the wait, too")
{
    v6 = ANSWER(60 * GO_MS, EAI_NONAME, {NULL});
    v4 = ANSWER(40 * GO_MS, 0, {"192.0.2.1"});
    SCRIPT(GOOD("192.0.2.1", 0));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("192.0.2.1@60");
    v6.delay = 0;
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("192.0.2.1@40");
}

LAW_VIRTUAL(aaaa_too_late, "S8.62 after it A goes first, and AAAA takes its turn when it comes")
{
    v6 = ANSWER(500 * GO_MS, 0, {"2001:db8::1"});
    v4 = ANSWER(40 * GO_MS, 0, {"192.0.2.1", "192.0.2.2", "192.0.2.3"});
    SCRIPT(GOOD("2001:db8::1", GO_MS), HOLE("192.0.2.1"), HOLE("192.0.2.2"), HOLE("192.0.2.3"));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("192.0.2.1@90 192.0.2.2@340 2001:db8::1@590 192.0.2.1:given-up@591 "
                "192.0.2.2:given-up@591");
}

LAW_VIRTUAL(nothing_else, "S8.62 when all that is known has failed, a late answer is tried at once")
{
    v6 = ANSWER(5 * GO_SEC, 0, {"2001:db8::1"});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(GOOD("2001:db8::1", 0), BAD("192.0.2.1", GO_MS, -ECONNREFUSED));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("192.0.2.1@50 2001:db8::1@5000");
}

LAW_VIRTUAL(a_late, "S8.63 AAAA is connected to while A is pending, whose lookup is then dropped")
{
    v6 = ANSWER(10 * GO_MS, 0, {"2001:db8::1", "2001:db8::2"});
    v4 = ANSWER(5 * GO_SEC, 0, {"192.0.2.1"});
    SCRIPT(HOLE("2001:db8::1"), GOOD("2001:db8::2", 3 * GO_MS));
    CHECK_EQ(connects(NULL), 0);
    CHECK_TRACE("2001:db8::1@10 2001:db8::2@260 2001:db8::1:given-up@263 A:dropped@263");
}

/* ---- one winner ---- */

LAW_VIRTUAL(one_winner, "S8.64 one wins, and the others are closed, also when two succeed at once")
{
    int fds = open_fds(), fd;

    v6 = ANSWER(0, 0, {"2001:db8::1"});
    v4 = ANSWER(0, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(GOOD("2001:db8::1", 600 * GO_MS), GOOD("192.0.2.1", 350 * GO_MS),
           GOOD("192.0.2.2", 100 * GO_MS));
    fd = connect_with(NULL);
    CHECK_EQ(ms(), 600);
    CHECK_EQ(open_fds(), fds + 1);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK_EQ(go_close(fd), 0);
    CHECK_EQ(open_fds(), fds);
    CHECK_TRACE("2001:db8::1@0 192.0.2.1@250 192.0.2.2@500");
    CHECK(!go_last_error());
}

/* ---- nobody wins ---- */

LAW_VIRTUAL(all_fail, "S8.65 when all have failed: the error that says most, and all in the tree")
{
    static const char *const texts[] = {"connect to [2001:db8::1]:80: Network is unreachable",
                                        "connect to 192.0.2.1:80: Connection refused",
                                        "connect to 192.0.2.2:80: No route to host"};
    const go_error *e;
    int rc;

    v6 = ANSWER(0, 0, {"2001:db8::1"});
    v4 = ANSWER(0, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(BAD("2001:db8::1", 0, -ENETUNREACH), BAD("192.0.2.1", 1, -ECONNREFUSED),
           BAD("192.0.2.2", 2, -EHOSTUNREACH));
    CHECK_EQ(connects(NULL), -ECONNREFUSED);
    e = go_last_error();
    CHECK_EQ(error_count(e), 3);
    for (size_t i = 0; i < 3; i++)
        CHECK_STR(go_error_message(go_error_child(e, i)), texts[i]);
    CHECK_EQ(go_error_code(go_error_child(e, 2)), -EHOSTUNREACH);
    CHECK_STR(go_error_fiber(go_error_child(e, 2)), "192.0.2.2:80");
    CHECK_EQ(ms(), 0);
    trace_reset();
    GO_NURSERY(n, rc) {
        rc = connects(NULL);
    }
    CHECK_EQ(rc, -ECONNREFUSED);
    e = go_error_child(go_last_error(), 0);
    CHECK_STR(go_error_message(e),
              "connect to example.org port 80: Connection refused (3 addresses tried)");
    CHECK_EQ(error_count(go_error_child(e, 0)), 3); /* its cause */
}

static void check_lookup_fails(int six, int four, int rc, const char *text)
{
    int got;

    v6 = ANSWER(20 * GO_MS, six, {NULL});
    v4 = ANSWER(10 * GO_MS, four, {NULL});
    CHECK_EQ(connects(NULL), rc);
    CHECK_EQ(ms(), 20);
    CHECK_EQ(error_count(go_last_error()), 1);
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 0)), rc);
    GO_NURSERY(n, got) {
        got = connects(NULL);
    }
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)),
              "connect to example.org port 80: ");
    CHECK_HAS(go_error_message(go_error_child(go_last_error(), 0)), text);
    CHECK_TRACE("");
}

LAW_VIRTUAL(no_name, "S8.19 no such name is -ENOENT, a temporary failure -EAGAIN, another -EIO")
{
    check_lookup_fails(EAI_NONAME, EAI_NONAME, -ENOENT, "Name or service not known");
    check_lookup_fails(EAI_NODATA, EAI_NONAME, -ENOENT, "Name or service not known");
    check_lookup_fails(EAI_AGAIN, EAI_NONAME, -EAGAIN, "Temporary failure in name resolution");
    check_lookup_fails(EAI_NONAME, EAI_AGAIN, -EAGAIN, "Temporary failure in name resolution");
    check_lookup_fails(EAI_FAIL, EAI_FAIL, -EIO, "Non-recoverable failure in name resolution");
    check_lookup_fails(EAI_NONAME, EAI_SYSTEM, -EIO, "Too many open files");
    CHECK_EQ(happy_connect(&scripted, "192.0.2.1", "no-such-service", NULL), -ENOENT);
    CHECK_EQ(happy_connect(&scripted, "192.0.2.1", "65536", NULL), -ENOENT);
    CHECK_EQ(happy_connect(&scripted, NULL, "80", NULL), -EINVAL);
    CHECK_EQ(happy_connect(&scripted, "192.0.2.1", NULL, NULL), -EINVAL);
}

LAW_VIRTUAL(half_known, "S8.65 a family that could not be looked up is in the tree, too")
{
    const go_error *e;

    v6 = ANSWER(70 * GO_MS, EAI_AGAIN, {NULL});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(BAD("192.0.2.1", GO_MS, -ECONNREFUSED));
    CHECK_EQ(connects(NULL), -ECONNREFUSED);
    CHECK_EQ(ms(), 70);
    e = go_last_error();
    CHECK_EQ(error_count(e), 2);
    CHECK_EQ(go_error_code(go_error_child(e, 0)), -ECONNREFUSED);
    CHECK_STR(go_error_message(go_error_child(e, 1)),
              "lookup of example.org: Temporary failure in name resolution");
    v6.err = EAI_NONAME; /* but that there is none is no failure */
    CHECK_EQ(connects(NULL), -ECONNREFUSED);
    CHECK_EQ(error_count(go_last_error()), 1);
}

/* ---- cancellation ---- */

LAW_VIRTUAL(cancelled, "S8.66 a cancellation anywhere leaves nothing open, and is -ECANCELED")
{
    static const go_time when[] = {0, 5 * GO_MS, 30 * GO_MS, 60 * GO_MS, 100 * GO_MS, 400 * GO_MS};
    int fds = open_fds(), got = 0, rc;

    v6 = ANSWER(80 * GO_MS, 0, {"2001:db8::1", "2001:db8::2"});
    v4 = ANSWER(10 * GO_MS, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(HOLE("2001:db8::1"), BAD("2001:db8::2", 0, -ECONNREFUSED),
           BAD("192.0.2.1", 30 * GO_MS, -ECONNREFUSED), HOLE("192.0.2.2"));
    for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
        GO_TIMEOUT(when[i] ? when[i] : -1, rc) {
            got = rc = connect_with(NULL);
        }
        CHECK_EQ(got, -ECANCELED);
        CHECK_EQ(rc, -ETIMEDOUT);
        CHECK_EQ(go_now() - began, when[i]);
        CHECK_EQ(asked, when[i] ? 2 : 0);
        CHECK_EQ(open_fds(), fds);
    }
}

/* The winner's end, and a deadline at that very instant. */
LAW_VIRTUAL(cancelled_winning, "S8.66 at the instant of success: the descriptor, or nothing")
{
    int fds = open_fds(), got = 0, rc;

    v6 = ANSWER(0, EAI_NONAME, {NULL});
    v4 = ANSWER(0, 0, {"192.0.2.1", "192.0.2.2"});
    SCRIPT(GOOD("192.0.2.1", 300 * GO_MS), GOOD("192.0.2.2", 50 * GO_MS));
    GO_TIMEOUT(300 * GO_MS, rc) {
        got = rc = connect_with(NULL);
    }
    if (got >= 0)
        CHECK_EQ(go_close(got), 0);
    else
        CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(open_fds(), fds);
}

/* ---- what is not looked up, and who is told ---- */

LAW_VIRTUAL(numeric, "S8.67 a numeric host is not looked up")
{
    SCRIPT(GOOD("192.0.2.7", 0), BAD("2001:db8::7", 0, -ECONNREFUSED));
    asked = 0;
    began = go_now();
    CHECK_EQ(go_close(happy_connect(&scripted, "192.0.2.7", "80", NULL)), 0);
    CHECK_EQ(happy_connect(&scripted, "2001:db8::7", "80", NULL), -ECONNREFUSED);
    CHECK_EQ(error_count(go_last_error()), 1);
    CHECK_STR(go_error_fiber(go_error_child(go_last_error(), 0)), "[2001:db8::7]:80");
    CHECK_EQ(asked, 0);
    CHECK_TRACE("192.0.2.7@0 2001:db8::7@0");
}

LAW_VIRTUAL(bound, "S8.67 bind_host decides which family is asked for, and is numeric")
{
    v6 = ANSWER(0, 0, {"2001:db8::1"});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(GOOD("192.0.2.1", 0), GOOD("2001:db8::1", 0));
    CHECK_EQ(connects(&(go_connect_opts){.bind_host = "192.0.2.99"}), 0);
    CHECK_EQ(asked, 1);
    CHECK_TRACE("192.0.2.1@0");
    CHECK_EQ(connects(&(go_connect_opts){.bind_host = "2001:db8::99"}), 0);
    CHECK_TRACE("2001:db8::1@0");
    CHECK_EQ(connects(&(go_connect_opts){.bind_host = "somewhere"}), -EINVAL);
    CHECK_EQ(happy_connect(&scripted, "192.0.2.1", "80", &(go_connect_opts){.bind_host = "::"}),
             -ENOENT);
}

static void note(const struct sockaddr *to, socklen_t len, int result, void *arg)
{
    (void)len;
    CHECK_EQ(*(int *)arg, 4711);
    mark("%s:%s@%lld", bare(to),
         result == -EINPROGRESS ? "begins"
         : result == -ECANCELED ? "lost"
         : result               ? "failed"
                                : "won",
         ms());
}

LAW_VIRTUAL(told, "S8.68 on_attempt hears when each attempt begins, and how it ends")
{
    int arg = 4711;

    v6 = ANSWER(0, 0, {"2001:db8::1", "2001:db8::2"});
    v4 = ANSWER(0, 0, {"192.0.2.1"});
    SCRIPT(BAD("2001:db8::1", GO_MS, -ECONNREFUSED), HOLE("192.0.2.1"),
           GOOD("2001:db8::2", 2 * GO_MS));
    CHECK_EQ(connects(&(go_connect_opts){.on_attempt = note, .arg = &arg}), 0);
    CHECK_TRACE("2001:db8::1:begins@0 2001:db8::1@0 2001:db8::1:failed@1 192.0.2.1:begins@1 "
                "192.0.2.1@1 2001:db8::2:begins@251 2001:db8::2@251 2001:db8::2:won@253 "
                "192.0.2.1:given-up@253 192.0.2.1:lost@253");
}

LAW(outside, "S1.20 go_tcp_connect outside a run is -ESHUTDOWN")
{
    CHECK_EQ(go_tcp_connect("192.0.2.1", "80", NULL), -ESHUTDOWN);
}

TAP_MAIN
