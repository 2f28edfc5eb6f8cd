/* SPDX-License-Identifier: MIT
 *
 * philosophers [-p]: five of them around a table, with five forks. Each takes the fork to his left,
 * thinks, and takes the one to his right: soon everybody holds one fork and waits for the next, for
 * ever. gosling notices, prints who holds what and who waits for whom, and the run ends with
 * -EDEADLK. With -p (polite) the last one takes the right fork first, and all of them eat. */
#include <errno.h>
#include <gosling.h>
#include <string.h>

enum { SEATS = 5 };

static const char *const names[SEATS] = {"Aristotle", "Buddha", "Confucius", "Descartes",
                                         "Epicurus"};
static go_mutex forks[SEATS];
static bool polite;

static int dine(void *arg)
{
    int seat = (int)(intptr_t)arg, left = seat, right = (seat + 1) % SEATS, rc;
    bool swap = polite && seat == SEATS - 1;
    go_mutex *first = &forks[swap ? right : left], *second = &forks[swap ? left : right];

    go_name("%s", names[seat]);
    rc = go_mutex_lock(first);
    if (rc < 0)
        return rc;
    rc = go_sleep(10 * GO_MS);
    if (rc == 0)
        rc = go_mutex_lock(second);
    if (rc == 0) {
        printf("%s eats\n", names[seat]);
        go_mutex_unlock(second);
    }
    go_mutex_unlock(first);
    return rc;
}

static int table(void *arg)
{
    int rc;

    (void)arg;
    for (int i = 0; i < SEATS; i++)
        go_mutex_init(&forks[i], 0);
    GO_NURSERY(n, rc) {
        for (intptr_t i = 0; i < SEATS; i++)
            go_spawn(n, dine, (void *)i);
    }
    return rc;
}

int main(int argc, char **argv)
{
    polite = argc > 1 && strcmp(argv[1], "-p") == 0;
    return go_run(table, NULL) == -EDEADLK ? 3 : 0;
}
