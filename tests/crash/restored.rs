//! The last backup, restored elsewhere, runs between the same servers: nothing that was mirrored comes again, none of it
//! is taken for people's words, and what is said from then on arrives.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::administrator::run;
use super::fixture::{Stage, Variant, channels, is_channel, roads, rooms, word};
use super::program::Program;
use super::record::Record;
use super::speakers::Chorus;
use super::{PATIENCE, arrives};

/// How long words may take to arrive everywhere before others are said. What is said while both sides are read may
/// count as doubtful, and is not mirrored then. It is longer than lines wait for others of one paste.
const HEARD_WITHIN: Duration = Duration::from_secs(4);

/// How often people speak before the bridge must be listening.
const TRIES: usize = 15;

/// Restores `backup`, starts the bridge on it and stops it again. Gives what is wrong. The bridge that made the backup
/// has stopped.
pub(crate) async fn judge(stage: &Stage, chorus: &Chorus<'_>, backup: &Path) -> Vec<String> {
    let everywhere = [channels(), rooms()].concat();
    let before: Vec<_> = everywhere.iter().map(|place| stage.texts(place)).collect();
    let mut program = Program::new(&stage.config(Variant::default()));
    let end = run(program.directory(), &["restore", &backup.display().to_string()]).await;
    assert!(end.status.success(), "letsbridge restore: {end:?}");
    program.start().await;
    timeout(PATIENCE, program.ready()).await.expect("all links are up in time");
    let mut complaints = Vec::new();
    let said = speak(stage, chorus).await;
    let Some(said) = said else {
        return vec![format!(
            "the restored bridge does not listen; see {}",
            program.keep().display()
        )];
    };
    if !program.stop().await.success() {
        complaints.push("the restored bridge did not stop well".to_owned());
    }
    for (place, before) in everywhere.iter().zip(before) {
        let now = stage.texts(place);
        let (old, new) = now.split_at(before.len().min(now.len()));
        if old != before {
            complaints.push(format!("{place}: what was there has changed"));
        }
        complaints.extend(strays(place, new, said));
    }
    if !complaints.is_empty() {
        println!("state and log of the restored bridge are in {}", program.keep().display());
    }
    complaints
}

/// People speak in every place until what they say arrives on every road. Gives how often they did; `None` if too often.
async fn speak(stage: &Stage, chorus: &Chorus<'_>) -> Option<usize> {
    let begins = [rooms(), channels()].concat();
    for number in 0..TRIES {
        chorus.everywhere(|place| words(place, number), &mut Record::default());
        let heard = async {
            for (from, to) in roads().into_iter().filter(|(from, _)| begins.contains(from)) {
                arrives(stage, to, &words(from, number)).await;
            }
        };
        if timeout(HEARD_WITHIN, heard).await.is_ok() {
            println!(
                "what people say for the {}. time is heard by the restored bridge",
                number + 1
            );
            return Some(number + 1);
        }
    }
    None
}

fn words(place: &str, number: usize) -> String {
    format!("{} restored {number}.", word(place))
}

/// What of `new` was not said after the restoration, `times` times in each place, or comes twice.
fn strays(place: &str, new: &[String], times: usize) -> Vec<String> {
    let own = (!is_channel(place)).then_some(place);
    let from = roads().into_iter().filter(|(_, to)| *to == place).map(|(from, _)| from).chain(own);
    let mut said: Vec<String> =
        from.flat_map(|from| (0..times).map(move |number| words(from, number))).collect();
    let mut strays = Vec::new();
    for text in new {
        match said.iter().position(|it| it == text) {
            Some(at) => drop(said.swap_remove(at)),
            None => strays.push(format!("{place}: the restored bridge repeats {text:?}")),
        }
    }
    strays
}
