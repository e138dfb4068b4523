// Beside a policy that is being written: a click on "line 12" goes there, and Tab leaves the text as everywhere else.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  if (!button) return;
  const area = document.querySelector(button.dataset.in);
  const lines = area.value.split("\n");
  const wanted = Math.min(Number(button.dataset.line), lines.length);
  const start = lines.slice(0, wanted - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + lines[wanted - 1].length);
  const height = parseFloat(getComputedStyle(area).lineHeight) || 20;
  area.scrollTop = Math.max(0, (wanted - 4) * height);
});
