// xxHash is used header-only: no library to link, and the compiler inlines it into the callers below.
#pragma once
#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t lsXXH3(const void *bytes, size_t count, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}

static inline void lsXXH3Wide(const void *bytes, size_t count, uint64_t seed, uint64_t *low, uint64_t *high) {
    XXH128_hash_t h = XXH3_128bits_withSeed(bytes, count, seed);
    *low = h.low64;
    *high = h.high64;
}

#if defined(__x86_64__)
// The builtins, not <nmmintrin.h>: Swift imports that header as a module, and its functions then do not link unoptimised.
__attribute__((target("sse4.2")))
static inline uint32_t lsCRC32CHardware(const void *bytes, size_t count, uint32_t crc) {
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t c = (uint32_t)~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t v;
        __builtin_memcpy(&v, p, 8);
        c = __builtin_ia32_crc32di(c, v);
    }
    for (; count > 0; count--, p++) c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return ~(uint32_t)c;
}
static inline int lsHasCRC32C(void) { return __builtin_cpu_supports("sse4.2"); }
#else
static inline uint32_t lsCRC32CHardware(const void *bytes, size_t count, uint32_t crc) { return 0; }
static inline int lsHasCRC32C(void) { return 0; }
#endif
