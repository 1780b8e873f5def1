// The panel: everything about the node, module or repeat of the current step, or about the one that was clicked.

let selected = null; // {node} or {scope}, or null for the whole
let pinned = false; // whether the panel stays there while the steps go on
let held = false; // while a slider in it is moved, which must stay
let visited = null; // the value whose uses are gone through: {number, at}

function select(what) {
  selected = what;
  if (!what) pinned = false;
  showSelected();
}

function showSelected() {
  const { what } = seen[now];
  mark("selected", selected && what && sameThing(selected, what) ? [] : shapesOf(selected));
  if (held) return;
  if (!selected) describeAll();
  else if (selected.scope !== undefined) describeScope(selected.scope);
  else describeNode(selected.node);
}

function visit(what) { // select something, and show it: of a repeat the repetition that it is in
  const others = what.node === undefined ? [] : places[what.node].filter(([repeat, k]) => !unrolled.has(repeat) && k !== shownOf(repeat));
  if (others.length) change(() => others.forEach(([repeat, k]) => chosen.set(repeat, k)), { scope: others[0][0] });
  selected = what;
  showSelected();
  reveal(placeOf(what));
}

// ---------------------------------------------------------------- arrays

function colour(x, size) { // blue below zero, orange above
  if (typeof x === "string" || Number.isNaN(Number(x))) return "var(--fault)";
  const t = size ? Math.max(-1, Math.min(1, Number(x) / size)) : 0;
  return `color-mix(in srgb, var(--${t < 0 ? "g0" : "g6"}) ${Math.round(100 * Math.abs(t))}%, var(--background))`;
}

function heatMap(rows, wrong, digits = full) {
  const sizes = rows.flat().map(x => Math.abs(Number(x))).filter(Number.isFinite), size = Math.max(...sizes, 0);
  const table = make("table", [], "map");
  rows.forEach((row, r) => {
    const tr = make("tr", []);
    row.forEach((x, c) => {
      const td = make("td", row.length <= 10 ? brief(x) : "");
      td.style.background = colour(x, size);
      td.title = digits(x);
      if (wrong && wrong.has(r * row.length + c)) td.classList.add("wrong");
      tr.append(td);
    });
    table.append(tr);
  });
  return table;
}

function rowsOf(numbers, shape) {
  const width = shape && shape.length ? shape[shape.length - 1] || 1 : 1, rows = [];
  for (let k = 0; k < numbers.length; k += width) rows.push(numbers.slice(k, k + width));
  return rows;
}

function arrayParts(values, shape, wrong) { // an array as numbers, a heat map, and a histogram
  if (values.unknown) return [make("p", "not known: this page cannot compute it", "bad")];
  if (values.numbers && values.numbers.length === 1) return [make("p", full(values.numbers[0]), "numbers")];
  if (values.numbers) {
    const list = values.numbers.length <= 16 ? make("p", "[" + values.numbers.map(full).join(", ") + "]", "numbers") : null;
    return [heatMap(rowsOf(values.numbers, shape), wrong), list];
  }
  const facts = make("dl", []), facet = (name, x) => facts.append(make("dt", name), make("dd", full(x)));
  facet("from", values.low); facet("to", values.high); facet("mean", values.mean); facet("norm", values.norm);
  if (values.zeros) facet("zeros", `${counted(values.zeros)} of ${counted(values.size)}`);
  if (values.nans) facet("NaN", counted(values.nans));
  if (values.infinities) facet("infinite", counted(values.infinities));
  const sample = values.sample(), cells = sample.reduce((n, row) => n + row.length, 0);
  return [facts, ...histogram(values), make("h3", `a sample of ${counted(cells)} of ${plural(values.size, "element")}`), heatMap(sample, null, brief)];
}

function histogram(values) {
  if (!values.histogram) return [];
  const top = Math.max(...values.histogram, 1);
  const bar = n => { const i = make("i", []); i.style.height = (100 * n) / top + "%"; i.title = counted(n); return i; };
  return [make("div", values.histogram.map(bar), "bars"), make("div", [make("span", brief(values.low)), make("span", brief(values.high))], "ends")];
}

// ---------------------------------------------------------------- one node

function link(what, words) {
  const button = make("button", words, "link");
  button.type = "button";
  button.onclick = () => visit(what);
  return button;
}

function button(id, words, title, act) {
  const b = make("button", words);
  b.id = id;
  b.title = title;
  b.onclick = act;
  return b;
}

function heading(words) { // with a button that keeps the panel where it is
  const pin = button("pin", pinned ? "kept" : "keep", "Keep this here while the steps go on (p)", togglePin);
  pin.setAttribute("aria-pressed", pinned);
  return make("div", [make("h2", words), pin], "title");
}

function togglePin() {
  pinned = !pinned && selected !== null;
  showSelected();
}

