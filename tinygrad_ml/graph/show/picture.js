"use strict";
// The picture: folding modules in place, panning and zooming. Graphviz has laid everything out; where modules are
// folded, the bands of the picture that have become empty are taken out.

const data = JSON.parse(document.getElementById("data").textContent);
const picture = document.getElementById("picture");
const svg = picture.querySelector("svg");
const canvas = svg.querySelector("g.graph");
const NS = "http://www.w3.org/2000/svg";
const MARGIN = 16; // around what is drawn, which no band takes away
const GAP = 12; // what is left of an empty band
const units = new Map(), clusters = new Map(), edges = [];
const folded = new Set();

function element(name, attributes, text) {
  const e = document.createElementNS(NS, name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  if (text !== undefined) e.textContent = text;
  return e;
}

function shape(g) { // where something is: its outermost drawn parts, in the coordinates of the canvas
  const b = g.getBBox();
  return { x: b.x, y: b.y, w: b.width, h: b.height };
}

function themed() { // variables in the place of the colours of the light theme, so that themes can be exchanged
  for (const e of svg.querySelectorAll("[fill], [stroke]")) {
    for (const name of ["fill", "stroke"]) {
      const colour = e.getAttribute(name), role = colour === "white" ? "background" : data.roles[colour];
      if (role) e.setAttribute(name, `var(--${role})`);
    }
  }
}

function read() {
  themed();
  for (const title of svg.querySelectorAll("title")) title.remove(); // of Graphviz's own names
  for (const a of svg.querySelectorAll("a")) a.removeAttribute("href");
  for (const key in data.units) {
    const g = document.getElementById(key);
    if (!g) continue;
    const unit = { ...data.units[key], key, g, box: shape(g) };
    unit.chain = data.scopes[unit.scope].chain;
    for (const text of g.querySelectorAll("text")) {
      const gradient = /^[\s\u00a0]*‖?∂/.test(text.textContent);
      if (text.getAttribute("font-size") === "12.00") text.classList.add(gradient ? "gradient" : "value");
      if (!gradient) continue;
      const before = text.previousElementSibling;
      if (before && before.tagName === "polygon") before.classList.add("gradient");
    }
    g.setAttribute("tabindex", "0");
    g.setAttribute("role", "button");
    units.set(key, unit);
  }
  for (const number of data.clusters) {
    const g = document.getElementById("c" + number);
    if (!g) continue;
    const path = g.querySelector("path, polygon");
    const b = path.getBBox();
    clusters.set(number, {
      number, g, path, original: geometry(path), chain: data.scopes[number].chain,
      box: { x: b.x, y: b.y, w: b.width, h: b.height }, texts: [...g.querySelectorAll("text")].map(place),
    });
  }
  data.edges.forEach(([source, target], k) => {
    const parts = [...svg.querySelectorAll(".e" + k)];
    const all = names => parts.flatMap(g => [...g.querySelectorAll(names)]);
    edges.push({
      source, target, parts,
      paths: all("path, polygon").map(e => ({ e, original: geometry(e) })), texts: all("text").map(place),
    });
  });
  const b = svg.viewBox.baseVal;
  const m = canvas.transform.baseVal.consolidate().matrix;
  canvas.setAttribute("transform", "");
  view = home = { x: b.x - m.e, y: b.y - m.f, w: b.width, h: b.height };
  const back = canvas.querySelector(":scope > polygon");
  if (back) back.remove();
}

const geometry = e => e.getAttribute("d") || e.getAttribute("points");
const place = e => ({ e, x: +e.getAttribute("x"), y: +e.getAttribute("y") });

// ---------------------------------------------------------------- folding

const hider = chain => chain.find(number => folded.has(number)); // the outermost folded module around something

function bands(intervals) { // a rising map of coordinates in which what lies between the intervals has shrunk
  intervals.sort((a, b) => a[0] - b[0]);
  const points = [];
  let end = null, removed = 0;
  for (const [low, high] of intervals) {
    if (end !== null && low > end) {
      points.push([end, end - removed]);
      removed += Math.max(low - end - GAP, 0);
      points.push([low, low - removed]);
    } else if (end === null) points.push([low, low]);
    end = end === null ? high : Math.max(end, high);
  }
  if (end !== null) points.push([end, end - removed]);
  return v => {
    if (!points.length) return v;
    if (v <= points[0][0]) return v;
    for (let i = 1; i < points.length; i++) {
      const [a, fa] = points[i - 1], [b, fb] = points[i];
      if (v <= b) return b > a ? fa + ((v - a) * (fb - fa)) / (b - a) : fb;
    }
    return v - removed;
  };
}

function foldedBox(cluster) {
  const scope = data.scopes[cluster.number];
  const title = scope.name + "  " + scope.type;
  const w = Math.min(Math.max(90, 7.4 * title.length + 24, 5 * scope.facts.length + 24), 340), h = 44;
  const b = cluster.box;
  return { x: b.x + b.w / 2 - w / 2, y: b.y + b.h / 2 - h / 2, w, h };
}

function arrange() { // put everything where it belongs now
  canvas.querySelectorAll(".folded, .joint, .joint-head").forEach(e => e.remove());
  const boxes = new Map(), xs = [], ys = [];
  const occupy = b => { xs.push([b.x - MARGIN, b.x + b.w + MARGIN]); ys.push([b.y - MARGIN, b.y + b.h + MARGIN]); };
  for (const unit of units.values()) {
    unit.hider = hider(unit.chain);
    unit.g.classList.toggle("hidden", unit.hider !== undefined);
    if (unit.hider === undefined) occupy(unit.box);
  }
  for (const cluster of clusters.values()) {
    const around = hider(cluster.chain);
    cluster.g.classList.toggle("hidden", around !== undefined);
    if (around === cluster.number) boxes.set(cluster.number, foldedBox(cluster));
    else if (around === undefined) ys.push([cluster.box.y, cluster.box.y + 24], [cluster.box.y + cluster.box.h - 4, cluster.box.y + cluster.box.h]);
  }
  boxes.forEach(occupy);
  const nothing = !boxes.size;
  const fx = nothing ? v => v : bands(xs), fy = nothing ? v => v : bands(ys);
  const move = b => ({ ...b, x: fx(b.x + b.w / 2) - b.w / 2, y: fy(b.y + b.h / 2) - b.h / 2 });
  const remap = text => text.replace(/(-?[\d.]+)[ ,](-?[\d.]+)/g, (_, x, y) => fx(+x).toFixed(2) + "," + fy(+y).toFixed(2));
  for (const unit of units.values()) {
    unit.now = move(unit.box);
    unit.g.setAttribute("transform", `translate(${unit.now.x - unit.box.x} ${unit.now.y - unit.box.y})`);
  }
  for (const c of clusters.values()) {
    c.path.setAttribute(c.path.tagName === "path" ? "d" : "points", remap(c.original));
    for (const t of c.texts) { t.e.setAttribute("x", fx(c.box.x) + (t.x - c.box.x)); t.e.setAttribute("y", fy(c.box.y) + (t.y - c.box.y)); }
  }
  boxes.forEach((box, number) => boxes.set(number, draw(number, move(box))));
  const seen = new Set();
  for (const edge of edges) {
    const a = units.get(edge.source), b = units.get(edge.target);
    const whole = a.hider === undefined && b.hider === undefined;
    for (const g of edge.parts) g.classList.toggle("hidden", !whole);
    if (whole) {
      for (const p of edge.paths) p.e.setAttribute(p.e.tagName === "path" ? "d" : "points", remap(p.original));
      for (const t of edge.texts) { t.e.setAttribute("x", fx(t.x)); t.e.setAttribute("y", fy(t.y)); }
      continue;
    }
    const ends = [a, b].map(u => (u.hider === undefined ? u.key : "f" + u.hider));
    if (ends[0] !== ends[1] && !seen.has(ends.join())) {
      seen.add(ends.join());
      join(...[a, b].map(u => (u.hider === undefined ? u.now : boxes.get(u.hider))));
    }
  }
  const all = [...units.values()].filter(u => u.hider === undefined).map(u => u.now).concat([...boxes.values()]);
  for (const c of clusters.values()) if (hider(c.chain) === undefined) all.push(shape(c.path));
  const x = Math.min(...all.map(b => b.x)), y = Math.min(...all.map(b => b.y));
  home = {
    x: x - 14, y: y - 14,
    w: Math.max(...all.map(b => b.x + b.w)) - x + 28, h: Math.max(...all.map(b => b.y + b.h)) - y + 28,
  };
}

function draw(number, box) {
  const scope = data.scopes[number];
  const g = element("g", { class: "folded", id: "f" + number, tabindex: 0, role: "button", "aria-label": `folded module ${scope.name} ${scope.type}` });
  g.append(
    element("rect", { x: box.x, y: box.y, width: box.w, height: box.h, rx: 5 }),
    element("text", { x: box.x + box.w / 2, y: box.y + 19 }, scope.name + "  " + scope.type),
    element("text", { x: box.x + box.w / 2, y: box.y + 34, class: "facts" }, scope.facts),
  );
  canvas.append(g);
  return box;
}

function join(a, b) { // an edge between boxes, where Graphviz's own is hidden
  const down = Math.abs(a.y + a.h / 2 - b.y - b.h / 2) >= Math.abs(a.x + a.w / 2 - b.x - b.w / 2) * 0.4;
  const sign = (down ? b.y - a.y : b.x - a.x) >= 0 ? 1 : -1;
  const start = down ? [a.x + a.w / 2, sign > 0 ? a.y + a.h : a.y] : [sign > 0 ? a.x + a.w : a.x, a.y + a.h / 2];
  const end = down ? [b.x + b.w / 2, sign > 0 ? b.y : b.y + b.h] : [sign > 0 ? b.x : b.x + b.w, b.y + b.h / 2];
  const k = down ? 1 : 0, tip = [...end];
  end[k] -= 6 * sign;
  const middle = (start[k] + end[k]) / 2;
  const c1 = [...start], c2 = [...end];
  c1[k] = c2[k] = middle;
  const side = k ? [[end[0] - 3, end[1]], [end[0] + 3, end[1]]] : [[end[0], end[1] - 3], [end[0], end[1] + 3]];
  const first = canvas.querySelector(".node, .edge"); // above the boxes of modules, below the nodes
  for (const e of [
    element("path", { class: "joint", d: `M${start}C${c1} ${c2} ${end}` }),
    element("polygon", { class: "joint-head", points: [...side, tip].join(" ") }),
  ]) canvas.insertBefore(e, first);
}

// ---------------------------------------------------------------- panning and zooming

let view, home;

function show(next) {
  view = next;
  svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
}

function fit() { // everything; but of a large picture the part around the current step, at a size that can be read
  const { width, height } = picture.getBoundingClientRect();
  const scale = Math.min(Math.max(Math.min(width / home.w, height / home.h), 0.55), 2.2);
  const w = width / scale, h = height / scale;
  const at = focus() || home;
  const start = (low, all, part, middle) =>
    part >= all ? low + all / 2 - part / 2 : Math.min(Math.max(middle - part / 2, low), low + all - part);
  show({ x: start(home.x, home.w, w, at.x + at.w / 2), y: start(home.y, home.h, h, at.y + at.h / 2), w, h });
}

function zoom(factor, at) {
  at = at || { x: view.x + view.w / 2, y: view.y + view.h / 2 };
  const w = Math.min(Math.max(view.w * factor, 40), home.w * 20 + 400), f = w / view.w;
  show({ x: at.x - (at.x - view.x) * f, y: at.y - (at.y - view.y) * f, w, h: view.h * f });
}

function point(event) {
  const r = picture.getBoundingClientRect();
  return { x: view.x + ((event.clientX - r.left) / r.width) * view.w, y: view.y + ((event.clientY - r.top) / r.height) * view.h };
}

function reveal(box) { // move so that something can be seen
  if (!box) return;
  const m = 20, next = { ...view };
  if (box.w + 2 * m > view.w || box.x - m < view.x || box.x + box.w + m > view.x + view.w) next.x = box.x + box.w / 2 - view.w / 2;
  if (box.h + 2 * m > view.h || box.y - m < view.y || box.y + box.h + m > view.y + view.h) next.y = box.y + box.h / 2 - view.h / 2;
  show(next);
}

const pointers = new Map();
let dragged = false;
picture.addEventListener("wheel", event => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.0015), point(event)); }, { passive: false });
picture.addEventListener("pointerdown", event => { pointers.set(event.pointerId, event); dragged = false; });
window.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const scale = view.w / picture.getBoundingClientRect().width;
  if (pointers.size === 1) {
    if (!dragged && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 4) return;
    dragged = true;
    picture.classList.add("dragging");
    show({ ...view, x: view.x - (event.clientX - before.clientX) * scale, y: view.y - (event.clientY - before.clientY) * scale });
  } else {
    const other = [...pointers.values()].find(p => p.pointerId !== event.pointerId);
    const distance = p => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY);
    dragged = true;
    zoom(distance(before) / Math.max(distance(event), 1), point(other));
  }
  pointers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, event => { pointers.delete(event.pointerId); picture.classList.remove("dragging"); });
