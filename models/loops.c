/* The loops of linear models that look at one sample after the other; `real` stands for float or double. */

#include <math.h>
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

/* Passes of dual coordinate descent for the hinge loss, until no multiplier is pulled by more than `tol`: Hsieh et al.,
   "A dual coordinate descent method for large-scale linear SVM" (2008). Multipliers `m`, from 0 to their limits, are
   changed one at a time, in an order by chance; those that stay at an end are left out for some passes.
   `w` is the sum of sign * m * x, times the `inverse` of the ridge; `squares` are those of the rows in that metric;
   `order` is memory for n numbers. It looks at about `looks` rows at most. */
void hinge(const real *X, int64_t n, int64_t d, const real *sign, const real *limit, const real *squares,
           const real *inverse, real *m, real *w, int64_t *order, int64_t looks, real tol) {
  uint64_t random = 88172645463325252u; /* Marsaglia, "Xorshift RNGs" (2003) */
  int64_t left = n;
  real highest = INFINITY, lowest = -INFINITY; /* of the slopes of the last pass */
  for (int64_t i = 0; i < n; i++) order[i] = i;
  while (looks > 0) {
    real most = -INFINITY, least = INFINITY;
    looks -= left;
    for (int64_t s = 0; s < left; s++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      int64_t other = s + random % (uint64_t)(left - s), i = order[other];
      order[other] = order[s];
      order[s] = i;
      real slope = sign[i] * dot(X + i * d, w, d) - 1;
      int at_zero = m[i] <= 0, at_limit = m[i] >= limit[i];
      if ((at_zero && slope > highest) || (at_limit && slope < lowest)) { /* it will stay there */
        order[s--] = order[--left];
        order[left] = i;
        continue;
      }
      real pull = (at_zero && slope > 0) || (at_limit && slope < 0) ? 0 : slope;
      most = pull > most ? pull : most;
      least = pull < least ? pull : least;
      if (pull == 0) continue;
      real before = m[i], after = before - slope / squares[i];
      m[i] = after < 0 ? 0 : after > limit[i] ? limit[i] : after;
      real times = (m[i] - before) * sign[i];
      for (int64_t j = 0; j < d; j++) w[j] += times * X[i * d + j] * inverse[j];
    }
    if (!(most - least > tol)) {
      if (left == n) return;
      left = n; /* look at all of them again */
      highest = INFINITY;
      lowest = -INFINITY;
    } else {
      highest = most > 0 ? most : INFINITY;
      lowest = least < 0 ? least : -INFINITY;
    }
  }
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
