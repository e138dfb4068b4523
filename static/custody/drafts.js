// Keeps what somebody types into a form marked with data-draft: in the browser at every stroke, on the server after a
// pause. When the form is opened again, the page offers to restore it. The server deletes a draft once its form is
// accepted (console/shell/drafts.py); passwords, files and hidden fields are never kept.
"use strict";

const DRAFTS = "/drafts/";
const PAUSE_MS = 1500;
const SENT = "custody-draft-sent";
const kept = (field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type);
const isChoice = (field) => field.type === "checkbox" || field.type === "radio";
const keyOf = (form) => form.dataset.draft;
const person = document.currentScript.dataset.person;
const localKey = (form) => `custody-draft ${person} ${keyOf(form)}`;

const valuesOf = (form) => {
  const values = {};
  for (const field of form.elements) {
    if (!kept(field)) continue;
    const name = isChoice(field) ? `${field.name}=${field.value}` : field.name;
    values[name] = isChoice(field) ? String(field.checked) : field.value;
  }
  return values;
};

const fill = (form, values) => {
  for (const field of form.elements) {
    if (!kept(field)) continue;
    const value = values[isChoice(field) ? `${field.name}=${field.value}` : field.name];
    if (value === undefined) continue;
    if (isChoice(field)) field.checked = value === "true";
    else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
};

const post = (path, data) =>
  fetch(path, {
    method: "POST",
    body: new URLSearchParams(data),
    headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
    keepalive: true,
  }).catch(() => null);

const remember = (form) => {
  const fields = valuesOf(form);
  try {
    localStorage.setItem(localKey(form), JSON.stringify({ saved_at: new Date().toISOString(), fields }));
  } catch {
    // Storage may be full or switched off: the server keeps the draft as well.
  }
  clearTimeout(form.draftTimer);
  form.draftTimer = setTimeout(async () => {
    const answer = await post(DRAFTS, { key: keyOf(form), fields: JSON.stringify(fields) });
    if (answer && answer.ok) form.isDirty = false;
  }, PAUSE_MS);
};

const forget = (form) => {
  clearTimeout(form.draftTimer);
  form.isDirty = false;
  localStorage.removeItem(localKey(form));
};

const readLocal = (form) => {
  try {
    return JSON.parse(localStorage.getItem(localKey(form)));
  } catch {
    return null;
  }
};

const readDraft = async (form) => {
  const local = readLocal(form);
  const answer = await fetch(`${DRAFTS}?${new URLSearchParams({ key: keyOf(form) })}`).catch(() => null);
  const saved = answer && answer.status === 200 ? await answer.json() : null;
  if (local && saved) return local.saved_at > saved.saved_at ? local : saved;
  return local || saved;
};

const offer = (form, draft) => {
  const banner = document.getElementById("draft-offer").content.firstElementChild.cloneNode(true);
  banner.querySelector("time").textContent = new Date(draft.saved_at).toLocaleString();
  banner.querySelector("[data-restore]").addEventListener("click", () => {
    fill(form, draft.fields);
    banner.remove();
  });
  banner.querySelector("[data-discard]").addEventListener("click", () => {
    forget(form);
    post(`${DRAFTS}discard/`, { key: keyOf(form) });
    banner.remove();
  });
  form.prepend(banner);
};

const watch = async (form) => {
  if (form.isWatched) return;
  form.isWatched = true;
  form.addEventListener("input", () => {
    form.isDirty = true;
    remember(form);
  });
  const markSent = () => {
    let field = form.querySelector("[name=draft_key]");
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", name: "draft_key" });
      form.append(field);
    }
    field.value = keyOf(form);
    clearTimeout(form.draftTimer);
    form.isDirty = false;
    sessionStorage.setItem(SENT, localKey(form));
  };
  form.addEventListener("submit", markSent, { capture: true });
  if (sessionStorage.getItem(SENT) === localKey(form)) {
    sessionStorage.removeItem(SENT); // It was refused and is shown again with its text.
    return;
  }
  const draft = await readDraft(form);
  const now = valuesOf(form);
  const differs = draft && Object.entries(draft.fields).some(([name, value]) => name in now && now[name] !== value);
  if (differs && !form.isDirty) offer(form, draft);
};

const watchAll = () => document.querySelectorAll("form[data-draft]").forEach(watch);

document.addEventListener("DOMContentLoaded", () => {
  const sent = sessionStorage.getItem(SENT);
  const isShownAgain = [...document.querySelectorAll("form[data-draft]")].some((form) => localKey(form) === sent);
  if (sent && !isShownAgain) {
    localStorage.removeItem(sent);
    sessionStorage.removeItem(SENT);
  }
  watchAll();
});
document.addEventListener("htmx:afterSettle", watchAll);

window.addEventListener("beforeunload", (event) => {
  if ([...document.querySelectorAll("form[data-draft]")].some((form) => form.isDirty)) event.preventDefault();
});
