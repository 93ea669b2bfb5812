import { element } from "./dom.js";

// Digits is a number whose digits JavaScript would change.
class Digits {
  constructor(source) {
    this.source = source;
  }
}

// parse is JSON.parse, except that numbers too long for JavaScript keep every digit, in browsers that can tell.
export function parse(text) {
  return JSON.parse(text, (_, value, context) => {
    if (typeof value !== "number" || !context || context.source === String(value)) return value;
    return new Digits(context.source);
  });
}

const maxValues = 3000; // of one payload on the page
const maxText = 4000; // characters of one string on the page

// pretty returns a payload as indented, coloured text. What is too long is cut, and says so.
export function pretty(value) {
  const out = element("pre", { class: "json", tabindex: "0" });
  const left = { values: maxValues };
  write(out, value, "", left);
  if (left.values < 0) out.append(element("span", { class: "cut" }, "\n… shortened; the raw event has everything"));
  return out;
}

function write(out, value, indent, left) {
  if (left.values-- <= 0) return;
  if (Array.isArray(value)) writeAll(out, "[", "]", value.map((item) => [null, item]), indent, left);
  else if (value instanceof Digits) out.append(element("span", { class: "number" }, value.source));
  else if (value !== null && typeof value === "object") writeAll(out, "{", "}", Object.entries(value), indent, left);
  else out.append(scalar(value));
}

function writeAll(out, open, close, entries, indent, left) {
  if (entries.length === 0) {
    out.append(open + close);
    return;
  }
  const inner = indent + "  ";
  out.append(open);
  for (const [index, [key, item]] of entries.entries()) {
    if (left.values <= 0) {
      left.values = -1;
      break;
    }
    out.append((index === 0 ? "\n" : ",\n") + inner);
    if (key !== null) out.append(element("span", { class: "key" }, JSON.stringify(key)), ": ");
    write(out, item, inner, left);
  }
  out.append("\n" + indent + close);
}

function scalar(value) {
  if (typeof value !== "string") return element("span", { class: typeof value === "number" ? "number" : "word" }, String(value));
  const text = JSON.stringify(value);
  return element("span", { class: "string" }, text.length > maxText ? text.slice(0, maxText) + "…" : text);
}
