import { DetailView } from "./detail.js";
import { byId, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { count, rate } from "./format.js";
import { ListView } from "./list.js";
import { Rates } from "./rates.js";
import { TypesView } from "./types.js";

const rates = new Rates();
const list = new ListView(choose);
const detail = new DetailView(choose, () => choose(""));
const types = new TypesView((type) => list.setFilter(list.filter.value === type ? "" : type));
let head = 0;

// choose shows an event, and keeps it in the page's address.
function choose(id) {
  if (id === chosen()) return;
  history.replaceState(null, "", id ? "#" + encodeURIComponent(id) : location.pathname + location.search);
  showChosen();
  if (id === "") list.focusRow();
}

function chosen() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function showChosen() {
  list.mark(chosen());
  detail.show(chosen());
}

function showNumbers() {
  const now = rates.look();
  setText(byId("total"), count(now.total));
  setText(byId("head"), count(head));
  setText(byId("rate"), rate(now.last10));
  types.show(now.types);
}

const feed = new Feed({
  begin(stats, events, newHead) {
    head = newHead;
    rates.begin(stats ? stats.events : 0, stats ? stats.types : {});
    list.begin(events);
    showNumbers();
  },
  event(event) {
    head = Number(event.position);
    rates.add(String(event.type));
    list.add(event);
    soon();
  },
  state(name, text) {
    byId("state").dataset.state = name;
    setText(byId("state"), text);
  },
});

// soon draws at most once per frame, and not at all while nobody looks.
let drawing = false;
function soon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    list.draw();
    setText(byId("total"), count(rates.all.total));
    setText(byId("head"), count(head));
  });
}

addEventListener("hashchange", showChosen);
addEventListener("keydown", (e) => {
  if (e.key === "Escape" && chosen() !== "") choose("");
});
setInterval(showNumbers, 1000);
if (chosen() !== "") showChosen();
feed.start();
