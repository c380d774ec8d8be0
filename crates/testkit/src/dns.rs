//! Name servers: Knot DNS as the authority for zones, Unbound as the validating resolver in front of it.
//!
//! Nobody asks the real root: Unbound is told where each zone is, and by which key its signatures are to be checked.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::folder::Folder;
use crate::peers;
use crate::process::Child;

const PATIENCE: Duration = Duration::from_secs(20);

/// How a zone is signed, and what the resolver is told of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// It is not.
    Unsigned,
    /// As it should be.
    Signed,
    /// With a key that is not the one which the resolver trusts: whatever it says is bogus.
    Bogus,
}

/// A zone.
#[derive(Clone, Copy, Debug)]
pub struct Zone<'a> {
    /// Such as `signed.test`.
    pub name: &'a str,
    /// How it is signed.
    pub signing: Signing,
    /// Lines of a zone file. A SOA and an NS record are put before them.
    pub records: &'a str,
}

/// A running Knot DNS of this test's own, on the loopback interface; ended when dropped.
#[derive(Debug)]
pub struct Authority {
    process: Child,
    address: SocketAddr,
    /// Trust anchors, as lines of a zone file.
    anchors: Vec<String>,
    zones: Vec<String>,
    _folder: Folder,
}

/// A running Unbound of this test's own, on the loopback interface; ended when dropped.
#[derive(Debug)]
pub struct Resolver {
    process: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Authority {
    /// Serves these zones.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(zones: &[Zone<'_>]) -> Result<Self, String> {
        let (knotd, keymgr) = (program("knotd")?, program("keymgr")?);
        patiently(|| Self::launch(&knotd, &keymgr, zones))
    }

