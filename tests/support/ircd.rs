//! A real IRC server, ngIRCd, InspIRCd or ircd-hybrid, run as a child process in a directory of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

pub(crate) use super::ircd_config::{KEYS, OPERATOR};
use super::ircd_config::{Ports, hybrid, inspircd, ngircd};

/// How long a server may take until it accepts.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How often to try again where a port was taken between our choosing it and the server's listening.
const STARTS: usize = 3;

const CONFIGURATION: &str = "ircd.conf";
const LOG: &str = "ircd.log";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Daemon {
    Ngircd,
    Inspircd,
    Hybrid,
}

/// What the server does with a client that sends much at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// Nothing: for measuring throughput.
    Allowed,
    /// What it does as delivered. ngIRCd reads on with about three commands a second; InspIRCd lets
    /// some ten pass, then one a second, and ends a connection with over 4096 bytes waiting; ircd-hybrid
    /// does so with over 2560.
    AsDelivered,
}

/// How a server is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    pub(crate) flood: Flood,
    /// What everybody must say to be let in.
    pub(crate) password: Option<&'static str>,
    /// How many may come from one address.
    pub(crate) from_one_address: Option<u32>,
    /// What else stands in InspIRCd's configuration.
    pub(crate) inspircd: &'static str,
    /// What else stands in ircd-hybrid's.
    pub(crate) hybrid: &'static str,
}

impl House {
    pub(crate) fn open(flood: Flood) -> Self {
        Self { flood, password: None, from_one_address: None, inspircd: "", hybrid: "" }
    }
}

/// A server that accepts; killed when dropped.
pub(crate) struct Ircd {
    daemon: Daemon,
    ports: Ports,
    // Before the directory: the process ends first.
    process: Process,
    directory: TempDir,
}

impl Ircd {
    /// Runs `daemon` and returns when it accepts.
    ///
    /// Panics where it is not installed or will not run, with what it printed.
    pub(crate) async fn start(daemon: Daemon, flood: Flood) -> Self {
        Self::keep(daemon, House::open(flood)).await
    }

    /// As [`start`](Self::start), kept as `house` says.
    pub(crate) async fn keep(daemon: Daemon, house: House) -> Self {
        let directory = tempfile::Builder::new().prefix("ircd-").tempdir().unwrap();
        // ngIRCd started by root becomes another user, who must be able to read.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        write_certificate(directory.path());
        for _ in 0..STARTS {
            let ports = free_ports();
            let text = match daemon {
                Daemon::Ngircd => ngircd(directory.path(), ports, house),
                Daemon::Inspircd => inspircd(directory.path(), ports, house),
                Daemon::Hybrid => hybrid(directory.path(), ports, house),
            };
            fs::write(directory.path().join(CONFIGURATION), text).unwrap();
            let mut process = Process::spawn(daemon, directory.path());
            if ready(&mut process, ports).await {
                return Self { daemon, ports, process, directory };
            }
        }
        panic!("{daemon:?} does not accept; it printed:\n{}", printed(directory.path()));
    }

    /// Ends the process as a crash would: nothing more is sent, the connections break.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Runs the killed server again, on the same ports and with the same configuration.
    pub(crate) async fn start_again(&mut self) {
        self.process = Process::spawn(self.daemon, self.directory.path());
        let up = ready(&mut self.process, self.ports).await;
        assert!(up, "{:?} does not accept again:\n{}", self.daemon, printed(self.directory.path()));
    }

    /// Where it listens without TLS.
    pub(crate) fn plain(&self) -> SocketAddr {
        self.ports.plain
    }

    /// Where it listens with TLS, as `localhost`.
    pub(crate) fn tls(&self) -> SocketAddr {
        self.ports.tls
    }

    /// Where other servers come to, on InspIRCd.
    pub(crate) fn link(&self) -> SocketAddr {
        self.ports.link
    }

