// The picture in Graphviz's language, put together of the pieces that Python has written; the same text as Python's.

const [KEY, NAME, NUMBER, VALUE, GRADIENT, DASHED, SHOWN] = [14, 15, 16, 17, 18, 19, 20].map(k => String.fromCharCode(k));
const colourOf = Object.fromEntries(Object.entries(data.roles).map(([colour, role]) => [role, colour]));
const DIRECTIONS = { down: "TB", up: "BT", right: "LR" };

const role = values => { // of the colour of a gradient
  if (values.unknown) return "g3";
  if (values.nans || values.infinities) return "fault";
  if (values.rms === 0) return "zero";
  return "g" + (Math.round(Math.min(Math.max(Math.log10(values.rms / data.usual), -3), 3)) + 3);
};

const faultOf = v => (v.nans ? (v.size === 1 ? "NaN" : `${counted(v.nans)} NaN`) : v.size === 1 ? "inf" : `${counted(v.infinities)} inf`);

function valueCell(values) { // its text and the role of its colour, or null if there is none
  if (!values) return null;
  if (values.unknown) return ["?", ""];
  if (values.nans || values.infinities) return [faultOf(values), "fault"];
  return values.size > 0 && values.size <= 4 ? [arrayText(values), ""] : null;
}

function gradientCell(values) {
  if (!values || !data.gradients) return null;
  if (values.unknown) return ["∂ ?", role(values)];
  const kind = role(values);
  if (kind === "fault") return ["∂ " + faultOf(values), kind];
  if (kind === "zero") return ["∂ 0", kind];
  return [values.size <= 4 ? "∂ " + arrayText(values) : "‖∂‖ " + short(values.norm), kind];
}

const inkOf = kind => (kind === "fault" || kind === "zero" ? kind + "-text" : "text");

function cellOf(cell) {
  if (!cell) return "";
  const [text, kind] = cell, fill = kind ? ` bgcolor="${colourOf[kind]}"` : "", { room } = data.sizes;
  const least = room ? ` width="${room[text.includes("∂") ? "gradient" : "value"]}"` : "";
  return `<td${least}${fill}><font point-size="${data.sizes.cell}" color="${colourOf[inkOf(kind)]}">&#160;${asHtml(text)}&#160;</font></td>`;
}

function named(piece, name) { // an empty name takes the space behind it along
  return piece.replaceAll(NAME + " ", name ? asHtml(name) + " " : "").replaceAll(NAME, asHtml(name));
}

function shownText(repeat) {
  return unrolled.has(repeat) ? "all of them are shown" : `number ${shownOf(repeat) + 1} is shown`;
}

function nameIn(d, node) { // what stands in the place of a name
  if (d.folded !== null) return nameOf(d.folded) || (d.folded ? "" : cut(text(data.title)));
  if (node.operation || d.kind === "error") return nameOf(node.home);
  const { path } = scopes[d.scope]; // a value is called without the name of the module that it is drawn in
  return cut(node.own.startsWith(path + ".") ? node.own.slice(path.length + 1) : node.own) || node.kind;
}

function nodeText(d) {
  if (d.kind === "gap") return data.hidden[2];
  const node = d.node === null ? null : nodes[d.node];
  if (d.kind === "reference") {
    const name = asHtml(cut(node.own) || `${node.operation} %${d.node}`);
    return `${d.key} [id=${d.key}, shape=plaintext, style="", label=<<i>from ${name}</i>>, fontsize=${data.sizes.small}, fontcolor="${colourOf.quiet}"]`;
  }
  const about = d.folded !== null ? scopes[d.folded].outputs[0] : d.node;
  const name = nameIn(d, node);
  const piece = d.folded !== null ? scopes[d.folded].box : elided(node.home) || !nameOf(node.home) ? node.rolled : node.drawn;
  const values = about === undefined ? [null, null] : [nodes[about].value, nodes[about].gradient];
  return named(piece, name)
    .replaceAll(KEY, d.key)
    .replaceAll(NUMBER, String(d.node))
    .replaceAll(DASHED, d.copies > 1 ? ",dashed" : "")
    .replace(VALUE, cellOf(valueCell(values[0])))
    .replace(GRADIENT, cellOf(gradientCell(values[1])));
}

