// The left pane: channels, lines and members as an IRC client shows them, and its commands.
import { IrcClient } from './irc.js';
import { formatted } from './irc-text.js';
import { $, KEPT, Log, clock, drawTabs, hueOf } from './pane.js';
import { make } from './text.js';

const HELP = [
  '/me waves          say what you do',
  '/nick NAME         change your nick',
  '/join #CHANNEL     enter a channel',
  '/part              leave this channel',
  '/topic TEXT        change the topic',
  '/msg NICK TEXT     write to one person',
  '!link              make the account yours with which you appear in Let’s Chat',
];

/** The pane. `choose(channel)` is called when somebody chooses a channel. */
export class IrcPane {
  constructor(nick, channels, choose) {
    this.lines = new Map(); // By channel in small letters: {name, list, ids, unread}
    this.choose = choose;
    this.bridged = channels;
    this.current = channels[0];
    this.log = new Log($('irc-log'));
    this.said = [];
    this.place = 0;
    this.client = new IrcClient(nick, channels, {
      line: (name, line) => this.add(name ?? this.current, line),
      change: () => this.draw(),
      joined: (name) => this.joined(name),
      parted: (name) => this.parted(name),
      state: () => this.draw(),
    });
    $('irc-form').addEventListener('submit', (event) => { event.preventDefault(); this.enter(); });
    $('irc-input').addEventListener('keydown', (event) => this.recall(event));
    this.draw(true);
  }

  /** Shows a channel, which is joined first if need be. */
  show(name) {
    this.current = this.client.channel(name)?.name ?? name;
    if (this.client.registered && !this.client.channel(name)) this.client.send(`JOIN ${name}`);
    this.buffer(this.current).unread = 0;
    this.draw(true);
  }

  joined(name) {
    if (this.asked === name.toLowerCase()) this.choose(name);
    this.asked = null;
    const bridged = this.bridged.includes(name.toLowerCase());
    const hint = bridged ? 'What you write here appears in Let’s Chat under your name. !link makes that account yours' : 'This channel is not bridged';
    this.add(name, { at: new Date(), kind: 'event', text: `You have joined ${name}. ${hint}` });
  }

  parted(name) {
    this.lines.delete(name.toLowerCase());
    if (this.current.toLowerCase() !== name.toLowerCase()) return this.draw();
    const next = this.client.channels.values().next().value;
    this.choose(next?.name ?? name);
    if (!next) this.draw(true);
  }

  buffer(name) {
    const key = name.toLowerCase();
    if (!this.lines.has(key)) this.lines.set(key, { name, list: [], ids: new Set(), unread: 0 });
    return this.lines.get(key);
  }

  /** Adds a line where its time belongs. One that is there already is passed over. */
  add(name, line) {
    const buffer = this.buffer(name);
    if (line.id && buffer.ids.has(line.id)) return;
    if (line.id) buffer.ids.add(line.id);
    const { list } = buffer;
    let at = list.length;
    while (line.old && at > 0 && list[at - 1].at > line.at) at -= 1;
    list.splice(at, 0, { ...line, node: this.drawLine(line) });
    if (list.length > KEPT) buffer.ids.delete(list.shift().id);
    const shown = name.toLowerCase() === this.current.toLowerCase();
    if (!shown && !line.old && ['text', 'action'].includes(line.kind)) buffer.unread += 1;
    if (shown) this.log.show(list.map(({ node }) => node));
    this.drawTabs();
  }

  drawLine({ at, kind, nick, text, to, old }) {
    const who = () => make('span', { class: `nick ${hueOf(nick)}` }, nick);
    const words = {
      text: () => ['<', who(), '> ', ...formatted(text)],
      action: () => ['* ', who(), ' ', ...formatted(text)],
      notice: () => ['-', who(), '- ', ...formatted(text)],
      private: () => [to ? `→ *${to}* ` : '*', ...(to ? [] : [who(), '* ']), ...formatted(text)],
      event: () => ['-!- ', text],
      error: () => ['-!- ', text],
    }[kind]();
    const node = make('p', { class: `line ${kind}${old ? '' : ' new'}` }, clock(at), make('span', {}, ...words));
    return node;
  }

