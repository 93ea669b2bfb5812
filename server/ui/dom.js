// element makes an HTML element. Children are elements or text; text becomes text nodes and never markup.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// dotted returns a dotted name that may be wrapped behind its dots.
export function dotted(name) {
  return name.split(".").flatMap((part, i) => (i === 0 ? [part] : [".", document.createElement("wbr"), part]));
}

// byId returns the element that index.html has under the id.
export function byId(id) {
  return document.getElementById(id);
}

// setText changes the text only if it differs, which spares the browser work.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
