import { publishAddress } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { count, hue, time } from "./format.js";

const maxRows = 500; // on the page
const maxKept = 2000; // that a changed filter can bring back

// ListView shows events as they arrive, newest on top. While it is paused they wait.
export class ListView {
  constructor(choose) {
    this.choose = choose; // called with the id of the event that was chosen
    this.rows = byId("rows");
    this.empty = byId("empty");
    this.pause = byId("pause");
    this.filter = byId("filter");
    this.kept = []; // oldest first
    this.waiting = []; // not shown yet, oldest first
    this.missed = 0; // that came while paused
    this.paused = false;
    this.loaded = false;
    this.chosen = "";
    this.words = [];

    this.rows.addEventListener("pointerdown", (e) => e.pointerType === "mouse" && e.button === 0 && this.pick(e));
    this.rows.addEventListener("click", (e) => this.pick(e));
    this.rows.addEventListener("keydown", (e) => this.move(e));
    this.pause.addEventListener("click", () => this.setPaused(!this.paused));
    this.filter.addEventListener("input", () => this.setFilter(this.filter.value));
  }

  // begin replaces everything by these events, newest first.
  begin(events) {
    this.kept = events.toReversed().map(summary);
    this.waiting = [];
    this.missed = 0;
    this.loaded = true;
    this.redraw();
  }

  add(event) {
    const row = summary(event);
    this.kept.push(row);
    if (this.kept.length > 2 * maxKept) this.kept.splice(0, this.kept.length - maxKept);
    if (!this.matches(row)) return;
    this.waiting.push(row);
    if (this.waiting.length > 2 * maxRows) this.waiting.splice(0, this.waiting.length - maxRows);
    if (this.paused) this.missed++;
  }

  // draw brings what waits onto the page.
  draw() {
    if (this.paused) {
      setText(this.pause, this.missed > 0 ? `Resume (${count(this.missed)} new)` : "Resume");
      return;
    }
    if (this.waiting.length > 0) this.put(this.waiting.slice(-maxRows), "fresh");
    this.waiting = [];
    this.showEmpty();
  }

  redraw() {
    this.rows.replaceChildren();
    this.waiting = [];
    this.missed = 0;
    this.put(this.kept.filter((row) => this.matches(row)).slice(-maxRows), "");
    this.showEmpty();
  }

  put(rows, freshness) {
    const lines = rows.map((row) => this.line(row, freshness)).reverse();
    this.rows.prepend(...lines);
    while (this.rows.children.length > maxRows) this.rows.lastElementChild.remove();
    this.keepReachable();
  }

  line(row, freshness) {
    const button = element("button", { type: "button", class: `row ${freshness}`, tabindex: "-1", title: `${row.type}\n${row.stream}\n${row.time}` },
      element("span", { class: "time" }, time(row.time)),
      element("span", { class: "type" }, row.type),
      element("span", { class: "stream" }, row.stream),
      element("span", { class: "preview" }, row.preview),
      element("span", { class: "position" }, row.position));
    button.dataset.id = row.id;
    button.style.setProperty("--hue", hue(row.type));
    if (row.id === this.chosen) button.setAttribute("aria-current", "true");
    return element("li", {}, button);
  }

  // keepReachable lets the Tab key find one row, the newest unless another is in use; the arrow keys find the others.
  keepReachable() {
    const inUse = this.chosen !== "" || this.rows.contains(document.activeElement);
    if (!inUse || !this.reachable()) this.reach(this.rows.querySelector("button"));
  }

  reachable() {
    return this.rows.querySelector('[tabindex="0"]');
  }

  reach(button) {
    this.reachable()?.setAttribute("tabindex", "-1");
    button?.setAttribute("tabindex", "0");
  }

  showEmpty() {
    const none = this.loaded && this.rows.children.length === 0;
    this.empty.hidden = !none;
    if (none) this.empty.replaceChildren(...(this.kept.length > 0 ? nothingMatches() : nothingYet()));
  }

  pick(e) {
    const button = e.target.closest("button.row");
    if (button && button.dataset.id !== this.chosen) this.choose(button.dataset.id);
  }

  // mark shows which event is chosen.
  mark(id) {
    this.chosen = id;
    this.rows.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const row = id && this.rows.querySelector(`[data-id="${CSS.escape(id)}"]`);
    if (!row) return;
    row.setAttribute("aria-current", "true");
    this.reach(row);
  }

  // focusRow gives the keyboard back to the row that was chosen last.
  focusRow() {
    this.reachable()?.focus();
  }

  move(e) {
    const line = e.target.closest("li");
    const next = line && {
      ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling,
      Home: this.rows.firstElementChild, End: this.rows.lastElementChild,
    }[e.key]?.querySelector("button");
    if (!next) return;
    e.preventDefault();
    this.reach(next);
    next.focus();
  }

  setPaused(paused) {
    this.paused = paused;
    this.missed = 0;
    this.pause.setAttribute("aria-pressed", String(paused));
    setText(this.pause, paused ? "Resume" : "Pause");
    this.draw();
  }

  setFilter(text) {
    this.filter.value = text;
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.redraw();
  }

  matches(row) {
    return this.words.every((word) => row.searched.includes(word));
  }
}

// summary is what a row shows. The event itself is fetched again when it is chosen, so that the list stays small.
function summary(event) {
  const type = String(event.type);
  const stream = String(event.stream ?? "");
  return {
    id: String(event.id), type, stream, time: event.time ?? "", position: String(event.position ?? ""),
    preview: preview(event), searched: `${type} ${stream}`.toLowerCase(),
  };
}

function preview(event) {
  if (event.data === undefined) return event.data_base64 === undefined ? "" : "binary data";
  const text = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
  return text.slice(0, 160);
}

function nothingMatches() {
  return [element("p", {}, "No event matches the filter.")];
}

function nothingYet() {
  const command = [
    `curl ${publishAddress} \\`,
    "  -H 'Content-Type: application/cloudevents+json' \\",
    `  -d '{"specversion":"1.0","id":"1","source":"/me","type":"hello.said","data":{"text":"Hello"}}'`,
  ].join("\n");
  return [element("p", {}, "No events yet. Send the first one:"), element("pre", { tabindex: "0" }, command)];
}
