//! Where the administrator's API listens, and who may use it there.

use super::*;

const LONG: &str = "9f0c4a1e5b7d2836f1ab";

#[test]
fn api_listens_on_no_port_by_default() {
    let admin = ConfigFixture::new().settings(MINIMAL).admin;
    assert_eq!((admin.listen, admin.token.is_some()), (None, false));
    assert!(admin.allowed_hosts.is_empty());
}

#[test]
fn admin_settings_are_read() {
    let fixture = ConfigFixture::new().file("admin.token", format!("{LONG}\n"));
    let text = format!(
        "{MINIMAL}\n[admin]\nlisten = \"0.0.0.0:8090\"\ntoken_file = \"admin.token\"\n\
         allowed_hosts = [\"Bridge.example.org\"]\n"
    );
    let admin = fixture.settings(&text).admin;
    assert_eq!(admin.listen.unwrap().to_string(), "0.0.0.0:8090");
    assert_eq!(admin.token.unwrap().expose_secret(), LONG);
    assert_eq!(admin.allowed_hosts, ["bridge.example.org"]);
    let debug = format!("{:?}", fixture.settings(&text));
    assert!(!debug.contains(LONG), "{debug}");
}

#[test]
fn token_is_optional_on_loopback_only() {
    let fixture = ConfigFixture::new();
    for address in ["127.0.0.1:8090", "[::1]:8090", "127.8.9.1:1", "[::ffff:127.0.0.1]:1"] {
        fixture.settings(&format!("{MINIMAL}\n[admin]\nlisten = \"{address}\"\n"));
    }
    let line = MINIMAL.lines().count() + 3;
    for address in ["0.0.0.0:8090", "[::]:8090", "192.0.2.1:8090", "[2001:db8::1]:80"] {
        let text = format!("{MINIMAL}\n[admin]\nlisten = \"{address}\"\n");
        let mistake = format!(
            "bridge.toml:{line}: admin.listen: {address} can be reached from other machines, and \
             there is no token; write token_file = \"admin.token\" in [admin], a file with what \
             `openssl rand -hex 32` prints, or listen on \"127.0.0.1:8090\""
        );
        fixture.assert_errors(&text, &[&mistake]);
        fixture.settings(&format!("{text}token = \"{LONG}\"\n"));
    }
}

#[test]
fn invalid_admin_settings_are_rejected_without_showing_the_token() {
    let line = MINIMAL.lines().count() + 2;
    let text = format!(
        "{MINIMAL}\n[admin]\nlisten = \"0.0.0.0:8090\"\ntoken = \"hush\"\n\
         allowed_hosts = [\"https://bridge.example.org\"]\n"
    );
    let mistakes = [
        format!(
            "bridge.toml:{}: admin.token: is shorter than 20 characters; write what `openssl rand \
             -hex 32` prints",
            line + 2
        ),
        format!(
            "bridge.toml:{}: admin.allowed_hosts[0]: \"https://bridge.example.org\" is not the name \
             of a host; write the name in the address that the browser opens, without https:// and \
             without a port: \"bridge.example.org\"",
            line + 3
        ),
    ];
    let mistakes: Vec<&str> = mistakes.iter().map(String::as_str).collect();
    ConfigFixture::new().assert_errors(&text, &mistakes);
}

#[test]
fn token_in_a_world_readable_file_is_warned_about() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = ConfigFixture::new().file("admin.token", LONG);
    let folder = fixture.folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.join("admin.token"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.join("letschat.token"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!("{MINIMAL}\n[admin]\ntoken_file = \"admin.token\"\n");
    let (_, warnings) = fixture.load(&text).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].problem.contains("world-readable"), "{warnings:?}");
}
