/* SPDX-License-Identifier: MIT
 *
 * A world of its own for tests of names: a mount and network namespace with an /etc that is ours,
 * and a scripted name server on loopback, as a process or as fibers of the test. What the server
 * says to a name is data, below. */
#ifndef TESTS_DNS_KIT_H
#define TESTS_DNS_KIT_H

#include "tests/kit.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- what the server knows ---- */

enum { A = 1, CNAME = 5, SOA = 6, PTR = 12, AAAA = 28 };

struct dns_record {
    const char *name;
    int type;
    const char *data;
    unsigned ttl;
};

/* A name that stands here exists; one that does not is NXDOMAIN, if its end is one of the zones. */
static const struct dns_record dns_zone[] = {
    {"one.test", A, "192.0.2.1", 300},
    {"many.test", A, "192.0.2.11", 300},
    {"many.test", A, "192.0.2.12", 300},
    {"many.test", A, "10.9.8.7", 300},
    {"many.test", A, "127.0.0.9", 300},
    {"many.test", A, "169.254.3.4", 300},
    {"both.test", A, "192.0.2.2", 300},
    {"both.test", AAAA, "2001:db8::2", 300},
    {"crowd.test", AAAA, "2001:db8::7", 300},
    {"crowd.test", AAAA, "fe80::7", 300},
    {"crowd.test", AAAA, "2002:c000:207::1", 300},
    {"crowd.test", AAAA, "fd00::1", 300},
    {"crowd.test", AAAA, "fec0::1", 300},
    {"crowd.test", AAAA, "::1", 300},
    {"crowd.test", AAAA, "2001:0:1::1", 300},
    {"crowd.test", AAAA, "::ffff:192.0.2.77", 300},
    {"crowd.test", A, "192.0.2.7", 300},
    {"crowd.test", A, "127.0.0.1", 300},
    {"crowd.test", A, "169.254.0.7", 300},
    {"six.test", AAAA, "2001:db8::6", 300},
    {"alias.test", CNAME, "alias2.test", 300},
    {"alias2.test", CNAME, "target.test", 60},
    {"target.test", A, "192.0.2.3", 300},
    {"target.test", AAAA, "2001:db8::3", 300},
    {"dangling.test", CNAME, "nowhere.test", 300},
    {"strange.test", CNAME, "not ok!.test", 300},
    {"not ok!.test", A, "192.0.2.5", 300},
    {"strange2.test", CNAME, "not ok!2.test", 300},
    {"not ok!2.test", CNAME, "target.test", 300},
    {"under_score.test", A, "192.0.2.6", 300},
    {"-dash.test", A, "192.0.2.8", 300},
    {"MiXed.test", A, "192.0.2.9", 300},
    {"host.corp.test", A, "192.0.2.20", 300},
    {"host.lab.test", A, "192.0.2.21", 300},
    {"sub.host.lab.test", A, "192.0.2.22", 300},
    {"nodata.corp.test", SOA, "", 300},
    {"nodata.lab.test", A, "192.0.2.23", 300},
    {"five.a.b.c.lab.test", A, "192.0.2.24", 300},
    {"empty.test", SOA, "", 300},
    {"zero.test", A, "192.0.2.30", 0},
    {"short.test", A, "192.0.2.31", 2},
    {"big.test", A, "192.0.2.40", 300},
    {"big.test", AAAA, "2001:db8::40", 300},
    {"v4mapped.test", AAAA, "::ffff:192.0.2.50", 300},
    {"sixfail.test", A, "192.0.2.51", 300},
    {"fourfail.test", AAAA, "2001:db8::52", 300},
    {"sixsilent.test", A, "192.0.2.53", 300},
    {"wrongid.test", A, "192.0.2.54", 300},
    {"wrongname.test", A, "192.0.2.55", 300},
    {"rubbish.test", A, "192.0.2.56", 300},
    {"cut.test", A, "192.0.2.59", 300},
    {"cut.test", AAAA, "2001:db8::59", 300},
    {"slow.test", A, "192.0.2.57", 300},
    {"second.test", A, "192.0.2.58", 300},
    {"6.2.0.192.in-addr.arpa", PTR, "under_score.test", 300},
    {"1.2.0.192.in-addr.arpa", PTR, "one.test", 300},
    {"2.2.0.192.in-addr.arpa", PTR, "not ok!.test", 300},
    {"3.2.0.192.in-addr.arpa", CNAME, "3.sub.2.0.192.in-addr.arpa", 300},
    {"3.sub.2.0.192.in-addr.arpa", PTR, "target.test", 300},
    {"4.2.0.192.in-addr.arpa", SOA, "", 300},
    {"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", PTR, "both.test",
     300},
};

