//! A PostgreSQL of the tests' own: on a free port, in a temporary directory, gone with the process that has started it.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server.
#[derive(Debug)]
pub struct PostgresServer {
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    /// Ends the server and removes its directory once this process is gone.
    guard: Child,
}

impl PostgresServer {
    /// The server that all tests of this program share.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<PostgresServer> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or cannot be started.
    #[must_use]
    pub fn start() -> Self {
        // What survives a crash of the machine is not what is tested.
        Self::start_with("fsync = off\nfull_page_writes = off\nmax_connections = 200\n")
    }

    /// Starts a server that writes to the disk as it does by default: for tests that crash it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or cannot be started.
    #[must_use]
    pub fn start_durable() -> Self {
        Self::start_with("")
    }

    fn start_with(settings: &str) -> Self {
        let server = Self::make("letsbridge-postgres");
        server.program(
            "initdb",
            &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"],
        );
        server.allow("host all with_password 127.0.0.1/32 scram-sha-256\n");
        server.configure(settings);
        server.go_on();
        server
    }

    /// Starts a server with TLS, and this certificate and key.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let server = Self::start();
        server.crash();
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let path = server.data().join(name);
            fs::write(&path, content).expect("can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("is ours");
            give_away(&path);
        }
        server.configure("ssl = on\n");
        server.go_on();
        server
    }

    /// Starts a standby of this server, which takes no writes.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_standby(&self) -> Self {
        let standby = Self::make("letsbridge-standby");
        self.sql("postgres", "CHECKPOINT");
        let (port, directory) = (self.port.to_string(), standby.data());
        let directory = directory.to_string_lossy().into_owned();
        let ok = standby
            .as_other("pg_basebackup")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-D",
                &directory,
                "-R",
                "-c",
                "fast",
                "--no-sync",
            ])
            .status();
        assert!(ok.is_ok_and(|status| status.success()), "pg_basebackup failed");
        standby.configure("");
        standby.go_on();
        standby
    }

    /// From now on, commits of this server wait until a [standby](Self::start_standby) has them.
    ///
    /// # Panics
    /// When there is no standby.
    pub fn wait_for_standby(&self) {
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let since = Instant::now();
        let states = "SELECT string_agg(sync_state, ' ') FROM pg_stat_replication";
        while self.sql("postgres", states) != "sync" {
            assert!(since.elapsed() < PATIENCE, "no standby is synchronous");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes a standby a primary server.
    ///
    /// # Panics
    /// When it cannot become one.
    pub fn promote(&self) {
        self.program("pg_ctl", &["promote", "-w", "-s"]);
    }

    /// What it has logged since it was made.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// A directory and a port, and what removes them.
    fn make(name: &str) -> Self {
        let programs = find_programs();
        let number = fastrand::u32(..);
        let directory = env::temp_dir().join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir(&directory).expect("a temporary directory");
        give_away(&directory);
        let port = free_port();
        let guard = Command::new("sh")
            .arg("-c")
            // Its input ends with this process.
            .arg(format!(
                "trap '' INT TERM HUP; read gone; kill $(cat {dir}/pooler.pid); {} {}/pg_ctl stop -D {dir}/data -m immediate -s; rm -rf {dir}",
                other_user().join(" "),
                programs.display(),
                dir = directory.display(),
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        Self { directory, programs, port, databases: AtomicU32::new(0), guard }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its directory, which the tests may use, too.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The URL of a database of this server, for its administrator.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Makes a database and returns its name.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn create_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Executes statements by `psql`, and returns what it prints.
    ///
    /// # Panics
    /// When one of them fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let output = Command::new(self.programs.join("psql"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", database])
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .stdin(Stdio::null())
            .output()
            .expect("psql");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Puts a rule before those of `pg_hba.conf`.
    fn allow(&self, rule: &str) {
        let path = self.data().join("pg_hba.conf");
        let rules = fs::read_to_string(&path).expect("is there");
        fs::write(&path, format!("{rule}{rules}")).expect("can be written");
    }

    fn configure(&self, settings: &str) {
        let path = self.data().join("postgresql.auto.conf");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let (port, sockets) = (self.port, self.directory.display());
        let own = format!(
            "port = {port}\nunix_socket_directories = '{sockets}'\nlisten_addresses = '127.0.0.1'\n"
        );
        fs::write(&path, format!("{before}{own}{settings}")).expect("can be written");
    }

    /// Stops the server as if it had crashed.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn crash(&self) {
        self.program("pg_ctl", &["stop", "-m", "immediate", "-s"]);
    }

    /// Starts the server again, and waits until it takes connections.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn go_on(&self) {
        let log = self.directory.join("log").to_string_lossy().into_owned();
        self.program("pg_ctl", &["start", "-w", "-s", "-l", &log]);
    }

    /// Makes all of its processes stand still, their sockets open, as on a machine that is paused.
    ///
    /// # Panics
    /// When there is no server, or `kill` fails.
    pub fn stand_still(&self) {
        // The first one starts the others: when it stands still, no more of them come.
        let first = self.first_process();
        signal("-STOP", &[first]);
        signal("-STOP", &children(first));
    }

    /// Lets a server go on that [stands still](Self::stand_still).
    ///
    /// # Panics
    /// When there is no server, or `kill` fails.
    pub fn move_again(&self) {
        let first = self.first_process();
        signal("-CONT", &children(first));
        signal("-CONT", &[first]);
    }

    fn first_process(&self) -> u32 {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("has a number")
    }

    /// Runs one of PostgreSQL's programs on this server.
    fn program(&self, name: &str, arguments: &[&str]) {
        let output = self
            .as_other(name)
            .args(arguments)
            .arg("-D")
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .expect("it is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {errors}");
    }

    /// A program of PostgreSQL, by a user that it likes: it refuses root.
    fn as_other(&self, name: &str) -> Command {
        let program = self.programs.join(name).to_string_lossy().into_owned();
        let mut words = other_user();
        words.push(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.directory);
        command
    }

    /// Starts a connection pooler before this server: PgBouncer in transaction mode. Returns its port.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_pooler(&self) -> u16 {
        let port = free_port();
        let directory = self.directory.display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\nlogfile = {directory}/pooler.log\n\
             pidfile = {directory}/pooler.pid\n",
            self.port
        );
        // It takes `any` only with a user of the server's.
        let settings = settings.replace("port=", "user=postgres port=");
        let path = self.directory.join("pooler.ini");
        fs::write(&path, settings).expect("can be written");
        let mut words = other_user();
        words.extend(["env", "PATH=/usr/sbin:/usr/bin:/bin", "pgbouncer", "-d"].map(str::to_owned));
        words.push(path.to_string_lossy().into_owned());
        let status = Command::new(&words[0]).args(&words[1..]).status();
        assert!(status.is_ok_and(|status| status.success()), "pgbouncer");
        wait_for_port(port);
        port
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Sends a signal to processes; some of them may have ended.
fn signal(signal: &str, processes: &[u32]) {
    let numbers = processes.iter().map(u32::to_string);
    let ended = Command::new("kill").arg(signal).args(numbers).stderr(Stdio::null()).status();
    let _ = ended.expect("kill");
}

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Behind its name, which may have any characters: its state, and who has started it.
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        behind_name.split_whitespace().nth(1).and_then(|it| it.parse().ok()) == Some(parent)
    };
    numbers.filter(is_child).collect()
}

