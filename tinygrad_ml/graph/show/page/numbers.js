// The numbers that are shown: those of the run in Python, or, once an input is changed here, those that the page
// computes anew with the recorded operations. What it cannot compute is unknown, and it says so.

const UNKNOWN = { unknown: true, size: 0, numbers: null, norm: NaN, nans: 0, infinities: 0 };
const given = new Map(); // the number of a leaf -> what the user has set it to
let anew = null; // values, gradients, and what goes along each edge, where they differ from the run in Python

const valueOf = number => (anew && anew.values.get(number)) || nodes[number].value;
const gradientOf = number => (anew && anew.gradients.get(number)) || nodes[number].gradient;
const sentOf = input => (anew && anew.sent.get(input)) || input.sent;
const localOf = input => (anew && anew.locals.has(input) ? anew.locals.get(input) : input.local);

function plainNumbers(values) { // as numbers, or null if they are not all known
  if (!values || !values.numbers) return null;
  const numbers = values.numbers.map(Number);
  return values.numbers.some(x => typeof x === "string") ? null : numbers;
}

function setInput(number, value) {
  value === null ? given.delete(number) : given.set(number, value);
  anew = given.size ? computed() : null;
}

function computed() {
  const found = { values: new Map(), gradients: new Map(), sent: new Map(), locals: new Map(), missing: new Set(), turned: [] };
  forwardAnew(found);
  backwardAnew(found);
  return found;
}

function taken(found, i) { // what an operation takes in, as numbers with a shape; what is unknown is NaN
  if (i.source === null) return i.exact === null ? null : { shape: [], numbers: [i.exact] };
  const source = nodes[i.source], shape = source.shape || [], now = found.values.get(i.source);
  if (now === UNKNOWN) return { shape, numbers: new Array(product(shape)).fill(NaN), unknown: true };
  const numbers = plainNumbers(now || source.value);
  return numbers && { shape, numbers };
}

function callOf(found, node) { // what a kernel needs to know, or null
  if (!isTrusted(node)) return null;
  const inputs = node.inputs.map(i => taken(found, i));
  return inputs.includes(null) ? null : callWith(node, inputs);
}

const callWith = (node, inputs) => ({
  kernel: KERNELS[node.operation], inputs, shape: node.shape, parameters: node.parameters,
  settings: { ...Object.fromEntries(node.parameters), ...node.settings },
});

const trusted = new Map(); // whether a kernel does what was recorded

function isTrusted(node) { // it knows all parameters exactly, and has the recorded result for the recorded inputs
  if (!trusted.has(node.number)) {
    const known = Boolean(KERNELS[node.operation]) && node.shape !== null && knowsParameters(node);
    trusted.set(node.number, known && agrees(node));
  }
  return trusted.get(node.number);
}

function knowsParameters(node) {
  const known = PARAMETERS[node.operation] || [];
  const exact = words => /^-?\d+$/.test(words) || !/^-?\d*\.?\d*(e-?\d+)?$/.test(words); // no number that was rounded
  return node.parameters.every(([key, words]) => known.includes(key) && (key in node.settings || exact(words)));
}

function agrees(node) {
  const inputs = node.inputs.map(i => taken({ values: new Map() }, i)), before = plainNumbers(node.value);
  if (inputs.includes(null) || !before) return true; // there is nothing to compare
  const call = callWith(node, inputs), numbers = call.kernel.forward(call);
  if (!numbers || numbers.length !== before.length) return false;
  const size = [before, ...inputs.map(x => x.numbers)].flat().filter(Number.isFinite).reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  return numbers.every((x, k) => x === before[k] || !Number.isFinite(before[k]) || Math.abs(x - before[k]) <= 1e-4 * size);
}

function forwardAnew(found) {
  for (const node of nodes) {
    if (given.has(node.number)) found.values.set(node.number, Elements.of([given.get(node.number)]));
    const sources = node.inputs.map(i => i.source).filter(k => found.values.has(k));
    const unrecorded = node.kind === "operation" && !node.value && node.shape; // of the history of a Tensor
    if (!sources.length && !unrecorded) continue;
    const known = sources.every(k => found.values.get(k) !== UNKNOWN), call = known ? callOf(found, node) : null;
    const numbers = call && call.kernel.forward(call);
    if (!sources.length && !numbers) continue;
    if (known && !numbers) found.missing.add(node.number);
    const isTest = node.dtype === "bool";
    found.values.set(node.number, numbers ? Elements.of(isTest ? numbers.map(Boolean) : numbers) : UNKNOWN);
    const asked = isTest && numbers && numbers.length === 1 && node.value && !usesOf[node.number].length; // by an `if`
    if (asked && Boolean(numbers[0]) !== node.value.numbers[0]) found.turned.push(node.number);
  }
}

