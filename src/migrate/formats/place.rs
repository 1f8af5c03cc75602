//! What the path of a log says: the network, the channel, the day.

use std::path::Path;

use jiff::civil::Date;

use super::log_format::LogFormat;
use super::place_dates::{
    is_of_date, split_date, split_part_of_date, without_extension, without_last_dates,
    without_rotation,
};
use super::scan::is_channel;

/// Of what a log is, as far as its path tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) network: Option<String>,
    /// The channel, or the nick of the other person.
    pub(super) name: Option<String>,
    pub(super) date: Option<Date>,
    /// Whether it is what a client writes about itself or the server.
    pub(super) is_server_window: bool,
}

impl Place {
    /// Whether the name is that of a channel.
    pub(super) fn has_channel(&self) -> bool {
        self.name.as_deref().is_some_and(is_channel)
    }
}

/// Reads a path as the client of `format` makes it by default, and as people often change that.
pub(super) fn place_of(format: LogFormat, path: &Path) -> Place {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let (file, folders) = match parts.split_last() {
        Some((file, folders)) => (*file, folders),
        None => ("", &[][..]),
    };
    let name = without_extension(without_rotation(file));
    let (stem, date) = split_date(name);
    let (stem, date) = match date {
        Some(date) => (stem, Some(date)),
        None => split_part_of_date(stem, folders),
    };
    let mut place = match format {
        LogFormat::Irssi | LogFormat::HexChat | LogFormat::Mirc | LogFormat::WeeChat
            if stem.is_empty() && !name.is_empty() =>
        {
            named_by_folder(folders)
        }
        LogFormat::WeeChat => weechat(stem, folders),
        LogFormat::Znc => znc(stem, folders),
        // Whoever has renamed the files of a client whose folders tell the channel.
        LogFormat::Ii | LogFormat::Textual if is_channel(stem) => named(stem, folders),
        LogFormat::Ii => ii(folders),
        LogFormat::TheLounge => lounge(stem, folders),
        LogFormat::Textual => textual(folders),
        LogFormat::Irssi | LogFormat::HexChat | LogFormat::Mirc => named(stem, folders),
        LogFormat::Eggdrop
        | LogFormat::Limnoria
        | LogFormat::EnergyMech
        | LogFormat::QuasselCopy
        | LogFormat::Pattern => {
            // They log channels only: what is no channel's name says nothing.
            let mut place = named(stem, folders);
            place.name = place.name.filter(|name| is_channel(name));
            place.is_server_window = false;
            place
        }
    };
    place.date = date;
    place.network = place.network.filter(|network| !network.is_empty());
    place
}

/// Names of folders that say nothing about the network.
const GENERIC: &str = "/ log logs irclogs irclog irc irssi weechat hexchat xchat xchatlogs scrollback mirc znc soju eggdrop \
     limnoria supybot channellogger energymech textual users user home tmp data var lib moddata networks channels \
     queries private archive archives old backup import out";

fn network(folder: Option<&&str>) -> Option<String> {
    let folder = folder?;
    let is_generic = folder.starts_with('.')
        || folder.is_empty()
        || GENERIC.split(' ').any(|name| folder.eq_ignore_ascii_case(name));
    (!is_of_date(None, folder) && !is_generic && !is_channel(folder)).then(|| (*folder).to_owned())
}

/// `NETWORK/#team/2026-11-29.log`: the folder is that of the channel, or of the other person.
fn named_by_folder(folders: &[&str]) -> Place {
    let folders = without_last_dates(folders);
    match folders {
        [above @ .., last] if is_channel(last) => named(last, above),
        [above @ .., last] if network(above.last()).is_some() && network(Some(last)).is_some() => {
            named(last, above)
        }
        _ => named("", folders),
    }
}

