//! What is served to people without an account.

use super::*;

#[test]
fn web_is_off_without_public_url() {
    let desk = ConfigFixture::new();
    assert_eq!(desk.settings(MINIMAL).web, None);
    assert_eq!(desk.settings(&format!("{MINIMAL}\n[web]\nlink_expiry = \"1d\"\n")).web, None);
}

#[test]
fn web_settings_are_read() {
    let text = format!(
        r#"{MINIMAL}
[web]
public_url = "https://bridge.example/irc"
listen = "[::1]:9000"
link_expiry = "2d"
max_file_size = "10MB"
cache_size = "1GB"
requests_per_minute = "none"
trusted_proxies = ["10.0.0.0/8", "::1"]
"#
    );
    let web = ConfigFixture::new().settings(&text).web.unwrap();
    assert_eq!(web.public_url.as_str(), "https://bridge.example/irc/");
    assert_eq!(web.listen.to_string(), "[::1]:9000");
    assert_eq!(web.link_expiry, Duration::from_hours(48));
    assert_eq!((web.max_file_size, web.cache_size), (10_000_000, 1_000_000_000));
    assert_eq!(web.requests_per_minute, None);
    let proxies: Vec<String> = web.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
}

#[test]
fn invalid_web_settings_are_rejected() {
    let lines = MINIMAL.lines().count() + 1;
    let at = |line: usize, text: &str| format!("bridge.toml:{}: {text}", lines + line);
    let mistakes = [
        at(
            2,
            "web.listen: \"8480\" is not address:port; write an address of this machine and a port, \
             like \"127.0.0.1:8480\" or \"[::1]:8480\"",
        ),
        at(
            3,
            "web.cache_size: smaller than web.max_file_size: the cache cannot hold the largest \
             file; raise it to at least web.max_file_size",
        ),
        at(
            4,
            "web.trusted_proxies[0]: \"proxy\" is not an address; write the proxy's address, like \
             \"127.0.0.1\", or its network, like \"10.0.0.0/8\"",
        ),
    ];
    let mistakes: Vec<&str> = mistakes.iter().map(String::as_str).collect();
    ConfigFixture::new().assert_errors(
        &format!(
            "{MINIMAL}\n[web]\nlisten = \"8480\"\ncache_size = \"1MB\"\ntrusted_proxies = [\"proxy\"]\n"
        ),
        &mistakes,
    );
}
