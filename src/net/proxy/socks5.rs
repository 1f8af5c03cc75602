//! Tunnels through a SOCKS5 proxy (RFC 1928), with user and password (RFC 1929).

use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};

use super::{ProxyError, ProxyTarget};
use crate::net::host::without_brackets;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN_NAME: u8 = 3;
const IPV6: u8 = 4;

/// Opens a tunnel. `resolve_here` distinguishes `socks5` (we resolve names) from `socks5h` (the proxy does).
pub(super) async fn open(
    stream: &mut TcpStream,
    target: &ProxyTarget<'_>,
    resolve_here: bool,
    credentials: Option<(&str, &str)>,
) -> Result<(), ProxyError> {
    let destination = destination(target, resolve_here).await?;
    authenticate(stream, credentials).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    request.extend_from_slice(&destination);
    request.extend_from_slice(&target.port.to_be_bytes());
    stream.write_all(&request).await?;
    read_reply(stream).await
}

async fn authenticate(
    stream: &mut TcpStream,
    credentials: Option<(&str, &str)>,
) -> Result<(), ProxyError> {
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(methods).await?;
    if stream.read_u8().await? != VERSION {
        return Err(ProxyError("not a SOCKS5 proxy".to_owned()));
    }
    match (stream.read_u8().await?, credentials) {
        (NO_AUTHENTICATION, _) => Ok(()),
        (USER_AND_PASSWORD, Some((user, password))) => {
            let mut login = vec![1];
            login.extend_from_slice(&length_prefixed(user)?);
            login.extend_from_slice(&length_prefixed(password)?);
            stream.write_all(&login).await?;
            stream.read_u8().await?;
            match stream.read_u8().await? {
                0 => Ok(()),
                _ => Err(ProxyError("the proxy rejected the user and password".to_owned())),
            }
        }
        _ => Err(ProxyError(
            "the proxy requires a user and password: in the environment, \
             socks5://USER:PASSWORD@HOST:PORT; in the configuration, `proxy_password_file`"
                .to_owned(),
        )),
    }
}

async fn destination(target: &ProxyTarget<'_>, resolve_here: bool) -> Result<Vec<u8>, ProxyError> {
    let host = without_brackets(target.host);
    let address = match host.parse() {
        Ok(address) => Some(address),
        Err(_) if resolve_here => Some(resolve(host, target.port).await?),
        Err(_) => None,
    };
    Ok(match address {
        Some(IpAddr::V4(address)) => [&[IPV4][..], &address.octets()].concat(),
        Some(IpAddr::V6(address)) => [&[IPV6][..], &address.octets()].concat(),
        None => [&[DOMAIN_NAME][..], &length_prefixed(host)?].concat(),
    })
}

async fn resolve(host: &str, port: u16) -> Result<IpAddr, ProxyError> {
    let unknown = |reason: String| {
        ProxyError(format!(
            "cannot resolve `{host}` locally: {reason} (socks5h lets the proxy resolve it)"
        ))
    };
    let mut found = lookup_host((host, port)).await.map_err(|error| unknown(error.to_string()))?;
    found.next().map(|found| found.ip()).ok_or_else(|| unknown("no address found".to_owned()))
}

/// A text with its length in one byte before it.
fn length_prefixed(text: &str) -> Result<Vec<u8>, ProxyError> {
    let length = u8::try_from(text.len())
        .map_err(|_| ProxyError("a name or password is longer than 255 bytes".to_owned()))?;
    Ok([&[length][..], text.as_bytes()].concat())
}

async fn read_reply(stream: &mut TcpStream) -> Result<(), ProxyError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [_, code, _, kind] = head;
    if code != 0 {
        return Err(ProxyError(describe_reply(code)));
    }
    // Skip the proxy's outgoing address, which we do not need.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        _ => usize::from(stream.read_u8().await?),
    };
    stream.read_exact(&mut vec![0; length + 2]).await?;
    Ok(())
}

/// Describes a reply code (RFC 1928, section 6).
fn describe_reply(code: u8) -> String {
    match code {
        1 => "general failure",
        2 => "connection not allowed by the proxy's rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused by the server",
        6 => "TTL expired",
        _ => return format!("SOCKS error {code}"),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn socks5_resolves_locally_and_socks5h_remotely() {
        for (resolve_here, kinds) in [(true, &[IPV4, IPV6][..]), (false, &[DOMAIN_NAME][..])] {
            let target = ProxyTarget { host: "localhost", port: 80 };
            let told = destination(&target, resolve_here).await.unwrap_or_default();
            assert!(kinds.contains(&told[0]), "{told:?}");
        }
    }
}
