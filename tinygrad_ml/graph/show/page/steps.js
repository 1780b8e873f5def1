// The steps: forward through all operations and back again. What is drawn as one box is one step.

const forwardAt = new Map(), gradientAt = new Map(); // when a value is known, and when a gradient is complete
const moments = momentsOf(); // all of them, whatever is folded
let seen = []; // those that are seen: {phase, from, to, what, parts}
let now = 0; // of those that are seen
let timer = null;

function momentsOf() {
  const found = [{ phase: "start", number: null }];
  for (const node of nodes) {
    if (node.kind !== "operation" && node.kind !== "error") continue;
    forwardAt.set(node.number, found.length);
    found.push({ phase: "forward", number: node.number });
  }
  if (!nodes.some(node => node.gradient)) return found;
  const left = nodes.map(node => usesOf[node.number].filter(i => i.sent).length);
  for (const number of data.turned) if (!left[number]) gradientAt.set(number, found.length);
  found.push({ phase: "turn", number: null });
  for (const node of [...nodes].reverse()) {
    const sent = node.inputs.filter(i => i.sent && i.source !== null);
    if (!sent.length) continue;
    for (const i of sent) if (--left[i.source] === 0) gradientAt.set(i.source, found.length);
    found.push({ phase: "backward", number: node.number });
  }
  found.push({ phase: "end", number: null });
  return found;
}

const time = () => seen[now].to;

// ---------------------------------------------------------------- what is seen

function boxAt(number) { // what one sees of an operation: itself, or the module or repeat that hides it
  const key = drawing.where.get(number);
  if (key === undefined) return null;
  if (key === "n" + number) return { node: number };
  if (key[0] === "s") return { scope: +key.slice(1) };
  if (key === "gap") return { gap: true };
  const [repeat] = places[number].find(([r, k]) => !unrolled.has(r) && k !== shownOf(r));
  return { scope: repeat, others: true };
}

function findSeen() {
  const before = seen.length ? time() : 0;
  seen = [];
  moments.forEach(({ phase, number }, k) => {
    const last = seen[seen.length - 1], what = number === null ? null : boxAt(number);
    if (number !== null && what === null) { // nothing of it is drawn
      last.to = k;
      return;
    }
    const same = what && what.node === undefined && last && last.phase === phase && last.what && last.what.scope === what.scope && last.what.gap === what.gap;
    if (same) {
      last.to = k;
      last.parts.push(number);
    } else seen.push({ phase, from: k, to: k, what, parts: number === null ? [] : [number] });
  });
  now = Math.max(seen.findIndex(step => step.to >= before), 0);
  byId("slider").max = seen.length - 1;
}

// ---------------------------------------------------------------- in words

const filled = (template, slots) => template.replace(/\u0001(\w+)\u0002/g, (_, name) => slots(name));

function sentencesOf({ phase, number }) { // what happens at one operation
  if (phase === "start") return ["The inputs and parameters have their values."];
  if (phase === "turn") return [data.turn];
  if (phase === "end") return [filled(data.end, leafGradients)];
  const node = nodes[number];
  if (phase === "forward") return [filled(node.forward, name => forwardSlot(node, name))];
  return node.inputs.filter(i => i.sent).map(i => filled(i.backward, name => backwardSlot(i, name)));
}

function leafGradients() {
  const leaves = nodes.filter(node => !node.inputs.length && node.gradient);
  return leaves.slice(0, 20).map(n => `${n.spoken} ${sentenceText(gradientOf(n.number), n.shape)}`).join(", ") + (leaves.length > 20 ? ", …" : "");
}

function forwardSlot(node, name) {
  if (name === "out") return sentenceText(valueOf(node.number), node.shape) || shapeText(node.shape) || "its parts";
  const source = nodes[node.inputs[+name.slice(1)].source];
  return sentenceText(valueOf(source.number), source.shape) || source.spoken;
}

function backwardSlot(i, name) {
  const source = nodes[i.source];
  if (name === "g") return sentenceText(gradientOf(i.node.number), i.node.shape);
  if (name === "local") return Number.isNaN(localOf(i)) && anew ? "?" : general(localOf(i), 5);
  if (name === "sent") return sentenceText(sentOf(i), source.shape);
  if (name === "for") return source.spoken;
  if (name === "whole") return sentenceText(gradientOf(i.source), source.shape);
  const paths = pathsTo(i.source), upTo = paths.indexOf(i) + (name === "after" ? 1 : 0);
  const sum = added(paths.slice(0, upTo));
  return sum ? listed(sum) : "what came";
}

const pathsTo = number => usesOf[number].filter(i => i.sent).sort((a, b) => b.node.number - a.node.number || a.place - b.place);

function added(paths) { // the sum of what goes along some edges, if its elements are known
  const parts = paths.map(i => sentOf(i).numbers);
  if (!parts.length || parts.some(p => !p || p.some(x => typeof x === "string"))) return null;
  return parts.reduce((sum, part) => sum.map((x, k) => x + part[k]));
}

function titleOfStep({ what, parts }) {
  if (what.gap) return "the operations that are left out";
  if (!what.others) return scopeTitle(what.scope);
  const repetitions = parts.map(number => places[number].find(([repeat]) => repeat === what.scope)[1] + 1);
  const low = Math.min(...repetitions), high = Math.max(...repetitions);
  return `${scopeTitle(what.scope)}, ${low === high ? `repetition ${low}` : `repetitions ${low} to ${high}`}`;
}

function wordsOf(step) {
  if (step.what === null || step.what.node !== undefined) return sentencesOf(moments[step.from]);
  return step.phase === "forward" ? forwardOfBox(step) : backwardOfBox(step);
}