/// `NETWORK/#team.log`, `NETWORK/#team.NETWORK.log` (mIRC), `YEAR/NETWORK/#team.log`, `NETWORK/#team/#team.log`.
fn named(stem: &str, folders: &[&str]) -> Place {
    let mut folders: Vec<&str> = without_last_dates(folders).to_vec();
    while let Some(last) = folders.last()
        && (is_channel(last) || *last == stem && folders.len() > 1 && is_channel(stem))
    {
        folders.pop();
    }
    let in_folder = network(folders.last());
    let is_server_window = ["server", "status", "network", "(status)", "(server)", ""]
        .iter()
        .any(|name| stem.eq_ignore_ascii_case(name))
        // HexChat's tab of a network.
        || in_folder.as_deref().is_some_and(|network| network.eq_ignore_ascii_case(stem));
    // mIRC can put the network behind the channel: channels may hold dots, so only what the folder does not say.
    let (name, behind) = match stem.split_once('.') {
        Some((name, behind)) if in_folder.is_none() && is_channel(name) && !behind.is_empty() => {
            (name, Some(behind.to_owned()))
        }
        _ => (stem, None),
    };
    // Bots and people put the network before it, too: `Libera_#team`.
    let (before, name) = match name.find("_#") {
        Some(at) if at > 0 => (Some(name[..at].to_owned()), &name[at + 1..]),
        _ => (None, name),
    };
    Place {
        network: in_folder.or(behind).or(before),
        name: Some(name.to_owned()).filter(|name| !name.is_empty() && !is_server_window),
        date: None,
        is_server_window,
    }
}

/// `irc.NETWORK.#team`, or `NETWORK.#team` behind a folder `irc`.
fn weechat(stem: &str, folders: &[&str]) -> Place {
    let rest = stem.strip_prefix("irc.").unwrap_or(stem);
    let is_core = stem.starts_with("core.") || !stem.contains('.') && !is_channel(stem);
    if let Some(server) = rest.strip_prefix("server.") {
        let network = Some(server.to_owned());
        return Place { network, is_server_window: true, ..Place::default() };
    }
    if is_core {
        return Place { is_server_window: true, ..Place::default() };
    }
    let at = [".#", ".&", ".+", ".!"].iter().filter_map(|sign| rest.find(sign)).min();
    match at.or_else(|| rest.find('.')) {
        _ if is_channel(rest) => named(rest, folders),
        Some(at) => Place {
            network: Some(rest[..at].to_owned()),
            name: Some(rest[at + 1..].to_owned()),
            ..Place::default()
        },
        None => Place { name: Some(rest.to_owned()), ..Place::default() },
    }
}

/// `…/NETWORK/#team/2026-11-29.log`, with `moddata/log` before it where a user's or a network's module writes it; in old
/// versions `USER_NETWORK_#team_20261129.log`.
fn znc(stem: &str, folders: &[&str]) -> Place {
    if !stem.is_empty() {
        // The name of the file is more than the date.
        let mut place = named(stem, &[]);
        if let Some(before) = place.network.take() {
            place.network = before.rsplit('_').next().map(str::to_owned);
        }
        place.network = place.network.or_else(|| network_of_znc(folders));
        return place;
    }
    let Some((name, folders)) = folders.split_last() else { return Place::default() };
    let is_server_window = *name == "status" || name.contains('.') && !is_channel(name);
    let name = Some((*name).to_owned()).filter(|_| !is_server_window);
    Place { network: network_of_znc(folders), name, is_server_window, date: None }
}

fn network_of_znc(folders: &[&str]) -> Option<String> {
    let in_user = folders.iter().rposition(|folder| *folder == "networks");
    match in_user.and_then(|at| folders.get(at + 1)) {
        Some(network) => Some((*network).to_owned()),
        None => network(folders.last()),
    }
}

/// `…/NETWORK/#team/out`; directly below the network, it is the server's.
fn ii(folders: &[&str]) -> Place {
    let (Some(name), above) = (folders.last(), folders.len().saturating_sub(2)) else {
        return Place { is_server_window: true, ..Place::default() };
    };
    if is_channel(name) {
        let network = network(folders.get(above).filter(|_| folders.len() > 1));
        return Place { network, name: Some((*name).to_owned()), ..Place::default() };
    }
    // A server's folder has a dot in its name, a nick has none.
    if name.contains('.') || network(Some(name)).is_none() {
        let network = network(Some(name));
        return Place { network, is_server_window: true, ..Place::default() };
    }
    let network = network(folders.get(above).filter(|_| folders.len() > 1));
    let is_query = network.as_deref().is_some_and(|network| network.contains('.'));
    Place {
        network: network
            .filter(|_| is_query)
            .or_else(|| Some((*name).to_owned()).filter(|_| !is_query)),
        name: Some((*name).to_owned()).filter(|_| is_query),
        date: None,
        is_server_window: !is_query,
    }
}

/// `logs/USER/NETWORK-UUID/#team.log`, where a part of the UUID may be missing at its begin.
fn lounge(stem: &str, folders: &[&str]) -> Place {
    let folder = folders.last().copied().unwrap_or_default();
    let is_of_uuid = |c: char| c.is_ascii_hexdigit() || c == '-';
    let tail = folder.len() - folder.trim_end_matches(is_of_uuid).len();
    let name = match folder[folder.len() - tail..].find('-') {
        Some(at) if tail - at > 12 => &folder[..folder.len() - tail + at],
        _ => folder,
    };
    Place {
        network: network(Some(&name)),
        name: Some(stem.to_owned()).filter(|stem| !stem.is_empty()),
        ..Place::default()
    }
}

