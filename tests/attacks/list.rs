//! What a hostile IRC server may say. A new kind of attack is a new line here.

use super::irc::{Attack, When};

/// An attack by a server that reads on.
const fn saying(name: &'static str, when: When, says: fn(u64) -> String) -> Attack {
    Attack { name, when, says, reads: true }
}

/// An attack by a server that no longer reads.
const fn deaf(name: &'static str, when: When, says: fn(u64) -> String) -> Attack {
    Attack { name, when, says, reads: false }
}

fn long(length: usize) -> String {
    "x".repeat(length)
}

/// A nick that no other number has.
fn nick(number: u64) -> String {
    format!("n{number:x}")
}

use When::{Caps, Connected, Joined, Welcomed};

/// All of them.
pub(crate) const ATTACKS: &[Attack] = &[
    saying("a line without an end", Connected, |_| long(1000)),
    saying("tags without an end", Joined, |n| if n == 0 { "@".into() } else { "a=b;".into() }),
    saying("senseless lines", Joined, |n| format!(":: {n} \u{1} :\r\n")),
    saying("unknown numerics", Joined, |n| format!(":h {:03} bridge :{n}\r\n", 600 + n % 300)),
    saying("lines that are not UTF-8", Joined, |_| ":h 999 \u{85}\u{fffd} :x\r\n".into()),
    saying("empty lines", Joined, |_| "\r\n".into()),
    saying("NOTICEs before the welcome", Connected, |n| format!("NOTICE * :*** wait {n}\r\n")),
    saying("CAP LS that goes on", Caps, |n| format!("CAP * LS * :cap{n}={}\r\n", long(400))),
    saying("CAP LS complete, again and again", Caps, |n| format!("CAP * LS :cap{n} sasl=P{n}\r\n")),
    saying("CAP NEW", Joined, |n| format!("CAP bridge NEW :cap{n} {}\r\n", long(400))),
    saying("CAP NEW of what is known", Joined, |_| "CAP bridge NEW :batch\r\n".into()),
    saying("CAP DEL and NEW in turn", Joined, |n| {
        format!(
            "CAP bridge {} :echo-message server-time\r\n",
            if n % 2 == 0 { "DEL" } else { "NEW" }
        )
    }),
    saying("CAP ACK of what nobody asked", Joined, |n| {
        format!("CAP bridge ACK :cap{n} {}\r\n", long(400))
    }),
    saying("CAP NAK of what nobody asked", Joined, |n| {
        format!("CAP bridge NAK :cap{n} {}\r\n", long(400))
    }),
    saying("CAP LIST that goes on", Joined, |n| {
        format!("CAP bridge LIST * :cap{n} {}\r\n", long(400))
    }),
    saying("a login that goes on", Caps, |n| {
        if n == 0 {
            "CAP * LS :sasl=PLAIN\r\n".into()
        } else {
            format!("AUTHENTICATE {}\r\n", long(400))
        }
    }),
    saying("nick taken, again and again", Connected, |_| ":h 433 * bridge :taken\r\n".into()),
    saying("welcome, again and again", Connected, |n| format!(":h 001 {} :hello\r\n", nick(n))),
    saying("ISUPPORT without an end", Welcomed, |n| {
        format!(":h 005 bridge KEY{n}={} :are\r\n", long(400))
    }),
    saying("PREFIX of 4,000 letters", Welcomed, |_| {
        let letters: String = ('a'..='z').cycle().take(4000).collect();
        let signs: String = ('!'..='/').cycle().take(4000).collect();
        format!(
            ":h 005 bridge PREFIX=({letters}){signs} :are\r\n:h 353 bridge = #bad :{signs}eve\r\n"
        )
    }),
    saying("CHANMODES of 4,000 letters", Welcomed, |_| {
        let letters: String = ('a'..='z').cycle().take(4000).collect();
        format!(
            ":h 005 bridge CHANMODES={letters},{letters},{letters},{letters} :are\r\n\
                 :eve!e@h MODE #bad +{letters} {}\r\n",
            "x ".repeat(2000)
        )
    }),
    saying("message of the day without an end", Welcomed, |_| {
        format!(":h 372 bridge :- {}\r\n", long(400))
    }),
    saying("NAMES without an end", Joined, |n| {
        format!(":h 353 bridge = #bad :{}!u@h\r\n", nick(n))
    }),
    saying("NAMES with hosts of 20 kB", Joined, |n| {
        format!(":h 353 bridge = #bad :{}!u@{}\r\n", nick(n), long(20_000))
    }),
    saying("NAMES of channels that we are not in", Joined, |n| {
        format!(":h 353 bridge = #c{n} :eve bob\r\n")
    }),
    saying("JOINs with hosts of 20 kB", Joined, |n| {
        format!(":{}!u@{} JOIN #bad a :r\r\n", nick(n), long(20_000))
    }),
    saying("JOINs with real names of 4 kB", Joined, |n| {
        format!(":{}!u@h JOIN #bad a{n} :{}\r\n", nick(n), long(4000))
    }),
    saying("JOINs", Joined, |n| format!(":{}!u@h JOIN #bad\r\n", nick(n))),
    saying("our own JOINs of channels we did not ask for", Joined, |n| {
        format!(":bridge!b@h JOIN #c{n}\r\n")
    }),
    saying("JOIN and PART in turn", Joined, |n| {
        format!(":{0}!u@h JOIN #bad\r\n:{0}!u@h PART #bad :{1}\r\n", nick(n), long(300))
    }),
    saying("JOIN and QUIT in turn", Joined, |n| {
        format!(":{0}!u@h JOIN #bad\r\n:{0}!u@h QUIT :{1}\r\n", nick(n), long(300))
    }),
    saying("kicked and back", Joined, |_| {
        ":eve!e@h KICK #bad bridge :out\r\n:bridge!b@h JOIN #bad\r\n".into()
    }),
    saying("one who speaks and changes nick", Joined, |n| {
        format!(":{}!u@h NICK {}\r\n", if n == 0 { "eve".into() } else { nick(n - 1) }, nick(n))
    }),
    saying("a writer to bob who changes nick", Joined, |n| {
        let before = if n == 0 { "eve".into() } else { nick(n - 1) };
        format!(":{before}!u@h PRIVMSG bridge :!msg bob {n}\r\n:{before}!u@h NICK {}\r\n", nick(n))
    }),
    saying("strangers who write to bob", Joined, |n| {
        format!(":{0}!u@h JOIN #bad\r\n:{0}!u@h PRIVMSG bridge :!msg bob {n}\r\n", nick(n))
    }),
    saying("strangers who write to nobody", Joined, |n| {
        format!(":{}!u@h PRIVMSG bridge :!msg zed {n}\r\n", nick(n))
    }),
    saying("strangers who ask for help", Joined, |n| {
        format!(":{}!u@h PRIVMSG bridge :!help\r\n", nick(n))
    }),
    saying("commands in the channel", Joined, |n| {
        format!(":{}!u@h PRIVMSG #bad :!who\r\n", nick(n))
    }),
    saying("CTCP", Joined, |n| format!(":{}!u@h PRIVMSG bridge :\u{1}VERSION\u{1}\r\n", nick(n))),
    deaf("CTCP, and answers unread", Joined, |n| {
        format!(":{}!u@h PRIVMSG bridge :\u{1}PING {n}\u{1}\r\n", nick(n))
    }),
    saying("PING", Joined, |_| format!("PING :{}\r\n", long(400))),
    deaf("PING, and answers unread", Joined, |_| format!("PING :{}\r\n", long(400))),
    deaf("PING before the welcome, answers unread", Connected, |_| {
        format!("PING :{}\r\n", long(400))
    }),
    saying("talk", Joined, |n| format!(":eve!e@h PRIVMSG #bad :{n} {}\r\n", long(300))),
    saying("talk of many people", Joined, |n| {
        format!(":{}!e@h PRIVMSG #bad :hello {n}\r\n", nick(n))
    }),
    saying("talk of people without a nick", Joined, |n| {
        format!(":!e@h PRIVMSG #bad :hello {n}\r\n")
    }),
    saying("talk that we are said to have said", Joined, |n| {
        format!(":bridge!b@h PRIVMSG #bad :{n}\r\n")
    }),
    saying("topics", Joined, |n| format!(":eve!e@h TOPIC #bad :{n} {}\r\n", long(300))),
    saying("modes", Joined, |n| format!(":eve!e@h MODE #bad +o-o {0} {0}\r\n", nick(n))),
    saying("invitations", Joined, |n| format!(":{}!e@h INVITE bridge #c{n}\r\n", nick(n))),
    saying("batches that never end", Joined, |n| format!("BATCH +b{n} chathistory #bad\r\n")),
    saying("netsplit batches that never end", Joined, |n| {
        format!("BATCH +b{n} netsplit a{n} b{n}\r\n@batch=b{n} :{}!u@h QUIT :a b\r\n", nick(n))
    }),
    saying("one batch that never ends", Joined, |n| {
        if n == 0 {
            "BATCH +b chathistory #bad\r\n".into()
        } else {
            format!("@batch=b;msgid=m{n} :eve!e@h PRIVMSG #bad :{}\r\n", long(300))
        }
    }),
    saying("multiline messages of the most that was agreed upon", Joined, |n| {
        let line = format!("@batch=b{n} :eve!e@h PRIVMSG #bad :{}\r\n", long(400));
        format!(
            ":eve!e@h BATCH +b{n} draft/multiline #bad\r\n{}:eve!e@h BATCH -b{n}\r\n",
            line.repeat(10)
        )
    }),
    saying("one multiline message that never ends", Joined, |n| {
        if n == 0 {
            ":eve!e@h BATCH +b draft/multiline #bad\r\n".into()
        } else {
            format!("@batch=b :eve!e@h PRIVMSG #bad :{}\r\n", long(300))
        }
    }),
    saying("batches within batches", Joined, |n| {
        if n == 0 {
            "BATCH +b0 chathistory #bad\r\n".into()
        } else {
            format!("@batch=b{} BATCH +b{n} chathistory #bad\r\n", n - 1)
        }
    }),
    saying("WHO replies", Joined, |n| {
        format!(
            ":h 354 bridge 1 {0} h {0} H a{n}\r\n:h 352 bridge #bad u h s {0} H :0 {1}\r\n",
            nick(n),
            long(300)
        )
    }),
    saying("WHOIS replies", Joined, |n| {
        format!(
            ":h 311 bridge {0} u h * :{1}\r\n:h 330 bridge {0} a{n} :is\r\n",
            nick(n),
            long(300)
        )
    }),
    saying("MONITOR replies", Joined, |n| {
        format!(":h 730 bridge :{0}!u@h\r\n:h 731 bridge :{0}\r\n", nick(n))
    }),
    saying("ban lists", Joined, |n| format!(":h 367 bridge #bad *!*@{n}.{} eve 1\r\n", long(300))),
    saying("away, account, host, name in turn", Joined, |n| {
        let source = format!(":eve!e@{n}");
        format!(
            "{source} AWAY :{n}\r\n{source} ACCOUNT a{n}\r\n{source} CHGHOST u{n} h{n}\r\n{source} SETNAME :{n}\r\n"
        )
    }),
    saying("FAIL, WARN and NOTE", Joined, |n| {
        format!("FAIL * CODE{n} :{0}\r\nWARN * CODE{n} :{0}\r\nNOTE * CODE{n} :{0}\r\n", long(300))
    }),
    saying("refused joins", Joined, |_| ":h 474 bridge #bad :Cannot join\r\n".into()),
    saying("refused messages", Joined, |_| ":h 404 bridge #bad :Cannot send\r\n".into()),
    saying("a redirect to ever more channels", Joined, |n| {
        format!(":h 470 bridge #bad #c{n} :Forwarding\r\n")
    }),
    saying("our own nick changes", Joined, |n| {
        format!(":{}!b@h NICK {}\r\n", if n == 0 { "bridge".into() } else { nick(n - 1) }, nick(n))
    }),
    saying("the letters of casemapping change", Joined, |n| {
        let mapping = ["ascii", "rfc1459", "strict-rfc1459"][usize::try_from(n % 3).unwrap_or(0)];
        format!(":h 005 bridge CASEMAPPING={mapping} :are\r\n")
    }),
    saying("tags of 8 kB on each line", Joined, |n| {
        format!("@{};x={n} :eve!e@h PRIVMSG #bad :hi\r\n", "a=b;".repeat(2000))
    }),
    saying("ids of lines of 8 kB", Joined, |n| {
        format!("@msgid={n}{};account={n}{0} :eve!e@h PRIVMSG #bad :{n}\r\n", long(4000))
    }),
    saying("batches of 8 kB names that never end", Joined, |n| {
        format!("BATCH +{n}{} chathistory #{}\r\n", long(4000), long(4000))
    }),
    saying("labels never asked for", Joined, |n| {
        format!("@label={n} :h ACK\r\n@label=x{n} BATCH +l{n} labeled-response\r\nBATCH -l{n}\r\n")
    }),
    saying("ISUPPORT of all that is known, changed each time", Welcomed, |n| {
        format!(
            ":h 005 bridge NICKLEN={n} CHANNELLEN={n} LINELEN={n} CHANTYPES=#&!+{n} PREFIX=(o{n})@+ \
             TARGMAX=JOIN:{n} CHATHISTORY={n} -WHOX MSGREFTYPES=x{n} :are\r\n"
        )
    }),
    saying("a million nicks in lines of 4 kB", Joined, |n| {
        let names: String = (0..400).map(|at| format!("@{} ", nick(n * 400 + at))).collect();
        format!(":h 353 bridge = #bad :{names}\r\n")
    }),
    saying("lists of one, again and again", Joined, |n| {
        format!(":h 353 bridge = #bad :bridge {}\r\n:h 366 bridge #bad :End\r\n", nick(n))
    }),
    saying("writers and lists without an end", Joined, |n| {
        format!(
            ":{0}!u@h JOIN #bad\r\n:{0}!u@h PRIVMSG bridge :!msg bob {n}\r\n\
             :h 353 bridge = #bad :bridge {0}\r\n:h 366 bridge #bad :End\r\n",
            nick(n)
        )
    }),
    saying("mode changes of 2,000 at once", Joined, |n| {
        format!(
            ":eve!e@h MODE #bad +{}-{} {}\r\n",
            "o".repeat(1000),
            "v".repeat(1000),
            format!("{} ", nick(n)).repeat(2000)
        )
    }),
    saying("topics of 8 kB", Joined, |n| format!(":e{n}!e@h TOPIC #bad :{n}{}\r\n", long(8000))),
    saying("nicks of 8 kB", Joined, |n| {
        let before = if n == 0 { "eve".into() } else { format!("{n:x}{}", long(8000)) };
        format!(":{before}!e@h NICK {:x}{}\r\n", n + 1, long(8000))
    }),
    saying("nick changes of people unknown", Joined, |n| {
        format!(":{}!e@h NICK {}\r\n", nick(2 * n), nick(2 * n + 1))
    }),
    saying("our own JOINs of channels with long names", Joined, |n| {
        format!(":bridge!b@h JOIN #c{n}{}\r\n", long(8000))
    }),
    saying("kicked by ever more people, with a writer there", Joined, |n| {
        format!(
            ":{0}!u@h JOIN #bad\r\n:{0}!u@h PRIVMSG bridge :!msg bob {n}\r\n:{0}!e@h KICK #bad bridge :{1}\r\n\
             :bridge!b@h JOIN #bad\r\n:h 353 bridge = #bad :bridge {0}\r\n:h 366 bridge #bad :End\r\n",
            nick(n),
            long(300)
        )
    }),
    saying("invitations to our channel", Joined, |n| {
        format!(":{}!e@h INVITE bridge #bad\r\n", nick(n))
    }),
    saying("every CTCP there is", Joined, |n| {
        let kind = [
            "VERSION",
            "PING 1",
            "TIME",
            "CLIENTINFO",
            "SOURCE",
            "USERINFO",
            "FINGER",
            "DCC SEND a 1 2 3",
        ];
        format!(":{}!u@h PRIVMSG bridge :\u{1}{}\u{1}\r\n", nick(n), kind[(n % 8) as usize])
    }),
    saying("NOTICEs of those who look like NickServ", Joined, |n| {
        let from =
            ["NickServ!s@services.", "NickServ!N@h", "nickserv!a@b", "NickServ"][(n % 4) as usize];
        format!(":{from} NOTICE bridge :This nickname is registered. Please identify. {n}\r\n")
    }),
    saying("lines on MONITOR, MARKREAD and METADATA", Joined, |n| {
        format!(
            ":h 730 bridge :{0}!u@h,{0}x,{0}y\r\n:h 732 bridge :{0}\r\n:h 734 bridge 1 {0} :full\r\n\
             MARKREAD #bad timestamp=2026-01-01T00:00:00.000Z\r\n:h METADATA {0} k * :{n}\r\n",
            nick(n)
        )
    }),
    saying("numerics without an argument", Joined, |n| format!(":h {:03}\r\n", n % 1000)),
    saying("numerics with arguments that are empty", Joined, |n| {
        format!(":h {:03} bridge #bad :\r\n", n % 1000)
    }),
    saying("lines of 1 MB with an end", Joined, |_| {
        format!(":h 999 bridge :{}\r\n", long(1 << 20))
    }),
    saying("away, account and host of ever more people", Joined, |n| {
        format!(
            ":{0}!u@h JOIN #bad\r\n:{0}!u@h ACCOUNT a{n}\r\n:{0}!u@h CHGHOST u {1}\r\n:{0}!u@h SETNAME :{1}\r\n\
             :{0}!u@h AWAY :{1}\r\n",
            nick(n),
            long(4000)
        )
    }),
    saying("one writer who floods without a command", Joined, |n| {
        format!(":eve!e@h PRIVMSG bridge :{n} {}\r\n", long(300))
    }),
    saying("many writers who flood without a command", Joined, |n| {
        format!(":{0}!e@h JOIN #bad\r\n:{0}!e@h PRIVMSG bridge :{n}\r\n", nick(n))
    }),
    saying("writers with accounts who change them", Joined, |n| {
        format!(
            "@account=a{n} :eve!e@h PRIVMSG bridge :!msg bob {n}\r\n:eve!e@h ACCOUNT b{n}\r\n:eve!e@h ACCOUNT *\r\n"
        )
    }),
    saying("netsplits of everybody, and back", Joined, |n| {
        format!(
            ":{0}!u@h JOIN #bad\r\n:{0}!u@h QUIT :a.example b.example\r\n:{0}!u@h JOIN #bad\r\n",
            nick(n)
        )
    }),
    saying("a multiline message of empty lines", Joined, |n| {
        if n == 0 {
            ":eve!e@h BATCH +b draft/multiline #bad\r\n".into()
        } else {
            "@batch=b;draft/multiline-concat :eve!e@h PRIVMSG #bad :\r\n".into()
        }
    }),
    saying("multiline messages that end at once", Joined, |n| {
        format!(
            ":eve!e@h BATCH +b{n} draft/multiline #bad\r\n@batch=b{n} :eve!e@h PRIVMSG #bad :{}\r\nBATCH -b{n}\r\n",
            long(3000)
        )
    }),
    saying("WHOX replies of ever more people, to the end", Joined, |n| {
        format!(
            ":{0}!u@h JOIN #bad\r\n:h 354 bridge 52 #bad u{n} h{n} {0} H a{n} :r\r\n:h 315 bridge #bad :End\r\n",
            nick(n)
        )
    }),
    saying("WHOIS that says where we are", Joined, |n| {
        format!(":h 319 bridge bridge :#c{n} #bad\r\n:h 318 bridge bridge :End\r\n")
    }),
    saying("not on the channel", Joined, |n| {
        format!(":h 442 bridge #bad :You're not there\r\n:h 403 bridge #bad{n} :No\r\n")
    }),
    saying("redirects of the whole connection", Joined, |_| {
        ":h 010 bridge 127.0.0.1 1 :go away\r\n".into()
    }),
    saying("STS that changes", Caps, |n| {
        format!("CAP * LS * :sts=port=1,duration={n}\r\nCAP * NEW :sts=duration=0,port={n}\r\n")
    }),
    saying("an ERROR that does not close", Joined, |n| format!("ERROR :Closing Link {n}\r\n")),
];