fn wait_for_port(port: u16) {
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < PATIENCE, "nothing listens on port {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The words before a command that root lets another user execute.
fn other_user() -> Vec<String> {
    let id = Command::new("id").arg("-u").output().expect("id").stdout;
    if String::from_utf8_lossy(&id).trim() != "0" {
        return vec!["env".to_owned()];
    }
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        .map(str::to_owned)
        .to_vec()
}

/// Gives a file or a directory to that user.
fn give_away(path: &Path) {
    if other_user().len() > 1 {
        let status = Command::new("chown").arg("postgres:postgres").arg(path).status();
        assert!(status.is_ok_and(|status| status.success()), "chown");
    }
}

/// Where PostgreSQL's programs are: the newest version.
fn find_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin"));
    let mut programs: Vec<_> = programs.filter(|bin| bin.join("initdb").exists()).collect();
    programs.sort();
    programs.pop().expect("PostgreSQL is installed (Debian: postgresql)")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("has an address").port()
}

/// Stands between a node and PostgreSQL, and can cut the connections, stop passing anything on, or lose an answer.
#[derive(Debug, Clone)]
pub struct PostgresProxy {
    port: u16,
    faults: Arc<Mutex<ProxyFaults>>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

/// What the proxy does wrong.
#[derive(Debug, Default)]
struct ProxyFaults {
    /// Everything is cut off: neither closed nor passed on.
    cut_off: bool,
    /// The next request with these bytes is lost with its connection: before it reaches the server, or its answer.
    lose: Option<(Vec<u8>, LostPart)>,
}

/// What is lost of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostPart {
    /// The request: the server never gets it.
    Request,
    /// The answer: the server has done it.
    Answer,
    /// Nothing, but from this request on everything is cut off.
    Everything,
}

