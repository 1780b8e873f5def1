/* Convolution without patches, and its gradients; `real` stands for float or double.

An image is copied once, with zeros around it and rows and columns sorted by their remainder by the stride: then each
tap of the kernel reads whole planes as one long run, whatever the stride and the dilation, and run after run is
multiplied by one weight and added. Columns between rows are computed for nothing. */

#ifdef __clang__ /* sums may be rounded less often: their order is another one anyway */
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif

#ifndef MARGIN
#define FILTERS 4
#ifdef __AVX512F__
#define STRIPES 4
#define PAIRS 12
#else
#define STRIPES 2
#define PAIRS 6
#endif
#define MARGIN (BYTES * STRIPES) /* elements behind an array that a last run may read */

typedef struct {
  npy_intp images, channels, height, width, filters, kernel_height, kernel_width, out_height, out_width;
  npy_intp stride[2], before[2], dilation[2], groups, threads;
} convolution;

/* A grid of planes: one for each channel and each pair of remainders by the stride. */
typedef struct {
  npy_intp rows, columns, plane, taps;
} grid;

static grid input_grid(const convolution *s, npy_intp *offsets) {
  grid g;
  g.rows = ceiling((s->out_height - 1) * s->stride[0] + (s->kernel_height - 1) * s->dilation[0] + 1, s->stride[0]);
  g.columns = ceiling((s->out_width - 1) * s->stride[1] + (s->kernel_width - 1) * s->dilation[1] + 1, s->stride[1]);
  g.plane = s->stride[0] * s->stride[1] * g.rows * g.columns;
  g.taps = s->kernel_height * s->kernel_width;
  for (npy_intp t = 0; t < g.taps; t++) {
    npy_intp row = t / s->kernel_width * s->dilation[0], column = t % s->kernel_width * s->dilation[1];
    offsets[t] = (row % s->stride[0] * s->stride[1] + column % s->stride[1]) * g.rows * g.columns +
                 row / s->stride[0] * g.columns + column / s->stride[1];
  }
  return g;
}
#endif

/* Copy one image into its planes, which hold zeros where no image is. */
static void spread_real(const real *x, real *planes, const convolution *s, const grid *g, npy_intp apart) {
  npy_intp sh = s->stride[0], sw = s->stride[1], top = s->before[0], left = s->before[1];
  npy_intp rows = least(s->height, sh * g->rows - top), columns = least(s->width, sw * g->columns - left);
  for (npy_intp c = 0; c < s->channels; c++)
    for (npy_intp i = 0; i < rows; i++) {
      const real *from = x + (c * s->height + i) * s->width;
      real *to = planes + c * apart + (i + top) % sh * sw * g->rows * g->columns + (i + top) / sh * g->columns;
      if (sw == 1 && columns > 0)
        memcpy(to + left, from, columns * sizeof(real));
      else
        for (npy_intp j = 0; j < columns; j++) to[(j + left) % sw * g->rows * g->columns + (j + left) / sw] = from[j];
    }
}

/* Add up in registers what `stripes` vectors of FILTERS outputs get from all planes and taps. */
static inline __attribute__((always_inline)) void
block_real(const int stripes, const real *source, npy_intp apart, npy_intp planes, const real *weights, npy_intp filter,
           npy_intp channel, const npy_intp *places, const npy_intp *offsets, npy_intp taps, real *out, npy_intp run,
           npy_intp filters) {
  real_vector sum[FILTERS][STRIPES] = {0};
  for (npy_intp c = 0; c < planes; c++)
    for (npy_intp t = 0; t < taps; t++) {
      const real *from = source + c * apart + offsets[t], *w = weights + c * channel + places[t];
      real_vector x[STRIPES];
      for (int j = 0; j < stripes; j++) x[j] = *(const real_vector *)(from + j * LANES(real));
      for (int f = 0; f < FILTERS; f++) {
        real v = w[least(f, filters - 1) * filter];
        for (int j = 0; j < stripes; j++) sum[f][j] += x[j] * v;
      }
    }
  for (int f = 0; f < FILTERS && f < filters; f++)
    for (int j = 0; j < stripes; j++) *(real_vector *)(out + f * run + j * LANES(real)) = sum[f][j];
}

/* out[f] = the sum over planes c and taps t of weights[f * filter + c * channel + places[t]] * source[c], moved by
   offsets[t]: `length` elements, and some more behind them, for each of `filters` outputs that are `run` apart. */
