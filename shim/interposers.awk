# SPDX-License-Identifier: MIT
#
# Makes the interposers from names.tab. -v what=
#   real.h   the originals' table
#   code     the interposers
#   map      the names, for the version script
#   all      every name, sorted, for tools/elf.c
#   own      for objcopy: the library's own calls of these names go past the shim
BEGIN { FS = "[ \t]*\\|[ \t]*" }

# those in own.c
BEGIN {
    if (what == "own") {
        # in debug builds core/debug.c stands before the last one
        n = split("fprintf fputs fputc fwrite malloc calloc realloc free strdup aligned_alloc" \
                  (debug == "" ? " pthread_mutex_lock" : ""), own, " ")
        for (i = 1; i <= n; i++)
            print own[i] " gosling_own_" own[i]
    }
}

function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }

# "const char *a, int b" -> "a, b"
function names_of(params,    n, i, part, out)
{
    if (params == "void")
        return ""
    n = split(params, part, ",")
    out = ""
    for (i = 1; i <= n; i++) {
        match(part[i], /[A-Za-z_0-9]+[ ]*$/)
        out = out (i > 1 ? ", " : "") trim(substr(part[i], RSTART))
    }
    return out
}

# the descriptor that the call is about: its first parameter, if it is one
function fd_of(params)
{
    return params ~ /^int fd\y/ ? "fd" : params ~ /^mqd_t q\y/ ? "(int)q" : "-1"
}

function members_of(params,    out)
{
    if (params == "void")
        return ""
    out = params
    gsub(/,/, ";", out)
    return out ";"
}

