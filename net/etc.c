/* SPDX-License-Identifier: MIT */
#include "net/etc.h"
#include "core/sys.h"
#include <stdlib.h>
#include <string.h>

static bool etc_stat(const char *path, struct stat *st)
{
    int saved = errno;
    bool ok = stat(path, st) == 0;

    errno = saved;
    return ok;
}

bool etc_changed(struct etc_file *f, const char *path)
{
    struct stat st = {0};
    bool exists = etc_stat(path, &st);

    if (f->known && f->exists == exists && f->dev == st.st_dev && f->ino == st.st_ino &&
        f->size == st.st_size && f->changed.tv_sec == st.st_ctim.tv_sec &&
        f->changed.tv_nsec == st.st_ctim.tv_nsec)
        return false;
    *f = (struct etc_file){true, exists, st.st_dev, st.st_ino, st.st_size, st.st_ctim};
    return true;
}

static int shortage(int rc)
{
    return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE ? rc : 0;
}

int etc_read(const char *path, char **out)
{
    size_t room = 4096, n = 0;
    char *text = NULL, *more;
    ssize_t got = 1;
    int fd;

    *out = NULL;
    do
        fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    while (fd == -EINTR);
    if (fd < 0)
        return shortage(fd);
    while (got > 0) {
        if (!text || n + 1 == room) {
            room *= text ? 2 : 1;
            more = realloc(text, room);
            if (!more) {
                got = -ENOMEM;
                goto fail;
            }
            text = more;
        }
        got = sys_read(fd, text + n, room - n - 1);
        if (got == -EINTR)
            got = 1;
        else if (got < 0)
            goto fail;
        else
            n += (size_t)got;
    }
    sys_close(fd);
    text[n] = '\0';
    *out = text;
    return 0;

fail:
    sys_close(fd);
    free(text);
    return shortage((int)got);
}

char *etc_line(char **text, const char *comments)
{
    char *line = *text, *end;

    if (!*line)
        return NULL;
    end = strchr(line, '\n');
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    line[strcspn(line, comments)] = '\0';
    return line;
}

char *etc_word(char **line)
{
    char *word = *line + strspn(*line, " \t\r\f\v"), *end;

    if (!*word)
        return NULL;
    end = word + strcspn(word, " \t\r\f\v");
    *line = *end ? end + 1 : end;
    *end = '\0';
    return word;
}
