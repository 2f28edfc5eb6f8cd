/* SPDX-License-Identifier: MIT
 *
 * Two prices of threads, in plain pthreads: a token handed to and fro by a mutex and a condition,
 * and a thread made and joined. Prints nanoseconds of wall-clock time for each. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { TURNS = 100000, THREADS = 20000 };

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static int whose;

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void *plays(void *arg)
{
    int me = (int)(long)arg;

    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&m);
        while (whose != me)
            pthread_cond_wait(&c[me], &m);
        whose = !me;
        pthread_cond_signal(&c[whose]);
        pthread_mutex_unlock(&m);
    }
    return NULL;
}

static void *nothing(void *arg)
{
    return arg;
}

int main(void)
{
    double began = now(), played;
    pthread_t t;

    pthread_create(&t, NULL, plays, (void *)1);
    plays(NULL);
    pthread_join(t, NULL);
    played = now() - began;
    began = now();
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&t, NULL, nothing, NULL) != 0)
            return 1;
        pthread_join(t, NULL);
    }
    printf("%.0f %.0f\n", played / TURNS, (now() - began) / THREADS);
    return 0;
}
