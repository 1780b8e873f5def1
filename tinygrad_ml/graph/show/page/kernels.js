// What the page can compute itself, in double precision: operations element by element, each with its local
// derivatives (of the inputs x and y, the output and the settings), and sums, products and changes of shape.

const sigmoid = x => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const bounded = x => Math.min(Math.max(x, -1000), 1000);
const halfAtTies = (a, b) => (a > b ? 1 : a === b ? 0.5 : 0);
const squaredLength = (x, y) => x * x + y * y;
const over = (a, length) => (length === 0 ? 0 : a / length);
const even = x => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r; };
const divided = (x, y) => { // the floor of x / y, and the rest, which has the sign of y
  const rest = x % y, turned = rest !== 0 && rest < 0 !== y < 0;
  return [Math.round((x - rest) / y) - turned, turned ? rest + y : rest];
};
const slopeBelow = s => s.negative_slope ?? 0.01;
const alpha = s => s.alpha ?? 1;
const limits = s => [s.min_val ?? -1, s.max_val ?? 1];
const SELU = [1.0507009873554804934193349852946, 1.6732632423543772848170429916717];

const ELEMENTWISE = {
  add: [(x, y) => x + y, () => 1, () => 1],
  subtract: [(x, y) => x - y, () => 1, () => -1],
  multiply: [(x, y) => x * y, (x, y) => y, x => x],
  divide: [(x, y) => x / y, (x, y) => 1 / y, (x, y) => -x / y / y],
  negative: [x => -x, () => -1],
  positive: [x => x, () => 1],
  power: [
    (x, y) => (x === 1 || y === 0 ? 1 : x ** y),
    (x, y) => (y === 0 ? 0 : y * x ** (y - 1)),
    (x, y, out) => (x === 0 && y >= 0 ? 0 : out * Math.log(x)),
  ],
  abs: [Math.abs, Math.sign],
  square: [x => x * x, x => 2 * x],
  sqrt: [Math.sqrt, (x, out) => 0.5 / out],
  reciprocal: [x => 1 / x, x => -1 / x / x],
  hypot: [(x, y) => Math.hypot(x, y), (x, y, out) => over(x, out), (x, y, out) => over(y, out)],
  maximum: [(x, y) => Math.max(x, y), (x, y) => halfAtTies(x, y), (x, y) => halfAtTies(y, x)],
  minimum: [(x, y) => Math.min(x, y), (x, y) => halfAtTies(y, x), (x, y) => halfAtTies(x, y)],
  exp: [Math.exp, (x, out) => out],
  exp2: [x => 2 ** x, (x, out) => out * Math.LN2],
  expm1: [Math.expm1, (x, out) => out + 1],
  log: [Math.log, x => 1 / x],
  log2: [Math.log2, x => 1 / (x * Math.LN2)],
  log10: [Math.log10, x => 1 / (x * Math.LN10)],
  log1p: [Math.log1p, x => 1 / (1 + x)],
  logaddexp: [
    (x, y) => (x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))),
    (x, y) => sigmoid(x - y),
    (x, y) => sigmoid(y - x),
  ],
  sin: [Math.sin, Math.cos],
  cos: [Math.cos, x => -Math.sin(x)],
  tan: [Math.tan, (x, out) => 1 + out * out],
  arcsin: [Math.asin, x => 1 / Math.sqrt((1 - x) * (1 + x))],
  arccos: [Math.acos, x => -1 / Math.sqrt((1 - x) * (1 + x))],
  arctan: [Math.atan, x => 1 / (1 + x * x)],
  arctan2: [Math.atan2, (y, x) => over(x, squaredLength(x, y)), (y, x) => -over(y, squaredLength(x, y))],
  sinh: [Math.sinh, Math.cosh],
  cosh: [Math.cosh, Math.sinh],
  tanh: [Math.tanh, (x, out) => 1 - out * out],
  arcsinh: [Math.asinh, x => 1 / Math.hypot(x, 1)],
  arccosh: [Math.acosh, x => 1 / Math.sqrt((x - 1) * (x + 1))],
  arctanh: [Math.atanh, x => 1 / ((1 - x) * (1 + x))],
  relu: [x => Math.max(x, 0), x => +(x > 0)],
  sigmoid: [sigmoid, (x, out) => out * (1 - out)],
  logsigmoid: [x => -softplus(-x), x => sigmoid(-x)],
  softsign: [x => x / (1 + Math.abs(x)), x => 1 / (1 + Math.abs(x)) ** 2],
  silu: [x => Math.max(x, -1000) * sigmoid(x), x => { const b = bounded(x), s = sigmoid(b); return s * (1 + b * (1 - s)); }],
  mish: [
    x => Math.max(x, -1000) * Math.tanh(softplus(x)),
    x => { const b = bounded(x), t = Math.tanh(softplus(b)); return t + b * (1 - t * t) * sigmoid(b); },
  ],
  elu: [(x, s) => (x > 0 ? x : alpha(s) * Math.expm1(x)), (x, out, s) => (x > 0 ? 1 : alpha(s) * Math.exp(x))],
  selu: [
    x => SELU[0] * (x > 0 ? x : SELU[1] * Math.expm1(x)),
    x => SELU[0] * (x > 0 ? 1 : SELU[1] * Math.exp(x)),
  ],
  leaky_relu: [(x, s) => (x > 0 ? x : slopeBelow(s) * x), (x, out, s) => (x > 0 ? 1 : slopeBelow(s))],
  hardtanh: [
    (x, s) => Math.min(Math.max(x, limits(s)[0]), limits(s)[1]),
    (x, out, s) => +(x > limits(s)[0] && x < limits(s)[1]),
  ],
  clip: [
    (x, s) => Math.min(Math.max(x, s.min ?? -Infinity), s.max ?? Infinity),
    (x, out, s) => +(x >= (s.min ?? -Infinity) && x <= (s.max ?? Infinity)),
  ],
  softplus: [
    (x, s) => { const b = s.beta ?? 1; return b * x > (s.threshold ?? 20) ? x : softplus(b * x) / b; },
    (x, out, s) => { const b = s.beta ?? 1; return b * x > (s.threshold ?? 20) ? 1 : sigmoid(b * x); },
  ],
  where: [(c, x, y) => (c ? x : y), () => 0, c => (c ? 1 : 0), c => (c ? 0 : 1)],
  less: [(x, y) => +(x < y)], less_equal: [(x, y) => +(x <= y)], greater: [(x, y) => +(x > y)],
  greater_equal: [(x, y) => +(x >= y)], equal: [(x, y) => +(x === y)], not_equal: [(x, y) => +(x !== y)],
  logical_and: [(x, y) => +(x && y ? 1 : 0)], logical_or: [(x, y) => +(x || y ? 1 : 0)], logical_not: [x => +!x],
  sign: [x => Math.sign(x), () => 0], floor: [Math.floor, () => 0], ceil: [Math.ceil, () => 0],
  trunc: [Math.trunc, () => 0], rint: [even, () => 0], remainder: [(x, y) => divided(x, y)[1], () => 1, (x, y) => -divided(x, y)[0]],
};

