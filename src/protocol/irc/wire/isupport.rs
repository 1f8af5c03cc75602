//! The server's features and limits (ISUPPORT).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Casemapping;

/// The ISUPPORT tokens (numeric 005) that we use
/// (<https://modern.ircdocs.horse/#rplisupport-005>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct Isupport {
    /// CASEMAPPING.
    pub(in crate::protocol::irc) casemapping: Casemapping,
    /// LINELEN: maximum bytes of a line, with CRLF.
    pub(in crate::protocol::irc) linelen: usize,
    /// CHATHISTORY: maximum lines per request.
    pub(in crate::protocol::irc) chathistory_limit: Option<usize>,
    /// MSGREFTYPES: whether history can be requested by time.
    pub(in crate::protocol::irc) history_by_time: bool,
    /// MSGREFTYPES: whether history can be requested by msgid.
    pub(in crate::protocol::irc) history_by_msgid: bool,
    /// PREFIX: status modes with their prefixes, highest first.
    pub(in crate::protocol::irc) prefix_modes: Vec<(char, char)>,
    /// CHANMODES: modes that always take a parameter, and modes that take one only when set.
    param_modes: [String; 2],
    /// WHOX (<https://ircv3.net/specs/extensions/whox>), which includes accounts.
    pub(in crate::protocol::irc) whox: bool,
    /// BOT: the user mode of bots, which is also their flag in WHO
    /// (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(in crate::protocol::irc) bot_mode: Option<char>,
    /// CHANTYPES: the first characters of channel names.
    pub(in crate::protocol::irc) chantypes: String,
    /// NICKLEN and CHANNELLEN.
    pub(in crate::protocol::irc) nicklen: Option<usize>,
    pub(in crate::protocol::irc) channellen: Option<usize>,
    /// TOPICLEN: maximum bytes of a topic.
    pub(in crate::protocol::irc) topiclen: Option<usize>,
    /// MONITOR (<https://ircv3.net/specs/extensions/monitor>).
    pub(in crate::protocol::irc) monitor: bool,
    /// TARGMAX for JOIN; `None` for no limit.
    pub(in crate::protocol::irc) max_join_targets: Option<usize>,
    /// UTF8ONLY (<https://ircv3.net/specs/extensions/utf8-only>).
    pub(in crate::protocol::irc) utf8_only: bool,
}

/// The tokens as the server sent them, for another process, which may know more of them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::protocol::irc) struct IsupportTokens(BTreeMap<String, String>);

/// More tokens, and longer ones, than any server sends.
const MAX_TOKENS: usize = 512;
const MAX_LEN_TOKEN: usize = 512;

impl IsupportTokens {
    /// The server has sent this token.
    pub(in crate::protocol::irc) fn note(&mut self, token: &str) {
        let name = token.split_once('=').map_or(token, |(name, _)| name);
        if let Some(name) = name.strip_prefix('-') {
            self.0.remove(name);
        } else if token.len() <= MAX_LEN_TOKEN
            && (self.0.len() < MAX_TOKENS || self.0.contains_key(name))
        {
            self.0.insert(name.to_owned(), token.to_owned());
        }
    }

