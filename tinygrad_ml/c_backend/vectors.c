/* Vectors of the processor, for the other files; `real` stands for float or double. */

#ifndef BYTES
#ifdef __AVX512F__
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES(real) ((npy_intp)(BYTES / sizeof(real)))

static inline npy_intp ceiling(npy_intp a, npy_intp b) { return (a + b - 1) / b; }
static inline npy_intp least(npy_intp a, npy_intp b) { return a < b ? a : b; }
#endif

typedef real real_vector __attribute__((vector_size(BYTES), aligned(sizeof(real))));
