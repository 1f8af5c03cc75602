// A small client of Let's Chat. What people say is only ever put on the page as text.
import { Mentions } from './mention.js';
import { signIn, signInForm } from './sign-in.js';
import { body, calls, make } from './text.js';
import { Wire } from './wire.js';

/* ---------- What is known ---------- */

const PAGE = 500; // How many messages the server lists at once.
const KEPT = 2000; // How many of a room's messages the page keeps.
const $ = (id) => document.getElementById(id);
const rooms = new Map(); // By id: {room, joined, messages (by id), people, unread, loud, seen}
let people = [];
let users = []; // Everybody who can be mentioned.
let me = null;
let wire = null;
let current = null;

const shown = () => rooms.get(current);
const byTime = (a, b) => (a.posted < b.posted ? -1 : a.posted > b.posted ? 1 : a.id < b.id ? -1 : 1);

function know(room) {
  const known = rooms.get(room.id);
  if (known) known.room = { ...known.room, ...room };
  else rooms.set(room.id, { room, joined: false, messages: new Map(), people: new Map(), unread: 0, loud: false, last: null });
  return rooms.get(room.id);
}

/** Puts messages into a room; those that are known already are passed over. True if any was new. */
function learn(entry, messages, live) {
  let any = false;
  for (const message of messages) {
    const known = entry.messages.get(message.id);
    // A fresh install says who wrote a message only when asked.
    if (known && (known.owner || !message.owner)) continue;
    entry.messages.set(message.id, { ...message, room: undefined });
    any = true;
    if (!entry.last || message.posted > entry.last) entry.last = message.posted;
    const own = message.owner && message.owner.username === me.username;
    if (live && !known && !own && (entry !== shown() || document.hidden)) {
      entry.unread += 1;
      entry.first ??= message.id;
      entry.loud ||= calls(message.text, me);
    }
  }
  if (entry.messages.size > KEPT * 1.2) {
    const kept = [...entry.messages].sort(([, a], [, b]) => byTime(a, b)).slice(-KEPT);
    entry.messages = new Map(kept);
  }
  return any;
}

/* ---------- The conversation ---------- */

async function enter(person) {
  wire?.stop();
  me = person;
  rooms.clear();
  current = null;
  sessionStorage.setItem('as', person.username);
  $('welcome').hidden = true;
  $('app').hidden = false;
  drawMe();
  drawRoom();
  wire = new Wire(person.token, {
    open: () => catchUp().catch(() => wire.socket.close()),
    lost: () => trouble('The connection was lost. Coming back …'),
    refused: () => trouble('Let’s Chat did not accept this account.'),
    event: heard,
  });
}

/** After each connection: join the rooms again, and read what was missed. */
async function catchUp() {
  const list = await wire.ask('rooms:list', {});
  askForUsers();
  for (const id of [...rooms.keys()]) if (!list.some((room) => room.id === id)) rooms.delete(id);
  list.forEach(know);
  const remembered = location.hash.slice(1);
  if (!rooms.has(current)) {
    const wanted = list.find((room) => room.slug === remembered) ?? oldest(list.filter((room) => !room.hasPassword)) ?? list[0];
    current = wanted?.id ?? null;
  }
  drawRooms();
  await Promise.all([...rooms.values()].filter(({ room, joined }) => joined || !room.hasPassword).map(join));
  trouble(null);
  drawAll();
}

async function askForUsers() {
  const all = await wire.ask('users:list', {}).catch(() => null);
  if (Array.isArray(all)) users = all;
}

/** The room that was made first; ids begin with their time. */
const oldest = (list) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1))[0];

async function join(entry, password) {
  const { id } = entry.room;
  const room = await wire.ask('rooms:join', password ? { roomId: id, password } : { roomId: id });
  if (!room || room.id !== id) return false;
  entry.joined = true;
  const [present] = await Promise.all([wire.ask('rooms:users', { room: id }), read(entry)]);
  entry.people = new Map(Array.isArray(present) ? present.map((person) => [person.id, person]) : []);
  return true;
}

