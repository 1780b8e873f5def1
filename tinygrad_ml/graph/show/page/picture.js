// The picture on the screen: laid out by Graphviz (Viz.js), in the colours of the theme, panned, zoomed and marked.

const picture = byId("picture");
const NS = "http://www.w3.org/2000/svg";
const SMALL = 0.45, READABLE = 0.55, LARGE = 2.2; // scales: that still shows a whole, of a part, and at most
const EDGE = 16; // pixels that are kept free around what must be seen
let viz = null, svg = null, canvas = null, marks = null;
let drawing = null; // what is drawn: see `look`
let direction = data.direction;
let units = new Map(), clusters = new Map(); // by key and by number: {g, box, ...}
let frame, home; // the part that is shown, and all of it, in points

function element(name, attributes) {
  const e = document.createElementNS(NS, name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  return e;
}

const boxOfShape = g => { const b = g.getBBox(); return { x: b.x, y: b.y, w: b.width, h: b.height }; };

// ---------------------------------------------------------------- laying out

function draw() { // lay out what is to be seen now; returns the number of boxes if they are too many
  const next = look();
  if (next.drawn.size > MOST) return next.drawn.size;
  drawing = next;
  direction = direction || betterDirection();
  place(viz.renderSVGElement(dotOf(drawing, direction)));
  return 0;
}

function betterDirection() { // down, unless it is larger on this screen when it runs to the right
  const { width, height } = picture.getBoundingClientRect();
  const scale = way => {
    const [, w, h] = viz.renderString(dotOf(drawing, way), { format: "plain" }).match(/^graph \S+ (\S+) (\S+)/);
    return Math.min(width / (72 * w), height / (72 * h), 1);
  };
  if (drawing.drawn.size > 300) return data.suggested;
  return scale("right") > 1.25 * scale("down") ? "right" : "down";
}

function place(next) {
  svg = next;
  picture.replaceChildren(svg);
  canvas = svg.querySelector("g.graph");
  for (const title of svg.querySelectorAll("title")) title.remove(); // of Graphviz's own names
  const b = svg.viewBox.baseVal, m = canvas.transform.baseVal.consolidate().matrix;
  canvas.setAttribute("transform", "");
  canvas.querySelector(":scope > polygon")?.remove();
  home = { x: b.x - m.e, y: b.y - m.f, w: b.width, h: b.height };
  units = new Map();
  for (const [key, drawn] of drawing.drawn) readUnit(key, drawn);
  clusters = new Map();
  for (const number of drawing.clusters) readCluster(number);
  themed();
  for (const unit of units.values()) label(unit);
  for (const thing of [...units.values(), ...clusters.values()]) for (const bar of thing.bars) { bar.e.classList.add("bar"); bar.e.dataset.repetition = bar.last; }
  marks = element("g", { class: "marks" });
  canvas.append(marks);
  if (anew) writeNumbers();
}

function themed() { // variables in the place of the colours, so that themes can be exchanged
  for (const e of svg.querySelectorAll("[fill], [stroke]")) {
    for (const name of ["fill", "stroke"]) {
      const colour = e.getAttribute(name), role = colour === "white" ? "background" : data.roles[colour];
      if (role) e.setAttribute(name, `var(--${role})`);
    }
  }
}

function readUnit(key, drawn) { // measures, and changes nothing: the browser would lay out anew each time
  const g = svg.getElementById(key);
  if (!g) return;
  const unit = { ...drawn, g, box: boxOfShape(g), cells: {}, bars: [] };
  for (const e of g.querySelectorAll("text")) {
    if (e.getAttribute("font-size") !== `${data.sizes.cell}.00`) continue;
    const which = /^[\s\u00a0]*‖?∂/.test(e.textContent) ? "gradient" : "value", before = e.previousElementSibling;
    const ground = before && before.tagName === "polygon" ? before : null, b = (ground || e).getBBox();
    unit.cells[which] = { e, ground, width: b.width, middle: b.x + b.width / 2 };
  }
  if (drawn.folded !== null && scopes[drawn.folded].repeat) unit.bars = barsOf(g, drawn.folded);
  units.set(key, unit);
}

function label(unit) {
  const { g, folded: scope, node, kind, cells } = unit;
  for (const which in cells) {
    const { e, ground, middle } = cells[which];
    e.classList.add(which);
    if (ground) ground.classList.add(which);
    e.setAttribute("text-anchor", "middle"); // Graphviz knows the widths of letters but roughly
    e.setAttribute("x", middle);
  }
  g.setAttribute("tabindex", "0");
  g.setAttribute("role", "button");
  const name = scope !== null ? `folded ${scopeTitle(scope)}` : node === null ? "left out" : `${nodes[node].operation || kind} ${nodes[node].name}`;
  g.setAttribute("aria-label", name);
}

function readCluster(number) {
  const g = svg.getElementById("c" + number);
  if (!g) return;
  const title = svg.getElementById("h" + number);
  const cluster = { number, g, title, box: boxOfShape(g.querySelector("path, polygon")), bars: [] };
  const head = title ? boxOfShape(title) : { ...cluster.box, h: Math.min(cluster.box.h, 24) };
  cluster.head = head;
  if (title && scopes[number].repeat) cluster.bars = barsOf(title, number);
  clusters.set(number, cluster);
}

function barsOf(g, number) { // the bars of the charts of a repeat, each with the repetitions that it is of
  const { charts, count } = scopes[number].repeat;
  const all = [...g.querySelectorAll("polygon")].filter(e => charts.length && Math.abs(boxOfShape(e).w - charts[0][2]) < 0.01);
  return charts.flatMap(([kind, bars]) => {
    const width = Math.ceil(count / bars);
    return all.splice(0, bars).map((e, k) => {
      return { e, kind, first: k * width, last: Math.min((k + 1) * width, count) - 1 };
    });
  });
}

// ---------------------------------------------------------------- numbers in the boxes

function writeNumbers() { // those that the page has computed, in the place of those that were laid out
  for (const unit of units.values()) {
    const about = unit.folded !== null ? scopes[unit.folded].outputs[0] : unit.kind === "reference" ? undefined : unit.node;
    if (about === undefined || about === null) continue;
    writeCell(unit.cells, "value", valueCell(valueOf(about)));
    writeCell(unit.cells, "gradient", gradientCell(gradientOf(about)));
    if (data.faults.includes(unit.node)) for (const e of unit.g.querySelectorAll("text")) e.classList.toggle("stale", isStale(e, unit));
  }
}

function isStale(e, unit) { // that NaN or infinity begins here, where an input was changed so that it does not
  const shown = [valueOf(unit.node), gradientOf(unit.node), ...nodes[unit.node].inputs.map(sentOf)];
  return anew !== null && e.textContent === "not finite from here on" && !shown.some(v => v && (v.nans || v.infinities));
}

function writeCell(cells, which, cell) {
  if (!cells[which] || !cell) return;
  const { e, ground, width } = cells[which], [words, kind] = cell, { room } = data.sizes;
  e.textContent = "\u00a0" + words + "\u00a0";
  e.removeAttribute("textLength");
  const least = Math.max(width, room ? room[which] : 0);
  if (e.getComputedTextLength() > least) { // squeezed, so that it stays in its box
    e.setAttribute("textLength", least);
    e.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
  if (ground) ground.setAttribute("fill", kind ? `var(--${kind})` : "none");
  e.setAttribute("fill", `var(--${ground || kind !== "fault" ? inkOf(kind) : "fault"})`);
}

// ---------------------------------------------------------------- panning and zooming

function show(next) {
  frame = next;
  svg.setAttribute("viewBox", `${frame.x} ${frame.y} ${frame.w} ${frame.h}`);
}

function fit(at = null) { // everything; of a large picture the part around a place, at a size that can be read
  const { width, height } = picture.getBoundingClientRect();
  const whole = Math.min(width / home.w, height / home.h), scale = whole < SMALL ? READABLE : Math.min(whole, LARGE);
  const w = width / scale, h = height / scale, middle = at || { x: home.x, y: home.y, w: home.w, h: 0 };
  const start = (low, all, part, centre) => (part >= all ? low + all / 2 - part / 2 : Math.min(Math.max(centre - part / 2, low), low + all - part));
  show({ x: start(home.x, home.w, w, middle.x + middle.w / 2), y: start(home.y, home.h, h, middle.y + middle.h / 2), w, h });
}

function zoom(factor, at) {
  at = at || { x: frame.x + frame.w / 2, y: frame.y + frame.h / 2 };
  const w = Math.min(Math.max(frame.w * factor, 40), home.w * 20 + 400), f = w / frame.w;
  show({ x: at.x - (at.x - frame.x) * f, y: at.y - (at.y - frame.y) * f, w, h: frame.h * f });
}

function pointOf(event) {
  const r = picture.getBoundingClientRect();
  return { x: frame.x + ((event.clientX - r.left) / r.width) * frame.w, y: frame.y + ((event.clientY - r.top) / r.height) * frame.h };
}

const within = (low, size, from, room) => low >= from - 0.5 && low + size <= from + room + 0.5;

const allInView = () => within(home.x, home.w, frame.x, frame.w) && within(home.y, home.h, frame.y, frame.h);

function reveal(box) { // move as little as needed so that something can be seen; not at all if all can be
  if (!box || allInView()) return;
  const moved = (low, size, from, room) => {
    const margin = Math.min((EDGE * frame.w) / picture.getBoundingClientRect().width, Math.max((room - size) / 2, 0));
    if (size > room) return low + size < from + room / 3 || low > from + (2 * room) / 3 ? low + Math.min(size, room) / 2 - room / 2 : from;
    if (low - margin < from) return low - margin;
    return low + size + margin > from + room ? low + size + margin - room : from;
  };
  const next = { ...frame, x: moved(box.x, box.w, frame.x, frame.w), y: moved(box.y, box.h, frame.y, frame.h) };
  if (next.x !== frame.x || next.y !== frame.y) show(next);
}

const pointers = new Map();
let dragged = false;
picture.addEventListener("wheel", event => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.0015), pointOf(event)); }, { passive: false });
picture.addEventListener("pointerdown", event => { pointers.set(event.pointerId, event); dragged = false; });
window.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before || !frame) return;
  const scale = frame.w / picture.getBoundingClientRect().width;
  if (pointers.size === 1) {
    if (!dragged && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
    dragged = true;
    picture.classList.add("dragging");
    show({ ...frame, x: frame.x - (event.clientX - before.clientX) * scale, y: frame.y - (event.clientY - before.clientY) * scale });
  } else {
    const other = [...pointers.values()].find(p => p.pointerId !== event.pointerId);
    const distance = p => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY);
    dragged = true;
    zoom(distance(before) / Math.max(distance(event), 1), pointOf(other));
  }
  pointers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, event => { pointers.delete(event.pointerId); picture.classList.remove("dragging"); });

