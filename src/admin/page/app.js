// Starts the page: it listens to the bridge, shows what it hears, and sends what the buttons ask for.
import { listen, nameOf, post, put } from './api.js';
import { $, clock, long, make, say, set, since, tellTimes } from './dom.js';
import { Links } from './links.js';
import { keyOf, titleOf } from './model.js';
import { Overview } from './overview.js';
import { QueueDialog } from './queue.js';
import { People, Warnings } from './side.js';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'];
/** How long a word about what was done stays. A word about what failed stays until it is closed. */
const TOLD_MS = 5_000;

/** Tells at the bottom of the page what came of an action. */
function tell(text, look = 'good') {
  // A dialog covers all but what is in it.
  const list = queue.dialog.open ? $('.told', queue.dialog) : $('body > .told');
  const close = make('button', { type: 'button', 'aria-label': 'Close' }, '✕');
  const told = make('p', { 'data-state': look }, make('span', {}, text), close);
  close.addEventListener('click', () => told.remove());
  // The same again takes the place of what it said before.
  for (const before of [...list.children]) if (before.firstChild.textContent === text) before.remove();
  list.append(told);
  while (list.children.length > 3) list.firstChild.remove();
  if (look === 'good') setTimeout(() => told.remove(), TOLD_MS);
}

/** Does what a button asks for; meanwhile the button does nothing more, and keeps the focus. */
async function once(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

const actions = {
  pause: (link, button) => once(button, async () => {
    const isPaused = link.state === 'paused';
    try {
      await post(`links/${isPaused ? 'resume' : 'pause'}`, { link: nameOf(link) });
      tell(`${titleOf(link)} is ${isPaused ? 'resumed' : 'paused'}.`);
    } catch (error) {
      tell(`${titleOf(link)}: ${error.message}`, 'bad');
    }
  }),
  reload: (button) => once(button, async () => {
    try {
      await post('reload');
      tell('The configuration was reloaded.');
    } catch (error) {
      // The mistakes stand in the list of troubles, where there is room.
      tell(`Not reloaded: ${error.message}`, 'bad');
      $('#verdict').scrollIntoView({ block: 'nearest' });
    }
  }),
  queue: (link) => queue.open(link),
  find: (text, filter) => links.find(text, filter),
};

const overview = new Overview(actions);
const links = new Links(actions);
const warnings = new Warnings();
const people = new People();
const queue = new QueueDialog(actions, tell);
let startedAt, shownAt, isLive = false;

function showStatus(status) {
  clock.learn(status.now);
  // Another process has other keys for this page, and may be another version.
  if (startedAt && startedAt !== status.started_at && !queue.dialog.open) return location.reload();
  startedAt = status.started_at;
  shownAt = Date.now();
  if ($('#about').dataset.told !== startedAt) {
    $('#about').dataset.told = startedAt;
    $('#about').replaceChildren(`${status.version} ${status.commit ? `(${status.commit}) ` : ''}`, since(startedAt, '· up for '));
  }
  overview.update(status);
  links.update(status.links);
  warnings.update(status.warnings);
  people.update(status.people);
  if (queue.dialog.open && queue.link) {
    const link = status.links.find((it) => keyOf(it) === keyOf(queue.link));
    if (link) queue.update(link);
  }
  showLevel(status.log_level);
}

function showLevel(level) {
  const select = $('#level');
  if (document.activeElement === select || select.dataset.level === level) return;
  select.dataset.level = level;
  const known = LEVELS.includes(level) ? LEVELS : [...LEVELS, level];
  select.replaceChildren(...known.map((it) => make('option', { value: it, selected: it === level }, it)));
}

$('#level').addEventListener('change', async ({ target }) => {
  const level = target.value;
  try {
    await put('loglevel', { level });
    target.dataset.level = level;
    tell(`The log level is ${level} until the bridge is started again or reloaded.`);
  } catch (error) {
    target.value = target.dataset.level;
    tell(`The log level stays: ${error.message}`, 'bad');
  }
});
$('#reload').addEventListener('click', ({ currentTarget }) => actions.reload(currentTarget));

// Without a token of this page, nobody has signed in.
$('#sign-out').hidden = !$('meta[name=csrf-token]').content;
$('#sign-out').addEventListener('click', async () => {
  await post('sign-out').catch(() => {});
  location.reload();
});

const samples = (taken) => {
  links.take(taken);
  overview.take(taken);
};

function showConnection(state, why) {
  isLive = state === 'live';
  set($('#live'), 'data-state', { live: 'good', stale: 'bad', refused: 'bad' }[state]);
  document.body.classList.toggle('stale', !isLive);
  for (const control of [$('#level'), $('#reload')]) control.disabled = !isLive;
  if (state === 'refused') {
    const again = make('a', { href: '.' }, 'Open this page again');
    $('#live span').replaceChildren(again);
    overview.judge('lost', 'This page may no longer ask the bridge', why);
  } else {
    tellConnection();
  }
}

function tellConnection() {
  if ($('#live a')) return;
  if (isLive) return say($('#live span'), 'Live');
  say($('#live span'), 'Reconnecting…');
  overview.judge('lost', 'No contact with the bridge', shownAt
    ? `What is shown is ${long(Date.now() - shownAt)} old. The bridge may have stopped: look at it with systemctl status letsbridge. This page tries again by itself.`
    : 'The bridge may have stopped. This page tries again by itself.');
}

listen({ status: showStatus, samples }, (state, why) => {
  if (state === 'live') $('#live span').replaceChildren();
  showConnection(state, why);
});
setInterval(() => {
  tellTimes();
  if (!isLive && shownAt) tellConnection();
}, 1_000);