/* What it does to a question instead of, or besides, answering it. */
enum dns_deed {
    DEED_ANSWER,
    DEED_RCODE, /* with the code in `arg`, no records */
    DEED_SILENT,
    DEED_TRUNCATE,   /* by UDP: the header alone, and TC */
    DEED_WRONG_ID,   /* one with a wrong id first, of another address */
    DEED_WRONG_NAME, /* one to another question first */
    DEED_RUBBISH,    /* 52 bytes of rubbish first */
    DEED_CUT,        /* the answer without its last four bytes */
    DEED_REFERRAL,   /* nothing, not authoritative, no recursion */
    DEED_NO_SOA      /* NXDOMAIN without one */
};

static const struct dns_rule {
    const char *name;
    int type; /* 0: any */
    uint8_t deed, arg;
} dns_rules[] = {
    {"servfail.test", 0, DEED_RCODE, 2},
    {"refused.test", 0, DEED_RCODE, 5},
    {"notimp.test", 0, DEED_RCODE, 4},
    {"formerr.test", 0, DEED_RCODE, 1},
    {"silent.test", 0, DEED_SILENT, 0},
    {"big.test", 0, DEED_TRUNCATE, 0},
    {"sixfail.test", AAAA, DEED_RCODE, 2},
    {"fourfail.test", A, DEED_RCODE, 2},
    {"sixsilent.test", AAAA, DEED_SILENT, 0},
    {"wrongid.test", 0, DEED_WRONG_ID, 0},
    {"wrongname.test", 0, DEED_WRONG_NAME, 0},
    {"rubbish.test", 0, DEED_RUBBISH, 0},
    {"cut.test", 0, DEED_CUT, 0},
    {"referral.test", 0, DEED_REFERRAL, 0},
    {"nosoa.test", 0, DEED_NO_SOA, 0},
    {"fail.corp.test", 0, DEED_RCODE, 2},
    {"fail.lab.test", 0, DEED_RCODE, 2},
    {"6.6.6.6.in-addr.arpa", 0, DEED_RCODE, 2},
};

/* ---- messages ---- */

struct dns_message {
    uint8_t bytes[4096];
    size_t n;
};

static TAP_UNUSED void dns_put(struct dns_message *m, unsigned value, int size)
{
    while (size-- > 0)
        m->bytes[m->n++] = (uint8_t)(value >> 8 * size);
}

static TAP_UNUSED void dns_put_name(struct dns_message *m, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");

        dns_put(m, (unsigned)n, 1);
        memcpy(m->bytes + m->n, name, n);
        m->n += n;
        name += n + (name[n] == '.');
    }
    dns_put(m, 0, 1);
}

/* The question's name as text, and its type; false: it is none. */
static TAP_UNUSED bool dns_question(const uint8_t *q, size_t n, char name[256], int *type,
                                    size_t *end)
{
    size_t at = 12, used = 0;

    if (n < 17)
        return false;
    while (at < n && q[at]) {
        if (at + 1 + q[at] >= n || used + q[at] + 1 > 255)
            return false;
        if (used)
            name[used++] = '.';
        memcpy(name + used, q + at + 1, q[at]);
        used += q[at];
        at += 1u + q[at];
    }
    name[used] = '\0';
    if (at + 5 > n)
        return false;
    *type = q[at + 1] << 8 | q[at + 2];
    *end = at + 5;
    return true;
}