    /// The tokens.
    pub(in crate::protocol::irc) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

impl Default for Isupport {
    fn default() -> Self {
        Self {
            casemapping: Casemapping::default(),
            linelen: 512,
            chathistory_limit: None,
            history_by_time: true,
            history_by_msgid: true,
            prefix_modes: vec![('o', '@'), ('v', '+')],
            param_modes: ["beIk".to_owned(), "l".to_owned()],
            whox: false,
            bot_mode: None,
            chantypes: "#&".to_owned(),
            nicklen: None,
            channellen: None,
            topiclen: None,
            monitor: false,
            max_join_targets: None,
            utf8_only: false,
        }
    }
}

impl Isupport {
    /// Applies one token, such as `CASEMAPPING=ascii`. Invalid values are ignored; a minus resets the token
    /// to its default.
    pub(in crate::protocol::irc) fn parse_token(&mut self, token: &str) {
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        if let Some(name) = name.strip_prefix('-') {
            return self.remove_token(name);
        }
        match name {
            "CASEMAPPING" => {
                self.casemapping = Casemapping::parse(value).unwrap_or(self.casemapping);
            }
            "LINELEN" => {
                // A limit below the standard length would be the server's mistake.
                self.linelen = parse_limit(value, 512..=65_536).unwrap_or(self.linelen);
            }
            "CHATHISTORY" | "draft/CHATHISTORY" => {
                // No value or 0 means unlimited.
                self.chathistory_limit = parse_limit(value, 1..=100_000);
            }
            "MONITOR" => self.monitor = true,
            "MSGREFTYPES" => {
                let has = |kind| value.split(',').any(|it| it == kind);
                self.history_by_time = has("timestamp");
                self.history_by_msgid = has("msgid");
            }
            "PREFIX" => {
                self.prefix_modes =
                    parse_prefix(value).unwrap_or_else(|| self.prefix_modes.clone());
            }
            "CHANMODES" => {
                let mut kinds = value.split(',').map(|it| it.chars().take(MAX_MODES).collect());
                let mut kind = || kinds.next().unwrap_or_default();
                let always: String = [kind(), kind()].concat();
                self.param_modes = [always, kind()];
            }
            "WHOX" => self.whox = true,
            "UTF8ONLY" => self.utf8_only = true,
            "BOT" => self.bot_mode = value.chars().next().filter(char::is_ascii_alphabetic),
            "CHANTYPES" => {
                // Characters that can start a nick or precede one are not valid here.
                let begins = |c: &char| c.is_ascii_punctuation() && !",:@*".contains(*c);
                self.chantypes = value.chars().filter(begins).take(MAX_CHANTYPES).collect();
            }
            "NICKLEN" => {
                self.nicklen = parse_limit(value, MIN_NICKLEN..=MAX_NAME_LIMIT).or(self.nicklen);
            }
            "CHANNELLEN" => {
                self.channellen =
                    parse_limit(value, MIN_CHANNELLEN..=MAX_NAME_LIMIT).or(self.channellen);
            }
            "TOPICLEN" => {
                self.topiclen = parse_limit(value, MIN_TOPICLEN..=MAX_TOPICLEN).or(self.topiclen);
            }
            "TARGMAX" => {
                let join = value.split(',').find_map(|pair| pair.strip_prefix("JOIN:"));
                self.max_join_targets = join.and_then(|most| parse_limit(most, 1..=MAX_NAME_LIMIT));
            }
            _ => {}
        }
    }

    /// Resets a token that the server negated
    /// (<https://datatracker.ietf.org/doc/html/draft-hardy-irc-isupport-00>, section 4).
    fn remove_token(&mut self, name: &str) {
        let unsaid = Self::default();
        match name {
            "CASEMAPPING" => self.casemapping = unsaid.casemapping,
            "LINELEN" => self.linelen = unsaid.linelen,
            "CHATHISTORY" | "draft/CHATHISTORY" => {
                self.chathistory_limit = unsaid.chathistory_limit;
            }
            "MONITOR" => self.monitor = unsaid.monitor,
            "MSGREFTYPES" => {
                (self.history_by_time, self.history_by_msgid) =
                    (unsaid.history_by_time, unsaid.history_by_msgid);
            }
            "PREFIX" => self.prefix_modes = unsaid.prefix_modes,
            "CHANMODES" => self.param_modes = unsaid.param_modes,
            "WHOX" => self.whox = unsaid.whox,
            "BOT" => self.bot_mode = unsaid.bot_mode,
            "CHANTYPES" => self.chantypes = unsaid.chantypes,
            "NICKLEN" => self.nicklen = unsaid.nicklen,
            "CHANNELLEN" => self.channellen = unsaid.channellen,
            "TOPICLEN" => self.topiclen = unsaid.topiclen,
            "TARGMAX" => self.max_join_targets = unsaid.max_join_targets,
            _ => {}
        }
    }

