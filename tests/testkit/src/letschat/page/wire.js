// The wire: Socket.IO in Engine.IO 3 in a websocket, as Let's Chat speaks it.

/**
 * A connection to the server at `base` that comes back by itself. Without a token, the browser's session says who it is.
 * `on.open`, `on.lost`, `on.refused`, and `on.event(name, data)`.
 */
export class Wire {
  constructor(token, on, base = location.href) {
    this.base = base;
    this.token = token;
    this.on = on;
    this.failures = 0;
    this.connect();
  }

  connect() {
    const address = new URL('socket.io/', this.base);
    address.protocol = address.protocol.replace('http', 'ws');
    address.search = new URLSearchParams({ EIO: 3, transport: 'websocket', ...(this.token && { token: this.token }) });
    this.waiting = new Map();
    this.next = 0;
    this.socket = new WebSocket(address);
    this.socket.onmessage = ({ data }) => this.hear(String(data));
    this.socket.onclose = () => this.lost();
  }

  hear(frame) {
    this.heard = Date.now();
    const [type, kind] = frame;
    if (type === '0') {
      const { pingInterval, pingTimeout } = JSON.parse(frame.slice(1));
      this.pulse = setInterval(() => this.ping(pingInterval + pingTimeout), Math.min(pingInterval, 10000));
    } else if (type !== '4') {
      return;
    } else if (kind === '0') {
      this.failures = 0;
      this.on.open();
    } else if (kind === '4') {
      this.stop();
      this.on.refused();
    } else {
      const at = frame.indexOf('[');
      const values = JSON.parse(frame.slice(at));
      if (kind === '2') this.on.event(...values);
      if (kind === '3') this.answer(Number(frame.slice(2, at)), values[0]);
    }
  }

  ping(patience) {
    if (Date.now() - this.heard > patience) this.socket.close();
    else if (this.socket.readyState === WebSocket.OPEN) this.socket.send('2');
  }

  /** The answer to an event; fails when none comes. The server does not say which answers are refusals. */
  ask(name, data) {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState !== WebSocket.OPEN) return reject(new Error('not connected'));
      const number = this.next++;
      const limit = setTimeout(() => this.forget(number, 'no answer'), 10000);
      this.waiting.set(number, { resolve, reject, limit });
      this.socket.send(`42${number}${JSON.stringify([name, data])}`);
    });
  }

  answer(number, value) {
    const waiter = this.waiting.get(number);
    if (!waiter) return;
    this.waiting.delete(number);
    clearTimeout(waiter.limit);
    waiter.resolve(value);
  }

  forget(number, why) {
    const waiter = this.waiting.get(number);
    this.waiting.delete(number);
    clearTimeout(waiter.limit);
    waiter.reject(new Error(why));
  }

  lost() {
    clearInterval(this.pulse);
    for (const number of [...this.waiting.keys()]) this.forget(number, 'the connection was lost');
    if (this.stopped) return;
    this.on.lost();
    const wait = Math.min(300 * 2 ** this.failures++, 8000) * (0.75 + Math.random() / 2);
    this.retry = setTimeout(() => this.connect(), wait);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.retry);
    this.socket.close();
  }
}
