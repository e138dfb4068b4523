// The search dialog of every page: "/" or Ctrl-K opens it, arrows move, Enter opens the page, Escape closes.
"use strict";

const searchDialog = () => document.getElementById("search-dialog");
const TYPES = new Set(["INPUT", "TEXTAREA", "SELECT"]);
const isTyping = (element) => element && (TYPES.has(element.tagName) || element.isContentEditable);
const WAIT = 180;
let timer = 0;
let asked = 0;

function openSearch() {
  const dialog = searchDialog();
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("input").select();
}

async function showResults(input) {
  const turn = ++asked;
  const list = document.getElementById("search-results");
  const text = input.value.trim();
  if (!text) {
    list.replaceChildren();
    return;
  }
  try {
    const url = `${input.dataset.url}?q=${encodeURIComponent(text)}`;
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    const html = answer.ok ? await answer.text() : "";
    if (turn !== asked) return; // another text was typed meanwhile
    if (answer.ok) list.innerHTML = html;
    else list.textContent = "The search could not be carried out. Press Enter to try it on its page.";
  } catch {
    if (turn === asked) list.textContent = "The server does not answer.";
  }
}

function move(dialog, step) {
  const stops = [dialog.querySelector("input"), ...dialog.querySelectorAll("a.c-hit")];
  const next = stops.indexOf(document.activeElement) + step;
  stops[(next + stops.length) % stops.length].focus();
}

document.addEventListener("keydown", (event) => {
  const dialog = searchDialog();
  if (!dialog) return;
  const isCommand = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  const isShortcut = isCommand && event.key.toLowerCase() === "k";
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target);
  if (isShortcut || (isSlash && !dialog.open)) {
    event.preventDefault();
    openSearch();
  } else if (dialog.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    move(dialog, event.key === "ArrowDown" ? 1 : -1);
  }
});

document.addEventListener("input", (event) => {
  if (!event.target.closest("#search-dialog")) return;
  clearTimeout(timer);
  timer = setTimeout(showResults, WAIT, event.target);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-open-search]")) {
    event.preventDefault();
    openSearch();
  } else if (event.target === searchDialog()) searchDialog().close(); // a click beside it
});
