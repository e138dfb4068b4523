// The shell's keyboard manners: a dialog that opens takes the focus and keeps it; closing gives it back.
"use strict";

const box = () => document.getElementById("modal-content");
let opener = null;

const reachable = (root) =>
  [...root.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")].filter(
    (element) => !element.disabled && element.offsetParent !== null,
  );

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target && event.detail.target.id === "modal-content") opener = event.detail.elt;
});

document.addEventListener("htmx:afterSettle", (event) => {
  const modal = box();
  if (!modal || !modal.contains(event.detail.elt)) return;
  setTimeout(() => {
    const wrong = modal.querySelector(".c-errors, [role=alert]");
    const field = modal.querySelector("textarea, select, input:not([type=hidden])") || reachable(modal)[0];
    if (field) field.focus({ preventScroll: !wrong });
  }, 60);
});

document.addEventListener("keydown", (event) => {
  const modal = box();
  if (event.key === "Escape" && opener) {
    setTimeout(() => opener && opener.focus(), 0);
    return;
  }
  if (event.key !== "Tab" || !modal || modal.offsetParent === null) return;
  const stops = reachable(modal);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  const other = event.shiftKey ? stops[stops.length - 1] : stops[0];
  if (document.activeElement === edge || !modal.contains(document.activeElement)) {
    event.preventDefault();
    other.focus();
  }
});

// A button that copies what it names. Browsers have no clipboard where the page came over plain HTTP: then it is selected.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  const say = (words) => {
    const label = button.querySelector("[data-label]") || button;
    const before = label.textContent;
    label.textContent = words;
    setTimeout(() => (label.textContent = before), 1600);
  };
  const select = () => {
    window.getSelection().selectAllChildren(source);
    say(document.execCommand("copy") ? "Copied" : "Selected");
  };
  if (!navigator.clipboard) return select();
  navigator.clipboard.writeText(source.textContent.trim()).then(() => say("Copied"), select);
});

// A dialog's server error must be shown, not swallowed: htmx leaves the page alone on 4xx and 5xx.
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401 || status === 403 || status === 404) window.location.reload();
});
