/* SPDX-License-Identifier: MIT
 *
 * fetch [-a] [-t SECONDS] URL…: gets all of them at once, over plain HTTP, within 10 seconds or as
 * many as are given, and prints for each its status, its size and its address, in the order in
 * which they are done. With -a it is all or nothing: the first failure cancels the rest.
 *
 * The deadline is one block around everything, and what -a does is one word: the nursery's
 * policy. */
#include "http.h"
#include <unistd.h>

static int fetch(void *arg)
{
    const char *text = arg;
    struct http_answer a = {0};
    struct http_url u;
    int rc = http_parse(text, &u);

    if (rc == 0)
        rc = http_get(&u, &a);
    if (rc == 0) {
        printf("%d %8zu %s\n", a.status, a.size, text);
        if (a.status >= 400)
            rc = go_fail(EBADMSG, "%s: status %d", text, a.status);
    }
    free(a.body);
    return rc;
}

static struct {
    go_policy policy;
    go_time limit;
    char **urls;
} options = {GO_SUPERVISE, 10 * GO_SEC, NULL};

static int fetch_all(void *arg)
{
    const go_error *e;
    int rc;

    (void)arg;
    GO_TIMEOUT(options.limit, rc) {
        GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = options.policy}) {
            for (char **url = options.urls; *url && rc == 0; url++)
                rc = go_spawn(n, fetch, *url);
        }
    }
    for (size_t i = 0; (e = go_error_child(go_last_error(), i)); i++)
        if (go_error_code(e) != -ECANCELED)
            fprintf(stderr, "fetch: %s\n", go_error_message(e));
    if (rc == -ETIMEDOUT)
        fprintf(stderr, "fetch: the time is up\n");
    return rc;
}

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "at:")) != -1) {
        if (c == 'a')
            options.policy = GO_FAIL_FAST;
        else if (c == 't' && atof(optarg) > 0)
            options.limit = (go_time)(atof(optarg) * (double)GO_SEC);
        else
            argc = 0;
    }
    if (optind >= argc) {
        fprintf(stderr, "usage: fetch [-a] [-t SECONDS] URL...\n");
        return 2;
    }
    options.urls = argv + optind;
    return go_run(fetch_all, NULL) < 0;
}