/// `NETWORK (ID)/Channels/#team/2026-11-29.txt`, `…/Queries/bob/…`, `…/Console/…`.
fn textual(folders: &[&str]) -> Place {
    let of_network = |folder: Option<&&str>| {
        let folder = folder?;
        let name = folder.split_once(" (").map_or(*folder, |(name, _)| name);
        network(Some(&name))
    };
    if folders.last().is_some_and(|last| last.eq_ignore_ascii_case("console")) {
        let network = of_network(folders.len().checked_sub(2).and_then(|at| folders.get(at)));
        return Place { network, is_server_window: true, ..Place::default() };
    }
    let [.., above, kind, name] = folders else {
        let name = folders.last().map(|name| (*name).to_owned());
        return Place { name, ..Place::default() };
    };
    let has_kind = ["channels", "queries", "private messages"]
        .iter()
        .any(|known| kind.eq_ignore_ascii_case(known));
    let network = of_network(Some(if has_kind { above } else { kind }));
    Place { network, name: Some((*name).to_owned()), ..Place::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Format, path, network, name, date, whether it is a server's window.
    type Case = (LogFormat, &'static str, Option<&'static str>, Option<&'static str>, bool);

    const CASES: &[Case] = &[
        (LogFormat::Irssi, "irclogs/Libera/#team.log", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "irclogs/2014/Libera/#team.log", Some("Libera"), Some("#team"), false),
        (
            LogFormat::Irssi,
            "irclogs/Libera/#team.2014-03-02.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Irssi, "irclogs/Libera/bob.log", Some("Libera"), Some("bob"), false),
        (LogFormat::Irssi, "#team.log", None, Some("#team"), false),
        (
            LogFormat::Irssi,
            "irclogs/Libera/#team/2014-03-02.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Irssi, "irclogs/Libera/bob/2014-03-02.log", Some("Libera"), Some("bob"), false),
        (LogFormat::Irssi, "#team/2014-03-02.log", None, Some("#team"), false),
        (LogFormat::Irssi, "irclogs/Libera/2014-03-02.log", Some("Libera"), None, true),
        // As irssi's and WeeChat's documentation shows.
        (
            LogFormat::Irssi,
            "irclogs/2014/Libera/#team.03-02.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::WeeChat,
            "logs/2014/libera/#team.03-02.weechatlog",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::WeeChat,
            "logs/irc.libera.#team.2014-03.weechatlog",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::WeeChat,
            "logs/irc/libera/#team/2014-03.weechatlog",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::HexChat,
            "xchatlogs/Libera/#team/2014/03/02.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::Irssi,
            "irclogs/Libera/2014-03/#team.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Irssi, "Libera/#team-201403.log", Some("Libera"), Some("#team"), false),
        // Rotated: the number is not the channel's, and the day not that of the lines.
        (LogFormat::Irssi, "Libera/#team.log.1", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "Libera/#team.log.12", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "Libera/#team.log.old", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "Libera/#team.log~", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "Libera/#team.log-20140303", Some("Libera"), Some("#team"), false),
        (LogFormat::Irssi, "Libera/#team.1", Some("Libera"), Some("#team.1"), false),
        (LogFormat::Irssi, "Libera/#team~", Some("Libera"), Some("#team~"), false),
        (
            LogFormat::WeeChat,
            "logs/irc.libera.#team.weechatlog.1",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Irssi, "Libera/#debian.10.log", Some("Libera"), Some("#debian.10"), false),
        (LogFormat::Irssi, "Libera/#team.13-41.log", Some("Libera"), Some("#team.13-41"), false),
        (
            LogFormat::WeeChat,
            "logs/irc.libera.#team.weechatlog",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::WeeChat,
            "irc.irc.libera.chat.##c.weechatlog",
            Some("irc.libera.chat"),
            Some("##c"),
            false,
        ),
        (LogFormat::WeeChat, "irc.libera.bob.weechatlog", Some("libera"), Some("bob"), false),
        (LogFormat::WeeChat, "irc.server.libera.weechatlog", Some("libera"), None, true),
        (LogFormat::WeeChat, "core.weechat.weechatlog", None, None, true),
        (
            LogFormat::Znc,
            "users/ann/networks/libera/moddata/log/#team/2026-11-29.log",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::Znc,
            "moddata/log/ann/libera/#team/2026-11-29.log",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::Znc,
            "moddata/log/ann_libera_#team_20261129.log",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Znc, "logs/ann/libera/bob/2026-11-29.log", Some("libera"), Some("bob"), false),
        (LogFormat::Znc, "logs/ann/libera/status/2026-11-29.log", Some("libera"), None, true),
        (LogFormat::HexChat, "hexchat/logs/Libera/#team.log", Some("Libera"), Some("#team"), false),
        (LogFormat::HexChat, "hexchat/logs/Libera/libera.log", Some("Libera"), None, true),
        (LogFormat::HexChat, "hexchat/logs/Libera/server.log", Some("Libera"), None, true),
        (LogFormat::Eggdrop, "eggdrop/logs/team.log.29Nov2026", None, None, false),
        (
            LogFormat::Limnoria,
            "ChannelLogger/libera/#team/#team.log",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::Limnoria,
            "ChannelLogger/libera/#team/#team.2026-11-29.log",
            Some("libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::TheLounge,
            "logs/ann/libera-chat-4e5f-8a1b2c3d4e5f/#team.log",
            Some("libera-chat"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::TheLounge,
            "logs/ann/libera-chat-4e5f-8a1b2c3d4e5f/bob.log",
            Some("libera-chat"),
            Some("bob"),
            false,
        ),
        (LogFormat::Mirc, "mIRC/logs/#team.Libera.log", Some("Libera"), Some("#team"), false),
        (
            LogFormat::Mirc,
            "mIRC/logs/Libera/#team.20261129.log",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (LogFormat::Mirc, "mIRC/logs/status.log", None, None, true),
        (
            LogFormat::Textual,
            "Textual/Libera (2A4B6)/Channels/#team/2026-11-29.txt",
            Some("Libera"),
            Some("#team"),
            false,
        ),
        (
            LogFormat::Textual,
            "Textual/Libera (2A4B6)/Queries/bob/2026-11-29.txt",
            Some("Libera"),
            Some("bob"),
            false,
        ),
        (
            LogFormat::Textual,
            "Textual/Libera (2A4B6)/Console/2026-11-29.txt",
            Some("Libera"),
            None,
            true,
        ),
        (
            LogFormat::Ii,
            "irc/irc.libera.chat/#team/out",
            Some("irc.libera.chat"),
            Some("#team"),
            false,
        ),
        (LogFormat::Ii, "irc/irc.libera.chat/bob/out", Some("irc.libera.chat"), Some("bob"), false),
        (LogFormat::Ii, "irc/irc.libera.chat/out", Some("irc.libera.chat"), None, true),
        (LogFormat::Ii, "out", None, None, true),
        (LogFormat::Ii, "irc/Libera/#team.log", Some("Libera"), Some("#team"), false),
        (LogFormat::Textual, "Libera/#team.log", Some("Libera"), Some("#team"), false),
        (LogFormat::Pattern, "chat.txt", None, None, false),
        (LogFormat::Irssi, "", None, None, true),
    ];

    #[test]
    fn paths_tell_network_and_channel() {
        for (format, path, network, name, is_server_window) in CASES {
            let place = place_of(*format, Path::new(path));
            let found = (place.network.as_deref(), place.name.as_deref(), place.is_server_window);
            assert_eq!(found, (*network, *name, *is_server_window), "{format} {path}");
        }
    }

    #[test]
    fn names_of_files_tell_the_day() {
        let day = Date::constant(2026, 11, 29);
        for (name, stem, found) in [
            ("#team.2026-11-29", "#team", Some(day)),
            ("#team_20261129", "#team", Some(day)),
            ("team.log.29Nov2026", "team", Some(day)),
            ("2026-11-29", "", Some(day)),
            ("#team.2026_11_29", "#team", Some(day)),
            ("#team-2026.11.29", "#team", Some(day)),
            ("#room12345678", "#room12345678", None),
            ("#team", "#team", None),
            ("#99999999", "#99999999", None),
        ] {
            assert_eq!(split_date(name), (stem, found), "{name}");
        }
        assert_eq!(place_of(LogFormat::Irssi, Path::new("#t/2026/11/29.log")).date, Some(day));
        let rotated = place_of(LogFormat::Irssi, Path::new("#t.log-20261129"));
        assert_eq!((rotated.name.as_deref(), rotated.date), (Some("#t"), None));
    }
}
