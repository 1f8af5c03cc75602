//! Parses the values of `[store]`. The URL is a secret: errors do not show it.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::{ValueError, quote};

/// The longest name of a node, in characters.
const MAX_NODE_LENGTH: usize = 63;

/// An example of a URL.
const URL_EXAMPLE: &str = "write it like \"postgresql://letsbridge:PASSWORD@db.example.org/letsbridge?sslmode=verify-full\"";

/// The values of `sslmode`.
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The parameters of a URL that matter here; those of libpq that the bridge sets itself are left out.
const PARAMETERS: [&str; 7] = [
    "sslmode",
    "sslrootcert",
    "user",
    "password",
    "dbname",
    "target_session_attrs",
    "channel_binding",
];

/// Checks the URL of a PostgreSQL database.
pub(in crate::config) fn postgres_url(url: &str) -> Result<(), ValueError> {
    let error = |found: &str| ValueError::new(found, URL_EXAMPLE);
    let rest = ["postgresql://", "postgres://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| error("is not a URL that begins with postgresql://"))?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (server, database) = address.split_once('/').unwrap_or((address, ""));
    let (login, hosts) = match server.rsplit_once('@') {
        Some((login, hosts)) => (login, hosts),
        None => ("", server),
    };
    if hosts.split(',').any(str::is_empty) {
        return Err(error("names no host"));
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let port_of = |host: &'_ str| {
        let after_address = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
        after_address.rsplit_once(':').map(|(_, port)| port.to_owned())
    };
    if let Some(port) = hosts.split(',').filter_map(port_of).find(|port| !is_port(port)) {
        let found = format!("has the port {}", quote(&port));
        return Err(ValueError::new(found, "write a number from 1 to 65535, like \":5432\""));
    }
    let parameters: Vec<(&str, &str)> =
        query.split('&').filter(|it| !it.is_empty()).map(pair).collect();
    let has = |name: &str| parameters.iter().any(|(key, value)| *key == name && !value.is_empty());
    if login.split(':').next().is_none_or(str::is_empty) && !has("user") {
        return Err(error("names no user"));
    }
    if database.is_empty() && !has("dbname") {
        return Err(error("names no database"));
    }
    for (key, value) in parameters {
        check_parameter(key, value)?;
    }
    Ok(())
}

fn check_parameter(key: &str, value: &str) -> Result<(), ValueError> {
    if !PARAMETERS.contains(&key) {
        let found = format!("has an unknown parameter {}", quote(key));
        let remedy = format!("remove it; known are {}", PARAMETERS.join(", "));
        return Err(ValueError::new(found, remedy));
    }
    if key == "sslmode" && !SSL_MODES.contains(&value) {
        let found = format!("has sslmode={}", quote(value));
        return Err(ValueError::new(found, format!("use {}", SSL_MODES.join(", "))));
    }
    Ok(())
}

/// The file with the authorities that the server's certificate is verified with, if the URL names one.
pub(in crate::config) fn root_certificate_of(url: &str) -> Result<Option<PathBuf>, ValueError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let found = query.split('&').map(pair).find(|(key, _)| *key == "sslrootcert");
    let Some((_, path)) = found else { return Ok(None) };
    let remedy = "write an absolute path, like \"sslrootcert=/etc/letsbridge/db-ca.pem\"";
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| ValueError::new("has an sslrootcert that is not UTF-8", remedy))?;
    let path = PathBuf::from(&*path);
    if !path.is_absolute() {
        let found = format!("has sslrootcert={}", quote(&path.to_string_lossy()));
        return Err(ValueError::new(found, remedy));
    }
    Ok(Some(path))
}

fn pair(parameter: &str) -> (&str, &str) {
    parameter.split_once('=').unwrap_or((parameter, ""))
}

/// Parses the name of a node: letters and digits, dots, hyphens and underscores, as in the names of machines.
pub(in crate::config) fn node_name(text: &str) -> Result<String, ValueError> {
    let is_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > MAX_NODE_LENGTH || !text.chars().all(is_character) {
        let remedy = format!(
            "write at most {MAX_NODE_LENGTH} letters, digits, dots, hyphens and underscores, like \"bridge-a\""
        );
        return Err(ValueError::quoting(text, "is not the name of a node", remedy));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn url_names_user_host_and_database() {
        for url in [
            "postgresql://me@db/bridge",
            "postgres://me:p%40ss@db.example.org:6432/bridge?sslmode=require",
            "postgresql://me@[2001:db8::1]:5432/bridge",
            "postgresql://me@one:5432,two:5433/bridge?target_session_attrs=read-write",
            "postgresql://db/bridge?user=me",
            "postgresql://me@db?dbname=bridge",
            "postgresql://me@%2Frun%2Fpostgresql/bridge",
        ] {
            assert_parses(postgres_url, url, ());
        }
        for (url, found) in [
            ("mysql://me@db/bridge", "is not a URL that begins with postgresql://"),
            ("db.example.org", "is not a URL that begins with postgresql://"),
            ("postgresql://me@/bridge", "names no host"),
            ("postgresql://me@one,/bridge", "names no host"),
            ("postgresql://db/bridge", "names no user"),
            ("postgresql://:hush@db/bridge", "names no user"),
            ("postgresql://me@db", "names no database"),
            ("postgresql://me@db/", "names no database"),
            ("postgresql://me@db:0/bridge", "has the port \"0\""),
            ("postgresql://me@[::1]:x/bridge", "has the port \"x\""),
            ("postgresql://me@db/bridge?sslmode=on", "has sslmode=\"on\""),
            ("postgresql://me@db/bridge?colour=red", "has an unknown parameter \"colour\""),
        ] {
            assert_rejects(postgres_url, url, found);
        }
    }

    #[test]
    fn authorities_are_named_by_an_absolute_path() {
        for (query, path) in [
            ("", None),
            ("?sslmode=verify-ca", None),
            ("?sslrootcert=/etc/our%20ca.pem", Some("/etc/our ca.pem")),
        ] {
            let url = format!("postgresql://me@db/bridge{query}");
            assert_parses(root_certificate_of, &url, path.map(PathBuf::from));
        }
        let url = "postgresql://me@db/bridge?sslmode=verify-ca&sslrootcert=ca.pem";
        assert_rejects(root_certificate_of, url, "has sslrootcert=\"ca.pem\"");
    }

    #[test]
    fn name_of_a_node_is_like_that_of_a_machine() {
        for text in ["bridge-a", "node_2", "bridge.example.org", "7"] {
            assert_parses(node_name, text, text.to_owned());
        }
        for text in ["", "a b", "büro", &"a".repeat(64)] {
            let found = format!("{text:?} is not the name of a node");
            assert_rejects(node_name, text, &found);
        }
    }
}
