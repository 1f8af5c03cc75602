// Starts both panes and the strip between them. A channel and its room are shown together.
import { ChatPane } from './chat-pane.js';
import { IrcPane } from './irc-pane.js';
import { $ } from './pane.js';
import { Strip } from './strip.js';
import { make } from './text.js';

async function begin() {
  const { channels, people, nick, letschatPort, ircPort } = await (await fetch('places')).json();
  const slugs = channels.map(({ name }) => name);
  const letschat = `http://${location.hostname}:${letschatPort}/`;
  $('own').append(
    'Your own clients: ', make('code', {}, `irssi -c localhost${ircPort === 6667 ? '' : ` -p ${ircPort}`}`), ', ',
    make('a', { href: `${letschat}#${slugs[0]}`, target: '_blank', rel: 'noopener' }, 'Let’s Chat alone'),
  );
  const panes = {};
  const choose = (name) => {
    const slug = name.replace(/^#/, '').toLowerCase();
    const bridged = slugs.includes(slug);
    panes.irc.show(bridged ? `#${slug}` : name);
    if (bridged) panes.chat.show(slug);
  };
  panes.irc = new IrcPane(nick, slugs.map((slug) => `#${slug}`), choose);
  const strip = new Strip(() => panes.chat?.held ?? 0);
  panes.chat = new ChatPane(letschat, slugs, people, choose, () => strip.draw());
  if (matchMedia('(hover: hover)').matches) $('irc-input').focus();
}

begin().catch(() => {
  $('now').textContent = 'The demo does not answer. Is it still running in your terminal?';
});
