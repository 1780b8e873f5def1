/* The gradients of pooling of one image, for compiled programs; `real` stands for float or double.

Written out for each pooling layer: SIZES declares its numbers, and WINDOW(...) repeats its argument for each place (a, b)
of a window. So a compiler sees one long loop without branches; conditions stand one by one, or gcc 12 would branch. */

#ifndef INSIDE
#define INSIDE                                                                                                         \
  (top <= 0 && left <= 0 && (out_height - 1) * down + (kernel_height - 1) * row_gap - top < height &&                  \
   (out_width - 1) * right + (kernel_width - 1) * column_gap - left < width)
#define ROW (r * down + a * row_gap - top)
#define COLUMN (c * right + b * column_gap - left)
#define MET (INSIDE || (ROW >= 0 && ROW < height && COLUMN >= 0 && COLUMN < width))
#endif

/* The gradient goes to the first of the largest, or to the first NaN. */
static void max_pool_input_layer(const real *restrict y, const real *restrict x, const real *restrict most,
                                 real *restrict dx) {
  SIZES;
  if (INSIDE && down == kernel_height && right == kernel_width && row_gap == 1 && column_gap == 1) {
    if (out_height * down != height || out_width * right != width) memset(dx, 0, height * width * sizeof(real));
    for (npy_intp r = 0; r < out_height; r++)
#pragma omp simd
      for (npy_intp c = 0; c < out_width; c++) {
        real m = most[r * out_width + c], g = y[r * out_width + c]; /* g is 0 once it was given away */
        WINDOW(real v = x[ROW * width + COLUMN]; real given = v == m ? g : 0; given = v != v ? g : given;
               dx[ROW * width + COLUMN] = given; g = given != 0 ? 0 : g;)
      }
    return;
  }
  memset(dx, 0, height * width * sizeof(real));
  for (npy_intp r = 0; r < out_height; r++)
    for (npy_intp c = 0; c < out_width; c++) {
      real m = most[r * out_width + c];
      npy_intp place = -1;
      WINDOW(if (place < 0 && MET) {
        real v = x[ROW * width + COLUMN];
        if (v == m || v != v) place = ROW * width + COLUMN;
      })
      if (place >= 0) dx[place] += y[r * out_width + c];
    }
}

/* Each element goes to a whole window, divided by one of `counts`, which has one number for all if `step` is 0. */
static void avg_pool_input_layer(const real *restrict y, const real *restrict counts, npy_intp step, real *restrict dx) {
  SIZES;
  memset(dx, 0, height * width * sizeof(real));
  for (npy_intp r = 0; r < out_height; r++)
    for (npy_intp c = 0; c < out_width; c++) {
      real g = y[r * out_width + c] / counts[(r * out_width + c) * step];
      WINDOW(if (MET) dx[ROW * width + COLUMN] += g;)
    }
}
