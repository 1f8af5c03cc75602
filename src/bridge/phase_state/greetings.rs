//! Who of IRC is about to be told about the phase of a channel's links.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::domain::{Casemapping, EndpointId, IrcUser, Network, RateLimit, TokenBucket};

/// More people than this do not wait. Who is left out is told when they speak, or come again.
const MAX_WAITING: usize = 200;

/// How fast people of one network are told: a few at once, then one every two seconds.
const LIMIT: RateLimit = RateLimit { burst: 3.0, per_second: 0.5 };

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum GreetingKind {
    /// Where the room is. It waits until no message does.
    Welcome,
    /// That what is said on IRC goes nowhere.
    Reminder,
}

/// Somebody who is to be told.
#[derive(Debug, Clone)]
pub(in crate::bridge) struct Greeting {
    pub(in crate::bridge) network: Network,
    pub(in crate::bridge) channel: EndpointId,
    pub(in crate::bridge) nick: String,
    /// What they are known by, see [`identities`].
    pub(in crate::bridge) identities: Vec<String>,
    pub(in crate::bridge) kind: GreetingKind,
}

/// The people who wait to be told, and how fast they are.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Greetings {
    waiting: VecDeque<Greeting>,
    buckets: HashMap<Network, TokenBucket<Timestamp>>,
}

impl Greetings {
    /// Somebody is to be told, unless they wait already.
    pub(in crate::bridge) fn push(&mut self, greeting: Greeting) {
        let is_same = |it: &Greeting| {
            it.channel == greeting.channel
                && it.kind == greeting.kind
                && it.identities.iter().any(|known| greeting.identities.contains(known))
        };
        if self.waiting.len() < MAX_WAITING && !self.waiting.iter().any(is_same) {
            self.waiting.push_back(greeting);
        }
    }

    /// Whether nobody waits.
    pub(in crate::bridge) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the next one that can be told now; `is_ready` says whether a network can be told such a thing.
    pub(in crate::bridge) fn pop(
        &mut self,
        now: Timestamp,
        is_ready: impl Fn(&Network, GreetingKind) -> bool,
    ) -> Option<Greeting> {
        let buckets = &self.buckets;
        let may_be_told = |it: &Greeting| {
            let bucket = buckets.get(&it.network);
            bucket.is_none_or(|bucket| bucket.check(LIMIT, now).is_ok())
                && is_ready(&it.network, it.kind)
        };
        let at = self.waiting.iter().position(may_be_told)?;
        self.waiting.remove(at)
    }

    /// Somebody on this network is told.
    pub(in crate::bridge) fn count(&mut self, network: &Network, now: Timestamp) {
        self.buckets.entry(network.clone()).or_default().take(LIMIT, now);
    }
}

/// What somebody is known by: the services account, and the nick. Who shares one of them with somebody who was told
/// counts as told, so that nobody is told twice.
pub(in crate::bridge) fn identities(user: &IrcUser, casemapping: Casemapping) -> Vec<String> {
    let account = user.account.as_ref().map(|it| format!("account {}", casemapping.fold(it)));
    let nick = format!("nick {}", casemapping.fold(&user.nick));
    account.into_iter().chain([nick]).collect()
}

/// Whether it is a program that nobody needs to tell anything: a bot, or a service of the network.
pub(in crate::bridge) fn is_program(user: &IrcUser) -> bool {
    let nick = user.nick.to_ascii_lowercase();
    let host = user.userhost.as_deref().and_then(|it| it.split_once('@')).map(|(_, host)| host);
    user.bot || nick.ends_with("serv") || host.is_some_and(|host| host.starts_with("services."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn greeting(nick: &str, kind: GreetingKind) -> Greeting {
        let identities = identities(&IrcUser::named(nick), Casemapping::Rfc1459);
        let (network, channel) = (Network::new("office"), EndpointId(1));
        Greeting { network, channel, nick: nick.to_owned(), identities, kind }
    }

    #[test]
    fn crowd_is_told_slowly_and_not_all_of_it() {
        let mut greetings = Greetings::default();
        for number in 0..500 {
            greetings.push(greeting(&format!("n{number}"), GreetingKind::Welcome));
            greetings.push(greeting(&format!("N{number}"), GreetingKind::Welcome));
        }
        assert_eq!(greetings.waiting.len(), MAX_WAITING);
        let mut told = 0;
        for second in 0..100 {
            while let Some(next) = greetings.pop(at(second), |_, _| true) {
                assert_eq!(next.nick, format!("n{told}"));
                greetings.count(&next.network, at(second));
                told += 1;
            }
        }
        assert_eq!(told, 3 + 49);
    }

    #[test]
    fn reminder_does_not_wait_for_welcomes() {
        let mut greetings = Greetings::default();
        greetings.push(greeting("ann", GreetingKind::Welcome));
        greetings.push(greeting("bob", GreetingKind::Reminder));
        let next = greetings.pop(at(0), |_, kind| kind == GreetingKind::Reminder);
        assert_eq!(next.map(|it| it.nick).as_deref(), Some("bob"));
        assert!(greetings.pop(at(0), |_, kind| kind == GreetingKind::Reminder).is_none());
        assert!(!greetings.is_empty());
    }

    #[test]
    fn identities_are_folded_as_the_server_does() {
        let user = IrcUser { account: Some("Ann[x]".to_owned()), ..IrcUser::named("A~n") };
        let both = ["account ann{x}", "nick a^n"];
        assert_eq!(identities(&user, Casemapping::Rfc1459), both);
        let both = ["account ann[x]", "nick a~n"];
        assert_eq!(identities(&user, Casemapping::Ascii), both);
    }

    #[test]
    fn programs_are_not_told() {
        let user = |nick: &str, userhost: &str, bot| IrcUser {
            userhost: Some(userhost.to_owned()),
            bot,
            ..IrcUser::named(nick)
        };
        for (user, is) in [
            (user("ann", "a@host.example", false), false),
            (user("hubot", "h@host.example", true), true),
            (user("ChanServ", "c@network", false), true),
            (user("Q", "q@services.example.org", false), true),
        ] {
            assert_eq!(is_program(&user), is, "{}", user.nick);
        }
    }
}