    /// Which it is.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon
    }

    /// What it is called among servers.
    pub(crate) fn name(&self) -> &'static str {
        match self.daemon {
            Daemon::Ngircd => "ngircd.example",
            Daemon::Inspircd => "inspircd.example",
            Daemon::Hybrid => "hybrid.example",
        }
    }

    /// The certificate it shows (PEM), which signed itself.
    pub(crate) fn certificate(&self) -> PathBuf {
        certificate(self.directory.path())
    }
}

/// A child process that does not outlive its owner.
struct Process(Child);

impl Process {
    fn spawn(daemon: Daemon, directory: &Path) -> Self {
        let log = File::options().create(true).append(true).open(directory.join(LOG)).unwrap();
        let root = geteuid().is_root();
        let mut command = Command::new(program(daemon, directory));
        match daemon {
            Daemon::Hybrid => {
                // It refuses root whatever it is told.
                if root {
                    give_to_nobody(directory);
                    command.uid(NOBODY).gid(NOBODY);
                }
                for name in ["pid", "log", "kline", "dline", "xline", "resv"] {
                    command.arg(format!("-{name}file")).arg(directory.join(format!("own.{name}")));
                }
                command.args(["-foreground", "-configfile"])
            }
            Daemon::Ngircd => command.args(["--nodaemon", "--config"]),
            Daemon::Inspircd => {
                // InspIRCd refuses root unless told otherwise, and root is who a container's tests are.
                command.args(root.then_some("--runasroot"));
                command.args(["--nofork", "--nopid", "--config"])
            }
        };
        command.arg(directory.join(CONFIGURATION)).current_dir(directory).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("{daemon:?} must be installed for this test: {error}"),
        }
    }

    fn kill(&mut self) {
        // An error means that it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian keeps daemons in `/usr/sbin`, which only root has on the PATH.
fn program(daemon: Daemon, directory: &Path) -> PathBuf {
    let name = match daemon {
        Daemon::Ngircd => "ngircd",
        Daemon::Inspircd => "inspircd",
        Daemon::Hybrid => "ircd-hybrid",
    };
    let installed = Path::new("/usr/sbin").join(name);
    if installed.exists() {
        return installed;
    }
    match daemon {
        Daemon::Hybrid if Path::new(UNPACKED).exists() => unpacked_hybrid(directory),
        _ => name.into(),
    }
}

/// Where `tests/all` puts the server that Debian does not install beside the others.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/ircd-hybrid/ready");

/// It finds its modules where it runs. They are copied, for who it runs as may not read below `target/`; and not
/// by ourselves, for nobody may run what somebody still writes: a child just forked has our files open.
fn unpacked_hybrid(directory: &Path) -> PathBuf {
    let program = directory.join("ircd-hybrid");
    if !program.exists() {
        let copied =
            Command::new("cp").arg("-r").arg(format!("{UNPACKED}/.")).arg(directory).status();
        assert!(copied.is_ok_and(|it| it.success()), "{UNPACKED} cannot be copied");
    }
    program
}

/// Who servers run as that refuse to be root.
const NOBODY: u32 = 65_534;

fn give_to_nobody(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// Waits until both ports accept; `false` where the process ended instead.
async fn ready(process: &mut Process, ports: Ports) -> bool {
    let accepts = async {
        let mut again = interval(Duration::from_millis(20));
        loop {
            again.tick().await;
            if process.0.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(ports.plain).await.is_ok()
                && TcpStream::connect(ports.tls).await.is_ok()
            {
                return true;
            }
        }
    };
    timeout(START_LIMIT, accepts).await.unwrap_or(false)
}

fn free_ports() -> Ports {
    // All are held until all are known, or the second could be the first again.
    let held = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [plain, tls, link] = held.each_ref().map(|listener| listener.local_addr().unwrap());
    Ports { plain, tls, link }
}

fn certificate(directory: &Path) -> PathBuf {
    directory.join("certificate.pem")
}

fn write_certificate(directory: &Path) {
    let own = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    fs::write(certificate(directory), own.cert.pem()).unwrap();
    fs::write(directory.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
}

fn printed(directory: &Path) -> String {
    let read = |name| fs::read(directory.join(name)).unwrap_or_default();
    String::from_utf8_lossy(&[read(LOG), read("own.log")].concat()).into_owned()
}
