// The list of links: the troubled first, found by name, each with its charts and buttons.
import { Chart, meanLatency, perMinute } from './charts.js';
import { $, count, long, clock, make, many, quick, say, set, show, since, withCode } from './dom.js';
import { inTrouble, keyOf, lookOf, modeOf, oldestOf, rankOf, titleOf, waitingOf } from './model.js';

/** How many rows are shown before somebody asks for more. */
const FIRST = 30;
/** The list keeps its order for this long after the pointer moved over it. */
const STILL_MS = 4_000;

const FILTERS = { all: ['All', () => true], trouble: ['Trouble', inTrouble], paused: ['Paused', (it) => it.state === 'paused'] };

class Row {
  constructor(link, actions) {
    this.charts = { messages: new Chart('messages'), latency: new Chart('latency'), waiting: new Chart('waiting') };
    this.dot = make('i', { class: 'dot', 'aria-hidden': 'true' });
    this.state = make('p', { class: 'state' });
    this.problem = make('p', { class: 'problem' });
    this.pause = make('button', { type: 'button', onclick: () => actions.pause(this.link, this.pause) });
    this.queue = make('button', { type: 'button', 'aria-haspopup': 'dialog', onclick: () => actions.queue(this.link) }, 'Queue');
    const title = make('h3', {}, this.dot, make('span', {}, make('b', {}, link.channel), ' ⇄ ', link.room));
    this.element = make('li', { class: 'link' },
      make('div', { class: 'who' }, title, this.state, this.problem),
      ...Object.values(this.charts).map((chart) => chart.element),
      make('div', { class: 'buttons' }, this.pause, this.queue));
    this.ring = { messages: [], latency: [], waiting: [] };
    this.every = 10;
  }

  update(link) {
    this.link = link;
    const [word, look] = lookOf(link);
    set(this.element, 'data-state', inTrouble(link) && look === 'good' ? 'wait' : look);
    const mode = modeOf(link);
    const told = `${word}${link.since}${link.network}${mode}`;
    if (this.told !== told) {
      this.told = told;
      this.state.replaceChildren(`${link.network} · ${word}`, ...(link.since ? [' ', since(link.since, 'for ')] : []), mode && ` · ${mode}`);
    }
    const problem = link.state !== 'up' && link.problem ? link.problem : lastError(link);
    if (this.said !== problem) {
      this.said = problem;
      this.problem.replaceChildren(...withCode(problem ?? ''));
    }
    const paused = link.state === 'paused';
    say(this.pause, paused ? 'Resume' : 'Pause');
    set(this.pause, 'aria-label', `${paused ? 'Resume' : 'Pause'} ${titleOf(link)}`);
    this.pause.classList.toggle('strong', paused);
    const waiting = waitingOf(link);
    set(this.queue, 'aria-label', `Queue of ${titleOf(link)}, ${count(waiting)} waiting`);
    this.draw();
  }

  take(samples, every, whole) {
    this.every = every;
    for (const [name, ring] of Object.entries(this.ring)) this.ring[name] = [...(whole ? [] : ring), ...samples[name]].slice(-60);
    this.draw();
  }

  draw() {
    if (!this.link || !this.element.isConnected) return;
    const { messages, latency, waiting } = this.ring;
    const mean = meanLatency(latency, messages);
    const now = waitingOf(this.link), oldest = oldestOf(this.link);
    this.charts.messages.update(messages, this.every, `${count(perMinute(messages, this.every))}/min`);
    this.charts.latency.update(latency, this.every, mean === null ? '–' : quick(mean));
    this.charts.waiting.update(waiting, this.every, count(now) + (oldest && clock.now() - oldest > 5_000 ? `, ${long(clock.now() - oldest)}` : ''));
  }
}

/** The last error of a link, for an hour. */
function lastError({ last_error: last }) {
  return last && clock.now() - Date.parse(last.at) < 3_600_000 ? last.text : null;
}

