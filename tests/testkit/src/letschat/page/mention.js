// Completes user names after an @, while somebody types.
import { make } from './text.js';

const SHOWN = 6; // How many people are offered at once.
const TYPED = /(^|\s)@([\w.-]*)$/;

/** The people whose user name, or whose displayed name, begins with what was typed; those first whose user name does. */
export function peopleFor(typed, people) {
  const wanted = typed.toLowerCase();
  const rank = ({ username, displayName }) => (username.startsWith(wanted) ? 0 : displayName.toLowerCase().startsWith(wanted) ? 1 : 2);
  return people
    .filter((person) => rank(person) < 2)
    .sort((a, b) => rank(a) - rank(b) || (a.username < b.username ? -1 : 1))
    .slice(0, SHOWN);
}

/** The list of people above `area`. `people()` are those that can be mentioned; `draw(person)` shows one. */
export class Mentions {
  constructor(area, people, draw) {
    this.area = area;
    this.people = people;
    this.draw = draw;
    this.chosen = 0;
    this.list = make('ul', { id: `${area.id}-mentions`, class: 'mentions', role: 'listbox', 'aria-label': 'People', hidden: '' });
    area.before(this.list);
    area.setAttribute('aria-autocomplete', 'list');
    area.setAttribute('aria-controls', this.list.id);
    area.addEventListener('input', () => this.offer());
    area.addEventListener('blur', () => this.close());
    area.addEventListener('keydown', (event) => this.key(event), { capture: true });
    this.list.addEventListener('mousedown', (event) => {
      event.preventDefault(); // The focus stays where it is.
      const at = [...this.list.children].indexOf(event.target.closest('li'));
      if (at >= 0) this.take(at);
    });
  }

  /** What was typed after the @ before the cursor. */
  get typed() {
    const { selectionStart, selectionEnd, value } = this.area;
    if (selectionStart !== selectionEnd) return null;
    return TYPED.exec(value.slice(0, selectionStart))?.[2] ?? null;
  }

  offer() {
    const { typed } = this;
    this.offered = typed === null ? [] : peopleFor(typed, this.people());
    this.chosen = 0;
    this.list.replaceChildren(...this.offered.map((person, at) =>
      make('li', { role: 'option', id: `${this.list.id}-${at}` }, ...this.draw(person))));
    this.list.hidden = !this.offered.length;
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((item, at) => item.setAttribute('aria-selected', String(at === this.chosen)));
    if (this.list.hidden) this.area.removeAttribute('aria-activedescendant');
    else this.area.setAttribute('aria-activedescendant', `${this.list.id}-${this.chosen}`);
  }

  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      this.chosen = (this.chosen + step + this.offered.length) % this.offered.length;
      this.mark();
    } else if (event.key === 'Escape') {
      this.close();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) {
      this.take(this.chosen);
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  take(at) {
    const { area } = this;
    const end = area.selectionStart;
    area.setRangeText(`@${this.offered[at].username} `, end - this.typed.length - 1, end, 'end');
    this.close();
  }

  close() {
    this.list.hidden = true;
    this.mark();
  }
}
