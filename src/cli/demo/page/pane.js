// What both panes share: a log that stays at its end, tabs, and times.
import { make } from './text.js';

export const $ = (id) => document.getElementById(id);

/** How many lines of a channel or a room are kept. */
export const KEPT = 500;

/** Colours a name always the same: one of eight, which the style sheet defines. */
export function hueOf(name) {
  let sum = 0;
  for (const char of name.toLowerCase()) sum = (sum * 13 + char.codePointAt(0)) % 4093;
  return `hue${sum % 8}`;
}

/** A time as clocks show it. */
export function clock(date) {
  const short = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return make('time', { datetime: date.toISOString(), title: date.toLocaleString() }, short);
}

/** A list of lines in `element`, which shows the newest unless somebody scrolled up. */
export class Log {
  constructor(element) {
    this.element = element;
    this.atEnd = true;
    element.addEventListener('scroll', () => {
      this.atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    });
    new ResizeObserver(() => this.stay()).observe(element);
  }

  /** Scrolls to the end, if the end was shown before. */
  stay() {
    if (this.atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  /** Shows these lines, in this order. Those that are there already stay as they are. */
  show(nodes, anew) {
    const list = this.element;
    if (anew) this.atEnd = true;
    nodes.forEach((node, at) => {
      if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    });
    while (list.children.length > nodes.length) list.lastChild.remove();
    this.stay();
  }
}

/** Draws a tab for each of `names`; `chosen` is the current one. */
export function drawTabs(nav, names, chosen, unread, choose) {
  // A button that is there stays, so that it keeps the focus.
  const known = new Map([...nav.children].map((button) => [button.dataset.name, button]));
  const buttons = names.map((name) => {
    const button = known.get(name) ?? make('button', { type: 'button', onclick: () => choose(name) }, name);
    button.dataset.name = name;
    button.setAttribute('aria-current', String(name === chosen));
    const count = name === chosen ? 0 : unread(name);
    button.classList.toggle('unread', count > 0);
    button.setAttribute('aria-label', count > 0 ? `${name}, ${count} new` : name);
    return button;
  });
  if (buttons.length !== nav.children.length || buttons.some((button, at) => nav.children[at] !== button)) {
    nav.replaceChildren(...buttons);
  }
}
