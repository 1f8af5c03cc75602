// What formatted IRC text shows: bold, italic, colours, links. All of it as text, none as HTML.
import { make } from './text.js';

const TOGGLES = { '\u0002': 'bold', '\u001d': 'italic', '\u001f': 'underline', '\u001e': 'strike', '\u0011': 'mono' };
const CODES = /[\u0002\u001d\u001f\u001e\u0011\u0016\u000f]|\u0003(?:(\d{1,2})(?:,\d{1,2})?)?|\u0004[0-9a-f]{0,6}/gi;
const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]']/gi;

/** The nodes of a text with the formatting codes of IRC. */
export function formatted(text) {
  const nodes = [];
  let style = new Set();
  let colour = null;
  let from = 0;
  const add = (part) => {
    if (!part) return;
    const classes = [...style, ...(colour === null ? [] : [`irc${colour}`])];
    const content = linked(part);
    nodes.push(...(classes.length ? [make('span', { class: classes.join(' ') }, ...content)] : content));
  };
  for (const match of text.matchAll(CODES)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    const code = match[0][0];
    if (code === '\u000f') [style, colour] = [new Set(), null];
    else if (code === '\u0003') colour = match[1] === undefined ? null : Number(match[1]) % 16;
    else if (TOGGLES[code] && !style.delete(TOGGLES[code])) style.add(TOGGLES[code]);
  }
  add(text.slice(from));
  return nodes;
}

function linked(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const link = make('a', { href: match[0], target: '_blank', rel: 'noopener noreferrer' }, match[0]);
    nodes.push(text.slice(from, match.index), link);
    from = match.index + match[0].length;
  }
  return [...nodes, text.slice(from)];
}
