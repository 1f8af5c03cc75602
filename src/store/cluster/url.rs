//! The URL of the store in PostgreSQL, as libpq understands it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};

use super::error::PostgresError;
use crate::domain::Secret;

/// How long an attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// After how long without an answer a connection counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(3);

/// How the connection to PostgreSQL is protected: `sslmode`, as in libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PostgresTls {
    /// Not at all.
    Disable,
    /// Encrypted if the server can; its certificate is not looked at.
    #[default]
    Prefer,
    /// Encrypted; the certificate is not looked at, unless there is a `sslrootcert`: then as `verify-ca`.
    Require,
    /// The certificate is issued by a known authority.
    VerifyCa,
    /// That, and it names the host.
    VerifyFull,
}

/// The URL of the store in PostgreSQL: `postgresql://user:password@host:5432/database?sslmode=verify-full`, with the
/// parameters of libpq as far as they matter. Its password is never shown.
#[derive(Clone)]
pub struct ClusterUrl {
    config: tokio_postgres::Config,
    tls: PostgresTls,
    root_certificate: Option<PathBuf>,
}

impl ClusterUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none that can be used. The error shows no password.
    pub fn parse(url: &Secret) -> Result<Self, PostgresError> {
        let bad = |reason: &str| PostgresError::Url(reason.to_owned());
        let url = url.expose();
        if !["postgresql://", "postgres://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(bad("it must begin with `postgresql://`"));
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut tls, mut root_certificate, mut others) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(value).decode_utf8();
            let decoded = decoded.map_err(|_| bad("it is not UTF-8"))?;
            match key {
                "sslmode" => tls = Some(tls_of(&decoded)?),
                "sslrootcert" if !decoded.is_empty() => {
                    root_certificate = Some(PathBuf::from(&*decoded));
                }
                _ => others.push(pair),
            }
        }
        let rest = if others.is_empty() {
            address.to_owned()
        } else {
            format!("{address}?{}", others.join("&"))
        };
        // What it says of a URL that it cannot read names the parameter, and no value but that of a number.
        let mut config = tokio_postgres::Config::from_str(&rest).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            PostgresError::Url(cause.unwrap_or_else(|| "it cannot be read".to_owned()))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(bad("it names no host"));
        }
        if config.get_user().is_none() {
            return Err(bad("it names no user"));
        }
        let (names, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        if names != 0 && addresses != 0 && names != addresses {
            return Err(bad("it has not as many `hostaddr` as hosts"));
        }
        if config.get_ports().len() > 1 && config.get_ports().len() != names.max(addresses) {
            return Err(bad("it has not as many ports as hosts"));
        }
        let tls = tls.unwrap_or_default();
        config.ssl_mode(match tls {
            PostgresTls::Disable => SslMode::Disable,
            PostgresTls::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        settle(&mut config);
        Ok(Self { config, tls, root_certificate })
    }

    /// How the connection is to be protected.
    #[must_use]
    pub fn tls(&self) -> PostgresTls {
        self.tls
    }

    /// The file with the authorities that may issue the server's certificate: `sslrootcert`. `None`: those of the system.
    #[must_use]
    pub fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }

    /// The hosts, ports and the database, for messages.
    #[must_use]
    pub fn server(&self) -> String {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let host = |(at, host): (usize, &Host)| match host {
            Host::Tcp(host) => format!("{host}:{}", port(at)),
            Host::Unix(path) => path.display().to_string(),
        };
        let mut hosts: Vec<String> = self.config.get_hosts().iter().enumerate().map(host).collect();
        if hosts.is_empty() {
            hosts.extend(self.config.get_hostaddrs().iter().map(ToString::to_string));
        }
        format!("{}/{}", hosts.join(","), self.database())
    }

    /// How to connect to each of the hosts, in the order in which they are tried.
    pub(super) fn hosts(&self) -> Vec<tokio_postgres::Config> {
        let count = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        let mut all: Vec<_> = (0..count).map(|at| self.host(at)).collect();
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut all);
        }
        all
    }

    /// The configuration with only one of its hosts. None can be taken out of it.
    fn host(&self, at: usize) -> tokio_postgres::Config {
        let all = &self.config;
        let mut one = tokio_postgres::Config::new();
        match all.get_hosts().get(at) {
            Some(Host::Tcp(host)) => drop(one.host(host)),
            Some(Host::Unix(path)) => drop(one.host_path(path)),
            None => {}
        }
        if let Some(address) = all.get_hostaddrs().get(at) {
            one.hostaddr(*address);
        }
        if let Some(port) = all.get_ports().get(at).or(all.get_ports().first()) {
            one.port(*port);
        }
        if let Some(user) = all.get_user() {
            one.user(user);
        }
        if let Some(password) = all.get_password() {
            one.password(password);
        }
        if let Some(name) = all.get_dbname() {
            one.dbname(name);
        }
        if let Some(options) = all.get_options() {
            one.options(options);
        }
        one.ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .target_session_attrs(all.get_target_session_attrs())
            .channel_binding(all.get_channel_binding())
            .load_balance_hosts(all.get_load_balance_hosts());
        settle(&mut one);
        one
    }

    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or_default()
    }

    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

