/* The loops of linear models that look at one sample after the other; `real` stands for float or double. */

#include <stdint.h>

#define LANES 16 /* sums side by side, so that they fit into vectors without another order of additions */

static real dot(const real *restrict x, const real *restrict w, int64_t d) {
  real sums[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= d; j += LANES)
    for (int k = 0; k < LANES; k++) sums[k] += x[j + k] * w[j + k];
  for (int k = 0; j < d; j++, k++) sums[k] += x[j] * w[j];
  for (int half = LANES / 2; half; half /= 2)
    for (int k = 0; k < half; k++) sums[k] += sums[k + half];
  return sums[0];
}

static void add(real *restrict w, const real *restrict x, real times, int64_t d) {
  for (int64_t j = 0; j < d; j++) w[j] += times * x[j];
}

/* One pass of the perceptron over the rows of X, in an order. `wb` are d weights and the bias, which moves if `moves`.
   Writes which rows were mistakes, and returns how many. */
int64_t perceptron(const real *X, int64_t n, int64_t d, const int64_t *order, const uint8_t *wanted, real *wb,
                   real rate, int moves, int64_t *mistakes) {
  int64_t made = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t row = order[i];
    const real *x = X + row * d;
    int yes = dot(x, wb, d) + wb[d] >= 0;
    if (yes == wanted[row]) continue;
    real step = wanted[row] ? rate : -rate;
    add(wb, x, step, d);
    if (moves) wb[d] += step;
    mistakes[made++] = row;
  }
  return made;
}
