// The right pane: rooms and messages as Let's Chat shows them.
import { ChatClient } from './chat.js';
import { Mentions } from './mention.js';
import { $, Log, clock, drawTabs, hueOf } from './pane.js';
import { signInForm } from './sign-in.js';
import { body, calls, make } from './text.js';

const SIGN_IN = ''; // What is chosen to be somebody with a password.
const TOGETHER = 5 * 60000; // Messages of one person within this time are one group.

/** The pane. `choose(slug)` is called when somebody chooses a room. */
export class ChatPane {
  constructor(address, slugs, people, choose, changed) {
    this.people = people;
    this.slugs = slugs;
    this.choose = choose;
    this.changed = changed;
    this.current = slugs[0];
    this.seen = new Map();
    this.log = new Log($('chat-log'));
    this.nodes = new Map(); // By id: {key, node}
    this.client = new ChatClient(address, slugs, {
      change: (slug) => this.update(slug),
      state: () => this.draw(),
    });
    this.drawPeople();
    $('chat-person').addEventListener('change', ({ target }) => {
      if (target.value !== SIGN_IN) return this.become(target.value);
      target.value = this.client.me.username;
      $('sign-in').showModal();
    });
    $('sign-in').append(signInForm(signIn, (account) => this.enterAs(account)));
    $('sign-in-cancel').addEventListener('click', () => $('sign-in').close());
    const draw = (person) => [avatar(person), person.displayName, make('small', {}, `@${person.username}`)];
    this.mentions = new Mentions($('chat-input'), () => [...this.client.users.values()], draw);
    $('chat-form').addEventListener('submit', (event) => { event.preventDefault(); this.enter(); });
    $('chat-input').addEventListener('input', () => this.fit());
    $('chat-input').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.enter(); }
    });
    this.become(people[0]?.username);
  }

  drawPeople() {
    $('chat-person').replaceChildren(
      ...this.people.map(({ username, displayName }) => make('option', { value: username }, displayName)),
      make('option', { value: SIGN_IN }, 'Sign in …'),
    );
  }

  /** Somebody has signed in. The browser has one session: whoever had it before is signed out. */
  enterAs(account) {
    this.people = [...this.people.filter(({ token }) => token), account];
    this.drawPeople();
    $('chat-person').value = account.username;
    $('sign-in').close();
    this.become(account.username);
  }

  become(username) {
    const person = this.people.find((known) => known.username === username);
    if (!person) return;
    this.nodes.clear();
    this.client.become(person);
    this.draw(true);
  }

  show(slug) {
    this.current = slug;
    this.draw(true);
  }

  /** How many messages wait in this page until Let's Chat is back. */
  get held() {
    return this.client.outbox.length;
  }

  update(slug) {
    if (slug === this.current) this.draw();
    else this.drawTabs();
  }

  draw(anew) {
    const { client, current } = this;
    // What waits is sent by the one who wrote it.
    $('chat-person').disabled = this.held > 0;
    const entry = client.rooms.get(current);
    const names = [...entry.people.values()].map(({ displayName }) => displayName).sort();
    const about = entry.room?.description ? `${entry.room.description}. ` : '';
    $('chat-topic').textContent = client.connected ? `${about}Here: ${names.join(', ') || 'nobody'}` : about;
    $('chat-input').placeholder = `Message ${current} as ${client.me?.displayName ?? ''}`;
    const trouble = client.refused ? 'Let’s Chat did not accept this account.'
      : client.connected ? '' : 'Let’s Chat is away. What you write now waits in this page.';
    if ($('chat-trouble').textContent !== trouble) $('chat-trouble').textContent = trouble;
    this.seen.set(current, entry.messages.at(-1)?.posted);
    const waiting = client.outbox.filter(({ slug }) => slug === current);
    const nodes = entry.messages.map((message, at) => this.drawMessage(message, entry.messages[at - 1]));
    nodes.push(...waiting.map((message) => this.drawWaiting(message)));
    if (!nodes.length) nodes.push(this.empty ??= make('p', { class: 'empty' }, 'Nobody has written here yet. What you write appears on IRC.'));
    this.log.show(nodes, anew);
    this.drawTabs();
    this.changed();
  }

  drawTabs() {
    const unread = (slug) => {
      const { messages } = this.client.rooms.get(slug);
      const last = this.seen.get(slug) ?? '';
      return messages.filter(({ posted, live }) => live && posted > last).length;
    };
    drawTabs($('chat-rooms'), this.slugs, this.current, unread, this.choose);
  }

  /** A message's node: the one from before, unless what it shows has changed. */
  drawMessage(message, before) {
    const { id, owner, posted, text, live } = message;
    const { me } = this.client;
    const soon = before && Date.parse(posted) - Date.parse(before.posted) < TOGETHER;
    const first = !soon || before.owner?.id !== owner?.id;
    const known = this.nodes.get(id);
    const key = `${first} ${owner?.displayName} ${owner?.username}`;
    if (known?.key === key) return known.node;
    const node = make('div', { class: `message${first ? ' first' : ''}${live ? ' new' : ''}` });
    node.classList.toggle('to-me', owner?.id !== me.id && calls(text, me));
    if (first) {
      const name = make('b', { title: `@${owner?.username}` }, owner?.displayName ?? '…');
      node.append(avatar(owner), make('div', { class: 'by' }, name, clock(new Date(posted))));
    }
    node.append(this.bodyOf(text));
    this.nodes.set(id, { key, node });
    if (this.nodes.size > 3000) this.nodes.clear();
    return node;
  }

  drawWaiting(message) {
    message.node ??= make('div', { class: 'message waiting' }, this.bodyOf(message.text), make('small', {}, 'waiting for Let’s Chat'));
    return message.node;
  }

  bodyOf(text) {
    const open = (id) => this.choose([...this.client.rooms.values()].find(({ room }) => room.id === id).slug);
    const rooms = new Map([...this.client.rooms].filter(([, { room }]) => room));
    return body(text, { me: this.client.me, rooms, open, loaded: () => {}, pictures: false });
  }

  enter() {
    const text = $('chat-input').value;
    if (!text.trim()) return;
    if (!this.client.say(this.current, text)) {
      $('chat-trouble').textContent = 'Too many messages wait. Try again when Let’s Chat is back.';
      return;
    }
    $('chat-input').value = '';
    this.fit();
    this.draw(true);
  }

  fit() {
    const area = $('chat-input');
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }
}

/** The first letter of a name on the colour of the name, which is the same on IRC. */
function avatar(person) {
  const name = person?.displayName ?? '…';
  return make('span', { class: `avatar ${hueOf(name)}`, 'aria-hidden': 'true' }, make('span', {}, [...name][0].toUpperCase()));
}

/** Signs in with a password. The session is in the browser's cookie, and so the account has no token. */
async function signIn(username, password) {
  const answer = await fetch('sign-in', { method: 'POST', body: JSON.stringify({ username, password }) });
  if (!answer.ok) throw new Error((await answer.text()) || 'The demo does not answer.');
  return answer.json();
}
