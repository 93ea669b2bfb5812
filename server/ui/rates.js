const span = 60; // seconds
const maxTypes = 2000; // beyond these, events count as other
export const other = "(other types)";

// Counter counts events and remembers how many came in each of the last 60 seconds.
class Counter {
  constructor(total) {
    this.total = total;
    this.seconds = new Uint32Array(span);
    this.newest = 0; // the second that the newest bucket is for
  }

  add(second) {
    this.forget(second);
    this.seconds[second % span]++;
    this.total++;
  }

  // forget clears the buckets of seconds that have passed since the last look.
  forget(second) {
    const passed = Math.min(second - this.newest, span);
    for (let i = 0; i < passed; i++) this.seconds[(second - i) % span] = 0;
    this.newest = Math.max(this.newest, second);
  }

  // rate is events per second over the last so many full seconds, of which there may be fewer since the counting began.
  rate(second, window, began) {
    this.forget(second);
    const full = Math.max(1, Math.min(window, span - 1, second - began));
    let sum = 0;
    for (let i = 1; i <= full; i++) sum += this.seconds[(second - i) % span];
    return sum / full;
  }
}

// Rates counts events, together and by type. Time is when they arrive here.
export class Rates {
  constructor(now = () => Math.floor(Date.now() / 1000)) {
    this.now = now;
    this.begin(0, {});
  }

  begin(total, types) {
    this.began = this.now();
    this.all = new Counter(total);
    this.types = new Map();
    for (const [type, n] of Object.entries(types)) this.counter(type).total += n;
  }

  counter(type) {
    let found = this.types.get(type);
    if (found) return found;
    if (this.types.size >= maxTypes && type !== other) return this.counter(other);
    found = new Counter(0);
    this.types.set(type, found);
    return found;
  }

  add(type) {
    const second = this.now();
    this.all.add(second);
    this.counter(type).add(second);
  }

  // look returns the totals and, most frequent first, the types.
  look() {
    const second = this.now();
    const types = [...this.types].map(([type, counter]) => ({
      type, total: counter.total, last10: counter.rate(second, 10, this.began), last60: counter.rate(second, 60, this.began),
    }));
    types.sort((a, b) => b.total - a.total || (a.type < b.type ? -1 : 1));
    return { total: this.all.total, last10: this.all.rate(second, 10, this.began), types };
  }
}