function openBox(number, direction) {
  const depth = lineage(number).filter(k => !elided(k)).length;
  const scope = scopes[number], beside = direction !== "right" || scope.repeat !== null;
  const heading = named(scope.heading, nameOf(number)).replaceAll(SHOWN, scope.repeat ? shownText(number) : "");
  const label = beside ? '""' : `<${heading}>, labelloc=t, labeljust=l`;
  const ground = colourOf[depth % 2 === 0 ? "box" : "box-inside"], line = colourOf["box-line"];
  const look = `style="rounded,filled", margin=9, peripheries=1, fillcolor="${ground}", pencolor="${line}"`;
  const lines = [`subgraph cluster_${number} {`, `graph [id="c${number}", class="module", label=${label}, ${look}]`];
  if (beside) lines.push(`h${number} [id=h${number}, class="title", shape=plaintext, style="", margin=0, label=<${heading}>]`);
  return lines;
}

const flows = edge => edge.input.sent !== null || !data.backward;

function boxes(view, direction) { // all that is drawn, in the boxes of the modules that it belongs to
  const lines = [], inside = new Map(), below = new Map(), passing = new Map();
  const put = (map, key, thing) => { if (!map.has(key)) map.set(key, []); map.get(key).push(thing); };
  for (const d of view.drawn.values()) put(inside, d.scope, d);
  for (const number of [...view.clusters].sort((a, b) => a - b)) if (number) put(below, around(number), number);
  view.edges.forEach((edge, k) => { if (edge.through !== null) put(passing, edge.through, k); });
  const size = direction === "right" ? "width=0.028, height=0.014" : "width=0.014, height=0.028";
  const pending = [[0, false]];
  while (pending.length) {
    const [number, ends] = pending.pop();
    if (ends) { lines.push("}"); continue; }
    if (number) lines.push(...openBox(number, direction));
    const points = new Map();
    for (const k of passing.get(number) || []) {
      const colour = colourOf[flows(view.edges[k]) ? "edge" : "edge-quiet"];
      put(points, view.leaves.get(view.edges[k].target)[0], `p${k} [class=e${k}, label="", style=filled, penwidth=0, fillcolor="${colour}", ${size}]`);
    }
    for (const d of inside.get(number) || []) lines.push(nodeText(d), ...(points.get(d.key) || []));
    if (number) pending.push([number, true]);
    for (const k of [...(below.get(number) || [])].reverse()) pending.push([k, false]);
  }
  return lines;
}

function edgeText(view, k, deep) {
  const edge = view.edges[k], source = view.drawn.get(edge.source), shape = nodes[edge.node].shape;
  const options = [`class=e${k}`];
  if (shape && shape.length && ["operation", "module", "gap"].includes(source.kind) && !edge.carried) options.push(`label=" ${shapeText(shape)}"`);
  if (!flows(edge)) options.push(`color="${colourOf["edge-quiet"]}"`);
  if (edge.carried) options.push("style=dashed", "constraint=false", 'label=" next"', 'tooltip="to the next repetition"');
  else if (source.kind === "reference") options.push("style=dashed");
  else if (source.kind === "operation" || source.kind === "module") options.push(`weight=${deep.has(edge.source) ? 20 : 6}`);
  if (edge.through === null) return `${edge.source} -> ${edge.target} [${options.join(", ")}]`;
  const rest = options.filter(o => !o.startsWith("label"));
  return `${edge.source} -> p${k} [arrowhead=none, headclip=false, ${options.join(", ")}]\np${k} -> ${edge.target} [tailclip=false, ${rest.join(", ")}]`;
}

function edgesInOrder(view) { // those that pass between parameters after the first of these
  const where = new Map();
  view.edges.forEach((edge, k) => { const pair = edge.source + ">" + edge.target; if (!where.has(pair)) where.set(pair, k); });
  const place = (edge, k) => (edge.through === null ? k : where.get(view.leaves.get(edge.target)[0] + ">" + edge.target) + 0.5);
  return view.edges.map((edge, k) => [place(edge, k), k]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, k]) => k);
}

function dotOf(view, direction) {
  const deep = new Set(view.edges.filter(e => ["operation", "module"].includes(view.drawn.get(e.source).kind)).map(e => e.target));
  return [
    data.head.replace("rankdir=TB", "rankdir=" + DIRECTIONS[direction]),
    ...boxes(view, direction),
    ...edgesInOrder(view).map(k => edgeText(view, k, deep)),
    ...view.order.map(([above, below]) => `${above} -> ${below} [style=invis]`),
    "}",
    "",
  ].join("\n");
}
