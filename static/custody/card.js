// Counts how much of each template is filled while somebody edits a card. What counts is the count of the server.
"use strict";

const form = document.querySelector("form[data-card]");

// Stand-ins say nothing (registry/cards/values.py has the whole list).
const NOTHING = /^(to ?do|tbd|tba|fixme|xxx+|n\.? ?\/? ?a\.?|none|nil|null|unknown|placeholder)?$/i;

const saysSomething = (name) => {
  const field = form.elements[name];
  const text = field ? field.value.replace(/^[\s\-–—.…<>[\](){}*_#:!?`'"]+|[\s\-–—.…<>[\](){}*_#:!?`'"]+$/g, "") : "";
  return !NOTHING.test(text);
};

const count = () => {
  for (const item of form.querySelectorAll("[data-keys]")) {
    const keys = item.dataset.keys.split(" ").filter(Boolean);
    const filled = Number(item.dataset.settled) + keys.filter(saysSomething).length;
    const total = Number(item.dataset.total);
    item.querySelector("progress").value = filled;
    item.querySelector("[data-score]").textContent = `${total ? Math.floor((filled * 100) / total) : 100} %`;
  }
};

if (form) form.addEventListener("input", count);