    fn launch(knotd: &Path, keymgr: &Path, zones: &[Zone<'_>]) -> Result<Self, String> {
        let folder = Folder::new();
        fs::create_dir(folder.join("db")).map_err(|e| format!("{}: {e}", folder.display()))?;
        for zone in zones {
            write(&folder.join(format!("{}.zone", zone.name)), &zone_file(zone))?;
        }
        let port = free_port();
        let config = folder.join("knot.conf");
        write(&config, &knot_config(&folder, port, zones))?;
        let mut process = Child::spawn("knotd", Command::new(knotd).arg("-c").arg(&config))?;
        let is_ready = |child: &Child| zones.iter().all(|zone| is_loaded(&child.output(), zone));
        process.wait_until("all zones loaded", PATIENCE, is_ready)?;
        if process.output().contains("cannot bind") {
            return Err(process.output());
        }
        let anchors = zones.iter().map(|zone| anchor(keymgr, &config, zone)).collect::<Result<Vec<_>, _>>()?;
        let zones = zones.iter().map(|zone| zone.name.to_owned()).collect();
        let anchors = anchors.into_iter().flatten().collect();
        Ok(Self { process, address: local(port), anchors, zones, _folder: folder })
    }

    /// Where it answers, over UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}

impl Resolver {
    /// Answers for the zones of an authority, by asking it, and for others, which it is asked for and does not have.
    /// The lines of `config` stand in the section `server:`.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(authority: Option<(&Authority, &[&str])>, config: &str) -> Result<Self, String> {
        let unbound = program("unbound")?;
        patiently(|| Self::launch(&unbound, authority, config))
    }

    fn launch(unbound: &Path, authority: Option<(&Authority, &[&str])>, config: &str) -> Result<Self, String> {
        let folder = Folder::new();
        let unbound = unconfined(unbound, &folder)?;
        let port = free_port();
        let file = folder.join("unbound.conf");
        write(&file, &unbound_config(&folder, port, authority, config))?;
        let mut process = Child::spawn("unbound", Command::new(unbound).arg("-d").arg("-c").arg(&file))?;
        process.wait_until("started", PATIENCE, |child| child.output().contains("start of service"))?;
        Ok(Self { process, address: local(port), _folder: folder })
    }

    /// Where it answers, over UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}

/// Debian keeps servers where only root's `PATH` leads.
fn program(name: &str) -> Result<PathBuf, String> {
    let aside = Path::new("/usr/sbin").join(name);
    peers::system(name).or_else(|why| if aside.is_file() { Ok(aside) } else { Err(why) })
}

/// Where AppArmor is at work, Debian's profile lets `/usr/sbin/unbound` read its own folders only; it knows the program by
/// its place, so there a copy is started.
fn unconfined(program: &Path, folder: &Path) -> Result<PathBuf, String> {
    if !fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|enabled| enabled.starts_with('Y')) {
        return Ok(program.to_owned());
    }
    let copy = folder.join("unbound");
    fs::copy(program, &copy).map_err(|e| format!("{} cannot be copied: {e}", program.display()))?;
    Ok(copy)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Somebody else may take the port between its being found free and its being used.
fn patiently<T>(start: impl Fn() -> Result<T, String>) -> Result<T, String> {
    start().or_else(|_| start()).or_else(|_| start())
}

/// A port that was free a moment ago, for UDP and for TCP: neither server says which one it got when it is given 0.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn zone_file(zone: &Zone<'_>) -> String {
    format!(
        "$ORIGIN {}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 604800 300\n@ NS ns1\nns1 A 127.0.0.1\n{}\n",
        zone.name, zone.records
    )
}

fn knot_config(folder: &Path, port: u16, zones: &[Zone<'_>]) -> String {
    let folder = folder.display();
    let mut config = format!(
        "server:\n  listen: 127.0.0.1@{port}\n  rundir: {folder}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\n\
         log:\n  - target: stdout\n    any: info\n\
         database:\n  storage: {folder}/db\n  journal-db-max-size: 8M\n  kasp-db-max-size: 8M\n  timer-db-max-size: 2M\n\
         policy:\n  - id: signed\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n\
         template:\n  - id: default\n    storage: {folder}\n    file: \"%s.zone\"\n    zonefile-sync: -1\n\
         zone:\n"
    );
    for zone in zones {
        let _ = writeln!(config, "  - domain: {}", zone.name);
        if zone.signing != Signing::Unsigned {
            config.push_str("    dnssec-signing: on\n    dnssec-policy: signed\n");
        }
    }
    config
}

/// Knot says so last, after it has signed the zone.
fn is_loaded(log: &str, zone: &Zone<'_>) -> bool {
    log.contains(&format!("[{}.] loaded, ", zone.name))
}

fn anchor(keymgr: &Path, config: &Path, zone: &Zone<'_>) -> Result<Option<String>, String> {
    if zone.signing == Signing::Unsigned {
        return Ok(None);
    }
    let output = Command::new(keymgr).arg("-c").arg(config).args([zone.name, "ds"]).output();
    let output = output.map_err(|e| format!("keymgr cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let of_sha_256 = |line: &&str| line.split_whitespace().nth(4) == Some("2");
    let line = text.lines().find(of_sha_256).ok_or_else(|| format!("keymgr knows no key of {}:\n{text}", zone.name))?;
    Ok(Some(if zone.signing == Signing::Bogus { with_another_digest(line) } else { line.to_owned() }))
}

fn with_another_digest(record: &str) -> String {
    let turned = |digit: char| if digit == '0' { '1' } else { '0' };
    let (rest, digest) = record.trim().rsplit_once(' ').unwrap_or((record, ""));
    format!("{rest} {}", digest.chars().map(turned).collect::<String>())
}

fn unbound_config(folder: &Path, port: u16, authority: Option<(&Authority, &[&str])>, more: &str) -> String {
    let folder = folder.display();
    let mut config = format!(
        "server:\n  interface: 127.0.0.1\n  port: {port}\n  access-control: 127.0.0.0/8 allow\n  \
         username: \"\"\n  chroot: \"\"\n  directory: \"{folder}\"\n  pidfile: \"{folder}/unbound.pid\"\n  \
         use-syslog: no\n  logfile: \"\"\n  do-daemonize: no\n  so-reuseport: no\n  verbosity: 1\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  local-zone: \"test.\" transparent\n  module-config: \"validator iterator\"\n"
    );
    for anchor in authority.iter().flat_map(|(authority, _)| &authority.anchors) {
        let _ = writeln!(config, "  trust-anchor: \"{anchor}\"");
    }
    for line in more.lines() {
        let _ = writeln!(config, "  {line}");
    }
    config.push_str("remote-control:\n  control-enable: no\n");
    if let Some((authority, others)) = authority {
        let at = authority.address;
        for zone in authority.zones.iter().map(String::as_str).chain(others.iter().copied()) {
            let _ = write!(config, "stub-zone:\n  name: \"{zone}.\"\n  stub-addr: {}@{}\n", at.ip(), at.port());
        }
    }
    config
}
