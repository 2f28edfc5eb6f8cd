/* SPDX-License-Identifier: MIT
 *
 * scrape [-s] URL...: fetches pages with libcurl's blocking interface. fetch() is plain blocking C;
 * a fiber for each page is all that it takes to wait for all of them at once. With -s: one after
 * the other, as it was before.
 *
 *     cc scrape.c $(pkg-config --cflags --libs gosling-shim) -lcurl */
#include <curl/curl.h>
#include <gosling.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count(char *data, size_t size, size_t n, void *bytes)
{
    (void)data;
    *(size_t *)bytes += size * n;
    return size * n;
}

/* Knows nothing of fibers. */
static int fetch(const char *url)
{
    CURL *c = curl_easy_init();
    size_t bytes = 0;
    CURLcode rc;

    if (!c)
        return -1;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &bytes);
    rc = curl_easy_perform(c);
    curl_easy_cleanup(c);
    if (rc != CURLE_OK)
        fprintf(stderr, "%s: %s\n", url, curl_easy_strerror(rc));
    else
        printf("%s: %zu bytes\n", url, bytes);
    return rc == CURLE_OK ? 0 : -1;
}

static int failures;

static int page(void *url)
{
    failures += fetch(url) != 0;
    return 0;
}

static int all_at_once(void *urls)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (char **url = urls; *url; url++)
            go_spawn(n, page, *url);
    }
    return rc;
}

int main(int argc, char **argv)
{
    bool in_turn = argc > 1 && strcmp(argv[1], "-s") == 0;
    char **urls = argv + 1 + in_turn;

    if (!*urls) {
        fputs("usage: scrape [-s] URL...\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    if (in_turn)
        for (; *urls; urls++)
            page(*urls);
    else if (go_run(all_at_once, urls) < 0)
        return 1;
    return failures > 0;
}
