//! Reads the settings of puppets, the connections of single Let's Chat users.

use ipnet::Ipv6Net;
use serde::Deserialize;

use super::parse;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::{boolean, count_or_none, text};
use crate::config::{PuppetSettings, WebircSettings};

/// Reads the settings of puppets. `proxied`: the network is connected by a proxy.
pub(super) fn read(section: &mut Section<'_>, proxied: bool) -> PuppetSettings {
    let usual = PuppetSettings::default();
    let max = section.get("max_puppets", |value| match count_or_none(value)? {
        Some(0) => {
            let remedy = "write a number like 50, or sender_mode = \"bot\"";
            Err(ValueError::new("must be at least 1", remedy))
        }
        max => Ok(max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX))),
    });
    let idle_timeout = section.get("puppet_idle_timeout", text(parse::duration));
    let ban_fallback = section.get("puppet_ban_fallback", text(parse::enum_value::<BanFallback>));
    let show_away = section.get("puppet_away_status", boolean);
    let webirc = webirc(section);
    let ipv6_prefix = ipv6_prefix(section, proxied, webirc.is_some());
    PuppetSettings {
        max: max.unwrap_or(usual.max),
        idle_timeout: idle_timeout.unwrap_or(usual.idle_timeout),
        ban_fallback: ban_fallback.unwrap_or_default() == BanFallback::Bot,
        show_away: show_away.unwrap_or(usual.show_away),
        ipv6_prefix,
        webirc,
    }
}

fn webirc(section: &mut Section<'_>) -> Option<WebircSettings> {
    let password = section.secret("webirc_password", "webirc_password_file", |_| Ok(()));
    let host = section.get("webirc_host", text(parse::webirc_host));
    password.map(|(password, _)| WebircSettings {
        password,
        host: host.unwrap_or_else(|| "{user}.letschat".to_owned()),
    })
}

/// Reads the network with an address for each puppet.
fn ipv6_prefix(section: &mut Section<'_>, proxied: bool, webirc: bool) -> Option<Ipv6Net> {
    let entry = section.entry("puppet_ipv6_prefix")?;
    if proxied {
        let found = "has no effect behind a proxy: servers see the proxy's address";
        entry.report_error(ValueError::new(found, "remove proxy or this key"));
    } else if webirc {
        let found = "conflicts with WEBIRC, which already sends an address";
        entry.report_error(ValueError::new(found, "remove webirc_password or this key"));
    }
    entry.parse(text(parse::ipv6_prefix))
}

/// What to do with messages of a user whose puppet was kicked or banned by a channel operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BanFallback {
    /// Reject them.
    #[default]
    Reject,
    /// Send them as the bot.
    Bot,
}
