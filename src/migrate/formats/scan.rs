//! What lines of all formats are made of: times, dates, nicks, and texts in brackets.

use jiff::civil::{Date, Time};

/// A time of day at the begin of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) time: Time,
    pub(super) has_seconds: bool,
}

/// `13:59` or `13:59:16`, and what follows.
pub(super) fn clock(line: &str) -> Option<(Clock, &str)> {
    let (hour, rest) = number(line, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2..=2)?;
    let seconds = rest.strip_prefix(':').and_then(|rest| number(rest, 2..=2));
    let (second, rest) = seconds.unwrap_or((0, rest));
    // A leap second is the end of the second before.
    let time = time(hour, minute, second.min(59), 0)?;
    Some((Clock { time, has_seconds: seconds.is_some() }, rest))
}

/// `2026-11-29`, and what follows.
pub(super) fn iso_date(line: &str) -> Option<(Date, &str)> {
    let (year, rest) = number(line, 4..=4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2..=2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2..=2)?;
    Some((date(year, month, day)?, rest))
}

/// `2026-11-29`, `T` or a space, `13:59:16` and perhaps a fraction of a second; and what follows.
pub(super) fn iso_date_time(line: &str) -> Option<(Date, Time, &str)> {
    let (date, rest) = iso_date(line)?;
    let (clock, rest) = clock(rest.strip_prefix(['T', ' '])?)?;
    if !clock.has_seconds {
        return None;
    }
    let Some(fraction) = rest.strip_prefix('.') else { return Some((date, clock.time, rest)) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count().min(9);
    if digits == 0 {
        return None;
    }
    let (fraction, rest) = fraction.split_at(digits);
    let nanos = fraction.parse::<i32>().ok()? * 10_i32.pow(9 - u32::try_from(digits).ok()?);
    let time = clock.time.with().subsec_nanosecond(nanos).build().ok()?;
    Some((date, time, rest))
}

/// The date and time of `Sun Nov 29 13:59:32 2026`, which may lack the time. Its words may be in another language.
pub(super) fn ctime(text: &str) -> Option<(Date, Option<Time>)> {
    let mut words = text.split_ascii_whitespace();
    let _weekday = words.next()?;
    let (second, third) = (words.next()?, words.next()?);
    // Some languages have the day before the month.
    let (month, day) = match month(second) {
        Some(month) => (month, third),
        None => (month(third)?, second),
    };
    let (day, rest) = number(day.trim_end_matches('.'), 1..=2)?;
    let next = words.next()?;
    let (time, year) = match clock(next) {
        Some((clock, "")) => (Some(clock.time), words.next()?),
        _ => (None, next),
    };
    let (year, end) = number(year, 4..=4)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    Some((date(year, i32::from(month), day)?, time))
}

/// The month of a name or of its abbreviation, in the languages in which clients are translated most.
pub(super) fn month(name: &str) -> Option<i8> {
    let name = name.trim_end_matches(['.', ',']);
    let english =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    if name.len() == 3
        && let Some(at) = english.iter().position(|month| name.eq_ignore_ascii_case(month))
    {
        return i8::try_from(at + 1).ok();
    }
    if name.len() < 3 || name.len() > 24 {
        return None;
    }
    let name = name.to_lowercase();
    let found = MONTHS.iter().find(|(_, words)| words.iter().any(|word| name.starts_with(word)));
    found.map(|(month, _)| *month)
}

/// How the names of months begin. The first that fits is it: Finnish November begins like March.
const MONTHS: &[(i8, &[&str])] = &[
    (11, &["nov", "lis", "ноя", "marras"]),
    (1, &["jan", "ene", "gen", "sty", "янв", "tammi", "led"]),
    (2, &["feb", "fév", "fev", "lut", "фев", "helmi", "úno"]),
    (3, &["mar", "mär", "mrz", "maa", "mrt", "мар", "bře"]),
    (4, &["apr", "abr", "avr", "kwi", "апр", "huhti", "dub"]),
    (5, &["may", "mai", "mei", "maj", "мая", "май", "touko", "mag", "kvě"]),
    (6, &["jun", "juin", "giu", "cze", "июн", "kesä", "čvn"]),
    (7, &["jul", "juil", "lug", "lip", "июл", "heinä", "čvc"]),
    (8, &["aug", "ago", "aoû", "sie", "авг", "elo", "srp"]),
    (9, &["sep", "set", "wrz", "сен", "syys", "zář"]),
    (10, &["oct", "okt", "out", "ott", "paź", "окт", "loka", "říj"]),
    (12, &["dec", "dez", "dic", "déc", "gru", "дек", "joulu", "pro"]),
];

/// The number at the begin of `text`, if it has so many digits and is not too large, and what follows.
pub(super) fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(i32, &str)> {
    let bytes = text.as_bytes();
    let mut count = 0;
    let mut number = 0_i32;
    while count < *digits.end()
        && let Some(digit) = bytes.get(count).filter(|byte| byte.is_ascii_digit())
    {
        number = number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))?;
        count += 1;
    }
    let is_longer = bytes.get(count).is_some_and(u8::is_ascii_digit);
    (count >= *digits.start() && !is_longer).then(|| (number, &text[count..]))
}

