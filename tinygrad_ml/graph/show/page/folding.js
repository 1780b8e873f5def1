// What is drawn: which modules are folded into one box, which repetition of a repeat is shown, and what becomes of the
// edges. The same rules as for pictures that Python writes, where each is explained.

const folded = new Set(data.folded), unrolled = new Set(), chosen = new Map();
let gapOpen = data.hidden[1] <= data.hidden[0];
const MOST = 4000; // boxes that a picture may have

const isGap = number => !gapOpen && number >= data.hidden[0] && number < data.hidden[1];
const shownOf = repeat => chosen.get(repeat) ?? scopes[repeat].repeat.count - 1;
const elided = number => scopes[number].of !== null && !unrolled.has(scopes[number].of); // a call that is all of a repetition
const inRolled = number => { // whether a call stands for those of all repetitions
  const parent = scopes[number].parent;
  return parent !== null && scopes[parent].repeat !== null && !unrolled.has(parent);
};
const nameOf = number => (inRolled(number) ? scopes[number].title : scopes[number].name);

function around(number) { // the module or repeat that one is drawn in
  let k = scopes[number].parent;
  while (k !== null && elided(k)) k = scopes[k].parent;
  return k;
}

function standFor(number) { // the node that is drawn for one: that of the repetition that is shown
  for (;;) {
    const place = places[number].find(([repeat, k]) => !unrolled.has(repeat) && k !== shownOf(repeat));
    if (!place) return number;
    number = scopes[place[0]].repeat.members[shownOf(place[0])][place[2]];
  }
}

const foldedAround = scope => lineage(scope).find(k => folded.has(k) && !elided(k)) ?? null;

function boxOf(scope) { // calls with a single operation have no box
  while (scopes[scope].alone || elided(scope)) scope = scopes[scope].parent;
  return scope;
}

function carried(source, target) { // whether an edge goes from one repetition to another
  const mine = new Map(places[source].map(([repeat, k]) => [repeat, k]));
  return places[target].some(([repeat, k]) => !unrolled.has(repeat) && mine.has(repeat) && mine.get(repeat) !== k);
}

const isLeaf = number => { const n = nodes[number]; return LEAVES.has(n.kind) && n.kind !== "input" && !n.inputs.length; };

function look() {
  const view = { drawn: new Map(), edges: [], order: [], leaves: new Map(), clusters: new Set([0]), where: new Map() };
  const stands = nodes.map((_, number) => standFor(number));
  const uses = countUses(stands);
  const add = thing => { if (!view.drawn.has(thing.key)) view.drawn.set(thing.key, { copies: 1, folded: null, node: null, ...thing }); };
  const own = (number, scope) => { add({ key: "n" + number, kind: nodes[number].kind, node: number, scope }); view.where.set(number, "n" + number); };
  placeNodes(view, stands, uses, add, own);
  placeEdges(view, stands, add);
  cutLongEdges(view, add);
  stackBoxes(view);
  countCopies(view);
  return view;
}

function countUses(stands) {
  const users = nodes.map(() => new Set());
  for (const node of nodes) for (const i of node.inputs) if (i.source !== null) users[i.source].add(stands[node.number]);
  return users.map(s => s.size);
}

function placeNodes(view, stands, uses, add, own) {
  for (const node of nodes) {
    const number = node.number, leaf = LEAVES.has(node.kind);
    if (unused.has(number) || stands[number] !== number) continue;
    if (!leaf || (!uses[number] && outputs.has(number))) {
      const inside = foldedAround(node.home);
      if (isGap(number)) {
        view.where.set(number, "gap");
        add({ key: "gap", kind: "gap", scope: 0 });
      } else if (inside !== null && node.kind !== "error") {
        view.where.set(number, "s" + inside);
        add({ key: "s" + inside, kind: "module", scope: around(inside) ?? 0, folded: inside });
      } else own(number, inside === null ? boxOf(node.home) : 0);
    } else if (node.kind === "input" && (data.share || uses[number] <= data.hub)) own(number, 0);
    else if (data.share && foldedAround(node.home) === null && !isGap(number)) own(number, boxOf(node.home));
  }
  stands.forEach((stand, number) => { if (stand !== number && view.where.has(stand)) view.where.set(number, view.where.get(stand)); });
}

function placeEdges(view, stands, add) {
  const seen = new Set();
  for (const others of [false, true]) {
    for (const node of nodes) {
      const target = view.where.get(node.number), stand = stands[node.number];
      if (target === undefined || (stand !== node.number) !== others || (LEAVES.has(node.kind) && !node.inputs.length)) continue;
      for (const i of node.inputs) {
        if (i.source === null || (others && asDrawn(i, stand))) continue;
        placeEdge(view, stands, add, seen, i, target);
      }
    }
  }
}

