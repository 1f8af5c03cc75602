// What a text shows: links, mentions, rooms, emotes, pictures, pastes. All of it as text, none as HTML.

/** An element; keys that begin with `on` are listeners. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'class') element.className = value;
    else if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Whether a text calls `me`, by name or with everyone. */
export const calls = (text, me) =>
  [...text.matchAll(/\B@([\w.]+)(?!@)\b/g)].some(([, name]) => [me.username, 'all'].includes(name.toLowerCase()));

const EMOTES = {
  '+1': '👍', '-1': '👎', angry: '😠', beer: '🍺', beers: '🍻', bug: '🐛', clap: '👏', coffee: '☕', confused: '😕',
  cry: '😢', eyes: '👀', fire: '🔥', grin: '😁', heart: '❤️', heart_eyes: '😍', hug: '🤗', joy: '😂', laughing: '😆',
  ok_hand: '👌', pray: '🙏', rocket: '🚀', scream: '😱', see_no_evil: '🙈', smile: '😄', smiley: '😃', sob: '😭',
  sparkles: '✨', star: '⭐', sunglasses: '😎', tada: '🎉', tea: '🍵', thinking: '🤔', thumbsdown: '👎', thumbsup: '👍',
  warning: '⚠️', wave: '👋', wink: '😉', x: '❌', zap: '⚡', zzz: '💤',
};

const IMAGE = /^\s*https?:\/\/[^\s"'<>]+\.(?:png|jpe?g|gif)(?:\?\S*)?\s*$/i;
const UPLOAD = /^\s*upload:\/\/(files\/[0-9a-f]{24}\/[^\s/?#]+)\s*$/;
const PARTS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]'])|\B@([\w.]*\w)(?!@)\b|(?<![\w&])#([a-z0-9_-]+)|:([\w+-]+):/gi;

/**
 * A message's text as an element. `me` is who looks, `rooms` are those that `open` opens; `pictures: false` leaves
 * pictures from elsewhere as links.
 */
export function body(text, look) {
  const element = make('div', { class: 'body' });
  const upload = UPLOAD.exec(text);
  if (upload) element.append(uploaded(upload[1], look));
  else if (text.includes('\n')) element.append(make('pre', {}, text.replace(/\n+$/, '')));
  // A picture of this server's own would be fetched in the name of the reader.
  else if (look.pictures !== false && IMAGE.test(text) && new URL(text.trim()).origin !== location.origin) element.append(picture(text.trim(), look));
  else element.append(...parts(text, look));
  return element;
}

function parts(text, look) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(PARTS)) {
    const node = part(match, look);
    if (!node) continue;
    nodes.push(text.slice(from, match.index), node);
    from = match.index + match[0].length;
  }
  return [...nodes, text.slice(from)];
}

function part([whole, address, name, slug, emote], { me, rooms, open }) {
  if (address) return link(address);
  if (name) {
    const mine = [me.username, 'all'].includes(name.toLowerCase());
    return make('span', { class: mine ? 'mention me' : 'mention' }, whole);
  }
  if (emote) return Object.hasOwn(EMOTES, emote) ? make('span', { class: 'emote', title: whole }, EMOTES[emote]) : null;
  const entry = [...rooms.values()].find(({ room }) => room.slug === slug.toLowerCase());
  if (!entry) return null;
  const go = (event) => { event.preventDefault(); open(entry.room.id); };
  return make('a', { href: `#${slug}`, onclick: go }, whole);
}

function link(address) {
  return make('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, address);
}

/** It is a link until it is known to be a picture. */
function picture(address, { loaded }) {
  const anchor = link(address);
  const image = make('img', { alt: address, referrerpolicy: 'no-referrer' });
  image.addEventListener('load', () => { anchor.replaceChildren(image); loaded(); });
  image.src = address;
  return anchor;
}

/** An uploaded picture is given only to those who say who they are, which an image cannot where there is no session. */
function uploaded(path, { me, loaded }) {
  const anchor = make('a', { target: '_blank' }, decodeURIComponent(path.split('/').at(-1)));
  fetch(path, { headers: me.token ? { authorization: `Bearer ${me.token}` } : {} })
    .then((answer) => (answer.ok ? answer.blob() : Promise.reject(new Error(String(answer.status)))))
    .then((blob) => {
      const image = make('img', { alt: anchor.textContent });
      image.addEventListener('load', () => { anchor.replaceChildren(image); loaded(); });
      image.src = anchor.href = URL.createObjectURL(blob);
    })
    .catch(() => {}); // Its name stays, which is what there is to say.
  return anchor;
}
