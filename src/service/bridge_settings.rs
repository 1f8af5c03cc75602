//! What the configuration means for the bridge.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::SignedDuration;

use super::account_policy;
use crate::bridge::{
    BridgeConfig, BridgePolicy, CanaryConfig, CatchUpLimits, LinkMode, NickPolicy, NickSource,
};
use crate::config::{
    CanarySettings, CatchUpPolicy, ChannelSettings, Link, NetworkSettings, PuppetSettings,
    SenderMode, Settings, UnconfirmedPolicy, WebSettings,
};
use crate::domain::{Endpoint, Network};
use crate::store;
use crate::store::StoreError;
use crate::translate::{LinkFormat, PublicLinks};

/// What the bridge mirrors, and how.
pub(super) fn bridge_config(settings: &Settings) -> Result<BridgeConfig, StoreError> {
    Ok(BridgeConfig {
        groups: settings.link_groups.clone(),
        policy: bridge_policy(settings),
        format: Arc::clone(&settings.format),
        link_formats: links_with_format(settings),
        link_modes: settings.links.iter().map(link_mode).collect(),
        public_links: public_links(settings)?,
        nick_policies: channel_nick_policies(&settings.networks),
        accounts: account_policy::policy(settings),
        direct_messages: networks_with_direct_messages(&settings.networks),
        canary: settings.canary.as_ref().and_then(canary),
    })
}

fn link_mode(link: &Link) -> LinkMode {
    LinkMode {
        channel: link.channel.clone(),
        room: link.room.clone(),
        phase: link.phase,
        flow: link.direction,
    }
}

/// The canary; `None` if its durations are beyond the range of the clock.
fn canary(canary: &CanarySettings) -> Option<CanaryConfig> {
    Some(CanaryConfig {
        channel: canary.channel.clone(),
        room: canary.room.clone(),
        interval: SignedDuration::try_from(canary.interval).ok()?,
        timeout: SignedDuration::try_from(canary.timeout).ok()?,
    })
}

fn bridge_policy(settings: &Settings) -> BridgePolicy {
    // A duration beyond the range of the clock means no limit.
    let signed = |duration| SignedDuration::try_from(duration).ok();
    let limits = |catch_up, most| {
        let oldest = match catch_up {
            CatchUpPolicy::MaxAge(age) => signed(age),
            CatchUpPolicy::All => None,
            CatchUpPolicy::Off => Some(SignedDuration::ZERO),
        };
        CatchUpLimits { max_age: oldest, max_messages: most }
    };
    let on_irc = |network: &NetworkSettings| {
        (network.network.clone(), limits(network.catch_up, network.catch_up_limit))
    };
    BridgePolicy {
        room_catchup: limits(settings.letschat.catch_up, settings.letschat.catch_up_limit),
        channel_catchup: settings.networks.iter().map(on_irc).collect(),
        notices: settings.notices,
        min_reported_gap: signed(settings.min_reported_gap).unwrap_or(SignedDuration::MAX),
        loop_protection: settings.loop_protection,
        drop_unconfirmed: networks_dropping_unconfirmed(&settings.networks),
        retention: settings.store.retention.and_then(signed),
        max_queue_size: settings.store.max_queue_size,
        announcements: Arc::new(settings.announcements.clone()),
        announce: settings.letschat.announce,
        link_page: settings.web.as_ref().map(link_page),
    }
}

/// The address of the page on which people link their accounts, up to the code.
fn link_page(web: &WebSettings) -> String {
    format!("{}/link/", web.public_url.as_str().trim_end_matches('/'))
}

/// The links, each with its format.
fn links_with_format(settings: &Settings) -> Vec<(Endpoint, Endpoint, Arc<LinkFormat>)> {
    let looks = settings.links.iter().zip(&settings.link_formats);
    let linked =
        |(link, looks): (&Link, &_)| (link.channel.clone(), link.room.clone(), Arc::clone(looks));
    looks.map(linked).collect()
}

/// The maker of public links, if the web server is enabled.
fn public_links(settings: &Settings) -> Result<Option<PublicLinks>, StoreError> {
    let Some(web) = &settings.web else { return Ok(None) };
    let key = store::load_or_create_link_key(&settings.state_dir)?;
    Ok(Some(PublicLinks::new(key, web.public_url.clone(), settings.letschat.url.clone())))
}

/// The networks that drop unconfirmed messages instead of resending them.
fn networks_dropping_unconfirmed(networks: &[NetworkSettings]) -> HashSet<Network> {
    let dropping = networks.iter().filter(|network| network.unconfirmed == UnconfirmedPolicy::Drop);
    dropping.map(|network| network.network.clone()).collect()
}

/// The networks with direct messages.
pub(super) fn networks_with_direct_messages(networks: &[NetworkSettings]) -> Vec<Network> {
    let networks = networks.iter().filter(|network| network.direct_messages);
    networks.map(|network| network.network.clone()).collect()
}

/// The channels where Let's Chat users have nicks of their own.
fn channel_nick_policies(networks: &[NetworkSettings]) -> Vec<(Endpoint, NickPolicy)> {
    let all = networks.iter().flat_map(|it| it.channels.iter().map(move |channel| (it, channel)));
    let nicks = |(network, channel): (&NetworkSettings, &ChannelSettings)| {
        let mode = network.sender_mode_in(channel);
        let PuppetSettings { ban_fallback, show_away, .. } = network.puppets;
        let source = match mode {
            SenderMode::Bot => return None,
            SenderMode::Relaymsg => NickSource::Relaymsg,
            SenderMode::Puppets => NickSource::Puppet { ban_fallback, show_away },
        };
        let nicks = NickPolicy { source, template: network.nick_template_for(mode).to_owned() };
        Some((Endpoint::channel(&network.network, &channel.name), nicks))
    };
    all.filter_map(nicks).collect()
}

/// Whether Let's Chat users have puppets on `network`.
pub(super) fn has_puppets(network: &NetworkSettings) -> bool {
    network.channels.iter().any(|channel| network.sender_mode_in(channel) == SenderMode::Puppets)
}