function asDrawn(i, stand) { // both have a leaf of their own there
  const drawn = nodes[stand].inputs[i.place];
  return drawn !== undefined && drawn.source !== null && isLeaf(i.source) && isLeaf(drawn.source);
}

function placeEdge(view, stands, add, seen, i, target) {
  const source = nodes[i.source], leaf = LEAVES.has(source.kind);
  let key = view.where.get(i.source);
  if (leaf && !source.inputs.length) {
    if (target === "gap" || (key === undefined && target[0] === "s" && source.kind !== "input")) return;
    if (key === undefined || key !== "n" + i.source) {
      key = `n${i.source}_${target}`;
      add({ key, kind: source.kind, node: i.source, scope: view.drawn.get(target).scope });
    }
  }
  if (key === undefined || key === target) return;
  const next = carried(i.source, i.node.number);
  const merged = target[0] === "s" || key[0] === "s" || key === "gap" || target === "gap";
  const several = stands[i.source] !== i.source || stands[i.node.number] !== i.node.number || next;
  const pair = key + ">" + target;
  if ((merged || several) && seen.has(pair)) return;
  seen.add(pair);
  view.edges.push({ source: key, target, node: i.source, input: i, carried: next, through: null });
}

function cutLongEdges(view, add) { // Graphviz would take minutes
  const height = new Map(), order = new Map();
  [...view.drawn.keys()].forEach((key, k) => { order.set(key, k); height.set(key, 0); });
  for (const edge of view.edges.filter(e => !e.carried).sort((a, b) => order.get(b.target) - order.get(a.target)))
    height.set(edge.source, Math.max(height.get(edge.source), height.get(edge.target) + 1));
  for (const edge of view.edges) {
    if (edge.carried || height.get(edge.source) - height.get(edge.target) <= data.long || LEAVES.has(view.drawn.get(edge.source).kind)) continue;
    const key = `r${edge.source}_${edge.target}`;
    add({ key, kind: "reference", node: edge.node, scope: view.drawn.get(edge.target).scope });
    edge.source = key;
  }
}

function stackBoxes(view) { // the parameters of a module below what comes before it
  const { drawn, leaves } = view;
  for (const edge of view.edges) {
    const source = drawn.get(edge.source);
    if (!LEAVES.has(source.kind) || source.kind === "input" || !source.scope) continue;
    if (!leaves.has(edge.target)) leaves.set(edge.target, []);
    if (!leaves.get(edge.target).includes(edge.source)) leaves.get(edge.target).push(edge.source);
  }
  for (const edge of view.edges) {
    const source = drawn.get(edge.source), target = drawn.get(edge.target);
    const above = ["operation", "module", "input"].includes(source.kind) && !edge.carried;
    if (!above || source.scope === target.scope || !leaves.has(edge.target)) continue;
    edge.through = target.scope;
    for (const key of leaves.get(edge.target)) view.order.push([edge.source, key]);
  }
}

function countCopies(view) {
  const copies = new Map();
  for (const d of view.drawn.values()) if (d.node !== null && LEAVES.has(d.kind)) copies.set(d.node, (copies.get(d.node) || 0) + 1);
  for (const d of view.drawn.values()) {
    if (d.node !== null && LEAVES.has(d.kind)) d.copies = copies.get(d.node);
    for (let k = d.scope; k !== null; k = around(k)) view.clusters.add(k);
  }
}

// ---------------------------------------------------------------- folding and unfolding

const isModule = number => number !== 0 && !scopes[number].alone && !elided(number);

function outermost() { // the modules and repeats that fold to the fewest boxes
  return scopes.filter(s => isModule(s.number) && lineage(s.number).slice(1, -1).every(k => !isModule(k))).map(s => s.number);
}

function roll(repeat) { // show one repetition
  unrolled.delete(repeat);
  for (const call of scopes[repeat].repeat.items) folded.delete(call);
}

function unroll(repeat) { // show all repetitions, each call as one box
  unrolled.add(repeat);
  folded.delete(repeat);
  for (const call of scopes[repeat].repeat.items) if (!scopes[call].alone) folded.add(call);
}

function foldState() { // so that it can be restored
  return { folded: [...folded], unrolled: [...unrolled], chosen: [...chosen], gapOpen };
}

function restore(state) {
  folded.clear(); state.folded.forEach(k => folded.add(k));
  unrolled.clear(); state.unrolled.forEach(k => unrolled.add(k));
  chosen.clear(); state.chosen.forEach(([k, v]) => chosen.set(k, v));
  gapOpen = state.gapOpen;
}
