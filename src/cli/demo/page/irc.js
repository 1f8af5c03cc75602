// An IRC client: the connection, the channels, and who is in them. One message of the websocket is one line.

const CAPS = 'batch draft/chathistory echo-message message-tags server-time';
const HISTORY = 50; // How many earlier lines are asked for.
const ESCAPES = { ':': ';', s: ' ', '\\': '\\', r: '\r', n: '\n' };

/** A line of IRC in its parts. */
export function parse(line) {
  const tags = new Map();
  let rest = line;
  const next = () => {
    const end = rest.indexOf(' ');
    const word = end < 0 ? rest : rest.slice(0, end);
    rest = end < 0 ? '' : rest.slice(end).trimStart();
    return word;
  };
  if (rest.startsWith('@')) {
    for (const tag of next().slice(1).split(';')) {
      const [key, ...value] = tag.split('=');
      tags.set(key, value.join('=').replace(/\\(.)/g, (_, char) => ESCAPES[char] ?? char));
    }
  }
  const source = rest.startsWith(':') ? next().slice(1) : '';
  const command = next().toUpperCase();
  const params = [];
  while (rest) {
    if (rest.startsWith(':')) {
      params.push(rest.slice(1));
      break;
    }
    params.push(next());
  }
  return { tags, source, nick: source.split('!')[0], command, params };
}

/** `on.change(channel)`, `on.line(channel, line)`, `on.joined(channel)`, `on.parted(channel)`, `on.state()`. */
export class IrcClient {
  constructor(nick, channels, on) {
    this.nick = nick;
    this.wanted = new Set(channels);
    this.channels = new Map(); // By name in small letters: {name, topic, members}
    this.batches = new Map();
    this.on = on;
    this.failures = 0;
    this.connect();
  }

  connect() {
    const address = new URL('irc', location.href);
    address.protocol = 'ws:';
    this.registered = false;
    this.socket = new WebSocket(address);
    this.socket.onopen = () => {
      this.send(`CAP REQ :${CAPS}`);
      this.send(`NICK ${this.nick}`);
      this.send('USER demo 0 * :A visitor of the demo');
      this.send('CAP END');
    };
    this.socket.onmessage = ({ data }) => this.hear(parse(String(data)));
    this.socket.onclose = () => this.lost();
  }

  lost() {
    this.registered = false;
    this.channels.clear();
    this.on.state();
    setTimeout(() => this.connect(), Math.min(500 * 2 ** this.failures++, 8000));
  }