impl fmt::Debug for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterUrl({}, {:?})", self.server(), self.tls)
    }
}

/// What is ours to say, and not the URL's.
fn settle(config: &mut tokio_postgres::Config) {
    config
        .application_name("letsbridge")
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(DEAD_AFTER)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(1))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(2);
}

fn tls_of(mode: &str) -> Result<PostgresTls, PostgresError> {
    Ok(match mode {
        "disable" => PostgresTls::Disable,
        "allow" | "prefer" => PostgresTls::Prefer,
        "require" => PostgresTls::Require,
        "verify-ca" => PostgresTls::VerifyCa,
        "verify-full" => PostgresTls::VerifyFull,
        _ => {
            let known = "sslmode is disable, prefer, require, verify-ca or verify-full";
            return Err(PostgresError::Url(known.to_owned()));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<ClusterUrl, String> {
        ClusterUrl::parse(&Secret::new(url)).map_err(|error| error.to_string())
    }

    #[test]
    fn urls_of_libpq_are_read() {
        for (url, server, tls, root) in [
            ("postgresql://b@db/bridge", "db:5432/bridge", PostgresTls::Prefer, None),
            ("postgres://b:p%40ss@db:6000", "db:6000/b", PostgresTls::Prefer, None),
            (
                "postgresql://b:p@one:1,two:2/x?sslmode=verify-full&target_session_attrs=read-write",
                "one:1,two:2/x",
                PostgresTls::VerifyFull,
                None,
            ),
            (
                "postgresql://b@db/x?sslrootcert=/etc/ssl/our%20ca.pem&sslmode=verify-ca",
                "db:5432/x",
                PostgresTls::VerifyCa,
                Some("/etc/ssl/our ca.pem"),
            ),
            (
                "postgresql://b@%2Frun%2Fpg/x?sslmode=disable",
                "/run/pg/x",
                PostgresTls::Disable,
                None,
            ),
        ] {
            let read = parse(url).expect(url);
            assert_eq!(read.server(), server, "{url}");
            assert_eq!((read.tls(), read.root_certificate()), (tls, root.map(Path::new)), "{url}");
        }
    }

    #[test]
    fn each_host_is_tried_with_all_that_the_url_says() {
        let url = "postgresql://b:p%40ss@one:1,two,%2Frun%2Fpg:3/x?target_session_attrs=read-write&options=-c%20a%3Db\
                   &sslmode=verify-ca&sslnegotiation=direct&channel_binding=disable";
        let url = parse(url).expect("is one");
        let hosts = url.hosts();
        let [one, two, three] = &*hosts else { panic!("{hosts:?}") };
        for (host, name, port) in [(one, "one", 1), (two, "two", 5432)] {
            assert_eq!(host.get_hosts(), [Host::Tcp(name.to_owned())]);
            assert_eq!(host.get_ports(), [port]);
        }
        assert_eq!(three.get_hosts(), [Host::Unix("/run/pg".into())]);
        // All the rest is the same.
        let without_place = |config: &tokio_postgres::Config| {
            let text = format!("{config:?}");
            let (before, after) = text.split_once("host: [").expect("has hosts");
            let after = after.split_once("connect_timeout").expect("has a timeout").1;
            format!("{before}{after}")
        };
        let all = without_place(&url.config);
        assert!(all.contains("-c a=b") && all.contains("ReadWrite"), "{all}");
        for host in &hosts {
            assert_eq!(without_place(host), all);
            assert_eq!(host.get_password(), url.config.get_password());
        }
        let url = parse("postgresql://b@one,two/x?hostaddr=127.0.0.1,127.0.0.2").expect("is one");
        let addresses: Vec<_> = url.hosts().iter().map(|it| it.get_hostaddrs().to_vec()).collect();
        assert_eq!(addresses.concat(), url.config.get_hostaddrs());
    }

    #[test]
    fn other_urls_are_refused_and_their_password_is_not_shown() {
        for (url, words) in [
            ("", "begin with `postgresql://`"),
            ("mysql://b:geheim@db/x", "begin with `postgresql://`"),
            ("postgresql://db/x", "no user"),
            ("postgresql://b:geheim@/x", "host"),
            ("postgresql://b:geheim@db/x?sslmode=maybe", "sslmode is"),
            ("postgresql://b:geheim@db:port/x", "port"),
            ("postgresql://b:geheim@db/x?color=red", "color"),
            ("postgresql://b:geheim@one,two/x?hostaddr=127.0.0.1", "as many `hostaddr`"),
            ("postgresql://b:geheim@one:1,two:2,three:3/x?port=4,5", "as many ports"),
        ] {
            let error = parse(url).expect_err(url);
            assert!(error.contains(words) && !error.contains("geheim"), "{url}: {error}");
        }
        let url = parse("postgresql://b:geheim@db/x").expect("is one");
        assert!(!format!("{url:?}").contains("geheim"));
    }
}
