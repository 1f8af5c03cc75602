//! Long messages of people in a room, many in a row, heard as they are said or read after an absence.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::timeout;

use super::figures::Figures;
use super::victim::{TWO, Victim};

/// How long it may take until all of them are there.
const LIMIT: Duration = Duration::from_secs(120);

/// The channel that is linked with the room of the long messages.
const THREE: &str = "[[link]]\nchannel = \"good/#three\"\nroom = \"bad\"\n";

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    many: usize,
    /// How long each of them is.
    bytes: usize,
    /// Whether they are said while the bridge is away.
    missed: bool,
}

/// All of them.
pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "30 messages of 1 MB in a row", many: 30, bytes: 1_000_000, missed: false },
    Attack { name: "5 messages of 15 MB in a row", many: 5, bytes: 15_000_000, missed: false },
    Attack { name: "100 messages of 200 kB were missed", many: 100, bytes: 200_000, missed: true },
    Attack { name: "3 messages of 15 MB were missed", many: 3, bytes: 15_000_000, missed: true },
];

pub(crate) async fn attacked(attack: &Attack) -> Figures {
    let victim = Victim::start(&format!("{TWO}{THREE}")).await;
    let ann = victim.irc.virtual_user("ann");
    ann.join("#three");
    victim.irc.wait_for_join("#three", "bridge").await;
    victim.letschat.wait_for_join("bad", "bridge").await;
    // What was said before this is history.
    victim.letschat.post("bad", "alice", "it begins");
    let heard =
        ann.wait_for_messages("#three", |all| all.iter().any(|it| it.text.ends_with("it begins")));
    timeout(LIMIT, heard).await.expect("it is heard");
    if attack.missed {
        victim.letschat.faults().upgrades_fail(Some(StatusCode::SERVICE_UNAVAILABLE));
        victim.letschat.cut();
    }
    let text = "a long line\n".repeat(attack.bytes / 12);
    for _ in 0..attack.many {
        victim.letschat.post("bad", "alice", &text);
    }
    victim.letschat.post("bad", "alice", "that was all");
    victim.letschat.faults().upgrades_fail(None);
    let over = AtomicBool::new(false);
    let ending = async {
        let heard = ann.wait_for_messages("#three", |all| {
            all.iter().any(|it| it.text.ends_with("that was all"))
        });
        let heard = timeout(LIMIT, heard)
            .await
            .map(|all| all.iter().filter(|it| it.text.contains(" more lines")).count());
        over.store(true, Ordering::Relaxed);
        heard
    };
    let (worst, heard) = tokio::join!(victim.probe_channels(&over), ending);
    let mut figures = victim.end(attack.name, worst).await;
    figures.said = (attack.many * attack.bytes) as u64;
    if heard != Ok(attack.many) {
        figures.fault = Some(format!("of {} messages, there are {heard:?}", attack.many));
    }
    figures
}
