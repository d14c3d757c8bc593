// The libraries of the engines look these names up in the program before they look into the C library: every one of
// their syncs, and the store's own, passes here, is counted and goes on to the kernel.
#define _GNU_SOURCE
#include "CSyncCounter.h"
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_ulong count;

unsigned long syncCount(void) { return atomic_load(&count); }

int fdatasync(int descriptor) {
    atomic_fetch_add(&count, 1);
    return (int)syscall(SYS_fdatasync, descriptor);
}

int fsync(int descriptor) {
    atomic_fetch_add(&count, 1);
    return (int)syscall(SYS_fsync, descriptor);
}

int msync(void *start, size_t length, int flags) {
    if (flags & MS_SYNC) atomic_fetch_add(&count, 1);
    return (int)syscall(SYS_msync, start, length, flags);
}
