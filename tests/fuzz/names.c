/* SPDX-License-Identifier: MIT
 *
 * Addresses and ports in text, and back, against libc's getaddrinfo, getnameinfo and inet_pton:
 * whatever asks nobody. */
#include "net/addr.h"
#include "tests/fuzz/fuzz.h"
#include <arpa/inet.h>
#include <netdb.h>

static char node[96], service[16];

static size_t take_text(char *to, size_t room, const uint8_t **data, size_t *size)
{
    static const char letters[] = "0123456789abcdef:.%xX[] /lo-+\t";
    size_t n = fuzz_byte(data, size) % room;

    for (size_t i = 0; i < n; i++) {
        uint8_t b = fuzz_byte(data, size);

        to[i] = b >= 224 ? (char)b : letters[b % (sizeof letters - 1)];
    }
    to[n] = '\0';
    return strlen(to);
}

static bool same_text(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const struct addrinfo *a, const struct addrinfo *b)
{
    for (; a && b; a = a->ai_next, b = b->ai_next)
        if (a->ai_family != b->ai_family || a->ai_socktype != b->ai_socktype ||
            a->ai_protocol != b->ai_protocol || a->ai_addrlen != b->ai_addrlen ||
            memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) != 0 ||
            !same_text(a->ai_canonname, b->ai_canonname))
            return false;
    return !a && !b;
}

static void check_addrinfo(const uint8_t **data, size_t *size)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX};
    uint8_t which = fuzz_byte(data, size), more = fuzz_byte(data, size);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_family = families[which & 3]};
    struct addrinfo *ours = NULL, *libcs = NULL;
    const char *host, *serv;
    int rc, want;

    hints.ai_flags |= (which & 4 ? AI_PASSIVE : 0) | (which & 8 ? AI_CANONNAME : 0) |
                      (which & 16 ? AI_V4MAPPED : 0) | (which & 32 ? AI_ALL : 0);
    hints.ai_socktype = more & 7;
    hints.ai_protocol = more & 64 ? more >> 3 & 7 : more & 128 ? IPPROTO_UDP : 0;
    take_text(node, sizeof node, data, size);
    take_text(service, sizeof service, data, size);
    host = which & 64 ? NULL : node;
    serv = which & 128 ? NULL : service;
    rc = go_getaddrinfo(host, serv, &hints, &ours);
    want = getaddrinfo(host, serv, &hints, &libcs);
    if (rc != want || (rc == 0 && !same_list(ours, libcs))) {
        fprintf(stderr,
                "\"%s\" \"%s\" family %d flags %x type %d protocol %d: %d (%s), libc %d (%s)\n",
                host ? host : "(NULL)", serv ? serv : "(NULL)", hints.ai_family, hints.ai_flags,
                hints.ai_socktype, hints.ai_protocol, rc, gai_strerror(rc), want,
                gai_strerror(want));
        FUZZ_CHECK(!"libc's answer");
    }
    if (rc == 0) {
        go_freeaddrinfo(ours);
        freeaddrinfo(libcs);
    }
}

static void check_nameinfo(const uint8_t **data, size_t *size)
{
    struct sockaddr_storage a = {0};
    uint8_t which = fuzz_byte(data, size), lens = fuzz_byte(data, size);
    char host[2][80], serv[2][32];
    int flags = NI_NUMERICHOST | NI_NUMERICSERV | (which & 2 ? NI_NAMEREQD : 0) |
                (which & 4 ? NI_DGRAM : 0);
    socklen_t hostlen = lens & 128 ? sizeof host[0] : (lens & 63);
    socklen_t servlen = which & 128 ? sizeof serv[0] : (which >> 3 & 7), len;
    int rc, want;

    for (size_t i = 0; i < 32; i++)
        ((uint8_t *)&a)[i] = fuzz_byte(data, size);
    a.ss_family = which & 1 ? AF_INET : AF_INET6;
    len = which & 1 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memset(host, 0, sizeof host);
    memset(serv, 0, sizeof serv);
    rc = go_getnameinfo((struct sockaddr *)&a, len, host[0], hostlen, serv[0], servlen, flags);
    want = getnameinfo((struct sockaddr *)&a, len, host[1], hostlen, serv[1], servlen, flags);
    if (rc != want || (rc == 0 && (strcmp(host[0], host[1]) || strcmp(serv[0], serv[1])))) {
        fprintf(stderr, "%d \"%s\" \"%s\", libc %d \"%s\" \"%s\" (lengths %u %u flags %x)\n", rc,
                host[0], serv[0], want, host[1], serv[1], hostlen, servlen, flags);
        FUZZ_CHECK(!"libc's name");
    }
}

static void check_addr(const uint8_t **data, size_t *size)
{
    union addr a, again;
    struct in6_addr v6;
    struct in_addr v4;
    char text[ADDR_TEXT], *end;
    int rc;
    unsigned long port;

    take_text(node, sizeof node, data, size);
    take_text(service, sizeof service, data, size);
    rc = addr_parse(&a, node, service);
    port = strtoul(service, &end, 10);
    if (!*service || service[strspn(service, "0123456789")] || port > 65535)
        FUZZ_CHECK(rc == -EINVAL);
    else if (inet_pton(AF_INET, node, &v4) == 1)
        FUZZ_CHECK(rc == sizeof a.v4 && a.v4.sin_addr.s_addr == v4.s_addr &&
                   ntohs(a.v4.sin_port) == port);
    else if (inet_pton(AF_INET6, node, &v6) == 1)
        FUZZ_CHECK(rc == sizeof a.v6 && memcmp(&a.v6.sin6_addr, &v6, 16) == 0 &&
                   ntohs(a.v6.sin6_port) == port);
    else if (!strchr(node, '%'))
        FUZZ_CHECK(rc == -EINVAL);
    if (rc < 0)
        return;
    FUZZ_CHECK(addr_print(&a, text) == strlen(text) && strlen(text) < sizeof text);
    end = strrchr(text, ':');
    *end = '\0';
    if (*text == '[') {
        end[-1] = '\0';
        memmove(text, text + 1, strlen(text));
    }
    FUZZ_CHECK(addr_parse(&again, text, service) > 0);
    if (again.sa.sa_family == a.sa.sa_family)
        FUZZ_CHECK(memcmp(&again, &a, sizeof(struct sockaddr_in6)) == 0);
    else /* a mapped one is shown as the IPv4 that it is */
        FUZZ_CHECK(IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr));
}

struct bytes {
    const uint8_t *data;
    size_t size;
};

static int play(void *arg)
{
    struct bytes *b = arg;

    while (b->size)
        switch (fuzz_byte(&b->data, &b->size) % 3) {
        case 0:
            check_addrinfo(&b->data, &b->size);
            break;
        case 1:
            check_nameinfo(&b->data, &b->size);
            break;
        default:
            check_addr(&b->data, &b->size);
        }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .no_signals = true, .watchdog = -1};
    struct bytes b = {data, size};

    FUZZ_CHECK(go_run_with(&opts, play, &b) == 0);
    return 0;
}
