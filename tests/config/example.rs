//! The example in the repository is true: it loads, and it shows every key with its default.

use super::*;

#[test]
fn minimal_configuration_loads_with_defaults() {
    let settings = ConfigFixture::new().settings(MINIMAL);
    let [network] = settings.networks.as_slice() else { panic!("one network") };
    assert_eq!(network.network.as_str(), "office");
    assert_eq!(network.servers[0].to_string(), "irc.example.org:6697");
    assert_eq!(network.tls, Some(TlsTrust::System));
    assert_eq!((network.nick.as_str(), network.username.as_str()), ("letsbridge", "letsbridge"));
    assert_eq!(network.channels[0].name, "#dev");
    assert_eq!(network.fallback_charset, encoding_rs::WINDOWS_1252);
    assert_eq!(settings.letschat.url.as_str(), "https://chat.example.org/");
    assert_eq!(settings.letschat.token.expose_secret(), TOKEN);
    assert_eq!(settings.letschat.rooms[0].name, "dev");
    assert_eq!(settings.letschat.catch_up, CatchUpPolicy::MaxAge(Duration::from_hours(24)));
    assert_eq!(settings.letschat.catch_up_limit, Some(500));
    assert!(settings.notices);
    assert_eq!(settings.min_reported_gap, Duration::from_secs(60));
    assert_eq!(network.catch_up, CatchUpPolicy::MaxAge(Duration::from_hours(24)));
    assert_eq!(network.catch_up_limit, Some(500));
    assert_eq!(settings.store.retention, Some(Duration::from_hours(30 * 24)));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(10));
    assert_eq!((settings.log.format, settings.log.level.as_str()), (LogOutput::Auto, "info"));
    assert_eq!(settings.state_dir.to_str(), Some("/var/lib/letsbridge"));
    assert_eq!(settings.links[0].channel.to_string(), "office/#dev");
    assert_eq!(display_groups(&settings.link_groups), ["office/#dev letschat/dev"]);
}

#[test]
fn example_equals_the_minimal_configuration() {
    let desk = ConfigFixture::new();
    let (example, minimal) = (desk.settings(EXAMPLE), desk.settings(MINIMAL));
    assert_eq!(format!("{example:?}"), format!("{minimal:?}"));
}

/// For each line with this mark: its key, and the example with that line uncommented.
fn uncommented(mark: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&'static str> = EXAMPLE.lines().collect();
    let mut examples = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((key, line)) = commented_key(line, mark) else { continue };
        let mut example = lines.clone();
        example[number] = line;
        let mut canary_ends = "[canary]\n".to_owned();
        // Some are nothing alone.
        match key {
            _ if line.contains("canary") => {
                let ends = [("channel", "office/#bridge-canary"), ("room", "bridge-canary")];
                for (end, value) in ends.into_iter().filter(|(end, _)| *end != key) {
                    canary_ends.push_str(&format!("{end} = {value:?}\n"));
                }
            }
            "account" => example.insert(number, "account_password = \"hush\""),
            "key_file" if line.contains("bridge.key") => {
                example.insert(number, "cert_file = \"bridge.pem\"");
            }
            "node" => example.insert(number, "url = \"postgresql://me@db/bridge\""),
            "proxy_password_file" | "proxy_password" => {
                example.insert(number, "proxy = \"socks5h://me@proxy.example.org\"");
            }
            _ => {}
        }
        if key == "token" && line.contains("NTZi") {
            // One excludes the other.
            example.retain(|line| !line.starts_with("token_file"));
        }
        let example = example.join("\n");
        examples.push((key, example.replacen("[canary]\n", &canary_ends, 1)));
    }
    examples
}

#[test]
fn commented_defaults_are_the_real_defaults() {
    let desk = ConfigFixture::new();
    let defaults = format!("{:?}", desk.settings(EXAMPLE));
    let examples = uncommented("#");
    assert_eq!(examples.len(), 90);
    for (key, example) in examples {
        assert_eq!(format!("{:?}", desk.settings(&example)), defaults, "{key}");
    }
}

#[test]
fn commented_web_defaults_are_the_real_defaults() {
    let desk = ConfigFixture::new();
    let on = |text: &str| text.replace("#e.g. public_url", "public_url");
    let defaults = format!("{:?}", desk.settings(&on(EXAMPLE)).web.expect("is on"));
    for (key, example) in uncommented("#") {
        let web = desk.settings(&on(&example)).web;
        assert_eq!(format!("{:?}", web.expect("is on")), defaults, "{key}");
    }
}

#[test]
fn commented_canary_defaults_are_the_real_defaults() {
    let desk = ConfigFixture::new();
    let on =
        |text: &str| text.replace("#e.g. channel", "channel").replace("#e.g. room =", "room =");
    let defaults = desk.settings(&on(EXAMPLE)).canary.expect("is on");
    for (key, example) in uncommented("#") {
        assert_eq!(desk.settings(&on(&example)).canary.as_ref(), Some(&defaults), "{key}");
    }
}

#[test]
fn every_suggested_key_has_an_effect() {
    let desk = ConfigFixture::new()
        .file("ca.pem", certificate())
        .file("office.password", "hush\n")
        .file("office.account", "hush\n")
        .file("office.commands", "OPER me hush\n")
        .file("proxy.password", "hush\n")
        .file("store.url", "postgresql://me:hush@db/bridge\n")
        .file("bridge.pem", client_certificate())
        .file("bridge.key", client_certificate())
        .file("dev.key", "hush\n")
        .file("dev.password", "hush\n")
        .file("office.webirc", "hush\n")
        .file("admin.token", "hush".repeat(8))
        .file("canary.key", "hush\n")
        .file("canary.password", "hush\n");
    let plain = format!("{:?}", desk.settings(EXAMPLE));
    let examples = uncommented("#e.g. ");
    assert_eq!(examples.len(), 61);
    for (key, example) in examples {
        let settings = format!("{:?}", desk.settings(&example));
        assert!(settings != plain || key == "token", "{key} does nothing");
    }
}

#[test]
fn example_lists_exactly_the_known_keys() {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if line.starts_with('[') {
            section = match line {
                "[irc.office]" => "irc.*.".to_owned(),
                "[[link]]" => "link[].".to_owned(),
                _ => format!("{}.", line.trim_matches(['[', ']'])),
            };
        }
        if let Some((key, _)) =
            ["#e.g. ", "#", ""].iter().find_map(|mark| commented_key(line, mark))
        {
            keys.insert(format!("{section}{key}"));
        }
    }
    assert_eq!(keys, config::known_keys().into_iter().collect());
}

/// The example of a section that is not there: in a comment, with more space before it.
#[test]
fn example_of_the_user_map_is_read() {
    let example: String = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix("#     "))
        .filter(|line| !line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect();
    let erin = token("ab");
    let desk = ConfigFixture::new().file("erin.token", erin);
    let people = desk.settings(&format!("{MINIMAL}{example}")).people;
    let names: Vec<_> = people.iter().map(|person| person.user.as_str()).collect();
    assert_eq!(names, ["dave", "mary", "erin", "paul", "hubot"]);
}
