//! Nicks on IRC for Let's Chat users.

/// Special characters that every server accepts in nicks (RFC 2812 §2.3.1).
const SPECIAL_CHARS: &str = "[]\\`_^{|}-";

/// Nick candidates for `user` by `template`, of at most `limit` characters. The best comes first, followed by
/// numbered ones in case it is reserved for somebody else. `{user}` in the template is the name, with invalid
/// characters replaced by `_`.
pub fn nick_candidates<'a>(
    template: &'a str,
    user: &str,
    limit: usize,
) -> impl Iterator<Item = String> + Clone + use<'a> {
    let (head, tail) = template.split_once("{user}").unwrap_or((template, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || SPECIAL_CHARS.contains(c);
    let mut name: String = user.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let no_first = |c: char| c.is_ascii_digit() || c == '-';
    if head.is_empty() && name.chars().next().is_none_or(no_first) {
        name.insert(0, '_');
    }
    (1..100_u32).map(move |number| {
        let number = if number == 1 { String::new() } else { number.to_string() };
        let around = head.chars().count() + tail.chars().count() + number.len();
        let stem: String = name.chars().take(limit.saturating_sub(around).max(1)).collect();
        format!("{head}{stem}{number}{tail}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, user: &str, limit: usize, expected: [&str; 2]) {
        assert_eq!(
            nick_candidates(template, user, limit).take(2).collect::<Vec<_>>(),
            expected,
            "{user}"
        );
    }

    #[test]
    fn user_name_becomes_a_valid_nick() {
        check("{user}|lc", "bob", 30, ["bob|lc", "bob2|lc"]);
        check("{user}/lc", "mary-ann", 30, ["mary-ann/lc", "mary-ann2/lc"]);
        check("{user}/lc", "b.o.b", 30, ["b_o_b/lc", "b_o_b2/lc"]);
        check("{user}|lc", "1up", 30, ["_1up|lc", "_1up2|lc"]);
        check("lc|{user}", "1up", 30, ["lc|1up", "lc|1up2"]);
        check("{user}|lc", "zoë 💥", 30, ["zo___|lc", "zo___2|lc"]);
        check("{user}|lc", "", 30, ["_|lc", "_2|lc"]);
    }

    #[test]
    fn long_name_is_truncated_before_its_number_and_suffix() {
        check("{user}|lc", "elizabeth", 9, ["elizab|lc", "eliza2|lc"]);
        check("{user}|bridged", "elizabeth", 9, ["e|bridged", "e2|bridged"]);
    }
}
