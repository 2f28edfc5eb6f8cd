/* SPDX-License-Identifier: MIT */
#include "tests/wrap/table.h"

extern const struct row *const __start_table[], *const __stop_table[];

int main(int argc, char **argv)
{
    if (argc < 2) {
        for (const struct row *const *r = __start_table; r < __stop_table; r++)
            puts((*r)->name);
        return 0;
    }
    alarm(30);
    for (const struct row *const *r = __start_table; r < __stop_table; r++)
        if (strcmp((*r)->name, argv[1]) == 0) {
            (*r)->fn();
            return 0;
        }
    fprintf(stderr, "no row %s\n", argv[1]);
    return 2;
}
