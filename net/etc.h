/* SPDX-License-Identifier: MIT
 *
 * Files of /etc that are read once, and again when they have changed: by device, inode, size and
 * time of change, which cost one stat (0.3 µs) per look. And the words on their lines. */
#ifndef NET_ETC_H
#define NET_ETC_H

#include <gosling/types.h>
#include <stdint.h>
#include <time.h>

struct etc_file {
    bool known; /* the rest says what was read */
    bool exists;
    uint64_t dev, ino; /* not libc's types, whose sizes are a choice on 32 bits */
    int64_t size;
    struct timespec changed;
};

/* Whether path is another file than f says, and then f says so: read it, after this. The first time
 * always. */
bool etc_changed(struct etc_file *f, const char *path);

/* The whole file, with a NUL behind it, in *text, the caller's to free; NULL: there is none. 0, or
 * what is short at the moment: -ENOMEM, -EMFILE, -ENFILE. That must not be taken for a file that is
 * not there, nor be remembered. */
int etc_read(const char *path, char **text);

/* Takes the next line off *text: without its end, and cut at the first byte of `comments`. NULL: no
 * more. */
char *etc_line(char **text, const char *comments);

/* Takes the next word off *line, by white space. NULL: no more. */
char *etc_word(char **line);

#endif