function forwardOfBox(step) {
  const inside = new Set(step.parts), leaves = n => usesOf[n].some(i => !inside.has(i.node.number)) || outputs.has(n);
  const last = [...step.parts].reverse().find(leaves) ?? step.parts[step.parts.length - 1];
  const given = sentenceText(valueOf(last), nodes[last].shape);
  const many = step.parts.length === 1 ? "its operation gives" : `its ${plural(step.parts.length, "operation")} give`;
  return [`${titleOfStep(step)}: ${many} ${given || shapeText(nodes[last].shape) || "their results"}.`];
}

function backwardOfBox(step) { // what arrives at the box, and what it sends on
  const inside = new Set(step.parts), arrives = [], sent = new Map();
  for (const number of step.parts) {
    const from = usesOf[number].some(i => i.sent && !inside.has(i.node.number)) || data.turned.includes(number);
    if (from && nodes[number].gradient) arrives.push(number);
    for (const i of nodes[number].inputs) if (i.sent && !inside.has(i.source)) sent.set(i.source, [...(sent.get(i.source) || []), i]);
  }
  const g = arrives.length ? sentenceText(gradientOf(arrives[0]), nodes[arrives[0]].shape) : "";
  const lines = [`${titleOfStep(step)}: gradient arriving ${g || "g"} goes back through ${plural(step.parts.length, "operation")}`];
  const isWeight = number => LEAVES.has(nodes[number].kind) && nodes[number].kind !== "input";
  for (const [number, paths] of sent) if (!isWeight(number)) lines.push(`→ ${amount(number, paths, step.to)} for ${nodes[number].spoken}`);
  const weights = [...sent.keys()].filter(isWeight);
  if (weights.length > 3) lines.push(`→ and for ${counted(weights.length)} parameters`);
  else for (const number of weights) lines.push(`→ ${amount(number, sent.get(number), step.to)} for ${nodes[number].spoken}`);
  return lines;
}

function amount(number, paths, at) {
  const shape = nodes[number].shape, sum = added(paths);
  if (sum && sum.length <= 4) return listed(sum);
  if (paths.length === 1) return sentenceText(sentOf(paths[0]), shape);
  return gradientAt.get(number) <= at && pathsTo(number).length === paths.length ? sentenceText(gradientOf(number), shape) : "parts";
}

// ---------------------------------------------------------------- going

function go(to, { follow = true } = {}) {
  now = Math.max(0, Math.min(to, seen.length - 1));
  const step = seen[now];
  byId("slider").value = now;
  byId("count").textContent = `${now} of ${seen.length - 1}`;
  sayWords();
  document.body.className = step.phase;
  showTime();
  const what = step.what && step.what.gap ? { node: step.parts[0] } : step.what;
  mark("now", shapesOf(what));
  if (follow && !pinned) selected = what;
  if (follow) reveal(placeOf(what));
  showSelected();
  rememberLink();
}

function sayWords() {
  const words = byId("words");
  words.textContent = wordsOf(seen[now]).join("\n");
  words.scrollTop = 0;
}

function showTime() { // what is not yet known is there, but cannot be seen
  const t = time(), step = seen[now];
  const receivers = new Set(step.phase === "backward" ? step.parts.flatMap(n => nodes[n].inputs.filter(i => i.sent).map(i => i.source)) : []);
  const known = number => !forwardAt.has(number) || forwardAt.get(number) <= t;
  const complete = number => gradientAt.has(number) && gradientAt.get(number) <= t;
  for (const unit of units.values()) {
    const about = unit.folded !== null ? scopes[unit.folded].outputs[0] : unit.node;
    if (about === undefined || about === null) continue;
    const end = unit.folded !== null ? endOf(unit.folded) : about;
    unit.g.classList.toggle("todo", !known(end));
    unit.g.classList.toggle("no-gradient", !complete(about));
    unit.g.classList.toggle("receives", unit.folded === null && receivers.has(unit.node));
    showBars(unit.bars, unit.folded, known, complete);
  }
  for (const cluster of clusters.values()) showBars(cluster.bars, cluster.number, known, complete);
}

const ends = new Map();
function endOf(number) { // the last operation in a module or repeat
  if (!ends.size) for (const node of nodes) if (forwardAt.has(node.number)) for (const k of lineage(node.home)) ends.set(k, Math.max(ends.get(k) ?? 0, node.number));
  return ends.get(number);
}

function showBars(bars, number, known, complete) {
  if (!bars.length) return;
  const { members } = scopes[number].repeat, handed = members[0].indexOf(handedOn(number));
  for (const bar of bars) {
    const node = members[bar.kind === "value" ? bar.last : bar.first][handed];
    bar.e.classList.toggle("hidden-bar", !(bar.kind === "value" ? known(node) : complete(node)));
    bar.e.classList.toggle("shown-bar", !unrolled.has(number) && bar.first <= shownOf(number) && shownOf(number) <= bar.last);
  }
}

function handedOn(number) { // of the first repetition, what it hands on
  const { members } = scopes[number].repeat, inside = new Set(members[0]);
  return [...members[0]].reverse().find(n => nodes[n].shape && usesOf[n].some(i => !inside.has(i.node.number))) ?? members[0][members[0].length - 1];
}

function play() {
  if (timer !== null) {
    clearInterval(timer);
    timer = null;
  } else {
    if (now === seen.length - 1) go(0);
    timer = setInterval(() => { go(now + 1); if (now === seen.length - 1) play(); }, 1200);
  }
  byId("play").textContent = timer === null ? "▶ play" : "❚❚ pause";
}
