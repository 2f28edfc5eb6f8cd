/* SPDX-License-Identifier: MIT */
#include "tools/elf.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* names.tab, all of it. */
static const struct name {
    const char *name, *how;
} names[] = {
#include "gen/all.h"
};

/* ---- the file ---- */

/* Part of the file, or NULL when it does not have that much. */
static const void *at(const struct elf *e, uint64_t offset, uint64_t n)
{
    return offset <= e->size && n <= e->size - offset ? (const char *)e->image + offset : NULL;
}

static const ElfW(Phdr) * segment(const struct elf *e, unsigned type)
{
    const ElfW(Ehdr) *h = e->image;

    for (unsigned i = 0; i < h->e_phnum; i++) {
        const ElfW(Phdr) *p = at(e, h->e_phoff + (uint64_t)i * h->e_phentsize, sizeof *p);

        if (p && p->p_type == type)
            return p;
    }
    return NULL;
}

static const ElfW(Shdr) * section(const struct elf *e, const char *name)
{
    const ElfW(Ehdr) *h = e->image;
    const ElfW(Shdr) *strings =
        at(e, h->e_shoff + (uint64_t)h->e_shstrndx * h->e_shentsize, sizeof *strings);

    for (unsigned i = 0; strings && i < h->e_shnum; i++) {
        const ElfW(Shdr) *s = at(e, h->e_shoff + (uint64_t)i * h->e_shentsize, sizeof *s);
        size_t n = strlen(name) + 1;
        const char *text = s ? at(e, strings->sh_offset + s->sh_name, n) : NULL;

        if (text && memcmp(text, name, n) == 0)
            return s;
    }
    return NULL;
}

/* ---- what it is ---- */

static const char *loader(const struct elf *e)
{
    const ElfW(Phdr) *p = segment(e, PT_INTERP);
    const char *text = p ? at(e, p->p_offset, p->p_filesz) : NULL;

    return text && p->p_filesz > 0 && text[p->p_filesz - 1] == '\0' ? text : NULL;
}

static void judge(struct elf *e, const struct stat *st)
{
    const char *l = loader(e);

    if (section(e, ".note.go.buildid"))
        e->why_not = "it is a Go program, which makes its system calls itself";
    else if (!l)
        e->why_not = "it is linked statically, and so loads no library of ours";
    else if (strstr(l, "musl"))
        e->why_not = "it is linked with musl, and the shim is made for glibc";
    else if (st->st_mode & (S_ISUID | S_ISGID) && geteuid() != st->st_uid)
        e->why_not = "it is setuid or setgid, and such programs load nothing that the caller names";
    e->kind = !l                  ? "a static program"
              : strstr(l, "musl") ? "a program linked with musl"
                                  : "a program linked dynamically with glibc";
}

/* ---- what it imports ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static void add(char ***list, size_t *n, const char *name)
{
    char **more = realloc(*list, (*n + 1) * sizeof **list);

    if (!more)
        return;
    *list = more;
    more[(*n)++] = (char *)(uintptr_t)name;
}

static void sort_in(struct elf *e, const char *symbol)
{
    struct name key = {symbol, NULL};
    const struct name *n =
        bsearch(&key, names, sizeof names / sizeof *names, sizeof *names, by_name);

    if (strcmp(symbol, "pthread_create") == 0 || strcmp(symbol, "thrd_create") == 0)
        e->threads = true;
    if (!n)
        return;
    if (strcmp(n->how, "audit") == 0)
        add(&e->blocking, &e->blocking_n, n->name);
    else if (strncmp(n->how, "inner", 5) == 0)
        add(&e->inner, &e->inner_n, n->name);
    else
        add(&e->covered, &e->covered_n, n->name);
}

static void read_imports(struct elf *e)
{
    const ElfW(Shdr) *symbols = section(e, ".dynsym"), *strings = section(e, ".dynstr");

    if (!symbols || !strings)
        return;
    for (uint64_t i = 0; i < symbols->sh_size / sizeof(ElfW(Sym)); i++) {
        const ElfW(Sym) *s = at(e, symbols->sh_offset + i * sizeof *s, sizeof *s);
        const char *text =
            s && s->st_name < strings->sh_size ? at(e, strings->sh_offset + s->st_name, 1) : NULL;

        if (text && s->st_shndx == SHN_UNDEF &&
            memchr(text, 0,
                   strings->sh_size - s->st_name < 256 ? strings->sh_size - s->st_name : 256))
            sort_in(e, text);
    }
}

int elf_read(const char *path, struct elf *e)
{
    const ElfW(Ehdr) * h;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    memset(e, 0, sizeof *e);
    e->image = MAP_FAILED;
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EACCES;
    }
    e->size = (size_t)st.st_size;
    if (e->size > 0)
        e->image = mmap(NULL, e->size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (e->image == MAP_FAILED)
        return -ENOEXEC;
    h = at(e, 0, sizeof *h);
    if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
        h->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return -ENOEXEC;
    judge(e, &st);
    if (!e->why_not)
        read_imports(e);
    return 0;
}

void elf_free(struct elf *e)
{
    if (e->image && e->image != MAP_FAILED)
        munmap(e->image, e->size);
    free(e->covered);
    free(e->inner);
    free(e->blocking);
}
