/* SPDX-License-Identifier: MIT
 *
 * bench/sync.c with Boost.Fiber: the same names, the same way. Its objects are always shared
 * between threads. */
#include <boost/fiber/all.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <thread>

constexpr int TIMES = 1000000, ITEMS = 1000000, ROOM = 128;

static std::int64_t cpu()
{
    timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void result(const char *name, std::int64_t ns, int times)
{
    std::printf("%s %.3f ns\n", name, static_cast<double>(ns) / times);
}

using channel = boost::fibers::buffered_channel<std::intptr_t>;

static void sends(channel &c)
{
    for (std::intptr_t i = 0; i < ITEMS; i++)
        c.push(i);
}

static void receives(channel &c)
{
    std::intptr_t item;

    for (int i = 0; i < ITEMS; i++)
        c.pop(item);
}

int main()
{
    boost::fibers::mutex m;
    std::int64_t began = cpu();

    for (int i = 0; i < TIMES; i++) {
        m.lock();
        m.unlock();
    }
    result("mutex", cpu() - began, TIMES);
    {
        channel c{ROOM};
        began = cpu();
        boost::fibers::fiber a{[&] { sends(c); }}, b{[&] { receives(c); }};
        a.join();
        b.join();
        result("chan_buffered", cpu() - began, ITEMS);
    }
    {
        channel c{ROOM};
        auto start = std::chrono::steady_clock::now();
        std::thread t{[&] { sends(c); }};
        receives(c);
        t.join();
        result("chan_threads", (std::chrono::steady_clock::now() - start).count(), ITEMS);
    }
}