function describeNode(number) {
  const node = nodes[number], parts = [];
  const names = [node.operation || node.kind, node.own, "%" + number].filter(Boolean);
  parts.push(heading(names.join("  ")));
  if (node.message) parts.push(make("p", node.message, "bad"));
  if (data.faults.includes(number)) parts.push(make("p", "NaN or infinity begins here", "bad"));
  parts.push(...hiddenIn(number), factsOf(node), ...inputsOf(node), ...usersOf(number));
  const wrong = new Set(node.wrong.map(([index]) => index.reduce((at, k, axis) => at * node.shape[axis] + k, 0)));
  const known = !forwardAt.has(number) || forwardAt.get(number) <= time();
  const value = valueOf(number), gradient = gradientOf(number);
  if (value) parts.push(make("h3", "value"), block("value", known ? arrayParts(value, node.shape) : [make("p", "not yet computed")]));
  if (gradient) {
    const arrived = gradientAt.has(number) && gradientAt.get(number) <= time();
    parts.push(make("h3", "gradient"), block("gradient", arrived ? arrayParts(gradient, node.shape, wrong) : partial(number)));
  }
  for (const [index, ...both] of node.wrong) {
    const [analytic, numeric] = both.map(x => full(asNumber(x)));
    parts.push(make("div", `[${index}] is ${analytic}, should be ${numeric}`, "bad numbers"));
  }
  if (node.code) parts.push(make("h3", node.line), make("pre", make("code", node.code)));
  byId("details").replaceChildren(...parts);
}

function block(id, parts) {
  const div = make("div", parts);
  div.id = id;
  return div;
}

function partial(number) { // how much of a gradient has arrived
  const paths = pathsTo(number), arrived = paths.filter(i => momentOfBackward(i.node.number) <= time());
  const sum = arrived.length ? added(arrived) : null;
  const words = paths.length > 1 && arrived.length ? `not yet complete: ${arrived.length} of ${paths.length} paths` : "not yet complete";
  return [make("p", words), sum && sum.length <= 4 ? make("p", `${listed(sum)} so far`, "numbers") : null];
}

const backwardAt = new Map();
function momentOfBackward(number) {
  if (!backwardAt.size) moments.forEach((m, k) => { if (m.phase === "backward") backwardAt.set(m.number, k); });
  return backwardAt.get(number) ?? Infinity;
}

function hiddenIn(number) { // where a node is that is not seen
  const key = drawing.where.get(number);
  if (!key || key[0] !== "s") return [];
  return [make("p", ["inside the folded ", link({ scope: +key.slice(1) }, scopeTitle(+key.slice(1)))])];
}

function factsOf(node) {
  const facts = make("dl", []), facet = (name, x) => x && facts.append(make("dt", name), make("dd", x));
  facet("shape", `${shapeText(node.shape) || "several values"}  ${node.dtype}`);
  facet("module", modulePath(node.number).join(" / "));
  for (const [repeat, k] of places[node.number]) facet("repetition", `${k + 1} of ${scopes[repeat].repeat.count}`);
  for (const [key, value] of node.parameters) facet(key, value);
  facet("memory", node.bytes ? plural(node.bytes, "byte") : "");
  facet("computes", node.flops ? plural(node.flops, "operation") : "");
  return facts;
}

function inputsOf(node) {
  if (!node.inputs.length) return [];
  const list = make("dl", []);
  for (const i of node.inputs) {
    const from = i.source === null ? i.constant : link({ node: i.source }, nodes[i.source].spoken);
    list.append(make("dt", i.argument), make("dd", [from, i.formula ? make("div", make("code", `d${i.argument} = ${i.formula}`)) : null]));
  }
  return [make("h3", "inputs, and the gradient that each gets from g"), list];
}

function usersOf(number) { // who uses the value; or, on the way through the uses of another value, which of them this is
  const parts = [];
  if (visited && usesOf[visited.number][visited.at].node.number === number) {
    const count = usesOf[visited.number].length;
    parts.push(make("p", [
      button("previous-use", "◀", "Previous use (U)", () => nextUse(-1)), ` use ${visited.at + 1} of ${count} of `,
      link({ node: visited.number }, nodes[visited.number].spoken), " ", button("next-use", "▶", "Next use (u)", () => nextUse(1)),
    ], "uses"));
  }
  const users = [...new Set(usesOf[number].map(i => i.node.number))];
  if (!users.length) return parts;
  const links = users.slice(0, 8).flatMap((k, j) => [j ? ", " : "", link({ node: k }, nodes[k].spoken)]);
  const often = ["once", "twice"][users.length - 1] || users.length + " times";
  return [...parts, make("h3", "used " + often), make("p", [...links, users.length > 8 ? ", …" : ""], "uses")];
}

function nextUse(by) { // go to the next or previous use of the value that was selected first
  if (!selected || selected.node === undefined) return;
  const at = visited && usesOf[visited.number][visited.at].node.number === selected.node ? visited : null;
  const number = at ? at.number : selected.node, uses = usesOf[number];
  if (!uses.length) return notice(`${nodes[number].spoken} is not used.`);
  const from = at ? at.at : by > 0 ? -1 : 0;
  visited = { number, at: (from + by + uses.length) % uses.length };
  visit({ node: uses[visited.at].node.number });
}

