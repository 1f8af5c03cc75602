//! What of a changed configuration needs a new connection.

use data_encoding::HEXLOWER;
use encoding_rs::Encoding;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::network::{IrcAccount, ProxySettings};
use super::settings::{ChannelSettings, LetsChatSettings, NetworkSettings};
use crate::domain::is_same_secret;

impl NetworkSettings {
    /// Whether a connection that was made with `other` is as one that is made with these settings. Channels, limits
    /// and how messages look do not matter: they can change while it is open.
    #[must_use]
    pub fn has_same_connection(&self, other: &Self) -> bool {
        // Every field is named, so that a new one cannot be forgotten.
        let Self {
            network,
            servers,
            tls,
            bind,
            proxy,
            client_certificate,
            account,
            sasl,
            sasl_mechanisms,
            nickserv,
            on_connect,
            password,
            allow_plaintext_auth,
            nick,
            alt_nicks,
            username,
            realname,
            fallback_charset,
            charset,
            channels,
            request_invite_from: _,
            flood_control: _,
            unconfirmed: _,
            catch_up: _,
            catch_up_limit: _,
            sender_mode: _,
            nick_template: _,
            puppets: _,
            direct_messages: _,
        } = self;
        let has_same_way = *network == other.network
            && *servers == other.servers
            && *tls == other.tls
            && *bind == other.bind
            && has_same_proxy(proxy.as_ref(), other.proxy.as_ref())
            && *client_certificate == other.client_certificate;
        let has_same_login = has_same_account(account.as_ref(), other.account.as_ref())
            && *sasl == other.sasl
            && *sasl_mechanisms == other.sasl_mechanisms
            && *nickserv == other.nickserv
            && texts(on_connect).eq(texts(&other.on_connect))
            && is_same_secret(password.as_ref(), other.password.as_ref())
            && *allow_plaintext_auth == other.allow_plaintext_auth;
        let has_same_names = *nick == other.nick
            && *alt_nicks == other.alt_nicks
            && *username == other.username
            && *realname == other.realname;
        let has_same_charsets = *fallback_charset == other.fallback_charset
            && *charset == other.charset
            && channel_charsets(channels).eq(channel_charsets(&other.channels));
        has_same_way && has_same_login && has_same_names && has_same_charsets
    }

    /// A digest of what a connection is made with, to compare it with the settings of another process: what
    /// [`NetworkSettings::has_same_connection`] compares.
    #[must_use]
    pub fn connection_digest(&self) -> String {
        let mut digest = Sha256::new();
        let secret = |secret: Option<&SecretString>| secret.map(|it| it.expose_secret().to_owned());
        let account = self.account.as_ref().map(|it| (&it.name, secret(it.password.as_ref())));
        let proxy = self.proxy.as_ref().map(|it| {
            let credentials = it.credentials.as_ref();
            let credentials = credentials.map(|(user, password)| (user, secret(Some(password))));
            (it.kind, &it.host, it.port, credentials)
        });
        let charsets: Vec<_> = channel_charsets(&self.channels).collect();
        let commands: Vec<&str> = texts(&self.on_connect).collect();
        let way = (&self.network, &self.servers, &self.tls, self.bind, proxy);
        let login = (&self.client_certificate, account, self.sasl, &self.sasl_mechanisms);
        let services = (&self.nickserv, commands, secret(self.password.as_ref()));
        let names = (&self.nick, &self.alt_nicks, &self.username, &self.realname);
        let others = (self.allow_plaintext_auth, self.fallback_charset, self.charset, charsets);
        digest.update(format!("{way:?} {login:?} {services:?} {names:?} {others:?}"));
        HEXLOWER.encode(&digest.finalize())
    }
}

impl LetsChatSettings {
    /// Whether a connection that was made with `other` is as one that is made with these settings.
    #[must_use]
    pub fn has_same_connection(&self, other: &Self) -> bool {
        self.url == other.url
            && self.tls_trust == other.tls_trust
            && is_same_secret(Some(&self.token), Some(&other.token))
    }
}

fn texts(secrets: &[SecretString]) -> impl Iterator<Item = &str> {
    secrets.iter().map(ExposeSecret::expose_secret)
}

fn has_same_account(one: Option<&IrcAccount>, other: Option<&IrcAccount>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    one.name == other.name && is_same_secret(one.password.as_ref(), other.password.as_ref())
}

fn has_same_proxy(one: Option<&ProxySettings>, other: Option<&ProxySettings>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    let user = |it: &ProxySettings| it.credentials.as_ref().map(|(user, _)| user.clone());
    let password = |it: &'_ ProxySettings| it.credentials.clone().map(|(_, password)| password);
    (one.kind, &one.host, one.port) == (other.kind, &other.host, other.port)
        && user(one) == user(other)
        && is_same_secret(password(one).as_ref(), password(other).as_ref())
}

/// The charsets of channels that have their own.
fn channel_charsets(
    channels: &[ChannelSettings],
) -> impl Iterator<Item = (&str, Option<&'static Encoding>, Option<&'static Encoding>)> {
    let own = channels.iter().filter(|it| it.fallback_charset.is_some() || it.charset.is_some());
    own.map(|it| (it.name.as_str(), it.fallback_charset, it.charset))
}
