// The page: details of what is selected, the steps of backpropagation, and the keys.

const byId = id => document.getElementById(id);
const nodes = data.graph.nodes.map((node, number) => ({ kind: "operation", inputs: [], scope: 0, ...node, number }));
const steps = data.steps.map(([phase, node, text, complete]) => ({ phase, node, text, complete }));
const forwardAt = new Map(), gradientAt = new Map();
steps.forEach((step, k) => {
  if (step.phase === "forward") forwardAt.set(step.node, k);
  for (const number of step.complete) gradientAt.set(number, k);
});
let now = 0, selected = null, timer = null;

function make(name, content, className) {
  const e = document.createElement(name);
  if (className) e.className = className;
  for (const part of [content].flat()) if (part !== undefined && part !== null) e.append(part);
  return e;
}

const full = x => (typeof x === "number" ? String(+x.toPrecision(7)) : String(x));
const brief = x => (typeof x === "number" ? String(+x.toPrecision(3)) : String(x));
const shapeText = shape => (shape ? (shape.length ? shape.join("×") : "scalar") : "several values");

// ---------------------------------------------------------------- details

function colour(x, size) { // blue below zero, orange above
  if (typeof x !== "number") return "var(--fault)";
  const t = size ? Math.max(-1, Math.min(1, x / size)) : 0;
  const share = Math.round(100 * Math.abs(t));
  return `color-mix(in srgb, var(--${t < 0 ? "g0" : "g6"}) ${share}%, var(--background))`;
}

function heatMap(rows, wrong) {
  const flat = rows.flat().filter(x => typeof x === "number");
  const size = Math.max(...flat.map(Math.abs), 0);
  const table = make("table", [], "map");
  rows.forEach((row, r) => {
    const tr = make("tr", []);
    row.forEach((x, c) => {
      const td = make("td", row.length <= 10 ? brief(x) : "");
      td.style.background = colour(x, size);
      td.title = full(x);
      if (wrong && wrong.has(r * row.length + c)) td.classList.add("wrong");
      tr.append(td);
    });
    table.append(tr);
  });
  return table;
}

function numbersOf(values, shape, wrong) { // an array as numbers, a heat map, and a histogram
  const parts = [];
  if (values.numbers && values.numbers.length === 1) return [make("p", full(values.numbers[0]), "numbers")];
  if (values.numbers) {
    const width = shape && shape.length ? shape[shape.length - 1] || 1 : 1;
    const rows = [];
    for (let k = 0; k < values.numbers.length; k += width) rows.push(values.numbers.slice(k, k + width));
    const list = values.numbers.length <= 16 ? "[" + values.numbers.map(full).join(", ") + "]" : "";
    parts.push(heatMap(rows, wrong));
    if (list) parts.push(make("p", list, "numbers"));
    return parts;
  }
  const facts = make("dl", []);
  const facet = (name, x) => facts.append(make("dt", name), make("dd", full(x)));
  facet("from", values.low); facet("to", values.high); facet("mean", values.mean); facet("norm", values.norm);
  if (values.zeros) facet("zeros", `${values.zeros} of ${values.size}`);
  if (values.nans) facet("NaN", values.nans);
  if (values.infinities) facet("infinite", values.infinities);
  parts.push(facts);
  const top = Math.max(...values.histogram, 1);
  const bars = make("div", values.histogram.map(n => { const i = make("i"); i.style.height = (100 * n) / top + "%"; i.title = n; return i; }), "bars");
  parts.push(bars, make("div", [make("span", brief(values.low)), make("span", brief(values.high))], "ends"));
  const cells = values.sample.reduce((n, row) => n + row.length, 0);
  parts.push(make("h3", `a sample of ${cells} of ${values.size} numbers`), heatMap(values.sample));
  return parts;
}

