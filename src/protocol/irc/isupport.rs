use crate::domain::Casemapping;

/// What the server says of itself (numeric 005,
/// <https://modern.ircdocs.horse/#rplisupport-005>), as far as we use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Isupport {
    /// How names are folded.
    pub(super) casemapping: Casemapping,
    /// How many bytes a line may have, with its CRLF.
    pub(super) linelen: usize,
    /// How many lines of what was said before it gives at once.
    pub(super) chathistory: Option<usize>,
    /// Whether it finds them by their time.
    pub(super) by_time: bool,
}

impl Default for Isupport {
    fn default() -> Self {
        Self { casemapping: Casemapping::default(), linelen: 512, chathistory: None, by_time: true }
    }
}

impl Isupport {
    /// Takes in one token, such as `CASEMAPPING=ascii`. A value that makes no sense is left out.
    pub(super) fn learn(&mut self, token: &str) {
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        match name {
            "CASEMAPPING" => {
                self.casemapping = Casemapping::parse(value).unwrap_or(self.casemapping);
            }
            "LINELEN" => {
                // A shorter line than every server takes would be a mistake of the server's.
                let offered = value.parse().ok().filter(|length| (512..=65_536).contains(length));
                self.linelen = offered.unwrap_or(self.linelen);
            }
            "CHATHISTORY" | "draft/CHATHISTORY" => {
                // None, or 0: as many as we like.
                self.chathistory = value.parse().ok().filter(|limit| *limit > 0);
            }
            "MSGREFTYPES" => self.by_time = value.split(',').any(|kind| kind == "timestamp"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensible_values_are_learnt_and_others_left_out() {
        let mut isupport = Isupport::default();
        for token in [
            "CASEMAPPING=ascii",
            "LINELEN=2048",
            "NICKLEN=31",
            "EXCEPTS",
            "CHATHISTORY=100",
            "MSGREFTYPES=msgid",
        ] {
            isupport.learn(token);
        }
        let learnt = Isupport {
            casemapping: Casemapping::Ascii,
            linelen: 2048,
            chathistory: Some(100),
            by_time: false,
        };
        assert_eq!(isupport, learnt);
        for token in
            ["CASEMAPPING=klingon", "LINELEN=12", "LINELEN=", "LINELEN=99999999999999999999"]
        {
            isupport.learn(token);
        }
        assert_eq!(isupport, learnt);
    }
}
