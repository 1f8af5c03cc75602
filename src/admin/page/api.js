// What the page asks the bridge, and what the bridge tells it. Addresses are relative: a reverse proxy may add a path.
import { $ } from './dom.js';

/** After this long without a word from the bridge, what is shown is old. It sends something every five seconds. */
const SILENCE_MS = 12_000;
/** A connection that ends is begun anew at once, as servers end long ones; it is a trouble if that takes longer. */
const GRACE_MS = 3_000;
/** The longest pause between two attempts to hear it again. */
const MAX_PAUSE_MS = 15_000;

/** What the bridge refuses. `answer` is its JSON. */
export class Refusal extends Error {
  constructor(status, answer) {
    super(answer.error ?? `the bridge answered ${status}`);
    Object.assign(this, { status, answer });
  }
}

async function ask(method, path, body) {
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') {
    headers['Content-Type'] = 'application/json';
    headers['X-CSRF-Token'] = $('meta[name=csrf-token]').content;
  }
  let response;
  try {
    response = await fetch(`api/v1/${path}`, { method, headers, body: body && JSON.stringify(body), cache: 'no-store' });
  } catch {
    throw new Error('the bridge does not answer');
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

export const get = (path) => ask('GET', path);
export const post = (path, body = {}) => ask('POST', path, body);
export const put = (path, body) => ask('PUT', path, body);

/** How a link is named to the bridge. */
export const nameOf = (link) => `${link.network}/${link.channel} ${link.room}`;

/**
 * Listens for events. `hear` has a function for each; `changed` is told "live", "stale" or "refused" when that changes.
 * A browser does not try again after an error of HTTP, so this does.
 */
export function listen(hear, changed) {
  let source, silence, grace, pause = 500, state;
  const becomes = (next, why) => {
    if (state !== next) changed(state = next, why);
  };
  const alive = () => {
    pause = 500;
    becomes('live');
    clearTimeout(grace);
    grace = null;
    clearTimeout(silence);
    silence = setTimeout(() => again(), SILENCE_MS);
  };
  const again = () => {
    source.close();
    clearTimeout(silence);
    grace ??= setTimeout(() => {
      if (state !== 'refused') becomes('stale');
    }, GRACE_MS);
    setTimeout(begin, pause);
    pause = Math.min(pause * 2, MAX_PAUSE_MS);
  };
  const begin = () => {
    source = new EventSource('api/v1/events');
    const own = source;
    silence = setTimeout(() => again(), SILENCE_MS);
    for (const [name, heard] of Object.entries(hear)) {
      own.addEventListener(name, (event) => {
        alive();
        heard(JSON.parse(event.data));
      });
    }
    own.addEventListener('alive', alive);
    own.addEventListener('error', async () => {
      if (own !== source) return;
      again();
      // Why it does not work: the session may have ended.
      await get('status').catch((error) => {
        if (error instanceof Refusal && [401, 403].includes(error.status)) becomes('refused', error.message);
      });
    });
  };
  begin();
}
