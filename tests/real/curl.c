/* SPDX-License-Identifier: MIT
 *
 * libcurl's easy interface in fibers: arguments, a server's URL, its https URL, and the certificate
 * that vouches for it. */
#include "tests/tap.h"
#include <curl/curl.h>
#include <gosling.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 500, SIZE = 20000 };

static const char *http, *https, *certificate;
static int status;

static size_t count(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    *(size_t *)arg += size * n;
    return size * n;
}

static CURLcode fetch(const char *base, const char *path, size_t *came)
{
    CURL *c = curl_easy_init();
    char url[256];
    CURLcode rc;
    long code = 0;

    snprintf(url, sizeof url, "%s%s", base, path);
    *came = 0;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, came);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (certificate)
        curl_easy_setopt(c, CURLOPT_CAINFO, certificate);
    rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    status = (int)code;
    curl_easy_cleanup(c);
    return rc;
}

static int fetch_one(void *arg)
{
    size_t came;
    CURLcode rc = fetch(arg, "/page", &came);

    if (rc != CURLE_OK) {
        tap_note("%s", curl_easy_strerror(rc));
        return -EIO;
    }
    return came == SIZE ? 0 : -EBADMSG;
}

static int fetch_many(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < MANY; i++)
            go_spawn(n, fetch_one, arg);
    }
    return rc;
}

static int fetch_some(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 30; i++)
            go_spawn(n, fetch_one, arg);
    }
    return rc;
}

static int refused(void *arg)
{
    size_t came;

    (void)arg;
    CHECK_EQ(fetch("http://127.0.0.1:1", "/", &came), CURLE_COULDNT_CONNECT);
    CHECK_EQ(fetch("http://no.such.host.invalid", "/", &came), CURLE_COULDNT_RESOLVE_HOST);
    CHECK_EQ(fetch(http, "/missing", &came), CURLE_OK);
    CHECK_EQ(status, 404);
    return 0;
}

static int unverified(void *arg)
{
    size_t came;

    (void)arg;
    certificate = NULL;
    CHECK_EQ(fetch(https, "/page", &came), CURLE_PEER_FAILED_VERIFICATION);
    return 0;
}

/* A listener that nobody accepts on: it connects, and waits for an answer. */
static int out_of_time(void *arg)
{
    int l = go_tcp_listen("127.0.0.1", "0", NULL), rc;
    char base[64];
    size_t came;

    (void)arg;
    snprintf(base, sizeof base, "http://127.0.0.1:%d", go_local_port(l));
    GO_TIMEOUT(100 * GO_MS, rc) {
        CURLcode code = fetch(base, "/", &came);

        CHECK(code != CURLE_OK);
        tap_note("%s", curl_easy_strerror(code));
        rc = -EIO;
    }
    go_close(l);
    return rc;
}

LAW(transfers, "S11.43 libcurl: 500 transfers at once")
{
    CHECK_EQ(go_run(fetch_many, (void *)(uintptr_t)http), 0);
}

LAW(verified, "S11.43 libcurl: HTTPS, verified")
{
    CHECK_EQ(go_run(fetch_some, (void *)(uintptr_t)https), 0);
}

LAW(failures, "S11.43 libcurl: its own errors")
{
    CHECK_EQ(go_run(refused, NULL), 0);
}

LAW(deadline, "S11.41 libcurl: a deadline ends a transfer, with its own error")
{
    CHECK_EQ(go_run(out_of_time, NULL), -ETIMEDOUT);
}

LAW(trust, "S11.43 libcurl: HTTPS that nobody vouches for is refused")
{
    CHECK_EQ(go_run(unverified, NULL), 0);
}

int main(int argc, char **argv)
{
    http = argc > 1 ? argv[1] : "";
    https = argc > 2 ? argv[2] : "";
    certificate = argc > 3 ? argv[3] : NULL;
    curl_global_init(CURL_GLOBAL_ALL);
    return tap_laws(1, argv);
}