// ---------------------------------------------------------------- a module or repeat

function describeScope(number) {
  const scope = scopes[number], parts = [heading(scopeTitle(number)), make("p", scope.facts)];
  if (scope.about) parts.push(make("p", scope.about));
  parts.push(make("div", foldButtons(number), "tools"));
  if (scope.repeat && !unrolled.has(number)) parts.push(repetitionSlider(number));
  const about = scope.outputs[0];
  if (about !== undefined) {
    const node = nodes[about], known = !forwardAt.has(about) || forwardAt.get(about) <= time();
    parts.push(make("p", ["its output: ", link({ node: about }, node.spoken)]));
    if (node.value) parts.push(make("h3", "value"), block("value", known ? arrayParts(valueOf(about), node.shape) : [make("p", "not yet computed")]));
    const complete = gradientAt.has(about) && gradientAt.get(about) <= time();
    if (node.gradient) parts.push(make("h3", "gradient"), block("gradient", complete ? arrayParts(gradientOf(about), node.shape) : partial(about)));
  }
  byId("details").replaceChildren(...parts);
}

function foldButtons(number) {
  const { repeat } = scopes[number];
  const act = (id, words, action) => button(id, words, "", () => change(action, { scope: number }));
  if (!isModule(number)) return [];
  const fold = () => { folded.has(number) ? folded.delete(number) : folded.add(number); };
  const found = [act("fold", folded.has(number) ? "Unfold" : "Fold", fold)];
  if (!repeat) return found;
  if (unrolled.has(number)) found.push(act("one", "Show one repetition", () => roll(number)));
  else found.push(act("every", `Show all ${repeat.count}`, () => unroll(number)));
  return found;
}

function repetitionSlider(number) {
  const { count } = scopes[number].repeat, slider = make("input", []), words = make("span", `repetition ${shownOf(number) + 1} of ${count}`);
  Object.assign(slider, { type: "range", min: 1, max: count, value: shownOf(number) + 1, id: "repetition" });
  slider.setAttribute("aria-label", "Repetition that is shown");
  slider.oninput = () => {
    words.textContent = `repetition ${slider.value} of ${count}`;
    held = true;
    change(() => chosen.set(number, slider.value - 1), { scope: number });
    held = false;
  };
  return make("p", [words, slider]);
}

// ---------------------------------------------------------------- the whole

const KEYS = [
  ["← →", "step back and forth"], ["space", "play"], ["Home End", "start, end"], ["/", "search"],
  ["u U", "next, previous use of the value"], ["p", "keep the panel where it is"], ["+ − 0", "zoom, show everything"],
  ["Tab Enter", "to a node, its details"], ["f", "fold or unfold the module"], ["d", "down, or to the right"],
  ["s", "full screen"], ["t", "light or dark"], ["Esc", "this overview"],
];
const LEGEND = [
  ["input", "input"], ["parameter", "parameter"], ["buffer", "buffer"], ["constant", "constant"],
  ["operation", "operation"], ["output", "result"], ["module", "module or repeat, folded"],
];

function describeAll() {
  const list = make("dl", KEYS.flatMap(([k, what]) => [make("dt", k.split(" ").flatMap(key => [make("kbd", key), " "])), make("dd", what)]), "keys");
  byId("details").replaceChildren(
    make("h2", byId("title").textContent),
    make("p", scopes[0].facts),
    make("ul", data.notes.map(note => make("li", note)), "notes"),
    ...(data.legend ? legend() : []),
    make("p", "Click a node for its formula, values and gradient; double-click a module or a repeat to fold or unfold it."),
    list,
  );
}

function legend() {
  const kinds = new Set([...drawing.drawn.values()].flatMap(d => [d.kind, outputs.has(d.node) ? "output" : null]));
  const patch = name => { const i = make("i", []); i.style.background = `var(--${name})`; i.style.borderColor = `var(--${name}-line, var(--box-line))`; return i; };
  const rows = LEGEND.filter(([kind]) => kinds.has(kind)).map(([kind, words]) => make("span", [patch(kind), words]));
  const parts = [make("p", rows, "legend")];
  if (data.backward && data.gradients) {
    const scale = make("span", [0, 1, 2, 3, 4, 5, 6].map(k => patch("g" + k)), "scale");
    const words = ["gradient ∂: 1/1000 of the usual", "1000 times"].map(w => make("span", w));
    parts.push(make("p", [words[0], scale, words[1], make("span", [patch("zero"), "0"])], "legend"));
    if (nodes.some(n => n.gradient && n.gradient.size > 4)) parts.push(make("p", "‖∂‖ is the norm of the gradient: the root of the sum of squares.", "legend"));
  }
  return parts;
}
