// Elements, and words for times and numbers. All text becomes text nodes: nothing here can make markup of it.

export const $ = (selector, within = document) => within.querySelector(selector);

/** An element with these attributes, or listeners (`onclick`), and children. Empty attributes are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets a text only where it differs, so that nothing is drawn or read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Shows these nodes in this order. Those that are there already stay as they are, with the focus. */
export function show(list, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, at) => {
    const there = list.children[at] ?? null;
    if (there === node) return;
    if (node.parentNode === list && list.moveBefore) list.moveBefore(node, there);
    else list.insertBefore(node, there);
  });
}

/** A text in which `backticks` mark what is to be typed or read as it stands. */
export function withCode(text) {
  return text.split('`').map((part, at) => (at % 2 ? make('code', {}, part) : part));
}

const number = new Intl.NumberFormat('en');
export const count = (value) => number.format(value);
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** How long a time is: "5 s", "12 min", "3 h", "2 days". */
export function long(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** A latency: "80 ms", "1.2 s", "3 min". */
export function quick(milliseconds) {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 60_000 ? `${(milliseconds / 1_000).toFixed(1)} s` : long(milliseconds);
}

/** The clock of the bridge, which may differ from that of this machine. */
export const clock = {
  ahead: 0,
  now() { return Date.now() + this.ahead; },
  learn(now) { this.ahead = Date.parse(now) - Date.now(); },
};

/** A time that says how long ago it was, and keeps saying so. */
export function since(at, before = '', after = '') {
  const time = make('time', { datetime: at, title: new Date(at).toLocaleString() });
  Object.assign(time.dataset, { before, after });
  tell(time);
  return time;
}

function tell(time) {
  const { before, after } = time.dataset;
  say(time, `${before}${long(clock.now() - Date.parse(time.dateTime))}${after}`);
}

export function tellTimes() {
  for (const time of document.querySelectorAll('time[data-before]')) tell(time);
}