async function read(entry) {
  const room = entry.room.id;
  if (!entry.last) {
    const list = await wire.ask('messages:list', { room, take: 100, expand: 'owner' });
    if (Array.isArray(list)) learn(entry, list, false);
    return;
  }
  // Some overlap: two messages can become visible in the other order of their times.
  let from = new Date(Date.parse(entry.last) - 10000).toISOString();
  for (;;) {
    const list = await wire.ask('messages:list', { room, from, reverse: false, take: PAGE, expand: 'owner' });
    if (!Array.isArray(list) || list.length === 0) return;
    learn(entry, list, true);
    if (list.length < PAGE) return;
    from = list.at(-1).posted;
  }
}

function heard(name, data) {
  const roomId = data?.room?.id ?? data?.room ?? data?.id;
  const entry = rooms.get(roomId);
  if (name === 'messages:new' && entry) {
    if (learn(entry, [data], true)) drawMessages(entry);
    if (data.owner && !users.some(({ id }) => id === data.owner.id)) askForUsers();
    if (!data.owner) askForOwners(entry, data);
    drawRooms();
  } else if (name === 'users:join' && entry) {
    entry.people.set(data.id, data);
    drawPeople();
  } else if (name === 'users:leave' && entry) {
    entry.people.delete(data.id);
    drawPeople();
  } else if (name === 'users:update') {
    renamed(data);
  } else if (name === 'rooms:new') {
    const made = know(data);
    if (!data.hasPassword) join(made).then(drawAll, () => {});
    drawRooms();
  } else if (name === 'rooms:update' && entry) {
    know(data);
    drawAll();
  } else if (name === 'rooms:archive' && entry) {
    rooms.delete(roomId);
    if (current === roomId) current = rooms.keys().next().value ?? null;
    drawAll();
  }
}

/** Asks once for the authors of the messages that came without. */
function askForOwners(entry, { posted }) {
  entry.ownersFrom = entry.ownersFrom && entry.ownersFrom < posted ? entry.ownersFrom : posted;
  entry.asking ??= setTimeout(async () => {
    const from = new Date(Date.parse(entry.ownersFrom) - 1).toISOString();
    entry.asking = entry.ownersFrom = undefined;
    const query = { room: entry.room.id, from, reverse: false, take: PAGE, expand: 'owner' };
    const list = await wire.ask('messages:list', query).catch(() => []);
    if (Array.isArray(list) && learn(entry, list, false)) drawMessages(entry);
  }, 60);
}

function renamed(user) {
  users = [...users.filter(({ id }) => id !== user.id), user];
  for (const entry of rooms.values()) {
    if (entry.people.has(user.id)) entry.people.set(user.id, user);
    for (const message of entry.messages.values()) if (message.owner?.id === user.id) message.owner = user;
  }
  if (user.id === me.id) me = { ...me, username: user.username, displayName: user.displayName };
  drawAll();
}

async function say() {
  const text = $('text').value;
  const room = current;
  if (!text.trim() || !room) return;
  $('text').value = '';
  fit();
  const answer = await wire.ask('messages:create', { room, text }).catch((error) => error.message);
  if (answer?.id) return trouble(null);
  // An answer that did not come says nothing: the message may be there. Its author looks and decides.
  $('text').value = text + $('text').value;
  fit();
  trouble(`That was not said: ${typeof answer === 'string' ? answer : 'refused'}.`);
}

async function open(id) {
  const entry = rooms.get(id);
  if (!entry) return;
  if (!entry.joined && entry.room.hasPassword) {
    const own = await join(entry).catch(() => false);
    const password = own ? null : prompt(`The password of ${entry.room.name}`);
    if (!own && !(password && (await join(entry, password).catch(() => false)))) return;
  }
  if (shown()) shown().first = undefined;
  current = id;
  history.replaceState(null, '', `#${entry.room.slug}`);
  document.body.classList.remove('rooms-shown', 'people-shown');
  drawAll();
  if (matchMedia('(hover: hover)').matches) $('text').focus();
}

