import { parse } from "./json.js";

// The page uses nothing but the public API of the server that it came from.
const base = new URL("../v1/", document.baseURI);

// Failed is an answer that is an error: its problem document.
export class Failed extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
  }
}

async function get(path, parameters = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value);
  const answer = await fetch(url, { cache: "no-store" });
  const text = await answer.text();
  if (!answer.ok) throw new Failed(answer.status, problem(text));
  return parse(text);
}

function problem(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// stats returns what the store holds, or null when it cannot count.
export async function stats() {
  try {
    return await get("stats");
  } catch (error) {
    if (error.status === 501) return null;
    throw error;
  }
}

// newest returns a page of the newest events, newest first.
export function newest(limit, before) {
  return get("events", before === undefined ? { order: "backward", limit } : { order: "backward", limit, before });
}

// event returns the event with the id, or undefined.
export async function event(id) {
  const page = await get("events", { id, limit: 1 });
  return page.events[0];
}

// correlated returns a page of the events that share a correlation id, oldest first.
export function correlated(id) {
  return get("events", { correlation: id, limit: 500 });
}

// rawAddress is where the event can be had as it is.
export function rawAddress(id) {
  return String(new URL("events?" + new URLSearchParams({ id }), base));
}

// streamAddress is where new events can be followed.
export function streamAddress(after) {
  return String(new URL("events/stream?" + new URLSearchParams({ after }), base));
}

// publishAddress is where events are sent.
export const publishAddress = String(new URL("events", base));