let stage = null; // the size of the picture in pixels

function resized() { // all of it is still shown if it was; otherwise the scale stays, and what is in the middle
  const { width, height } = picture.getBoundingClientRect(), before = stage;
  if (!frame || !width || !height) return;
  stage = { width, height };
  if (!(frame.w > 0) || (before && allInView())) return fit();
  if (!before) return;
  const w = (frame.w * width) / before.width, h = (frame.h * height) / before.height;
  show({ x: frame.x + (frame.w - w) / 2, y: frame.y + (frame.h - h) / 2, w, h });
}

// ---------------------------------------------------------------- where something is, and marks

function placeOf(what) { // the box of what stands for a node or a module in the picture, or null
  if (!what) return null;
  if (what.scope !== undefined) return placeOfScope(what.scope);
  const own = [...units.values()].filter(u => u.node === what.node && u.kind !== "reference");
  if (own.length) return own[0].box;
  const key = drawing.where.get(what.node);
  return key && units.has(key) ? units.get(key).box : null;
}

function placeOfScope(number) { // its box, or that of what it is folded into
  for (let k = number; k !== null; k = scopes[k].parent) {
    if (units.has("s" + k)) return units.get("s" + k).box;
    if (clusters.has(k)) return clusters.get(k).head;
  }
  return null;
}

function shapesOf(what) { // the boxes that are marked for a node or a module: a leaf is drawn at each of its uses
  if (!what) return [];
  if (what.scope !== undefined) {
    const unit = units.get("s" + what.scope), cluster = clusters.get(what.scope);
    return unit ? [unit.box] : cluster ? [cluster.box] : [placeOfScope(what.scope)].filter(Boolean);
  }
  const own = [...units.values()].filter(u => u.node === what.node && u.kind !== "reference").map(u => u.box);
  return own.length ? own : [placeOf(what)].filter(Boolean);
}

function mark(name, boxes) {
  marks.querySelectorAll("." + name).forEach(e => e.remove());
  for (const b of boxes) marks.append(element("rect", { class: name, x: b.x - 4, y: b.y - 4, width: b.w + 8, height: b.h + 8, rx: 9 }));
}
