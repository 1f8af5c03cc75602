// The dialog with a link's queue: what waits in each direction, to try again or to drop.
import { get, nameOf, post } from './api.js';
import { $, count, make, many, say, show, since, withCode } from './dom.js';
import { keyOf, lookOf, titleOf } from './model.js';

/** How many deliveries are asked for in each direction. */
const LIMIT = 50;
/** A drop must be confirmed within this time. */
const SURE_MS = 6_000;
/** How often the queue is read again while it is shown. */
const AGAIN_MS = 2_000;

/** What a delivery waits for, other than its turn. */
const STATES = {
  deferred: 'the server asked to wait', 'in flight': 'being sent', 'in doubt': 'may have arrived', held: 'held by a pause',
};
/** What was sent cannot be taken back. */
const SENT = ['in flight', 'in doubt'];

const WAYS = { to_irc: (link) => `To ${link.channel} on ${link.network}`, to_letschat: (link) => `To the room ${link.room}` };

export class QueueDialog {
  constructor(actions, tell) {
    Object.assign(this, { actions, tell });
    this.dialog = $('#queue');
    $('.close', this.dialog).addEventListener('click', () => this.dialog.close());
    this.dialog.addEventListener('click', (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener('close', () => clearTimeout(this.timer));
    this.state = make('p', { class: 'state' });
    this.problem = make('p', { class: 'problem' });
    this.pause = make('button', { type: 'button', onclick: () => actions.pause(this.link, this.pause) });
    this.retry = make('button', { type: 'button', onclick: () => this.again() }, 'Try now');
    this.ways = Object.keys(WAYS).map((name) => new Way(name, (id, button) => this.drop(id, button)));
    this.trouble = make('p', { class: 'problem', role: 'alert' });
    $('.content', this.dialog).append(this.state, this.problem, make('div', { class: 'buttons' }, this.pause, this.retry),
      this.trouble, ...this.ways.map((way) => way.element));
  }

  open(link) {
    this.link = null;
    for (const way of this.ways) way.clear();
    say(this.trouble, '');
    this.update(link);
    this.dialog.showModal();
    $('#queue-title').focus();
    this.read();
  }

  /** Shows a new state of the link. Nothing happens for another link. */
  update(link) {
    if (this.link && keyOf(this.link) !== keyOf(link)) return;
    this.link = link;
    const [word] = lookOf(link);
    say($('#queue-title'), titleOf(link));
    const told = `${word}${link.since}${link.problem}${link.last_error?.at}`;
    if (this.told !== told || !this.state.textContent) {
      this.told = told;
      this.state.replaceChildren(`${link.network} · ${word}`, ...(link.since ? [' ', since(link.since, 'for ')] : []));
      const last = link.last_error;
      this.problem.replaceChildren(...withCode(link.problem ?? ''),
        ...(last ? [make('span', {}, link.problem ? ' ' : '', `Last error: ${last.text} `, since(last.at, '(', ' ago)'))] : []));
    }
    say(this.pause, link.state === 'paused' ? 'Resume' : 'Pause');
    this.ways.forEach((way) => way.count(link));
  }

  async read() {
    clearTimeout(this.timer);
    const { link } = this;
    try {
      const answer = await get(`links/queue?link=${encodeURIComponent(nameOf(link))}&limit=${LIMIT}`);
      if (this.link && keyOf(this.link) !== keyOf(link)) return;
      this.ways.forEach((way) => way.list(answer.deliveries.filter((it) => it.direction === way.name)));
      say(this.trouble, '');
    } catch (error) {
      say(this.trouble, `The queue cannot be read: ${error.message}.`);
    }
    if (this.dialog.open) this.timer = setTimeout(() => this.read(), AGAIN_MS);
  }

  async again() {
    try {
      await post('links/retry', { link: nameOf(this.link) });
      this.tell('What the server has deferred is tried now.');
    } catch (error) {
      this.tell(`${titleOf(this.link)}: ${error.message}`, 'bad');
    }
    this.read();
  }

  async drop(id, button) {
    if (!button.dataset.sure) {
      button.dataset.sure = 'asked';
      say(button, 'Drop for good?');
      setTimeout(() => {
        delete button.dataset.sure;
        say(button, 'Drop');
      }, SURE_MS);
      return;
    }
    try {
      await post('links/drop', { link: nameOf(this.link), id });
      this.tell('The message was dropped.');
      $('#queue-title').focus();
    } catch (error) {
      this.tell(`The message was not dropped: ${error.message}`, 'bad');
    }
    this.read();
  }
}

/** One direction of a link. */
class Way {
  constructor(name, drop) {
    Object.assign(this, { name, drop });
    this.title = make('h3');
    this.facts = make('p', { class: 'faint' });
    this.rows = make('ol');
    this.rest = make('p', { class: 'faint' });
    this.element = make('section', { class: 'way' }, this.title, this.facts, this.rows, this.rest);
    this.items = new Map();
  }

  clear() {
    this.items.clear();
    this.rows.replaceChildren();
    say(this.rest, '');
  }

  count(link) {
    const way = link[this.name];
    this.waiting = way.waiting;
    say(this.title, WAYS[this.name](link));
    say(this.facts, [
      way.waiting ? `${count(way.waiting)} waiting` : 'Nothing waits',
      `${count(way.delivered)} delivered`, way.rejected && `${count(way.rejected)} rejected`,
    ].filter(Boolean).join(' · '));
  }

  list(deliveries) {
    const items = deliveries.map((delivery) => {
      const key = `${delivery.id} ${delivery.state}`;
      if (!this.items.has(key)) this.items.set(key, this.item(delivery));
      return this.items.get(key);
    });
    for (const [key, kept] of this.items) if (!items.includes(kept)) this.items.delete(key);
    show(this.rows, items);
    const more = this.waiting - deliveries.length;
    say(this.rest, deliveries.length && more > 0 ? `and ${many(more, 'more message')}` : '');
  }

  item({ id, author, text, sent_at: sentAt, state }) {
    const drop = SENT.includes(state) ? null : make('button', { type: 'button', class: 'drop', 'aria-label': `Drop the message of ${author}` }, 'Drop');
    drop?.addEventListener('click', () => {
      drop.removeAttribute('aria-label');
      this.drop(id, drop);
    });
    return make('li', {},
      make('div', {}, make('p', {}, make('b', {}, author), ' ', since(sentAt, '', ' ago'), STATES[state] && make('span', { class: 'faint' }, `, ${STATES[state]}`)),
        make('p', { class: 'text' }, text)), drop);
  }
}
