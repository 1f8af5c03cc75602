//! What man pages say beyond `--help`: examples, files, variables of the environment, other pages.

/// Examples: the command (empty for the program), what its reader wants, and what to type.
pub(super) const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "",
        "Write a configuration, try it, and start the service:",
        "sudo letsbridge init --config /etc/letsbridge/bridge.toml\n\
         sudo letsbridge check --config /etc/letsbridge/bridge.toml\n\
         sudo systemctl enable --now letsbridge",
    ),
    ("", "See what the service does:", "journalctl -u letsbridge -f"),
    (
        "run",
        "Run a bridge in this terminal, with all that it does in the log:",
        "RUST_LOG=debug letsbridge run --config bridge.toml",
    ),
    (
        "check",
        "After each change of the configuration; it may run beside the bridge:",
        "sudo letsbridge check --config /etc/letsbridge/bridge.toml",
    ),
    ("init", "Answer questions:", "sudo letsbridge init --config /etc/letsbridge/bridge.toml"),
    (
        "init",
        "Without a terminal:",
        "LETSCHAT_PASSWORD=… letsbridge init --irc-server irc.example.org --nick bridge \\\n    \
         --letschat-url https://chat.example.org --letschat-user irc --link '#dev=dev'",
    ),
    (
        "audit",
        "Whether anything was lost in one channel:",
        "sudo letsbridge audit --config /etc/letsbridge/bridge.toml --link 'office/#dev'",
    ),
    (
        "revoke",
        "Disable a link that was posted on IRC:",
        "sudo letsbridge revoke --config /etc/letsbridge/bridge.toml https://bridge.example.org/f/…",
    ),
    (
        "people",
        "Who has spoken, and by which account:",
        "sudo letsbridge people --config /etc/letsbridge/bridge.toml",
    ),
    (
        "unlink",
        "Speak for ann by the bridge's account again:",
        "sudo letsbridge unlink --config /etc/letsbridge/bridge.toml ann",
    ),
    (
        "accounts write",
        "Accounts for everybody who has spoken, to be loaded with mongorestore:",
        "sudo letsbridge accounts write --config /etc/letsbridge/bridge.toml --out accounts",
    ),
    (
        "handover",
        "Before the machine of the active node is restarted:",
        "sudo letsbridge handover --config /etc/letsbridge/bridge.toml",
    ),
    (
        "store copy",
        "From SQLite to the PostgreSQL of [store] url, while the bridge is stopped:",
        "sudo letsbridge store copy --to postgresql --config /etc/letsbridge/bridge.toml",
    ),
    (
        "generate man",
        "Read a page without installing it:",
        "letsbridge generate man /tmp/man\nman /tmp/man/letsbridge-run.1",
    ),
    (
        "generate completions",
        "Complete in this bash only:",
        "source <(letsbridge generate completions bash)",
    ),
    (
        "generate completions",
        "The files of all shells, for a package:",
        "letsbridge generate completions target/completions",
    ),
];

/// Files, and what they contain.
pub(super) const FILES: &[(&str, &str)] = &[
    (
        "/etc/letsbridge/bridge.toml",
        "The configuration of the service. The program itself reads bridge.toml in the working directory, unless \
         --config or LETSBRIDGE_CONFIG names another file. Its keys: see bridge.toml(5).",
    ),
    (
        "/etc/letsbridge/letschat.token",
        "The API token of the bridge's account on Let's Chat, for root only. systemd passes it to the service.",
    ),
    (
        "/var/lib/letsbridge/",
        "The state of the service (state_dir): letsbridge.sqlite3 with what waits and what was mirrored, \
         accounts.key and links.key. It belongs to the user that runs the service, and nobody else reads it.",
    ),
];

/// Variables of the environment.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("LETSBRIDGE_CONFIG", "The configuration file, where --config is not given."),
    (
        "LETSBRIDGE__SECTION__KEY",
        "Sets a key of the configuration and overrides the file: LETSBRIDGE__LETSCHAT__URL.",
    ),
    ("RUST_LOG", "Which events are logged; overrides log.level."),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "The proxy to Let's Chat, as for curl(1). Proxies to IRC are set in the configuration.",
    ),
    (
        "STATE_DIRECTORY, CREDENTIALS_DIRECTORY, NOTIFY_SOCKET",
        "Set by systemd: see systemd.exec(5) and sd_notify(3).",
    ),
];

/// Pages of other programs, and the documentation.
pub(super) const SEE_ALSO: &str = "systemctl(1), journalctl(1), systemd.exec(5)";
