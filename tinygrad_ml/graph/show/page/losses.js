// Further kernels: the error function, losses with their reduction, and what is normalized along an axis.

const ROOT_PI = Math.sqrt(Math.PI);

function erf(x) { // by its power series, which has no differences, and by a continued fraction (Abramowitz, Stegun 7.1)
  const a = Math.abs(x);
  if (Number.isNaN(x) || a > 6) return Number.isNaN(x) ? NaN : Math.sign(x);
  if (a < 3) {
    let term = a, sum = a;
    for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * a * a) / (2 * n + 1);
    return (Math.sign(x) * 2 * sum * Math.exp(-a * a)) / ROOT_PI;
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * ROOT_PI));
}

const normal = (x, s) => (tanhAsked(s) ? 0.5 * (1 + Math.tanh(bend(x))) : 0.5 * (1 + erf(x / Math.SQRT2)));
const tanhAsked = s => s.approximate === "'tanh'";
const bend = x => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

function geluSlope(x, out, s) {
  const b = bounded(x), cdf = normal(b, s);
  if (!tanhAsked(s)) return cdf + (b * Math.exp(-0.5 * b * b)) / Math.sqrt(2 * Math.PI);
  return cdf + b * cdf * (1 - cdf) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * b * b);
}

const delta = s => s.delta ?? 1;
const logs = x => [Math.max(Math.log(x), -100), Math.max(Math.log1p(-x), -100)]; // as in Python

Object.assign(ELEMENTWISE, {
  erf: [erf, x => (2 / ROOT_PI) * Math.exp(-x * x)],
  gelu: [(x, s) => Math.max(x, -1000) * normal(bounded(x), s), geluSlope],
  huber: [
    (x, s) => { const b = Math.min(Math.max(x, -delta(s)), delta(s)); return b * (x - 0.5 * b); },
    (x, out, s) => Math.min(Math.max(x, -delta(s)), delta(s)),
  ],
  binary_cross_entropy: [
    (x, t) => { const [yes, no] = logs(x); return -(t * yes + (1 - t) * no); },
    (x, t) => (x - t) / Math.max(x * (1 - x), 1e-12),
    x => { const [yes, no] = logs(x); return no - yes; },
  ],
});
for (const operation of ["erf", "gelu", "huber", "binary_cross_entropy"]) KERNELS[operation] = elementwise(operation);

// ---------------------------------------------------------------- losses

const reductionOf = call => (call.settings.reduction || "'mean'").slice(1, -1);

function loss(term, ...slopes) { // of an input and a target of one shape
  return {
    forward: call => {
      const [x, t] = call.inputs, terms = x.numbers.map((v, k) => term(v, t.numbers[k])), sum = terms.reduce((a, b) => a + b, 0);
      return { none: terms, sum: [sum], mean: [sum / terms.length] }[reductionOf(call)];
    },
    backward: (call, which) => {
      const [x, t] = call.inputs, { g } = call, kind = reductionOf(call), share = kind === "mean" ? 1 / x.numbers.length : 1;
      return x.numbers.map((v, k) => g[kind === "none" ? k : 0] * share * slopes[which](v, t.numbers[k]));
    },
  };
}

KERNELS.squared_error = loss((x, t) => (x - t) ** 2, (x, t) => 2 * (x - t), (x, t) => 2 * (t - x));
KERNELS.binary_cross_entropy_with_logits = loss((x, t) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))), (x, t) => sigmoid(x) - t, x => -x);

// ---------------------------------------------------------------- along an axis

function lines(x, call) { // the places of the elements of each line along the axis; null if it is not one axis
  const asked = call.settings.axis ?? -1, axis = (Number(asked) + x.shape.length) % x.shape.length;
  if (!Number.isInteger(axis)) return null;
  const step = product(x.shape.slice(axis + 1)), count = x.shape[axis];
  const starts = x.numbers.map((_, k) => k).filter(k => Math.floor(k / step) % count === 0);
  return starts.map(start => Array.from({ length: count }, (_, j) => start + j * step));
}

function alongLines(f, back) { // f: from the elements of a line to as many; back: from those, the result and g
  return {
    forward: call => {
      const [x] = call.inputs, found = x.numbers.slice(), all = lines(x, call);
      if (!all) return null;
      for (const line of all) f(line.map(k => x.numbers[k])).forEach((v, j) => { found[line[j]] = v; });
      return found;
    },
    backward: call => {
      const [x] = call.inputs, sent = x.numbers.slice(), all = lines(x, call);
      if (!all) return null;
      for (const line of all) back(line.map(k => call.out[k]), line.map(k => call.g[k])).forEach((v, j) => { sent[line[j]] = v; });
      return sent;
    },
  };
}

const total = numbers => numbers.reduce((a, b) => a + b, 0);
const logTotal = x => { const peak = Math.max(...x); return peak + Math.log(total(x.map(v => Math.exp(v - peak)))); };
const shares = x => { const peak = Math.max(...x), all = x.map(v => Math.exp(v - peak)), sum = total(all); return all.map(v => v / sum); };
const sharesBack = (out, g) => { const inner = total(out.map((p, k) => p * g[k])); return out.map((p, k) => p * (g[k] - inner)); };
const logShares = x => { const all = logTotal(x); return x.map(v => v - all); };
const logSharesBack = (out, g) => { const sum = total(g); return out.map((v, k) => g[k] - Math.exp(v) * sum); };
KERNELS.softmax = alongLines(shares, sharesBack);
KERNELS.log_softmax = alongLines(logShares, logSharesBack);

// ---------------------------------------------------------------- the parameters that kernels take into account

const PARAMETERS = {
  sum: ["axis", "keepdims"], mean: ["axis", "keepdims"], softmax: ["axis"], log_softmax: ["axis"], getitem: ["index"], stack: [],
  reshape: ["shape"], squeeze: ["axis"], expand_dims: ["axis"], leaky_relu: ["negative_slope"], elu: ["alpha"],
  softplus: ["beta", "threshold"], hardtanh: ["min_val", "max_val"], clip: ["min", "max"], gelu: ["approximate"],
  huber: ["delta"], squared_error: ["reduction"], binary_cross_entropy_with_logits: ["reduction"],
};
