import { dotted, element } from "./dom.js";
import { after, hue } from "./format.js";

// causation returns the tree of events that share a correlation id, with the chosen one marked. What led to it and what it led to
// stands out; what else its root caused is dimmed.
export function causation(events, chosen, choose) {
  const known = new Map(events.map((event) => [event.id, event]));
  const children = new Map();
  const roots = [];
  for (const event of events) {
    const parent = known.get(event.causationid);
    if (!parent || parent === event) roots.push(event);
    else children.set(parent.id, [...(children.get(parent.id) ?? []), event]);
  }
  const line = new Set([...ancestors(known, chosen), ...descendants(children, chosen)]);
  const draw = (event, earlier, seen) => element("li", {},
    node(event, earlier, line.has(event.id), event.id === chosen, choose),
    branch(children.get(event.id) ?? [], event, new Set(seen).add(event.id)));
  const branch = (of, parent, seen) => {
    const fresh = of.filter((event) => !seen.has(event.id));
    return fresh.length === 0 ? null : element("ul", {}, ...fresh.map((event) => draw(event, parent, seen)));
  };
  return element("ul", { class: "tree" }, ...roots.map((root) => draw(root, null, new Set())));
}

function node(event, earlier, inLine, isChosen, choose) {
  const button = element("button", {
    type: "button", class: `node${inLine ? "" : " aside"}`, onclick: () => choose(event.id),
  },
  element("span", { class: "type" }, ...dotted(event.type)),
  element("span", { class: "stream" }, event.stream ?? ""),
  earlier ? element("span", { class: "after" }, after(event.time, earlier.time)) : null);
  button.style.setProperty("--hue", hue(event.type));
  if (isChosen) button.setAttribute("aria-current", "true");
  return button;
}

function ancestors(known, id) {
  const found = new Set();
  for (let event = known.get(id); event && !found.has(event.id); event = known.get(event.causationid)) found.add(event.id);
  return found;
}

function descendants(children, id, found = new Set()) {
  for (const child of children.get(id) ?? []) {
    if (found.has(child.id)) continue;
    found.add(child.id);
    descendants(children, child.id, found);
  }
  return found;
}
