import { byId, dotted, element, setText } from "./dom.js";
import { count, hue, rate } from "./format.js";
import { other } from "./rates.js";

// TypesView shows how many events of each type there are and how fast they come.
export class TypesView {
  constructor(choose) {
    this.choose = choose; // called with the type that was clicked
    this.body = byId("types");
    this.note = byId("types-note");
    this.rows = new Map();
  }

  show(types) {
    const fastest = Math.max(...types.map((t) => t.last10), 0.1);
    const shown = new Set(types.map((t) => t.type));
    for (const [type, row] of this.rows) {
      if (shown.has(type)) continue;
      row.line.remove();
      this.rows.delete(type);
    }
    for (const [place, t] of types.entries()) {
      const row = this.rows.get(t.type) ?? this.make(t.type);
      setText(row.total, count(t.total));
      setText(row.last10, rate(t.last10));
      setText(row.last60, rate(t.last60));
      row.bar.style.width = `${(100 * t.last10) / fastest}%`;
      if (this.body.children[place] !== row.line) this.body.insertBefore(row.line, this.body.children[place] ?? null);
    }
    setText(this.note, types.length > 0 ? count(types.length) : "");
  }

  make(type) {
    const row = {
      total: element("td"), last10: element("td"), last60: element("td"), bar: element("span", { class: "rate" }),
    };
    const name = type === other ? other : element("button", {
      type: "button", class: "type", title: `Show only ${type}`, onclick: () => this.choose(type),
    }, ...dotted(type));
    const cell = element("th", { scope: "row" }, name, row.bar);
    row.line = element("tr", {}, cell, row.total, row.last10, row.last60);
    row.line.style.setProperty("--hue", hue(type));
    this.rows.set(type, row);
    return row;
  }
}
