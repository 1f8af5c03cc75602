//! Changes the topics of channels, and reports changes by others.

use irc::proto::Prefix;

use super::user_events::source_name;
use super::users::truncate_to_bytes;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::line::SafeText;

/// Longer than any topic.
const MAX_LEN_TOPIC: usize = 4_096;

/// Topics.
impl IrcSession {
    /// Changes the topic.
    pub(in crate::protocol::irc) fn set_topic(&mut self, endpoint: EndpointId, topic: &str) {
        if let Some(name) = self.channels.name_of(endpoint) {
            let SafeText(topic) = SafeText::sanitize(topic);
            let command = ("TOPIC", vec![name.to_owned(), topic]);
            self.pending_topics.push(endpoint);
            self.enqueue_control(vec![command]);
        }
    }

    /// The server rejected something that requires operator status. Returns whether it was a topic change,
    /// and not one of our messages.
    pub(in crate::protocol::irc) fn on_topic_rejected(&mut self, name: &str, reason: &str) -> bool {
        let endpoint = self.channels.endpoint_of(name);
        let asked = self.pending_topics.iter().position(|asked| Some(*asked) == endpoint);
        if let Some(at) = asked {
            self.pending_topics.remove(at);
            tracing::warn!(
                channel = name,
                reason = reason,
                "cannot change the topic: not permitted"
            );
        }
        asked.is_some()
    }

    pub(in crate::protocol::irc) fn on_topic(
        &mut self,
        source: Option<&Prefix>,
        name: &str,
        topic: Option<String>,
    ) {
        let Some(endpoint) = self.channels.endpoint_of(name) else { return };
        let by = source.map(|source| source_name(Some(source)));
        if self.is_us(source)
            && let Some(at) = self.pending_topics.iter().position(|asked| *asked == endpoint)
        {
            self.pending_topics.remove(at);
        }
        let topic = topic.filter(|topic| !topic.is_empty());
        let topic = topic.map(|topic| truncate_to_bytes(&topic, MAX_LEN_TOPIC).to_owned());
        self.output.push_back(Output::Event(IrcEvent::Topic { endpoint, topic, by }));
    }
}
