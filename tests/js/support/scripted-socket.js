import { RealtimeClient } from "../../../static/js/realtime/client.js";
import { FakeClock, FakeSignal } from "./fake-clock.js";

/** A socket whose other end is the test. */
export class ScriptedSocket {
  constructor(url, protocols) {
    Object.assign(this, { url, protocols, readyState: 0, sent: [], onopen: null, onclose: null, onerror: null, onmessage: null });
    this.closedWith = null;
    /** Whether it answers heartbeats by itself. */
    this.alive = false;
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  send(text) {
    const frame = JSON.parse(text);
    this.sent.push(frame);
    if (this.alive && frame[3] === "heartbeat") void Promise.resolve().then(() => this.reply(frame));
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }

  /** The server says something. */
  say(...frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The server answers a frame. */
  reply([joinRef, ref, topic], status = "ok", response = {}) {
    this.say(joinRef, ref, topic, "phx_reply", { status, response });
  }

  lose(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }

  /** Frames sent of one event. */
  frames(event) {
    return this.sent.filter((frame) => frame[3] === event);
  }
}

/** A client whose sockets are scripted. */
export function scripted(options = {}) {
  const clock = new FakeClock();
  const sockets = [];
  const signals = { visible: new FakeSignal(true), online: new FakeSignal(true) };
  const websocket = (url, protocols) => {
    const socket = new ScriptedSocket(url, protocols);
    sockets.push(socket);
    return socket;
  };
  const client = new RealtimeClient("http://parley.test/socket/websocket", { clock, websocket, ...signals, ...options });
  const scene = {
    clock,
    client,
    sockets,
    ...signals,
    last: () => sockets.at(-1),
    /** Connect, and answer the first sign of life. */
    connect: async () => {
      client.connect();
      await clock.advance(1);
      await scene.accept();
    },
    accept: async () => {
      scene.last().open();
      scene.last().reply(scene.last().frames("heartbeat")[0]);
      await clock.advance(1);
    },
    /** Answer the newest join of a channel. */
    join: async (response = {}) => {
      await clock.advance(1);
      scene.last().reply(scene.last().frames("phx_join").at(-1), "ok", response);
      await clock.advance(1);
    },
  };
  return scene;
}
