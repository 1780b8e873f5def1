// Search: by name, operation or module, with the keyboard too.

const HITS = 40; // that are listed
let hits = [], active = 0;

const entries = [
  ...scopes.filter(s => s.number && !s.alone && (s.of === null || s.repeat)).map(scopeEntry),
  ...nodes.map(n => ({ what: { node: n.number }, words: `${n.operation || n.kind} ${n.name}`, about: modulesOf(lineage(n.home).slice(1)) })),
].map(entry => ({ ...entry, text: `${entry.words} ${entry.about}`.toLowerCase() }));

function scopeEntry({ number, facts }) {
  return { what: { scope: number }, words: scopeTitle(number), about: modulesOf(lineage(number).slice(1, -1)) || facts };
}

function modulesOf(chain) {
  return chain.filter(k => !scopes[k].repeat).map(k => `${scopes[k].name} ${scopes[k].type}`.trim()).join(" / ");
}

function search(asked) {
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  const starts = entry => +!words.some(w => entry.words.toLowerCase().split(/[ .%]/).includes(w));
  hits = words.length ? entries.filter(entry => words.every(w => entry.text.includes(w))) : [];
  hits = hits.map((entry, k) => [starts(entry), k, entry]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , entry]) => entry);
  active = 0;
  list(words.length > 0);
}

function list(asked) {
  const found = byId("found");
  found.hidden = !asked;
  const rows = hits.slice(0, HITS).map((entry, k) => {
    const row = make("li", [make("b", entry.words), " ", make("small", entry.about)], k === active ? "active" : "");
    row.onpointerdown = event => { event.preventDefault(); active = k; enter(); };
    return row;
  });
  if (hits.length > HITS) rows.push(make("li", `and ${plural(hits.length - HITS, "other")}`, "more"));
  if (asked && !hits.length) rows.push(make("li", "nothing is called so", "more"));
  found.replaceChildren(...rows);
  found.querySelector(".active")?.scrollIntoView({ block: "nearest" });
}

function enter() { // go to the hit; once more: to the next one
  if (!hits.length) return;
  visited = null;
  visit(hits[active].what);
}

byId("search").addEventListener("input", event => search(event.target.value));
byId("search").addEventListener("focus", event => search(event.target.value));
byId("search").addEventListener("blur", () => { byId("found").hidden = true; });
byId("search").addEventListener("keydown", event => {
  const count = Math.min(hits.length, HITS);
  if (event.key === "Enter") {
    if (hits.length && selected && sameThing(selected, hits[active].what)) active = (active + 1) % count;
    enter();
    list(true);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    active = count ? (active + (event.key === "ArrowDown" ? 1 : count - 1)) % count : 0;
    list(true);
  } else if (event.key === "Escape") {
    event.target.value = "";
    event.target.blur();
  } else return;
  event.preventDefault();
  event.stopPropagation();
});

const sameThing = (a, b) => a.node === b.node && a.scope === b.scope;