static TAP_UNUSED void dns_put_record(struct dns_message *m, const char *owner, int type,
                                      unsigned ttl, const char *data)
{
    size_t at;

    dns_put_name(m, owner);
    dns_put(m, (unsigned)type, 2);
    dns_put(m, 1, 2);
    dns_put(m, ttl, 4);
    at = m->n;
    m->n += 2;
    if (type == A) {
        inet_pton(AF_INET, data, m->bytes + m->n);
        m->n += 4;
    } else if (type == AAAA) {
        inet_pton(AF_INET6, data, m->bytes + m->n);
        m->n += 16;
    } else {
        dns_put_name(m, data);
    }
    if (type == SOA) {
        dns_put_name(m, "admin.test");
        for (unsigned i = 0; i < 4; i++)
            dns_put(m, 1000, 4);
        dns_put(m, 30, 4); /* the time to live of what is not there */
    }
    m->bytes[at] = (uint8_t)((m->n - at - 2) >> 8);
    m->bytes[at + 1] = (uint8_t)(m->n - at - 2);
}

/* The records for name, by way of its aliases; returns their number, -1: there is no such name. */
static TAP_UNUSED int dns_answer(struct dns_message *m, const char *name, int type)
{
    int count = 0;
    bool known = false;

    for (size_t i = 0; i < sizeof dns_zone / sizeof *dns_zone; i++) {
        const struct dns_record *r = &dns_zone[i];

        if (strcasecmp(r->name, name) != 0)
            continue;
        known = true;
        if (r->type != type && r->type != CNAME)
            continue;
        dns_put_record(m, name, r->type, r->ttl, r->data);
        count++;
        if (r->type == CNAME) {
            int more = dns_answer(m, r->data, type);

            return count + (more > 0 ? more : 0);
        }
    }
    return known ? count : -1;
}

static TAP_UNUSED const struct dns_rule *dns_rule(const char *name, int type)
{
    static const struct dns_rule plain = {"", 0, DEED_ANSWER, 0};

    for (size_t i = 0; i < sizeof dns_rules / sizeof *dns_rules; i++)
        if (strcasecmp(dns_rules[i].name, name) == 0 &&
            (dns_rules[i].type == 0 || dns_rules[i].type == type))
            return &dns_rules[i];
    return &plain;
}

static TAP_UNUSED void dns_fill(struct dns_message *m, const uint8_t *q, size_t end,
                                const char *name, int type, const struct dns_rule *rule)
{
    int count;

    memcpy(m->bytes, q, end);
    m->n = end;
    m->bytes[2] = 0x84 | (q[2] & 1); /* an answer, authoritative */
    m->bytes[3] = 0x80;
    memset(m->bytes + 6, 0, 6);
    m->bytes[5] = 1;
    if (rule->deed == DEED_RCODE) {
        m->bytes[3] |= rule->arg;
        return;
    }
    if (rule->deed == DEED_REFERRAL) {
        m->bytes[2] = 0x80;
        m->bytes[3] = 0;
        return;
    }
    count = dns_answer(m, name, type);
    m->bytes[7] = (uint8_t)(count > 0 ? count : 0);
    if (count < 0)
        m->bytes[3] |= 3;
    if (count <= 0 && rule->deed != DEED_NO_SOA) {
        dns_put_record(m, "test", SOA, 40, "ns.test");
        m->bytes[9] = 1;
    }
    if (rule->deed == DEED_CUT)
        m->n -= 4;
}