function backwardAnew(found) {
  for (const node of [...nodes].reverse()) {
    const number = node.number, g = arriving(found, node);
    if (g !== undefined) found.gradients.set(number, g === null ? UNKNOWN : Elements.of(g));
    const touched = found.values.has(number) || node.inputs.some(i => found.values.has(i.source));
    if (g !== undefined || touched) for (const i of node.inputs) if (i.sent) sendAnew(found, node, i, touched);
  }
}

function arriving(found, node) { // the gradient of a node: undefined if it is what it was, null if it is unknown
  const paths = usesOf[node.number].filter(i => i.sent);
  if (!node.gradient || !paths.some(i => found.sent.has(i))) return undefined;
  const parts = paths.map(i => (found.sent.has(i) ? found.sent.get(i).numbers : sentBefore(i)));
  if (data.turned.includes(node.number)) parts.push(fromOutside(node, paths));
  return parts.some(p => !p) ? null : parts.reduce((sum, part) => sum.map((x, k) => x + part[k]));
}

function sentBefore(i) { // what went along an edge in Python
  if (i.sent.numbers) return plainNumbers(i.sent);
  const only = usesOf[i.source].filter(other => other.sent).length === 1 && !outputs.has(i.source);
  return only ? plainNumbers(nodes[i.source].gradient) : null;
}

function fromOutside(node, paths) { // the gradient that a result is given, besides what comes back to it
  const before = paths.map(sentBefore), whole = plainNumbers(node.gradient);
  if (!whole || before.some(p => !p)) return null;
  const rest = whole.map((x, k) => before.reduce((r, part) => r - part[k], x));
  return rest.map(x => (Math.abs(x - 1) < 1e-4 ? 1 : x));
}

function sendAnew(found, node, i, touched) {
  const now = found.values.get(node.number), g = plainNumbers(found.gradients.get(node.number) || node.gradient);
  const call = g && callOf(found, node), doubtful = now === UNKNOWN || (call && call.inputs.some(x => x.unknown));
  const out = now === UNKNOWN ? new Array(product(node.shape || [])).fill(NaN) : plainNumbers(now || node.value);
  const send = arriving => {
    const sent = out && call.kernel.backward({ ...call, out, g: arriving }, i.place);
    return sent && doubtful && sent.some(Number.isNaN) ? null : sent; // it would depend on what is unknown
  };
  const sent = call && send(g);
  if (!sent && !touched && g && asBefore(g, node)) return; // without a kernel too it is what it was
  if (!sent && g && !doubtful) found.missing.add(node.number);
  found.sent.set(i, sent ? Elements.of(sent) : UNKNOWN);
  if (i.local !== null) {
    const slope = sent && send([1]);
    found.locals.set(i, slope ? slope[0] : NaN);
  }
}

function asBefore(g, node) {
  const before = plainNumbers(node.gradient), digits = node.dtype === "float64" ? 1e-14 : 1e-6;
  return before !== null && g.every((x, k) => x === before[k] || Math.abs(x - before[k]) <= digits * Math.abs(before[k]));
}

function doubts() { // what a reader should know of numbers that the page has computed
  if (!anew) return [];
  const name = number => nodes[number].spoken;
  const notes = [];
  const missing = [...anew.missing].map(name), some = missing.slice(0, 4).join(", ") + (missing.length > 4 ? ", …" : "");
  if (missing.length) notes.push(`This page cannot compute ${some}: what depends on it is shown as ?.`);
  for (const number of anew.turned) notes.push(`The test ${name(number)} comes out otherwise now: from there Python might take another way.`);
  return notes;
}

function isAdjustable(node) { // scalar inputs; parameters and named constants too, where the page can compute what uses them
  if (!LEAVES.has(node.kind) || node.inputs.length || !node.value || node.value.size !== 1 || !/^float/.test(node.dtype)) return false;
  if (node.kind === "input") return usesOf[node.number].length > 0;
  if (node.kind !== "parameter" && !node.own) return false;
  return usesOf[node.number].some(i => callOf({ values: new Map() }, i.node));
}

const adjustable = nodes.filter(isAdjustable);
