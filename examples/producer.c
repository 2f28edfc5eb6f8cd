/* SPDX-License-Identifier: MIT
 *
 * producer [ITEMS]: a producer that is twice as fast as its consumer, and a queue of 10 between
 * them. The queue fills up, and from then on the producer goes as fast as the consumer: nobody's
 * memory grows. At the end the queue is shut down, what is in it is still dealt with, and the
 * consumer finds out that there is no more. */
#include <gosling.h>
#include <stdlib.h>

enum { ROOM = 10 };

static go_queue queue;
static int items = 50, produced, consumed, most;

static int produce(void *arg)
{
    (void)arg;
    for (intptr_t i = 1; i <= items; i++) {
        int rc = go_sleep(5 * GO_MS);

        if (rc == 0)
            rc = go_queue_put(&queue, (void *)i, 0); /* waits while there is no room */
        if (rc < 0)
            return rc;
        produced++;
        most = produced - consumed > most ? produced - consumed : most;
    }
    go_queue_shutdown(&queue, false);
    return 0;
}

static int consume(void *arg)
{
    void *item;
    int rc;

    (void)arg;
    while ((rc = go_queue_get(&queue, &item)) == 1) {
        rc = go_sleep(10 * GO_MS);
        if (rc < 0)
            return rc;
        consumed++;
        go_queue_task_done(&queue);
    }
    return rc;
}

static int both(void *arg)
{
    go_time began = go_now();
    int rc = go_queue_init(&queue, GO_FIFO, ROOM, 0);

    (void)arg;
    if (rc < 0)
        return rc;
    GO_NURSERY(n, rc) {
        go_spawn(n, produce, NULL);
        go_spawn(n, consume, NULL);
    }
    go_queue_fini(&queue);
    printf("%d of %d items in %.1f s; never more than %d were under way\n", consumed, items,
           (double)(go_now() - began) / 1e9, most);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        items = atoi(argv[1]);
    return go_run(both, NULL) < 0;
}
