//! User names and mail addresses of the accounts that the bridge makes on Let's Chat for people of IRC.

use super::imitation::fold_confusables;

/// The longest part of a user name that comes from IRC.
const MAX_LEN_NAME: usize = 30;

/// What takes the place of a name without any character that Let's Chat accepts.
const NAMELESS: &str = "someone";

/// What a template for user names may name.
#[derive(Debug, Clone, Copy)]
pub struct AccountNameFields<'a> {
    /// The nick on IRC.
    pub nick: &'a str,
    /// The services account, or else the nick.
    pub account: &'a str,
    /// The name of the network in the configuration.
    pub network: &'a str,
}

/// The user names to try in turn for an account, from a template like `{nick}.irc`. Let's Chat accepts
/// `^[\w][\w\-\.]*[\w]$` in lower case (docs/letschat-protocol.md, section 12).
pub fn account_name_candidates(
    template: &str,
    fields: AccountNameFields<'_>,
) -> impl Iterator<Item = String> {
    let network = cleaned(fields.network);
    let template = template.replace("{network}", &network);
    let (field, value) = match template.contains("{nick}") {
        true => ("{nick}", fields.nick),
        false => ("{account}", fields.account),
    };
    let stem = cleaned(value);
    let account = cleaned(fields.account);
    (1..100_u32).map(move |number| {
        let number = if number == 1 { String::new() } else { number.to_string() };
        let name = template.replacen(field, &format!("{stem}{number}"), 1);
        let name = name.replace("{nick}", &stem).replace("{account}", &account);
        name.trim_matches(['.', '-']).to_ascii_lowercase()
    })
}

/// The display name of the account of somebody with this nick. Nobody is displayed like the bridge's own account,
/// whose names are `bot_names`: `bridge (IRC)`.
#[must_use]
pub fn account_display_name<'n>(
    nick: &str,
    bot_names: impl IntoIterator<Item = &'n String>,
) -> String {
    let mut names = bot_names.into_iter().map(|name| without_decoration(name));
    let plain = without_decoration(nick);
    if names.any(|name| name == plain) { format!("{nick} (IRC)") } else { nick.to_owned() }
}

/// The letters and digits of a name, with look-alikes as one.
fn without_decoration(name: &str) -> String {
    let alike = |c: char| match c {
        '0' => 'o',
        '1' | 'i' | '|' => 'l',
        c => c,
    };
    let folded = fold_confusables(&name.to_lowercase()).to_lowercase();
    folded.chars().map(alike).filter(|c| c.is_alphanumeric()).collect()
}

/// `name` with only characters that a user name may have.
fn cleaned(name: &str) -> String {
    let accepted = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let plain = name.chars().map(|c| if accepted(c) { c } else { '_' });
    let plain: String = plain.take(MAX_LEN_NAME).collect();
    let plain = plain.trim_matches(['.', '-']);
    if plain.contains(|c: char| c.is_ascii_alphanumeric()) { plain } else { NAMELESS }.to_owned()
}

/// The mail address of the account with this user name, from a template like `{user}@irc.invalid`.
#[must_use]
pub fn account_email(template: &str, username: &str) -> String {
    template.replace("{user}", username)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_name_is_accepted_by_lets_chat() {
        for (template, nick, names) in [
            ("{nick}.irc", "dave", ["dave.irc", "dave2.irc"]),
            ("{nick}.irc", "Dave|away", ["dave_away.irc", "dave_away2.irc"]),
            ("{nick}.irc", "[m]", ["_m_.irc", "_m_2.irc"]),
            ("{nick}.irc", "^_^", ["someone.irc", "someone2.irc"]),
            ("{nick}.irc", "茶", ["someone.irc", "someone2.irc"]),
            ("{nick}.irc", "a-", ["a.irc", "a2.irc"]),
            ("irc-{nick}", "zoë", ["irc-zo_", "irc-zo_2"]),
            ("{account}.{network}", "dave", ["acc.office", "acc2.office"]),
            ("{nick}.{account}", "dave", ["dave.acc", "dave2.acc"]),
        ] {
            let fields = AccountNameFields { nick, account: "acc", network: "office" };
            let made: Vec<String> = account_name_candidates(template, fields).take(2).collect();
            assert_eq!(made, names, "{template} {nick}");
        }
    }

    #[test]
    fn nobody_is_displayed_like_the_bridge() {
        let names = ["bridge".to_owned(), "IRC Bridge".to_owned()];
        for (nick, shown) in [
            ("dave", "dave"),
            ("bridge", "bridge (IRC)"),
            ("Br1dge_", "Br1dge_ (IRC)"),
            ("br|dge", "br|dge (IRC)"),
            ("[irc]bridge", "[irc]bridge (IRC)"),
            ("bridget", "bridget"),
        ] {
            assert_eq!(account_display_name(nick, &names), shown, "{nick}");
        }
    }

    #[test]
    fn mail_address_is_made_from_the_user_name() {
        assert_eq!(account_email("{user}@irc.invalid", "dave.irc"), "dave.irc@irc.invalid");
    }
}
