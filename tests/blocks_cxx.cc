/* SPDX-License-Identifier: MIT
 *
 * The block forms in C++, and exceptions: out of blocks, and in flight across a park. */
#include "tests/kit.h"
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#if TAP_MEMORY

int main()
{
    TAP_SKIP_ALL("libstdc++ is not built with MSan");
}

#else

static int counts_after(void *arg)
{
    int rc = go_sleep(GO_MS);

    ++*static_cast<int *>(arg);
    return rc;
}

LAW_VIRTUAL(forms,
            "S3.49 the block forms work in C++17, nested, with break, continue, return and goto")
{
    int count = 0, rc, inner, rounds = 0;
    go_nursery_opts race = {};
    go_scope s = {};

    race.policy = GO_SUPERVISE;
    for (int i = 0; i < 3; i++) {
        GO_NURSERY(n, rc) {
            go_spawn(n, counts_after, &count);
            GO_NURSERY_OPTS(m, inner, &race) {
                go_spawn(m, counts_after, &count);
                if (i == 0)
                    break;
                if (i == 1)
                    continue;
            }
        }
        rounds++;
    }
    CHECK_EQ(rounds, 3);
    CHECK_EQ(count, 6);
    GO_SCOPE(&s, rc, nullptr) {
        GO_MOVE_ON(GO_MS, inner) {
            GO_SHIELD(GO_SEC) {
                goto out;
            }
        }
    }
    CHECK(false);
out:
    CHECK_EQ(go_deadline(), GO_FOREVER);
    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(GO_SEC);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

static int returns_early(int *count)
{
    int rc;

    GO_NURSERY(n, rc) {
        std::string text(1000, 'x'); /* destroyed on the way */

        go_spawn(n, counts_after, count);
        return static_cast<int>(text.size());
    }
    return -1;
}

LAW_VIRTUAL(early_return, "S3.03 return out of a nursery block waits for the children, in C++ too")
{
    int count = 0;

    CHECK_EQ(returns_early(&count), 1000);
    CHECK_EQ(count, 1);
}

LAW_VIRTUAL(throw_out_of_nursery,
            "S3.03 an exception that leaves a nursery block waits for the children")
{
    int count = 0, rc;
    bool caught = false;

    try {
        GO_NURSERY(n, rc) {
            go_spawn(n, counts_after, &count);
            throw std::runtime_error("out");
        }
    } catch (const std::runtime_error &e) {
        caught = strcmp(e.what(), "out") == 0;
    }
    CHECK(caught);
    CHECK_EQ(count, 1);
    CHECK_EQ(go_checkpoint(), 0);
    CHECK_EQ(go_deadline(), GO_FOREVER);
}

LAW_VIRTUAL(throw_out_of_scopes, "S4.48 an exception leaves scope blocks properly")
{
    go_scope s = {};
    int rc, inner;
    bool caught = false;

    try {
        GO_SCOPE(&s, rc, nullptr) {
            GO_TIMEOUT(GO_SEC, inner) {
                GO_SHIELD(GO_FOREVER) {
                    throw 7;
                }
            }
        }
    } catch (int seven) {
        caught = seven == 7;
    }
    CHECK(caught);
    CHECK_EQ(go_deadline(), GO_FOREVER);
    go_scope_cancel(&s, nullptr); /* left: no effect */
    CHECK_EQ(go_checkpoint(), 0);
}

/* ---- in flight across a park ---- */

static int throws_and_parks(void *arg)
{
    const char *name = static_cast<const char *>(arg);

    for (int i = 0; i < 5; i++) {
        try {
            throw std::runtime_error(name);
        } catch (const std::runtime_error &e) {
            CHECK_STR(e.what(), name);
            go_yield(); /* others throw and catch meanwhile */
            CHECK_STR(e.what(), name);
            CHECK(std::current_exception() != nullptr);
            try {
                go_sleep(GO_MS);
                throw; /* the current one is this fiber's own */
            } catch (const std::exception &again) {
                CHECK_STR(again.what(), name);
            }
        }
        CHECK(std::current_exception() == nullptr);
        go_yield();
    }
    return 0;
}

LAW_VIRTUAL(handled_across_parks,
            "S9.19 an exception that is handled while its fiber parks stays that fiber's own")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, throws_and_parks, const_cast<char *>("one"));
        go_spawn(n, throws_and_parks, const_cast<char *>("two"));
        go_spawn(n, throws_and_parks, const_cast<char *>("three"));
    }
    CHECK_EQ(rc, 0);
}

struct parks_in_destructor {
    const char *name;
    int uncaught;

    explicit parks_in_destructor(const char *n) : name(n), uncaught(std::uncaught_exceptions()) {}
    ~parks_in_destructor()
    {
        int before = std::uncaught_exceptions();

        CHECK_EQ(before, uncaught + 1);
        go_sleep(GO_MS); /* in flight, and parked */
        go_yield();
        CHECK_EQ(std::uncaught_exceptions(), before);
        mark("%s", name);
    }
};

static int unwinds_and_parks(void *arg)
{
    const char *name = static_cast<const char *>(arg);

    CHECK_EQ(std::uncaught_exceptions(), 0);
    try {
        parks_in_destructor guard(name);

        throw std::string(name);
    } catch (const std::string &what) {
        CHECK_STR(what.c_str(), name);
    }
    CHECK_EQ(std::uncaught_exceptions(), 0);
    return 0;
}