/^[ \t]*(#|$)/ { next }

{
    n_names = split($1, name, /[ \t]*,[ \t]*/)
    family = trim($2); ret = trim($3); params = trim($4); how = trim($5)
    split(how, word, / +/)
    kind = word[1]; fn = word[2]
    if (what == "all") {
        for (i = 1; i <= n_names; i++)
            print "{\"" trim(name[i]) "\", \"" how "\"}," | "LC_ALL=C sort"
        next
    }
    if (kind == "inner")
        next
    for (i = 1; i <= n_names; i++) {
        params = trim($4)
        # another type on 32 bits
        if (name[i] ~ /64/)
            gsub(/off_t /, "off64_t ", params)
        emit(trim(name[i]))
    }
}

function original(nm) { return "ORIGINAL(" nm ")" }

function emit(nm,    args, comma, outcome)
{
    args = names_of(params)
    comma = args == "" ? "" : ", "
    if (what == "map") {
        print "        " nm ";"
        return
    }
    if (what == "own") {
        print nm " gosling_own_" nm
        return
    }
    if (what == "real.h") {
        if (!started++) {
            print "/* Made from shim/names.tab by shim/interposers.awk. */"
        }
        if (kind == "hand") {
            sub(/, *\.\.\./, ", long arg", params)
        }
        print "X(" nm ", " family ", " ret ", (" params "))"
        return
    }
    # code
    if (kind == "hand")
        return
    print ""
    if (kind == "pool" || kind == "fork" || kind == "carrier") {
        print "struct args_" nm " { " members_of(params) (ret == "void" ? "" : " " ret " result_;") " };"
        print "static void run_" nm "(void *p)"
        print "{"
        print "    struct args_" nm " *a = p;"
        print "    (void)a;"
        print "    " (ret == "void" ? "" : "a->result_ = ") original(nm) "(" args_of("a->", args) ");"
        print "}"
    }
    print "EXPORT " ret (ret ~ /\*$/ ? "" : " ") nm "(" params ")"
    print "{"
    print "    go_sched *s = " caller() ";"
    print ""
    if (kind == "raw") {
        print "    if (unlikely(s)) {"
        print "        struct shim_call c;"
        print "        long rc;"
        print ""
        print "        call_begin(s, &c);"
        print "        do"
        print "            rc = " fn "(s" comma args ");"
        print "        while (call_again(s, &c, rc));"
        print "        call_end(&c, \"" nm "\", " fd_of(params) ", rc);"
        print "        return (" ret ")shim_result(rc);"
        print "    }"
        print "    return " original(nm) "(" args ");"
    } else if (kind == "own") {
        if (ret == "void") {
            print "    if (unlikely(s)) {"
            print "        struct shim_call c;"
            print ""
            print "        call_begin(s, &c);"
            print "        " fn "(s" comma args ");"
            print "        call_again(s, &c, 0);"
            print "        call_end(&c, \"" nm "\", -1, 0);"
            print "    } else {"
            print "        " original(nm) "(" args ");"
            print "    }"
        } else {
            print "    if (unlikely(s)) {"
            print "        struct shim_call c;"
            print "        " ret " result;"
            print ""
            print "        call_begin(s, &c);"
            print "        do"
            print "            result = " fn "(s" comma args ");"
            print "        while (call_again(s, &c, " outcome_of(nm) "));"
            print "        call_end(&c, \"" nm "\", " fd_of(params) ", result);"
            print "        return result;"
            print "    }"
            print "    return " original(nm) "(" args ");"
        }
    } else if (kind == "pool" || kind == "fork") {
        print "    if (unlikely(s)" (kind == "fork" ? " && !threads_on" : "") ") {"
        print "        struct args_" nm " a = {" (args == "" ? "" : inits(args)) "};"
        print "        struct shim_call c;"
        print "        int rc;"
        print ""
        print "        call_begin(s, &c);"
        print "        rc = shim_pool(run_" nm ", &a);"
        print "        call_again(s, &c, 0);"
        outcome = ret == "void" || ret ~ /\*$/ ? "rc" : "rc < 0 ? rc : (long)a.result_"
        print "        call_end(&c, \"" nm "\", " fd_of(params) ", " outcome ");"
        if (ret == "void")
            print "        return;"
        else
            print "        return rc < 0 ? " (ret ~ /\*$/ ? "NULL" : "-1") " : a.result_;"
        print "    }"
        print "    " (ret == "void" ? "" : "return ") original(nm) "(" args ");"
    } else if (kind == "carrier") {
        print "    struct args_" nm " a = {" inits(args) "};"
        print ""
        print "    if (likely(!s) || threads_on)"
        print "        return " original(nm) "(" args ");"
        print "    tcb_on_carrier(s, run_" nm ", &a);"
        print "    return a.result_;"
    } else if (kind == "quiet") {
        print "    " ret (ret ~ /\*$/ ? "" : " ") "result;"
        print ""
        print "    if (threads_on)"
        print "        return " original(nm) "(" args ");"
        print "    if (s)"
        print "        s->no_park++;"
        print "    result = " original(nm) "(" args ");"
        print "    if (s)"
        print "        s->no_park--;"
        print "    return result;"
    } else if (kind == "audit") {
        print "    struct shim_blocked b;"
        print "    " ret " result;"
        print ""
        print "    if (likely(!s))"
        print "        return " original(nm) "(" args ");"
        print "    shim_blocks(&b, \"" nm "\", __builtin_return_address(0));"
        print "    s->no_park++; /* whatever call of the kernel it is */"
        print "    result = " original(nm) "(" args ");"
        print "    s->no_park--;"
        print "    shim_blocked(&b);"
        print "    return result;"
    } else {
        print "names.tab: " nm ": how is that: " how > "/dev/stderr"
        exit 1
    }
    print "}"
    # the library's own
    print "OWN " ret (ret ~ /\*$/ ? "" : " ") "gosling_own_" nm "(" params ")"
    print "{"
    print "    go_sched *s = shim_own_begin();"
    if (ret == "void") {
        print "    " original(nm) "(" args ");"
        print "    shim_own_end(s);"
    } else {
        print "    " ret (ret ~ /\*$/ ? "" : " ") "result = " original(nm) "(" args ");"
        print ""
        print "    shim_own_end(s);"
        print "    return result;"
    }
    print "}"
}

# Whose call it is. Where the program's threads are fibers, libc's function goes on to its call site:
# only there does it know that it may be cancelled.
function caller()
{
    if (kind == "carrier")
        return "sched_self()"
    return ((kind == "raw" || kind == "own") && family != "DNS" ? "shim_by_name" : "shim_fiber") \
           "(GO_SHIM_" family ")"
}

# of a function that returns something else: is its result what call_again knows?
function outcome_of(nm)
{
    return ret == "ssize_t" ? "result < 0 ? -errno : result" : "0"
}

function args_of(prefix, args,    n, i, part, out)
{
    if (args == "")
        return ""
    n = split(args, part, /, */)
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? ", " : "") prefix part[i]
    return out
}

function inits(args,    n, i, part, out)
{
    n = split(args, part, /, */)
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? ", " : "") "." part[i] " = " part[i]
    return out
}
