/* SPDX-License-Identifier: MIT
 *
 * Texts of /etc: whatever stands in services, hosts, resolv.conf and nsswitch.conf. The first two
 * are also read by naive models, a line at a time, by libc's strtok. The linker hands the library
 * the bytes instead of the files (--wrap). */
#include "net/hosts.h"
#include "net/nsswitch.h"
#include "net/resolvconf.h"
#include "net/services.h"
#include "tests/fuzz/fuzz.h"
#include <arpa/inet.h>

bool __wrap_etc_changed(struct etc_file *f, const char *path);
int __wrap_etc_read(const char *path, char **text);

static char text[4096];

bool __wrap_etc_changed(struct etc_file *f, const char *path)
{
    (void)path;
    if (f->known)
        return false;
    f->known = f->exists = true;
    return true;
}

int __wrap_etc_read(const char *path, char **to)
{
    *to = strcmp(path, "/etc/host.conf") == 0 ? strdup("multi on\n") : strdup(text);
    return 0;
}

/* ---- the models ---- */

static const char blanks[] = " \t\r\f\v";

/* Calls back with the words of each line, up to its comment; stops when that returns true. */
static void each_line(bool (*fn)(char **words, int n, void *arg), void *arg)
{
    static char copy[sizeof text];
    char *words[sizeof text / 2], *line = copy, *next;

    strcpy(copy, text);
    for (; line; line = next) {
        int n = 0;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line[strcspn(line, "#")] = '\0';
        for (char *w = strtok(line, blanks); w; w = strtok(NULL, blanks))
            words[n++] = w;
        if (fn(words, n, arg))
            return;
    }
}

struct wanted {
    const char *name, *proto;
    int port;
    char found[sizeof text];
    unsigned n;
};

static bool is_port(char **w, int n, int *port, const char **proto)
{
    char *end;
    unsigned long p;

    if (n < 2)
        return false;
    p = strtoul(w[1], &end, 10);
    if (end == w[1] || *end != '/' || p > 65535)
        return false;
    *port = (int)p;
    *proto = end + strspn(end, "/");
    return true;
}

static bool find_port(char **w, int n, void *arg)
{
    struct wanted *want = arg;
    const char *proto;
    int port;

    if (!is_port(w, n, &port, &proto) || (want->proto && strcmp(proto, want->proto)))
        return false;
    for (int i = 0; i < n; i++)
        if (i != 1 && strcmp(w[i], want->name) == 0) {
            want->port = port;
            return true;
        }
    return false;
}

static bool find_service(char **w, int n, void *arg)
{
    struct wanted *want = arg;
    const char *proto;
    int port;

    if (!is_port(w, n, &port, &proto) || port != want->port ||
        (want->proto && strcmp(proto, want->proto)))
        return false;
    strcpy(want->found, w[0]);
    want->n = 1;
    return true;
}

/* Counts the lines whose address counts for IPv4 and that have the name. */
static bool count_hosts(char **w, int n, void *arg)
{
    struct wanted *want = arg;
    struct in6_addr v6;
    struct in_addr v4;

    if (n < 2 || (inet_pton(AF_INET, w[0], &v4) != 1 &&
                  (inet_pton(AF_INET6, w[0], &v6) != 1 ||
                   (!IN6_IS_ADDR_V4MAPPED(&v6) && !IN6_IS_ADDR_LOOPBACK(&v6)))))
        return false;
    for (int i = 1; i < n; i++)
        if (strcasecmp(w[i], want->name) == 0) {
            want->n++;
            break;
        }
    return false;
}

/* ---- what is checked ---- */

static void check_services(const char *name, const char *proto)
{
    static struct wanted want;
    struct services v = {0};
    const char *found;
    int port = services_port(&v, name, proto);

    want.name = name;
    want.proto = proto;
    want.port = -ENOENT;
    each_line(find_port, &want);
    FUZZ_CHECK(port == want.port);
    want.port = port >= 0 ? port : 80;
    want.n = 0;
    found = services_name(&v, (uint16_t)want.port, proto);
    each_line(find_service, &want);
    FUZZ_CHECK(found ? want.n && strcmp(found, want.found) == 0 : want.n == 0);
    services_free(&v);
}

static void check_hosts(const char *name)
{
    static struct wanted want;
    struct in_addr any = {htonl(INADDR_LOOPBACK)};
    struct hosts h = {0};
    struct found f = {0};

    want.name = name;
    want.n = 0;
    each_line(count_hosts, &want);
    hosts_by_name(&h, name, AF_INET, &f);
    FUZZ_CHECK(f.n == want.n);
    FUZZ_CHECK((f.n > 0) == (f.name != NULL));
    found_free(&f);
    hosts_by_name(&h, name, AF_UNSPEC, &f);
    FUZZ_CHECK(f.n >= want.n);
    found_free(&f);
    hosts_by_addr(&h, AF_INET, &any, &f);
    found_free(&f);
    hosts_free(&h);
}

static void check_confs(const char *name)
{
    struct resolvconf rc;
    struct nsswitch sw = {0};
    const char *at;

    FUZZ_CHECK(resolvconf_read(&rc) == 0);
    FUZZ_CHECK(rc.n_servers >= 1 && rc.n_servers <= RESOLVCONF_SERVERS);
    FUZZ_CHECK(rc.ndots <= 15 && rc.timeout <= 30 && rc.attempts <= 5);
    at = rc.search;
    for (unsigned i = 0; i < rc.n_search; i++)
        at += strlen(at) + 1; /* ASan looks */
    resolvconf_free(&rc);
    FUZZ_CHECK(nsswitch_refresh(&sw) == 1);
    FUZZ_CHECK(nsswitch_refresh(&sw) == 0);
    FUZZ_CHECK(sw.n <= NSS_SOURCES);
    nsswitch_name_is_libcs(&sw, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"a",
                                        "b",
                                        "80",
                                        "80/tcp",
                                        "81/udp",
                                        "tcp",
                                        "127.0.0.1",
                                        "::1",
                                        "::ffff:1.2.3.4",
                                        "hosts:",
                                        "services:",
                                        "files",
                                        "dns",
                                        "[",
                                        "]",
                                        "=return",
                                        "!NOTFOUND=",
                                        "success",
                                        "continue",
                                        "nameserver",
                                        "search",
                                        "options",
                                        "ndots:",
                                        "timeout:",
                                        "domain",
                                        "sortlist",
                                        "attempts:",
                                        "rotate",
                                        "mdns4_minimal",
                                        "myhostname",
                                        "#",
                                        "\n",
                                        "\n",
                                        "\n",
                                        " ",
                                        " ",
                                        " ",
                                        "\t",
                                        "b/tcp",
                                        "fe80::1%lo"};
    uint8_t which = fuzz_byte(&data, &size);
    size_t n = 0;

    while (size) {
        uint8_t b = fuzz_byte(&data, &size);
        const char *word = words[b % (sizeof words / sizeof *words)];
        size_t len = b < 200 ? strlen(word) : 1;

        if (n + len + 2 > sizeof text)
            break;
        if (b < 200)
            memcpy(text + n, word, len);
        else
            text[n] = (char)(size ? fuzz_byte(&data, &size) | 1 : 'x');
        n += len;
    }
    text[n] = '\0';
    check_services(which & 1 ? "a" : "b", which & 2 ? "tcp" : which & 4 ? "udp" : NULL);
    check_hosts(which & 1 ? "A" : "b");
    check_confs(which & 1 ? "a.local" : "localhost");
    return 0;
}
