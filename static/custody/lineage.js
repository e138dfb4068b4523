// The lineage graph: search, pan, zoom, and highlighting. A click on an artifact highlights its ancestors, descendants
// or both, as the tab says. The server draws the graph, and every node has its direct inputs, so no request is made.
// The address keeps which artifact is highlighted.
"use strict";

const svg = document.getElementById("graph");
if (svg) {
  const nodes = [...svg.querySelectorAll("a.node")];
  const byId = new Map(nodes.map((node) => [node.dataset.id, node]));
  const edges = [...svg.querySelectorAll("path.edge")];
  const summary = document.getElementById("graph-summary");
  const open = document.getElementById("graph-open");
  const centre = document.getElementById("graph-centre");
  const clear = document.getElementById("graph-clear");
  let picked = svg.querySelector("a.node.picked");

  const direction = svg.dataset.direction;
  const sources = new Map(nodes.map((node) => [node.dataset.id, node.dataset.sources.split(" ").filter(Boolean)]));
  const targets = new Map(nodes.map((node) => [node.dataset.id, []]));
  for (const [id, above] of sources) for (const source of above) if (targets.has(source)) targets.get(source).push(id);

  const walk = (start, onward) => {
    const seen = new Set([start]);
    const waiting = [start];
    while (waiting.length) {
      for (const there of onward.get(waiting.pop()) || []) {
        if (!seen.has(there)) {
          seen.add(there);
          waiting.push(there);
        }
      }
    }
    return seen;
  };
  const highlighted = (node) => {
    const up = direction === "down" ? [] : walk(node.dataset.id, sources);
    const down = direction === "up" ? [] : walk(node.dataset.id, targets);
    return new Set([node.dataset.id, ...up, ...down]);
  };

  const link = (anchor, href) => {
    anchor.hidden = !href;
    if (href) anchor.href = href;
  };

  const show = (node, remember) => {
    picked = node;
    const lit = node ? highlighted(node) : null;
    for (const each of nodes) {
      const on = lit && lit.has(each.dataset.id);
      each.classList.toggle("lit", Boolean(on));
      each.classList.toggle("dim", Boolean(lit && !on));
      each.classList.toggle("picked", each === node);
    }
    for (const edge of edges) {
      const on = lit && lit.has(edge.dataset.from) && lit.has(edge.dataset.to);
      edge.classList.toggle("lit", Boolean(on));
      edge.classList.toggle("dim", Boolean(lit && !on));
    }
    const count = lit ? lit.size - 1 : 0;
    summary.textContent = node
      ? `${node.dataset.name} has ${count} ${svg.dataset.words}.`
      : `Click an artifact to highlight its ${svg.dataset.words}.`;
    link(open, node && node.dataset.page);
    link(centre, node && node.dataset.centre);
    clear.hidden = !node;
    if (!remember) return;
    const address = new URL(window.location.href);
    if (node) address.searchParams.set("picked", node.dataset.urn);
    else address.searchParams.delete("picked");
    history.pushState({}, "", address);
  };

  // --- search ----------------------------------------------------------------------------------------------------
  const search = document.getElementById("graph-search");
  search.hidden = false;
  search.addEventListener("input", () => {
    const text = search.value.trim().toLowerCase();
    let hits = 0;
    for (const node of nodes) {
      const hit = !text || node.dataset.name.toLowerCase().includes(text);
      node.classList.toggle("dim", !hit);
      node.classList.toggle("lit", Boolean(text) && hit);
      hits += hit ? 1 : 0;
    }
    for (const edge of edges) edge.classList.toggle("dim", Boolean(text));
    summary.textContent = text ? `${hits} of ${nodes.length} artifacts match.` : "";
    if (!text) show(picked, false);
  });

  // --- pan and zoom on the viewBox ------------------------------------------------------------------------------
  const full = { x: 0, y: 0, w: Number(svg.dataset.width), h: Number(svg.dataset.height) };
  let view = { ...full };
  const paint = () => svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  const zoom = (factor, fx = 0.5, fy = 0.5) => {
    const w = Math.min(Math.max(view.w * factor, 160), full.w * 4);
    const h = (view.h * w) / view.w;
    view = { x: view.x + (view.w - w) * fx, y: view.y + (view.h - h) * fy, w, h };
    paint();
  };
  const frame = () => svg.getBoundingClientRect();

  // A wide graph on a narrow screen starts at a size that can be read, beside the artifact the page is about.
  // A small one takes no more height than it needs.
  const begin = () => {
    const { width } = frame();
    const shown = Math.min(width / full.w, 1.15);
    const needed = full.h * (shown < 0.5 ? 0.7 : shown) + 72;
    svg.style.height = `${Math.round(Math.min(frame().height, Math.max(needed, 220)))}px`;
    const { height } = frame();
    const scale = Math.min(width / full.w, height / full.h);
    if (scale >= 0.5 || !width) {
      const room = Math.min(scale, 1.15);
      view = { w: width / room, h: height / room, x: 0, y: 0 };
      view.x = (full.w - view.w) / 2;
      view.y = (full.h - view.h) / 2;
    } else {
      const box = (svg.querySelector("a.node.is-root") || nodes[0]).querySelector("rect");
      view = { w: width / 0.7, h: height / 0.7, x: 0, y: 0 };
      view.x = Number(box.getAttribute("x")) + 92 - view.w / 2;
      view.x = Math.max(-16, Math.min(view.x, full.w - view.w));
      view.y = Number(box.getAttribute("y")) + 28 - view.h / 2;
    }
    paint();
  };
  begin();
  svg.dataset.ready = "yes"; // the view stands: from here on only the reader moves it

  document.getElementById("graph-in").addEventListener("click", () => zoom(0.8));
  document.getElementById("graph-out").addEventListener("click", () => zoom(1.25));
  document.getElementById("graph-fit").addEventListener("click", () => {
    view = { ...full };
    paint();
  });
  svg.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = frame();
      const factor = event.deltaY > 0 ? 1.1 : 0.9;
      zoom(factor, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    },
    { passive: false },
  );

  let drag = null;
  let moved = false;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    drag = { x: event.clientX, y: event.clientY, view: { ...view } };
    moved = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (Math.abs(dx) + Math.abs(dy) > 4) moved = true;
    if (!moved) return;
    const box = frame();
    const unit = Math.max(drag.view.w / box.width, drag.view.h / box.height);
    view = { ...drag.view, x: drag.view.x - dx * unit, y: drag.view.y - dy * unit };
    svg.classList.add("is-panning");
    paint();
  });
  window.addEventListener("pointerup", () => {
    drag = null;
    svg.classList.remove("is-panning");
  });
  svg.addEventListener("dragstart", (event) => event.preventDefault());

  // --- picking ---------------------------------------------------------------------------------------------------
  svg.addEventListener("click", (event) => {
    const node = event.target.closest("a.node");
    if (!node || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    if (moved) return;
    show(node === picked ? null : node, true);
  });
  clear.addEventListener("click", (event) => {
    event.preventDefault();
    show(null, true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && picked) show(null, true);
  });
  window.addEventListener("popstate", () => {
    const urn = new URL(window.location.href).searchParams.get("picked");
    show(nodes.find((node) => urn && node.dataset.urn === urn) || null, false);
  });
}