/* Up to two messages in answer to q; returns how many. refuse: SERVFAIL whatever is asked. */
static TAP_UNUSED int dns_script(const uint8_t *q, size_t n, bool tcp, bool refuse,
                                 struct dns_message out[2])
{
    static const struct dns_rule fails = {"", 0, DEED_RCODE, 2};
    const struct dns_rule *rule;
    char name[256];
    size_t end;
    int type, count = 0;

    if (!dns_question(q, n, name, &type, &end))
        return 0;
    rule = refuse ? &fails : dns_rule(name, type);
    if (rule->deed == DEED_SILENT)
        return 0;
    if (!tcp && rule->deed == DEED_TRUNCATE) {
        memcpy(out->bytes, q, end);
        out->n = end;
        out->bytes[2] = 0x86; /* and TC */
        out->bytes[3] = 0x80;
        memset(out->bytes + 6, 0, 6);
        return 1;
    }
    if (rule->deed == DEED_WRONG_ID || rule->deed == DEED_WRONG_NAME ||
        rule->deed == DEED_RUBBISH) {
        dns_fill(&out[0], q, end, "one.test", type, &(struct dns_rule){"", 0, DEED_ANSWER, 0});
        if (rule->deed == DEED_WRONG_ID)
            out[0].bytes[0] ^= 0x55;
        if (rule->deed == DEED_WRONG_NAME)
            out[0].bytes[13] ^= 1;
        if (rule->deed == DEED_RUBBISH)
            memset(out[0].bytes, 0xa5, out[0].n = 52);
        count++;
    }
    dns_fill(&out[count], q, end, name, type, rule);
    return count + 1;
}

/* ---- a world of its own ---- */

static TAP_UNUSED void dns_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* A file in our /etc; text NULL: there is none. */
static TAP_UNUSED void dns_etc(const char *name, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "/etc/%s", name);
    if (text)
        dns_write(path, text);
    else
        unlink(path);
}

