// Between the panes: the state of the bridge, what it just did, the totals, and the buttons that break things.
import { $ } from './pane.js';
import { make } from './text.js';

const WORDS = {
  bridge: { up: 'runs', down: 'killed', returning: 'starts' },
  irc: { up: 'connected', down: 'cut', returning: 'reconnects' },
  letschat: { up: 'connected', down: 'down', returning: 'reconnects' },
};
const LABELS = {
  kill: ['Kill the bridge', 'Start the bridge'],
  cut: ['Cut IRC', 'Connect IRC'],
  restart: ['Restart Let’s Chat', 'Start Let’s Chat'],
};
const HINTS = {
  bridge: 'The bridge is dead. Write something: it arrives later.',
  irc: 'The bridge is cut off from IRC. Write something: it arrives later.',
  letschat: 'Let’s Chat is down. Write something: it arrives later.',
};

/** Who and where to stand out from what was done. */
function inParts(kind, text) {
  const words = text.replace(/(\d) (m?s)\b/g, '$1\u00a0$2');
  const end = kind === 'arrived' ? words.indexOf(': ') + 1 : 0;
  return end ? [make('b', {}, words.slice(0, end)), words.slice(end)] : [words];
}

/** The strip. `held()` says how many messages wait in this page. */
export class Strip {
  constructor(held) {
    this.held = held;
    this.told = 0;
    for (const button of document.querySelectorAll('[data-order]')) {
      button.addEventListener('click', () => this.order(button.dataset.order));
    }
    this.connect();
  }

  connect() {
    const address = new URL('bridge', location.href);
    address.protocol = 'ws:';
    this.socket = new WebSocket(address);
    this.socket.onmessage = ({ data }) => { this.snapshot = JSON.parse(data); this.draw(); };
    // Another demo has other accounts.
    this.socket.onopen = () => { if (this.lost) location.reload(); };
    this.socket.onclose = () => {
      this.lost = true;
      document.body.classList.add('ended');
      this.say('The demo does not answer. Is it still running in your terminal?');
      setTimeout(() => this.connect(), 1000);
    };
  }

  order(name) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(name);
  }

  draw() {
    const { snapshot } = this;
    if (!snapshot) return;
    document.body.classList.remove('ended');
    for (const [name, words] of Object.entries(WORDS)) this.drawPart(name, snapshot[name], words);
    this.drawTotals(snapshot.totals);
    $('show').textContent = snapshot.show ? 'Stop talking' : 'Show me';
    $('show').setAttribute('aria-pressed', String(snapshot.show));
    this.drawNews(snapshot.news);
    const broken = ['bridge', 'irc', 'letschat'].find((name) => snapshot[name].state === 'down');
    this.say(broken ? HINTS[broken] : '');
  }

  drawPart(name, { state, seconds }, words) {
    const part = document.querySelector(`[data-part="${name}"]`);
    // Without a bridge nothing connects.
    const shown = name !== 'bridge' && state === 'returning' && this.snapshot.bridge.state !== 'up' ? 'idle' : state;
    part.dataset.state = shown;
    $('line').dataset[name] = shown;
    const process = name === 'bridge' && state === 'up' ? `, process ${this.snapshot.process}` : '';
    part.querySelector('.state').textContent = shown === 'idle' ? 'no bridge' : `${words[state]}${process}`;
    const button = part.querySelector('button');
    const [whole, broken] = LABELS[button.dataset.order];
    const label = state === 'down' && seconds !== null ? `${broken} (${seconds} s)` : whole;
    if (button.textContent !== label) button.textContent = label;
  }

  /** What waits in this page has been sent by somebody, and is not on any server yet. */
  drawTotals({ sent, arrived, waiting, twice }) {
    const held = this.held();
    const totals = { sent: sent + held, arrived, waiting: waiting + held, twice };
    for (const [name, value] of Object.entries(totals)) {
      const element = document.querySelector(`[data-total="${name}"]`);
      element.textContent = value;
      element.parentElement.classList.toggle('some', value > 0);
    }
  }

  drawNews(news) {
    const list = $('news');
    for (const { number, kind, words } of news.filter((item) => item.number > this.told)) {
      list.prepend(make('li', { class: `${kind} new` }, ...inParts(kind, words)));
      this.told = number;
    }
    while (list.children.length > 40) list.lastChild.remove();
  }

  say(words) {
    if ($('now').textContent !== words) $('now').textContent = words;
  }
}