function describe(number) {
  const node = nodes[number], box = byId("details"), parts = [];
  parts.push(make("h2", (node.operation || node.kind) + (node.name ? "  " + node.name : "") + "  %" + number));
  if (node.message) parts.push(make("p", node.message, "bad"));
  if (data.faults.includes(number)) parts.push(make("p", "NaN or infinity begins here", "bad"));
  const facts = make("dl", []);
  const facet = (name, x) => x && facts.append(make("dt", name), make("dd", x));
  facet("shape", shapeText(node.shape) + "  " + (node.dtype || ""));
  facet("module", data.scopes[node.scope].chain.slice(1).map(k => data.scopes[k].name).join(" / "));
  for (const key in node.parameters || {}) facet(key, node.parameters[key]);
  facet("memory", node.bytes ? node.bytes.toLocaleString("en") + " bytes" : "");
  facet("computes", node.flops ? node.flops.toLocaleString("en") + " operations" : "");
  parts.push(facts);
  if (node.inputs.length) {
    const inputs = make("dl", []);
    for (const i of node.inputs) {
      const from = i.source === undefined || i.source === null ? i.constant : data.names[i.source];
      inputs.append(make("dt", i.argument), make("dd", [from, i.formula ? make("div", make("code", `d${i.argument} = ${i.formula}`)) : null]));
    }
    parts.push(make("h3", "inputs, and the gradient that each gets from g"), inputs);
  }
  const wrong = new Set((node.wrong || []).map(([index]) => index.reduce((at, k, axis) => at * node.shape[axis] + k, 0)));
  const known = node.kind !== "operation" || (forwardAt.get(number) ?? 0) <= now;
  if (node.value) parts.push(make("h3", "value"), ...(known ? numbersOf(node.value, node.shape) : [make("p", "not yet computed")]));
  if (node.gradient) {
    const arrived = (gradientAt.get(number) ?? 0) <= now;
    const shown = arrived ? numbersOf(node.gradient, node.shape, wrong) : [make("p", "not yet complete")];
    const block = make("div", shown);
    block.id = "gradient";
    parts.push(make("h3", "gradient"), block);
  }
  for (const [index, analytic, numeric] of node.wrong || []) parts.push(make("div", `[${index}] is ${full(analytic)}, should be ${full(numeric)}`, "bad numbers"));
  if (node.code) parts.push(make("h3", node.line), make("pre", make("code", node.code)));
  box.replaceChildren(...parts);
}

function describeScope(number) {
  const scope = data.scopes[number];
  const button = make("button", folded.has(number) ? "Unfold" : "Fold");
  button.id = "fold";
  button.onclick = () => toggle(number);
  byId("details").replaceChildren(make("h2", scope.name + "  " + scope.type), make("p", scope.facts), button);
}

function describeAll() {
  const keys = [["← →", "step back and forth"], ["space", "play"], ["Home End", "start, end"], ["+ − 0", "zoom, fit"], ["Tab Enter", "to a node, its details"], ["f", "fold or unfold the module"], ["t", "light or dark"]];
  const list = make("dl", keys.flatMap(([k, what]) => [make("dt", k.split(" ").flatMap(key => [make("kbd", key), " "])), make("dd", what)]));
  const root = data.scopes[0];
  byId("details").replaceChildren(
    make("h2", data.graph.title), make("p", root.facts),
    make("ul", data.notes.map(note => make("li", note)), "notes"),
    make("p", "Click a node for its formula, values and gradient; double-click a module to fold it."), list,
  );
}

function select(what) {
  selected = what;
  canvas.querySelectorAll(".selected").forEach(e => e.classList.remove("selected"));
  if (what === null) return describeAll();
  if (what.scope !== undefined) {
    const box = byId("f" + what.scope);
    if (box) box.classList.add("selected");
    return describeScope(what.scope);
  }
  for (const key of data.drawn[what.node] || []) if (units.has(key)) units.get(key).g.classList.add("selected");
  describe(what.node);
}

function whatIs(target) {
  const g = target.closest(".node, .folded, .cluster");
  if (!g) return null;
  if (g.classList.contains("folded")) return { scope: +g.id.slice(1) };
  if (g.classList.contains("cluster")) return { scope: +g.id.slice(1) };
  const unit = units.get(g.id);
  if (!unit) return null;
  if (unit.kind === "title") return { scope: unit.scope };
  return unit.folded !== undefined ? { scope: unit.folded } : unit.node !== undefined ? { node: unit.node } : null;
}

// ---------------------------------------------------------------- steps

