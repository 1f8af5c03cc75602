//! The pages of the archive, served beside a Let's Chat, with a small archive and no bridge.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use letsbridge::config;
use letsbridge::domain::{LogPrecision, MessageKind};
use letsbridge::store::archive::{
    Archive, ArchiveLineId, ArchiveLineKind, LineOrigin, NewArchiveLine, NewSpeaker, PersonMark,
    PersonMarks,
};
use letsbridge::store::{RedactionOrder, Store};
use letsbridge::web::WebServer;
use letsbridge_testkit::letschat::{self, LetsChat, NewRoom, NewUser};
use tempfile::TempDir;

/// The passwords of david and erin on Let's Chat.
pub(crate) const DAVIDS: &str = "Pass+word/4730";
pub(crate) const ERINS: &str = "erins-pass-word";

/// What somebody says who wants to be markup.
pub(crate) const EVIL: &str =
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> kettle";

/// A web server with the archive, and the Let's Chat where it signs people in.
pub(crate) struct ArchiveWorld {
    pub(crate) letschat: LetsChat,
    pub(crate) server: Option<WebServer>,
    pub(crate) public: String,
    /// A line of the open room, the one with [`EVIL`], one that was taken out, and one of the secret room.
    pub(crate) lines: KnownLines,
    directory: TempDir,
}

/// The addresses of some lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownLines {
    pub(crate) open: ArchiveLineId,
    pub(crate) evil: ArchiveLineId,
    pub(crate) gone: ArchiveLineId,
    pub(crate) secret: ArchiveLineId,
    pub(crate) vault: ArchiveLineId,
}

impl ArchiveWorld {
    /// Pages at `public`; `{port}` is a free port in it. david may enter the rooms tea and secret, erin the room tea.
    pub(crate) async fn new(public: &str) -> Self {
        // Only installs what other clients bring with them.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let letschat = LetsChat::start(setup()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let port = match public.contains("{port}") {
            true => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            false => 0,
        };
        let public = public.replace("{port}", &port.to_string());
        let toml = format!(
            "state_dir = \"state\"\n[irc.libera]\nservers = [\"127.0.0.1:6667\"]\ntls = false\nnick = \"bridge\"\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n[[link]]\nchannel = \"libera/#tea\"\nroom = \"tea\"\n\
             [web]\npublic_url = {public:?}\nlisten = \"127.0.0.1:{port}\"\nrequests_per_minute = \"none\"\n\
             [archive]\nenabled = true\ntime_zone = \"Europe/Berlin\"\n",
            letschat.url(),
            letschat.token("bridge"),
        );
        let path = directory.path().join("bridge.toml");
        std::fs::write(&path, toml).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let (settings, _) = config::load(&path, std::iter::empty()).unwrap();
        drop(Store::open(&settings.state_dir).unwrap());
        let lines = fill(&settings.state_dir, &letschat);
        let server = WebServer::start(&settings, None).await.unwrap();
        Self { letschat, server, public, lines, directory }
    }

    /// Where the archive is.
    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.directory.path().join("state")
    }
}

fn setup() -> letschat::Setup {
    let person = |name: &str, password: &str| NewUser {
        password: Some(password.to_owned()),
        ..NewUser::new(name, name)
    };
    let room = |slug: &str, name: &str| NewRoom {
        name: name.to_owned(),
        owner: Some("bridge".to_owned()),
        ..NewRoom::new(slug)
    };
    let participants = vec!["david".to_owned()];
    letschat::Setup {
        users: vec![
            NewUser::new("bridge", "bridge"),
            person("david", DAVIDS),
            person("erin", ERINS),
        ],
        rooms: vec![
            room("tea", "Tea & <b>biscuits</b>"),
            NewRoom { private: true, participants, ..room("secret", "Secret") },
            NewRoom { password: Some("sesame".to_owned()), ..room("vault", "Vault") },
        ],
        ..letschat::Setup::default()
    }
}

