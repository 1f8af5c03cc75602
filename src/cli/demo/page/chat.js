// A client of Let's Chat: its rooms, its messages, and what is still to be sent while the server is away.
import { KEPT } from './pane.js';
import { Wire } from './wire.js';

const OUTBOX = 100; // How many messages may wait to be sent.
const OVERLAP = 10000; // How far back is read again after an absence, in milliseconds.

/** `on.change(slug)`, `on.state()`. */
export class ChatClient {
  constructor(address, slugs, on) {
    this.address = address;
    this.rooms = new Map(slugs.map((slug) => [slug, { slug, room: null, messages: [], people: new Map(), last: null }]));
    this.users = new Map(); // By id: everybody who can be mentioned.
    this.outbox = []; // {slug, text, at, tried}
    this.on = on;
    this.connected = false;
  }

  /** Logs in as this person. Nothing of another one may wait to be sent. */
  become(person) {
    this.wire?.stop();
    this.me = person;
    this.connected = false;
    this.refused = false;
    this.wire = new Wire(person.token, {
      open: () => this.catchUp().catch(() => this.wire.socket.close()),
      lost: () => { this.connected = false; this.on.state(); },
      refused: () => { this.refused = true; this.on.state(); },
      event: (name, data) => this.hear(name, data),
    }, this.address);
    this.on.state();
  }

  /** After each connection: joins the rooms, reads what was missed, and sends what waited. */
  async catchUp() {
    const list = await this.wire.ask('rooms:list', {});
    this.askForUsers();
    await Promise.all([...this.rooms.values()].map(async (entry) => {
      entry.room = list.find(({ slug }) => slug === entry.slug) ?? null;
      if (!entry.room) return;
      await this.wire.ask('rooms:join', { roomId: entry.room.id });
      const [people] = await Promise.all([this.wire.ask('rooms:users', { room: entry.room.id }), this.read(entry)]);
      entry.people = new Map((Array.isArray(people) ? people : []).map((person) => [person.id, person]));
    }));
    this.connected = true;
    this.on.state();
    this.rooms.forEach(({ slug }) => this.on.change(slug));
    this.sendWaiting();
  }

  async read(entry) {
    const room = entry.room.id;
    const query = { room, take: KEPT, expand: 'owner', reverse: !entry.last };
    // Some overlap: two messages can become visible in the other order of their times.
    if (entry.last) query.from = new Date(Date.parse(entry.last) - OVERLAP).toISOString();
    const list = await this.wire.ask('messages:list', query);
    if (Array.isArray(list)) list.forEach((message) => this.learn(entry, message, false));
  }

  async askForUsers() {
    const all = await this.wire.ask('users:list', {}).catch(() => null);
    if (Array.isArray(all)) this.users = new Map(all.map((user) => [user.id, user]));
  }

  /** Somebody has another name now: so has what they wrote before. */
  rename(user) {
    this.users.set(user.id, user);
    if (this.me.id === user.id) this.me = { ...this.me, username: user.username, displayName: user.displayName };
    for (const { people, messages } of this.rooms.values()) {
      if (people.has(user.id)) people.set(user.id, user);
      messages.filter(({ owner }) => owner?.id === user.id).forEach((message) => { message.owner = user; });
    }
    this.on.state();
  }

  hear(name, data) {
    if (name === 'users:update') return this.rename(data);
    const id = data?.room?.id ?? data?.room ?? data?.id;
    const entry = [...this.rooms.values()].find(({ room }) => room?.id === id);
    if (!entry) return;
    if (name === 'messages:new') this.heard(entry, data);
    else if (name === 'users:join') entry.people.set(data.id, data);
    else if (name === 'users:leave') entry.people.delete(data.id);
    else if (name === 'rooms:update') entry.room = { ...entry.room, ...data };
    else return;
    this.on.change(entry.slug);
  }

  heard(entry, message) {
    this.learn(entry, message, true);
    if (message.owner && !this.users.has(message.owner.id)) this.askForUsers();
  }

  /** Adds a message where its time belongs, unless it is there. Returns the one that is there. */
  learn(entry, message, live) {
    const { messages } = entry;
    const known = messages.find(({ id }) => id === message.id);
    if (known) return known;
    let at = messages.length;
    while (at > 0 && messages[at - 1].posted > message.posted) at -= 1;
    const learnt = { ...message, live };
    messages.splice(at, 0, learnt);
    if (messages.length > KEPT) messages.shift();
    entry.last = messages.at(-1).posted;
    return learnt;
  }

  /** Sends a message, now or when the server is there. False when too many wait already. */
  say(slug, text) {
    if (this.outbox.length >= OUTBOX) return false;
    this.outbox.push({ slug, text, at: Date.now(), tried: false });
    this.on.change(slug);
    this.sendWaiting();
    return true;
  }

  /** Sends what waits, one after the other. One whose answer was lost is looked for in the room first. */
  async sendWaiting() {
    if (this.sending || !this.connected) return;
    this.sending = true;
    const { wire } = this;
    while (this.connected && this.outbox.length && wire === this.wire) {
      const [next] = this.outbox;
      const entry = this.rooms.get(next.slug);
      if (!entry.room || (next.tried && this.isThere(entry, next))) {
        this.outbox.shift();
        continue;
      }
      next.tried = true;
      const answer = await wire.ask('messages:create', { room: entry.room.id, text: next.text }).catch(() => null);
      if (answer === null || wire !== this.wire) break;
      this.outbox.shift();
      if (answer.id) this.learn(entry, { ...answer, owner: this.me }, true).answered = true;
      this.on.change(next.slug);
    }
    this.sending = false;
    this.on.state();
    if (this.connected && this.outbox.length) this.sendWaiting();
  }

  isThere({ messages }, { text, at }) {
    const own = ({ owner, answered }) => !answered && owner?.username === this.me.username;
    return messages.some((message) => own(message) && message.text === text && Date.parse(message.posted) >= at - 1000);
  }
}
