//! A line on its way to several clients: encoded once for each set of tags.

use std::sync::Arc;

use jiff::Timestamp;

use super::caps::{Cap, Caps};
use super::outbox::EncodedLine;

/// What the server knows about a line besides its words. Clients that asked for it get it as tags.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    pub(super) time: Timestamp,
    pub(super) msgid: Option<Arc<str>>,
    /// The account of the user that caused the line.
    pub(super) account: Option<Arc<str>>,
    /// Whether the user that caused the line is a bot.
    pub(super) bot: bool,
    /// Client-only tags, as they came.
    pub(super) client_only: Vec<u8>,
    /// The nick that really sent it, when `RELAYMSG` made the line.
    pub(super) relayed_by: Option<Arc<str>>,
    /// The batch it is in. Only for clients with the capability `batch`.
    pub(super) batch: Option<Arc<str>>,
}

impl Metadata {
    /// Of a line that the server itself causes now.
    pub(super) fn now() -> Self {
        let now = Timestamp::now().as_millisecond();
        Self {
            // No finer than the tag, whose time a client may send back as a message reference.
            time: Timestamp::from_millisecond(now).expect("the present is a time"),
            msgid: None,
            account: None,
            bot: false,
            client_only: Vec::new(),
            relayed_by: None,
            batch: None,
        }
    }
}

/// A line, and its encodings so far.
#[derive(Debug)]
pub(super) struct Broadcast {
    metadata: Metadata,
    line: Vec<u8>,
    encodings: [Option<EncodedLine>; ENCODINGS],
}

/// The capabilities that decide the tags of a line.
const TAG_CAPS: [Cap; 3] = [Cap::ServerTime, Cap::MessageTags, Cap::AccountTag];
const ENCODINGS: usize = 1 << TAG_CAPS.len();

impl Broadcast {
    /// `:source words`, cut to `linelen` bytes with CR and LF, between characters when `utf8`.
    pub(super) fn new(
        metadata: Metadata,
        source: &str,
        words: &[u8],
        linelen: usize,
        utf8: bool,
    ) -> Self {
        let mut line = Vec::with_capacity(source.len() + words.len() + 4);
        line.push(b':');
        line.extend_from_slice(source.as_bytes());
        line.push(b' ');
        line.extend_from_slice(words);
        line.truncate(line.len().min(linelen - 2));
        if utf8
            && let Err(error) = std::str::from_utf8(&line)
            && error.error_len().is_none()
        {
            line.truncate(error.valid_up_to());
        }
        line.extend_from_slice(b"\r\n");
        Self { metadata, line, encodings: [const { None }; ENCODINGS] }
    }

    /// The line as a client with these capabilities gets it.
    pub(super) fn encoded_for(&mut self, caps: Caps) -> EncodedLine {
        let form =
            (0..TAG_CAPS.len()).filter(|&at| caps.has(TAG_CAPS[at])).fold(0, |f, at| f | 1 << at);
        if let Some(wire) = &self.encodings[form] {
            return Arc::clone(wire);
        }
        let wire: EncodedLine = [self.tags(caps).as_slice(), &self.line].concat().into();
        self.encodings[form] = Some(Arc::clone(&wire));
        wire
    }

    /// `@tags ` with its space; nothing when there is nothing to tell.
    fn tags(&self, caps: Caps) -> Vec<u8> {
        let mut tags: Vec<Vec<u8>> = Vec::new();
        if let Some(batch) = &self.metadata.batch {
            tags.push(format!("batch={batch}").into());
        }
        if caps.has(Cap::ServerTime) {
            tags.push(format!("time={}", server_time(self.metadata.time)).into());
        }
        if caps.has(Cap::AccountTag)
            && let Some(account) = &self.metadata.account
        {
            tags.push(format!("account={account}").into());
        }
        if caps.has(Cap::MessageTags) {
            tags.extend(self.metadata.msgid.as_ref().map(|id| format!("msgid={id}").into()));
            tags.extend(self.metadata.bot.then(|| b"bot".to_vec()));
            let relayed = self.metadata.relayed_by.as_ref();
            tags.extend(relayed.map(|nick| format!("draft/relaymsg={nick}").into()));
            tags.extend(
                (!self.metadata.client_only.is_empty()).then(|| self.metadata.client_only.clone()),
            );
        }
        if tags.is_empty() {
            return Vec::new();
        }
        [b"@".as_slice(), &tags.join(&b';'), b" "].concat()
    }
}

/// A time as the `time` tag writes it (<https://ircv3.net/specs/extensions/server-time>).
pub(super) fn server_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        Metadata {
            time: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
            msgid: Some("m1".into()),
            account: Some("ann".into()),
            client_only: b"+x=1".to_vec(),
            ..Metadata::now()
        }
    }

    #[track_caller]
    fn check(caps: &[Cap], wire: &str) {
        let mut broadcast = Broadcast::new(metadata(), "ann!a@h", b"PRIVMSG #tea :hi", 512, false);
        let caps = caps.iter().copied().collect();
        assert_eq!(String::from_utf8_lossy(&broadcast.encoded_for(caps)), wire);
        assert!(Arc::ptr_eq(&broadcast.encoded_for(caps), &broadcast.encoded_for(caps)));
    }

    #[test]
    fn everyone_hears_what_they_asked_for() {
        check(&[], ":ann!a@h PRIVMSG #tea :hi\r\n");
        check(&[Cap::Batch, Cap::EchoMessage], ":ann!a@h PRIVMSG #tea :hi\r\n");
        check(
            &[Cap::ServerTime, Cap::AccountTag],
            "@time=2026-01-02T03:04:05.678Z;account=ann :ann!a@h PRIVMSG #tea :hi\r\n",
        );
        check(&[Cap::MessageTags], "@msgid=m1;+x=1 :ann!a@h PRIVMSG #tea :hi\r\n");
    }

    #[track_caller]
    fn check_cut(words: &str, linelen: usize, utf8: bool, line: &[u8]) {
        let mut broadcast =
            Broadcast::new(Metadata::now(), "a!a@h", words.as_bytes(), linelen, utf8);
        assert_eq!(&*broadcast.encoded_for(Caps::none()), line);
    }

    #[test]
    fn a_line_is_cut_with_its_source_counted() {
        check_cut("NOTICE b :0123456789", 20, false, b":a!a@h NOTICE b :0\r\n");
        check_cut("NOTICE b :0\u{e9}", 20, false, b":a!a@h NOTICE b :0\r\n");
        check_cut("NOTICE b :\u{e9}", 19, false, b":a!a@h NOTICE b :\r\n");
        check_cut("NOTICE b :\u{e9}", 20, false, b":a!a@h NOTICE b :\xc3\r\n");
        check_cut("NOTICE b :\u{e9}", 20, true, b":a!a@h NOTICE b :\r\n");
        check_cut("NOTICE b :\u{e9}", 21, true, ":a!a@h NOTICE b :\u{e9}\r\n".as_bytes());
    }
}
