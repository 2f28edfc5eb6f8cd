/* SPDX-License-Identifier: MIT
 *
 * crawl URL [N]: follows the links of a site, and prints each page's status and path, once. No more
 * than N (8) pages are fetched at a time. Links to other hosts, and relative ones, are left alone.
 *
 * Every page is a fiber of one nursery, which ends when the last of them has: nobody counts what is
 * still to be done. The slots are a channel of N items of no size: who fetches has put one in. */
#include "http.h"
#include <search.h>

static struct {
    struct http_url url; /* of the first page */
    go_nursery *pages;
    go_chan slots;
    void *seen; /* paths, a tree */
    int dead;
} site;

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int visit(void *arg);

/* Spawns a visit, unless there was one. */
static int follow(const char *path, size_t len)
{
    char *copy = strndup(path, len);
    char **node = copy ? tsearch(copy, &site.seen, compare) : NULL;

    if (!node || *node != copy) {
        free(copy);
        return node ? 0 : -ENOMEM;
    }
    return go_spawn(site.pages, visit, copy);
}

static int visit(void *arg)
{
    struct http_url u = site.url;
    struct http_answer a = {0};
    const char *link;
    int rc;

    snprintf(u.path, sizeof u.path, "%s", (char *)arg);
    rc = go_chan_send(&site.slots, NULL);
    if (rc < 0)
        return rc;
    rc = http_get(&u, &a);
    go_chan_try_recv(&site.slots, NULL);
    if (rc == 0) {
        printf("%d %s\n", a.status, u.path);
        site.dead += a.status >= 400;
        for (link = a.body; rc == 0 && (link = strstr(link, "href=\"")); link++)
            if (link[6] == '/' && link[7] != '/')
                rc = follow(link + 6, strcspn(link + 6, "\"#"));
    }
    free(a.body);
    return rc;
}

static int crawl(void *arg)
{
    int rc = go_chan_init(&site.slots, 0, (size_t) * (int *)arg, 0);

    if (rc < 0)
        return rc;
    GO_NURSERY(n, rc) {
        site.pages = n;
        rc = follow(site.url.path, strlen(site.url.path));
    }
    if (rc < 0)
        fprintf(stderr, "crawl: %s\n", go_error_message(go_last_error()));
    go_chan_fini(&site.slots);
    tdestroy(site.seen, free);
    return rc;
}

int main(int argc, char **argv)
{
    int at_once = argc == 3 ? atoi(argv[2]) : 8;

    if (argc < 2 || argc > 3 || at_once < 1 || http_parse(argv[1], &site.url) < 0) {
        fprintf(stderr, "usage: crawl http://HOST[:PORT][/PATH] [N]\n");
        return 2;
    }
    return go_run(crawl, &at_once) < 0 || site.dead > 0;
}