/// Fills the archive: three years of the room tea, a line of each other room.
fn fill(directory: &Path, letschat: &LetsChat) -> KnownLines {
    let mut archive = Archive::open_or_make(directory).unwrap();
    let lines = archive
        .batch(|batch| {
            let tea = batch.room("tea", Some(&letschat.room_id("tea")))?;
            let secret = batch.room("secret", Some(&letschat.room_id("secret")))?;
            let vault = batch.room("vault", Some(&letschat.room_id("vault")))?;
            let unknown = batch.room("open-to-all", None)?;
            let mut number = 0;
            let mut add = |room, at: &str, author: &str, text: &str| {
                number += 1;
                let line = line(number, at.parse().unwrap(), author, text);
                batch
                    .add(&NewArchiveLine { room, ..line })
                    .map(|_| ArchiveLineId::new(at.parse().unwrap(), number))
            };
            for day in 0..400 {
                let start: Timestamp = "2013-01-07T08:00:00Z".parse().unwrap();
                let morning = start + SignedDuration::from_hours(24 * i64::from(day));
                for n in 0..=(day * 7 % 12) {
                    let at = morning + SignedDuration::from_mins(i64::from(n) * 3);
                    let author = ["ann", "bob", "carla"][usize::try_from(n).unwrap() % 3];
                    add(tea, &at.to_string(), author, &format!("line {n} of day {day}, tea"))?;
                }
            }
            let busy: Timestamp = "2014-03-03T08:00:00Z".parse().unwrap();
            for n in 0..700 {
                let at = busy + SignedDuration::from_secs(n * 20);
                add(tea, &at.to_string(), "bob", &format!("busy {n}"))?;
            }
            let open = add(
                tea,
                "2015-05-04T10:11:12.345Z",
                "ann_",
                "the kettle is on, see https://tea.example/?a=1",
            )?;
            let evil = add(tea, "2015-05-04T10:12:00Z", "<b>mallory</b>", EVIL)?;
            add(
                tea,
                "2015-05-04T10:12:30Z",
                "=cmd|' /C calc'!A0",
                "=HYPERLINK(\"http://evil.example\",\"x\")",
            )?;
            add(tea, "2015-05-04T10:12:40Z", "bob", "two\nlines, \u{2}bold\u{2} \u{3}4red\u{3}")?;
            let gone = add(tea, "2015-05-04T10:13:00Z", "carla", "my password is hunter2")?;
            let secret = add(secret, "2015-05-04T10:14:00Z", "ann", "the secret kettle")?;
            let vault =
                add(vault, "2015-05-04T10:15:00Z", "vaultdweller", "the kettle in the vault")?;
            add(unknown, "2015-05-04T10:16:00Z", "ann", "the kettle of nobody")?;
            Ok(KnownLines { open, evil, gone, secret, vault })
        })
        .unwrap();
    let order = RedactionOrder {
        at: "2016-01-01T12:00:00Z".parse().unwrap(),
        by: "keeper".to_owned(),
        reason: Some("asked to".to_owned()),
    };
    let (redaction, counts) = archive.plan_lines(&[lines.gone], &order).unwrap();
    assert_eq!(counts, [archive.redact(&redaction).unwrap()]);
    lines
}

fn line(number: u64, at: Timestamp, author: &str, text: &str) -> NewArchiveLine {
    // ann is also ann_.
    let person = author.trim_end_matches('_');
    let mark =
        |nick: &str| PersonMark::Nick { network: "libera".to_owned(), nick: nick.to_owned() };
    let marks = PersonMarks { sure: vec![mark(person), mark(author)], likely: Vec::new() };
    NewArchiveLine {
        id: ArchiveLineId::new(at, number),
        twin: None,
        room: letsbridge::store::archive::ArchiveRoomId(0),
        place: "libera/#tea".to_owned(),
        author: Some(NewSpeaker {
            scope: "libera".to_owned(),
            name: author.to_owned(),
            person_name: person.to_owned(),
            marks,
        }),
        precision: if number.is_multiple_of(5) {
            LogPrecision::Minute
        } else {
            LogPrecision::Exact
        },
        kind: ArchiveLineKind::Said(MessageKind::Text),
        text: text.to_owned(),
        origin: LineOrigin::Imported,
    }
}
