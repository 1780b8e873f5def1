/* The product of two matrices, for compiled programs; `real` stands for float or double, ROWS for a number.

Both matrices are copied, part by part, to where the innermost loop reads them one after the other: of x, blocks of
ROWS rows, which stay in the second cache; of y, WIDE columns, which stay in the first. The innermost loop adds up
ROWS x WIDE results in registers. What blocks have beyond the matrices is computed from whatever is there, and is not
kept. (K. Goto and R. A. van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.) */

#ifdef __clang__
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("O2", "fp-contract=fast") /* as fast as O3, and compiled in half of the time */
#endif

#ifndef DEPTH
#define DEPTH 256         /* terms of a sum that are added in one go: float32 stays as exact as in NumPy's BLAS */
#define STEP (DEPTH + 16) /* from row to row of a block: after a power of two, all would share one place in the cache */
#define HEIGHT 512        /* rows that are copied at a time */
#endif

#ifndef COLUMNS_real
#define COLUMNS_real
enum { WIDE_real = 2 * BYTES / sizeof(real) };

/* Copy columns of y, so that to[l * WIDE_real + j] = y[l][j]. */
static void columns_real(const real *y, npy_intp down, npy_intp along, npy_intp depth, npy_intp width, real *to) {
  if (down == 1) {
    for (npy_intp l = 0; l < depth; l += LANES(real))
      for (npy_intp j = 0; j < width; j += LANES(real))
        turn_real(y + l + j * along, along, least(width - j, LANES(real)), least(depth - l, LANES(real)),
                  to + l * WIDE_real + j, WIDE_real);
    return;
  }
  for (npy_intp l = 0; l < depth; l++)
    if (along == 1 && width == WIDE_real)
      memcpy(to + l * WIDE_real, y + l * down, WIDE_real * sizeof(real));
    else
      for (npy_intp j = 0; j < width; j++) to[l * WIDE_real + j] = y[l * down + j * along];
}

/* Write or add a part of a block of results to where it belongs. */
static void place_real(const real *block, npy_intp rows, npy_intp width, real *z, npy_intp down, npy_intp along,
                       int add) {
  for (npy_intp j = 0; j < width; j++)
    for (npy_intp i = 0; i < rows; i++) {
      real *one = z + i * down + j * along;
      *one = add ? *one + block[i * WIDE_real + j] : block[i * WIDE_real + j];
    }
}
#endif

/* Copy rows of x, so that each is in one piece if it was, else so that all their l-th elements are neighbours. */
static void rows_real_ROWS(const real *x, npy_intp down, npy_intp along, npy_intp rows, npy_intp depth, real *to) {
  if (along == 1)
    for (npy_intp i = 0; i < rows; i++) memcpy(to + i * STEP, x + i * down, depth * sizeof(real));
  else
    for (npy_intp l = 0; l < depth; l++)
      if (down == 1 && rows == ROWS)
        memcpy(to + l * ROWS, x + l * along, ROWS * sizeof(real));
      else
        for (npy_intp i = 0; i < rows; i++) to[l * ROWS + i] = x[l * along + i * down];
}

/* Compute a block of results. `down` and `along` are constants, so that the compiler needs no register for each row. */
static inline __attribute__((always_inline)) void
block_real_ROWS(const npy_intp down, const npy_intp along, const real *a, const real *b, npy_intp depth, real *z,
                npy_intp z_down, int add) {
  real_vector sum[ROWS][2] = {0};
  for (npy_intp l = 0; l < depth; l++) {
    const real_vector left = *(real_vector *)(b + l * WIDE_real);
    const real_vector right = *(real_vector *)(b + l * WIDE_real + LANES(real));
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      sum[i][0] += left * a[i * down + l * along];
      sum[i][1] += right * a[i * down + l * along];
    }
  }
  if (add)
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
      sum[i][0] += *(real_vector *)(z + i * z_down);
      sum[i][1] += *(real_vector *)(z + i * z_down + LANES(real));
    }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS; i++) {
    *(real_vector *)(z + i * z_down) = sum[i][0];
    *(real_vector *)(z + i * z_down + LANES(real)) = sum[i][1];
  }
}

static void share_real_ROWS(npy_intp m, npy_intp k, npy_intp n, const real *x, npy_intp x_down, npy_intp x_along,
                            const real *y, npy_intp y_down, npy_intp y_along, real *z, npy_intp z_down,
                            npy_intp z_along, real *memory) {
  const npy_intp tall = HEIGHT / ROWS * ROWS, deep = ceiling(k, ceiling(k, DEPTH));
  real *b = memory, *alone = b + DEPTH * WIDE_real, *a = alone + ROWS * WIDE_real;
  for (npy_intp top = 0; top < m; top += tall)
    for (npy_intp first = 0; first < k; first += deep) {
      const npy_intp height = least(m - top, tall), depth = least(k - first, deep);
      for (npy_intp i = 0; i < height; i += ROWS)
        rows_real_ROWS(x + (top + i) * x_down + first * x_along, x_down, x_along, least(height - i, ROWS), depth,
                       a + i * STEP);
      for (npy_intp j = 0; j < n; j += WIDE_real) {
        const npy_intp width = least(n - j, WIDE_real);
        columns_real(y + first * y_down + j * y_along, y_down, y_along, depth, width, b);
        for (npy_intp i = 0; i < height; i += ROWS) {
          real *to = z + (top + i) * z_down + j * z_along;
          const int whole = z_along == 1 && width == WIDE_real && height - i >= ROWS, add = first > 0;
          real *out = whole ? to : alone;
          const npy_intp out_down = whole ? z_down : WIDE_real;
          if (x_along == 1)
            block_real_ROWS(STEP, 1, a + i * STEP, b, depth, out, out_down, add && whole);
          else
            block_real_ROWS(1, ROWS, a + i * STEP, b, depth, out, out_down, add && whole);
          if (!whole) place_real(alone, least(height - i, ROWS), width, to, z_down, z_along, add);
        }
      }
    }
}

/* z = x y, of m x k and k x n elements; all steps are in elements. Threads take parts of the rows or of the columns. */
static void product_real_ROWS(npy_intp m, npy_intp k, npy_intp n, const real *x, npy_intp x_down, npy_intp x_along,
                              const real *y, npy_intp y_down, npy_intp y_along, real *z, npy_intp z_down,
                              npy_intp z_along, real *memory, npy_intp share, npy_intp threads) {
  const npy_intp by_rows = m > n, unit = by_rows ? ROWS : WIDE_real, length = by_rows ? m : n;
#pragma omp parallel for num_threads(threads) if (threads > 1)
  for (npy_intp t = 0; t < threads; t++) {
    const npy_intp start = ceiling(length, unit) * t / threads * unit;
    const npy_intp size = least(length, ceiling(length, unit) * (t + 1) / threads * unit) - start;
    if (by_rows)
      share_real_ROWS(size, k, n, x + start * x_down, x_down, x_along, y, y_down, y_along, z + start * z_down, z_down,
                      z_along, memory + t * share);
    else
      share_real_ROWS(m, k, size, x, x_down, x_along, y + start * y_along, y_down, y_along, z + start * z_along, z_down,
                      z_along, memory + t * share);
  }
}

#ifdef __clang__
#pragma clang fp contract(off)
#else
#pragma GCC pop_options
#endif
