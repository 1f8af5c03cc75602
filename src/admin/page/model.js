// What the state of the bridge means: whether all is well, and if not, what is wrong and what helps.
import { clock, count, long, many } from './dom.js';

/** A message that waits longer than this on a link that is up is worth a look. */
const LATE_MS = 120_000;
/** A connection that takes longer than this to come up is a trouble. */
const SLOW_MS = 45_000;
/** How many troubles of single links are listed before they are counted. */
const SINGLE = 3;
/** For links of which only the log knows why they are down. */
const UNKNOWN = 'Why is among the warnings.';

export const keyOf = (link) => `${link.network}/${link.channel} ${link.room}`;
export const titleOf = (link) => `${link.channel} ⇄ ${link.room}`;
export const labelOf = (network) => (network.kind === 'letschat' ? 'Let’s Chat' : network.name);
export const waitingOf = (link) => link.to_irc.waiting + link.to_letschat.waiting;

/** Since when the oldest message of a link waits, in milliseconds since the epoch. */
export function oldestOf(link) {
  const times = [link.to_irc.oldest, link.to_letschat.oldest].filter(Boolean).map((at) => Date.parse(at));
  return times.length ? Math.min(...times) : null;
}

const isLate = (link) => link.state === 'up' && oldestOf(link) !== null && clock.now() - oldestOf(link) > LATE_MS;

/** How much a link needs somebody: the lowest first. */
export function rankOf(link) {
  const rank = { full: 0, down: 1, leaving: 3, paused: 4 }[link.state];
  return rank ?? (isLate(link) ? 2 : 5);
}

export const inTrouble = (link) => rankOf(link) < 3;

/** The phase and the direction of a link in words; nothing for one that mirrors everything. */
export function modeOf({ phase, direction }) {
  const phases = { moving: 'moving', irc_read_only: 'IRC is read-only', closed: 'closed' };
  const directions = { to_letschat: 'only to Let’s Chat', to_irc: 'only to IRC' };
  return [phases[phase], directions[direction]].filter(Boolean).join(', ');
}

/** What stands beside the state of a link or a network: a word, and a colour's name. */
export function lookOf({ state }) {
  return {
    up: ['Up', 'good'], connected: ['Connected', 'good'], down: ['Down', 'bad'], full: ['Queue full', 'bad'],
    paused: ['Paused', 'rest'], leaving: ['Leaving: sends what waits', 'rest'], connecting: ['Connecting', 'wait'],
  }[state] ?? [state, 'wait'];
}

