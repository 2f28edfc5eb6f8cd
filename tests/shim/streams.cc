/* SPDX-License-Identifier: MIT
 *
 * C++'s standard library in fibers: streams, threads, locks. */
#include "tests/shim/kit.h"

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#if TAP_MEMORY

int main()
{
    TAP_SKIP_ALL("libstdc++ is not built with MSan");
}

#else

using namespace std::chrono_literals;

static int beside(void *arg)
{
    int rc;

    counting = true;
    GO_NURSERY(n, rc) {
        go_spawn(n, counts, nullptr);
        go_sleep(GO_MS);
        counted = 0;
        rc = (*static_cast<int (**)()>(arg))();
        counting = false;
    }
    return rc;
}

/* fn, a fiber, waits some 20 ms in all, and another one counts meanwhile. */
static void lets_run(int (*fn)())
{
    go_run_opts opts = {};

    opts.no_signals = true;
    opts.watchdog = -1;
    CHECK_EQ(go_run_with(&opts, beside, &fn), 0);
    CHECK(counted >= 3);
}

#define NEEDS_SITES                                         \
    if (!has_sites()) {                                     \
        TAP_SKIP("no entry by call sites with this build"); \
        return;                                             \
    }                                                       \
    (void)0

static int ends[2];

static int writes(void *)
{
    std::this_thread::sleep_for(20ms);
    CHECK_EQ(write(ends[1], "one two\nthree\n", 14), 14);
    close(ends[1]);
    return 0;
}

static int reads_cin()
{
    std::string a, b, line;
    int saved = dup(0), rc;

    CHECK_EQ(pipe(ends), 0);
    dup2(ends[0], 0);
    close(ends[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, writes, nullptr);
        std::cin >> a >> b;
        std::getline(std::cin, line);
        std::getline(std::cin, line);
    }
    CHECK(a == "one" && b == "two" && line == "three");
    dup2(saved, 0);
    close(saved);
    return rc;
}

static std::string fifo;

static int writes_fifo(void *)
{
    std::this_thread::sleep_for(20ms);
    std::ofstream out(fifo);

    out << "through " << 42 << std::endl;
    return 0;
}

static int reads_fifo()
{
    std::string word;
    int number = 0, rc;

    fifo = "/tmp/gosling-fifo-" + std::to_string(getpid());
    CHECK_EQ(mkfifo(fifo.c_str(), 0600), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, writes_fifo, nullptr);
        std::ifstream in(fifo);

        in >> word >> number;
    }
    unlink(fifo.c_str());
    CHECK(word == "through" && number == 42);
    return rc;
}

LAW(streams, "S11.77 C++: iostreams wait in the fiber")
{
    NEEDS_SITES;
    lets_run(reads_cin);
    lets_run(reads_fifo);
}

static std::mutex mutex;
static std::recursive_mutex recursive;
static std::condition_variable condition;
static bool ready;

static int prepares(void *)
{
    std::this_thread::sleep_for(20ms);
    std::lock_guard<std::mutex> guard(mutex);

    ready = true;
    condition.notify_one();
    return 0;
}

static int waits_for_condition()
{
    int rc;

    ready = false;
    GO_NURSERY(n, rc) {
        go_spawn(n, prepares, nullptr);
        std::unique_lock<std::mutex> lock(mutex);

        condition.wait(lock, [] { return ready; });
        CHECK(!condition.wait_for(lock, 5ms, [] { return !ready; }));
    }
    return rc;
}

static int joins_thread()
{
    std::thread t([] { std::this_thread::sleep_for(20ms); });

    t.join();
    return 0;
}

static int holds(void *)
{
    std::lock_guard<std::recursive_mutex> guard(recursive);
    std::lock_guard<std::recursive_mutex> again(recursive);

    std::this_thread::sleep_for(10ms);
    return 0;
}

static int hold_in_turn()
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, holds, nullptr);
        go_spawn(n, holds, nullptr);
    }
    return rc;
}

LAW(locks, "S11.77 C++: threads, mutexes and conditions wait in the fiber")
{
    NEEDS_SITES;
    lets_run(waits_for_condition);
    lets_run(joins_thread);
    if (!TAP_SANITIZED) /* where all fibers are one owner */
        lets_run(hold_in_turn);
}

TAP_MAIN

#endif
