// Calls of Linux that Swift's module of the C library leaves out: it is built without _GNU_SOURCE.
#pragma once
#include <linux/falloc.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

extern ssize_t copy_file_range(int from, off_t *fromOffset, int to, off_t *toOffset, size_t count, unsigned flags);
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

// For the calling thread: I/O class idle (3 << 13), and nice 10. Where either is refused the thread stays as it was.
static inline void lsLowerPriority(void) {
    syscall(SYS_ioprio_set, 1, 0, 3 << 13);
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
}

// Lets the kernel copy from one file position to another; blocks are shared where the file system can.
static inline ssize_t lsCopyFileRange(int from, int to, size_t count) {
    return copy_file_range(from, NULL, to, NULL, count, 0);
}
