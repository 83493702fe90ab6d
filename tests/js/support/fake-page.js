import { createApp } from "../../../static/js/chat/app.js";
import { FakeClock, FakeSignal, seeded } from "./fake-clock.js";
import { FakeServer } from "./fake-server.js";

/** What the tabs of one browser share. */
export class FakeBrowser {
  constructor(server, clock) {
    this.server = server;
    this.clock = clock;
    this.stored = new Map();
    this.held = new Map();
    this.queues = new Map();
    this.channels = new Set();
    this.ids = 0;
  }

  /** An environment for one tab, with the switches of that tab. */
  tab() {
    const browser = this;
    const names = new Set();
    const signals = { visible: new FakeSignal(true), focused: new FakeSignal(true), online: new FakeSignal(true) };
    const environment = {
      origin: "http://parley.test",
      fetch: this.server.fetch,
      websocket: this.server.websocket,
      clock: this.clock,
      ...signals,
      locks: {
        hold: (name, work) => browser.#inTurn(name, work),
        keep: (name) => {
          names.add(name);
          browser.held.set(name, true);
        },
        held: async () => [...browser.held.keys()],
      },
      tabs: (name) => browser.#tabChannel(name),
      uuid: () => `uuid-${(browser.ids += 1)}`,
      outbox: {
        all: async () => structuredClone([...browser.stored.values()]),
        put: async (entry) => void browser.stored.set(entry.client_id, structuredClone(entry)),
        remove: async (clientId) => void browser.stored.delete(clientId),
      },
    };
    /** The page is gone: its locks are free. */
    const closed = () => names.forEach((name) => browser.held.delete(name));
    return { environment, ...signals, closed };
  }

  #inTurn(name, work) {
    const turn = (this.queues.get(name) ?? Promise.resolve()).then(work);
    this.queues.set(name, turn.catch(() => {}));
    return turn;
  }

  #tabChannel(name) {
    const listeners = [];
    const channel = { name, listeners };
    this.channels.add(channel);
    return {
      post: (message) => {
        for (const other of this.channels) {
          if (other !== channel && other.name === name) other.listeners.forEach((listen) => listen(structuredClone(message)));
        }
      },
      listen: (listen) => listeners.push(listen),
      close: () => this.channels.delete(channel),
    };
  }
}

/** A server with Ada and Bo in one room, and Ada's browser. */
export function world({ seed = 1, messages = 0, realtime = {} } = {}) {
  const clock = new FakeClock({ start: Date.parse("2026-11-22T08:00:00Z"), random: seeded(seed) });
  const server = new FakeServer(clock);
  const ada = server.log.addUser("ada");
  const bo = server.log.addUser("bo");
  const room = server.log.addRoom("group", "ours", [ada.id, bo.id]);
  for (let i = 1; i <= messages; i += 1) server.log.send(room.id, bo.id, `message ${i}`);
  server.signIn(ada);
  const browser = new FakeBrowser(server, clock);
  const page = () => {
    const tab = browser.tab();
    const app = createApp({ environment: tab.environment, realtime });
    const state = () => app.store.getState();
    return {
      ...tab,
      app,
      state,
      timeline: () => state().timelines[room.id],
      contents: () => state().timelines[room.id].messages.map(({ content }) => content),
      link: () => state().connection.state,
    };
  };
  return { clock, server, log: server.log, ada, bo, room, browser, page };
}

/** A page that is signed in, live, and has the room open. */
export async function openPage(scene) {
  const page = scene.page();
  const started = page.app.start();
  await scene.clock.advance(100);
  await started;
  const opened = page.app.openRoom(scene.room.id);
  await scene.clock.advance(100);
  await opened;
  return page;
}