static TAP_UNUSED bool dns_unshare(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();
    char map[32];

    if (unshare(CLONE_NEWNS | CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0)
        return false;
    dns_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    dns_write("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    dns_write("/proc/self/gid_map", map);
    return true;
}

static TAP_UNUSED bool dns_loopback_up(void)
{
    struct ifreq r = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool ok;

    ok = ioctl(fd, SIOCGIFFLAGS, &r) == 0;
    r.ifr_flags |= IFF_UP;
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    close(fd);
    return ok;
}

/* An address besides the loopback's, so that the machine seems to be on a network. */
static TAP_UNUSED void dns_add_v4(const char *addr)
{
    struct ifreq r = {.ifr_name = "lo:1"};
    struct sockaddr_in *sa = (struct sockaddr_in *)&r.ifr_addr;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    sa->sin_family = AF_INET;
    inet_pton(AF_INET, addr, &sa->sin_addr);
    if (ioctl(fd, SIOCSIFADDR, &r) < 0)
        perror("SIOCSIFADDR");
    inet_pton(AF_INET, "255.255.255.0", &sa->sin_addr);
    if (ioctl(fd, SIOCSIFNETMASK, &r) < 0)
        perror("SIOCSIFNETMASK");
    close(fd);
}

static TAP_UNUSED void dns_add_v6(const char *addr)
{
    struct {
        struct in6_addr addr;
        uint32_t prefix;
        int index;
        char rest[sizeof(struct ifreq)]; /* valgrind takes it for one */
    } r = {.prefix = 64, .index = (int)if_nametoindex("lo")};
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), tries = 5000;

    inet_pton(AF_INET6, addr, &r.addr);
    sa.sin6_addr = r.addr;
    if (fd >= 0 && ioctl(fd, SIOCSIFADDR, &r) < 0)
        perror("SIOCSIFADDR, IPv6");
    /* The kernel makes sure in the background that nobody else has it; till then none may use
     * it. */
    while (fd >= 0 && bind(fd, (void *)&sa, sizeof sa) < 0 && errno == EADDRNOTAVAIL && --tries > 0)
        usleep(1000);
    close(fd);
}

/* Leaves this machine for one of our own. Returns why that cannot be, or NULL. Before any thread
 * is made. */
static TAP_UNUSED const char *dns_world(void)
{
    if (!dns_unshare())
        return "not permitted to unshare";
    if (mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/etc", "tmpfs", 0, "mode=755") != 0)
        return "not permitted to mount";
    if (!dns_loopback_up())
        return "no loopback interface";
    dns_etc("hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    dns_etc("host.conf", "multi on\n");
    dns_etc("nsswitch.conf", "hosts: files dns\nservices: files\n");
    dns_etc("services", "http 80/tcp www\ndomain 53/tcp\ndomain 53/udp\nhttps 443/tcp\n"
                        "https 443/udp\nntp 123/udp\nsctponly 77/sctp\nx400 103/tcp x400-snd\n");
    dns_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    return NULL;
}

/* ---- the server as a process ---- */

static TAP_UNUSED int dns_bind(int type, const char *addr)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

    inet_pton(AF_INET, addr, &sa.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        (type == SOCK_STREAM && listen(fd, 16) < 0)) {
        perror("the name server");
        exit(1);
    }
    return fd;
}

static TAP_UNUSED void dns_do_udp(int fd, bool refuse)
{
    static struct dns_message out[2];
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    uint8_t q[1024];
    ssize_t n = recvfrom(fd, q, sizeof q, 0, (struct sockaddr *)&from, &len);
    int count = n < 0 ? 0 : dns_script(q, (size_t)n, false, refuse, out);

    for (int i = 0; i < count; i++)
        (void)!sendto(fd, out[i].bytes, out[i].n, 0, (struct sockaddr *)&from, len);
}

static TAP_UNUSED bool dns_all(int fd, void *buf, size_t n)
{
    return recv(fd, buf, n, MSG_WAITALL) == (ssize_t)n;
}

static TAP_UNUSED void dns_do_tcp(int listener, bool refuse)
{
    static struct dns_message out[2];
    int fd = accept(listener, NULL, NULL);
    uint8_t size[2], q[1024];

    while (dns_all(fd, size, 2) && dns_all(fd, q, (size_t)(size[0] << 8 | size[1]))) {
        int count = dns_script(q, (size_t)(size[0] << 8 | size[1]), true, refuse, out);

        for (int i = 0; i < count; i++) {
            size[0] = (uint8_t)(out[i].n >> 8);
            size[1] = (uint8_t)out[i].n;
            (void)!send(fd, size, 2, MSG_NOSIGNAL | MSG_MORE);
            (void)!send(fd, out[i].bytes, out[i].n, MSG_NOSIGNAL);
        }
    }
    close(fd);
}

/* On 127.0.0.1; and on 127.0.0.2 one that answers SERVFAIL to everything. Nobody is on 127.0.0.3.
 * Ends with its parent. */
static TAP_UNUSED pid_t dns_process(void)
{
    struct pollfd fds[] = {{dns_bind(SOCK_DGRAM, "127.0.0.1"), POLLIN, 0},
                           {dns_bind(SOCK_STREAM, "127.0.0.1"), POLLIN, 0},
                           {dns_bind(SOCK_DGRAM, "127.0.0.2"), POLLIN, 0}};
    int life[2];
    pid_t pid;

    if (pipe2(life, O_CLOEXEC) < 0)
        exit(1);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct pollfd all[] = {fds[0], fds[1], fds[2], {life[0], POLLIN, 0}};

        close(life[1]);
        alarm(0);
        while (poll(all, 4, -1) >= 0 && !all[3].revents) {
            if (all[0].revents)
                dns_do_udp(all[0].fd, false);
            if (all[1].revents)
                dns_do_tcp(all[1].fd, false);
            if (all[2].revents)
                dns_do_udp(all[2].fd, true);
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++)
        close(fds[i].fd);
    close(life[0]); /* life[1] stays open as long as we live */
    return pid;
}

#endif
