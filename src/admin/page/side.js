// The latest warnings with their remedies, and the people of IRC.
import { get } from './api.js';
import { $, count, make, many, say, set, show, since, withCode } from './dom.js';

const FIRST = 5;
const FIRST_PEOPLE = 8;
/** How often the list of people is read again. */
const PEOPLE_MS = 120_000;

export class Warnings {
  constructor() {
    this.all = false;
    this.items = new Map();
    $('#warnings .more').addEventListener('click', () => {
      this.all = true;
      this.draw();
    });
  }

  update(warnings) {
    this.warnings = warnings;
    this.draw();
  }

  draw() {
    const newest = [...this.warnings].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
    const shown = this.all ? newest : newest.slice(0, FIRST);
    const items = shown.map((warning) => {
      const key = `${warning.level} ${warning.text} ${warning.at} ${warning.count}`;
      if (!this.items.has(key)) this.items.set(key, item(warning));
      return this.items.get(key);
    });
    for (const [key, kept] of this.items) if (!items.includes(kept)) this.items.delete(key);
    show($('#warnings ol'), items);
    $('#warnings .empty').hidden = newest.length > 0;
    $('#warnings .more').hidden = shown.length === newest.length;
    say($('#warnings .more'), `Show ${count(newest.length - shown.length)} more`);
  }
}

function item({ at, level, text, remedy, count: times }) {
  return make('li', { 'data-level': level === 'error' ? 'bad' : 'wait' },
    make('p', { class: 'title' }, make('b', {}, level === 'error' ? 'Error' : 'Warning'), since(at, '', ' ago'),
      times > 1 && make('span', { class: 'faint' }, `${count(times)} times`)),
    make('p', { class: 'text' }, text),
    remedy && make('p', { class: 'remedy' }, make('b', {}, 'What to do: '), ...withCode(remedy)));
}

/** How people speak in Let's Chat: by the key of `status.people`. */
const SHARES = { irc_only: 'only on IRC', made: 'by an account of the bridge', linked: 'by their own account' };

export class People {
  constructor() {
    this.all = false;
    this.who = 'irc_only';
    this.list = null;
    $('#people .more').addEventListener('click', () => {
      this.all = true;
      this.draw();
    });
    this.bars = Object.keys(SHARES).map((name) => make('i', { class: name }));
    $('#people .shares').append(...this.bars);
    this.buttons = Object.entries({ irc_only: 'Only on IRC', everybody: 'Everybody' }).map(([name, word]) => {
      const button = make('button', { type: 'button', onclick: () => this.choose(name) }, word);
      button.dataset.name = name;
      return button;
    });
    $('#who').append(...this.buttons);
    this.counts = new Map();
  }

  choose(who) {
    Object.assign(this, { who, all: false });
    this.draw();
  }

  update(counts) {
    if (!counts) return;
    const told = JSON.stringify(counts);
    if (this.told !== told) {
      this.told = told;
      Object.keys(SHARES).forEach((name, at) => { this.bars[at].style.flexGrow = counts[name]; });
      $('#people .counts').replaceChildren(...Object.entries(SHARES).map(([name, words]) => make('li', {},
        make('i', { class: `dot ${name}`, 'aria-hidden': 'true' }), make('b', {}, count(counts[name])), ` ${words}`)));
      for (const part of ['.shares', '.counts']) $(`#people ${part}`).hidden = !Object.values(counts).some(Boolean);
      this.read();
    }
    if (Date.now() - (this.readAt ?? 0) > PEOPLE_MS) this.read();
  }

  async read() {
    this.readAt = Date.now();
    try {
      this.list = await get('people');
      this.problem = null;
    } catch (error) {
      this.problem = `Cannot be read: ${error.message}.`;
    }
    this.draw();
  }

  draw() {
    const people = (this.list ?? []).filter((it) => this.who === 'everybody' || it.accounts.length === 0);
    people.sort((a, b) => Date.parse(b.last_spoke) - Date.parse(a.last_spoke));
    const shown = this.all ? people : people.slice(0, FIRST_PEOPLE);
    $('#people .list').replaceChildren(...shown.map((it) => make('li', {},
      make('span', {}, make('b', {}, it.nick), ' ', make('span', { class: 'faint' }, [it.network, ...it.accounts.map((account) => `${account.username} (${account.kind})`)].join(', '))),
      since(it.last_spoke, '', ' ago'))));
    for (const button of this.buttons) set(button, 'aria-pressed', String(button.dataset.name === this.who));
    $('#who').hidden = !this.list?.length;
    $('#people .more').hidden = shown.length === people.length;
    say($('#people .more'), `Show ${many(people.length - shown.length, 'more person', 'more people')}`);
    const nobody = this.list?.length ? 'Everybody has an account.'
      : 'Nobody is known yet. The bridge keeps who of IRC has spoken once they can have accounts in Let’s Chat.';
    $('#people .empty').hidden = people.length > 0 && !this.problem;
    say($('#people .empty'), this.problem ?? (this.list ? nobody : ''));
  }
}
