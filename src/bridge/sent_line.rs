//! Recognises lines on IRC that we sent.

use crate::domain::RenderedMessage;
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::translate::RESENT_PREFIX;

/// How many bytes of `rest` were sent with this line, as rendered or as resent.
pub(super) fn matched_len(
    rendered: &RenderedMessage,
    rest: &str,
    message: &IncomingMessage,
) -> Option<usize> {
    if message.kind != rendered.kind {
        return None;
    }
    let resend = format!("{}{RESENT_PREFIX}", rendered.prefix);
    irc::matched_len(&rendered.prefix, rest, &message.text)
        .or_else(|| irc::matched_len(&resend, rest, &message.text))
}