const product = shape => shape.reduce((a, n) => a * n, 1);

function reader(shape, into) { // where an element of an array of the shape `into` comes from, if the array is broadcast
  if (product(shape) === 1) return () => 0;
  if (product(shape) === product(into)) return k => k;
  const steps = new Array(into.length).fill(0);
  let step = 1;
  for (let a = shape.length - 1, b = into.length - 1; a >= 0; a--, b--) {
    steps[b] = shape[a] === 1 ? 0 : step;
    step *= shape[a];
  }
  return k => {
    let at = 0;
    for (let b = into.length - 1; b >= 0; b--) {
      at += (k % into[b]) * steps[b];
      k = Math.floor(k / into[b]);
    }
    return at;
  };
}

function elementwise(operation) {
  const [f, ...slopes] = ELEMENTWISE[operation];
  return {
    forward: ({ inputs, shape, settings }) => {
      const at = inputs.map(x => reader(x.shape, shape));
      return Array.from({ length: product(shape) }, (_, k) => f(...inputs.map((x, j) => x.numbers[at[j](k)]), settings));
    },
    backward: ({ inputs, shape, settings, out, g }, which) => {
      if (!slopes[which]) return null;
      const at = inputs.map(x => reader(x.shape, shape)), sum = new Array(product(inputs[which].shape)).fill(-0);
      out.forEach((o, k) => {
        const sent = g[k] * slopes[which](...inputs.map((x, j) => x.numbers[at[j](k)]), o, settings);
        sum[at[which](k)] += g[k] === 0 && !Number.isFinite(sent) ? 0 : sent; // a zero gradient stays zero
      });
      return sum;
    },
  };
}

