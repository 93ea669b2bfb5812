import * as api from "./api.js";
import { byId, dotted, element } from "./dom.js";
import { hue, moment } from "./format.js";
import { pretty } from "./json.js";
import { causation } from "./tree.js";

const inHeading = new Set(["type", "stream", "revision", "data", "data_base64", "specversion"]);

// DetailView shows one event: payload, what caused it and what it caused, and the rest of its attributes.
export class DetailView {
  constructor(choose, close) {
    this.panel = byId("detail");
    this.choose = choose; // called with the id of another event
    this.close = close;
    this.hint = this.panel.firstElementChild;
    this.shown = "";
  }

  async show(id) {
    this.shown = id;
    document.body.classList.toggle("has-detail", id !== "");
    if (id === "") {
      this.panel.replaceChildren(this.hint);
      return;
    }
    try {
      const event = await api.event(id);
      if (this.shown !== id) return; // another was chosen meanwhile
      if (!event) throw new Error("There is no such event in this store.");
      const tree = element("div", { class: "causation" }, element("p", { class: "note" }, "Looking…"));
      this.panel.replaceChildren(this.heading(event), section("Payload", payload(event)), section("Causation", tree),
        section("Attributes", this.attributes(event)));
      this.panel.scrollTop = 0;
      this.panel.focus({ preventScroll: true });
      tree.replaceChildren(...(await this.causation(event)));
      this.scrollToChosen(tree);
    } catch (error) {
      if (this.shown === id) this.panel.replaceChildren(this.closeButton(), element("p", { class: "hint" }, error.message));
    }
  }

  heading(event) {
    const title = element("h2", { class: "type" }, ...dotted(event.type));
    title.style.setProperty("--hue", hue(event.type));
    const place = event.stream ? `${event.stream}, revision ${event.revision}` : "";
    return element("div", { class: "bar" }, element("div", { class: "heading" }, title, element("p", { class: "note" }, place)),
      element("a", { href: api.rawAddress(event.id), target: "_blank", rel: "noopener" }, "Raw"), this.closeButton());
  }

  closeButton() {
    return element("button", { type: "button", class: "close", onclick: this.close }, "Close");
  }

  async causation(event) {
    const correlation = event.correlationid ?? event.id;
    const page = await api.correlated(correlation);
    const events = page.events.some((e) => e.id === event.id) ? page.events : [...page.events, event];
    const parts = [causation(events, event.id, this.choose)];
    if (events.length === 1) parts.push(element("p", { class: "note" }, "Nothing caused it, and it has caused nothing so far."));
    if (page.next) parts.push(element("p", { class: "note" }, `The first ${page.events.length} events of this correlation.`));
    return parts;
  }

  // scrollToChosen moves a long tree, and not the panel.
  scrollToChosen(part) {
    const tree = part.querySelector(".tree");
    const node = tree.querySelector("[aria-current]");
    if (node) tree.scrollTop = node.offsetTop - tree.offsetTop - tree.clientHeight / 2;
  }

  attributes(event) {
    const list = element("dl", { class: "attributes" });
    for (const [name, value] of Object.entries(event)) {
      if (!inHeading.has(name)) list.append(element("dt", {}, name), element("dd", {}, this.attribute(name, value)));
    }
    return list;
  }

  attribute(name, value) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (name === "causationid") return element("button", { type: "button", class: "link", onclick: () => this.choose(text) }, text);
    if (name === "time") return element("span", { title: text }, moment(text));
    return text;
  }
}

function section(title, content) {
  return element("section", {}, element("h3", {}, title), content);
}

function payload(event) {
  if (event.data_base64 !== undefined) {
    const note = element("p", { class: "note" }, `${event.datacontenttype ?? "Binary"}, as Base64`);
    return element("div", {}, note, element("pre", { tabindex: "0" }, String(event.data_base64).slice(0, 20_000)));
  }
  if (event.data === undefined) return element("p", { class: "note" }, "The event has no payload.");
  if (typeof event.data === "string" && event.datacontenttype && !event.datacontenttype.includes("json")) {
    return element("pre", { tabindex: "0" }, event.data.slice(0, 200_000));
  }
  return pretty(event.data);
}