/** The troubles, the worst first. Each has a `level` (bad, wait or rest), a title, and what else is known. */
export function troublesOf(status) {
  if (waits(status)) return [ofWaiting(status)];
  const troubles = [
    ...ofCluster(status), ...ofStorage(status), ...status.networks.flatMap((network) => ofNetwork(network, status)),
    ...ofLinks(status), ...ofReload(status), ...ofReadiness(status),
  ];
  const order = ['bad', 'wait', 'rest'];
  return troubles.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** Whether another node is the active one, or PostgreSQL cannot be reached. */
export const waits = ({ cluster }) => Boolean(cluster) && cluster.role !== 'active';

/** The nodes that could take over from this one. */
const successorsOf = ({ cluster }) => (cluster?.nodes ?? []).filter((it) => it.present && !it.active && it.name !== cluster.node);

function ofWaiting(status) {
  const { cluster } = status;
  const active = cluster.active_node !== cluster.node && cluster.active_node;
  return {
    level: cluster.problem ? 'bad' : 'rest',
    title: `This node, ${cluster.node}, waits`,
    since: cluster.since,
    text: cluster.problem ?? (active ? `${active} is the active one. Networks and links are shown there.` : 'It takes over when its turn comes.'),
    remedy: cluster.problem ? 'Look at PostgreSQL, and at the network on the way to it.' : null,
  };
}

function ofCluster(status) {
  const { cluster } = status;
  if (!cluster) return [];
  const troubles = [];
  if (cluster.problem) {
    troubles.push({
      level: 'bad', title: 'PostgreSQL does not take what is written', text: cluster.problem,
      remedy: 'Look at PostgreSQL, and at the network on the way to it. Nothing is lost.',
    });
  }
  if (!successorsOf(status).length) {
    troubles.push({
      level: 'wait', title: 'No other node waits', text: `If ${cluster.node} fails, nothing takes over.`,
      remedy: 'Start letsbridge on the other machine, and look at its log.',
    });
  }
  return troubles;
}

function ofStorage({ storage }) {
  if (!storage?.stalled) return [];
  return [{
    level: 'bad',
    title: 'The database cannot be written',
    text: 'The bridge has stopped receiving, so that nothing is lost. It goes on by itself.',
    remedy: 'Free some space on the disk of `state_dir`, or look at its health with `dmesg`.',
  }];
}

/** The problem of a network, which may begin with its name. */
function withoutName({ name, problem }) {
  return problem?.startsWith(`${name}: `) ? problem.slice(name.length + 2) : problem;
}

function ofNetwork(network, status) {
  if (network.state === 'connected') return [];
  const isNew = network.state === 'connecting' && !(network.since && clock.now() - Date.parse(network.since) > SLOW_MS);
  const links = status.links.filter((link) => network.kind === 'letschat' || link.network === network.name);
  const waiting = links.reduce((sum, link) => sum + waitingOf(link), 0);
  const label = labelOf(network);
  return [{
    level: isNew && !network.problem ? 'wait' : 'bad',
    title: network.state === 'down' ? `${label} is down` : `Connecting to ${label}`,
    since: network.since,
    text: withoutName(network),
    remedy: network.remedy,
    effect: `${many(links.length, 'link')} cannot mirror. ${
      waiting ? `${many(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}` : 'Messages wait'
    } until it is back; nothing is lost.`,
    network,
  }];
}

function ofLinks(status) {
  const away = new Set(status.networks.filter((it) => it.state !== 'connected').map((it) => it.name));
  const roomsAway = status.networks.some((it) => it.kind === 'letschat' && it.state !== 'connected');
  // What is down with its network has been told already.
  const own = status.links.filter((link) => link.state !== 'down' || (!roomsAway && !away.has(link.network)));
  const troubles = [];
  const group = (links, level, single, grouped, filter) => {
    if (links.length > SINGLE) troubles.push({ level, title: grouped(links.length), ...commonOf(links), show: filter });
    else for (const link of links) troubles.push({ level, link, since: link.since, ...single(link) });
  };
  group(own.filter((it) => it.state === 'full'), 'bad', (link) => ({
    title: `The queue of ${titleOf(link)} is full`,
    text: link.problem,
    remedy: link.remedy ?? 'Solve what keeps its messages, or raise `store.max_queue_size`.',
  }), (n) => `${n} queues are full`, 'trouble');
  group(own.filter((it) => it.state === 'down'), 'bad', (link) => ({
    title: `${titleOf(link)} is down`, text: link.problem ?? UNKNOWN, remedy: link.remedy,
  }), (n) => `${n} links are down`, 'trouble');
  group(own.filter(isLate), 'wait', (link) => ({
    title: `${titleOf(link)} is late`,
    since: null,
    text: `The oldest message has waited for ${long(clock.now() - oldestOf(link))}.`,
    remedy: 'Look at its queue. A server that limits the speed is slow after an outage.',
  }), (n) => `${n} links are late`, 'trouble');
  group(own.filter((it) => it.state === 'paused'), 'rest', (link) => ({
    title: `${titleOf(link)} is paused`, text: 'Its messages wait until somebody resumes it.',
  }), (n) => `${n} links are paused`, 'paused');
  return troubles;
}

/** What many links have in common: their names, and the problem if it is one. */
function commonOf(links) {
  const [{ problem, remedy }] = links;
  const isSame = problem && links.every((link) => link.problem === problem);
  if (isSame) return { text: problem, effect: namesOf(links), remedy };
  return { text: namesOf(links), effect: problem ? null : UNKNOWN };
}

function namesOf(links) {
  const names = links.slice(0, 8).map((link) => link.channel);
  return names.join(', ') + (links.length > names.length ? ` and ${links.length - names.length} more` : '');
}

function ofReload({ config }) {
  const last = config?.last_reload;
  if (!last || last.ok) return [];
  return [{
    level: 'wait',
    title: 'The new configuration has mistakes',
    at: last.at,
    text: 'The bridge goes on with the one before.',
    list: last.mistakes,
    remedy: 'Correct the file, then reload it.',
  }];
}

/** What else `/readyz` complains about. The states of networks and links have been told already. */
function ofReadiness(status) {
  const isTold = (reason) => reason.startsWith('the link ') || / (is down|is connecting)(:|$)/.test(reason)
    || (status.storage?.stalled && reason.startsWith('the database'));
  const others = (status.not_ready ?? []).filter((reason) => !isTold(reason));
  const troubles = others.slice(0, SINGLE).map((reason) => ({
    level: 'bad',
    title: reason[0].toUpperCase() + reason.slice(1),
    remedy: reason.startsWith('the engine') ? 'If it stays so, restart the bridge: it loses nothing.' : null,
  }));
  if (!status.links.length) {
    troubles.push({ level: 'wait', title: 'There are no links', text: 'The bridge has nothing to mirror.' });
  }
  return troubles;
}

/** Which node this is, and who would take over. */
function ofNodes(status) {
  if (!status.cluster) return '';
  const others = successorsOf(status).map((it) => it.name).join(', ');
  return ` Node ${status.cluster.node} is active; ${others} would take over.`;
}

/** One sentence about everything, another below it, and a colour's name. */
export function verdictOf(status, troubles) {
  const { links, networks } = status;
  if (waits(status)) return [troubles[0].level, troubles[0].title, troubles[0].text];
  const waiting = links.reduce((sum, link) => sum + waitingOf(link), 0);
  const up = links.filter((link) => link.state === 'up').length;
  const where = many(networks.filter((it) => it.kind === 'irc').length, 'network');
  const worst = troubles[0];
  if (!worst) {
    const are = links.length === 1 ? 'The link is' : `All ${count(links.length)} links are`;
    return ['good', 'All is well', `${are} up on ${where}. ${
      waiting ? `${many(waiting, 'message')} on ${waiting === 1 ? 'its' : 'their'} way.` : 'Nothing waits.'
    }${ofNodes(status)}`];
  }
  const urgent = troubles.filter((it) => it.level === worst.level);
  const headline = urgent.length === 1 ? worst.title : {
    bad: `${urgent.length} things are broken`,
    wait: `${urgent.length} things need a look`,
    rest: `${urgent.length} things are paused`,
  }[worst.level];
  return [worst.level, headline, `${count(up)} of ${many(links.length, 'link')} up on ${where}.`];
}