static void correlate_real(const real *source, npy_intp apart, npy_intp planes, const real *weights, npy_intp filter,
                           npy_intp channel, const npy_intp *places, const npy_intp *offsets, npy_intp taps, real *out,
                           npy_intp run, npy_intp filters, npy_intp length) {
  for (npy_intp f = 0; f < filters; f += FILTERS) {
    const real *w = weights + f * filter;
    npy_intp j = 0, wide = STRIPES * LANES(real);
    for (; j + wide - LANES(real) < length; j += wide)
      block_real(STRIPES, source + j, apart, planes, w, filter, channel, places, offsets, taps, out + f * run + j, run,
                 filters - f);
    for (; j < length; j += LANES(real))
      block_real(1, source + j, apart, planes, w, filter, channel, places, offsets, taps, out + f * run + j, run,
                 filters - f);
  }
}

void output_real(const real *x, const real *weight, const real *bias, real *y, const convolution *s, real *memory,
                 npy_intp share) {
  npy_intp offsets[s->kernel_height * s->kernel_width], places[s->kernel_height * s->kernel_width];
  const grid g = input_grid(s, offsets);
  const npy_intp channels = s->channels / s->groups, filters = s->filters / s->groups;
  const npy_intp length = (s->out_height - 1) * g.columns + s->out_width, run = length + MARGIN;
  for (npy_intp t = 0; t < g.taps; t++) places[t] = t;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
  for (npy_intp thread = 0; thread < s->threads; thread++) {
    real *planes = memory + thread * share, *sums = planes + s->channels * g.plane + MARGIN;
    memset(planes, 0, (s->channels * g.plane + MARGIN) * sizeof(real));
    for (npy_intp i = s->images * thread / s->threads; i < s->images * (thread + 1) / s->threads; i++) {
      spread_real(x + i * s->channels * s->height * s->width, planes, s, &g, g.plane);
      for (npy_intp group = 0; group < s->groups; group++)
        correlate_real(planes + group * channels * g.plane, g.plane, channels,
                       weight + group * filters * channels * g.taps, channels * g.taps, g.taps, places, offsets, g.taps,
                       sums + group * filters * run, run, filters, length);
      for (npy_intp f = 0; f < s->filters; f++) {
        const real b = bias ? bias[f] : 0;
        for (npy_intp r = 0; r < s->out_height; r++) {
          const real *from = sums + f * run + r * g.columns;
          real *to = y + ((i * s->filters + f) * s->out_height + r) * s->out_width;
          for (npy_intp j = 0; j < s->out_width; j++) to[j] = from[j] + b;
        }
      }
    }
  }
}

/* The gradient for the input: each remainder by the stride is a convolution of y with the taps that meet it. */
void input_real(const real *weight, const real *y, const real *none, real *x, const convolution *s, real *memory,
                npy_intp share) {
  const npy_intp sh = s->stride[0], sw = s->stride[1], top = s->before[0], left = s->before[1];
  const npy_intp taps = s->kernel_height * s->kernel_width;
  const npy_intp channels = s->channels / s->groups, filters = s->filters / s->groups;
  const npy_intp reach_down = (s->kernel_height - 1) * s->dilation[0] / sh;
  const npy_intp reach_right = (s->kernel_width - 1) * s->dilation[1] / sw;
  const npy_intp rows = ceiling(s->height + top, sh), columns = ceiling(s->width + left, sw);
  const npy_intp across = columns + reach_right, plane = (rows + reach_down) * across;
  const npy_intp length = (rows - 1) * across + columns, run = length + MARGIN;
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
  for (npy_intp thread = 0; thread < s->threads; thread++) {
    npy_intp places[taps], offsets[taps];
    real *planes = memory + thread * share, *sums = planes + s->filters * plane + MARGIN;
    memset(planes, 0, (s->filters * plane + MARGIN) * sizeof(real));
    for (npy_intp i = s->images * thread / s->threads; i < s->images * (thread + 1) / s->threads; i++) {
      for (npy_intp f = 0; f < s->filters; f++)
        for (npy_intp r = 0; r < least(s->out_height, rows); r++)
          memcpy(planes + f * plane + (r + reach_down) * across + reach_right,
                 y + ((i * s->filters + f) * s->out_height + r) * s->out_width,
                 least(s->out_width, columns) * sizeof(real));
      for (npy_intp down = 0; down < sh; down++)
        for (npy_intp right = 0; right < sw; right++) {
          npy_intp met = 0;
          for (npy_intp t = 0; t < taps; t++) {
            npy_intp a = t / s->kernel_width * s->dilation[0], b = t % s->kernel_width * s->dilation[1];
            if (a % sh != down || b % sw != right) continue;
            places[met] = t;
            offsets[met++] = (reach_down - a / sh) * across + reach_right - b / sw;
          }
          for (npy_intp group = 0; group < s->groups; group++)
            correlate_real(planes + group * filters * plane, plane, filters, weight + group * filters * channels * taps,
                           taps, channels * taps, places, offsets, met, sums + group * channels * run, run, channels,
                           length);
          for (npy_intp c = 0; c < s->channels; c++)
            for (npy_intp r = 0; r < rows; r++) {
              npy_intp row = r * sh + down - top;
              if (row < 0 || row >= s->height) continue;
              const real *from = sums + c * run + r * across;
              real *to = x + ((i * s->channels + c) * s->height + row) * s->width;
              npy_intp first = ceiling(left > right ? left - right : 0, sw), shift = right - left;
              npy_intp last = ceiling(s->width - shift, sw);
              if (sw == 1)
                memcpy(to, from + first, s->width * sizeof(real));
              else
                for (npy_intp j = first; j < last; j++) to[j * sw + shift] = from[j];
            }
        }
    }
  }
}

