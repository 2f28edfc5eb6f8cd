/* SPDX-License-Identifier: MIT */
#include "net/resolvconf.h"
#include "net/etc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 53, NDOTS_MOST = 15, TIMEOUT_MOST = 30, ATTEMPTS_MOST = 5 }; /* glibc's */

static void add_v4(struct resolvconf *rc, struct in_addr a)
{
    struct sockaddr_in *sa = (void *)&rc->servers[rc->n_servers++];

    *sa = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = a};
}

static void add_v6(struct resolvconf *rc, char *text)
{
    struct sockaddr_in6 *sa = (void *)&rc->servers[rc->n_servers];
    char *scope = strchr(text, '%');

    if (scope)
        *scope++ = '\0';
    *sa = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    if (inet_pton(AF_INET6, text, &sa->sin6_addr) != 1)
        return;
    if (scope)
        sa->sin6_scope_id = if_nametoindex(scope);
    if (scope && sa->sin6_scope_id == 0)
        sa->sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
    rc->n_servers++;
}

static void read_server(struct resolvconf *rc, char *line)
{
    char *word = etc_word(&line);
    struct in_addr a;

    if (!word || rc->n_servers == RESOLVCONF_SERVERS)
        return;
    if (inet_aton(word, &a))
        add_v4(rc, a);
    else
        add_v6(rc, word);
}

/* The search list becomes the first `most` words of text. */
static int read_search(struct resolvconf *rc, char *text, unsigned most)
{
    char *list = malloc(strlen(text) + 1), *to = list, *word;

    if (!list)
        return -ENOMEM;
    free(rc->search);
    rc->search = list;
    for (rc->n_search = 0; rc->n_search < most && (word = etc_word(&text)); rc->n_search++)
        to = stpcpy(to, word) + 1;
    return 0;
}

static unsigned number(const char *text, unsigned most)
{
    int n = atoi(text);

    return n < 0 ? 0 : (unsigned)n < most ? (unsigned)n : most;
}

static void read_options(struct resolvconf *rc, char *line)
{
    char *word;

    while ((word = etc_word(&line))) {
        if (strncmp(word, "ndots:", 6) == 0)
            rc->ndots = number(word + 6, NDOTS_MOST);
        else if (strncmp(word, "timeout:", 8) == 0)
            rc->timeout = number(word + 8, TIMEOUT_MOST);
        else if (strncmp(word, "attempts:", 9) == 0)
            rc->attempts = number(word + 9, ATTEMPTS_MOST);
        else if (strcmp(word, "rotate") == 0)
            rc->rotate = true;
        else if (strcmp(word, "use-vc") == 0)
            rc->tcp = true;
        else if (strcmp(word, "edns0") == 0)
            rc->edns = true;
        else if (strcmp(word, "no-tld-query") == 0)
            rc->no_tld = true;
        else if (strcmp(word, "no-aaaa") == 0)
            rc->no_aaaa = true;
    }
}

/* A keyword stands at the very start of its line, and a blank behind it. */
static char *after(char *line, const char *keyword)
{
    size_t n = strlen(keyword);

    return strncmp(line, keyword, n) == 0 && (line[n] == ' ' || line[n] == '\t') ? line + n : NULL;
}

static bool blank(const char *text)
{
    return text[strspn(text, " \t")] == '\0';
}

static int read_line(struct resolvconf *rc, char *line, bool own_search)
{
    char *rest;

    if (line[0] == '#' || line[0] == ';')
        return 0;
    if ((rest = after(line, "nameserver")))
        read_server(rc, rest);
    else if ((rest = after(line, "options")))
        read_options(rc, rest);
    else if (after(line, "sortlist"))
        rc->exotic = true;
    else if ((rest = after(line, "domain")) && !own_search && !blank(rest))
        return read_search(rc, rest, 1);
    else if ((rest = after(line, "search")) && !own_search && !blank(rest))
        return read_search(rc, rest, UINT32_MAX);
    return 0;
}

/* The words of an environment variable, by a function that writes into them. */
static int read_env(struct resolvconf *rc, const char *text, bool search)
{
    char *copy = strdup(text);
    int err = 0;

    if (!copy)
        return -ENOMEM;
    copy[strcspn(copy, "\n")] = '\0';
    if (search)
        err = read_search(rc, copy, UINT32_MAX);
    else
        read_options(rc, copy);
    free(copy);
    return err;
}

static int default_search(struct resolvconf *rc)
{
    char host[256] = "";
    char *dot;

    if (gethostname(host, sizeof host - 1) < 0 || !(dot = strchr(host, '.')))
        return 0;
    return read_search(rc, dot + 1, 1);
}

int resolvconf_read(struct resolvconf *rc)
{
    const char *domains = getenv("LOCALDOMAIN"), *options = getenv("RES_OPTIONS");
    char *text, *at, *line;
    int err = etc_read(RESOLVCONF_PATH, &text);

    *rc = (struct resolvconf){.ndots = 1, .timeout = 5, .attempts = 2};
    if (err < 0)
        return err;
    at = text;
    if (domains)
        err = read_env(rc, domains, true);
    while (err == 0 && at && (line = etc_line(&at, "")))
        err = read_line(rc, line, domains != NULL);
    free(text);
    if (rc->n_servers == 0)
        add_v4(rc, (struct in_addr){htonl(INADDR_LOOPBACK)});
    if (err == 0 && rc->n_search == 0)
        err = default_search(rc);
    if (err == 0 && options)
        err = read_env(rc, options, false);
    if (err < 0)
        resolvconf_free(rc);
    return err;
}

void resolvconf_free(struct resolvconf *rc)
{
    free(rc->search);
    rc->search = NULL;
    rc->n_search = 0;
}