function seen() {
  const entry = shown();
  if (!entry || document.hidden) return;
  entry.unread = 0;
  entry.loud = false;
}

/* ---------- The page ---------- */

function avatar(person) {
  const name = person?.displayName ?? '…';
  let hue = 0;
  for (const char of person?.username ?? '') hue = (hue * 31 + char.codePointAt(0)) % 360;
  const letters = name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join('');
  const element = make('span', { class: 'avatar', 'aria-hidden': 'true' }, letters.toUpperCase());
  element.style.setProperty('--hue', hue);
  return element;
}

function trouble(text) {
  $('trouble').hidden = !text;
  $('trouble').textContent = text ?? '';
  stayAtEnd();
}

function drawAll() {
  drawRooms();
  drawRoom();
  drawPeople();
}

function drawMe() {
  const name = make('span', {}, me.displayName, make('small', {}, `@${me.username}`));
  $('me').replaceChildren(avatar(me), name);
}

function drawRooms() {
  seen();
  const sorted = [...rooms.values()].sort((a, b) => a.room.name.localeCompare(b.room.name));
  $('rooms').replaceChildren(...sorted.map((entry) => {
    const { room, unread, loud, joined } = entry;
    const button = make('button', { class: 'room', type: 'button', title: room.description, onclick: () => open(room.id) });
    button.classList.toggle('unread', unread > 0);
    button.classList.toggle('locked', room.hasPassword && !joined);
    button.setAttribute('aria-current', String(room.id === current));
    button.append(make('span', {}, room.name));
    if (unread) button.append(make('span', { class: loud ? 'badge loud' : 'badge' }, String(unread)));
    return make('li', {}, button);
  }));
  const waiting = [...rooms.values()].filter((entry) => entry !== shown()).reduce((sum, { unread }) => sum + unread, 0);
  $('elsewhere').hidden = waiting === 0;
  $('elsewhere').textContent = waiting;
  $('elsewhere').classList.toggle('loud', [...rooms.values()].some(({ loud }) => loud));
  const total = waiting + (shown()?.unread ?? 0);
  document.title = `${total ? `(${total}) ` : ''}${shown()?.room.name ?? 'Let’s Chat'}`;
}

function drawRoom() {
  const entry = shown();
  $('room-name').textContent = entry?.room.name ?? '';
  $('room-description').textContent = entry?.room.description ?? '';
  $('text').placeholder = entry ? `Message ${entry.room.name}` : '';
  $('send').disabled = !entry;
  if (entry) drawMessages(entry, true);
  else $('messages').replaceChildren(make('p', { class: 'empty' }, me && wire ? 'There is no room here.' : ''));
}

function drawPeople() {
  const present = [...(shown()?.people.values() ?? [])].sort((a, b) => a.displayName.localeCompare(b.displayName));
  $('people-count').textContent = present.length || '';
  $('people').replaceChildren(...present.map((person) =>
    make('li', { class: 'person', title: `@${person.username}` }, avatar(person), make('span', {}, person.displayName))));
}

function drawMessages(entry, anew) {
  if (entry !== shown()) return;
  const list = $('messages');
  const atEnd = anew || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const messages = [...entry.messages.values()].sort(byTime);
  const nodes = [];
  let before = null;
  for (const message of messages) {
    const day = dayOf(message.posted);
    if (!before || dayOf(before.posted) !== day) {
      nodes.push(make('div', { class: 'day' }, day));
      before = null;
    }
    if (message.id === entry.first) {
      nodes.push(make('div', { class: 'news' }, 'New'));
      before = null;
    }
    nodes.push(drawMessage(entry, message, before));
    before = message;
  }
  if (!nodes.length) nodes.push(make('p', { class: 'empty' }, entry.joined ? 'Nothing has been said here yet.' : ''));
  // What has not changed stays, so that pictures do not blink and a selection survives.
  nodes.forEach((node, at) => {
    if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
  });
  while (list.children.length > nodes.length) list.lastChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
  $('to-end').hidden = atEnd;
}

