/* SPDX-License-Identifier: MIT
 *
 * NAME [-t SECONDS] [-n RUNS] [-s SEED] [FILE…]: runs a fuzz target without libFuzzer: on each
 * file, and then on random bytes, and on changed ones of the files. The input that fails is left in
 * crash-NAME, and its seed is printed. */
#include "tests/fuzz/fuzz.h"
#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 2048, FILES = 512 };

static uint8_t input[MOST];
static size_t input_size;
static struct {
    uint8_t *bytes;
    size_t n;
} files[FILES];
static unsigned n_files;
static const char *name;
static uint64_t state;

static uint32_t dice(uint32_t sides)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((state >> 32) * sides) >> 32);
}

static void died(int sig)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "crash-%s", name);
    if ((f = fopen(path, "w"))) {
        fwrite(input, 1, input_size, f);
        fclose(f);
    }
    fprintf(stderr, "%s: signal %d; the input of %zu bytes is in %s\n", name, sig, input_size,
            path);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void one(void)
{
    uint8_t *exact = malloc(input_size ? input_size : 1); /* so that ASan sees its end */

    if (!exact)
        abort();
    memcpy(exact, input, input_size);
    LLVMFuzzerTestOneInput(exact, input_size);
    free(exact);
}

static void read_file(const char *path)
{
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(2);
    }
    input_size = fread(input, 1, sizeof input, f);
    fclose(f);
    if (n_files < FILES && (files[n_files].bytes = malloc(input_size + 1))) {
        memcpy(files[n_files].bytes, input, input_size);
        files[n_files++].n = input_size;
    }
    one();
}

static void make_input(void)
{
    if (n_files && dice(2)) {
        unsigned i = dice(n_files);

        input_size = files[i].n;
        memcpy(input, files[i].bytes, input_size);
        for (uint32_t k = 1 + dice(6); k > 0 && input_size; k--)
            input[dice((uint32_t)input_size)] = (uint8_t)dice(256);
        return;
    }
    input_size = dice(dice(4) ? 128 : MOST);
    for (size_t i = 0; i < input_size; i++)
        input[i] = (uint8_t)(dice(3) ? dice(256) : dice(4));
}

int main(int argc, char **argv)
{
    long runs = 0, most = -1;
    time_t seconds = -1, start = time(NULL);
    uint64_t seed;
    int opt;

    name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    if (getrandom(&seed, 4, 0) < 0)
        seed = (uint64_t)start;
    seed &= UINT32_MAX;
    while ((opt = getopt(argc, argv, "t:n:s:")) != -1)
        if (opt == 't')
            seconds = atol(optarg);
        else if (opt == 'n')
            most = atol(optarg);
        else if (opt == 's')
            seed = strtoull(optarg, NULL, 0);
        else
            return 2;
    state = seed;
    signal(SIGABRT, died);
    signal(SIGSEGV, died);
    for (int i = optind; i < argc; i++)
        read_file(argv[i]);
    for (; (most >= 0 && runs < most) || (seconds >= 0 && time(NULL) - start < seconds); runs++) {
        make_input();
        one();
    }
    printf("%s: %u files, %ld random inputs from seed %llu: ok\n", name, n_files, runs,
           (unsigned long long)seed);
    return 0;
}
