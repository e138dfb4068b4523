// Keyboard behaviour of dialogs: a dialog takes the focus when it opens, keeps it, and gives it back when it closes.
"use strict";

const modalContent = () => document.getElementById("modal-content");
let opener = null;

const focusable = (root) =>
  [...root.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")].filter(
    (element) => !element.disabled && element.offsetParent !== null,
  );

const isForModal = (event) => event.detail.target && event.detail.target.id === "modal-content";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isForModal(event)) opener = event.detail.elt;
});

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (isForModal(event) && event.detail.xhr.status < 400) window.dispatchEvent(new CustomEvent("open-dialog"));
});

document.addEventListener("htmx:afterSettle", (event) => {
  const modal = modalContent();
  if (!modal || !modal.contains(event.detail.elt)) return;
  // Alpine shows the modal in the next frame; a hidden element cannot take the focus.
  setTimeout(() => {
    const error = modal.querySelector(".c-errors, [role=alert]");
    const field = modal.querySelector("textarea, select, input:not([type=hidden])") || focusable(modal)[0];
    if (field) field.focus({ preventScroll: !error });
  }, 60);
});

document.addEventListener("keydown", (event) => {
  const modal = modalContent();
  if (event.key === "Escape" && opener) {
    setTimeout(() => opener && opener.focus(), 0);
    return;
  }
  if (event.key !== "Tab" || !modal || modal.offsetParent === null) return;
  const stops = focusable(modal);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  const other = event.shiftKey ? stops[stops.length - 1] : stops[0];
  if (document.activeElement === edge || !modal.contains(document.activeElement)) {
    event.preventDefault();
    other.focus();
  }
});

// htmx ignores 4xx and 5xx answers. A dialog that cannot be opened says why on a page of its own; any other part of the
// page is out of date, and loading it again shows the sign-in page or what has changed.
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (isForModal(event)) window.location.assign(event.detail.elt.href);
  else if (status === 401 || status === 403 || status === 404) window.location.reload();
});