/* sums[p][f] += the sum over all places of source[offsets[p]] * factors[f], moved alike: `vectors` of filters at a time,
   and PAIRS of a channel and a tap, with one product for each pair of numbers. */
static inline __attribute__((always_inline)) void
outer_real(const int vectors, const real *source, const npy_intp *offsets, npy_intp columns, const real *factors,
           npy_intp filters, npy_intp height, npy_intp width, real *sums) {
  real_vector sum[PAIRS][2] = {0};
  for (npy_intp r = 0; r < height; r++)
    for (npy_intp c = 0; c < width; c++) {
      const real *x = source + r * columns + c, *y = factors + (r * width + c) * filters;
      real_vector by[2];
      for (int v = 0; v < vectors; v++) by[v] = *(const real_vector *)(y + v * LANES(real));
      for (int p = 0; p < PAIRS; p++) {
        const real one = x[offsets[p]];
        for (int v = 0; v < vectors; v++) sum[p][v] += by[v] * one;
      }
    }
  for (int p = 0; p < PAIRS; p++)
    for (int v = 0; v < vectors; v++) *(real_vector *)(sums + p * filters + v * LANES(real)) += sum[p][v];
}

/* The gradient for the weight: y is turned over once, so that its filters are neighbours. */
void weight_real(const real *x, const real *y, const real *none, real *weight, const convolution *s, real *memory,
                 npy_intp share) {
  const npy_intp taps = s->kernel_height * s->kernel_width, channels = s->channels / s->groups;
  const npy_intp pairs = ceiling(channels * taps, PAIRS) * PAIRS, filters = s->filters / s->groups;
  const npy_intp lanes = ceiling(filters, LANES(real)) * LANES(real), places = s->out_height * s->out_width;
  npy_intp offsets[pairs];
  const grid g = input_grid(s, offsets);
  for (npy_intp p = pairs - 1; p >= 0; p--) {
    npy_intp q = least(p, channels * taps - 1);
    offsets[p] = offsets[q % taps] + q / taps * g.plane; /* backwards, as the first ones are read last */
  }
#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
  for (npy_intp thread = 0; thread < s->threads; thread++) {
    real *sums = memory + thread * share, *factors = sums + s->groups * pairs * lanes, *planes = factors + places * lanes;
    memset(sums, 0, share * sizeof(real));
    for (npy_intp i = s->images * thread / s->threads; i < s->images * (thread + 1) / s->threads; i++) {
      spread_real(x + i * s->channels * s->height * s->width, planes, s, &g, g.plane);
      for (npy_intp group = 0; group < s->groups; group++) {
        const real *source = planes + group * channels * g.plane;
        const real *from = y + (i * s->groups + group) * filters * places;
        for (npy_intp k = 0; k < places; k += LANES(real)) /* a square at a time stays in the cache */
          for (npy_intp f = 0; f < filters; f += LANES(real))
            turn_real(from + f * places + k, places, least(filters - f, LANES(real)), least(places - k, LANES(real)),
                      factors + k * lanes + f, lanes);
        for (npy_intp p = 0; p < pairs; p += PAIRS) {
          real *to = sums + (group * pairs + p) * lanes;
          npy_intp f = 0;
          for (; f + LANES(real) < lanes; f += 2 * LANES(real))
            outer_real(2, source, offsets + p, g.columns, factors + f, lanes, s->out_height, s->out_width, to + f);
          for (; f < lanes; f += LANES(real))
            outer_real(1, source, offsets + p, g.columns, factors + f, lanes, s->out_height, s->out_width, to + f);
        }
      }
    }
  }
  for (npy_intp f = 0; f < s->filters; f++)
    for (npy_intp p = 0; p < channels * taps; p++) {
      real all = 0;
      for (npy_intp thread = 0; thread < s->threads; thread++)
        all += memory[thread * share + (f / filters * pairs + p) * lanes + f % filters];
      weight[f * channels * taps + p] = all;
    }
}

#ifdef __clang__
#pragma clang fp contract(off)
#else
#pragma GCC pop_options
#endif