function reduction(average) { // a sum or mean, over the axes that the parameters name
  const rest = (shape, given) => {
    const text = new Map(given).get("axis");
    const axes = text === undefined ? shape.map((_, k) => k) : text.match(/-?\d+/g).map(k => (+k + shape.length) % shape.length);
    return shape.map((n, k) => (axes.includes(k) ? 1 : n));
  };
  const share = (x, kept) => (average ? product(kept) / product(x.shape) : 1);
  return {
    forward: ({ inputs: [x], parameters }) => {
      const kept = rest(x.shape, parameters), at = reader(kept, x.shape), sum = new Array(product(kept)).fill(0);
      x.numbers.forEach((v, k) => { sum[at(k)] += v; });
      return average ? sum.map(s => s / (product(x.shape) / product(kept))) : sum;
    },
    backward: ({ inputs: [x], parameters, g }) => {
      const kept = rest(x.shape, parameters), at = reader(kept, x.shape);
      return x.numbers.map((_, k) => g[at(k)] * share(x, kept));
    },
  };
}

const reshaped = { forward: ({ inputs: [x] }) => x.numbers.slice(), backward: ({ g }) => g.slice() };

const matrix = x => (x.shape.length === 2 ? x.shape : null);
function rowsAndColumns(x, y) { // of a product of matrices or vectors
  const [n, m] = x.shape.length === 1 ? [1, x.shape[0]] : matrix(x) || [];
  const p = y.shape.length === 1 ? 1 : (matrix(y) || [])[1];
  return [n, m, p];
}
const matmul = {
  forward: ({ inputs: [x, y] }) => {
    const [n, m, p] = rowsAndColumns(x, y);
    if (!n || !p) return null;
    return Array.from({ length: n * p }, (_, k) => {
      let sum = 0;
      for (let j = 0; j < m; j++) sum += x.numbers[Math.floor(k / p) * m + j] * y.numbers[j * p + (k % p)];
      return sum;
    });
  },
  backward: ({ inputs: [x, y], g }, which) => {
    const [n, m, p] = rowsAndColumns(x, y), sum = new Array(which ? m * p : n * m).fill(0);
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) for (let k = 0; k < p; k++) {
      if (which) sum[j * p + k] += x.numbers[i * m + j] * g[i * p + k];
      else sum[i * m + j] += g[i * p + k] * y.numbers[j * p + k];
    }
    return sum;
  },
};
const transposed = x => ({ shape: [x.shape[1], x.shape[0]], numbers: x.numbers.map((_, k) => x.numbers[(k % x.shape[0]) * x.shape[1] + Math.floor(k / x.shape[0])]) });
const flat = x => ({ shape: [product(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]], numbers: x.numbers });
const affine = { // x @ weightᵀ + bias, or without the bias
  forward: ({ inputs: [x, weight, bias] }) => {
    const sum = matmul.forward({ inputs: [flat(x), transposed(weight)] });
    return bias ? sum.map((s, k) => s + bias.numbers[k % bias.numbers.length]) : sum;
  },
  backward: ({ inputs: [x, weight, bias], g }, which) => {
    const p = weight.shape[0];
    if (which === 2) return bias.numbers.map((_, k) => g.reduce((sum, v, j) => sum + (j % p === k ? v : 0), 0));
    const sent = matmul.backward({ inputs: [flat(x), transposed(weight)], g }, which);
    return which ? transposed({ shape: [weight.shape[1], p], numbers: sent }).numbers : sent;
  },
};
const stack = { // of scalars
  forward: ({ inputs }) => (inputs.every(x => x.shape.length === 0) ? inputs.map(x => x.numbers[0]) : null),
  backward: ({ g }, which) => [g[which]],
};

function part({ inputs: [x], parameters }) { // where the elements lie that an index of whole numbers takes
  const index = new Map(parameters).get("index");
  if (!/^\(?-?\d+(, ?-?\d+)*,?\)?$/.test(index)) return null;
  const at = index.match(/-?\d+/g).map((k, axis) => (+k + x.shape[axis]) % x.shape[axis]);
  const size = product(x.shape.slice(at.length));
  return [at.reduce((start, k, axis) => start * x.shape[axis] + k, 0) * size, size];
}
const getitem = {
  forward: call => { const at = part(call); return at && call.inputs[0].numbers.slice(at[0], at[0] + at[1]); },
  backward: call => {
    const at = part(call), sum = new Array(call.inputs[0].numbers.length).fill(0);
    return at && sum.map((_, k) => (k >= at[0] && k < at[0] + at[1] ? call.g[k - at[0]] : 0));
  },
};

const KERNELS = {
  sum: reduction(false), mean: reduction(true), matmul, stack, affine, project: affine, getitem,
  reshape: reshaped, ravel: reshaped, squeeze: reshaped, expand_dims: reshaped,
};
for (const operation in ELEMENTWISE) KERNELS[operation] = elementwise(operation);