function go(to, follow = true) {
  now = Math.max(0, Math.min(to, steps.length - 1));
  const step = steps[now];
  byId("slider").value = now;
  byId("count").textContent = `${now} of ${steps.length - 1}`;
  byId("words").textContent = step.text;
  document.body.className = step.phase;
  const receivers = new Set(step.phase === "backward" ? nodes[step.node].inputs.filter(i => i.gradient).map(i => i.source) : []);
  for (const unit of units.values()) {
    const list = unit.node !== undefined ? [unit.node] : null;
    if (!list) continue;
    const leaf = nodes[unit.node].kind !== "operation";
    unit.g.classList.toggle("todo", !leaf && (forwardAt.get(unit.node) ?? 0) > now);
    unit.g.classList.toggle("no-gradient", (gradientAt.get(unit.node) ?? Infinity) > now);
    unit.g.classList.toggle("receives", receivers.has(unit.node));
  }
  canvas.querySelectorAll(".now").forEach(e => e.classList.remove("now"));
  const g = step.node === null ? null : standsFor(step.node);
  if (g) {
    g.classList.add("now");
    if (follow) reveal(shapeNow(g));
  }
  if (selected && selected.node !== undefined) describe(selected.node);
}

function standsFor(number) { // what shows a node now: itself, or the folded module around it
  const unit = (data.drawn[number] || []).map(key => units.get(key)).find(Boolean);
  if (!unit) return null;
  return unit.hider === undefined ? unit.g : byId("f" + unit.hider);
}

function focus() { // where something happens at the current step, or where the computation begins
  const step = steps[now];
  const first = step.node === null ? (step.phase === "start" ? 0 : nodes.length - 1) : step.node;
  const g = standsFor(first);
  return g ? shapeNow(g) : null;
}

function shapeNow(g) {
  return units.has(g.id) ? units.get(g.id).now : shape(g);
}

function play() {
  const button = byId("play");
  if (timer !== null) {
    clearInterval(timer);
    timer = null;
  } else {
    if (now === steps.length - 1) go(0);
    timer = setInterval(() => { go(now + 1); if (now === steps.length - 1) play(); }, 1200);
  }
  button.textContent = timer === null ? "▶ play" : "❚❚ pause";
}

function toggle(number, to = !folded.has(number)) {
  to ? folded.add(number) : folded.delete(number);
  refold();
  select({ scope: number });
}

function refold() {
  arrange();
  fit();
  go(now, false);
}

// ---------------------------------------------------------------- keys and buttons

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  root.dataset.theme = (root.dataset.theme || (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
}

const buttons = {
  first: () => go(0), back: () => go(now - 1), next: () => go(now + 1), last: () => go(steps.length - 1), play, theme, fit,
  "zoom-in": () => zoom(0.8), "zoom-out": () => zoom(1.25),
  "fold-all": () => { data.clusters.forEach(k => folded.add(k)); refold(); select(null); },
  "unfold-all": () => { folded.clear(); refold(); select(null); },
};
for (const id in buttons) byId(id).addEventListener("click", buttons[id]);
byId("slider").addEventListener("input", event => go(+event.target.value));

const keys = {
  ArrowRight: () => go(now + 1), ArrowLeft: () => go(now - 1), Home: () => go(0), End: () => go(steps.length - 1), " ": play,
  "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25), 0: fit, t: theme, Escape: () => select(null),
  f: () => {
    if (!selected) return;
    const scope = selected.scope ?? data.scopes[nodes[selected.node].scope].chain.filter(k => clusters.has(k)).pop();
    if (scope && clusters.has(scope)) toggle(scope);
  },
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target;
  if (event.key === "Enter" && on.closest("#picture")) { const what = whatIs(on); if (what) select(what); return; }
  if (on.id === "slider" && /^(Arrow|Home|End)/.test(event.key)) return; // the slider knows these itself
  if (on.tagName === "BUTTON" && event.key === " ") return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
picture.addEventListener("click", event => { if (!dragged) select(whatIs(event.target)); });
picture.addEventListener("dblclick", event => {
  const what = whatIs(event.target);
  if (what && what.scope !== undefined && clusters.has(what.scope)) toggle(what.scope);
});
picture.addEventListener("focusin", event => { const unit = units.get(event.target.id); if (unit && event.target.matches(":focus-visible")) reveal(unit.now); });
new ResizeObserver(() => { const { width, height } = picture.getBoundingClientRect(); if (width && height) show({ ...view, h: (view.w * height) / width }); }).observe(picture);

read();
for (const unit of units.values()) {
  const node = unit.node === undefined ? null : nodes[unit.node];
  unit.g.setAttribute("aria-label", node ? `${node.operation || node.kind} ${data.names[unit.node]}` : unit.kind);
}
byId("slider").max = steps.length - 1;
arrange();
fit();
select(null);
go(0, false);
