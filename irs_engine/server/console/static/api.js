// Requests to the service this page came from, in the session of whoever is signed in.

// What the service says went wrong: a code of the reference, its text, and what exactly was not accepted.
export class Refusal extends Error {
  constructor(status, body) {
    const inner = body?.error ?? {};
    super(body?.error_msg ?? inner.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = body?.error_code ?? "";
    this.detail = body?.detail ?? inner.detail ?? "";
  }
}

let csrf = "";
export const setCsrf = (token) => (csrf = token ?? "");

// The response to a request, whatever its status. Only a connection that fails is an error.
export async function send(method, path, { json, form, signal } = {}) {
  const headers = { Accept: "application/json, image/*" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const body = json !== undefined ? JSON.stringify(json) : form;
  try {
    return await fetch(path, { method, headers, body, signal, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
}

// The JSON of a successful answer; a Refusal otherwise.
export async function ask(method, path, options) {
  const response = await send(method, path, options);
  await refuse(response);
  return response.status === 204 ? null : response.json();
}

export async function refuse(response) {
  if (response.ok) return;
  const refusal = new Refusal(response.status, await response.json().catch(() => null));
  if (response.status === 401) document.dispatchEvent(new CustomEvent("signed-out"));
  throw refusal;
}

export const get = (path) => ask("GET", path);
