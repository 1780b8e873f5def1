/* Vectors of the processor, for the other files; `real` stands for float or double. */

#ifndef BYTES
#include <stddef.h>
#include <string.h>
typedef ptrdiff_t npy_intp;
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

/* Write a square of at most LANES rows and columns, whose rows are `down` apart, as columns, which are `apart`. */
static inline void turn_real(const real *from, npy_intp down, npy_intp rows, npy_intp columns, real *to,
                             npy_intp apart) {
#ifndef __clang__ /* which has no __builtin_shuffle */
  if (columns == LANES(real)) { /* of fewer rows, the last is taken again */
    typedef __typeof__((real_vector){0} == (real_vector){0}) places;
    const npy_intp half = LANES(real) / 2;
    real_vector v[LANES(real)], w[LANES(real)];
    places low, high;
    for (int i = 0; i < LANES(real); i++) {
      low[i] = i / 2 + i % 2 * LANES(real);
      high[i] = low[i] + half;
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES(real); i++) v[i] = *(const real_vector *)(from + least(i, rows - 1) * down);
#pragma GCC unroll 4
    for (int s = 1; s < LANES(real); s *= 2) { /* the bits of a place turn by one when halves are interleaved */
#pragma GCC unroll 8
      for (int i = 0; i < half; i++) {
        w[2 * i] = __builtin_shuffle(v[i], v[i + half], low);
        w[2 * i + 1] = __builtin_shuffle(v[i], v[i + half], high);
      }
#pragma GCC unroll 16
      for (int i = 0; i < LANES(real); i++) v[i] = w[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES(real); i++) *(real_vector *)(to + i * apart) = v[i];
    return;
  }
#endif
  for (npy_intp i = 0; i < rows; i++)
    for (npy_intp j = 0; j < columns; j++) to[j * apart + i] = from[i * down + j];
}
