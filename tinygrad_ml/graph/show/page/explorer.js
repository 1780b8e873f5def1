// The page as a whole: folding, inputs that can be changed, the link to a step, buttons and keys, and the start.

function notice(words) {
  const p = byId("notice");
  p.textContent = words;
  p.hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => { p.hidden = true; }, 10000);
}

// ---------------------------------------------------------------- folding

function change(action, what) { // fold or unfold; what was clicked stays in its place
  const state = foldState(), before = placeOf(what);
  action();
  const tooMany = draw();
  if (tooMany) {
    restore(state);
    return notice(`That would be ${counted(tooMany)} boxes, more than a picture can show: unfold a part of it.`);
  }
  const after = placeOf(what);
  if (what && before && after) show({ ...frame, x: frame.x + middle(after).x - middle(before).x, y: frame.y + middle(after).y - middle(before).y });
  else fit(placeOf(seen[now].what) || null);
  findSeen();
  const keep = selected;
  if (what) selected = what;
  go(now, { follow: false });
  if (!what) select(keep);
}

const middle = b => ({ x: b.x + b.w / 2, y: b.y + b.h / 2 });

function toggle(number) {
  const { repeat } = scopes[number];
  change(() => {
    if (folded.has(number)) folded.delete(number);
    else if (repeat && unrolled.has(number)) roll(number);
    else folded.add(number);
  }, { scope: number });
}

function foldAll() {
  change(() => { outermost().forEach(k => folded.add(k)); unrolled.clear(); gapOpen = data.hidden[1] <= data.hidden[0]; }, null);
}

function unfoldAll() {
  change(() => { folded.clear(); scopes.forEach(s => { if (s.repeat) unrolled.add(s.number); }); gapOpen = true; }, null);
}

function whatIs(target) {
  const g = target.closest(".node, .cluster");
  if (!g) return null;
  if (g.classList.contains("cluster")) return { scope: +g.id.slice(1) };
  if (g.classList.contains("title")) return { scope: +g.id.slice(1) };
  const unit = units.get(g.id);
  if (!unit) return null;
  if (unit.kind === "gap") return { gap: true };
  return unit.folded !== null ? { scope: unit.folded } : { node: unit.node };
}

// ---------------------------------------------------------------- inputs that can be changed

const SLIDERS = 12; // inputs that get one

function showInputs() {
  if (!adjustable.length) return;
  const form = byId("inputs"), rows = adjustable.slice(0, SLIDERS).map(inputRow);
  const reset = button("reset", "reset", "As in the run in Python", () => {
    adjustable.forEach(node => given.delete(node.number));
    setInput(adjustable[0].number, null);
    form.querySelectorAll(".row").forEach(row => row.back());
    numbersChanged();
  });
  reset.type = "button";
  form.replaceChildren(make("div", [make("h3", "change an input and see the numbers run"), reset], "title"), ...rows, make("p", [], "doubts"));
  form.hidden = false;
  form.onsubmit = event => event.preventDefault();
}

function inputRow(node) {
  const value = Number(node.value.numbers[0]), span = Math.max(1, 2 * Math.abs(value)) || 1;
  const slider = make("input", []), box = make("input", []);
  Object.assign(slider, { type: "range", min: value - span, max: value + span, step: "any", value, id: "input-" + node.number });
  Object.assign(box, { type: "number", step: "any", value: full(value) });
  for (const e of [slider, box]) e.setAttribute("aria-label", node.spoken);
  const reach = x => { // as far as that
    slider.min = Math.min(slider.min, x);
    slider.max = Math.max(slider.max, x);
    slider.value = x;
  };
  const to = x => { if (Number.isFinite(x)) { setInput(node.number, x === value ? null : x); numbersChanged(); } };
  slider.oninput = () => { box.value = full(+slider.value); to(+slider.value); };
  box.oninput = () => {
    if (box.value === "") return;
    reach(+box.value);
    to(+box.value);
  };
  const row = make("label", [make("span", node.own || node.spoken), slider, box], "row");
  row.back = () => { const x = given.has(node.number) ? given.get(node.number) : value; reach(x); box.value = full(x); };
  return row;
}

function numbersChanged() {
  const form = byId("inputs");
  writeNumbers();
  form.querySelector(".doubts").replaceChildren(...doubts().map(words => make("span", words)));
  document.documentElement.classList.toggle("anew", anew !== null);
  sayWords();
  showSelected();
  rememberLink();
}

// ---------------------------------------------------------------- the link

let fresh = null; // how the page was folded when it opened

function linkOf() {
  const state = foldState(), parts = [`step=${now}`], add = (name, list) => { if (list.length) parts.push(`${name}=${list.join(",")}`); };
  add("fold", state.folded.filter(k => !fresh.folded.includes(k)));
  add("unfold", fresh.folded.filter(k => !folded.has(k)));
  add("all", state.unrolled);
  add("show", state.chosen.map(([repeat, k]) => `${repeat}:${k + 1}`));
  add("set", [...given].map(([number, x]) => `${number}:${x}`));
  if (gapOpen !== fresh.gapOpen) parts.push("gap=open");
  return "#" + parts.join("&");
}

