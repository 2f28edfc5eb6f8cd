/* SPDX-License-Identifier: MIT
 *
 * as_completed SECONDS…: jobs that take so many tenths of a second each, at most three at a time,
 * and their results as they come: for 3 1 4 2 5 that is 1 3 2 4 5. Jobs are begun by a fiber of
 * their own, since whoever begins the fourth has to wait; the results come through a channel, which
 * is closed behind the last. */
#include <gosling.h>
#include <stdlib.h>

enum { WORKERS = 3 };

static go_chan results;
static int *jobs, count;

static int job(void *arg)
{
    int tenths = *(int *)arg, rc = go_sleep(tenths * 100 * GO_MS);

    return rc < 0 ? rc : go_chan_send(&results, &tenths);
}

static int begin_all(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.max_tasks = WORKERS}) {
        for (int i = 0; rc == 0 && i < count; i++)
            rc = go_spawn_wait(n, job, &jobs[i]);
    }
    go_chan_close(&results);
    return rc;
}

static int as_completed(void *arg)
{
    int rc = go_chan_init(&results, sizeof(int), 0, 0), tenths;

    (void)arg;
    if (rc < 0)
        return rc;
    GO_NURSERY(n, rc) {
        rc = go_spawn(n, begin_all, NULL);
        while (rc == 0 && go_chan_recv(&results, &tenths) == 1) {
            printf("%d\n", tenths);
            fflush(stdout);
        }
    }
    go_chan_fini(&results);
    return rc;
}

int main(int argc, char **argv)
{
    int rc;

    count = argc - 1;
    jobs = calloc((size_t)argc, sizeof *jobs);
    if (!jobs)
        return 1;
    for (int i = 0; i < count; i++)
        jobs[i] = atoi(argv[i + 1]);
    rc = go_run(as_completed, NULL);
    free(jobs);
    return rc < 0;
}