/// A date, if there is such a day.
pub(super) fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    let (year, month, day) =
        (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    Date::new(year, month, day).ok()
}

/// A time of day, if there is such a one.
pub(super) fn time(hour: i32, minute: i32, second: i32, nanos: i32) -> Option<Time> {
    let (hour, minute, second) =
        (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?);
    Time::new(hour, minute, second, nanos).ok()
}

/// Whether this may be somebody's nick, or a server's name. Nicks of today's servers may be in any script.
pub(super) fn is_nick(text: &str) -> bool {
    let is_odd = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '!' | '@' | ':' | '#' | ',')
    };
    !text.is_empty() && text.len() <= MAX_NICK && !text.contains(is_odd)
}

/// How long a nick may be, in bytes.
const MAX_NICK: usize = 120;

/// The nick behind the signs of rank, and the space that stands for none of them.
pub(super) fn bare_nick(text: &str) -> Option<&str> {
    let nick = text.trim_start_matches([' ', '@', '%', '+', '~', '&', '!']);
    is_nick(nick).then_some(nick)
}

/// The nick of `nick:#channel` or `nick:@#channel`, as clients write what was said to a part of a channel.
pub(super) fn without_channel(text: &str) -> &str {
    let of_channel = |target: &str| {
        is_channel(target.trim_start_matches(['@', '%', '+', '~', '&', '!'])) || is_channel(target)
    };
    text.split_once(':').filter(|(_, target)| of_channel(target)).map_or(text, |(nick, _)| nick)
}

/// Whether what stands behind the time was said to a part of a channel only, as clients write it: `<bob:@#team> …`,
/// `-bob:@#team- …`, `-bob/@#team-`, ` * bob:@#team …`.
pub(super) fn is_to_some(said: &str) -> bool {
    let said = said.trim_start_matches([' ', '*']);
    let word = said.split([' ', '\t', '>']).next().unwrap_or_default();
    let target = word.split_once([':', '/']).map_or("", |(_, target)| target);
    let channel = target.trim_start_matches(['@', '%', '+', '~', '&', '!']);
    channel.len() < target.len() && channel.starts_with('#') && is_channel(channel)
}

/// Whether this is a channel's name.
pub(super) fn is_channel(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(['#', '&', '+', '!'])
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
}

/// The nick in `<@bob>` or `< bob>`, and what follows.
pub(super) fn angled(line: &str) -> Option<(&str, &str)> {
    let (nick, rest) = line.strip_prefix('<')?.split_once('>')?;
    Some((bare_nick(without_channel(nick))?, rest))
}

/// The nick in `-bob-`, `-bob:#team-` or `-bob/#team-`, and the text behind it.
///
/// A nick may hold the dashes that stand around it: it ends at the first dash with a space or tab behind.
pub(super) fn dashed(line: &str) -> Option<(&str, &str)> {
    let inner = line.strip_prefix('-')?;
    let end = inner.find(['\t', ' '])?;
    let name = inner[..end].strip_suffix('-')?;
    let name = match name.split_once('/') {
        Some((nick, target)) if is_channel(target) => nick,
        _ => without_channel(name),
    };
    Some((bare_nick(name)?, &inner[end + 1..]))
}

/// The same, but only of `-bob:#team-`: what stands in other dashes was said to the writer alone.
pub(super) fn dashed_to_channel(line: &str) -> Option<(&str, &str)> {
    let name = line.split([' ', '\t']).next().unwrap_or_default();
    let (_, target) = name.strip_suffix('-')?.split_once(':')?;
    let target = target.trim_start_matches(['@', '%', '+', '~', '&', '!']);
    is_channel(target).then(|| dashed(line))?
}

