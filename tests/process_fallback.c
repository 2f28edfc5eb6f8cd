/* SPDX-License-Identifier: MIT
 *
 * Section 8: processes where the kernel has no pidfds: the same tests again, in a sandbox that
 * answers pidfd_open with ENOSYS, as old kernels do; and with EPERM, as some sandboxes do. */
#include "tests/kit.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Every system call by that number fails with err, here and in whatever is executed. */
static int forbid(int number, int err)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
               ? -1
               : 0;
}

struct sandbox {
    const char *program; /* beside this one */
    int err;
};

enum { NO_SANDBOX = 77 };

static int runs_in_sandbox(void *arg)
{
    const struct sandbox *box = arg;
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    char *slash;

    path[n > 0 ? n : 0] = '\0';
    slash = strrchr(path, '/');
    if (!slash || forbid(SYS_pidfd_open, box->err) < 0 || syscall(SYS_pidfd_open, getpid(), 0) >= 0)
        return NO_SANDBOX;
    strcpy(slash + 1, box->program);
    execl(path, path, (char *)NULL);
    return 98;
}

static void again(const char *program, int err)
{
    struct sandbox box = {program, err};
    const char *emulator = getenv("EMULATOR");
    int status;

    if (emulator && *emulator) {
        TAP_SKIP("an emulator executes no other program");
        return;
    }
    run_in_child(runs_in_sandbox, &box, &status, kit_output, sizeof kit_output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SANDBOX) {
        TAP_SKIP("no seccomp here");
        return;
    }
    if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        tap_note("%s", kit_output);
}

LAW(processes, "S8.48 without pidfds processes start, are waited for, and end all the same")
{
    again("process", ENOSYS);
}

LAW(runs, "S8.48 so does go_process_run")
{
    again("process_run", ENOSYS);
}

LAW(refused, "S8.48 where pidfd_open is refused, too")
{
    again("process", EPERM);
}

TAP_MAIN
