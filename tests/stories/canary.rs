//! The canary: messages of the bridge's own show whether messages arrive.

use letsbridge::bridge::{BridgeReport, CanaryDirectionReport, ControlReply, ControlRequest};

use crate::harness::World;

#[track_caller]
fn report(world: &mut World) -> BridgeReport {
    match world.control(ControlRequest::Report) {
        Ok(ControlReply::Report(report)) => *report,
        answer => panic!("{answer:?}"),
    }
}

const IN: &str = r#"
    lc connects
    lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"canary"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["rooms:join","r2"]
    lc < 43#[{"id":"r2","slug":"canary"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
    lc < 43#[[]]
    lc > 42#["messages:list",{"reverse":true,"room":"r2","take":1}]
    lc < 43#[[]]
    irc connects
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea,#canary
    irc < :bridge!b@host JOIN #tea
    irc < :irc.example 353 bridge = #tea :bridge ann
    irc < :irc.example 366 bridge #tea :End of /NAMES list
    irc < :bridge!b@host JOIN #canary
    irc < :irc.example 353 bridge = #canary :bridge
    irc < :irc.example 366 bridge #canary :End of /NAMES list
"#;

#[test]
fn first() {
    let mut world = World::new(&["office/#tea tea"]).unpaced().with_canary();
    world.tell(IN);
    world.tell("wait 2s");
    println!("{:?}", world.sent());
    println!("{:?}", report(&mut world).canary);
}
