//! Services that know accounts and nicks: Atheme, run as a child process beside a real IRC server.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::irc_client::{IrcClient, Line};
use super::ircd::{Daemon, Ircd};
use super::ircd_config::{LINK_PASSWORD, SERVICES};

/// How long they may take until they answer.
const START_LIMIT: Duration = Duration::from_secs(60);

const PROGRAM: &str = "/usr/bin/atheme-services";
const CONFIGURATION: &str = "atheme.conf";
const LOG: &str = "atheme.log";

/// What of it the tests need.
const MODULES: &[&str] = &[
    "backend/opensex",
    "crypto/pbkdf2v2",
    "nickserv/main",
    "nickserv/cert",
    "nickserv/enforce",
    "nickserv/ghost",
    "nickserv/identify",
    "nickserv/register",
    "nickserv/status",
    "saslserv/main",
    "saslserv/external",
    "saslserv/plain",
];

/// Services that are there; killed when dropped.
pub(crate) struct Services {
    process: Child,
    directory: TempDir,
}

impl Services {
    /// Runs them beside `server`, and returns when `client` of that server sees NickServ.
    ///
    /// Panics where they are not installed or do not come, with what they printed.
    pub(crate) async fn start(server: &Ircd, client: &mut IrcClient) -> Self {
        let directory = tempfile::Builder::new().prefix("services-").tempdir().unwrap();
        fs::write(directory.path().join(CONFIGURATION), configuration(server)).unwrap();
        let process = spawn(directory.path());
        let mut services = Self { process, directory };
        timeout(START_LIMIT, services.come(client)).await.expect("services come in time");
        services
    }

    async fn come(&mut self, client: &mut IrcClient) {
        loop {
            client.send("PRIVMSG NickServ :STATUS");
            let nobody = |line: &Line| line.command == "401" && line.param(1) == "NickServ";
            let answer =
                client.until("NickServ", |line| line.from == "NickServ" || nobody(line)).await;
            if !nobody(&answer) {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            let log = fs::read(self.directory.path().join(LOG)).unwrap_or_default();
            assert_eq!(ended, None, "no services:\n{}", String::from_utf8_lossy(&log));
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // An error means that they have already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(server: &Ircd) -> String {
    let (protocol, port, casemapping) = match server.daemon() {
        Daemon::Ngircd => ("ngircd", server.plain().port(), "ascii"),
        Daemon::Inspircd => ("inspircd", server.link().port(), "ascii"),
        Daemon::Hybrid => panic!("no services come to ircd-hybrid here"),
    };
    let modules: String = [format!("protocol/{protocol}").as_str()]
        .iter()
        .chain(MODULES)
        .map(|module| format!("loadmodule \"modules/{module}\";\n"))
        .collect();
    format!(
        r#"{modules}
serverinfo {{
    name = "{SERVICES}"; desc = "tests"; numeric = "00A"; netname = "Tests"; casemapping = {casemapping};
    adminname = "tests"; adminemail = "tests@example.com"; registeremail = "tests@example.com";
    auth = none;
}};
general {{ commit_interval = 5; }};
uplink "{name}" {{
    host = "127.0.0.1"; port = {port};
    send_password = "{LINK_PASSWORD}"; receive_password = "{LINK_PASSWORD}";
}};
nickserv {{ nick = "NickServ"; enforce_delay = 1; }};
saslserv {{ nick = "SaslServ"; }};
"#,
        name = server.name(),
    )
}

fn spawn(directory: &Path) -> Child {
    let root = fs::metadata(directory).unwrap().uid() == 0;
    let file = |name: &str| -> PathBuf { directory.join(name) };
    // It wants one to be there.
    fs::write(file("services.db"), "").unwrap();
    let log = File::create(file(LOG)).unwrap();
    let mut command = Command::new(PROGRAM);
    if root {
        // It refuses root, and root is who a container's tests are.
        const NOBODY: u32 = 65_534;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        for entry in fs::read_dir(directory).unwrap() {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    command.arg("-n").arg("-c").arg(file(CONFIGURATION)).arg("-l").arg(file("own.log"));
    command.arg("-p").arg(file("pid")).arg("-D").arg(directory).current_dir(directory);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("atheme-services must be installed for this test: {error}"),
    }
}
