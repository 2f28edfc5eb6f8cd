/* SPDX-License-Identifier: MIT
 *
 * ratelimit PER-SECOND URL…: gets all of them, as many at once as it likes, but begins no more than
 * PER-SECOND in a second, after a burst of 2. What fails is tried three times, with growing pauses;
 * every attempt waits for its turn. */
#include "http.h"

static go_bucket bucket;
static go_time began;

static int attempt(void *arg)
{
    struct http_answer a = {0};
    struct http_url u;
    int rc = http_parse(arg, &u);

    if (rc == 0)
        rc = go_bucket_take(&bucket, 1);
    if (rc == 0) {
        printf("%5.2f s  %s\n", (double)(go_now() - began) / 1e9, (char *)arg);
        rc = http_get(&u, &a);
    }
    if (rc == 0 && a.status >= 500)
        rc = go_fail(EAGAIN, "%s: status %d", (char *)arg, a.status);
    free(a.body);
    return rc;
}

static bool is_temporary(int error, void *arg)
{
    (void)arg;
    return error != -EINVAL;
}

static int fetch(void *arg)
{
    const go_retry_opts three = {.attempts = 3, .pause = 50 * GO_MS, .worth = is_temporary};

    return go_retry(&three, attempt, arg);
}

struct args {
    double per_second;
    char **urls;
    size_t n;
};

static int fetch_all(void *arg)
{
    struct args *a = arg;
    const go_error *e;
    int rc;

    began = go_now();
    go_bucket_init(&bucket, a->per_second, 2);
    rc = go_map(fetch, (void **)a->urls, NULL, a->n, 0);
    for (size_t i = 0; (e = go_error_child(go_last_error(), i)); i++)
        fprintf(stderr, "ratelimit: %s\n", go_error_message(e));
    return rc;
}

int main(int argc, char **argv)
{
    struct args a = {argc > 2 ? atof(argv[1]) : 0, argv + 2, (size_t)argc - 2};

    if (!(a.per_second > 0)) {
        fprintf(stderr, "usage: ratelimit PER-SECOND URL...\n");
        return 2;
    }
    return go_run(fetch_all, &a) < 0;
}