function rememberLink() { // a moment later: browsers do not like it when it changes many times a second
  clearTimeout(rememberLink.timer);
  rememberLink.timer = setTimeout(() => {
    const next = linkOf();
    if (location.protocol === "about:") return; // within another page it has no address
    if (next !== location.hash && (location.hash || next !== "#step=0")) history.replaceState(null, "", next);
  }, 250);
}

function followLink() {
  if (location.hash === linkOf()) return;
  const asked = new URLSearchParams(location.hash.slice(1));
  const numbers = name => (asked.get(name) || "").split(",").filter(Boolean).map(x => x.split(":").map(Number)).filter(([k]) => Number.isInteger(k) && k >= 0);
  const state = { folded: [...fresh.folded], unrolled: [], chosen: [], gapOpen: fresh.gapOpen || asked.get("gap") === "open" };
  const without = new Set(numbers("unfold").map(([k]) => k));
  state.folded = [...state.folded.filter(k => !without.has(k)), ...numbers("fold").map(([k]) => k).filter(k => k < scopes.length)];
  state.unrolled = numbers("all").map(([k]) => k).filter(k => scopes[k]?.repeat);
  state.chosen = numbers("show").filter(([k, n]) => scopes[k]?.repeat && n >= 1 && n <= scopes[k].repeat.count).map(([k, n]) => [k, n - 1]);
  given.clear();
  for (const [k, x] of numbers("set")) if (adjustable.some(n => n.number === k) && Number.isFinite(x)) given.set(k, x);
  anew = given.size ? computed() : null;
  const same = JSON.stringify(state) === JSON.stringify(foldState());
  if (!same) change(() => restore(state), null);
  const step = parseInt(asked.get("step"), 10);
  go(Number.isNaN(step) ? now : step);
  if (adjustable.length) {
    byId("inputs").querySelectorAll(".row").forEach(row => row.back());
    numbersChanged();
  }
}

// ---------------------------------------------------------------- keys and buttons

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  root.dataset.theme = (root.dataset.theme || (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => notice("This browser does not show this page in full screen."));
}

function turn() {
  direction = direction === "right" ? "down" : "right";
  change(() => {}, null);
}

function foldSelected() {
  if (!selected) return;
  const chain = selected.scope !== undefined ? [selected.scope] : lineage(nodes[selected.node].home);
  const hidden = chain.find(k => folded.has(k) && !elided(k));
  const scope = hidden ?? chain.filter(isModule).pop();
  if (scope !== undefined && isModule(scope)) toggle(scope);
}

const buttons = {
  first: () => go(0), back: () => go(now - 1), next: () => go(now + 1), last: () => go(seen.length - 1), play, theme, turn,
  full: fullScreen, fit: () => fit(), "zoom-in": () => zoom(0.8), "zoom-out": () => zoom(1.25), "fold-all": foldAll, "unfold-all": unfoldAll,
};

const keys = {
  ArrowRight: buttons.next, ArrowLeft: buttons.back, Home: buttons.first, End: buttons.last, " ": play,
  "+": buttons["zoom-in"], "=": buttons["zoom-in"], "-": buttons["zoom-out"], 0: buttons.fit, t: theme, d: turn, s: fullScreen,
  f: foldSelected, p: togglePin, u: () => nextUse(1), U: () => nextUse(-1), Escape: () => select(null),
  "/": () => { byId("search").focus(); byId("search").select(); },
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target, types = on.tagName === "INPUT" && on.type !== "range";
  if (types) {
    if (event.key === "Escape") on.blur();
    return;
  }
  if (event.key === "Enter" && on.closest("#picture")) {
    const what = whatIs(on);
    if (what && !what.gap) select(what);
    return;
  }
  if (on.type === "range" && /^(Arrow|Home|End)/.test(event.key)) return; // it knows these itself
  if (on.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}

function listen() {
  for (const id in buttons) byId(id).addEventListener("click", buttons[id]);
  byId("slider").addEventListener("input", event => go(+event.target.value));
  document.addEventListener("keydown", onKey);
  picture.addEventListener("click", event => {
    if (dragged) return;
    visited = null;
    const bar = event.target.closest(".bar"), what = whatIs(event.target);
    if (bar && what && what.scope !== undefined) {
      change(() => chosen.set(what.scope, +bar.dataset.repetition), what);
    } else select(what && what.gap ? null : what);
  });
  picture.addEventListener("dblclick", event => {
    const what = whatIs(event.target);
    if (what && what.gap) change(() => { gapOpen = true; }, null);
    else if (what && what.scope !== undefined && isModule(what.scope)) toggle(what.scope);
  });
  picture.addEventListener("focusin", event => {
    const unit = units.get(event.target.id);
    if (unit && event.target.matches(":focus-visible")) reveal(unit.box);
  });
  new ResizeObserver(resized).observe(picture);
  window.addEventListener("hashchange", followLink);
}

async function start() {
  viz = await Viz.instance();
  fresh = foldState();
  const tooMany = draw();
  if (tooMany) throw new Error(`${counted(tooMany)} boxes are too many`);
  findSeen();
  showInputs();
  fit();
  listen();
  if (location.hash) followLink();
  go(now, { follow: now > 0 });
  document.documentElement.dataset.ready = "yes";
}

start().catch(error => picture.append(make("p", "The picture could not be laid out here: " + error.message, "bad")));
