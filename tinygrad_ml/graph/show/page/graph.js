// The graph as the page knows it: nodes, modules and repeats, unpacked from the data.

const data = JSON.parse(byId("data").textContent);
const text = place => data.texts[place];
const LEAVES = new Set(["input", "parameter", "buffer", "constant"]);

const asNumber = x => (x === "nan" ? NaN : x === "inf" ? Infinity : x === "-inf" ? -Infinity : x);

function bytesOf(base64) {
  const raw = atob(base64), bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new DataView(bytes.buffer);
}

function half(bits) { // a number of two bytes
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

class Elements { // an array: all its elements, or its statistics and a sample; decoded when they are asked for
  constructor(size, numbers, packed) {
    this.size = size;
    this.numbers = numbers;
    this.packed = packed;
  }
  static of(numbers) {
    return new Elements(numbers.length, numbers, null);
  }
  static from(packed, isInteger) {
    if (!packed) return null;
    if (Array.isArray(packed)) {
      const known = isInteger ? x => (typeof x === "number" ? BigInt(x) : x) : asNumber;
      return Elements.of(packed.map(known));
    }
    if (packed.many) return new Elements(packed.many[0], null, { facts: packed.many[1], sample: packed.many[2], histogram: packed.many[3] });
    if (packed.norm) {
      const [size, norm, nans, infinities] = packed.norm;
      return new Elements(size, null, { facts: [norm, NaN, NaN, NaN, 0, nans, infinities], histogram: null });
    }
    const single = packed[0] === "f", bytes = bytesOf(packed.slice(1)), numbers = [];
    for (let k = 0; k < bytes.byteLength; k += single ? 4 : 8) numbers.push(single ? bytes.getFloat32(k, true) : bytes.getFloat64(k, true));
    return Elements.of(numbers);
  }
  facts() { // norm, mean, lowest, highest of the finite elements; zeros, NaNs, infinities
    if (this.known) return this.known;
    if (this.packed) return (this.known = this.packed.facts.map(asNumber));
    const numbers = this.numbers.map(x => (typeof x === "string" ? sizeOfComplex(x) : Number(x)));
    const finite = numbers.filter(Number.isFinite);
    const peak = finite.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    const norm = peak ? peak * Math.sqrt(finite.reduce((a, x) => a + (x / peak) ** 2, 0)) : 0;
    const mean = finite.length ? finite.reduce((a, x) => a + x, 0) / finite.length : NaN;
    const nans = numbers.filter(Number.isNaN).length;
    const ends = finite.length ? [finite.reduce((a, x) => Math.min(a, x)), finite.reduce((a, x) => Math.max(a, x))] : [NaN, NaN];
    return (this.known = [norm, mean, ...ends, numbers.filter(x => x === 0).length, nans, numbers.length - finite.length - nans]);
  }
  get norm() { return this.facts()[0]; }
  get mean() { return this.facts()[1]; }
  get low() { return this.facts()[2]; }
  get high() { return this.facts()[3]; }
  get zeros() { return this.facts()[4]; }
  get nans() { return this.facts()[5]; }
  get infinities() { return this.facts()[6]; }
  get histogram() { return this.packed ? this.packed.histogram : null; }
  get rms() { return this.size ? this.norm / Math.sqrt(this.size) : 0; }
  sample() { // rows of a larger array, with three digits
    const [count, peak, packed] = this.packed.sample, bytes = bytesOf(packed), rows = [];
    const width = bytes.byteLength / 2 / Math.max(count, 1);
    for (let r = 0; r < count; r++) {
      const row = [];
      for (let c = 0; c < width; c++) row.push(peak * half(bytes.getUint16(2 * (r * width + c), true)));
      rows.push(row);
    }
    return rows;
  }
}

const sizeOfComplex = written => {
  const parts = written.match(/[-+]?(?:[\d.]+(?:e[-+]?\d+)?|nan|inf)/g) || [];
  return Math.hypot(...parts.map(p => asNumber(p.replace("+", "")) * 1));
};

function record(fields, row, textual) {
  const found = {};
  fields.forEach((field, k) => {
    found[field] = textual.has(field) ? text(row[k] || 0) : row[k] ?? null;
  });
  return found;
}

const TEXTUAL = new Set([
  ...["argument", "constant", "formula", "backward", "kind", "operation", "name", "dtype", "line", "code", "message"],
  ...["drawn", "rolled", "forward", "title", "path", "type", "about", "facts", "heading", "box"],
]);

const nodes = data.nodes.map((row, number) => {
  const node = record(data.fields.node, row, TEXTUAL);
  const whole = /^u?int/.test(node.dtype);
  node.number = number;
  node.own = node.name.replace(/%\d+$/, ""); // the name that the program gives it
  node.name = node.name || "%" + number;
  node.spoken = node.name.startsWith("%") && node.operation ? `${node.operation} ${node.name}` : node.name;
  node.value = Elements.from(node.value, whole);
  node.gradient = Elements.from(node.gradient, false);
  node.parameters = node.parameters.map(([key, value]) => [text(key), text(value)]);
  node.settings = node.settings || {};
  node.wrong = node.wrong || [];
  node.inputs = node.inputs.map((input, place) => {
    const i = record(data.fields.input, input, TEXTUAL);
    return { ...i, node, place, sent: Elements.from(i.sent, false), local: asNumber(i.local) };
  });
  return node;
});

const scopes = data.scopes.map((row, number) => ({ number, repeat: null, of: null, ...record(data.fields.scope, row, TEXTUAL) }));
for (const [number, row] of Object.entries(data.repeats)) {
  const repeat = record(data.fields.repeat, row, TEXTUAL);
  scopes[number].repeat = repeat;
  repeat.items = new Set(); // the calls directly in it
  for (const call of repeat.calls) scopes[call].of = +number;
}
for (const scope of scopes) {
  if (scope.parent !== null && scopes[scope.parent].repeat && !scope.repeat) scopes[scope.parent].repeat.items.add(scope.number);
}

function lineage(number) { // a scope and those around it, the outermost first
  const chain = [];
  for (let k = number; k !== null; k = scopes[k].parent) chain.unshift(k);
  return chain;
}

const places = nodes.map(() => []); // for each node the repeats that it is in: [repeat, repetition, place in it]
Object.keys(data.repeats).map(Number).sort((a, b) => lineage(a).length - lineage(b).length).forEach(number => {
  scopes[number].repeat.members.forEach((member, k) => member.forEach((node, j) => places[node].push([number, k, j])));
});

const usesOf = nodes.map(() => []); // for each node the inputs that it is
for (const node of nodes) for (const i of node.inputs) if (i.source !== null) usesOf[i.source].push(i);
const unused = new Set(data.unused);
const outputs = new Set(data.outputs);
const modulePath = number => lineage(nodes[number].home).slice(1).filter(k => !scopes[k].repeat).map(k => scopes[k].name || scopes[k].type);
const scopeTitle = number => (number === 0 ? text(data.title) : `${scopes[number].name || scopes[number].title} ${scopes[number].type}`.trim());
