/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <gosling/fiber.h>
#include <gosling/map.h>
#include <gosling/nursery.h>
#include <stdlib.h>

struct item {
    go_fn *fn;
    void *arg;
    int *result;
};

static int run_item(void *arg)
{
    struct item *it = arg;

    return *it->result = it->fn(it->arg);
}

static int map(go_fn *fn, void *const *args, int *results, struct item *items, size_t n,
               unsigned at_most)
{
    go_nursery_opts opts = {.policy = GO_SUPERVISE, .max_tasks = at_most};
    size_t begun = 0;
    int rc, refused = 0; /* not the body's error: that would cancel the others */

    GO_NURSERY_OPTS(nursery, rc, &opts) {
        for (; begun < n; begun++) {
            items[begun] = (struct item){fn, args[begun], &results[begun]};
            refused = go_spawn_wait(nursery, run_item, &items[begun]);
            if (refused < 0)
                break;
        }
    }
    for (size_t i = begun; i < n; i++)
        results[i] = refused;
    return rc < 0 ? rc : refused;
}

int go_map(go_fn *fn, void *const *args, int *results, size_t n, unsigned at_most)
{
    struct item *items;
    int *own = NULL, rc = go_checkpoint();

    if (rc < 0)
        return rc;
    if (!fn || (!args && n > 0))
        return -EINVAL;
    if (n == 0)
        return 0;
    items = calloc(n, sizeof *items);
    if (!results)
        results = own = calloc(n, sizeof *own);
    rc = items && results ? map(fn, args, results, items, n, at_most) : -ENOMEM;
    free(own);
    free(items);
    return rc;
}
