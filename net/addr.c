/* SPDX-License-Identifier: MIT */
#include "net/addr.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* ---- parsing ---- */

static int parse_port(const char *service)
{
    unsigned port = 0;

    if (!service || !*service)
        return -EINVAL;
    for (const char *p = service; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        port = port * 10 + (unsigned)(*p - '0');
        if (port > 65535)
            return -EINVAL;
    }
    return (int)port;
}

/* A scope id is the name or the number of an interface. */
static int parse_scope(const char *text, uint32_t *id)
{
    char *end;
    unsigned long n;

    *id = if_nametoindex(text);
    if (*id)
        return 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n == 0 || n > UINT32_MAX)
        return -EINVAL;
    *id = (uint32_t)n;
    return 0;
}

static int parse_v6(struct sockaddr_in6 *a, const char *host)
{
    const char *percent = strchr(host, '%');
    size_t len = percent ? (size_t)(percent - host) : strlen(host);
    char text[INET6_ADDRSTRLEN];

    if (len >= sizeof text)
        return -EINVAL;
    memcpy(text, host, len);
    text[len] = '\0';
    if (inet_pton(AF_INET6, text, &a->sin6_addr) != 1)
        return -EINVAL;
    return percent ? parse_scope(percent + 1, &a->sin6_scope_id) : 0;
}

int addr_parse(union addr *a, const char *host, const char *service)
{
    int port = parse_port(service), saved = errno, rc;

    memset(a, 0, sizeof *a);
    if (port < 0)
        return port;
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        return sizeof a->v4;
    }
    a->v6.sin6_family = AF_INET6;
    a->v6.sin6_port = htons((uint16_t)port);
    rc = parse_v6(&a->v6, host);
    errno = saved;
    return rc < 0 ? rc : (int)sizeof a->v6;
}

int addr_unix(union addr *a, const char *path)
{
    size_t len = strlen(path);
    bool abstract = path[0] == '@';

    memset(a, 0, sizeof *a);
    if (len == 0)
        return -EINVAL;
    if (len >= sizeof a->un.sun_path + abstract) /* a path has a NUL at its end, an abstract name
                                                    one at its start */
        return -ENAMETOOLONG;
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path, len);
    if (abstract)
        a->un.sun_path[0] = '\0';
    return (int)(offsetof(struct sockaddr_un, sun_path) + len + !abstract);
}

/* ---- printing ---- */

static char *put_decimal(char *to, unsigned n)
{
    char digits[10], *at = digits + sizeof digits;

    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    memcpy(to, at, (size_t)(digits + sizeof digits - at));
    return to + (digits + sizeof digits - at);
}

static char *put_hex(char *to, unsigned n)
{
    int shift = n >= 0x1000 ? 12 : n >= 0x100 ? 8 : n >= 0x10 ? 4 : 0;

    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[n >> shift & 15];
    return to;
}

static char *put_v4(char *to, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        to = put_decimal(to, bytes[i]);
        *to++ = '.';
    }
    return to - 1;
}

/* RFC 5952: the longest run of two or more zero groups, the first of equals, becomes "::". */
static char *put_v6(char *to, const uint8_t *bytes)
{
    unsigned group[8];
    int best = -1, length = 1;

    for (int i = 0; i < 8; i++)
        group[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    for (int i = 0, run; i < 8; i += run + 1) {
        for (run = 0; i + run < 8 && group[i + run] == 0;)
            run++;
        if (run > length) {
            best = i;
            length = run;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            *to++ = ':';
            *to++ = ':';
            i += length - 1;
            continue;
        }
        if (i > 0 && to[-1] != ':')
            *to++ = ':';
        to = put_hex(to, group[i]);
    }
    return to;
}

static char *put_scope(char *to, uint32_t id)
{
    char name[IF_NAMESIZE];
    int saved = errno;
    size_t len;

    *to++ = '%';
    if (!if_indextoname(id, name)) {
        errno = saved;
        return put_decimal(to, id);
    }
    len = strlen(name);
    memcpy(to, name, len);
    return to + len;
}

size_t addr_print(const union addr *a, char *to)
{
    const uint8_t *v6 = a->v6.sin6_addr.s6_addr;
    char *at = to;

    if (a->sa.sa_family == AF_INET) {
        at = put_v4(at, (const uint8_t *)&a->v4.sin_addr);
    } else if (a->sa.sa_family != AF_INET6) {
        memcpy(to, "unix", 5);
        return 4;
    } else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        at = put_v4(at, v6 + 12);
    } else {
        *at++ = '[';
        at = put_v6(at, v6);
        if (a->v6.sin6_scope_id)
            at = put_scope(at, a->v6.sin6_scope_id);
        *at++ = ']';
    }
    *at++ = ':';
    at = put_decimal(at, ntohs(a->v4.sin_port)); /* at the same place in both */
    *at = '\0';
    return (size_t)(at - to);
}
