# SPDX-License-Identifier: MIT
#
# For gdb, which loads it with libgosling-shim.so: signals that are the library's own stay silent, and
# the threads of a program under `gosling run`, which are fibers of one kernel thread, show as threads:
#
#     info gosling-threads          id, name, what it waits for
#     gosling-backtrace [ID]        of one, or of all that wait; of a live process
#
# The library must have its debugging information. gdb reads this file with Python 3.
import gdb

gdb.execute("handle SIGSYS SIG63 nostop noprint pass", to_string=True)

PARKED = 2  # core/fiber.h


def entries(head, kind, field):
    """Of a list (core/list.h) through that field."""
    offset = [f.bitpos // 8 for f in kind.fields() if f.name == field][0]
    char = gdb.lookup_type("char").pointer()
    at = head["next"]
    while at != head.address:
        yield (at.cast(char) - offset).cast(kind.pointer()).dereference()
        at = at["next"]


def threads():
    return entries(gdb.parse_and_eval("threads_all"), gdb.lookup_type("struct thread"), "all")


def waits_for(fiber):
    if int(fiber["state"]) != PARKED:
        return "runs, or may"
    if int(fiber["nwaits"]) == 0:
        return "waits"
    wait = fiber["waits"].dereference()
    what = wait["ops"]["name"].string()
    if what == "fd":
        return "waits for fd %d" % (int(wait["arg"]) & 0xFFFFFFFF)
    return "waits for %s at %#x" % (what, int(wait["object"]))


class Info(gdb.Command):
    """The threads of a program under `gosling run`: id, name, what each waits for."""

    def __init__(self):
        super().__init__("info gosling-threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for t in threads():
            print("%-10d %-16s %s" % (int(t["tid"]), t["comm"].string(), waits_for(t["fiber"])))


class Backtrace(gdb.Command):
    """Where a thread of a program under `gosling run` waits: by its id, or all of them."""

    def __init__(self):
        super().__init__("gosling-backtrace", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = int(argument) if argument else None
        names = ("rip", "rsp", "rbp")
        gdb.newest_frame().select()
        saved = [int(gdb.parse_and_eval("(unsigned long)$" + n)) for n in names]
        for t in threads():
            fiber = t["fiber"]
            if wanted not in (None, int(t["tid"])) or int(fiber["state"]) != PARKED:
                continue
            print("%d %s:" % (int(t["tid"]), t["comm"].string()))
            try:
                gdb.execute("set $rsp = %d" % int(fiber["context"]["sp"]))
                gdb.execute("set $rip = %d" % int(fiber["context"]["pc"]))
                gdb.execute("backtrace")
            finally:
                for name, value in zip(names, saved):
                    gdb.execute("set $%s = %d" % (name, value))


Info()
Backtrace()
