// The verdict with what to do, the figures of all links together, and the networks.
import { Chart, meanLatency, perMinute } from './charts.js';
import { $, count, make, many, quick, say, set, show, since, withCode } from './dom.js';
import { labelOf, lookOf, troublesOf, verdictOf, waitingOf } from './model.js';

/** How long a verdict must stand before it is read out: links come and go while a server restarts. */
const SETTLED_MS = 2_000;
const COLORS = { good: '#0a7550', bad: '#c62f24', wait: '#b97800', rest: '#5b6fb0', lost: '#6a7573' };

export class Overview {
  constructor(actions) {
    this.actions = actions;
    this.charts = { messages: new Chart('messages'), latency: new Chart('latency'), waiting: new Chart('waiting') };
    this.up = make('b');
    this.of = make('small', {}, 'Links up');
    const figures = [make('div', { class: 'chart up' }, make('span', {}, this.up, ' ', this.of))];
    $('#figures').append(...[...figures, ...Object.values(this.charts).map((it) => it.element)].map((it) => make('div', {}, it)));
    this.rings = new Map();
    this.networks = new Map();
  }

  update(status) {
    this.status = status;
    const troubles = troublesOf(status);
    const [look, headline, subline] = verdictOf(status, troubles);
    this.judge(look, headline, subline);
    this.list(troubles);
    this.listNetworks(status.networks);
    this.drawFigures();
  }

  judge(look, headline, subline) {
    set($('#verdict'), 'data-state', look);
    say($('#headline'), headline);
    say($('#subline'), subline);
    const title = `${look === 'good' ? '' : `${headline} – `}letsbridge`;
    if (document.title !== title) document.title = title;
    const icon = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='none' stroke='${
      encodeURIComponent(COLORS[look] ?? COLORS.lost)}' stroke-width='3' stroke-linecap='round' d='M3 24h26M8 24V8M24 24V8M3 17Q6 13 8 8q8 14 16 0 2 5 5 9M13 24v-9M19 24v-9'/%3E%3C/svg%3E`;
    set($('#icon'), 'href', icon);
    if (this.spoken === headline) return;
    this.spoken = headline;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => say($('#spoken'), headline), SETTLED_MS);
  }

  list(troubles) {
    // Times tell themselves; the list is made anew only when something else is different.
    const told = JSON.stringify(troubles.map((it) => [it.level, it.title, it.since, it.at, it.text, it.effect, it.list, it.remedy]));
    if (this.told === told) return;
    this.told = told;
    const focus = document.activeElement?.closest?.('#troubles button')?.getAttribute('aria-label');
    $('#troubles').replaceChildren(...troubles.map((trouble) => this.item(trouble)));
    $('#troubles').hidden = troubles.length === 0;
    if (focus) $(`#troubles button[aria-label="${CSS.escape(focus)}"]`)?.focus();
  }

  item(trouble) {
    const { level, title, text, effect, remedy, list, link, network, show: filter } = trouble;
    const buttons = [];
    const add = (word, label, act, strong) => {
      const button = make('button', { type: 'button', 'aria-label': label, class: strong ? 'strong' : null }, word);
      button.addEventListener('click', () => act(button));
      buttons.push(button);
    };
    if (link?.state === 'paused') add('Resume', `Resume ${title}`, (button) => this.actions.pause(link, button), true);
    if (link) add('Queue', `Queue: ${title}`, () => this.actions.queue(link));
    if (list) add('Reload', 'Reload the corrected configuration', (button) => this.actions.reload(button), true);
    if (filter) add('Show them', `Show them: ${title}`, () => this.actions.find('', filter), true);
    if (network?.kind === 'irc') add('Show its links', `Show the links of ${network.name}`, () => this.actions.find(`${network.name}/`));
    return make('li', { 'data-level': level },
      make('div', {},
        make('p', { class: 'title' }, make('b', {}, title), trouble.since && since(trouble.since, 'for '), trouble.at && since(trouble.at, '', ' ago')),
        text && make('p', {}, ...withCode(text)),
        list?.length ? make('ul', { class: 'mistakes' }, ...list.map((it) => make('li', {}, it))) : null,
        effect && make('p', { class: 'effect' }, effect),
        remedy && make('p', { class: 'remedy' }, make('b', {}, 'What to do: '), ...withCode(remedy))),
      buttons.length ? make('div', { class: 'buttons' }, ...buttons) : null);
  }

  listNetworks(networks) {
    const items = networks.map((network) => {
      const key = JSON.stringify(network);
      const [word, look] = lookOf(network);
      const before = this.networks.get(network.name);
      if (before?.key === key) return before.item;
      const item = make('li', { 'data-state': look },
        make('p', {}, make('i', { class: 'dot', 'aria-hidden': 'true' }), make('b', {}, labelOf(network)), ' ',
          make('span', { class: 'state' }, word, ...(network.since ? [' ', since(network.since, 'for ')] : []))),
        make('p', { class: 'faint' }, [network.server, network.reconnects && many(network.reconnects, 'reconnect')].filter(Boolean).join(' · ')));
      this.networks.set(network.name, { key, item });
      return item;
    });
    show($('#networks ul'), items);
  }

  take({ every, whole, links }) {
    if (whole) this.rings.clear();
    for (const { network, channel, room, messages, latency, waiting } of links) {
      const key = `${network}/${channel} ${room}`;
      const before = this.rings.get(key) ?? { messages: [], latency: [], waiting: [] };
      const on = (old, more) => [...old, ...more].slice(-60);
      this.rings.set(key, { messages: on(before.messages, messages), latency: on(before.latency, latency), waiting: on(before.waiting, waiting) });
    }
    this.every = every;
    const rings = [...this.rings.values()];
    const size = Math.max(0, ...rings.map((it) => it.messages.length));
    // Rings end now; a younger one begins later.
    const at = (values, index) => values[values.length - size + index];
    const sums = (name) => Array.from({ length: size }, (_, i) => rings.reduce((sum, it) => sum + (at(it[name], i) ?? 0), 0));
    this.all = {
      messages: sums('messages'),
      waiting: sums('waiting'),
      latency: Array.from({ length: size }, (_, i) => meanLatency(
        rings.map((it) => at(it.latency, i) ?? null), rings.map((it) => at(it.messages, i) ?? 0))),
    };
    if (this.status) this.drawFigures();
  }

  drawFigures() {
    const { links } = this.status;
    say(this.up, count(links.filter((link) => link.state === 'up').length));
    say(this.of, `of ${many(links.length, 'link')} up`);
    const waiting = links.reduce((sum, link) => sum + waitingOf(link), 0);
    const { messages, latency, waiting: before } = this.all ?? { messages: [], latency: [], waiting: [] };
    const mean = meanLatency(latency, messages);
    this.charts.messages.update(messages, this.every ?? 10, `${count(perMinute(messages, this.every ?? 10))}/min`);
    this.charts.latency.update(latency, this.every ?? 10, mean === null ? '–' : quick(mean));
    this.charts.waiting.update(before, this.every ?? 10, count(waiting));
  }
}