  draw(anew) {
    const channel = this.client?.channel(this.current);
    const ready = Boolean(this.client?.registered);
    $('irc-nick').textContent = this.client?.nick ?? '';
    $('irc-topic').textContent = channel ? `${channel.name}: ${channel.topic || 'no topic'}` : '';
    $('irc-input').setAttribute('aria-label', `Message as ${this.client?.nick} in ${this.current}`);
    const trouble = ready ? (channel ? '' : `You are not in ${this.current}: /join ${this.current}`) : 'Connecting …';
    if ($('irc-trouble').textContent !== trouble) $('irc-trouble').textContent = trouble;
    const rank = ([nick, prefix]) => `${prefix === '@' ? 0 : prefix ? 1 : 2}${nick.toLowerCase()}`;
    const members = [...(channel?.members ?? [])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    $('irc-members-title').textContent = members.length === 1 ? '1 member' : `${members.length} members`;
    $('irc-members').replaceChildren(...members.map(([nick, prefix]) =>
      make('li', {}, make('span', { class: 'prefix' }, prefix), make('span', { class: hueOf(nick) }, nick))));
    this.log.show(this.buffer(this.current).list.map(({ node }) => node), anew);
    this.drawTabs();
  }

  drawTabs() {
    const names = [...(this.client?.channels.values() ?? [])].map(({ name }) => name);
    const unread = (name) => this.buffer(name).unread;
    drawTabs($('irc-channels'), names, this.current, unread, this.choose);
  }

  enter() {
    const text = $('irc-input').value;
    if (!text.trim()) return;
    if (!this.client.registered) return;
    $('irc-input').value = '';
    this.said = [...this.said, text].slice(-50);
    this.place = this.said.length;
    if (text.startsWith('/') && !text.startsWith('//')) this.command(text.slice(1));
    else this.client.send(`PRIVMSG ${this.current} :${text.replace(/^\/\//, '/')}`);
  }

  command(text) {
    const [, name, rest] = /^(\S*)\s*(.*)$/s.exec(text);
    const [first, ...others] = rest.split(/\s+/);
    const send = (line) => this.client.send(line);
    const tell = (words, kind = 'error') => this.add(this.current, { at: new Date(), kind, text: words });
    const commands = {
      me: () => (rest ? send(`PRIVMSG ${this.current} :\u0001ACTION ${rest}\u0001`) : tell('/me needs what you do')),
      nick: () => (first ? this.rename(first, tell) : tell('/nick needs a nick')),
      join: () => (first ? this.join(first.startsWith('#') ? first : `#${first}`) : tell('/join needs a channel')),
      part: () => send(`PART ${first.startsWith('#') ? first : this.current}`),
      topic: () => (rest ? send(`TOPIC ${this.current} :${rest}`) : tell('/topic needs a text')),
      msg: () => (others.length ? send(`PRIVMSG ${first} :${rest.slice(first.length).trim()}`) : tell('/msg needs a nick and a text')),
      names: () => tell([...(this.client.channel(this.current)?.members.keys() ?? [])].join(' '), 'event'),
      help: () => HELP.forEach((words) => tell(words, 'event')),
    };
    if (Object.hasOwn(commands, name.toLowerCase())) commands[name.toLowerCase()]();
    else tell(`There is no command /${name} here. /help lists them.`);
  }

  /** The bridge is known by its nick: while it is down, nobody else may have it. */
  rename(nick, tell) {
    if (nick.toLowerCase() === 'letsbridge') tell('letsbridge is the nick of the bridge');
    else this.client.send(`NICK ${nick}`);
  }

  join(name) {
    const known = this.client.channel(name);
    if (known) return this.choose(known.name);
    this.asked = name.toLowerCase();
    this.client.send(`JOIN ${name}`);
  }

  /** The arrow keys bring back what was written before. */
  recall(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.isComposing) return;
    event.preventDefault();
    this.place = Math.max(0, Math.min(this.said.length, this.place + step));
    $('irc-input').value = this.said[this.place] ?? '';
  }
}