    /// The status prefixes, highest first.
    pub(in crate::protocol::irc) fn prefixes(&self) -> String {
        self.prefix_modes.iter().map(|(_, mark)| *mark).collect()
    }

    /// The status changes in a MODE of a channel (RFC 2812 §3.2.3): nick, prefix, and whether it is added.
    pub(in crate::protocol::irc) fn prefix_changes<'a>(
        &self,
        change: &'a [String],
    ) -> Vec<(&'a str, char, bool)> {
        let Some((modes, parameters)) = change.split_first() else { return Vec::new() };
        let mut parameters = parameters.iter();
        let mut given = true;
        let mut changes = Vec::new();
        for mode in modes.chars() {
            let mark =
                self.prefix_modes.iter().find(|(letter, _)| *letter == mode).map(|(_, mark)| *mark);
            match mode {
                '+' => given = true,
                '-' => given = false,
                _ => {
                    let [always, when_set] = &self.param_modes;
                    let takes = always.contains(mode) || (given && when_set.contains(mode));
                    let parameter = if mark.is_some() || takes { parameters.next() } else { None };
                    let rank = mark.zip(parameter);
                    changes.extend(rank.map(|(mark, nick)| (nick.as_str(), mark, given)));
                }
            }
        }
        changes
    }
}

/// More status modes, or channel types, than any server has.
const MAX_PREFIXES: usize = 16;
const MAX_MODES: usize = 64;
const MAX_CHANTYPES: usize = 8;

/// Plausible range of NICKLEN; CHANNELLEN uses the same lower bound.
const MIN_NICKLEN: usize = 5;
const MIN_CHANNELLEN: usize = 2;
const MAX_NAME_LIMIT: usize = 1_024;

/// Plausible range of TOPICLEN.
const MIN_TOPICLEN: usize = 20;
const MAX_TOPICLEN: usize = 65_536;

/// Parses `(ov)@+`; an empty value means no prefixes.
fn parse_prefix(value: &str) -> Option<Vec<(char, char)>> {
    if value.is_empty() {
        return Some(Vec::new());
    }
    let (modes, prefixes) = value.strip_prefix('(')?.split_once(')')?;
    let mark = |c: &char| !c.is_alphanumeric() && !c.is_whitespace();
    let pairs = modes.chars().zip(prefixes.chars().filter(mark)).take(MAX_PREFIXES);
    let mut prefix: Vec<(char, char)> = Vec::new();
    for (mode, mark) in pairs {
        if !prefix.iter().any(|known| known.0 == mode || known.1 == mark) {
            prefix.push((mode, mark));
        }
    }
    Some(prefix)
}