static int sees_none(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(std::uncaught_exceptions(), 0);
        CHECK(std::current_exception() == nullptr);
        go_yield();
    }
    return 0;
}

LAW_VIRTUAL(unwinding_across_parks, "S9.19 C++ exceptions may be in flight across a park")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, unwinds_and_parks, const_cast<char *>("a"));
        go_spawn(n, sees_none, nullptr);
        go_spawn(n, unwinds_and_parks, const_cast<char *>("b"));
        go_sleep(2 * GO_MS);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a b");
}

static int throws_out_of_nursery(void *arg)
{
    int rc, count = 0;

    (void)arg;
    try {
        GO_NURSERY(n, rc) {
            go_spawn(n, unwinds_and_parks, const_cast<char *>("child"));
            go_spawn(n, counts_after, &count);
            throw 1; /* waits for the children, in flight */
        }
    } catch (int) {
        CHECK_EQ(count, 1);
        mark("caught");
    }
    return 0;
}

LAW_VIRTUAL(waits_in_flight, "S9.19 one that waits for a nursery's children on its way")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, throws_out_of_nursery, nullptr);
        go_spawn(n, unwinds_and_parks, const_cast<char *>("other"));
    }
    CHECK_EQ(rc, 0);
    CHECK_HAS(kit_trace, "child");
    CHECK_HAS(kit_trace, "caught");
    CHECK_HAS(kit_trace, "other");
}

LAW_VIRTUAL(many_in_flight, "S9.19 a hundred at once, on stacks that are used again")
{
    int rc;

    for (int round = 0; round < 3; round++) {
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 100; i++)
                go_spawn(n, i % 2 ? throws_and_parks : unwinds_and_parks, const_cast<char *>("x"));
        }
        CHECK_EQ(rc, 0);
    }
}

LAW_VIRTUAL(own_blocks, "S9.19 the same with and without thread control blocks of their own, mixed")
{
    const go_spawn_opts own = {nullptr, 0, nullptr, 0, 1}, shared = {nullptr, 0, nullptr, 0, -1};
    int rc;

    for (int round = 0; round < 3; round++) {
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 60; i++) {
                int made = go_spawn_with(n, i % 3 ? &own : &shared,
                                         i % 2 ? throws_and_parks : unwinds_and_parks,
                                         const_cast<char *>("x"));

                CHECK(made == 0 || made == -ENOSYS);
            }
        }
        CHECK_EQ(rc, 0);
    }
}

/* ---- thread_local ---- */

static int alive;

struct counts_itself {
    int value = 5;
    counts_itself()
    {
        alive++;
    }
    ~counts_itself()
    {
        go_sleep(GO_MS); /* it may wait */
        alive--;
    }
};

static int uses_thread_local(void *arg)
{
    thread_local counts_itself it;

    (void)arg;
    CHECK_EQ(it.value, 5);
    it.value = 6;
    go_sleep(GO_MS);
    CHECK_EQ(it.value, 6);
    return 0;
}

LAW_VIRTUAL(thread_locals, "S11.62 thread_local objects are destroyed at the end of a fiber with a "
                           "thread control block of its own")
{
    const go_spawn_opts own = {nullptr, 0, nullptr, 0, 1};
    int rc, made = 0;

    if (TAP_SANITIZED) {
        TAP_SKIP("fibers share their thread's block here");
        return;
    }
    for (int round = 0; round < 2; round++) {
        GO_NURSERY(n, rc)
            for (int i = 0; i < 3; i++)
                made = go_spawn_with(n, &own, uses_thread_local, nullptr);
        CHECK_EQ(rc, 0);
        CHECK(made == 0 || made == -ENOSYS);
        CHECK_EQ(alive, 0);
    }
}

/* ---- out of a fiber ---- */

static int throws(void *arg)
{
    (void)arg;
    go_name("thrower");
    go_yield();
    throw std::runtime_error("nobody catches this");
}

static int lets_throw(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, throws, arg);
    }
    return rc;
}

static int escape_program(void *arg)
{
    virtual_run(lets_throw, arg);
    return 0;
}

LAW(escapes, "S9.18 an exception that leaves a fiber's function ends the program with a diagnosis")
{
    CHECK_DIES(escape_program, nullptr, SIGABRT);
    CHECK_HAS(kit_output, "gosling");
    CHECK_HAS(kit_output, "thrower");
    CHECK_HAS(kit_output, "exception");
}

static int escape_main_program(void *arg)
{
    try {
        virtual_run(throws, arg);
    } catch (...) {
        return 3; /* go_run is no place to throw through */
    }
    return 0;
}

LAW(escapes_main, "S9.18 the main fiber's function, too")
{
    CHECK_DIES(escape_main_program, nullptr, SIGABRT);
    CHECK_HAS(kit_output, "exception");
}

/* ---- cases in C++ ---- */

LAW_VIRTUAL(cases, "S7.26 the cases of go_select are usable in C++")
{
    go_chan c;
    int item = 4, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    go_case list[] = {GO_SEND(&c, &item), GO_AFTER(GO_SEC), GO_DEFAULT};
    CHECK_EQ(go_select(list, 3), 0);
    list[0] = GO_RECV(&c, &got);
    CHECK_EQ(go_select(list, 3), 0);
    CHECK_EQ(got, 4);
    go_chan_fini(&c);
}

TAP_MAIN

#endif
