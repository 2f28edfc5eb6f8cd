/* SPDX-License-Identifier: MIT */
#include "net/nsswitch.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NSSWITCH_PATH "/etc/nsswitch.conf"

static unsigned source_of(const char *word)
{
    if (strcmp(word, "files") == 0)
        return NSS_FILES;
    if (strcmp(word, "dns") == 0)
        return NSS_DNS;
    if (strcmp(word, "myhostname") == 0)
        return NSS_MYHOSTNAME;
    if (strncmp(word, "mdns", 4) == 0 && strstr(word, "_minimal"))
        return NSS_MDNS_MINIMAL;
    return NSS_OTHER;
}

/* "STATUS=action" or "!STATUS=action", without regard to case, for the source before it. False:
 * "merge", or something unknown. */
static bool read_action(uint8_t stops[4], const char *text)
{
    static const char *const names[] = {"SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN"};
    bool all_but = *text == '!';
    const char *equals = strchr(text, '=');
    size_t n;
    int which = -1;
    bool stop;

    if (!equals)
        return false;
    text += all_but;
    n = (size_t)(equals - text);
    for (int i = 0; i < 4; i++)
        if (strlen(names[i]) == n && strncasecmp(text, names[i], n) == 0)
            which = i;
    stop = strcasecmp(equals + 1, "return") == 0;
    if (which < 0 || (!stop && strcasecmp(equals + 1, "continue") != 0))
        return false;
    for (int i = 0; i < 4; i++)
        if ((i == which) != all_but)
            stops[i] = stop;
    return true;
}

static void add_source(struct nsswitch *sw, const char *word)
{
    unsigned source = source_of(word);

    if (sw->n == NSS_SOURCES || source == NSS_OTHER) {
        sw->foreign = true;
        return;
    }
    sw->trailing = source != NSS_FILES && source != NSS_DNS;
    sw->hosts[sw->n].source = (uint8_t)source;
    memset(sw->hosts[sw->n].stops, 0, sizeof sw->hosts[sw->n].stops);
    sw->hosts[sw->n++].stops[FOUND_SUCCESS] = true;
}

/* Brackets may stand close to words, and have several actions in them. */
static void read_hosts(struct nsswitch *sw, char *line)
{
    bool inside = false;

    sw->n = 0;
    sw->foreign = sw->trailing = false;
    while (*(line += strspn(line, " \t\r\f\v"))) {
        size_t n;
        char end;

        if (*line == '[' || *line == ']') {
            inside = *line++ == '[';
            continue;
        }
        n = strcspn(line, " \t\r\f\v[]");
        end = line[n];
        line[n] = '\0';
        if (!inside)
            add_source(sw, line);
        else if (sw->n == 0 || !read_action(sw->hosts[sw->n - 1].stops, line))
            sw->foreign = true;
        line[n] = end;
        line += n;
    }
}

static void read_services(struct nsswitch *sw, char *line)
{
    char *word;

    sw->foreign_services = false;
    while ((word = etc_word(&line)))
        if (strcmp(word, "files") != 0 && strcmp(word, "db") != 0)
            sw->foreign_services = true;
}

int nsswitch_refresh(struct nsswitch *sw)
{
    char unless[] = "files dns"; /* glibc's, when no line says otherwise */
    struct etc_file file = sw->file;
    char *text, *at, *line;
    int rc;

    if (!etc_changed(&file, NSSWITCH_PATH))
        return 0;
    rc = etc_read(NSSWITCH_PATH, &text);
    if (rc < 0)
        return rc;
    at = text;
    sw->file = file;
    read_hosts(sw, unless);
    sw->foreign_services = false;
    /* What stands behind a # in a line of sources are sources, to glibc. */
    while (at && (line = etc_line(&at, ""))) {
        line += strspn(line, " \t");
        if (strncmp(line, "hosts:", 6) == 0)
            read_hosts(sw, line + 6);
        else if (strncmp(line, "services:", 9) == 0)
            read_services(sw, line + 9);
    }
    free(text);
    return 1;
}

static bool lists(const struct nsswitch *sw, unsigned source)
{
    for (unsigned i = 0; i < sw->n; i++)
        if (sw->hosts[i].source == source)
            return true;
    return false;
}

/* name is domain, or below it; a final dot does not count. */
static bool within(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);

    if (n > 0 && name[n - 1] == '.')
        n--;
    return n >= d && strncasecmp(name + n - d, domain, d) == 0 &&
           (n == d || name[n - d - 1] == '.');
}

static bool is_host(const char *name)
{
    char host[256] = "";

    return gethostname(host, sizeof host - 1) == 0 && strcasecmp(name, host) == 0;
}

bool nsswitch_name_is_libcs(const struct nsswitch *sw, const char *name)
{
    if (sw->foreign || (!strchr(name, '.') && getenv("HOSTALIASES")))
        return true;
    if (lists(sw, NSS_MDNS_MINIMAL) && within(name, "local"))
        return true;
    return lists(sw, NSS_MYHOSTNAME) &&
           (within(name, "localhost") || within(name, "localhost.localdomain") ||
            within(name, "_gateway") || within(name, "_outbound") || is_host(name));
}

/* myhostname knows all addresses of this machine, and asking which these are costs more than
 * asking libc. */
bool nsswitch_addr_is_libcs(const struct nsswitch *sw, int family, const void *addr)
{
    const uint8_t *b = addr;

    if (sw->foreign || lists(sw, NSS_MYHOSTNAME))
        return true;
    return lists(sw, NSS_MDNS_MINIMAL) &&
           (family == AF_INET ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}