  send(line) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(line.replace(/[\r\n\0]/g, ' '));
  }

  channel(name) {
    return this.channels.get(name.toLowerCase());
  }

  hear({ tags, source, nick, command, params }) {
    const at = new Date(tags.get('time') ?? Date.now());
    const old = this.batches.has(tags.get('batch'));
    const line = { at, id: tags.get('msgid'), nick, old };
    const own = nick.toLowerCase() === this.nick.toLowerCase();
    const handler = this[`on${command}`];
    if (handler) handler.call(this, params, line, own);
    else if (/^[45]\d\d$/.test(command)) this.say(null, { ...line, kind: 'error', text: params.slice(1).join(' ') });
    else if (command === 'ERROR') this.say(null, { ...line, kind: 'error', text: `${source} ${params.join(' ')}` });
  }

  /** Adds a line to a channel, or to the one that is shown. */
  say(name, line) {
    this.on.line(name, line);
  }

  onPING([token]) {
    this.send(`PONG :${token}`);
  }

  onBATCH([reference, kind]) {
    if (reference.startsWith('+') && kind === 'chathistory') this.batches.set(reference.slice(1), true);
    else this.batches.delete(reference.slice(1));
  }

  on001([nick]) {
    this.nick = nick;
    this.registered = true;
    this.failures = 0;
    if (this.wanted.size) this.send(`JOIN ${[...this.wanted].join(',')}`);
    this.on.state();
  }

  /** The nick is in use: before the registration another one is tried. */
  on433(params, line) {
    if (this.registered) return this.say(null, { ...line, kind: 'error', text: `${params[1]}: this nick is in use` });
    this.nick = `${this.nick.replace(/\d+$/, '').slice(0, 20)}${Math.floor(Math.random() * 900) + 100}`;
    this.send(`NICK ${this.nick}`);
  }

  onJOIN([name], line, own) {
    if (own) {
      this.channels.set(name.toLowerCase(), { name, topic: '', members: new Map() });
      this.wanted.add(name);
      this.send(`CHATHISTORY LATEST ${name} * ${HISTORY}`);
      this.on.joined(name);
    } else {
      this.channel(name)?.members.set(line.nick, '');
      this.say(name, { ...line, kind: 'event', text: `${line.nick} has joined` });
    }
    this.on.change(name);
  }

  onPART([name, reason], line, own) {
    if (own) {
      this.channels.delete(name.toLowerCase());
      this.wanted.delete(name);
      this.on.parted(name);
    } else {
      this.leave(name, line.nick);
      this.say(name, { ...line, kind: 'event', text: `${line.nick} has left${reason ? ` (${reason})` : ''}` });
    }
  }

  onKICK([name, nick, reason], line) {
    this.leave(name, nick);
    this.say(name, { ...line, kind: 'event', text: `${nick} was kicked by ${line.nick} (${reason ?? ''})` });
  }

  onQUIT([reason], line) {
    for (const { name, members } of this.channels.values()) {
      if (!members.has(line.nick)) continue;
      this.leave(name, line.nick);
      this.say(name, { ...line, kind: 'event', text: `${line.nick} has quit (${reason ?? ''})` });
    }
  }

  leave(name, nick) {
    this.channel(name)?.members.delete(nick);
    this.on.change(name);
  }

  onNICK([nick], line, own) {
    if (own) this.nick = nick;
    for (const { name, members } of this.channels.values()) {
      if (!members.has(line.nick)) continue;
      members.set(nick, members.get(line.nick));
      members.delete(line.nick);
      const text = own ? `You are now known as ${nick}` : `${line.nick} is now known as ${nick}`;
      this.say(name, { ...line, kind: 'event', text });
      this.on.change(name);
    }
    this.on.state();
  }

  onTOPIC([name, topic], line) {
    const channel = this.channel(name);
    if (channel && !line.old) channel.topic = topic ?? '';
    this.say(name, { ...line, kind: 'event', text: `${line.nick} changed the topic to: ${topic}` });
    this.on.change(name);
  }

  on332([, name, topic]) {
    const channel = this.channel(name);
    if (channel) channel.topic = topic;
    this.on.change(name);
  }

  on353([, , name, nicks]) {
    const channel = this.channel(name);
    for (const word of nicks.split(' ').filter(Boolean)) {
      const [, prefix, nick] = /^([~&@%+]*)(.*)$/.exec(word);
      channel?.members.set(nick, prefix.slice(0, 1));
    }
  }

  on366([, name]) {
    this.on.change(name);
  }

  onMODE([name, ...change], line) {
    if (!this.channel(name)) return;
    this.say(name, { ...line, kind: 'event', text: `${line.nick} sets mode ${change.join(' ')}` });
    this.send(`NAMES ${name}`);
  }

  onPRIVMSG([target, text], line, own) {
    const action = /^\u0001ACTION (.*?)\u0001?$/s.exec(text);
    if (!action && text.startsWith('\u0001')) return;
    const said = { ...line, kind: action ? 'action' : 'text', text: action ? action[1] : text };
    if (/^[#&]/.test(target)) this.say(target, said);
    else this.say(null, { ...said, kind: 'private', to: own ? target : null });
  }

  onNOTICE([target, text], line) {
    const name = /^[#&]/.test(target) ? target : null;
    if (this.registered) this.say(name, { ...line, kind: 'notice', text });
  }
}
