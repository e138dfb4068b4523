// Forms that need a passkey: data-passkey="create" makes one, data-passkey="get" signs with one. The form is sent once
// its field "passkey_answer" has the answer of the browser. A form that signs has its options in data-passkey-options,
// or gets them from data-passkey-address, to which its fields are posted, with the token for "passkey_token".
"use strict";

const NO_PASSKEYS =
  "This browser cannot use passkeys on this page. Open it over HTTPS, or on http://localhost, in a current browser.";
const STOPPED = "No passkey answered: it was cancelled, it took too long, or this passkey is not one of yours.";

const canUsePasskeys = () =>
  window.PublicKeyCredential && typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function";

const show = (form, text) => {
  const problem = form.querySelector("[data-passkey-problem]");
  problem.textContent = text;
  problem.hidden = !text;
};

const create = (form) =>
  navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset.passkeyOptions)),
  });

const get = (options) =>
  navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });

const sign = async (form, part) => {
  if (part.dataset.passkeyOptions) return get(JSON.parse(part.dataset.passkeyOptions));
  const fields = new FormData(form);
  fields.delete("password");
  const answer = await fetch(part.dataset.passkeyAddress, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
  });
  const body = await answer.json().catch(() => ({}));
  if (!body.options) throw new Error(body.problem || "The server prepared nothing to sign. Load the page again.");
  form.elements.passkey_token.value = body.token;
  return get(body.options);
};

const run = async (form, part) => {
  show(form, "");
  if (!canUsePasskeys()) return show(form, NO_PASSKEYS);
  try {
    const credential = part.dataset.passkey === "create" ? await create(form) : await sign(form, part);
    form.elements.passkey_answer.value = JSON.stringify(credential.toJSON());
  } catch (error) {
    return show(form, error instanceof DOMException ? STOPPED : error.message);
  }
  form.requestSubmit();
};

// Where the passkey is only offered, the form has a checkbox for it.
const isWanted = (form) => !form.elements.use_passkey || form.elements.use_passkey.checked;

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    const part = form.matches("[data-passkey]") ? form : form.querySelector("[data-passkey]");
    if (!part || form.elements.passkey_answer.value || !isWanted(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    run(form, part);
  },
  { capture: true },
);