/** A message's element: the one from before, unless what it shows has changed. */
function drawMessage(entry, message, before) {
  const { owner, posted, text } = message;
  const soon = before && Date.parse(posted) - Date.parse(before.posted) < 5 * 60000;
  const first = !soon || before.owner?.id !== owner?.id;
  const key = `${first} ${owner?.displayName} ${owner?.username}`;
  if (message.drawn?.key === key) return message.drawn.node;
  const node = make('div', { class: first ? 'message first' : 'message' });
  if (calls(text, me) && owner?.username !== me.username) node.classList.add('to-me');
  if (first) {
    node.append(avatar(owner), make('div', { class: 'by' }, make('b', {}, owner?.displayName ?? '…'), clock(posted)));
  } else {
    node.append(clock(posted));
  }
  node.append(body(text, { me, rooms, open, loaded: stayAtEnd }));
  message.drawn = { key, node };
  return node;
}

/** A picture has made the list longer: a reader who was at its end stays there. */
function stayAtEnd() {
  if ($('to-end').hidden) $('messages').scrollTop = $('messages').scrollHeight;
}

function clock(posted) {
  const at = new Date(posted);
  const short = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return make('time', { datetime: posted, title: at.toLocaleString() }, short);
}

function dayOf(posted) {
  const at = new Date(posted);
  const today = new Date();
  if (at.toDateString() === today.toDateString()) return 'Today';
  if (at.toDateString() === new Date(today.getTime() - 86400000).toDateString()) return 'Yesterday';
  return at.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
}

/* ---------- Hands ---------- */

function fit() {
  const area = $('text');
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight}px`;
}

new Mentions($('text'), () => users, (person) => [avatar(person), person.displayName, make('small', {}, `@${person.username}`)]);
$('welcome-sign-in').append(signInForm(signIn, enter));
$('composer').addEventListener('submit', (event) => { event.preventDefault(); say(); });
$('text').addEventListener('input', fit);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); say(); }
});
$('messages').addEventListener('scroll', () => {
  const list = $('messages');
  if (list.scrollHeight - list.scrollTop - list.clientHeight < 80) $('to-end').hidden = true;
});
$('to-end').addEventListener('click', () => { $('messages').scrollTop = $('messages').scrollHeight; });
$('show-rooms').addEventListener('click', () => document.body.classList.toggle('rooms-shown'));
$('show-people').addEventListener('click', () => document.body.classList.toggle('people-shown'));
$('shade').addEventListener('click', () => document.body.classList.remove('rooms-shown', 'people-shown'));
$('me').addEventListener('click', welcome);
document.addEventListener('visibilitychange', () => { if (me) drawRooms(); });
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') document.body.classList.remove('rooms-shown', 'people-shown');
});

function welcome() {
  $('app').hidden = true;
  $('welcome').hidden = false;
  $('welcome-people').replaceChildren(...people.map((person) => {
    const name = make('span', {}, person.displayName, make('small', {}, `@${person.username}`));
    return make('button', { class: 'person-card', type: 'button', onclick: () => enter(person) }, avatar(person), name);
  }));
}

async function begin() {
  welcome();
  try {
    people = await (await fetch('demo/people')).json();
  } catch {
    $('welcome-text').textContent = 'Only those at the machine that runs the demo can take part.';
    return;
  }
  const wanted = new URLSearchParams(location.search).get('as') ?? sessionStorage.getItem('as');
  const person = people.find(({ username }) => username === wanted);
  if (person) enter(person);
  else welcome();
}

begin();