/// Parses a limit; `None` if implausible.
fn parse_limit(value: &str, sensible: std::ops::RangeInclusive<usize>) -> Option<usize> {
    value.parse().ok().filter(|limit| sensible.contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tokens(tokens: &str) -> Isupport {
        let mut isupport = Isupport::default();
        tokens.split(' ').for_each(|token| isupport.parse_token(token));
        isupport
    }

    #[test]
    fn valid_tokens_are_parsed() {
        let learnt = with_tokens(
            "CASEMAPPING=ascii LINELEN=2048 NICKLEN=31 EXCEPTS CHATHISTORY=100 MSGREFTYPES=msgid \
             PREFIX=(qov)~@+ CHANMODES=b,k,l,mn WHOX BOT=B CHANTYPES=# \
             CHANNELLEN=64 TOPICLEN=390 MONITOR=100 TARGMAX=NAMES:1,JOIN:4,WHOIS:",
        );
        let wanted = Isupport {
            casemapping: Casemapping::Ascii,
            linelen: 2048,
            chathistory_limit: Some(100),
            history_by_time: false,
            history_by_msgid: true,
            prefix_modes: vec![('q', '~'), ('o', '@'), ('v', '+')],
            param_modes: ["bk".to_owned(), "l".to_owned()],
            whox: true,
            bot_mode: Some('B'),
            chantypes: "#".to_owned(),
            nicklen: Some(31),
            topiclen: Some(390),
            channellen: Some(64),
            monitor: true,
            max_join_targets: Some(4),
            utf8_only: false,
        };
        assert_eq!(learnt, wanted);
    }

    #[test]
    fn invalid_tokens_are_ignored() {
        let nonsense = "CASEMAPPING=klingon LINELEN=12 LINELEN= LINELEN=99999999999999999999 \
                        NICKLEN=0 TARGMAX=JOIN: NICKLEN=-1 NICKLEN=99999999999999999999 NICKLEN=1 \
                        CHANNELLEN=0 CHANNELLEN=1 CHANNELLEN=18446744073709551615 PREFIX=ov@+ PREFIX=( \
                        TARGMAX=JOIN:-3 TARGMAX=JOIN:0,X:99999999999999999999 CHATHISTORY=-5 =x -= - BOT= \
                        CASEMAPPING= -UNKNOWN BOT=@";
        assert_eq!(with_tokens(nonsense), Isupport::default());
    }

    #[test]
    fn negated_token_restores_the_default() {
        let tokens = "CASEMAPPING=ascii LINELEN=2048 NICKLEN=31 CHATHISTORY=100 MSGREFTYPES=msgid \
                      PREFIX=(qov)~@+ CHANMODES=b,k,l,mn WHOX BOT=B CHANTYPES=# CHANNELLEN=64 \
                      MONITOR=100 TARGMAX=NAMES:1,JOIN:4,WHOIS:";
        let mut isupport = with_tokens(tokens);
        for token in tokens.split_ascii_whitespace() {
            let name = token.split('=').next().unwrap_or_default();
            isupport.parse_token(&format!("-{name}"));
        }
        assert_eq!(isupport, Isupport::default());
    }

    #[test]
    fn empty_value_means_none() {
        let none = with_tokens("CHANTYPES= PREFIX=");
        assert_eq!((none.chantypes.as_str(), none.prefix_modes.as_slice()), ("", &[][..]));
        let bare = with_tokens("CHANTYPES PREFIX");
        assert_eq!((bare.chantypes.as_str(), bare.prefix_modes.as_slice()), ("", &[][..]));
        assert_eq!(with_tokens("CHANTYPES= -CHANTYPES PREFIX= -PREFIX"), Isupport::default());
    }

    #[test]
    fn tokens_are_bounded() {
        let many = "abcdefghijklmnopqrstuvwxyz".repeat(160);
        let marks = "!@#$%^&*".repeat(500);
        let told = with_tokens(&format!(
            "PREFIX=({many}){marks} CHANMODES={many},{many},{many} CHANTYPES={marks}"
        ));
        assert_eq!(told.prefix_modes.len(), 8);
        assert!(told.param_modes.iter().all(|it| it.len() <= 2 * MAX_MODES));
        assert_eq!(told.chantypes.len(), MAX_CHANTYPES);
    }

    #[test]
    fn mode_changes_follow_chanmodes() {
        let isupport = with_tokens("PREFIX=(ov)@+ CHANMODES=beI,k,lf,mnt");
        let ranks = |change: &str| -> Vec<(String, char, bool)> {
            let words: Vec<String> = change.split(' ').map(str::to_owned).collect();
            let ranks = isupport.prefix_changes(&words);
            ranks.into_iter().map(|(nick, mark, given)| (nick.to_owned(), mark, given)).collect()
        };
        let ann = |mark, given| ("ann".to_owned(), mark, given);
        assert_eq!(ranks("+o ann"), [ann('@', true)]);
        assert_eq!(ranks("-l+bv *!*@host ann"), [ann('+', true)]);
        assert_eq!(ranks("+lkm-o 10 key ann"), [ann('@', false)]);
        assert_eq!(ranks("-f+t-v ann"), [ann('+', false)]);
        assert_eq!(ranks("+o"), []);
        assert_eq!(ranks(""), []);
    }
}