impl PostgresProxy {
    /// Starts a proxy before that server.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(server: &PostgresServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("has an address").port();
        let proxy = Self { port, faults: Arc::default(), streams: Arc::default() };
        let (shared, server) = (proxy.clone(), server.port());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                shared.pass_on(client, server);
            }
        });
        proxy
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts everything off, or lets it through again.
    ///
    /// # Panics
    /// When a thread of the proxy has.
    pub fn set_cut_off(&self, cut_off: bool) {
        self.faults.lock().expect("no panic").cut_off = cut_off;
    }

    /// Ends all connections at once, on both sides. Others can be made.
    ///
    /// # Panics
    /// When a thread of the proxy has.
    pub fn cut(&self) {
        for stream in self.streams.lock().expect("no panic").drain(..) {
            // It may have ended.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Loses the next request that has these bytes, or its answer, and the connection.
    ///
    /// # Panics
    /// When a thread of the proxy has.
    pub fn lose(&self, request: &[u8], part: LostPart) {
        self.faults.lock().expect("no panic").lose = Some((request.to_owned(), part));
    }

    /// Whether the next loss is still to come.
    ///
    /// # Panics
    /// When a thread of the proxy has.
    #[must_use]
    pub fn is_loss_due(&self) -> bool {
        self.faults.lock().expect("no panic").lose.is_some()
    }

    fn wait_while_cut_off(&self) {
        while self.faults.lock().expect("no panic").cut_off {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What is to be lost of these bytes of a client.
    fn lost_part(&self, bytes: &[u8]) -> Option<LostPart> {
        let mut faults = self.faults.lock().expect("no panic");
        let (request, part) = faults.lose.as_ref()?;
        let part = *part;
        bytes.windows(request.len()).any(|window| window == request).then(|| {
            faults.lose = None;
            faults.cut_off |= part == LostPart::Everything;
            part
        })
    }

    fn pass_on(&self, client: TcpStream, server: TcpStream) {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let clone = |stream: &TcpStream| stream.try_clone().expect("a clone");
        let (mut from_server, mut to_client) = (clone(&server), clone(&client));
        {
            let mut streams = self.streams.lock().expect("no panic");
            // Those that have ended have no peer.
            streams.retain(|stream| stream.peer_addr().is_ok());
            streams.extend([clone(&server), clone(&client)]);
        }
        let mute = Arc::new(AtomicBool::new(false));
        let (back, is_mute) = (self.clone(), mute.clone());
        thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                back.wait_while_cut_off();
                if is_mute.load(Ordering::Acquire) {
                    // The answer has come: it is lost with the connection.
                    break;
                }
                if to_client.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            // An end does not come through either.
            back.wait_while_cut_off();
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let there = self.clone();
        thread::spawn(move || {
            let (mut client, mut server) = (client, server);
            let mut buffer = [0; 65_536];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                let lost = there.lost_part(&buffer[..length]);
                there.wait_while_cut_off();
                match lost {
                    None | Some(LostPart::Everything) => {}
                    Some(LostPart::Request) => break,
                    Some(LostPart::Answer) => mute.store(true, Ordering::Release),
                }
                if server.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            there.wait_while_cut_off();
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Both);
        });
    }
}