/// Splits at the first space: a nick, and what it did.
pub(super) fn nick_and_rest(text: &str) -> Option<(&str, &str)> {
    let (nick, rest) = text.split_once(' ').unwrap_or((text, ""));
    is_nick(nick).then_some((nick, rest))
}

/// What stands between `open` at the begin and `close` at the end.
pub(super) fn enclosed<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// `user@host` between `open` and `close`, and what follows behind a space.
pub(super) fn userhost<'t>(text: &'t str, open: &str, close: &str) -> Option<(&'t str, &'t str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let userhost = enclosed(word, open, close)?;
    userhost.contains('@').then_some((userhost, rest))
}

/// The nick of `nick!user@host`, and the rest; a server's name has none.
pub(super) fn split_mask(mask: &str) -> (&str, Option<&str>) {
    mask.split_once('!').map_or((mask, None), |(nick, userhost)| (nick, Some(userhost)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::civil;

    use super::*;

    #[test]
    fn times_of_day() {
        for (text, expected) in [
            ("13:59 x", Some((13, 59, 0, false, " x"))),
            ("13:59:16\tx", Some((13, 59, 16, true, "\tx"))),
            ("1:59", Some((1, 59, 0, false, ""))),
            ("23:59:60", Some((23, 59, 59, true, ""))),
            ("24:00", None),
            ("13:5", None),
            ("13:599", None),
            ("013:59", None),
            ("", None),
        ] {
            let found = clock(text).map(|(clock, rest)| {
                let time = clock.time;
                (time.hour(), time.minute(), time.second(), clock.has_seconds, rest)
            });
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("1761430622 x", Some((1_761_430_622, " x"))),
            ("2147483647", Some((i32::MAX, ""))),
            ("3522870298 x", None),
            ("9999999999", None),
            ("17614306220", None),
            ("12345678", None),
        ] {
            assert_eq!(number(text, 9..=10), expected, "{text:?}");
        }
    }

    #[test]
    fn dates_in_words() {
        let date = civil::date(2026, 3, 9);
        let time = civil::time(13, 5, 7, 0);
        for (text, expected) in [
            ("Mon Mar  9 13:05:07 2026", Some((date, Some(time)))),
            ("Mon Mar 09 2026", Some((date, None))),
            ("Mo Mär 09 13:05:07 2026", Some((date, Some(time)))),
            ("lun. 09 mars 2026", Some((date, None))),
            ("ma maalis 09 2026", Some((date, None))),
            ("Пн мар 09 2026", Some((date, None))),
            ("Mon Feb 30 2026", None),
            ("Mon Mar 09", None),
            ("so they say", None),
        ] {
            assert_eq!(ctime(text), expected, "{text:?}");
        }
    }

    #[test]
    fn each_month_of_a_language_is_another() {
        for names in [
            "januar februar märz april mai juni juli august september oktober november dezember",
            "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
            "ene feb mar abr may jun jul ago sep oct nov dic",
            "gen feb mar apr mag giu lug ago set ott nov dic",
            "sty lut mar kwi maj cze lip sie wrz paź lis gru",
            "янв фев мар апр мая июн июл авг сен окт ноя дек",
            "jan mrt",
            "led úno bře dub kvě čvn čvc srp zář říj lis pro",
            "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
        ] {
            let months: Vec<_> = names.split(' ').map(month).collect();
            let expected: Vec<_> = match names {
                "jan mrt" => vec![Some(1), Some(3)],
                _ => (1..=12).map(Some).collect(),
            };
            assert_eq!(months, expected, "{names}");
        }
    }

    #[test]
    fn nicks_in_dashes_may_hold_dashes() {
        for (line, expected) in [
            ("-bob- hi", Some(("bob", "hi"))),
            ("-bo-b:#te-am- a- b", Some(("bo-b", "a- b"))),
            ("-bob/#team-\thi", Some(("bob", "hi"))),
            ("-bob:@#team- hi", Some(("bob", "hi"))),
            ("-bob-", None),
            ("-!- hi", None),
            ("--> hi", None),
            ("- hi", None),
        ] {
            assert_eq!(dashed(line), expected, "{line:?}");
        }
    }
}
