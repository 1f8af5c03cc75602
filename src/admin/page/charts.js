// Small charts of the last minutes: bars, a line or an area in an SVG of fixed proportions.
import { clock, count, make, makeSvg, quick, say, set } from './dom.js';

const WIDTH = 120;
const HEIGHT = 30;
/** How many samples a chart has room for. */
const ROOM = 60;

/** The three charts of a link: how they are drawn, the least top of their scale, and how values are told. */
export const KINDS = {
  messages: { title: 'Messages', draw: bars, least: 4, tell: (value) => count(value) },
  latency: { title: 'Latency', draw: line, least: 200, tell: (value) => (value === null ? 'none' : quick(value)) },
  waiting: { title: 'Waiting', draw: area, least: 4, tell: (value) => count(value) },
};

/** A chart with its newest value beside it. */
export class Chart {
  constructor(kind) {
    this.kind = KINDS[kind];
    this.values = [];
    this.every = 10;
    this.path = makeSvg('path', { class: this.kind.draw.name });
    const svg = makeSvg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.path);
    this.figure = make('b');
    this.caption = make('small', {}, this.kind.title);
    this.element = make('div', { class: `chart ${kind}` }, svg, make('span', {}, this.figure, ' ', this.caption));
    svg.addEventListener('pointermove', (event) => this.point(event, svg));
    svg.addEventListener('pointerleave', () => this.tell());
  }

  /** Shows `values`, the newest last, of which there is one each `every` seconds; `text` tells of them. */
  update(values, every, text) {
    Object.assign(this, { values, every, text });
    const top = Math.max(this.kind.least, ...values.map((value) => value ?? 0));
    set(this.path, 'd', this.kind.draw(values, (value) => HEIGHT - 1 - (value / top) * (HEIGHT - 4)));
    this.element.classList.toggle('zero', !values.some((value) => value));
    this.tell();
  }

  tell() {
    say(this.figure, this.text ?? '');
    say(this.caption, this.kind.title);
  }

  /** Tells of the sample below the pointer. */
  point(event, svg) {
    const box = svg.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * ROOM) - (ROOM - this.values.length);
    if (!(at in this.values)) return this.tell();
    const ago = (this.values.length - 1 - at) * this.every * 1_000;
    const when = new Date(clock.now() - ago).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    say(this.figure, this.kind.tell(this.values[at]));
    say(this.caption, `at ${when}`);
  }
}

const places = (values) => values.map((value, at) => [(at + ROOM - values.length) * (WIDTH / ROOM), value]);
const short = (value) => Math.round(value * 10) / 10;

function bars(values, y) {
  const drawn = places(values).filter(([, value]) => value);
  return drawn.map(([x, value]) => `M${short(x + 0.2)} ${HEIGHT}V${short(y(value))}h1.6V${HEIGHT}z`).join('');
}

/** Times without messages have no latency: the line goes on at the next that has. */
function line(values, y) {
  const points = places(values).filter(([, value]) => value !== null).map(([x, value]) => `${short(x + 1)} ${short(y(value))}`);
  if (points.length === 1) return `M${points[0]}h.01`;
  return points.length ? `M${points.join('L')}` : '';
}

function area(values, y) {
  if (!values.some((value) => value)) return '';
  const points = places(values).map(([x, value]) => `L${short(x)} ${short(y(value ?? 0))}h2`);
  const start = short((ROOM - values.length) * (WIDTH / ROOM));
  return `M${start} ${HEIGHT}${points.join('')}V${HEIGHT}z`;
}

/** The messages of the last minute. */
export function perMinute(values, every) {
  const wanted = Math.max(1, Math.round(60 / every));
  return values.slice(-wanted).reduce((sum, value) => sum + value, 0);
}

/** The mean latency of what was delivered in these samples; null for nothing. */
export function meanLatency(latencies, messages) {
  let sum = 0, all = 0;
  latencies.forEach((value, at) => {
    if (value === null) return;
    const weight = messages[at] || 1;
    sum += value * weight;
    all += weight;
  });
  return all ? sum / all : null;
}
