// Calls of Linux that Swift's module of the C library leaves out: it is built without _GNU_SOURCE.
#pragma once
#include <linux/falloc.h>
#include <sys/random.h>
#include <sys/types.h>
#include <sys/vfs.h>

extern int fallocate(int descriptor, int mode, off_t offset, off_t length);

// Allocates blocks from the start of the file and leaves its size as it is.
static inline int lsReserve(int descriptor, off_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, length);
}

// The file system's magic number, or -1 with errno set.
static inline long long lsFileSystemMagic(int descriptor) {
    struct statfs found;
    return fstatfs(descriptor, &found) == -1 ? -1 : (long long)(unsigned int)found.f_type;
}

static inline ssize_t lsRandom(void *bytes, size_t count) {
    return getrandom(bytes, count, 0);
}
