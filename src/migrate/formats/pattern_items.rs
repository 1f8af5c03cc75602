//! Reads a pattern in the words of `strftime`, such as `[%Y-%m-%d %H:%M] <{nick}> {text}`.

/// The kinds of messages, by their names in patterns.
pub(super) const KINDS: [&str; 3] = ["text", "action", "notice"];

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Stands there as it is.
    Literal(String),
    /// A part of the time: the letter that `strftime` has for it.
    Time(char),
    /// The nick, up to the literal that follows.
    Nick,
    /// What was said, up to the end; with the kind.
    Said(&'static str),
}

/// What can stand behind a percent sign.
const DIRECTIVES: &str = "YymdeHIMSfpbBaAszZ";

/// Directives that stand for several.
const SHORT: [(char, &str); 4] =
    [('F', "%Y-%m-%d"), ('T', "%H:%M:%S"), ('R', "%H:%M"), ('D', "%m/%d/%y")];

/// The items of a pattern; or what is wrong with it.
pub(super) fn parse_items(pattern: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    take(pattern, &mut items)?;
    check(&items)?;
    Ok(items)
}

fn take(pattern: &str, items: &mut Vec<Item>) -> Result<(), String> {
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        rest = match c {
            '%' => take_directive(behind, items)?,
            '{' => take_name(behind, items)?,
            _ => {
                literal(items, c);
                behind
            }
        };
    }
    Ok(())
}

fn literal(items: &mut Vec<Item>, c: char) {
    match items.last_mut() {
        Some(Item::Literal(literal)) => literal.push(c),
        _ => items.push(Item::Literal(c.to_string())),
    }
}

fn take_directive<'p>(behind: &'p str, items: &mut Vec<Item>) -> Result<&'p str, String> {
    let Some(c) = behind.chars().next() else {
        return Err("ends with %: write %% for a percent sign".to_owned());
    };
    if let Some((_, long)) = SHORT.iter().find(|(short, _)| *short == c) {
        take(long, items)?;
    } else if c == '%' {
        literal(items, '%');
    } else if DIRECTIVES.contains(c) {
        items.push(Item::Time(c));
    } else {
        return Err(format!(
            "has %{c}, which is not known: use %Y %m %d %H %M %S, %y %e %b %I %p %f %a, %s (seconds since 1970), %z, %Z, \
             or %F %T %R"
        ));
    }
    Ok(&behind[c.len_utf8()..])
}

fn take_name<'p>(behind: &'p str, items: &mut Vec<Item>) -> Result<&'p str, String> {
    let name = behind.split('}').next().unwrap_or_default();
    let item = match name {
        "nick" => Item::Nick,
        _ => match KINDS.into_iter().find(|kind| *kind == name) {
            Some(kind) => Item::Said(kind),
            None => {
                let name: String = name.chars().take(20).collect();
                return Err(format!(
                    "has {{{name}, which is not known: use {{nick}}, and {{text}}, {{action}} or {{notice}}"
                ));
            }
        },
    };
    let Some(rest) = behind[name.len()..].strip_prefix('}') else {
        return Err(format!("has {{{name} without a closing brace"));
    };
    items.push(item);
    Ok(rest)
}

fn check(items: &[Item]) -> Result<(), String> {
    let nicks = items.iter().filter(|item| **item == Item::Nick).count();
    let said = items.iter().filter(|item| matches!(item, Item::Said(_))).count();
    let has = |letters: &str| {
        items.iter().any(|item| matches!(item, Item::Time(letter) if letters.contains(*letter)))
    };
    if nicks != 1 {
        return Err("needs {nick} once, where the nick stands".to_owned());
    }
    if said != 1 || !matches!(items.last(), Some(Item::Said(_))) {
        return Err("must end with {text}, {action} or {notice}, and have it once".to_owned());
    }
    let nick = items.iter().position(|item| *item == Item::Nick);
    if !nick.is_some_and(|at| matches!(items.get(at + 1), Some(Item::Literal(_)))) {
        return Err("needs something between {nick} and what follows, such as a space".to_owned());
    }
    let has_clock = has("HI") && has("M");
    if !has("s") && !has_clock {
        return Err(
            "has no time: write %H:%M or %H:%M:%S where it stands, or %s for seconds since 1970"
                .to_owned(),
        );
    }
    if has("I") && !has("p") {
        return Err("has %I, the hour to twelve, without %p, which half of the day".to_owned());
    }
    if has("de") != has("mbB") || has("yY") && !has("de") {
        return Err(
            "has a part of a date: it needs both day and month, such as %Y-%m-%d".to_owned()
        );
    }
    Ok(())
}