export class Links {
  constructor(actions) {
    this.actions = actions;
    this.rows = new Map();
    this.links = [];
    this.all = false;
    const kept = new URLSearchParams(location.hash.slice(1));
    this.filter = kept.get('show') in FILTERS ? kept.get('show') : 'all';
    $('#search').value = kept.get('find') ?? '';
    $('#search').addEventListener('input', () => this.choose());
    $('#search').addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.target.value = '';
      this.choose();
    });
    document.addEventListener('keydown', (event) => {
      const typing = event.target.closest?.('input, select, textarea, dialog');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      $('#search').focus();
    });
    $('#more').addEventListener('click', () => {
      this.all = true;
      this.draw();
    });
    $('#rows').addEventListener('pointermove', () => { this.touched = Date.now(); });
    this.buttons = Object.entries(FILTERS).map(([name, [word]]) => {
      const button = make('button', { type: 'button', onclick: () => this.choose(name) }, word, ' ', make('span'));
      button.dataset.name = name;
      return button;
    });
    $('#show').append(...this.buttons);
  }

  /** Shows the links of a filter, and of what was typed. */
  choose(filter = this.filter) {
    this.filter = filter;
    this.touched = 0;
    const kept = new URLSearchParams();
    if (filter !== 'all') kept.set('show', filter);
    if ($('#search').value) kept.set('find', $('#search').value);
    history.replaceState(null, '', kept.size ? `#${kept}` : location.pathname);
    this.draw(true);
  }

  find(text, filter = 'all') {
    $('#search').value = text;
    this.choose(filter);
    $('#links').scrollIntoView({ block: 'start' });
    $('#search').focus({ preventScroll: true });
  }

  update(links) {
    this.links = links;
    const keys = new Set(links.map(keyOf));
    for (const key of this.rows.keys()) if (!keys.has(key)) this.rows.delete(key);
    for (const link of links) {
      const key = keyOf(link);
      if (!this.rows.has(key)) this.rows.set(key, new Row(link, this.actions));
      this.rows.get(key).link = link;
    }
    this.draw();
  }

  take({ every, whole, links }) {
    for (const samples of links) {
      const key = keyOf(samples);
      const row = this.rows.get(key);
      if (row) row.take(samples, every, whole);
    }
  }

  /** The links in the order in which they are shown. */
  sorted() {
    const at = new Map([...$('#rows').children].map((node, index) => [node, index]));
    const still = Date.now() - (this.touched ?? 0) < STILL_MS || $('#rows').contains(document.activeElement);
    const place = (link) => (still ? at.get(this.rows.get(keyOf(link)).element) ?? 1e9 : 0);
    const words = new Intl.Collator('en', { numeric: true });
    return [...this.links].sort((a, b) => place(a) - place(b) || rankOf(a) - rankOf(b)
      || words.compare(a.network, b.network) || words.compare(a.channel, b.channel) || words.compare(a.room, b.room));
  }

  draw() {
    const typed = $('#search').value.trim().toLowerCase();
    const fits = (link) => keyOf(link).toLowerCase().includes(typed) && FILTERS[this.filter][1](link);
    const found = this.sorted().filter(fits);
    const shown = this.all ? found : found.slice(0, FIRST);
    show($('#rows'), shown.map((link) => this.rows.get(keyOf(link)).element));
    for (const link of shown) this.rows.get(keyOf(link)).update(link);
    for (const button of this.buttons) {
      const number = this.links.filter(FILTERS[button.dataset.name][1]).length;
      say(button.lastChild, count(number));
      set(button, 'aria-pressed', String(button.dataset.name === this.filter));
      button.hidden = number === 0 && !['all', this.filter].includes(button.dataset.name);
    }
    $('#show').hidden = this.buttons.filter((it) => !it.hidden).length < 2;
    $('#search').hidden = this.links.length < 6 && !typed;
    $('#columns').hidden = shown.length === 0;
    $('#more').hidden = shown.length === found.length;
    say($('#more'), `Show ${many(found.length - shown.length, 'more link', 'more links')}`);
    $('#none').hidden = found.length > 0 || this.links.length === 0;
    say($('#none'), typed ? `No link has “${typed}” in its name.` : this.filter === 'trouble' ? 'No link is in trouble.' : 'No link is paused.');
  }
}
