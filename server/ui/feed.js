import * as api from "./api.js";

const recent = 300; // events to begin with
const retryMs = 2000;

// Feed brings what the store holds, and then each event as it comes. Whatever breaks, it goes on by itself: EventSource resumes
// after the last event it saw, and when the server refuses that, the feed looks at the store anew.
//
// handlers: begin(stats, events, head), event(cloudEvent), state(name, text).
export class Feed {
  constructor(handlers) {
    this.handlers = handlers;
    this.position = -1; // the newest that was handed on; -1 before the first look
  }

  async start() {
    try {
      await this.look();
      this.listen();
    } catch (error) {
      this.handlers.state("lost", error instanceof api.Failed ? error.message : "The server does not answer; trying again");
      setTimeout(() => this.start(), retryMs);
    }
  }

  // look begins with what the store holds, unless that was done and the store is still the same one.
  async look() {
    const stats = await api.stats();
    const page = await api.newest(recent, stats === null ? undefined : stats.head + 1);
    const head = stats === null ? page.head : stats.head;
    if (this.position >= 0 && head >= this.position) return;
    this.position = head;
    this.handlers.begin(stats, page.events, head);
  }

  listen() {
    const source = new EventSource(api.streamAddress(this.position));
    source.onopen = () => this.handlers.state("live", "Live");
    source.onmessage = (message) => {
      this.position = Number(message.lastEventId);
      this.handlers.event(JSON.parse(message.data));
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CONNECTING) {
        this.handlers.state("lost", "Reconnecting");
        return;
      }
      source.close();
      this.handlers.state("lost", "Reconnecting");
      setTimeout(() => this.start(), retryMs);
    };
  }
}
