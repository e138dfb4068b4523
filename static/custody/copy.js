// Buttons that copy the text of the element that their data-copy attribute selects.
"use strict";

const SHOWN_MS = 1600;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  const confirm = (text) => {
    const label = button.querySelector("[data-label]") || button;
    const before = label.textContent;
    label.textContent = text;
    setTimeout(() => (label.textContent = before), SHOWN_MS);
  };
  // Browsers have no clipboard on pages that came over plain HTTP: there the text is selected.
  const select = () => {
    window.getSelection().selectAllChildren(source);
    confirm(document.execCommand("copy") ? "Copied" : "Selected");
  };
  if (!navigator.clipboard) return select();
  navigator.clipboard.writeText(source.textContent.trim()).then(() => confirm("Copied"), select);
});
