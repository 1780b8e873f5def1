"use strict";
// Where no Graphviz was at hand when the page was written, the page lays out its picture itself, with Graphviz as
// WebAssembly (Viz.js).

Viz.instance().then(viz => {
  const place = document.getElementById("picture");
  const svg = viz.renderSVGElement(JSON.parse(document.getElementById("dot").textContent));
  place.append(svg);
  if (window.frameElement) window.frameElement.style.height = svg.getBoundingClientRect().height + 24 + "px";
}).catch(error => {
  document.getElementById("picture").append("The picture could not be laid out here: " + error.message);
});
